/* SPDX-License-Identifier: Apache-2.0 */
#include "resolve/engine.h"

#include <stdlib.h>
#include <string.h>

/* What a conflict counts for more than the one before it: old ones fade, over hundreds of them. */
static const double CONFLICT_GROWTH = 1.002;

/* Of what was learned so much is kept until a restart, and more after each that had to forget: so none is
 * forgotten and learned again for ever. What speaks of few levels is worth its place in any case. */
enum { MOST_LEARNED = 2000, MORE_LEARNED = 300, ALWAYS_KEPT = 2 };

void engine_free(struct engine *e)
{
    array_each (&e->variables, v) {
        free(v->steps);
        free(v->sets);
        array_free(&v->watchers);
    }
    array_free(&e->variables);
    array_free(&e->trail);
    array_free(&e->levels);
    array_free(&e->open);
    array_free(&e->terms);
    array_free(&e->causes);
    array_free(&e->learned);
    array_free(&e->level_seen);
    array_free(&e->pending);
    array_free(&e->late);
    arena_free(&e->arena);
    *e = (struct engine){0};
}

static void push_step(struct engine *e, unsigned variable, const struct step *step)
{
    struct variable *v = &e->variables.items[variable];
    if (v->depth == v->room) {
        v->room = v->room ? v->room * 2 : 4;
        v->steps = xreallocarray(v->steps, v->room, sizeof *v->steps);
        v->sets = xreallocarray(v->sets, v->room, v->words * sizeof *v->sets);
    }
    v->steps[v->depth++] = *step;
}

unsigned engine_variable(struct engine *e, size_t candidates)
{
    unsigned id = (unsigned)e->variables.count;
    if (!id)
        e->bump = 1, e->most_learned = MOST_LEARNED;
    struct variable *v = array_push(&e->variables, (struct variable){.candidates = candidates});
    v->words = bits_words(candidates);
    v->full = arena_array(&e->arena, v->words, sizeof *v->full);
    v->scratch = arena_array(&e->arena, v->words, sizeof *v->scratch);
    v->spare = arena_array(&e->arena, v->words, sizeof *v->spare);
    for (size_t bit = 0; bit <= candidates; bit++)
        bits_put(v->full, bit);
    push_step(e, id, &(struct step){0});
    bits_copy(v->sets, v->full, v->words);
    return id;
}

bits *engine_set(struct engine *e, unsigned variable)
{
    return arena_array(&e->arena, engine_words(e, variable), sizeof(bits));
}

struct incompat *engine_incompat(struct engine *e, const struct fact *fact, unsigned count)
{
    struct incompat *c = arena_alloc(&e->arena, sizeof *c + count * sizeof *c->terms);
    c->fact = fact;
    c->number = e->incompat_count++;
    return c;
}

void incompat_term(struct engine *e, struct incompat *c, unsigned variable, const bits *set)
{
    const struct variable *v = &e->variables.items[variable];
    if (!bits_subset(v->full, set, v->words))
        c->terms[c->count++] = (struct term){variable, set};
}

static inline bool holds(const struct engine *e, const struct term *t)
{
    return bits_subset(engine_left(e, t->variable), t->set, engine_words(e, t->variable));
}

static inline bool fails(const struct engine *e, const struct term *t)
{
    return bits_disjoint(engine_left(e, t->variable), t->set, engine_words(e, t->variable));
}

/* Puts the variable into the list of those that are open, or takes it out, as it is now. */
static void sort_open(struct engine *e, unsigned variable)
{
    struct variable *v = &e->variables.items[variable];
    bool open = !v->decided && engine_needed(e, variable);
    if (open == (v->open_at != 0))
        return;
    if (open) {
        array_push(&e->open, variable);
        v->open_at = e->open.count;
        return;
    }
    unsigned last = e->open.items[--e->open.count];
    e->open.items[v->open_at - 1] = last;
    e->variables.items[last].open_at = v->open_at;
    v->open_at = 0;
}

static unsigned current_level(const struct engine *e)
{
    return (unsigned)e->levels.count;
}

/* All other terms of c hold: this one must not. */
static void derive(struct engine *e, struct incompat *c, const struct term *t)
{
    push_step(e, t->variable, &(struct step){(unsigned)e->trail.count + 1, current_level(e), c});
    struct variable *v = &e->variables.items[t->variable];
    bits *left = v->sets + (v->depth - 1) * v->words;
    bits_copy(left, left - v->words, v->words);
    bits_remove(left, t->set, v->words);
    array_push(&e->trail, t->variable);
    sort_open(e, t->variable);
}

