/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"
#include "base/strmap.h"
#include "dev/layout_private.h"
#include "venv/wheel_path.h"

#include <stdlib.h>

enum { ENTRY_LIMIT = 50000, LINK_LIMIT = 5000 };

const char *layout_at(const struct search *s, const char *place)
{
    return *place ? path_join(s->a, s->folder, place) : s->folder;
}

const char *layout_join(const struct search *s, const char *dir, const char *name)
{
    struct text t = text_of(dir);
    if (text_ends(t, T("/")))
        t.len--;
    if (!t.len || !*name)
        return t.len ? text_dup(s->a, t) : name;
    return arena_printf(s->a, "%.*s/%s", (int)t.len, t.ptr, name);
}

void layout_warn(struct search *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    cleanup_free char *text = xvasprintf(fmt, ap);
    va_end(ap);
    array_push(s->warnings, arena_strdup(s->a, text));
}

void layout_link(struct search *s, const char *path, const char *target)
{
    array_push(s->out, (struct source_link){arena_strdup(s->a, path), arena_strdup(s->a, target)});
}

/* ---- what is named explicitly */

/* A path of a project file as ours: without "./" and a slash at its end; "." for the top itself. NULL where
 * it is none that stays in the folder. */
static const char *clean(struct search *s, const char *path)
{
    struct text rest = text_of(path), part;
    if (*path == '/')
        return NULL;
    while (text_cut(&rest, '/', &part))
        if (text_is(part, ".."))
            return NULL;
    const char *whole = path_absolute(s->a, arena_concat(s->a, "/", path)) + 1;
    return *whole ? (wheel_path_fault(text_of(whole)) ? NULL : whole) : ".";
}

static void take_part(struct search *s, const struct project_part *part)
{
    struct stat st;
    const char *path = clean(s, part->path), *place = clean(s, part->place);
    if (!path || !place || strcmp(path, ".") == 0) {
        layout_warn(s,
                    "%s, which the project in %s installs as %s, is passed over: it leads out of the folder",
                    part->place, s->folder, part->path);
        return;
    }
    bool whole = strcmp(place, ".") == 0;
    const char *at = layout_at(s, whole ? "" : place);
    if (stat(at, &st) < 0) {
        layout_warn(s, "%s, which the project in %s installs as %s, is missing, and passed over", at,
                    s->folder, path);
        return;
    }
    if (S_ISDIR(st.st_mode) && !whole) {
        struct strings names cleanup_strings = {0};
        const struct spot spot = {
            .place = place, .path = path, .files = true, .all = true, .dev = st.st_dev, .ino = st.st_ino};
        layout_names(s, place, &names);
        if (!layout_is_regular(&names) && layout_scan(s, &spot))
            return;
    }
    layout_link(s, path, place);
}

/* ---- what is looked for */

/* Folders to look in, "" for the top; those that nobody names come last. */
static void look_in(struct search *s, struct strings *where)
{
    struct stat st;
    array_each (&s->layout->where, named) {
        const char *place = clean(s, *named);
        if (!place)
            layout_warn(s,
                        "%s, where the project in %s looks for packages, is passed over: it leads out of the "
                        "folder",
                        *named, s->folder);
        else if (stat(layout_at(s, place), &st) < 0 || !S_ISDIR(st.st_mode))
            layout_warn(s, "%s, where the project in %s looks for packages, is no folder",
                        layout_at(s, place), s->folder);
        else
            array_push(where, arena_strdup(s->a, strcmp(place, ".") == 0 ? "" : place));
    }
    if (s->layout->where.count)
        return;
    if (stat(layout_at(s, "src"), &st) == 0 && S_ISDIR(st.st_mode))
        array_push(where, arena_strdup(s->a, "src"));
    array_push(where, arena_strdup(s->a, ""));
}

