/* SPDX-License-Identifier: Apache-2.0 */
#include "resolve/solve.h"

#include "resolve/asked.h"

#include <stdlib.h>

/* Bounds for what hardly ever happens at all: see settle and solve_run. */
enum { MAX_RESTARTS = 1000, MAX_BLOCKED = 64 };

/* Different reasons why candidates of one package cannot be used that are told apart. */
enum { MAX_REASONS = 64 };

/* After so many conflicts, times luby, all decisions are made anew with what was learned. */
enum { CONFLICTS_OF_A_TRY = 200 };

/* So long a try goes on that has to be made anew anyway: it may meet more of what is asked for. */
enum { CONFLICTS_OF_A_LOST_TRY = 300 };

void solve_init(struct solve *s, struct universe *u, const struct resolve_root *roots, const size_t *chosen,
                size_t count)
{
    *s = (struct solve){.universe = u, .roots = roots, .chosen = chosen, .chosen_count = count};
}

void solve_free(struct solve *s)
{
    array_each (&s->packages, p) {
        array_free(&p->wanted);
        array_free(&p->demands);
        array_free(&p->extras);
    }
    array_free(&s->packages);
    engine_free(&s->engine);
    strmap_free(&s->names);
    strmap_free(&s->urls);
    strmap_free(&s->demands);
    strmap_free(&s->dependencies);
    strmap_free(&s->tolerated);
    array_free(&s->notes);
    arena_free(&s->arena);
}

/* ---- packages */

/* A package's place in the names: NUL stands in no name. */
static void package_key(struct buf *key, const char *name, const char *extra)
{
    buf_str(key, name);
    if (extra) {
        buf_char(key, 0);
        buf_str(key, extra);
    }
}

unsigned solve_find(const struct solve *s, const char *name, const char *extra)
{
    cleanup_buf struct buf key = BUF_INIT;
    package_key(&key, name, extra);
    return (unsigned)(uintptr_t)strmap_get(&s->names, buf_view(&key)) - 1;
}

size_t solve_choice(const struct solve *s, unsigned package)
{
    const struct engine *e = &s->engine;
    if (!e->variables.items[package].decided)
        return SIZE_MAX;
    return bits_next(engine_left(e, package), engine_words(e, package), 0);
}

/* Makes the engine's variable for a package that is new, or new since the last restart. */
static void equip(struct solve *s, struct package *p)
{
    struct arena *a = &s->engine.arena;
    size_t candidates = p->project->list->count;
    engine_variable(&s->engine, p->extra ? 1 : candidates);
    p->expansions = arena_array(a, candidates, sizeof *p->expansions);
    p->asked = arena_array(a, p->project->words, sizeof(bits));
    p->closed = arena_array(a, p->project->words, sizeof(bits));
    p->settled = arena_array(a, p->project->words, sizeof(bits));
    p->open = false;
    p->wanted.count = 0;
}

static int package_of(struct solve *s, const char *name, const char *extra, unsigned *out, struct err *err)
{
    *out = solve_find(s, name, extra);
    if (*out != NO_PACKAGE)
        return 0;
    struct package p = {.root = SIZE_MAX};
    unsigned owner = (unsigned)s->packages.count;
    if (extra && package_of(s, name, NULL, &owner, err) < 0)
        return -1;
    if (universe_project(s->universe, name, &p.project, err) < 0)
        return -1;
    *out = (unsigned)s->packages.count;
    p.extra = extra ? arena_strdup(&s->arena, extra) : NULL;
    p.owner = owner;
    struct package *added = array_push(&s->packages, p);
    equip(s, added);
    if (extra)
        array_push(&s->packages.items[owner].extras, *out);
    cleanup_buf struct buf key = BUF_INIT;
    package_key(&key, name, extra);
    *strmap_place(&s->names, buf_view(&key)) = (void *)(uintptr_t)(*out + 1);
    return 0;
}

static struct fact *new_fact(struct solve *s, enum fact_kind kind)
{
    struct fact *f = arena_new(&s->engine.arena, struct fact);
    f->kind = kind;
    f->package = f->extra = f->target = NO_PACKAGE;
    return f;
}