void engine_never(struct engine *e, unsigned variable, const bits *set, const struct fact *fact)
{
    struct incompat *c = engine_incompat(e, fact, 1);
    c->terms[c->count++] = (struct term){variable, set};
    push_step(e, variable, &(struct step){.cause = c});
    struct variable *v = &e->variables.items[variable];
    bits *left = v->sets + (v->depth - 1) * v->words;
    bits_copy(left, left - v->words, v->words);
    bits_remove(left, set, v->words);
    sort_open(e, variable);
}

void engine_decide(struct engine *e, unsigned variable, size_t candidate)
{
    array_push(&e->levels, e->trail.count);
    push_step(e, variable, &(struct step){(unsigned)e->trail.count + 1, current_level(e), NULL});
    struct variable *v = &e->variables.items[variable];
    bits *left = v->sets + (v->depth - 1) * v->words;
    for (size_t i = 0; i < v->words; i++)
        left[i] = 0;
    bits_put(left, bit_of(candidate));
    v->decided = true;
    array_push(&e->trail, variable);
    sort_open(e, variable);
}

static void jump_back(struct engine *e, unsigned level)
{
    if (level >= current_level(e))
        return;
    size_t keep = e->levels.items[level];
    while (e->trail.count > keep) {
        unsigned variable = e->trail.items[--e->trail.count];
        struct variable *v = &e->variables.items[variable];
        if (!v->steps[--v->depth].cause)
            v->decided = false;
        sort_open(e, variable);
    }
    e->levels.count = level;
    if (e->propagated > keep)
        e->propagated = keep;
    array_each (&e->late, c)
        array_push(&e->pending, *c);
    e->late.count = 0;
}

/* The first step after which the variable's choices all lie in the set; the caller knows that there is one.
 */
