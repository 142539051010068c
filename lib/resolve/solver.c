/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the user's requirements are kept: each that has a solution together with all kept before it. */
#include "resolve/solver.h"

#include "resolve/explain.h"
#include "resolve/found.h"

#include <stdlib.h>

enum { STRAIGHT_PROBES = 4 };

struct attempt {
    struct arena *arena;
    struct universe *universe;
    const struct resolve_root *roots;
    size_t *kept; /* those not set aside, in order */
    size_t count;
    size_t good; /* so many of the first of them are known to have a solution together */
    struct resolution *out;
};

/* What a solve of the first few said. */
struct verdict {
    bool solvable;
    size_t last;        /* otherwise: the last that the contradiction needs (a place in kept), */
    bool alone;         /* whether it contradicts itself without any other, */
    const char *reason; /* and the explanation */
    char **names;       /* of the distributions in it */
    size_t name_count;
};

/* Lets pass what the base does not meet among the facts that contradict each other. */
static bool tolerate(struct solve *s, const struct core *core)
{
    bool more = false;
    for (size_t i = 0; i < core->count; i++) {
        const struct fact *f = core->items[i]->fact;
        const struct package *target = f->target == NO_PACKAGE ? NULL : &s->packages.items[f->target];
        if (target && !target->extra && target->project->base &&
            !bits_has(f->meets->in, bit_of((size_t)(target->project->base - target->project->list->items))))
            more = solve_tolerate(s, f->requirement) || more;
    }
    return more;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void name_those(struct attempt *t, struct solve *s, const struct core *core, struct verdict *v)
{
    cleanup_strmap struct strmap seen = STRMAP_INIT;
    v->names = arena_array(t->arena, 2 * core->count, sizeof *v->names);
    for (size_t i = 0; i < core->count; i++) {
        const struct fact *f = core->items[i]->fact;
        const unsigned packages[] = {f->kind == FACT_ROOT ? NO_PACKAGE : f->package, f->target};
        for (size_t j = 0; j < 2; j++) {
            if (packages[j] == NO_PACKAGE)
                continue;
            const char *name = s->packages.items[packages[j]].project->name;
            void **place = strmap_place(&seen, text_of(name));
            if (!*place)
                *place = v->names[v->name_count++] = arena_strdup(t->arena, name);
        }
    }
    qsort(v->names, v->name_count, sizeof *v->names, by_text);
}

static void judge(struct attempt *t, struct solve *s, const struct core *core, struct verdict *v)
{
    size_t roots = 0, last = 0;
    for (size_t i = 0; i < core->count; i++) {
        const struct fact *f = core->items[i]->fact;
        if (f->kind != FACT_ROOT)
            continue;
        if (!roots || f->root != last)
            roots++;
        if (f->root > last)
            last = f->root;
    }
    v->alone = roots == 1;
    v->reason = explain(t->arena, s, core, last);
    name_those(t, s, core, v);
    while (t->kept[v->last] != last)
        v->last++;
}

static int try_first(struct attempt *t, size_t count, struct verdict *v, struct err *err)
{
    cleanup_solve struct solve s;
    *v = (struct verdict){0};
    solve_init(&s, t->universe, t->roots, t->kept, count);
    for (;;) {
        int outcome = solve_run(&s, err);
        if (outcome < 0)
            return -1;
        if (outcome == SOLVED)
            break;
        cleanup_arena struct arena scratch = ARENA_INIT;
        struct core core;
        core_find(&scratch, &s, &core);
        if (t->universe->source->tolerate_base_conflicts && tolerate(&s, &core))
            continue;
        judge(t, &s, &core, v);
        return 0;
    }
    v->solvable = true;
    if (count == t->count)
        found(t->arena, &s, t->out);
    return 0;
}

/*
 * All together have no solution, by *v. Finds the first that has none with all before it. The contradiction
 * names the last that it could be, and mostly it is that: all before have a solution. Where each answer only
 * names an earlier one, the rest is bisection.
 */
static int find_first(struct attempt *t, struct verdict *v, struct err *err)
{
    for (size_t probes = 0; !v->alone && t->good < v->last; probes++) {
        struct verdict w;
        size_t probe = probes < STRAIGHT_PROBES ? v->last : t->good + (v->last - t->good + 1) / 2;
        if (try_first(t, probe, &w, err) < 0)
            return -1;
        if (w.solvable)
            t->good = probe;
        else
            *v = w;
    }
    return 0;
}

static void set_aside(struct attempt *t, const struct verdict *v)
{
    struct resolve_failure *f = &t->out->failures[t->out->failure_count++];
    f->root = t->kept[v->last];
    f->reason = v->reason;
    f->names = v->names;
    f->name_count = v->name_count;
    if (t->good > v->last)
        t->good = v->last;
    t->count--;
    for (size_t i = v->last; i < t->count; i++)
        t->kept[i] = t->kept[i + 1];
}

static int by_root(const void *a, const void *b)
{
    size_t x = ((const struct resolve_failure *)a)->root, y = ((const struct resolve_failure *)b)->root;
    return x < y ? -1 : x > y;
}

static int keep_what_can_be(struct attempt *t, struct err *err)
{
    struct verdict v;
    for (;;) {
        if (try_first(t, t->count, &v, err) < 0)
            return -1;
        if (v.solvable)
            return 0;
        if (find_first(t, &v, err) < 0)
            return -1;
        set_aside(t, &v);
    }
}

int resolve(struct arena *a, const struct resolve_source *source, const struct resolve_root *roots,
            size_t root_count, struct resolution *out, struct err *err)
{
    *out = (struct resolution){.failures = arena_array(a, root_count, sizeof *out->failures)};
    __attribute__((cleanup(universe_free))) struct universe u = {.source = source};
    struct attempt t = {.arena = a, .universe = &u, .roots = roots, .count = root_count, .out = out};
    t.kept = arena_array(a, root_count, sizeof *t.kept);
    for (size_t i = 0; i < root_count; i++)
        t.kept[i] = i;
    if (keep_what_can_be(&t, err) < 0)
        return -1;
    if (out->failure_count)
        qsort(out->failures, out->failure_count, sizeof *out->failures, by_root);
    return 0;
}