static void never(struct solve *s, unsigned package, enum fact_kind kind, const bits *set, const char *text)
{
    if (bits_empty(set, engine_words(&s->engine, package)))
        return;
    struct fact *f = new_fact(s, kind);
    f->package = package;
    f->set = set;
    f->text = text;
    engine_never(&s->engine, package, set, f);
}

static const char *reason_of(enum fact_kind kind, const struct candidate *c)
{
    const char *reason = kind == FACT_YANKED ? c->yanked_reason : c->excluded;
    return reason ? reason : "";
}

/* One incompatibility for all candidates of a set that have the same reason, in the order of the candidates;
 * where there are many reasons, one for all the rest. */
static void never_by_reason(struct solve *s, unsigned package, enum fact_kind kind, const bits *of)
{
    const struct project *p = s->packages.items[package].project;
    cleanup_strmap struct strmap sets = STRMAP_INIT;
    const char *reasons[MAX_REASONS];
    size_t count = 0;
    bits *rest = NULL;
    bits_each(of, p->words, i)
    {
        const char *reason = reason_of(kind, &p->list->items[i]);
        bits *set = strmap_get(&sets, text_of(reason));
        if (!set && count < MAX_REASONS) {
            reasons[count++] = reason;
            *strmap_place(&sets, text_of(reason)) = set = engine_set(&s->engine, package);
        } else if (!set) {
            set = rest = rest ? rest : engine_set(&s->engine, package);
        }
        bits_put(set, bit_of(i));
    }
    for (size_t i = 0; i < count; i++)
        never(s, package, kind, strmap_get(&sets, text_of(reasons[i])), reasons[i]);
    if (rest)
        never(s, package, kind, rest,
              kind == FACT_YANKED ? "for various reasons" : "is ruled out for a reason of its own");
}

static bool url_seen(struct solve *s, const char *name, const char *url)
{
    void **place = strmap_place(&s->urls, text_of(arena_printf(&s->arena, "%s @ %s", name, url)));
    bool seen = *place != NULL;
    *place = s;
    return seen;
}

bool solve_knows(const struct solve *s, const struct project *p, const struct candidate *c)
{
    cleanup_buf struct buf key = BUF_INIT;
    buf_printf(&key, "%s @ %s", p->name, c->url ? c->url : "");
    return strmap_get(&s->urls, buf_view(&key)) != NULL;
}

/* Closes what nobody asks for as far as is known. All requirements seen together are taken in before. */
static void open_package(struct solve *s, unsigned package)
{
    struct package *p = &s->packages.items[package];
    const struct project *project = p->project;
    if (p->open || p->extra)
        return;
    p->open = true;
    struct arena *a = &s->engine.arena;
    bits *prerelease = arena_array(a, project->words, sizeof(bits));
    bits *yanked = arena_array(a, project->words, sizeof(bits));
    bits *direct = arena_array(a, project->words, sizeof(bits));
    if (!p->may_prerelease)
        bits_copy(prerelease, project->prerelease, project->words);
    if (!p->may_yanked)
        bits_copy(yanked, project->yanked, project->words);
    bits_each(project->direct, project->words, i) if (!solve_knows(s, project, &project->list->items[i]))
        bits_put(direct, bit_of(i));
    bits_remove(prerelease, p->asked, project->words);
    bits_remove(yanked, p->asked, project->words);
    bits_add(p->closed, prerelease, project->words);
    bits_add(p->closed, yanked, project->words);
    bits_add(p->closed, direct, project->words);
    never_by_reason(s, package, FACT_EXCLUDED, project->excluded);
    never(s, package, FACT_UNASKED, direct, NULL);
    never(s, package, FACT_PRERELEASE, prerelease, NULL);
    never_by_reason(s, package, FACT_YANKED, yanked);
}

/* ---- requirements */

static struct text requirement_key(struct solve *s, const struct requirement *r)
{
    return text_of(arena_printf(&s->arena, "%s %s%s", r->name, r->url ? "@ " : "",
                                r->url ? r->url : r->specifiers.text));
}

