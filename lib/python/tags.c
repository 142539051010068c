/* SPDX-License-Identifier: Apache-2.0 */
#include "python/tags.h"

#include "base/array.h"

#include <stdint.h>
#include <stdio.h>

enum {
    LONGEST_TAG = 255,    /* no longer than the name of a file */
    MOST_COMBINED = 4096, /* combinations of one compressed set; real files have some dozens */
    NEWEST_MINOR = 199,   /* of a C library, so that nonsense from outside cannot fill the memory */
};

struct tags {
    char **items;
    size_t count;
    uint32_t *slots; /* rank + 1, 0 for free; open addressing */
    size_t mask;
};

/* What is being put together: the result, and the platforms that most tags are combined with. */
struct maker {
    struct arena *arena;
    const struct tag_environment *env;
    struct strings platforms, tags;
};

static uint64_t hash(struct text t)
{
    uint64_t h = 14695981039346656037ULL; /* FNV-1a */
    for (size_t i = 0; i < t.len; i++)
        h = (h ^ (unsigned char)t.ptr[i]) * 1099511628211ULL;
    return h ^ (h >> 29);
}

/* The slot that holds the tag, or the free one where it belongs. */
static uint32_t *slot_of(const struct tags *t, struct text tag)
{
    for (size_t i = hash(tag) & t->mask;; i = (i + 1) & t->mask) {
        uint32_t *slot = &t->slots[i];
        if (!*slot || text_is(tag, t->items[*slot - 1]))
            return slot;
    }
}

static char *lower(char *s)
{
    for (char *p = s; *p; p++)
        *p = ascii_lower(*p);
    return s;
}

/* Platform and ABI names as they stand in tags. */
static char *escape(struct arena *a, struct text from)
{
    char *s = lower(text_dup(a, from));
    for (char *p = s; *p; p++)
        if (*p == '.' || *p == '-' || *p == ' ')
            *p = '_';
    return s;
}

static void add_manylinux(struct maker *m, const char *arch, int major, int newest, int oldest)
{
    static const struct {
        int minor;
        const char *name;
    } legacy[] = {{17, "manylinux2014"}, {12, "manylinux2010"}, {5, "manylinux1"}};

    for (int minor = newest > NEWEST_MINOR ? NEWEST_MINOR : newest; minor >= oldest; minor--) {
        array_push(&m->platforms, arena_printf(m->arena, "manylinux_%d_%d_%s", major, minor, arch));
        for (size_t i = 0; major == 2 && i < sizeof legacy / sizeof *legacy; i++)
            if (legacy[i].minor == minor)
                array_push(&m->platforms, arena_printf(m->arena, "%s_%s", legacy[i].name, arch));
    }
}

/* PEP 600: manylinux promises an ABI, so only architectures that have exactly one count. */
static bool manylinux_applies(const struct tag_environment *env, const char *arch)
{
    static const char *const others[] = {"x86_64", "aarch64",     "ppc64",  "ppc64le",
                                         "s390x",  "loongarch64", "riscv64"};
    if (strcmp(arch, "armv7l") == 0 || strcmp(arch, "armv8l") == 0)
        return env->armhf;
    if (strcmp(arch, "i686") == 0)
        return !env->is_64bit;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(arch, others[i]) == 0)
            return true;
    return false;
}

static void add_glibc(struct maker *m, const char *arch)
{
    enum { LAST_MINOR = 50 }; /* of a major version that has a successor: a guess, as pip's */
    const struct tag_environment *env = m->env;
    bool x86 = strcmp(arch, "x86_64") == 0 || strcmp(arch, "i686") == 0;
    int oldest = x86 ? 5 : 17;

    if (env->glibc_major < 2 || env->glibc_major > NEWEST_MINOR || !manylinux_applies(env, arch))
        return;
    for (int major = env->glibc_major; major >= 2; major--)
        add_manylinux(m, arch, major, major == env->glibc_major ? env->glibc_minor : LAST_MINOR,
                      major == 2 ? oldest : 0);
}

