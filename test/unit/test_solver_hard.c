/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Universes of 400 projects with 40 versions each, of many kinds, all full of traps, against the clock.
 * SOLVER_SEED and SOLVER_HARD_ROUNDS make others and more; SOLVER_VERBOSE prints a line for each.
 */
#include "test.h"

#include "dice.h"
#include "fake_source.h"

enum { PROJECTS = 400, VERSIONS = 40, MAX_TARGETS = 8, MOST_MS = 5000 };

/* How a version's requirement on a target comes about. */
enum shape {
    SHAPE_WINDOW, /* an interval somewhere */
    SHAPE_PIN,    /* one exact version */
    SHAPE_LADDER, /* the same version as its own, give or take */
    SHAPE_FLOOR,  /* its own version or newer, with a cap as releases have it */
    SHAPE_FAR,    /* an interval, of a project shared by many */
};

struct kind {
    const char *name;
    unsigned reach;   /* how many projects further a target may lie */
    unsigned targets; /* of each project */
    unsigned honest;  /* of 100 requirements, those that the hidden solution meets */
    unsigned width;   /* of a window, at least; as much again at random */
    unsigned shapes[5];
    unsigned roots, failing;        /* roots that cannot be met among them */
    unsigned guarded, extras, base; /* of 100 versions or projects */
    bool open;                      /* nothing hidden: whether there is a solution is not known */
};

static const struct kind kinds[] = {
    {"windows, far", 40, 3, 70, 4, {1, 0, 0, 0, 0}, 5, 0, 0, 0, 0, false},
    {"windows, near", 10, 3, 40, 4, {1, 0, 0, 0, 0}, 5, 0, 0, 0, 0, false},
    {"chains", 3, 2, 30, 3, {1, 0, 0, 0, 0}, 3, 0, 0, 0, 0, false},
    {"dense", 60, 7, 80, 10, {1, 0, 0, 0, 0}, 5, 0, 0, 0, 0, false},
    {"dense, near", 16, 6, 70, 8, {1, 0, 0, 0, 0}, 5, 0, 0, 0, 0, false},
    {"diamonds", 30, 4, 60, 5, {3, 0, 0, 0, 2}, 6, 0, 0, 0, 0, false},
    {"pinned pairs", 30, 3, 80, 4, {2, 1, 0, 0, 0}, 5, 0, 0, 0, 0, false},
    {"pins", 20, 3, 60, 4, {0, 1, 0, 0, 0}, 5, 0, 0, 0, 0, false},
    {"ladders", 8, 2, 20, 4, {1, 0, 4, 0, 0}, 5, 0, 0, 0, 0, false},
    {"ladders and pins", 40, 3, 50, 4, {1, 1, 4, 0, 0}, 8, 0, 0, 0, 0, false},
    {"releases", 100, 4, 60, 6, {0, 0, 0, 5, 1}, 10, 0, 0, 0, 0, false},
    {"many roots", 40, 3, 85, 12, {2, 0, 0, 1, 1}, 30, 6, 0, 0, 0, false},
    {"pre-releases, yanked", 30, 3, 60, 5, {3, 1, 0, 1, 0}, 6, 0, 20, 0, 0, false},
    {"extras", 30, 3, 60, 5, {2, 0, 0, 1, 0}, 6, 0, 0, 30, 0, false},
    {"base", 30, 4, 80, 9, {2, 0, 0, 1, 1}, 8, 2, 0, 10, 15, false},
    {"everything", 40, 4, 60, 5, {3, 1, 1, 2, 1}, 20, 4, 10, 15, 5, false},
    {"open, far", 60, 3, 0, 12, {1, 0, 0, 0, 0}, 5, 0, 0, 0, 0, true},
    {"open, near", 8, 3, 0, 11, {1, 0, 0, 0, 0}, 5, 0, 0, 0, 0, true},
    {"open, many roots", 40, 3, 0, 11, {2, 0, 0, 2, 1}, 30, 0, 5, 10, 3, true},
};

enum { KINDS = sizeof kinds / sizeof *kinds };

struct universe_of {
    const struct kind *kind;
    struct fake_source *fake;
    unsigned hidden[PROJECTS];
    bool base[PROJECTS];
    unsigned targets[PROJECTS][MAX_TARGETS];
    enum shape shapes[PROJECTS][MAX_TARGETS];
};