/* A namespace that holds the package, where there is exactly one, as hatchling has it. */
static bool take_from_namespace(struct search *s, const char *path)
{
    struct strings names cleanup_strings = {0};
    const char *found = NULL;
    layout_names(s, "", &names);
    array_each (&names, name) {
        const char *init = layout_join(s, layout_join(s, *name, path), "__init__.py");
        if (!text_is_identifier(text_of(*name)) || access(layout_at(s, init), F_OK) < 0)
            continue;
        if (found)
            return false;
        found = *name;
    }
    return found && layout_take(s, "", found, false);
}

/* The one that a back end derives from the project's name: packages before modules before namespaces. */
static bool take_only(struct search *s, const struct strings *where)
{
    char *path = arena_strdup(s->a, s->layout->only);
    for (char *c = path; *c; c++)
        *c = *c == '.' ? '/' : *c;
    if (wheel_path_fault(text_of(path)))
        return false;
    for (int regular_only = 1; regular_only >= 0; regular_only--)
        for (size_t i = where->count; i-- > 0;) /* the top first, as all of these have it */
            if (layout_take(s, where->items[i], path, regular_only))
                return true;
    return take_from_namespace(s, path);
}

static bool is_found(const struct search *s, const char *name)
{
    size_t n = strlen(name);
    array_each (s->out, link)
        if (strncmp(link->path, name, n) == 0 && (!link->path[n] || strchr("/.", link->path[n])))
            return true;
    return false;
}

/* Those of top_level.txt that are not found yet; the egg-info can be older than the sources. */
static void take_top_level(struct search *s, const struct strings *where)
{
    array_each (&s->layout->top_level, name) {
        bool tests = strcmp(*name, "test") == 0 || strcmp(*name, "tests") == 0;
        if (!text_is_identifier(text_of(*name)) || is_found(s, *name) ||
            (tests && s->layout->top_level.count > 1))
            continue;
        bool found = false;
        for (size_t i = 0; i < where->count && !found; i++)
            found = layout_take(s, where->items[i], *name, false);
        if (!found)
            layout_warn(
                s,
                "%s has no %s, though the egg-info there names it as one of its packages and modules; "
                "a new `pip install -e` or `setup.py egg_info` corrects that",
                s->folder, *name);
    }
}

static size_t search_in(struct search *s, const char *where)
{
    struct stat st = {0};
    if (!*where)
        return layout_scan_top(s);
    stat(layout_at(s, where), &st);
    const struct spot spot = {.place = where,
                              .path = "",
                              .files = !s->layout->include.count && !s->layout->regular_only,
                              .dev = st.st_dev,
                              .ino = st.st_ino};
    return layout_scan(s, &spot);
}

static void look_for(struct search *s, const struct strings *where)
{
    const struct project_layout *l = s->layout;
    if (l->only && take_only(s, where))
        return;
    if (l->only && !l->top_level.count)
        return;
    size_t before = s->out->count;
    array_each (where, dir) {
        /* The top is only guessed at where nobody knows better. */
        bool guess = !l->where.count && !**dir;
        if (guess && (s->out->count > before || l->top_level.count))
            continue;
        search_in(s, *dir);
    }
    if (!l->parts.count)
        take_top_level(s, where);
    if (!l->where.count && l->top_level.count && s->out->count == before)
        search_in(s, "");
}

/* ---- what comes of it */

static int by_path(const void *a, const void *b)
{
    const struct source_link *x = a, *y = b;
    return strcmp(x->path, y->path);
}

/* The link that this path lies below; NULL for none. */
static struct source_link *above(const struct strmap *map, const char *path)
{
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        struct source_link *link = strmap_get(map, (struct text){path, (size_t)(slash - path)});
        if (link)
            return link;
    }
    return NULL;
}

/* Whether it leads where the link above it would lead as well. */
static bool is_within(const struct source_link *link, const struct source_link *above)
{
    const char *rest = link->path + strlen(above->path) + 1;
    size_t n = strlen(above->target);
    if (strcmp(above->target, ".") == 0)
        return strcmp(link->target, rest) == 0;
    return strncmp(link->target, above->target, n) == 0 && link->target[n] == '/' &&
           strcmp(link->target + n + 1, rest) == 0;
}

