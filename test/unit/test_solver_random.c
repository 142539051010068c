/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random universes with a fixed seed: small ones compared with a search through everything, large ones full
 * of traps against the clock. SOLVER_SEED and SOLVER_ROUNDS make longer and other runs.
 */
#include "test.h"

#include "dice.h"
#include "fake_source.h"

enum { MAX_PROJECTS = 7, MAX_ROOTS = 4 };

struct world {
    struct fake_source fake;
    unsigned projects;
    bool guarded; /* with pre-releases and yanked versions */
    struct requirement requirements[MAX_ROOTS];
    struct resolve_root roots[MAX_ROOTS];
    unsigned root_count;
};

static const char *name_of(struct world *w, unsigned project)
{
    return arena_printf(&w->fake.arena, "p%u", project);
}

static char *requirement_on(struct world *w, unsigned project)
{
    static const char *const plain[] = {"", "", "", ">=2", "<2", "==1.0", "!=2.0", "<3", ">=3", ">=9"};
    static const char *const guarded[] = {"",   "",   ">=3.0rc1", "==3.0rc1", ">2",    "==2.0",
                                          "<3", "<4", ">=1.5",    "!=1.0",    "!=4.0", "<=3.0"};
    const char *specifier = w->guarded ? guarded[roll(12)] : plain[roll(10)];
    return arena_printf(&w->fake.arena, "%s%s%s", name_of(w, project), chance(15) ? "[x]" : "", specifier);
}

/* One name in twenty is nowhere. */
static char *random_requirement(struct world *w)
{
    return requirement_on(w, roll(w->projects + chance(5)));
}

/* Many are on the name of the one before: together they may ask for what none asks for alone. */
static char *random_root(struct world *w, unsigned i)
{
    bool again = i && chance(30);
    return again ? requirement_on(w, (unsigned)atoi(w->requirements[i - 1].name + 1)) : random_requirement(w);
}

static void random_candidate(struct world *w, const char *name, const char *version,
                             enum candidate_origin origin)
{
    struct fake_candidate *c = fake_add(&w->fake, name, version, origin);
    if (origin == CANDIDATE_INDEX && chance(8))
        c->candidate.excluded = "needs another Python";
    if (origin == CANDIDATE_INDEX && w->guarded && chance(20))
        c->candidate.yanked = true;
    if (origin == CANDIDATE_INDEX && chance(4))
        c->unreadable = "it cannot be read";
    for (unsigned n = origin == CANDIDATE_BASE ? 0 : roll(4); n > 0; n--)
        fake_require(&w->fake, c, "", random_requirement(w));
    if (chance(50))
        fake_require(&w->fake, c, "x", random_requirement(w));
}

static void random_world(struct world *w, bool guarded)
{
    static const char *const versions[] = {"1.0", "2.0", "3.0", "4.0"};
    fake_open(&w->fake);
    w->guarded = guarded;
    w->projects = 3 + roll(MAX_PROJECTS - 2);
    w->fake.source.tolerate_base_conflicts = false;
    for (unsigned p = 0; p < w->projects; p++) {
        const char *name = name_of(w, p);
        if (chance(12)) {
            random_candidate(w, name, versions[roll(3)], CANDIDATE_BASE);
            continue;
        }
        unsigned count = 1 + roll(4);
        for (unsigned v = 0; v < count; v++)
            random_candidate(w, name, guarded && v == 2 ? "3.0rc1" : versions[v],
                             chance(10) ? CANDIDATE_INSTALLED : CANDIDATE_INDEX);
    }
    w->root_count = 1 + roll(MAX_ROOTS);
    for (unsigned i = 0; i < w->root_count; i++) {
        cleanup_err struct err err = ERR_INIT;
        if (requirement_parse(&w->fake.arena, text_of(random_root(w, i)), &w->requirements[i], &err) < 0)
            fail_msg("%s", err.text);
        w->roots[i] = (struct resolve_root){&w->requirements[i], "random", NULL};
    }
}

/* ---- the search through everything: by the rules alone, with nothing of the solver in it */

struct oracle {
    struct world *w;
    const struct candidates *list[MAX_PROJECTS + 1];
    int choice[MAX_PROJECTS + 1]; /* -1: not needed so far */
    bool strict;                  /* pre-releases and yanked versions only where the user asks for them */
};

struct visit {
    const struct requirement *requirements[256];
    unsigned count, roots;
    bool plain[MAX_PROJECTS + 1], extra[MAX_PROJECTS + 1];
};

