/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"
#include "boot/fact_private.h"

#include <errno.h>

/* A boot cannot be ended by anybody while it looks at a source, and a tree may be of any size and have links
 * that lead anywhere: so much is looked at in all, a folder counting as so many names. The shallow comes
 * first. */
enum { MOST_NAMES = 50000, A_FOLDER = 16, DEEPEST = 32, LONGEST_TEXT = 4 << 20 };

struct entry {
    char *name;
    bool folder, link;
};
struct entries ARRAY(struct entry);

static void entries_free(struct entries *entries)
{
    array_free(entries);
}
#define cleanup_entries __attribute__((cleanup(entries_free)))

/* A folder below the one that is looked at. At most one link is followed on the way to any: of those in it
 * none leads on, so that none leads round. */
struct spot {
    const char *path, *below; /* absolute; below the source's folder */
    int depth;
    bool linked;    /* a link is on the way */
    bool package;   /* it stands in a regular package */
    bool must_have; /* an __init__.py, or it does not count */
};

struct spots ARRAY(struct spot);

struct look {
    struct arena *a;
    struct buf *to;
    size_t left; /* of MOST_NAMES */
    struct spots spots;
    struct spots inner; /* in packages: their turn comes first, before data that is as deep */
};

/* ---- names */

/* What a developer's tools leave behind: caches, builds, environments, and what editors write beside a file
 * (.X.swp, .#X, #X#, X~, and vim's 4913, by which it tries whether it can). Nothing with a dot in front is
 * ever installed. */
static bool is_source(const char *name)
{
    static const char *const others[] = {"__pycache__", "node_modules", "build", "dist", "4913", NULL};
    struct text t = text_of(name);
    return !text_starts(t, T(".")) && !text_starts(t, T("#")) && !text_ends(t, T("~")) &&
           !text_is_one_of(t, others);
}

/* A folder or file that an import could find. */
static bool is_importable(const char *name)
{
    struct text t = text_of(name), stem = text_first(t, text_find(t, '.')), end = text_from(t, stem.len);
    return text_is_identifier(stem) && is_source(name) &&
           (!end.len || text_ends(end, T(".py")) || text_ends(end, T(".so")));
}

static bool is_code(const char *name)
{
    return is_importable(name) && !text_ends(text_of(name), T(".so"));
}

static bool may_be_folder(const struct entry *e)
{
    return (e->folder || e->link) && !strchr(e->name, '.');
}

static bool may_be_namespace(const struct entry *e)
{
    static const char *const others[] = {"src", "test", "tests", "doc", "docs", "examples", NULL};
    return may_be_folder(e) && is_importable(e->name) && !text_is_one_of(text_of(e->name), others);
}