bool solve_tolerate(struct solve *s, const struct requirement *r)
{
    void **place = strmap_place(&s->tolerated, requirement_key(s, r));
    if (*place)
        return false;
    *place = s;
    return true;
}

const struct meets *solve_meets(struct solve *s, struct project *p, const struct requirement *r)
{
    if (p->base && s->tolerated.count && strmap_get(&s->tolerated, requirement_key(s, r)))
        return universe_meets_base(s->universe, p);
    return universe_meets(s->universe, p, r);
}

/* The same of one of the user's requirements, which may let only some candidates through. */
static const struct meets *root_meets(struct solve *s, struct project *p, const struct resolve_root *root)
{
    const struct meets *m = solve_meets(s, p, root->requirement);
    return root->only && !p->base ? universe_meets_only(s->universe, p, m, root->only) : m;
}

/* Takes notice of a direct reference before candidates of its name are asked for. */
static int see_url(struct solve *s, const struct requirement *r, struct err *err)
{
    if (!r->url || url_seen(s, r->name, r->url))
        return 0;
    if (solve_find(s, r->name, NULL) != NO_PACKAGE)
        s->again = true;
    return universe_direct(s->universe, r->name, r->url, err);
}

/* Somebody asks for candidates that are not for everybody. Where they were thought closed, or where it was
 * said already who asks for them, the solve begins again with what is known then. Not at once: as long as
 * they stay closed nothing that follows is wrong, and others may be asked for too. */
static void see_demand(struct solve *s, unsigned target, const struct meets *m, const struct demand *d)
{
    struct package *p = &s->packages.items[target];
    struct {
        const struct requirement *requirement;
        size_t candidate;
        unsigned target, package, extra, zero;
    } key = {d->requirement, d->candidate, target, d->package, d->extra, 0};
    void **seen = strmap_place(&s->demands, (struct text){(const char *)&key, sizeof key});
    if (*seen)
        return;
    *seen = s;
    array_push(&p->demands, *d);
    p->may_prerelease = p->may_prerelease || m->asks_prerelease;
    p->may_yanked = p->may_yanked || m->asks_yanked;
    bool said_otherwise = !bits_disjoint(m->asks, p->closed, p->project->words) ||
                          !bits_disjoint(m->asks, p->settled, p->project->words);
    if (said_otherwise && !s->lost && s->restarts < MAX_RESTARTS) {
        s->lost = true;
        s->lost_at = s->engine.conflict_count;
    }
}

/* The packages of a requirement, and what it allows. */
static int see_requirement(struct solve *s, const struct requirement *r, unsigned *package,
                           const struct meets **m, struct err *err)
{
    unsigned ignored;
    if (package_of(s, r->name, NULL, package, err) < 0)
        return -1;
    for (size_t i = 0; i < r->extra_count; i++)
        if (package_of(s, r->name, r->extras[i], &ignored, err) < 0)
            return -1;
    *m = solve_meets(s, s->packages.items[*package].project, r);
    return 0;
}

static const bits *extra_out(struct solve *s, unsigned extra)
{
    bits *set = engine_set(&s->engine, extra);
    bits_put(set, BIT_NONE);
    return set;
}

static void require_root(struct solve *s, size_t root, unsigned target, const struct meets *m,
                         const bits *out)
{
    struct fact *f = new_fact(s, FACT_ROOT);
    f->root = root;
    f->requirement = s->roots[root].requirement;
    f->target = target;
    f->meets = m;
    struct incompat *c = engine_incompat(&s->engine, f, 1);
    incompat_term(&s->engine, c, target, out);
    engine_add(&s->engine, c);
}

/*
 * As with pip, the user's requirements on one name are one when it comes to pre-releases: where no final or
 * post release meets all of them they ask together for the pre-releases that do. Those that a pre-release
 * does not meet have no say about it: then more requirements never ask for less, and what has no solution has
 * none with fewer of them, whichever are set aside.
 */