static unsigned project_of(const struct requirement *r)
{
    return (unsigned)atoi(r->name + 1);
}

static bool pinned(const struct requirement *r)
{
    return strncmp(r->specifiers.text, "==", 2) == 0;
}

static bool asks_for(const struct oracle *o, const struct requirement *r, const struct candidate *c)
{
    const struct candidates *list = o->list[project_of(r)];
    if (c->yanked && !pinned(r))
        return false;
    if (!c->version.is_pre || c->origin != CANDIDATE_INDEX || r->specifiers.names_prerelease)
        return true;
    for (size_t i = 0; i < list->count; i++) {
        const struct candidate *k = &list->items[i];
        if (!k->version.is_pre && !k->excluded && specifier_set_contains(&r->specifiers, &k->version))
            return false;
    }
    return true;
}

/* What one requirement does not ask for the user's on that name may, taken as one: a pre-release, where no
 * final release meets them all. */
static bool asked_together(const struct oracle *o, const struct visit *v, unsigned p)
{
    const struct candidates *list = o->list[p];
    bool any = false;
    for (unsigned i = 0; i < v->roots; i++)
        any = any || project_of(v->requirements[i]) == p;
    for (size_t k = 0; k < list->count && any; k++) {
        bool meets = !list->items[k].version.is_pre && !list->items[k].excluded;
        for (unsigned i = 0; i < v->roots && meets; i++)
            meets = project_of(v->requirements[i]) != p ||
                    specifier_set_contains(&v->requirements[i]->specifiers, &list->items[k].version);
        any = !meets;
    }
    return any;
}

/* Puts what a candidate requires on the list, once for itself and once for its extra. */
static void need(struct oracle *o, struct visit *v, unsigned project, const char *extra)
{
    bool *done = *extra ? &v->extra[project] : &v->plain[project];
    const struct candidate *c = &o->list[project]->items[o->choice[project]];
    const struct fake_candidate *f = c->data;
    struct fake_needs *n = *done ? NULL : strmap_get(&f->needs, text_of(extra));
    *done = true;
    for (size_t i = 0; n && i < n->items.count; i++)
        v->requirements[v->count++] = &n->items.items[i];
}

enum { HOLDS = -1, FAILS = -2 };

/* Follows the requirements; the first project without a choice, or whether all of it holds. */
static int follow(struct oracle *o, struct visit *v)
{
    for (unsigned i = 0; i < v->count; i++) {
        const struct requirement *r = v->requirements[i];
        unsigned p = project_of(r);
        if (p >= o->w->projects)
            return FAILS;
        if (o->choice[p] < 0)
            return (int)p;
        const struct candidate *c = &o->list[p]->items[o->choice[p]];
        if (!specifier_set_contains(&r->specifiers, &c->version))
            return FAILS;
        need(o, v, p, "");
        if (r->extra_count)
            need(o, v, p, "x");
    }
    for (unsigned p = 0; p < o->w->projects; p++) {
        const struct candidate *c = v->plain[p] ? &o->list[p]->items[o->choice[p]] : NULL;
        bool asked = !c || (!c->yanked && (!c->version.is_pre || c->origin != CANDIDATE_INDEX));
        for (unsigned i = 0; i < (o->strict ? v->roots : v->count) && !asked; i++)
            asked = project_of(v->requirements[i]) == p && asks_for(o, v->requirements[i], c);
        if (!asked && (c->yanked || !asked_together(o, v, p)))
            return FAILS;
    }
    return HOLDS;
}

static bool usable(const struct candidate *c)
{
    return !c->excluded && !((const struct fake_candidate *)c->data)->unreadable;
}

static bool search(struct oracle *o, const bool *asked)
{
    struct visit v = {0};
    for (unsigned i = 0; i < o->w->root_count; i++)
        if (asked[i])
            v.requirements[v.count++] = &o->w->requirements[i];
    v.roots = v.count;
    int open = follow(o, &v);
    if (open < 0)
        return open == HOLDS;
    bool found = false;
    for (size_t c = 0; c < o->list[open]->count && !found; c++) {
        o->choice[open] = (int)c;
        found = usable(&o->list[open]->items[c]) && search(o, asked);
    }
    o->choice[open] = -1;
    return found;
}

static void ask_for_lists(struct oracle *o, struct world *w)
{
    *o = (struct oracle){.w = w};
    for (unsigned p = 0; p < w->projects; p++) {
        assert_int_equal(fake_candidates(&w->fake, name_of(w, p), &o->list[p], NULL), 0);
        o->choice[p] = -1;
    }
}

