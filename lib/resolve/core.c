/* SPDX-License-Identifier: Apache-2.0 */
#include "resolve/core.h"

#include <stdlib.h>
#include <string.h>

/* The more facts, the longer the search for those that are not needed; beyond this nobody reads them all. */
enum { MAX_REDUCED = 160, MAX_CONFLICTS = 500, MAX_CONFLICTS_IN_ALL = 4000 };

struct leaves ARRAY(struct incompat *);

static int by_age(const void *a, const void *b)
{
    const struct incompat *x = *(struct incompat *const *)a, *y = *(struct incompat *const *)b;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* The facts from which a contradiction was derived. */
static void collect(struct engine *e, struct leaves *leaves)
{
    struct ARRAY(struct incompat *) todo = {0}, seen = {0};
    array_push(&todo, e->contradiction);
    while (todo.count) {
        struct incompat *c = todo.items[--todo.count];
        if (c->seen)
            continue;
        c->seen = true;
        array_push(&seen, c);
        if (c->fact)
            array_push(leaves, c);
        for (unsigned i = 0; i < c->cause_count; i++)
            array_push(&todo, c->causes[i]);
    }
    array_each (&seen, c)
        (*c)->seen = false;
    array_free(&todo);
    array_free(&seen);
    if (leaves->count)
        qsort(leaves->items, leaves->count, sizeof *leaves->items, by_age);
}

/* Variables of the solve that the facts speak of, numbered anew. */
struct variables {
    unsigned *number; /* by the solve's */
    unsigned *original;
    unsigned count;
};

static void number_variables(const struct solve *s, const struct leaves *leaves, struct variables *v)
{
    v->number = xcalloc(s->packages.count, sizeof *v->number);
    v->original = xcalloc(s->packages.count, sizeof *v->original);
    array_each (leaves, c)
        for (unsigned i = 0; i < (*c)->count; i++) {
            unsigned variable = (*c)->terms[i].variable;
            if (!v->number[variable]) {
                v->original[v->count] = variable;
                v->number[variable] = ++v->count;
            }
        }
}

/*
 * Whether the facts alone, one left out, still contradict each other: a search over nothing but them. Those
 * that it used are marked as seen.
 */
static bool contradict(const struct solve *s, const struct leaves *leaves, size_t without,
                       const struct variables *v, size_t *conflicts)
{
    if (*conflicts > MAX_CONFLICTS_IN_ALL)
        return false;
    struct engine e = {0};
    for (unsigned i = 0; i < v->count; i++)
        engine_variable(&e, s->engine.variables.items[v->original[i]].candidates);
    for (size_t i = 0; i < leaves->count; i++) {
        const struct incompat *c = leaves->items[i];
        if (i == without)
            continue;
        struct incompat *copy = engine_incompat(&e, c->fact, c->count);
        copy->number = i;
        for (unsigned k = 0; k < c->count; k++)
            incompat_term(&e, copy, v->number[c->terms[k].variable] - 1, c->terms[k].set);
        engine_add(&e, copy);
    }
    bool open = true;
    while (open && e.conflict_count < MAX_CONFLICTS && engine_propagate(&e)) {
        open = false;
        for (unsigned i = 0; i < v->count && !open; i++)
            if (!e.variables.items[i].decided && engine_needed(&e, i)) {
                open = true;
                engine_decide(&e, i, bits_next(engine_left(&e, i), engine_words(&e, i), 0));
            }
    }
    bool found = e.contradiction != NULL;
    *conflicts += e.conflict_count;
    if (found) {
        struct leaves used = {0};
        collect(&e, &used);
        array_each (&used, c)
            leaves->items[(*c)->number]->seen = true;
        array_free(&used);
    }
    engine_free(&e);
    return found;
}

static void keep_seen(struct leaves *leaves, size_t *at)
{
    size_t kept = 0, before = 0;
    for (size_t i = 0; i < leaves->count; i++) {
        struct incompat *c = leaves->items[i];
        if (i == *at)
            before = kept;
        if (c->seen)
            leaves->items[kept++] = c;
        c->seen = false;
    }
    leaves->count = kept;
    *at = before;
}

/*
 * Leaves out what is not needed for the contradiction. First the user's requirements, the earliest first:
 * none is blamed without need. Then what was learned, the latest first: what stays is near to what the user
 * asked for.
 */
static void reduce(const struct solve *s, struct leaves *leaves)
{
    struct variables v = {0};
    size_t conflicts = 0;
    number_variables(s, leaves, &v);
    for (size_t i = 0; i < leaves->count;)
        if (leaves->items[i]->fact->kind == FACT_ROOT && contradict(s, leaves, i, &v, &conflicts))
            keep_seen(leaves, &i);
        else
            i++;
    for (size_t i = leaves->count; i-- > 0;)
        if (leaves->items[i]->fact->kind != FACT_ROOT && contradict(s, leaves, i, &v, &conflicts))
            keep_seen(leaves, &i);
    free(v.number);
    free(v.original);
}

void core_find(struct arena *a, struct solve *s, struct core *out)
{
    struct leaves leaves = {0};
    collect(&s->engine, &leaves);
    if (leaves.count <= MAX_REDUCED)
        reduce(s, &leaves);
    out->items = arena_array(a, leaves.count, sizeof *out->items);
    out->count = leaves.count;
    if (leaves.count)
        memcpy(out->items, leaves.items, leaves.count * sizeof *out->items);
    array_free(&leaves);
}