/* In place of a package's link one for each of its entries: what stands elsewhere must not be put into it. */
static void open_package(struct search *s, struct source_link package, struct source_links *to)
{
    struct strings names cleanup_strings = {0};
    const char *place = strcmp(package.target, ".") == 0 ? "" : package.target;
    layout_names(s, place, &names);
    array_each (&names, name)
        array_push(to,
                   (struct source_link){layout_join(s, package.path, *name), layout_join(s, place, *name)});
}

/* One round: the first of those with one path stays, what lies in another is dropped, and what cannot be
 * linked as a whole is opened. Returns whether something was opened. */
static bool settle(struct search *s)
{
    struct strmap map cleanup_strmap = STRMAP_INIT, open cleanup_strmap = STRMAP_INIT;
    struct source_links next = {0};
    array_each (s->out, link) {
        void **place = strmap_place(&map, text_of(link->path));
        *place = *place ? *place : link;
    }
    array_each (s->out, link) {
        struct source_link *up = above(&map, link->path);
        if (up && strmap_get(&map, text_of(link->path)) == link && !is_within(link, up))
            *strmap_place(&open, text_of(up->path)) = up;
    }
    array_each (s->out, link) {
        struct source_link *up = above(&map, link->path);
        if (strmap_get(&map, text_of(link->path)) != link || (up && is_within(link, up)))
            continue;
        if (!strmap_get(&open, text_of(link->path)))
            array_push(&next, *link);
    }
    /* After what is named explicitly, which wins. */
    array_each (s->out, link)
        if (strmap_get(&open, text_of(link->path)) == link)
            open_package(s, *link, &next);
    array_free(s->out);
    *s->out = next;
    return open.count > 0;
}

static int nothing(struct search *s, const struct strings *where, struct err *err)
{
    const struct project_layout *l = s->layout;
    struct buf places cleanup_buf = BUF_INIT;
    array_each (where, dir)
        buf_printf(&places, "%s%s", places.len ? " and " : "", layout_at(s, *dir));
    if (l->only)
        return err_set(
            err, ERR_INPUT,
            "the source %s has nothing to link: neither a package nor a module %s is in %s; name what "
            "it installs in its pyproject.toml, in the way of its build back end",
            s->folder, l->only, buf_cstr(&places));
    if (!l->search)
        return err_set(
            err, ERR_INPUT,
            "the source %s has nothing to link: none of the packages and modules that its project file "
            "names is there; correct their names or places in its pyproject.toml",
            s->folder);
    return err_set(
        err, ERR_INPUT,
        "the source %s has nothing to link: no %s was found in %s; name what it installs in its "
        "pyproject.toml, such as packages = [\"…\"] or py-modules = [\"…\"] under [tool.setuptools]",
        s->folder, l->regular_only ? "package with an __init__.py" : "package or module",
        places.len ? buf_cstr(&places) : s->folder);
}

int layout_find(struct arena *a, const char *folder, const struct project_layout *layout,
                struct source_links *out, struct strings *warnings, struct err *err)
{
    struct strings where cleanup_strings = {0};
    struct search s = {
        .a = a, .folder = folder, .layout = layout, .out = out, .warnings = warnings, .left = ENTRY_LIMIT};
    array_each (&layout->parts, part)
        take_part(&s, part);
    if (layout->search) {
        look_in(&s, &where);
        look_for(&s, &where);
    }
    if (!out->count)
        return !layout->search && !layout->parts.count ? 0 : nothing(&s, &where, err);
    while (settle(&s))
        if (out->count > LINK_LIMIT)
            break;
    if (out->count > LINK_LIMIT)
        return err_set(err, ERR_INPUT,
                       "the source %s would need more than %d links; name its packages in its pyproject.toml",
                       folder, LINK_LIMIT);
    qsort(out->items, out->count, sizeof *out->items, by_path);
    return 0;
}