static void ask_together(struct solve *s, struct package *p)
{
    const struct project *project = p->project;
    bits *together = arena_array(&s->engine.arena, project->words, sizeof(bits));
    bits_each(project->prerelease, project->words, i)
    {
        bool any = false;
        array_each (&p->wanted, in) {
            if (!bits_has(*in, bit_of(i)))
                continue;
            if (any)
                bits_keep(together, *in, project->words);
            else
                bits_copy(together, *in, project->words);
            any = true;
        }
        if (any && !bits_has(project->yanked, bit_of(i)) && universe_only_prereleases(project, together))
            bits_put(p->asked, bit_of(i));
    }
}

/* Takes in what the user's requirements ask for, before anything is closed. */
static int see_root(struct solve *s, size_t root, struct err *err)
{
    const struct meets *m;
    unsigned package;
    if (see_requirement(s, s->roots[root].requirement, &package, &m, err) < 0)
        return -1;
    struct package *p = &s->packages.items[package];
    array_push(&p->wanted, m->in);
    bits_add(p->asked, root_meets(s, p->project, &s->roots[root])->asks, p->project->words);
    if (p->root > root)
        p->root = root;
    return 0;
}

static void add_root(struct solve *s, size_t root)
{
    const struct requirement *r = s->roots[root].requirement;
    unsigned package = solve_find(s, r->name, NULL);
    struct package *p = &s->packages.items[package];
    const struct meets *m = root_meets(s, p->project, &s->roots[root]);
    if (!p->open)
        ask_together(s, p);
    open_package(s, package);
    require_root(s, root, package, m, m->out);
    for (size_t k = 0; k < r->extra_count; k++) {
        unsigned extra = solve_find(s, r->name, r->extras[k]);
        require_root(s, root, extra, m, extra_out(s, extra));
    }
}

static int add_roots(struct solve *s, struct err *err)
{
    for (size_t i = 0; i < s->chosen_count; i++) {
        const struct requirement *r = s->roots[s->chosen[i]].requirement;
        if (see_url(s, r, err) < 0)
            return -1;
        universe_prefetch(s->universe, r->name);
    }
    s->again = false; /* nothing was built on what was known before */
    for (size_t i = 0; i < s->chosen_count; i++)
        if (see_root(s, s->chosen[i], err) < 0)
            return -1;
    for (size_t i = 0; i < s->chosen_count; i++)
        add_root(s, s->chosen[i]);
    return 0;
}

/* ---- what candidates require */

struct subject {
    unsigned package, extra;
    size_t candidate;
    struct expansion *expansion;
};

/* The terms that stand for the subjects of a fact. */
static struct incompat *subject_incompat(struct solve *s, const struct fact *f)
{
    struct incompat *c = engine_incompat(&s->engine, f, 3);
    incompat_term(&s->engine, c, f->package, f->set);
    if (f->extra != NO_PACKAGE) {
        bits *on = engine_set(&s->engine, f->extra);
        bits_put(on, bit_of(0));
        incompat_term(&s->engine, c, f->extra, on);
    }
    return c;
}

static struct dependency *dependency_of(struct solve *s, const struct subject *by, unsigned target,
                                        const struct meets *m)
{
    struct {
        const struct meets *m;
        unsigned target, package, extra, zero;
    } key = {m, target, by->package, by->extra, 0};
    void **place = strmap_place(&s->dependencies, (struct text){(const char *)&key, sizeof key});
    if (!*place) {
        struct dependency *d = *place = arena_new(&s->engine.arena, struct dependency);
        d->target = target;
        d->subjects = engine_set(&s->engine, by->package);
    }
    return *place;
}

/* `in` and `out` of the target; the incompatibility of the candidates that required the same before is
 * replaced by one that has this candidate too. */
