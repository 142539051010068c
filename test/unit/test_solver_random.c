/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random universes with a fixed seed: small ones compared with a search through everything, large ones full
 * of traps against the clock. SOLVER_SEED and SOLVER_ROUNDS make longer and other runs.
 */
#include "test.h"

#include "dice.h"
#include "fake_source.h"

enum { MAX_PROJECTS = 7, MAX_ROOTS = 4, EXTRAS = 2 };

/* What a world has beside versions, extras, installed ones and a base. */
enum kind {
    PLAIN,
    GUARDED,  /* pre-releases and yanked versions */
    DIRECT,   /* direct references */
    TOLERANT, /* base conflicts are tolerated */
    KINDS
};

static const char *const extra_names[EXTRAS] = {"x", "y"};

struct world {
    struct fake_source fake;
    unsigned projects;
    enum kind kind;
    struct requirement requirements[MAX_ROOTS];
    struct resolve_root roots[MAX_ROOTS];
    unsigned root_count;
};

static const char *name_of(struct world *w, unsigned project)
{
    return arena_printf(&w->fake.arena, "p%u", project);
}

/* Two of them for each project; what stands behind may be there, or not, or be broken. */
static char *url_of(struct world *w, unsigned project, unsigned number)
{
    return arena_printf(&w->fake.arena, "https://there.example/%u/%u", project, number);
}

static const char *random_extras(void)
{
    static const char *const extras[] = {"[x]", "[y]", "[x,y]"};
    return chance(20) ? extras[roll(3)] : "";
}