/* What the solver chose holds, and nothing in it is without need. */
static void check_solution(struct oracle *o, const struct resolution *r, const bool *kept)
{
    struct visit v = {0};
    for (unsigned i = 0; i < o->w->root_count; i++)
        if (kept[i])
            v.requirements[v.count++] = &o->w->requirements[i];
    v.roots = v.count;
    for (size_t i = 0; i < r->count; i++) {
        unsigned p = (unsigned)atoi(r->items[i].name + 1);
        o->choice[p] = (int)(r->items[i].candidate - o->list[p]->items);
        assert_true(usable(r->items[i].candidate));
    }
    assert_int_equal(follow(o, &v), HOLDS);
    unsigned needed = 0;
    for (unsigned p = 0; p < o->w->projects; p++)
        needed += v.plain[p];
    assert_int_equal(needed, r->count);
    for (size_t i = 0; i < r->count; i++) {
        unsigned p = (unsigned)atoi(r->items[i].name + 1);
        assert_int_equal(r->items[i].extra_count, v.extra[p]);
    }
    for (unsigned p = 0; p < o->w->projects; p++)
        o->choice[p] = -1;
}

/* The same comes out when what was set aside is not asked for at all. */
static void check_without_failures(struct world *w, const struct resolution *r, const bool *kept)
{
    struct resolve_root roots[MAX_ROOTS];
    size_t count = 0;
    for (unsigned i = 0; i < w->root_count; i++)
        if (kept[i])
            roots[count++] = w->roots[i];
    cleanup_arena struct arena a = ARENA_INIT;
    struct resolution again;
    assert_int_equal(resolve(&a, &w->fake.source, roots, count, &again, NULL), 0);
    assert_int_equal(again.failure_count, 0);
    assert_int_equal(again.count, r->count);
    for (size_t i = 0; i < r->count; i++) {
        assert_string_equal(again.items[i].name, r->items[i].name);
        assert_ptr_equal(again.items[i].candidate, r->items[i].candidate);
    }
}

/* The names are sorted, each once, of this world, the root's own among them. */
static void check_names(struct world *w, const struct resolve_failure *f)
{
    bool own = false;
    for (size_t i = 0; i < f->name_count; i++) {
        assert_in_range(atoi(f->names[i] + 1), 0, w->projects);
        assert_true(i == 0 || strcmp(f->names[i - 1], f->names[i]) < 0);
        own = own || strcmp(f->names[i], w->roots[f->root].requirement->name) == 0;
    }
    assert_true(own);
}

static bool is_named(const struct resolve_failure *f, const char *name)
{
    for (size_t i = 0; i < f->name_count; i++)
        if (strcmp(f->names[i], name) == 0)
            return true;
    return false;
}

/* It says something, on one screen, without doubled or empty lines, and of nothing but what it rests on. */
static void check_reason(struct world *w, const struct resolve_failure *f)
{
    struct text rest = text_of(f->reason), line;
    size_t lines = 0;
    while (text_line(&rest, &line)) {
        assert_true(line.len > 0);
        lines++;
    }
    assert_in_range(lines, 1, 20);
    assert_null(strstr(f->reason, "  "));
    assert_null(strstr(f->reason, "(null)"));
    for (unsigned p = 0; p <= w->projects; p++) {
        const char *name = name_of(w, p), *at = f->reason;
        while ((at = strstr(at, name))) {
            bool word = at == f->reason || !strchr("0123456789abcdefghijklmnopqrstuvwxyz-", at[-1]);
            if (word && !is_named(f, name))
                fail_msg("%s is not among the names of: %s", name, f->reason);
            at += strlen(name);
        }
    }
}

static void check_world(bool guarded)
{
    struct world w;
    memset(&w, 0, sizeof w);
    random_world(&w, guarded);
    cleanup_arena struct arena a = ARENA_INIT;
    cleanup_err struct err err = ERR_INIT;
    struct resolution r;
    if (resolve(&a, &w.fake.source, w.roots, w.root_count, &r, &err) < 0)
        fail_msg("%s", err.text);
    struct oracle o;
    ask_for_lists(&o, &w);
    bool kept[MAX_ROOTS], asked[MAX_ROOTS] = {false};
    memset(kept, true, sizeof kept);
    for (size_t i = 0; i < r.failure_count; i++) {
        kept[r.failures[i].root] = false;
        check_names(&w, &r.failures[i]);
        check_reason(&w, &r.failures[i]);
    }
    check_solution(&o, &r, kept);
    check_without_failures(&w, &r, kept);
    /* Who asks for a pre-release may be a version that nothing led the solver to; it is not held to find
     * that. */
    o.strict = guarded;
    for (unsigned i = 0; i < w.root_count; i++) {
        asked[i] = true;
        if (!kept[i])
            assert_false(search(&o, asked));
        asked[i] = kept[i];
    }
    fake_close(&w.fake);
}

