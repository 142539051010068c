/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/placing.h"

#include "base/array.h"
#include "venv/layout.h"

#include <errno.h>
#include <stdint.h>

enum { FOLDER_DEPTH = 100 };

void placing_begin(struct placing *p, const struct install_target *target, const char *owner, bool overwrite)
{
    *p = (struct placing){.target = target, .owner = owner, .overwrite = overwrite};
    tree_walk_init(&p->to, target->fd, true);
    p->to.folds = layout_folds_case(target->fd);
}

void placing_end(struct placing *p)
{
    tree_walk_free(&p->to);
    arena_free(&p->a);
}

/* The venv's own paths are ASCII, and in lower case where they are not there from the start. */
static bool is_venvs_own(struct placing *p, const char *path)
{
    if (!p->to.folds)
        return layout_owns(path, p->target->site_packages);
    char *lower = arena_strdup(&p->a, path);
    for (char *c = lower; *c; c++)
        *c = ascii_lower(*c);
    return layout_owns(lower, p->target->site_packages);
}

int placing_claim(struct placing *p, const char *path, struct err *err)
{
    if (is_venvs_own(p, path))
        return err_set(err, ERR_INPUT, "it would overwrite %s, which is the venv's own", path);
    void **owner = strmap_place(p->target->owners, text_of(path));
    if (*owner && strcmp(*owner, p->owner) == 0)
        return err_set(err, ERR_INPUT, "two of its files would become %s", path);
    if (*owner)
        return err_set(err, ERR_INPUT, "it would overwrite %s, which belongs to %s", path,
                       (const char *)*owner);
    *owner = (void *)(uintptr_t)p->owner; /* kept by the caller for as long as the map; nobody writes to it */
    return 0;
}

/* ---- folders */

/* Says whose the file or link is that stands in the place of a folder, where it is anybody's. */
static int in_the_way(struct placing *p, const char *path, struct err *err)
{
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        struct text prefix = {path, (size_t)(slash - path)};
        const char *owner = strmap_get(p->target->owners, prefix), *place = text_dup(&p->a, prefix);
        struct stat st;
        if (!owner || fstatat(p->target->fd, place, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISDIR(st.st_mode))
            continue;
        if (!S_ISLNK(st.st_mode))
            return err_set(err, ERR_INPUT, "%s, which is a file of %s, would have to be a folder for %s",
                           place, owner, path);
        const char *to = fs_readlink(&p->a, p->target->fd, place, NULL);
        return err_set(err, ERR_INPUT,
                       "%s, which is a link of %s to its source %s, would have to be a folder for %s, and "
                       "nothing is put "
                       "into a source",
                       place, owner, to ? to : "", path);
    }
    return -1;
}

int placing_folder(struct placing *p, const char *path, const char **name, struct err *err)
{
    int dir = tree_walk_to(&p->to, path, name, err);
    return dir < 0 ? in_the_way(p, path, err) : dir;
}

/* ---- files */

/* Takes away what is in a file's place and nobody's (carried over from the old venv), where that is allowed.
 */
static int make_way(const struct placing *p, int dir, const char *path, struct err *err)
{
    const char *name = path_base(path);
    if (!err || err->sysno != EEXIST)
        return -1;
    err_clear(err);
    if (tree_check_spelling(dir, name, err) < 0)
        return err_wrap(err, "in %.*s", (int)(name - path) - 1, path);
    if (p->overwrite && unlinkat(dir, name, 0) == 0)
        return 0;
    return err_set(err, ERR_INPUT,
                   "it would overwrite %s, which is there already and is no distribution's file", path);
}

int placing_write(struct placing *p, const char *path, struct text bytes, bool executable, struct err *err)
{
    const char *name;
    int dir = placing_folder(p, path, &name, err);
    if (dir < 0)
        return -1;
    if (tree_write(dir, name, bytes, executable, err) == 0)
        return 0;
    return make_way(p, dir, path, err) < 0 ? -1 : tree_write(dir, name, bytes, executable, err);
}

/* ---- links */

/* The first file in a folder that is no byte code; NULL where there is none. */
static const char *first_file(struct placing *p, int dir, const char *path, int depth)
{
    struct strings names cleanup_strings = {0};
    if (depth == FOLDER_DEPTH || fs_list(&p->a, dir, path, &names, NULL) < 0)
        return path;
    bool byte_code = strcmp(path_base(path), "__pycache__") == 0;
    array_each (&names, name) {
        struct stat st;
        const char *below = path_join(&p->a, path, *name), *found = below;
        if (fstatat(dir, below, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
            found = first_file(p, dir, below, depth + 1);
        else if (byte_code && text_ends(text_of(*name), T(".pyc")))
            found = NULL;
        if (found)
            return found;
    }
    return NULL;
}

/* Who has a file below this path; NULL for nobody. */
static const char *owner_below(const struct placing *p, const char *path)
{
    struct text folder = {path, strlen(path)};
    for (size_t i = 0; i < p->target->owners->room; i++) {
        const struct strmap_entry *e = &p->target->owners->slots[i];
        if (e->value && e->key.len > folder.len && e->key.ptr[folder.len] == '/' &&
            text_starts(e->key, folder))
            return e->value;
    }
    return NULL;
}

/* Takes away a folder that is in a link's place, where that loses nothing. */
static int clear_folder(struct placing *p, int dir, const char *path, struct err *err)
{
    const char *owner = owner_below(p, path), *name = path_base(path);
    if (owner)
        return err_set(err, ERR_INPUT, "it is to be linked as %s, which is a folder with files of %s", path,
                       owner);
    const char *file = first_file(p, dir, name, 0);
    if (!file)
        return fs_remove_tree(dir, name, err);
    return err_set(
        err, ERR_INPUT,
        "it is to be linked as %s, which is a folder that is there already with %s in it, which is no "
        "distribution's file; move that elsewhere",
        path, file);
}

static int make_way_for_link(struct placing *p, int dir, const char *path, const char *target,
                             struct err *err)
{
    const char *name = path_base(path), *leads;
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(err, errno, "cannot look at %s", path);
    if (S_ISDIR(st.st_mode)) {
        if (tree_check_spelling(dir, name, err) < 0)
            return err_wrap(err, "in %.*s", (int)(name - path) - 1, path);
        return clear_folder(p, dir, path, err);
    }
    leads = S_ISLNK(st.st_mode) ? fs_readlink(&p->a, dir, name, NULL) : NULL;
    if (leads && strcmp(leads, target) == 0 && unlinkat(dir, name, 0) == 0)
        return 0;
    err_sys(err, EEXIST, "cannot create link %s", path);
    return make_way(p, dir, path, err);
}

int placing_link(struct placing *p, const char *path, const char *target, struct err *err)
{
    const char *name;
    int dir = placing_folder(p, path, &name, err);
    if (dir < 0)
        return -1;
    if (symlinkat(target, dir, name) == 0)
        return 0;
    if (errno == EEXIST) {
        if (make_way_for_link(p, dir, path, target, err) < 0)
            return -1;
        if (symlinkat(target, dir, name) == 0)
            return 0;
    }
    if (fs_has_no_links(errno))
        return err_set(
            err, ERR_INPUT,
            "the volume of the virtual environment takes no symbolic links (%s: %s), so that no source "
            "can be linked into it",
            path, strerror(errno));
    return err_sys(err, errno, "cannot create link %s", path);
}