static enum shape random_shape(const struct kind *k)
{
    unsigned all = 0, shape = 0;
    for (unsigned i = 0; i < 5; i++)
        all += k->shapes[i];
    for (unsigned at = roll(all); at >= k->shapes[shape]; shape++)
        at -= k->shapes[shape];
    return (enum shape)shape;
}

static void draw(struct universe_of *u, const struct kind *k)
{
    u->kind = k;
    for (unsigned p = 0; p < PROJECTS; p++) {
        u->hidden[p] = roll(VERSIONS);
        u->base[p] = chance(k->base) && p >= k->roots;
        for (unsigned t = 0; t < k->targets; t++) {
            u->shapes[p][t] = random_shape(k);
            u->targets[p][t] = p + 1 + roll(k->reach);
            if (u->shapes[p][t] == SHAPE_FAR)
                u->targets[p][t] = PROJECTS - 1 - roll(20);
            if (u->targets[p][t] <= p)
                u->targets[p][t] = PROJECTS;
        }
    }
}

static char *interval(struct universe_of *u, unsigned target, unsigned low, unsigned high)
{
    return arena_printf(&u->fake->arena, "p%u%s>=%u.0,<%u.0", target, chance(u->kind->extras) ? "[x]" : "",
                        low, high);
}

/* One that the hidden version meets, or one that does not care. */
static char *random_need(struct universe_of *u, unsigned version, unsigned target, enum shape shape,
                         bool honest)
{
    unsigned hidden = u->hidden[target], width = u->kind->width;
    unsigned low = roll(VERSIONS), high = low + width + roll(2 * width);
    if (shape == SHAPE_LADDER && !honest)
        low = version > 1 ? version - roll(2) : 0, high = low + 1 + roll(2);
    if (shape == SHAPE_FLOOR && !honest)
        low = version > 4 ? version - roll(5) : 0, high = chance(50) ? VERSIONS : version + 1 + width;
    if (honest) {
        unsigned below = roll(width + 1);
        low = hidden < below ? 0 : hidden - below;
        high = hidden + 1 + roll(width + 1);
    }
    if (shape == SHAPE_PIN)
        return arena_printf(&u->fake->arena, "p%u==%u.0", target, honest ? hidden : roll(VERSIONS));
    return interval(u, target, low, high);
}

static void add_version(struct universe_of *u, unsigned p, unsigned v)
{
    const struct kind *k = u->kind;
    bool hidden = v == u->hidden[p] && !k->open, pre = !hidden && chance(k->guarded / 2);
    struct fake_candidate *c = fake_add(u->fake, arena_printf(&u->fake->arena, "p%u", p),
                                        arena_printf(&u->fake->arena, "%u.0%s", v, pre ? "rc1" : ""),
                                        u->base[p] ? CANDIDATE_BASE : CANDIDATE_INDEX);
    c->candidate.yanked = !hidden && !u->base[p] && chance(k->guarded / 2);
    for (unsigned t = 0; t < k->targets; t++) {
        unsigned target = u->targets[p][t];
        bool in_extra = k->extras && t == 0;
        if (target < PROJECTS && (!u->base[p] || in_extra))
            fake_require(
                u->fake, c, in_extra ? "x" : "",
                random_need(u, v, target, u->shapes[p][t], hidden || (!k->open && chance(k->honest))));
    }
}

static void make_universe(struct universe_of *u)
{
    for (unsigned p = 0; p < PROJECTS; p++)
        for (unsigned v = 0; v < VERSIONS; v++)
            if (!u->base[p] || v == u->hidden[p])
                add_version(u, p, v);
}

/* The failing roots ask for exactly what the hidden solution does not have of a project far down: others need
 * that, too, so most of them cannot be met. */
static char *random_root(struct universe_of *u, unsigned i)
{
    const struct kind *k = u->kind;
    unsigned down = PROJECTS - 1 - i;
    if (k->failing && i % (k->roots / k->failing) == k->roots / k->failing - 1)
        return arena_printf(&u->fake->arena, "p%u==%u.0", down, (u->hidden[down] + VERSIONS / 2) % VERSIONS);
    return arena_printf(&u->fake->arena, "p%u", i);
}