static char *requirement_on(struct world *w, unsigned project)
{
    static const char *const plain[] = {"", "", "", ">=2", "<2", "==1.0", "!=2.0", "<3", ">=3", ">=9"};
    static const char *const guarded[] = {"",   "",   ">=3.0rc1", "==3.0rc1", ">2",    "==2.0",
                                          "<3", "<4", ">=1.5",    "!=1.0",    "!=4.0", "<=3.0"};
    const char *specifier = w->kind == GUARDED ? guarded[roll(12)] : plain[roll(10)];
    const char *name = name_of(w, project), *extras = random_extras();
    if (chance(w->kind == DIRECT ? 25 : w->kind == TOLERANT ? 3 : 0))
        return arena_printf(&w->fake.arena, "%s%s @ %s", name, extras, url_of(w, project, roll(2)));
    return arena_printf(&w->fake.arena, "%s%s%s", name, extras, specifier);
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

/* An extra that asks for another one of its own project, as "all" does. */
static char *own_extra(struct world *w, const char *name)
{
    return arena_printf(&w->fake.arena, "%s[%s]", name, extra_names[roll(EXTRAS)]);
}

static struct candidate *random_candidate(struct world *w, unsigned project, const char *version,
                                          enum candidate_origin origin)
{
    const char *name = name_of(w, project);
    struct fake_candidate *c = fake_add(&w->fake, name, version, origin);
    bool found = origin == CANDIDATE_INDEX || origin == CANDIDATE_DIRECT;
    if (found && chance(8))
        c->candidate.excluded = "needs another Python";
    if (origin == CANDIDATE_INDEX && w->kind == GUARDED && chance(20))
        c->candidate.yanked = true;
    if (found && chance(4))
        c->unreadable = "it cannot be read";
    if (origin == CANDIDATE_INSTALLED && w->kind == DIRECT && chance(30))
        c->candidate.url = url_of(w, project, roll(2));
    for (unsigned n = origin == CANDIDATE_BASE ? 0 : roll(4); n > 0; n--)
        fake_require(&w->fake, c, "", random_requirement(w));
    for (unsigned i = 0; i < EXTRAS; i++)
        if (chance(40))
            fake_require(&w->fake, c, extra_names[i],
                         chance(25) ? own_extra(w, name) : random_requirement(w));
    return &c->candidate;
}

static void break_url(struct world *w, unsigned project, unsigned number)
{
    char *key = arena_printf(&w->fake.arena, "%s @ %s", name_of(w, project), url_of(w, project, number));
    *strmap_place(&w->fake.broken_urls, text_of(key)) =
        arena_strdup(&w->fake.arena, "there.example does not answer");
}

static void random_project(struct world *w, unsigned project)
{
    static const char *const versions[] = {"1.0", "2.0", "3.0", "4.0"};
    if (chance(w->kind == TOLERANT ? 35 : 12)) {
        random_candidate(w, project, versions[roll(3)], CANDIDATE_BASE);
        return;
    }
    unsigned count = 1 + roll(4), installed = chance(25) ? roll(4) : 4;
    for (unsigned v = 0; v < count; v++)
        random_candidate(w, project, w->kind == GUARDED && v == 2 ? "3.0rc1" : versions[v],
                         v == installed ? CANDIDATE_INSTALLED : CANDIDATE_INDEX);
    unsigned direct = w->kind == DIRECT ? roll(3) : 0;
    for (unsigned n = 0; n < direct; n++)
        random_candidate(w, project, versions[roll(4)], CANDIDATE_DIRECT)->url = url_of(w, project, n);
    if (direct < 2 && chance(50))
        break_url(w, project, direct);
}

static void random_world(struct world *w, enum kind kind)
{
    memset(w, 0, sizeof *w);
    fake_open(&w->fake);
    w->kind = kind;
    w->projects = 3 + roll(MAX_PROJECTS - 2);
    w->fake.source.tolerate_base_conflicts = kind == TOLERANT;
    for (unsigned p = 0; p < w->projects; p++)
        random_project(w, p);
    w->root_count = 1 + roll(MAX_ROOTS);
    for (unsigned i = 0; i < w->root_count; i++) {
        cleanup_err struct err err = ERR_INIT;
        if (requirement_parse(&w->fake.arena, text_of(random_root(w, i)), &w->requirements[i], &err) < 0)
            fail_msg("%s", err.text);
        w->roots[i] = (struct resolve_root){&w->requirements[i], "random", NULL};
    }
}

/* For SOLVER_VERBOSE: the world as a story, in the form of test/data/solver. */
static void tell_candidate(const char *name, const struct fake_candidate *f)
{
    static const char *const origins[] = {"index", "installed", "base", "direct"};
    const struct candidate *c = &f->candidate;
    print_message("%s %s %s %s\n", origins[c->origin], name, c->version.text, c->url ? c->url : "");
    if (c->excluded)
        print_message("    excluded %s\n", c->excluded);
    if (c->yanked)
        print_message("    yanked\n");
    if (f->unreadable)
        print_message("    unreadable %s\n", f->unreadable);
    for (unsigned i = 0; i <= EXTRAS; i++) {
        const char *extra = i ? extra_names[i - 1] : "";
        struct fake_needs *n = strmap_get(&f->needs, text_of(extra));
        for (size_t k = 0; n && k < n->items.count; k++)
            print_message("    %s%s %s\n", i ? "extra " : "needs", extra, n->items.items[k].text);
    }
}

static void tell_world(struct world *w)
{
    for (unsigned p = 0; p < w->projects; p++)
        array_each (&fake_project(&w->fake, name_of(w, p))->all, c)
            tell_candidate(name_of(w, p), *c);
    for (unsigned i = 0; i < w->root_count; i++)
        print_message("root random %s\n", w->requirements[i].text);
}

/* ---- the search through everything: by the rules alone, with nothing of the solver in it */

struct oracle {
    struct world *w;
    const struct candidates *list[MAX_PROJECTS + 1];
    int choice[MAX_PROJECTS + 1]; /* -1: not needed so far */
    bool strict;   /* what nobody gets without asking comes only where the user's own requirements ask */
    bool tolerant; /* what the base does not meet is met all the same */
};

struct visit {
    const struct requirement *requirements[256];
    unsigned count, roots;
    bool plain[MAX_PROJECTS + 1], extra[MAX_PROJECTS + 1][EXTRAS];
};

static unsigned project_of(const struct requirement *r)
{
    return (unsigned)atoi(r->name + 1);
}

static bool pinned(const struct requirement *r)
{
    return strncmp(r->specifiers.text, "==", 2) == 0;
}

static bool meets(const struct requirement *r, const struct candidate *c)
{
    if (r->url)
        return c->url && strcmp(c->url, r->url) == 0;
    return specifier_set_contains(&r->specifiers, &c->version);
}

/* What counts as a release that stands in the way of pre-releases. */
static bool is_final(const struct candidate *c)
{
    return !c->version.is_pre && !c->excluded && c->origin != CANDIDATE_DIRECT;
}

static bool asks_for(const struct oracle *o, const struct requirement *r, const struct candidate *c)
{
    const struct candidates *list = o->list[project_of(r)];
    if (c->origin == CANDIDATE_DIRECT)
        return r->url && meets(r, c);
    if (c->yanked && !pinned(r))
        return false;
    if (!c->version.is_pre || c->origin != CANDIDATE_INDEX || r->specifiers.names_prerelease)
        return true;
    for (size_t i = 0; i < list->count; i++)
        if (is_final(&list->items[i]) && meets(r, &list->items[i]))
            return false;
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
        bool meets_all = is_final(&list->items[k]);
        for (unsigned i = 0; i < v->roots && meets_all; i++)
            meets_all = project_of(v->requirements[i]) != p || meets(v->requirements[i], &list->items[k]);
        any = !meets_all;
    }
    return any;
}

