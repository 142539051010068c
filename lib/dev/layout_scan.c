/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"
#include "dev/layout_private.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>

enum { DEPTH_LIMIT = 24 }; /* of namespaces in namespaces */

/* ---- names */

struct text layout_module(const char *file)
{
    struct text whole = text_of(file), stem = text_first(whole, text_find(whole, '.')),
                end = text_from(whole, stem.len);
    bool code = text_is(end, ".py") || text_ends(end, T(".so"));
    return code && text_is_identifier(stem) && !text_starts(stem, T("__init__")) && !text_is(stem, "__main__")
               ? stem
               : T("");
}

/* What setuptools leaves out of a flat layout, where nobody says what a project installs. */
static bool is_beside_packages(const char *name)
{
    static const char *const names[] = {
        "benchmark",  "benchmarks", "bin",           "build", "changelog", "ci",           "dist",
        "doc",        "docs",       "documentation", "env",   "example",   "examples",     "exercise",
        "exercises",  "fabfile",    "manpages",      "news",  "python",    "requirements", "scripts",
        "site_scons", "tasks",      "test",          "tests", "tools",     "unit_test",    "unit_tests",
        "util",       "utils",      "venv",          NULL,
    };
    return *name == '_' || text_is_one_of(text_of(name), names);
}

static bool is_tools_script(struct text module)
{
    static const char *const names[] = {
        "SConstruct", "Sconstruct", "benchmark", "benchmarks", "build",   "conanfile", "conftest", "dodo",
        "example",    "examples",   "exercise",  "exercises",  "fabfile", "manage",    "noxfile",  "pavement",
        "sConstruct", "sconstruct", "setup",     "tasks",      "test",    "tests",     "toxfile",  NULL,
    };
    return *module.ptr == '_' || text_is_one_of(module, names);
}

/* Left out of the top even where that is to be searched and nothing more is said: setuptools would take them,
 * and two projects' tests cannot stand in one site-packages. */
static bool is_trap(const char *name)
{
    static const char *const names[] = {"build", "dist", "test", "tests", NULL};
    return text_is_one_of(text_of(name), names);
}

static bool matches_one(const struct strings *patterns, const char *name)
{
    array_each (patterns, pattern)
        if (fnmatch(*pattern, name, FNM_NOESCAPE) == 0)
            return true;
    return false;
}

static bool is_wanted(const struct search *s, const char *path)
{
    char *dotted = arena_strdup(s->a, path);
    for (char *c = dotted; *c; c++)
        *c = *c == '/' ? '.' : *c;
    return !matches_one(&s->layout->exclude, dotted) &&
           (!s->layout->include.count || matches_one(&s->layout->include, dotted));
}

/* ---- folders */

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void layout_names(struct search *s, const char *place, struct strings *names)
{
    const char *path = layout_at(s, place);
    cleanup_closedir DIR *dir = opendir(path);
    struct dirent *entry;
    names->count = 0;
    if (!dir) {
        layout_warn(s, "%s cannot be read, and is passed over: %s", path, strerror(errno));
        return;
    }
    while (s->left && (entry = readdir(dir))) {
        if (--s->left == 0)
            layout_warn(s,
                        "%s has more in it than can be searched for packages: from %s on nothing is looked "
                        "at; name its packages in its pyproject.toml",
                        s->folder, path);
        if (entry->d_name[0] != '.' && strcmp(entry->d_name, "__pycache__") != 0)
            array_push(names, arena_strdup(s->a, entry->d_name));
    }
    if (names->count)
        qsort(names->items, names->count, sizeof *names->items, by_bytes);
}

bool layout_is_regular(const struct strings *names)
{
    array_each (names, name) {
        struct text file = text_of(*name);
        if (text_is(file, "__init__.py") || (text_starts(file, T("__init__.")) && text_ends(file, T(".so"))))
            return true;
    }
    return false;
}

