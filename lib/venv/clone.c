/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/clone.h"

#include "base/array.h"
#include "base/log.h"

#include <errno.h>

enum { DEPTH_LIMIT = 200 }; /* deeper than any package; PATH_MAX would end it anyway */

/* A folder on the way down: made in the target only when it is needed. */
struct level {
    struct level *up;
    const char *name;
    int to; /* -1 until it is needed */
    mode_t mode;
};

static int target(struct level *l, struct err *err)
{
    if (l->to >= 0 || !l->up) /* the top is there from the start */
        return l->to;
    int parent = target(l->up, err);
    if (parent < 0)
        return -1;
    if (mkdirat(parent, l->name, l->mode & 07777) < 0 && errno != EEXIST)
        return err_sys(err, errno, "cannot create folder %s", l->name);
    l->to = openat(parent, l->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return l->to < 0 ? err_sys(err, errno, "cannot open folder %s", l->name) : l->to;
}

static int clone_link(int from, const char *name, int to, struct err *err)
{
    char text[4096];
    ssize_t n = readlinkat(from, name, text, sizeof text - 1);
    if (n < 0)
        return err_sys(err, errno, "cannot read link %s", name);
    text[n] = 0;
    if (symlinkat(text, to, name) < 0 && errno != EEXIST)
        return err_sys(err, errno, "cannot create link %s", name);
    return 0;
}

static unsigned char type_of(int from, const struct dirent *entry)
{
    struct stat st;
    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type;
    if (fstatat(from, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return DT_UNKNOWN;
    return S_ISREG(st.st_mode)   ? DT_REG
           : S_ISDIR(st.st_mode) ? DT_DIR
           : S_ISLNK(st.st_mode) ? DT_LNK
                                 : DT_FIFO;
}

/* A folder at work. */
struct folder {
    const struct clone *clone;
    int from;
    struct level *level;
    struct buf *path;
    size_t length; /* of the folder's own part of `path` */
    bool entered;  /* the linker has come here */
    struct strings below;
    struct arena a; /* of `below` */
};

static void folder_free(struct folder *f)
{
    array_free(&f->below);
    arena_free(&f->a);
}
#define cleanup_folder __attribute__((cleanup(folder_free)))

static void set_path(struct folder *f, const char *name)
{
    f->path->len = f->length;
    if (name)
        buf_printf(f->path, "%s%s", f->length ? "/" : "", name);
    else if (f->path->ptr)
        f->path->ptr[f->length] = 0;
}

static int clone_file(struct folder *f, const char *name, int to, struct err *err)
{
    if (!f->entered) {
        set_path(f, NULL);
        const struct linker_folder folder = {f->from, to, buf_cstr(f->path), LINKER_KEEP, 0};
        if (linker_enter(f->clone->linker, &folder, err) < 0)
            return -1;
        f->entered = true;
    }
    linker_add(f->clone->linker, name, name, NULL);
    return 0;
}

static int clone_entry(struct folder *f, const struct dirent *entry, struct err *err)
{
    const char *name = entry->d_name;
    unsigned char type = type_of(f->from, entry);
    set_path(f, name);
    if (f->clone->skip && f->clone->skip(f->clone->ctx, f->path->ptr, type == DT_DIR))
        return 0;
    if (type == DT_DIR) {
        array_push(&f->below, arena_strdup(&f->a, name));
        return 0;
    }
    if (type != DT_REG && type != DT_LNK) {
        log_warning("%s is neither a file nor a link and is left behind", f->path->ptr);
        return 0;
    }
    int to = target(f->level, err);
    if (to < 0)
        return -1;
    return type == DT_REG ? clone_file(f, name, to, err) : clone_link(f->from, name, to, err);
}

static int clone_level(const struct clone *c, int from_fd, struct level *here, struct buf *path, int depth,
                       struct err *err);

static int clone_below(struct folder *f, const char *name, int depth, struct err *err)
{
    struct stat st;
    set_path(f, name);
    cleanup_close int sub = openat(f->from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (sub < 0 || fstat(sub, &st) < 0)
        return err_sys(err, errno, "cannot open folder %s", buf_cstr(f->path));
    if (depth == DEPTH_LIMIT)
        return err_set(err, ERR_SYSTEM, "%s: folders are nested too deep", buf_cstr(f->path));
    struct level below = {f->level, name, -1, st.st_mode};
    int result = clone_level(f->clone, steal_fd(&sub), &below, f->path, depth + 1, err);
    cleanup_close_fn(&below.to);
    return result;
}

/* Takes over from_fd. The folders in it come after its files, which go on being linked meanwhile. */
static int clone_level(const struct clone *c, int from_fd, struct level *here, struct buf *path, int depth,
                       struct err *err)
{
    cleanup_closedir DIR *dir = fdopendir(from_fd);
    if (!dir) {
        close(from_fd);
        return err_sys(err, errno, "cannot read folder %s", buf_cstr(path));
    }
    struct folder f cleanup_folder = {
        .clone = c, .from = dirfd(dir), .level = here, .path = path, .length = path->len};
    struct dirent *entry;
    size_t seen = 0;
    while ((errno = 0, entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        seen++;
        if (clone_entry(&f, entry, err) < 0)
            return err_wrap(err, "%s", buf_cstr(path));
    }
    if (errno)
        return err_sys(err, errno, "cannot read folder %s", buf_cstr(path));
    array_each (&f.below, name)
        if (clone_below(&f, *name, depth, err) < 0)
            return -1;
    set_path(&f, NULL);
    return seen == 0 && here->up && target(here, err) < 0 ? -1 : 0;
}

int clone_tree(const struct clone *c, int from, int to, struct err *err)
{
    struct buf path cleanup_buf = BUF_INIT;
    int fd = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, errno, "cannot open a folder to copy from");
    struct level top = {NULL, ".", to, 0};
    return clone_level(c, fd, &top, &path, 0, err);
}