/* Whether nobody has to ask, or somebody does. */
static bool asked(const struct oracle *o, const struct visit *v, unsigned p)
{
    const struct candidate *c = &o->list[p]->items[o->choice[p]];
    bool direct = c->origin == CANDIDATE_DIRECT, pre = c->version.is_pre && c->origin == CANDIDATE_INDEX;
    if (!c->yanked && !pre && !direct)
        return true;
    for (unsigned i = 0; i < (o->strict ? v->roots : v->count); i++)
        if (project_of(v->requirements[i]) == p && asks_for(o, v->requirements[i], c))
            return true;
    return !c->yanked && !direct && asked_together(o, v, p);
}

/* Puts what a candidate requires on the list, once for itself and once for each extra. */
static void need(struct oracle *o, struct visit *v, unsigned project, bool *done, const char *extra)
{
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
        if (!meets(r, c) && !(o->tolerant && c->origin == CANDIDATE_BASE))
            return FAILS;
        need(o, v, p, &v->plain[p], "");
        for (size_t k = 0; k < r->extra_count; k++) {
            unsigned extra = strcmp(r->extras[k], extra_names[1]) == 0;
            need(o, v, p, &v->extra[p][extra], extra_names[extra]);
        }
    }
    for (unsigned p = 0; p < o->w->projects; p++)
        if (v->plain[p] && !asked(o, v, p))
            return FAILS;
    return HOLDS;
}

static bool usable(const struct candidate *c)
{
    return !c->excluded && !((const struct fake_candidate *)c->data)->unreadable;
}

static void begin(const struct oracle *o, struct visit *v, const bool *wanted)
{
    *v = (struct visit){0};
    for (unsigned i = 0; i < o->w->root_count; i++)
        if (wanted[i])
            v->requirements[v->count++] = &o->w->requirements[i];
    v->roots = v->count;
}

static bool search(struct oracle *o, const bool *wanted)
{
    struct visit v;
    begin(o, &v, wanted);
    int open = follow(o, &v);
    if (open < 0)
        return open == HOLDS;
    bool found = false;
    for (size_t c = 0; c < o->list[open]->count && !found; c++) {
        o->choice[open] = (int)c;
        found = usable(&o->list[open]->items[c]) && search(o, wanted);
    }
    o->choice[open] = -1;
    return found;
}

static void forget_choices(struct oracle *o)
{
    for (unsigned p = 0; p < o->w->projects; p++)
        o->choice[p] = -1;
}

/* All candidates there are, those behind all the URLs included. */
static void ask_for_lists(struct oracle *o, struct world *w)
{
    *o = (struct oracle){.w = w, .tolerant = w->kind == TOLERANT};
    for (unsigned p = 0; p < w->projects; p++) {
        array_each (&fake_project(&w->fake, name_of(w, p))->all, c)
            if ((*c)->candidate.origin == CANDIDATE_DIRECT)
                fake_direct(&w->fake, name_of(w, p), (*c)->candidate.url, NULL);
        assert_int_equal(fake_candidates(&w->fake, name_of(w, p), &o->list[p], NULL), 0);
    }
    forget_choices(o);
}

/* The lists are made anew for each URL: what a candidate is, is its data. */
static int place_of(const struct candidates *list, const struct candidate *c)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].data == c->data)
            return (int)i;
    fail_msg("not a candidate: %s", c->version.text);
    return -1;
}

/* What the solver chose holds, and nothing in it is without need. */
static void check_solution(struct oracle *o, const struct resolution *r, const bool *kept)
{
    struct visit v;
    begin(o, &v, kept);
    for (size_t i = 0; i < r->count; i++) {
        unsigned p = (unsigned)atoi(r->items[i].name + 1);
        o->choice[p] = place_of(o->list[p], r->items[i].candidate);
        assert_true(usable(r->items[i].candidate));
    }
    assert_int_equal(follow(o, &v), HOLDS);
    unsigned needed = 0;
    for (unsigned p = 0; p < o->w->projects; p++)
        needed += v.plain[p];
    assert_int_equal(needed, r->count);
    for (size_t i = 0; i < r->count; i++) {
        unsigned p = (unsigned)atoi(r->items[i].name + 1);
        assert_int_equal(r->items[i].extra_count, v.extra[p][0] + v.extra[p][1]);
    }
    forget_choices(o);
}