static void depend(struct solve *s, const struct subject *by, const struct requirement *r, unsigned target,
                   const struct meets *m, const bits *in, const bits *out)
{
    if (target == by->extra || (target == by->package && bits_has(in, bit_of(by->candidate))))
        return;
    struct dependency *d = dependency_of(s, by, target, m);
    by->expansion->items[by->expansion->count++] = d;
    if (bits_has(d->subjects, bit_of(by->candidate)))
        return;
    bits *subjects = engine_set(&s->engine, by->package);
    bits_copy(subjects, d->subjects, engine_words(&s->engine, by->package));
    bits_put(subjects, bit_of(by->candidate));
    d->subjects = subjects;
    d->in = in;
    struct fact *f = new_fact(s, FACT_NEEDS);
    f->package = by->package;
    f->extra = by->extra;
    f->set = subjects;
    f->requirement = r;
    f->target = target;
    f->meets = m;
    struct incompat *c = subject_incompat(s, f);
    if (target != by->package)
        incompat_term(&s->engine, c, target, out);
    if (d->incompat)
        d->incompat->replaced = true;
    d->incompat = c;
    engine_add(&s->engine, c);
}

static int see_requirements(struct solve *s, const struct subject *by, const struct dependencies *list,
                            struct err *err)
{
    for (size_t i = 0; i < list->count; i++)
        universe_prefetch(s->universe, list->items[i].name);
    for (size_t i = 0; i < list->count; i++)
        if (see_url(s, &list->items[i], err) < 0)
            return -1;
    for (size_t i = 0; i < list->count; i++) {
        const struct meets *m;
        unsigned target;
        if (see_requirement(s, &list->items[i], &target, &m, err) < 0)
            return -1;
        if (m->asks_any)
            see_demand(s, target, m,
                       &(struct demand){by->package, by->extra, by->candidate, &list->items[i], m->asks});
    }
    return 0;
}

static void depend_on_all(struct solve *s, const struct subject *by, const struct dependencies *list)
{
    size_t most = list->count;
    for (size_t i = 0; i < list->count; i++)
        most += list->items[i].extra_count;
    by->expansion->items = arena_array(&s->engine.arena, most, sizeof(struct dependency *));
    for (size_t i = 0; i < list->count; i++) {
        const struct requirement *r = &list->items[i];
        unsigned target = solve_find(s, r->name, NULL);
        const struct meets *m = solve_meets(s, s->packages.items[target].project, r);
        open_package(s, target);
        depend(s, by, r, target, m, m->in, m->out);
        for (size_t k = 0; k < r->extra_count; k++) {
            unsigned extra = solve_find(s, r->name, r->extras[k]);
            bits *on = engine_set(&s->engine, extra);
            bits_put(on, bit_of(0));
            depend(s, by, r, extra, m, on, extra_out(s, extra));
        }
    }
}

/* What the candidate requires cannot be known; nor what many others do, where the source looks at no more. */
static void pass_over(struct solve *s, const struct subject *by)
{
    struct package *p = &s->packages.items[by->package];
    bits *set = engine_set(&s->engine, by->package);
    const char *why =
        by->extra == NO_PACKAGE ? universe_passed_over(s->universe, p->project, by->candidate, set) : NULL;
    bits_put(set, bit_of(by->candidate));
    struct fact *f = new_fact(s, FACT_UNREADABLE);
    f->package = by->package;
    f->extra = by->extra;
    f->set = set;
    f->text = why ? why : by->expansion->needs->failure;
    by->expansion->unusable = subject_incompat(s, f);
    size_t others = bits_count(set, p->project->words) - 1;
    const char *version = p->project->list->items[by->candidate].version.text;
    array_push(&s->notes, others ? arena_printf(&s->arena, "%s %s and %zu other versions are passed over: %s",
                                                p->project->name, version, others, f->text)
                                 : arena_printf(&s->arena, "%s %s is passed over: %s", p->project->name,
                                                version, f->text));
    for (size_t i = bits_next(set, p->project->words, 0); others && i != SIZE_MAX;
         i = bits_next(set, p->project->words, i + 1))
        p->expansions[i] = by->expansion;
    engine_add(&s->engine, by->expansion->unusable);
}

/* Looks at what a candidate (with the extra, or without one) requires, once. */
static int expand(struct solve *s, unsigned package, unsigned extra, size_t candidate, struct err *err)
{
    struct package *p = &s->packages.items[extra == NO_PACKAGE ? package : extra];
    if (p->expansions[candidate])
        return 0;
    struct expansion *x = arena_new(&s->engine.arena, struct expansion);
    p->expansions[candidate] = x;
    if (universe_needs(s->universe, p->project, candidate, p->extra, &x->needs, err) < 0)
        return -1;
    struct subject by = {package, extra, candidate, x};
    if (x->needs->failure) {
        pass_over(s, &by);
        return 0;
    }
    if (see_requirements(s, &by, x->needs->list, err) < 0)
        return -1;
    if (!s->again)
        depend_on_all(s, &by, x->needs->list);
    return 0;
}