static void add_musl(struct maker *m, const char *arch)
{
    if (m->env->musl_major < 1)
        return;
    int newest = m->env->musl_minor > NEWEST_MINOR ? NEWEST_MINOR : m->env->musl_minor;
    for (int minor = newest; minor >= 0; minor--)
        array_push(&m->platforms,
                   arena_printf(m->arena, "musllinux_%d_%d_%s", m->env->musl_major, minor, arch));
}

static void add_platforms(struct maker *m)
{
    const char *platform = escape(m->arena, text_of(m->env->platform ? m->env->platform : ""));
    if (!text_starts(text_of(platform), T("linux_"))) {
        array_push(&m->platforms, arena_strdup(m->arena, platform));
        return;
    }
    const char *archs[] = {platform + strlen("linux_"), NULL};
    if (!m->env->is_64bit && strcmp(archs[0], "x86_64") == 0)
        archs[0] = "i686"; /* a 32-bit interpreter on a 64-bit kernel */
    else if (!m->env->is_64bit && strcmp(archs[0], "aarch64") == 0)
        archs[0] = "armv8l";
    if (strcmp(archs[0], "armv8l") == 0)
        archs[1] = "armv7l";

    for (size_t i = 0; i < 2 && archs[i]; i++)
        array_push(&m->platforms, arena_printf(m->arena, "linux_%s", archs[i]));
    for (size_t i = 0; i < 2 && archs[i]; i++)
        add_glibc(m, archs[i]);
    for (size_t i = 0; i < 2 && archs[i]; i++)
        add_musl(m, archs[i]);
}

static void add(struct maker *m, const char *interpreter, const char *abi, const char *platform)
{
    array_push(&m->tags, arena_concat(m->arena, interpreter, "-", abi, "-", platform));
}

static void add_all(struct maker *m, const char *interpreter, const char *abi)
{
    array_each (&m->platforms, platform)
        add(m, interpreter, abi, *platform);
}

/* Returns the interpreter's own tag. */
static const char *add_cpython(struct maker *m)
{
    const struct tag_environment *env = m->env;
    bool threaded = env->free_threaded && (env->major > 3 || (env->major == 3 && env->minor >= 13));
    const char *stable = threaded ? "abi3t" : "abi3", *t = threaded ? "t" : "";
    const char *self = arena_printf(m->arena, "cp%d%d", env->major, env->minor);

    if (env->debug)
        add_all(m, self, arena_printf(m->arena, "%s%sd", self, t));
    add_all(m, self, arena_printf(m->arena, "%s%s", self, t)); /* debug builds load these too */
    add_all(m, self, stable);
    add_all(m, self, "none");
    for (int minor = env->minor - 1; minor >= 2; minor--)
        add_all(m, arena_printf(m->arena, "cp%d%d", env->major, minor), stable);
    return self;
}

/* The part of SOABI that names the ABI and not the platform. */
static const char *generic_abi(struct arena *a, struct text soabi)
{
    size_t keep = 0; /* pieces between dashes */
    struct text piece, rest = soabi;
    if (text_starts(soabi, T("cpython"))) {
        text_cut(&rest, '-', &piece);
        return text_cut(&rest, '-', &piece) ? arena_printf(a, "cp%s", escape(a, piece)) : "";
    }
    if (text_starts(soabi, T("cp")))
        keep = 1;
    else if (text_starts(soabi, T("pypy")))
        keep = 2;
    else if (text_starts(soabi, T("graalpy")))
        keep = 3;
    else
        return escape(a, soabi);
    size_t len = 0;
    for (size_t i = 0; i < keep && text_cut(&rest, '-', &piece); i++)
        len = (size_t)(piece.ptr + piece.len - soabi.ptr);
    return escape(a, text_first(soabi, len));
}

static const char *add_generic(struct maker *m)
{
    static const char *const short_names[][2] = {
        {"python", "py"}, {"pypy", "pp"}, {"ironpython", "ip"}, {"jython", "jy"}};
    const char *name = m->env->implementation ? m->env->implementation : "";
    for (size_t i = 0; i < sizeof short_names / sizeof *short_names; i++)
        if (strcmp(name, short_names[i][0]) == 0)
            name = short_names[i][1];
    const char *self = lower(arena_printf(m->arena, "%s%d%d", name, m->env->major, m->env->minor));
    const char *abi = generic_abi(m->arena, text_of(m->env->soabi ? m->env->soabi : ""));
    if (*abi && strcmp(abi, "none") != 0)
        add_all(m, self, abi);
    add_all(m, self, "none");
    return self;
}