static void check_worlds(bool guarded)
{
    uint64_t seed = number_from("SOLVER_SEED", 4566), rounds = number_from("SOLVER_ROUNDS", 4000);
    for (uint64_t i = 0; i < rounds; i++) {
        dice_seed(2 * (seed + i) + guarded);
        if (getenv("SOLVER_VERBOSE"))
            print_message("seed %llu\n", (unsigned long long)(seed + i));
        check_world(guarded);
    }
}

static void small_worlds(void **state)
{
    (void)state;
    check_worlds(false);
}

static void small_worlds_with_prereleases(void **state)
{
    (void)state;
    check_worlds(true);
}

/* ---- large ones */

enum { PROJECTS = 400, VERSIONS = 40 };

/* One hidden solution; all other versions want something else more often than not. */
static void trap_world(struct fake_source *s, unsigned reach, unsigned honest, bool solvable)
{
    unsigned hidden[PROJECTS];
    for (unsigned p = 0; p < PROJECTS; p++)
        hidden[p] = roll(VERSIONS);
    for (unsigned p = 0; p < PROJECTS; p++) {
        unsigned targets[3];
        for (unsigned t = 0; t < 3; t++)
            targets[t] = p + 1 + roll(reach);
        for (unsigned v = 0; v < VERSIONS; v++) {
            struct fake_candidate *c = fake_add(s, arena_printf(&s->arena, "p%u", p),
                                                arena_printf(&s->arena, "%u.0", v), CANDIDATE_INDEX);
            for (unsigned t = 0; t < 3; t++) {
                if (targets[t] >= PROJECTS)
                    continue;
                unsigned low = roll(VERSIONS), high = low + 4 + roll(16);
                if (chance(honest) || (v == hidden[p] && solvable)) {
                    low = hidden[targets[t]] < 8 ? 0 : hidden[targets[t]] - roll(8);
                    high = hidden[targets[t]] + 1 + roll(8);
                }
                fake_require(s, c, "", arena_printf(&s->arena, "p%u>=%u.0,<%u.0", targets[t], low, high));
            }
            if (!solvable && (p == 0 || p == 4))
                fake_require(s, c, "", p ? "p399<20" : "p399>=20");
        }
    }
}

static void solve_in(struct fake_source *s, unsigned root_count, const char *what, long long most_ms,
                     size_t failures)
{
    struct requirement *r = arena_array(&s->arena, root_count, sizeof *r);
    struct resolve_root *roots = arena_array(&s->arena, root_count, sizeof *roots);
    for (unsigned i = 0; i < root_count; i++) {
        cleanup_err struct err err = ERR_INIT;
        if (requirement_parse(&s->arena, text_of(arena_printf(&s->arena, "p%u", i)), &r[i], &err) < 0)
            fail_msg("%s", err.text);
        roots[i] = (struct resolve_root){&r[i], "random", NULL};
    }
    cleanup_arena struct arena a = ARENA_INIT;
    cleanup_err struct err err = ERR_INIT;
    struct resolution out;
    long long start = cpu_microseconds();
    if (resolve(&a, &s->source, roots, root_count, &out, &err) < 0)
        fail_msg("%s", err.text);
    long long took = cpu_microseconds() - start;
    print_message("%s: %lld.%03lld ms, %zu chosen, %zu set aside, %zu looked at\n", what, took / 1000,
                  took % 1000, out.count, out.failure_count, s->asked);
    assert_int_equal(out.failure_count, failures);
#ifdef __SANITIZE_ADDRESS__
    most_ms *= 20;
#endif
    assert_true(took / 1000 <= most_ms);
}

static void traps(void **state)
{
    (void)state;
    static const struct {
        unsigned reach, honest;
        bool solvable;
    } kinds[] = {{40, 70, true}, {10, 40, true},  {5, 20, true},
                 {10, 60, true}, {100, 60, true}, {20, 80, false}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct fake_source s;
        fake_open(&s);
        dice_state = 20261123 + i;
        trap_world(&s, kinds[i].reach, kinds[i].honest, kinds[i].solvable);
        char what[64];
        snprintf(what, sizeof what, "traps %u/%u", kinds[i].reach, kinds[i].honest);
        solve_in(&s, 5, what, 5000, kinds[i].solvable ? 0 : 1);
        fake_close(&s);
    }
}