static size_t satisfier(const struct variable *v, const bits *set)
{
    size_t low = 0, high = v->depth - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (bits_subset(v->sets + middle * v->words, set, v->words))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* ---- watched terms: an incompatibility matters only when one of two terms that did not hold begins to */

static void watch(struct engine *e, struct incompat *c, const struct term *t)
{
    array_push(&e->variables.items[t->variable].watchers, (struct watch){c, t->set[0], c->count == 1});
}

static void unwatch(struct engine *e, const struct incompat *c, unsigned variable)
{
    struct variable *v = &e->variables.items[variable];
    for (size_t i = 0; i < v->watchers.count; i++)
        if (v->watchers.items[i].incompat == c) {
            v->watchers.items[i] = v->watchers.items[--v->watchers.count];
            return;
        }
}

/* How well a term serves as the watched one: whatever does not hold is best, then what began to hold last,
 * since a jump back undoes that first. */
static size_t watch_rank(const struct engine *e, const struct term *t)
{
    if (!holds(e, t))
        return SIZE_MAX;
    const struct variable *v = &e->variables.items[t->variable];
    return v->steps[satisfier(v, t->set)].index;
}

static void choose_watches(struct engine *e, struct incompat *c)
{
    if (c->attached && c->count)
        for (unsigned i = 0; i < (c->count > 1 ? 2 : 1); i++)
            unwatch(e, c, c->terms[c->watch[i]].variable);
    size_t rank[2] = {0, 0};
    unsigned chosen = 0;
    for (unsigned i = 0; i < c->count; i++) {
        size_t r = watch_rank(e, &c->terms[i]);
        if (chosen == 0 || r > rank[0]) {
            c->watch[1] = c->watch[0], rank[1] = rank[0];
            c->watch[0] = i, rank[0] = r;
        } else if (chosen == 1 || r > rank[1]) {
            c->watch[1] = i, rank[1] = r;
        }
        chosen += chosen < 2;
    }
    if (c->count == 1)
        c->watch[1] = c->watch[0];
    for (unsigned i = 0; i < chosen; i++)
        watch(e, c, &c->terms[c->watch[i]]);
    c->attached = true;
}

/* The level at which a term that holds began to. */
static unsigned level_of(const struct engine *e, const struct term *t)
{
    const struct variable *v = &e->variables.items[t->variable];
    return v->steps[satisfier(v, t->set)].level;
}

/* Derives what follows from c now. True when all of its terms hold, which must not be. */
static bool violated(struct engine *e, struct incompat *c)
{
    const struct term *open = NULL;
    unsigned level = 0;
    for (unsigned i = 0; i < c->count; i++) {
        if (!holds(e, &c->terms[i])) {
            if (open)
                return false;
            open = &c->terms[i];
        } else if (level_of(e, &c->terms[i]) > level) {
            level = level_of(e, &c->terms[i]);
        }
    }
    if (open && !fails(e, open))
        derive(e, c, open);
    if (open && level < current_level(e))
        array_push(&e->late, c);
    return !open;
}

void engine_add(struct engine *e, struct incompat *c)
{
    choose_watches(e, c);
    array_push(&e->pending, c);
}

void engine_recheck(struct engine *e, struct incompat *c)
{
    array_push(&e->pending, c);
}

enum visit { VISIT_KEEP, VISIT_MOVED, VISIT_CONFLICT };

/* The term of c that watches this variable may hold now. */
static enum visit visit(struct engine *e, struct incompat *c, unsigned variable)
{
    unsigned side = c->terms[c->watch[0]].variable == variable ? 0 : 1;
    struct term *mine = &c->terms[c->watch[side]], *other = &c->terms[c->watch[!side]];
    if (c->count == 1) {
        if (holds(e, mine))
            return VISIT_CONFLICT;
        if (!fails(e, mine))
            derive(e, c, mine);
        return VISIT_KEEP;
    }
    if (!holds(e, mine) || fails(e, other))
        return VISIT_KEEP;
    for (unsigned i = 0; i < c->count; i++)
        if (i != c->watch[0] && i != c->watch[1] && !holds(e, &c->terms[i])) {
            c->watch[side] = i;
            watch(e, c, &c->terms[i]);
            return VISIT_MOVED;
        }
    if (holds(e, other))
        return VISIT_CONFLICT;
    derive(e, c, other);
    return VISIT_KEEP;
}

static struct incompat *propagate_variable(struct engine *e, unsigned variable)
{
    struct incompat *conflict = NULL;
    size_t kept = 0, i = 0;
    for (; i < e->variables.items[variable].watchers.count && !conflict; i++) {
        struct watch w = e->variables.items[variable].watchers.items[i];
        bool may_hold = !(engine_left(e, variable)[0] & ~w.first) || w.alone;
        if (may_hold && w.incompat->replaced)
            continue;
        enum visit v = may_hold ? visit(e, w.incompat, variable) : VISIT_KEEP;
        if (v == VISIT_CONFLICT)
            conflict = w.incompat;
        if (v != VISIT_MOVED)
            e->variables.items[variable].watchers.items[kept++] = w;
    }
    for (; i < e->variables.items[variable].watchers.count; i++)
        e->variables.items[variable].watchers.items[kept++] = e->variables.items[variable].watchers.items[i];
    e->variables.items[variable].watchers.count = kept;
    return conflict;
}

/* ---- conflict resolution */

static void use_term(struct engine *e, unsigned variable, const bits *set)
{
    struct variable *v = &e->variables.items[variable];
    if (v->used) {
        bits_keep(v->scratch, set, v->words);
    } else {
        v->used = true;
        bits_copy(v->scratch, set, v->words);
        array_push(&e->terms, variable);
    }
    v->satisfier = satisfier(v, v->scratch);
}

static void drop_term(struct engine *e, size_t at)
{
    e->variables.items[e->terms.items[at]].used = false;
    e->terms.items[at] = e->terms.items[--e->terms.count];
}

static const bits *term_of(const struct incompat *c, unsigned variable)
{
    for (unsigned i = 0; i < c->count; i++)
        if (c->terms[i].variable == variable)
            return c->terms[i].set;
    return NULL;
}

/* The term that began to hold last, and the level at which all the others did. */
static size_t last_term(struct engine *e, unsigned *others_level)
{
    size_t last = 0;
    *others_level = 0;
    for (size_t i = 1; i < e->terms.count; i++) {
        const struct variable *v = &e->variables.items[e->terms.items[i]];
        const struct variable *l = &e->variables.items[e->terms.items[last]];
        const struct step *earlier = &v->steps[v->satisfier];
        if (earlier->index > l->steps[l->satisfier].index) {
            earlier = &l->steps[l->satisfier];
            last = i;
        }
        if (earlier->level > *others_level)
            *others_level = earlier->level;
    }
    return last;
}

/* Resolves the incompatibility in hand with the cause of its last step; false when that step is what to jump
 * back over. */
static bool resolve_once(struct engine *e, unsigned *level)
{
    size_t at = last_term(e, level);
    unsigned variable = e->terms.items[at];
    struct variable *v = &e->variables.items[variable];
    const struct step *step = &v->steps[v->satisfier];
    struct incompat *cause = step->cause;
    v->activity += e->bump;
    if (!cause)
        return false;
    /* The step ruled out what its cause names; of the term, what had to be true before the step is the union
     * of both. */
    bits_copy(v->spare, v->scratch, v->words);
    bits_add(v->spare, term_of(cause, variable), v->words);
    bool always = bits_subset(v->full, v->spare, v->words);
    if (!always) {
        unsigned before = v->steps[satisfier(v, v->spare)].level;
        if (before > *level)
            *level = before;
    }
    if (*level < step->level)
        return false;
    array_push(&e->causes, cause);
    drop_term(e, at);
    for (unsigned i = 0; i < cause->count; i++)
        if (cause->terms[i].variable != variable)
            use_term(e, cause->terms[i].variable, cause->terms[i].set);
    if (!always)
        use_term(e, variable, v->spare);
    return true;
}

/* At how many levels the terms in hand came to hold. */
static unsigned spread(struct engine *e)
{
    unsigned count = 0;
    e->level_stamp++;
    while (e->level_seen.count <= e->levels.count)
        array_push(&e->level_seen, 0);
    array_each (&e->terms, variable) {
        const struct variable *v = &e->variables.items[*variable];
        size_t *seen = &e->level_seen.items[v->steps[v->satisfier].level];
        count += *seen != e->level_stamp;
        *seen = e->level_stamp;
    }
    return count;
}

static struct incompat *learned(struct engine *e)
{
    if (e->causes.count == 1)
        return e->causes.items[0];
    struct incompat *c = engine_incompat(e, NULL, (unsigned)e->terms.count);
    c->causes = arena_array(&e->arena, e->causes.count, sizeof(struct incompat *));
    memcpy(c->causes, e->causes.items, e->causes.count * sizeof(struct incompat *));
    c->cause_count = (unsigned)e->causes.count;
    c->spread = spread(e);
    array_push(&e->learned, c);
    array_each (&e->terms, variable) {
        bits *set = engine_set(e, *variable);
        bits_copy(set, e->variables.items[*variable].scratch, engine_words(e, *variable));
        c->terms[c->count++] = (struct term){*variable, set};
    }
    return c;
}

static void shrink_activity(struct engine *e)
{
    array_each (&e->variables, v)
        v->activity *= 1e-100;
    e->bump *= 1e-100;
}

static void resolve_conflict(struct engine *e, struct incompat *conflict)
{
    unsigned level = 0;
    e->conflict_count++;
    e->bump *= CONFLICT_GROWTH;
    if (e->bump > 1e100)
        shrink_activity(e);
    e->causes.count = 0;
    array_push(&e->causes, conflict);
    for (unsigned i = 0; i < conflict->count; i++)
        use_term(e, conflict->terms[i].variable, conflict->terms[i].set);
    while (e->terms.count && resolve_once(e, &level))
        ;
    struct incompat *c = learned(e);
    if (!e->terms.count) {
        e->contradiction = c;
        return;
    }
    while (e->terms.count)
        drop_term(e, e->terms.count - 1);
    jump_back(e, level);
    engine_add(e, c);
}

/* One round over what was added and what changed; a conflict, or NULL when nothing follows any more. */
static struct incompat *propagate(struct engine *e)
{
    while (e->pending.count) {
        struct incompat *c = e->pending.items[e->pending.count - 1];
        if (violated(e, c)) /* it stays: to be looked at again after the jump back */
            return c;
        e->pending.count--;
    }
    while (e->propagated < e->trail.count) {
        unsigned variable = e->trail.items[e->propagated++];
        const struct variable *v = &e->variables.items[variable];
        /* Of several steps of a variable the last one says it all. */
        struct incompat *c =
            v->steps[v->depth - 1].index == e->propagated ? propagate_variable(e, variable) : NULL;
        if (c)
            return c;
    }
    return NULL;
}

static int by_use(const void *a, const void *b)
{
    const struct incompat *x = *(struct incompat *const *)a, *y = *(struct incompat *const *)b;
    if (x->spread != y->spread)
        return x->spread < y->spread ? -1 : 1;
    return x->number > y->number ? -1 : x->number < y->number;
}

/* Each that is kept costs time with every step. What they say can be learned again. */
static void forget_half(struct engine *e)
{
    size_t keep = e->learned.count / 2;
    qsort(e->learned.items, e->learned.count, sizeof *e->learned.items, by_use);
    while (keep < e->learned.count && e->learned.items[keep]->spread <= ALWAYS_KEPT)
        keep++;
    for (size_t i = keep; i < e->learned.count; i++)
        e->learned.items[i]->replaced = true;
    e->learned.count = keep;
    array_each (&e->variables, v) {
        size_t kept = 0;
        array_each (&v->watchers, w)
            if (!w->incompat->replaced)
                v->watchers.items[kept++] = *w;
        v->watchers.count = kept;
    }
}

void engine_restart(struct engine *e)
{
    jump_back(e, 0);
    if (e->learned.count < e->most_learned)
        return;
    forget_half(e);
    e->most_learned += MORE_LEARNED;
}

bool engine_propagate(struct engine *e)
{
    struct incompat *conflict;
    while (!e->contradiction && (conflict = propagate(e)))
        resolve_conflict(e, conflict);
    return !e->contradiction;
}