/* ---- folders */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static struct entry entry_of(struct arena *a, int dirfd, const struct dirent *found)
{
    struct entry e = {arena_strdup(a, found->d_name), found->d_type == DT_DIR, found->d_type == DT_LNK};
    struct stat st;
    if (found->d_type == DT_UNKNOWN && fstatat(dirfd, e.name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        e.folder = S_ISDIR(st.st_mode);
        e.link = S_ISLNK(st.st_mode);
    }
    return e;
}

/* What in a folder has a name that is wanted, sorted; 0, or an errno. Of one with more names than are left
 * there is nothing: which of them came first would be chance. */
static int list(struct look *l, const char *folder, bool (*wanted)(const char *), struct entries *out)
{
    cleanup_closedir DIR *dir = l->left < A_FOLDER ? NULL : opendir(folder);
    struct dirent *found;
    if (!dir)
        return l->left < A_FOLDER ? E2BIG : errno;
    l->left -= A_FOLDER;
    while ((errno = 0, found = readdir(dir))) {
        if (l->left == 0)
            return E2BIG;
        l->left--;
        if (wanted(found->d_name))
            array_push(out, entry_of(l->a, dirfd(dir), found));
    }
    if (errno)
        return errno;
    if (out->count)
        qsort(out->items, out->count, sizeof *out->items, by_name);
    return 0;
}

static struct spot *add_spot(struct look *l, struct spots *to, const struct spot *up, const struct entry *e)
{
    const struct spot spot = {
        .path = path_join(l->a, up->path, e->name),
        .below = *up->below ? path_join(l->a, up->below, e->name) : e->name,
        .depth = up->depth + 1,
        .linked = up->linked || e->link,
    };
    return array_push(to, spot);
}

/* ---- what a source installs */

static void add_stat(struct look *l, const char *folder, const char *name)
{
    buf_printf(l->to, "%s=%s\n", name, fact_stat(l->a, path_join(l->a, folder, name)));
}

/* An egg-info's files are written in place, which its own mtime does not tell. */
static void add_egg_info(struct look *l, const char *folder, const char *name)
{
    static const char *const files[] = {"PKG-INFO", "entry_points.txt", "requires.txt", "top_level.txt"};
    const char *egg_info = path_join(l->a, folder, name);
    struct stat st;
    if (stat(egg_info, &st) == 0 && !S_ISDIR(st.st_mode)) {
        add_stat(l, folder, name);
        return;
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        add_stat(l, egg_info, files[i]);
}

static void add_names(struct look *l, const char *folder, const struct entries *entries)
{
    array_each (entries, e) {
        struct text t = text_of(e->name);
        buf_text(l->to, t);
        buf_char(l->to, '\n');
        if (text_is(t, "pyproject.toml") || text_is(t, "setup.cfg") || text_is(t, "setup.py"))
            add_stat(l, folder, e->name);
        else if (text_ends(t, T(".egg-info")))
            add_egg_info(l, folder, e->name);
    }
}

static bool has_init(const struct entries *entries)
{
    array_each (entries, e)
        if (text_starts(text_of(e->name), T("__init__.")))
            return true;
    return false;
}

/* Of a namespace package each part has a link of its own; a regular one has one for all that is in it. */
static void add_namespace(struct look *l, const struct spot *at)
{
    struct entries entries cleanup_entries = {0};
    bool regular = access(path_join(l->a, at->path, "__init__.py"), F_OK) == 0;
    if (!regular && (errno != ENOENT || list(l, at->path, is_importable, &entries) != 0))
        return;
    if (regular || has_init(&entries)) {
        buf_printf(l->to, "%s/__init__\n", at->below);
        return;
    }
    array_each (&entries, e) {
        buf_printf(l->to, "%s/%s\n", at->below, e->name);
        if (!at->linked && at->depth < DEEPEST && may_be_folder(e))
            add_spot(l, &l->spots, at, e);
    }
}

/* What a folder that packages are looked for in has; 0, or an errno. */
static int add_folder(struct look *l, const char *folder)
{
    struct entries entries cleanup_entries = {0};
    const struct spot top = {.path = folder, .below = ""};
    int sysno = list(l, folder, is_source, &entries);
    if (sysno)
        return sysno;
    add_names(l, folder, &entries);
    array_each (&entries, e)
        if (may_be_namespace(e))
            add_spot(l, &l->spots, &top, e);
    for (size_t i = 0; i < l->spots.count; i++) {
        const struct spot spot = l->spots.items[i];
        add_namespace(l, &spot);
    }
    array_free(&l->spots);
    return 0;
}

char *fact_source(struct arena *a, const char *folder)
{
    struct buf all cleanup_buf = BUF_INIT;
    struct look l = {.a = a, .to = &all, .left = MOST_NAMES};
    int sysno = add_folder(&l, folder);
    if (sysno)
        return fact_failed(a, sysno);
    /* The src layout has its packages and its egg-info there, whatever else stands beside it. */
    l.left = MOST_NAMES;
    add_folder(&l, path_join(a, folder, "src"));
    return fact_digest(a, buf_view(&all));
}

/* ---- its code */

static void add_file(struct look *l, const struct spot *at, const char *name)
{
    struct stat st;
    if (stat(path_join(l->a, at->path, name), &st) == 0 && S_ISREG(st.st_mode))
        buf_printf(l->to, "%s/%s=%lld:%lld\n", at->below, name, (long long)st.st_size, fact_mtime_ns(&st));
}

/* A package or namespace may be a link; in a package none is followed, as plux follows none there. What a
 * link leads to may be no part of the source at all: of such a folder count its modules and the packages in
 * it. */
static void add_code(struct look *l, const struct spot *at)
{
    struct entries entries cleanup_entries = {0};
    bool package = at->package;
    if (list(l, at->path, is_code, &entries) != 0)
        return;
    package |= has_init(&entries);
    if (at->must_have && !package)
        return;
    array_each (&entries, e) {
        if (strchr(e->name, '.'))
            add_file(l, at, e->name);
        else if ((*at->below || strcmp(e->name, "src") != 0) && at->depth < DEEPEST &&
                 (e->folder || (e->link && !package && !at->linked))) {
            struct spot *spot = add_spot(l, package ? &l->inner : &l->spots, at, e);
            spot->package = package;
            spot->must_have = at->linked && !package;
        }
    }
}

char *fact_code(struct arena *a, const char *folder)
{
    struct buf all cleanup_buf = BUF_INIT;
    struct look l = {.a = a, .to = &all, .left = MOST_NAMES};
    size_t next = 0, next_inner = 0;
    array_push(&l.spots, (struct spot){.path = folder, .below = ""});
    array_push(&l.spots, (struct spot){.path = path_join(a, folder, "src"), .below = "src"});
    while (all.len < LONGEST_TEXT && (next_inner < l.inner.count || next < l.spots.count)) {
        const struct spot spot =
            next_inner < l.inner.count ? l.inner.items[next_inner++] : l.spots.items[next++];
        add_code(&l, &spot);
    }
    array_free(&l.inner);
    array_free(&l.spots);
    return fact_digest(a, buf_view(&all));
}