/* Two roots that never go together, and between them in the order of decisions all the others, which have
 * nothing to do with it: whoever steps back one decision at a time tries all their versions. */
static void pit(void **state)
{
    (void)state;
    struct fake_source s;
    fake_open(&s);
    for (unsigned p = 0; p < PROJECTS; p++)
        for (unsigned v = 0; v < VERSIONS; v++) {
            struct fake_candidate *c = fake_add(&s, arena_printf(&s.arena, "p%u", p),
                                                arena_printf(&s.arena, "%u.0", v), CANDIDATE_INDEX);
            if (p == PROJECTS - 1)
                continue;
            fake_require(&s, c, "", arena_printf(&s.arena, "p%u", p + 1 < PROJECTS - 1 ? p + 1 : p));
            if (p == 0)
                fake_require(&s, c, "", "p399<20");
            if (p == 398 || p == 200)
                fake_require(&s, c, "", arena_printf(&s.arena, "p399==%u.0", p == 200 ? v : 19 + v));
        }
    solve_in(&s, 1, "pit", 5000, 0);
    fake_close(&s);
}

static void ordinary(void **state)
{
    (void)state;
    struct fake_source s;
    fake_open(&s);
    dice_state = 1;
    for (unsigned p = 0; p < 60; p++)
        for (unsigned v = 0; v < VERSIONS; v++) {
            struct fake_candidate *c = fake_add(&s, arena_printf(&s.arena, "p%u", p),
                                                arena_printf(&s.arena, "%u.0", v), CANDIDATE_INDEX);
            for (unsigned t = 0; t < 4 && p < 59; t++)
                fake_require(
                    &s, c, "",
                    arena_printf(&s.arena, "p%u>=%u.0,<%u", p + 1 + roll(59 - p), v / 2, VERSIONS + 1));
        }
    solve_in(&s, 6, "ordinary, 60 projects", 1000, 0);
    fake_close(&s);
}

/* A hundred roots of which a few fail are found without a solve for each. */
static void many_roots(void **state)
{
    (void)state;
    struct fake_source s;
    fake_open(&s);
    dice_state = 2;
    for (unsigned p = 0; p < 200; p++) {
        struct fake_candidate *c = fake_add(&s, arena_printf(&s.arena, "p%u", p), "1.0", CANDIDATE_INDEX);
        if (p < 100)
            fake_require(&s, c, "", arena_printf(&s.arena, "p%u", 100 + p));
        if (p % 25 == 10)
            fake_require(&s, c, "", "p0>=2");
    }
    solve_in(&s, 100, "a hundred roots, four fail", 1000, 4);
    fake_close(&s);
}

static int failing_candidates(void *ctx, const char *name, const struct candidates **out, struct err *err)
{
    struct fake_source *s = ctx;
    if (strcmp(name, "disk") == 0)
        return err_set(err, ERR_SYSTEM, "the disk is full");
    return fake_candidates(s, name, out, err);
}

/* What is no fact about a name ends the resolution, wherever it comes up. */
static void fault_of_the_system(void **state)
{
    (void)state;
    struct fake_source s;
    fake_open(&s);
    s.source.candidates = failing_candidates;
    fake_require(&s, fake_add(&s, "foo", "1.0", CANDIDATE_INDEX), "", "disk");
    struct requirement r;
    assert_int_equal(requirement_parse(&s.arena, T("foo"), &r, NULL), 0);
    struct resolve_root root = {&r, "here", NULL};
    cleanup_arena struct arena a = ARENA_INIT;
    cleanup_err struct err err = ERR_INIT;
    struct resolution out;
    assert_true(resolve(&a, &s.source, &root, 1, &out, &err) < 0);
    assert_int_equal(err.kind, ERR_SYSTEM);
    assert_string_equal(err.text, "the disk is full");
    assert_int_equal(resolve(&a, &s.source, &root, 0, &out, &err), 0);
    assert_int_equal(out.count + out.failure_count, 0);
    fake_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fault_of_the_system),
        cmocka_unit_test(small_worlds),
        cmocka_unit_test(small_worlds_with_prereleases),
        cmocka_unit_test(ordinary),
        cmocka_unit_test(many_roots),
        cmocka_unit_test(pit),
        cmocka_unit_test(traps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