static bool has_name(const struct strings *names, const char *wanted)
{
    array_each (names, name)
        if (strcmp(*name, wanted) == 0)
            return true;
    return false;
}

static bool holds_files(const struct search *s, const char *place, const struct strings *names)
{
    struct stat st;
    array_each (names, name)
        if (stat(layout_at(s, layout_join(s, place, *name)), &st) == 0 && S_ISREG(st.st_mode))
            return true;
    return false;
}

/* A link in the source that leads back up. */
static bool is_loop(const struct spot *at, const struct stat *st)
{
    for (; at; at = at->up)
        if (at->dev == st->st_dev && at->ino == st->st_ino)
            return true;
    return false;
}

/* ---- scanning */

static size_t scan(struct search *s, const struct spot *at, const struct strings *names);

struct below {
    const char *place, *path;
    struct stat st;
    struct strings names;
    bool regular;
};

struct belows ARRAY(struct below);

static void belows_free(struct belows *all)
{
    array_each (all, b)
        array_free(&b->names);
    array_free(all);
}
#define cleanup_belows __attribute__((cleanup(belows_free)))

/* Whether an entry is a folder that can be a package by its name and is none of another kind. */
static bool open_below(struct search *s, const struct spot *at, const char *name, struct below *b)
{
    *b = (struct below){.place = layout_join(s, at->place, name), .path = layout_join(s, at->path, name)};
    if (!text_is_identifier(text_of(name)) || strcmp(name, "node_modules") == 0)
        return false;
    if (stat(layout_at(s, b->place), &b->st) < 0 || !S_ISDIR(b->st.st_mode))
        return false;
    layout_names(s, b->place, &b->names);
    b->regular = layout_is_regular(&b->names);
    return !has_name(&b->names, "pyvenv.cfg");
}

static size_t scan_below(struct search *s, const struct spot *at, const struct below *b)
{
    bool wanted = at->all || is_wanted(s, b->path);
    if (b->regular && wanted) {
        layout_link(s, b->path, b->place);
        return 1;
    }
    if ((s->layout->regular_only && !b->regular && !at->all) || at->depth == DEPTH_LIMIT ||
        is_loop(at, &b->st))
        return 0;
    const struct spot spot = {
        .up = at,
        .place = b->place,
        .path = b->path,
        .files = wanted,
        .all = at->all,
        .depth = at->depth + 1,
        .dev = b->st.st_dev,
        .ino = b->st.st_ino,
    };
    return scan(s, &spot, &b->names);
}

static size_t scan_module(struct search *s, const struct spot *at, const char *name)
{
    struct stat st;
    const char *place = layout_join(s, at->place, name);
    if (!at->files || !layout_module(name).len || stat(layout_at(s, place), &st) < 0 || !S_ISREG(st.st_mode))
        return 0;
    layout_link(s, layout_join(s, at->path, name), place);
    return 1;
}

/* All that can be packages: before any of them is looked into, so that what is deep below one keeps nobody
 * from seeing the next. */
static void open_all(struct search *s, const struct spot *at, const struct strings *names, struct belows *out)
{
    array_each (names, name) {
        struct below b;
        if (open_below(s, at, *name, &b))
            array_push(out, b);
        else
            array_free(&b.names);
    }
}

static size_t scan(struct search *s, const struct spot *at, const struct strings *names)
{
    struct belows all cleanup_belows = {0};
    struct strings data cleanup_strings = {0};
    size_t count = 0;
    array_each (names, name)
        count += scan_module(s, at, *name);
    open_all(s, at, names, &all);
    array_each (&all, b)
        count += b->regular ? scan_below(s, at, b) : 0;
    array_each (&all, b) {
        size_t found = b->regular ? 1 : scan_below(s, at, b);
        if (!found && holds_files(s, b->place, &b->names) && is_wanted(s, b->path))
            array_push(&data, arena_strdup(s->a, b->place));
        count += b->regular ? 0 : found;
    }
    /* What is no namespace package itself has no data that anybody would miss. */
    if (!count || !*at->path || s->layout->regular_only)
        return count;
    array_each (&data, place)
        layout_warn(
            s,
            "%s is not linked: it holds files but no Python, and stands in a namespace package, which "
            "brings packages and modules alone; an __init__.py in it makes it one",
            layout_at(s, *place));
    return count;
}