/* Base conflicts are let pass only where there is no solution otherwise, and never without a note. */
static void check_tolerance(struct oracle *o, const struct resolution *r, const bool *kept)
{
    struct visit v;
    begin(o, &v, kept);
    size_t notes = 0;
    for (size_t i = 0; i < r->note_count; i++)
        notes += strstr(r->notes[i], "used all the same") != NULL;
    for (size_t i = 0; i < r->count; i++) {
        unsigned p = (unsigned)atoi(r->items[i].name + 1);
        o->choice[p] = place_of(o->list[p], r->items[i].candidate);
    }
    o->tolerant = false;
    bool conflict = follow(o, &v) != HOLDS;
    forget_choices(o);
    assert_int_equal(conflict, notes > 0);
    if (conflict)
        assert_false(search(o, kept));
    o->tolerant = o->w->kind == TOLERANT;
}

/*
 * Where the first candidate of everything is a solution, that is what comes out: the newest, or what is
 * installed. (Not said of what has to be asked for: whether it comes depends on more.)
 */
static void check_preference(struct oracle *o, const struct resolution *r, const bool *kept)
{
    for (unsigned p = 0; p < o->w->projects; p++) {
        const struct candidates *list = o->list[p];
        size_t first = 0;
        while (first < list->count && !usable(&list->items[first]))
            first++;
        const struct candidate *c = first < list->count ? &list->items[first] : NULL;
        bool plain = c && c->origin != CANDIDATE_DIRECT && !c->yanked &&
                     (!c->version.is_pre || c->origin != CANDIDATE_INDEX);
        o->choice[p] = plain ? (int)first : -1;
    }
    struct visit v;
    begin(o, &v, kept);
    o->tolerant = false;
    if (follow(o, &v) == HOLDS)
        for (size_t i = 0; i < r->count; i++) {
            unsigned p = (unsigned)atoi(r->items[i].name + 1);
            assert_int_equal(o->choice[p], place_of(o->list[p], r->items[i].candidate));
        }
    o->tolerant = o->w->kind == TOLERANT;
    forget_choices(o);
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
        assert_ptr_equal(again.items[i].candidate->data, r->items[i].candidate->data);
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

/* Each that was set aside has no solution together with those kept before it. Who asks for a pre-release, a
 * yanked version or a URL may be a version that nothing led the solver to; it is not held to find that. */
static void check_failures(struct oracle *o, const struct resolution *r, const bool *kept)
{
    bool wanted[MAX_ROOTS] = {false};
    for (size_t i = 0; i < r->failure_count; i++) {
        check_names(o->w, &r->failures[i]);
        check_reason(o->w, &r->failures[i]);
    }
    o->strict = true;
    for (unsigned i = 0; i < o->w->root_count; i++) {
        wanted[i] = true;
        if (!kept[i])
            assert_false(search(o, wanted));
        wanted[i] = kept[i];
    }
    o->strict = false;
}

static void check_world(enum kind kind)
{
    struct world w;
    random_world(&w, kind);
    if (getenv("SOLVER_VERBOSE"))
        tell_world(&w);
    cleanup_arena struct arena a = ARENA_INIT;
    cleanup_err struct err err = ERR_INIT;
    struct resolution r;
    if (resolve(&a, &w.fake.source, w.roots, w.root_count, &r, &err) < 0)
        fail_msg("%s", err.text);
    struct oracle o;
    ask_for_lists(&o, &w);
    bool kept[MAX_ROOTS];
    memset(kept, true, sizeof kept);
    for (size_t i = 0; i < r.failure_count; i++)
        kept[r.failures[i].root] = false;
    check_solution(&o, &r, kept);
    check_tolerance(&o, &r, kept);
    check_preference(&o, &r, kept);
    check_without_failures(&w, &r, kept);
    check_failures(&o, &r, kept);
    fake_close(&w.fake);
}

static void small_worlds(void **state)
{
    enum kind kind = *(const enum kind *)*state;
    uint64_t seed = number_from("SOLVER_SEED", 4566), rounds = number_from("SOLVER_ROUNDS", 4000);
    for (uint64_t i = 0; i < rounds; i++) {
        dice_seed(KINDS * (seed + i) + kind);
        if (getenv("SOLVER_VERBOSE"))
            print_message("seed %llu\n", (unsigned long long)(seed + i));
        check_world(kind);
    }
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
    assert_true(took / 1000 <= most_ms * test_slowness());
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
    static enum kind kinds[KINDS] = {PLAIN, GUARDED, DIRECT, TOLERANT};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fault_of_the_system),
        {"small_worlds", small_worlds, NULL, NULL, &kinds[PLAIN]},
        {"small_worlds_with_prereleases", small_worlds, NULL, NULL, &kinds[GUARDED]},
        {"small_worlds_with_direct_references", small_worlds, NULL, NULL, &kinds[DIRECT]},
        {"small_worlds_with_a_tolerated_base", small_worlds, NULL, NULL, &kinds[TOLERANT]},
        cmocka_unit_test(ordinary),
        cmocka_unit_test(many_roots),
        cmocka_unit_test(pit),
        cmocka_unit_test(traps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