/* pyXY, pyX, then every older minor version. */
static void add_any(struct maker *m, const char *self)
{
    struct strings versions = {0};
    int major = m->env->major;
    array_push(&versions, arena_printf(m->arena, "py%d%d", major, m->env->minor));
    array_push(&versions, arena_printf(m->arena, "py%d", major));
    for (int minor = m->env->minor - 1; minor >= 0; minor--)
        array_push(&versions, arena_printf(m->arena, "py%d%d", major, minor));
    array_each (&versions, version)
        add_all(m, *version, "none");
    add(m, self, "none", "any");
    array_each (&versions, version)
        add(m, *version, "none", "any");
    array_free(&versions);
}

static struct tags *finish(struct arena *a, const struct strings *items)
{
    struct tags *t = arena_new(a, struct tags);
    size_t room = 16;
    while (room < items->count * 2)
        room *= 2;
    t->items = arena_array(a, items->count, sizeof *t->items);
    t->slots = arena_array(a, room, sizeof *t->slots);
    t->mask = room - 1;
    array_each (items, item) {
        uint32_t *slot = slot_of(t, text_of(*item));
        if (*slot)
            continue; /* the better rank stays */
        t->items[t->count++] = *item;
        *slot = (uint32_t)t->count;
    }
    return t;
}

struct tags *tags_make(struct arena *a, const struct tag_environment *env)
{
    struct tag_environment checked = *env;
    if (checked.minor > NEWEST_MINOR)
        checked.minor = NEWEST_MINOR;
    struct maker m = {.arena = a, .env = &checked};
    bool cpython = env->implementation && strcmp(env->implementation, "cpython") == 0;

    add_platforms(&m);
    const char *self = cpython ? add_cpython(&m) : add_generic(&m);
    add_any(&m, self);
    struct tags *t = finish(a, &m.tags);
    array_free(&m.platforms);
    array_free(&m.tags);
    return t;
}

size_t tags_count(const struct tags *t)
{
    return t->count;
}

const char *tags_at(const struct tags *t, size_t rank)
{
    return t->items[rank];
}

static size_t pieces(struct text part)
{
    size_t n = 1;
    for (size_t i = 0; i < part.len; i++)
        n += part.ptr[i] == '.';
    return n;
}

static int rank_of(const struct tags *t, struct text interpreter, struct text abi, struct text platform)
{
    char tag[LONGEST_TAG + 1];
    if (interpreter.len + abi.len + platform.len + 2 > LONGEST_TAG)
        return -1;
    int n =
        snprintf(tag, sizeof tag, "%.*s-%.*s-%.*s", TEXT_ARG(interpreter), TEXT_ARG(abi), TEXT_ARG(platform));
    return (int)*slot_of(t, (struct text){lower(tag), (size_t)n}) - 1;
}

int tags_rank(const struct tags *t, struct text tag_set)
{
    struct text part[3], rest = tag_set;
    for (size_t i = 0; i < 3; i++)
        if (!text_cut(&rest, '-', &part[i]))
            return -1;
    if (rest.ptr || tag_set.len > LONGEST_TAG ||
        pieces(part[0]) * pieces(part[1]) * pieces(part[2]) > MOST_COMBINED)
        return -1;

    int best = -1;
    struct text interpreters = part[0], interpreter, abi, platform;
    while (text_cut(&interpreters, '.', &interpreter)) {
        struct text abis = part[1];
        while (text_cut(&abis, '.', &abi)) {
            struct text platforms = part[2];
            while (text_cut(&platforms, '.', &platform)) {
                int rank = rank_of(t, interpreter, abi, platform);
                if (rank >= 0 && (best < 0 || rank < best))
                    best = rank;
            }
        }
    }
    return best;
}