size_t layout_scan(struct search *s, const struct spot *at)
{
    struct strings names cleanup_strings = {0};
    layout_names(s, at->place, &names);
    return scan(s, at, &names);
}

/* ---- the top */

static bool is_left_out(const struct search *s, const char *name, bool regular)
{
    const struct project_layout *l = s->layout;
    if (!l->where.count)
        return is_beside_packages(name);
    return !l->include.count && (is_trap(name) || (!regular && is_beside_packages(name)));
}

static bool are_modules(const struct source_links *links, size_t from)
{
    for (size_t i = from; i < links->count; i++)
        if (!layout_module(path_base(links->items[i].path)).len)
            return false;
    return true;
}

/* A folder of scripts beside a package is no package to anybody. */
static void drop_scripts(struct search *s, const struct below *b, size_t before)
{
    if (s->out->count == before || !are_modules(s->out, before))
        return;
    s->out->count = before;
    layout_warn(s,
                "%s is not linked: it has no __init__.py and stands beside packages that have; name all "
                "packages in the pyproject.toml there if it belongs to them",
                layout_at(s, b->place));
}

static size_t scan_top_folders(struct search *s, const struct spot *top, const struct strings *names)
{
    struct belows all cleanup_belows = {0};
    size_t first = s->out->count, regular = 0;
    open_all(s, top, names, &all);
    array_each (&all, b)
        if (b->regular && !is_left_out(s, b->path, true))
            regular += scan_below(s, top, b);
    array_each (&all, b) {
        size_t before = s->out->count;
        if (b->regular || is_left_out(s, b->path, false))
            continue;
        scan_below(s, top, b);
        if (regular && !s->layout->where.count)
            drop_scripts(s, b, before);
    }
    return s->out->count - first;
}

size_t layout_scan_top(struct search *s)
{
    struct strings names cleanup_strings = {0};
    struct stat st = {0};
    stat(s->folder, &st);
    const struct spot top = {.place = "", .path = "", .files = true, .dev = st.st_dev, .ino = st.st_ino};
    layout_names(s, "", &names);
    size_t count = scan_top_folders(s, &top, &names);
    bool packages = count > 0;
    array_each (&names, name) {
        struct text module = layout_module(*name);
        bool script = text_ends(text_of(*name), T(".py"));
        if (s->layout->where.count || !module.len || (script && (packages || is_tools_script(module))))
            continue;
        count += scan_module(s, &top, *name);
    }
    return count;
}

/* ---- one by name */

static bool take_module(struct search *s, const char *where, const char *path)
{
    struct strings names cleanup_strings = {0};
    const char *base = path_base(path), *dir = arena_strndup(s->a, path, (size_t)(base - path));
    const char *place = layout_join(s, where, dir);
    struct stat st;
    size_t before = s->out->count;
    if (stat(layout_at(s, place), &st) < 0 || !S_ISDIR(st.st_mode))
        return false;
    layout_names(s, place, &names);
    const struct spot at = {.place = place, .path = dir, .files = true};
    array_each (&names, name)
        if (text_is(layout_module(*name), base))
            scan_module(s, &at, *name);
    return s->out->count > before;
}

bool layout_take(struct search *s, const char *where, const char *path, bool regular_only)
{
    const char *base = path_base(path);
    const char *dir = arena_strndup(s->a, path, base > path ? (size_t)(base - path) - 1 : 0);
    const struct spot at = {.place = layout_join(s, where, dir), .path = dir};
    struct below b;
    bool taken = open_below(s, &at, base, &b) && (b.regular || !regular_only) && scan_below(s, &at, &b);
    array_free(&b.names);
    return taken || take_module(s, where, path);
}