static void solve_one(const struct kind *k, uint64_t seed)
{
    struct fake_source s;
    struct universe_of *u = xcalloc(1, sizeof *u);
    fake_open(&s);
    u->fake = &s;
    dice_seed(seed);
    draw(u, k);
    make_universe(u);
    struct requirement *r = arena_array(&s.arena, k->roots, sizeof *r);
    struct resolve_root *roots = arena_array(&s.arena, k->roots, sizeof *roots);
    for (unsigned i = 0; i < k->roots; i++) {
        cleanup_err struct err err = ERR_INIT;
        if (requirement_parse(&s.arena, text_of(random_root(u, i)), &r[i], &err) < 0)
            fail_msg("%s", err.text);
        roots[i] = (struct resolve_root){&r[i], "random", NULL};
    }
    cleanup_arena struct arena a = ARENA_INIT;
    cleanup_err struct err err = ERR_INIT;
    struct resolution out;
    long long start = cpu_microseconds();
    if (resolve(&a, &s.source, roots, k->roots, &out, &err) < 0)
        fail_msg("%s", err.text);
    long long took = (cpu_microseconds() - start) / 1000;
    if (getenv("SOLVER_VERBOSE"))
        print_message("%6lld ms, seed %llu, %s: %zu chosen, %zu set aside, %zu looked at\n", took,
                      (unsigned long long)seed, k->name, out.count, out.failure_count, s.asked);
    if (!k->failing && !k->open)
        assert_int_equal(out.failure_count, 0);
    if (took > MOST_MS * test_slowness())
        fail_msg("seed %llu, %s: %lld ms", (unsigned long long)seed, k->name, took);
    fake_close(&s);
    free(u);
}

static void hard(void **state)
{
    (void)state;
    uint64_t seed = number_from("SOLVER_SEED", 20261123), rounds = number_from("SOLVER_HARD_ROUNDS", KINDS);
    for (uint64_t i = 0; i < rounds; i++)
        solve_one(&kinds[(seed + i) % KINDS], seed + i);
}

enum { CROWD = 20000, LOOKED_AT = 64 };

/* As a source that gives up on a name: of what cannot be read no more is looked at. */
static const char *passes_over(void *ctx, const char *name, const struct candidate *c)
{
    const struct fake_source *s = ctx;
    const struct fake_candidate *f = c->data;
    (void)name;
    return s->asked > LOOKED_AT && f->unreadable ? "enough" : NULL;
}

/* `readable`: the version that can be read, or none of them. */
static void solve_crowd(struct fake_source *s, const char *readable, struct arena *a, struct resolution *out)
{
    cleanup_err struct err err = ERR_INIT;
    struct requirement r;
    fake_open(s);
    s->source.passes_over = passes_over;
    for (unsigned v = 0; v < CROWD; v++) {
        const char *version = arena_printf(&s->arena, "%u.0", v);
        struct fake_candidate *c = fake_add(s, "p", version, CANDIDATE_INDEX);
        c->unreadable = strcmp(version, readable) == 0 ? NULL : "unreadable";
    }
    assert_int_equal(requirement_parse(&s->arena, T("p"), &r, &err), 0);
    const struct resolve_root root = {&r, "random", NULL};
    long long start = cpu_microseconds();
    assert_int_equal(resolve(a, &s->source, &root, 1, out, &err), 0);
    long long took = (cpu_microseconds() - start) / 1000;
    if (took > MOST_MS / 5 * test_slowness())
        fail_msg("%lld ms", took);
}

static void a_crowd_is_passed_over_at_once(void **state)
{
    (void)state;
    cleanup_arena struct arena a = ARENA_INIT;
    struct fake_source s;
    struct resolution out;
    solve_crowd(&s, "", &a, &out);
    assert_int_equal(out.failure_count, 1);
    assert_non_null(strstr(out.failures[0].reason, "p 0.0 to 19935.0 cannot be used: enough."));
    fake_close(&s);
}

static void what_can_be_read_stands_in_a_crowd(void **state)
{
    (void)state;
    cleanup_arena struct arena a = ARENA_INIT;
    struct fake_source s;
    struct resolution out;
    solve_crowd(&s, "5.0", &a, &out);
    assert_int_equal(out.failure_count, 0);
    assert_int_equal(out.count, 1);
    assert_string_equal(out.items[0].candidate->version.text, "5.0");
    assert_int_equal(out.note_count, LOOKED_AT + 1);
    assert_string_equal(out.notes[LOOKED_AT], "p 19935.0 and 19934 other versions are passed over: enough");
    fake_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(hard),
                                       cmocka_unit_test(a_crowd_is_passed_over_at_once),
                                       cmocka_unit_test(what_can_be_read_stands_in_a_crowd)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