/* ---- the search */

/* The extras that are wanted of projects whose candidate stands, and were not looked at there. An extra is
 * never decided, so that all that are needed are open. */
static int expand_extras(struct solve *s, struct err *err)
{
    for (size_t i = 0; i < s->engine.open.count && !s->again; i++) {
        unsigned extra = s->engine.open.items[i];
        const struct package *p = &s->packages.items[extra];
        size_t candidate = p->extra ? solve_choice(s, p->owner) : SIZE_MAX;
        if (candidate != SIZE_MAX && expand(s, p->owner, extra, candidate, err) < 0)
            return -1;
    }
    return 0;
}

/* Whether what the candidate requires was ruled out already; then what rules it out is looked at again, and
 * no decision made in vain. */
static bool hopeless(struct solve *s, unsigned package, size_t candidate)
{
    const struct expansion *x = s->packages.items[package].expansions[candidate];
    if (x->unusable) {
        engine_recheck(&s->engine, x->unusable);
        return true;
    }
    for (size_t i = 0; i < x->count; i++) {
        struct dependency *d = x->items[i];
        if (d->target == package ||
            bits_disjoint(engine_left(&s->engine, d->target), d->in, engine_words(&s->engine, d->target))) {
            engine_recheck(&s->engine, d->incompat);
            return true;
        }
    }
    return false;
}

/*
 * All else is chosen, and of this package only candidates are left for which somebody would have to ask. Says
 * so: one of those who would must be chosen. Where it is open whether one of them comes in, only this very
 * choice of all the others is ruled out; a bounded number of times, since each says so little.
 */
static void settle(struct solve *s, unsigned package)
{
    struct engine *e = &s->engine;
    struct package *p = &s->packages.items[package];
    size_t words = p->project->words;
    bits *left = engine_set(e, package);
    bits_copy(left, engine_left(e, package), words);
    struct fact *f = new_fact(s, FACT_UNASKED);
    f->package = package;
    f->set = left;
    f->text = "";
    struct incompat *c = engine_incompat(e, f, (unsigned)s->packages.count);
    incompat_term(e, c, package, left);
    bool blocked = false;
    bits **askers = arena_array(&e->arena, s->packages.count, sizeof *askers);
    array_each (&p->demands, d) {
        if (bits_disjoint(d->asks, left, words) || d->package == package)
            continue;
        if (!askers[d->package]) {
            askers[d->package] = engine_set(e, d->package);
            bits_copy(askers[d->package], e->variables.items[d->package].full, engine_words(e, d->package));
        }
        bits_drop(askers[d->package], bit_of(d->candidate));
        blocked = blocked || bits_has(engine_left(e, d->package), bit_of(d->candidate));
    }
    if (blocked && ++s->blocked > MAX_BLOCKED)
        blocked = false;
    else if (!blocked)
        bits_add(p->settled, left, words);
    for (unsigned i = 0; i < s->packages.count; i++) {
        if (i == package)
            continue;
        if (blocked && engine_needed(e, i)) {
            bits *chosen = engine_set(e, i);
            bits_copy(chosen, engine_left(e, i), engine_words(e, i));
            incompat_term(e, c, i, chosen);
        } else if (!blocked && askers[i] && bits_subset(engine_left(e, i), askers[i], engine_words(e, i))) {
            incompat_term(e, c, i, askers[i]);
        }
    }
    engine_add(e, c);
}

/*
 * Nothing is left to decide. Where a candidate stands for which only such ask as are not needed themselves,
 * this choice of all that is needed is ruled out, since the same would follow from it again; after a number
 * of times, the candidate. False when that is so.
 */
static bool all_asked(struct solve *s)
{
    struct engine *e = &s->engine;
    bool *needed = xcalloc(s->packages.count, sizeof *needed);
    unsigned unasked = asked_by_none(s, needed);
    if (unasked != NO_PACKAGE) {
        struct fact *f = new_fact(s, FACT_UNASKED);
        bits *chosen = engine_set(e, unasked);
        bits_put(chosen, bit_of(solve_choice(s, unasked)));
        f->package = unasked;
        f->set = chosen;
        f->text = "";
        struct incompat *c = engine_incompat(e, f, (unsigned)s->packages.count);
        incompat_term(e, c, unasked, chosen);
        bool whole = ++s->blocked <= MAX_BLOCKED;
        for (unsigned i = 0; whole && i < s->packages.count; i++)
            if (needed[i] && i != unasked && !s->packages.items[i].extra) {
                chosen = engine_set(e, i);
                bits_put(chosen, bit_of(solve_choice(s, i)));
                incompat_term(e, c, i, chosen);
            }
        engine_add(e, c);
    }
    free(needed);
    return unasked == NO_PACKAGE;
}

/* One decision, or the reason why none was made. False when nothing is left to decide. */
static int decide(struct solve *s, bool *done, struct err *err)
{
    unsigned package = choose_package(s);
    *done = package == NO_PACKAGE && all_asked(s);
    if (package == NO_PACKAGE)
        return 0;
    size_t candidate = choose_candidate(s, package);
    if (candidate == SIZE_MAX) {
        settle(s, package);
        return 0;
    }
    if (expand(s, package, NO_PACKAGE, candidate, err) < 0)
        return -1;
    if (s->again || hopeless(s, package, candidate))
        return 0;
    engine_decide(&s->engine, package, candidate);
    return 0;
}

/* Engine and variables anew; what was found out about packages stays. */
static int begin(struct solve *s, struct err *err)
{
    bool reloaded = false;
    engine_free(&s->engine);
    strmap_free(&s->dependencies);
    s->blocked = 0;
    s->lost = false;
    array_each (&s->packages, p) {
        const struct project *before = p->project;
        if (universe_project(s->universe, before->name, &p->project, err) < 0)
            return -1;
        reloaded = reloaded || p->project != before;
        equip(s, p);
    }
    if (reloaded) /* candidates count otherwise now: the demands will be met again */
        strmap_free(&s->demands);
    array_each (&s->packages, p)
        if (reloaded)
            p->demands.count = 0;
    return add_roots(s, err);
}

/* 1 1 2 1 1 2 4 1 1 2 … (Luby): as good as any sequence of lengths can be when the right one is not known. */
static size_t luby(size_t i)
{
    for (;;) {
        unsigned bits_used = 64 - (unsigned)__builtin_clzll(i);
        if (i == ~(size_t)0 >> (64 - bits_used))
            return (size_t)1 << (bits_used - 1);
        i -= ((size_t)1 << (bits_used - 1)) - 1;
    }
}

static int attempt(struct solve *s, struct err *err)
{
    bool done = false;
    size_t next_restart = CONFLICTS_OF_A_TRY, turn = 0;
    if (begin(s, err) < 0)
        return -1;
    while (!done && !s->again) {
        if (s->lost && s->engine.conflict_count > s->lost_at + CONFLICTS_OF_A_LOST_TRY)
            break;
        if (!engine_propagate(&s->engine))
            return UNSOLVABLE;
        if (s->engine.conflict_count >= next_restart) {
            next_restart = s->engine.conflict_count + CONFLICTS_OF_A_TRY * luby(++turn);
            engine_restart(&s->engine);
            continue;
        }
        size_t before = s->engine.pending.count;
        if (expand_extras(s, err) < 0)
            return -1;
        if (s->engine.pending.count > before)
            continue;
        if (!s->again && decide(s, &done, err) < 0)
            return -1;
    }
    return SOLVED;
}

int solve_run(struct solve *s, struct err *err)
{
    s->restarts = 0;
    for (;;) {
        int outcome = attempt(s, err);
        if (outcome < 0 || (!s->again && !s->lost))
            return outcome;
        s->restarts++;
    }
}
