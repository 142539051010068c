/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/clone.h"

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

static int clone_file(const struct clone *c, int from, const char *name, int to, struct err *err)
{
    struct err why cleanup_err = ERR_INIT;
    if (fs_link_or_copy(c->linker, from, name, to, name, &why) == 0 || why.sysno == EEXIST)
        return 0;
    return err_move(err, &why);
}

static int clone_level(const struct clone *c, int from_fd, struct level *here, struct buf *path, int depth,
                       struct err *err);

static int clone_folder(const struct clone *c, int from, const char *name, struct level *here,
                        struct buf *path, int depth, struct err *err)
{
    struct stat st;
    cleanup_close int sub = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (sub < 0 || fstat(sub, &st) < 0)
        return err_sys(err, errno, "cannot open folder %s", buf_cstr(path));
    if (depth == DEPTH_LIMIT)
        return err_set(err, ERR_SYSTEM, "%s: folders are nested too deep", buf_cstr(path));
    struct level below = {here, name, -1, st.st_mode};
    int result = clone_level(c, steal_fd(&sub), &below, path, depth + 1, err);
    cleanup_close_fn(&below.to);
    return result;
}

/* Takes over from_fd. */
static int clone_level(const struct clone *c, int from_fd, struct level *here, struct buf *path, int depth,
                       struct err *err)
{
    cleanup_closedir DIR *dir = fdopendir(from_fd);
    if (!dir) {
        close(from_fd);
        return err_sys(err, errno, "cannot read folder %s", buf_cstr(path));
    }
    size_t length = path->len, seen = 0;
    struct dirent *entry;
    while ((errno = 0, entry = readdir(dir))) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            continue;
        seen++;
        path->len = length;
        buf_printf(path, "%s%s", length ? "/" : "", name);
        unsigned char type = type_of(dirfd(dir), entry);
        int result = 0, to;
        if (c->skip && c->skip(c->ctx, path->ptr, type == DT_DIR))
            continue;
        if (type == DT_DIR)
            result = clone_folder(c, dirfd(dir), name, here, path, depth, err);
        else if (type != DT_REG && type != DT_LNK)
            log_warning("%s is neither a file nor a link and is left behind", path->ptr);
        else if ((to = target(here, err)) < 0)
            result = -1;
        else
            result = type == DT_REG ? clone_file(c, dirfd(dir), name, to, err)
                                    : clone_link(dirfd(dir), name, to, err);
        if (result < 0)
            return err_wrap(err, "%s", path->ptr);
        errno = 0;
    }
    if (errno)
        return err_sys(err, errno, "cannot read folder %s", buf_cstr(path));
    path->len = length;
    if (path->ptr)
        path->ptr[length] = 0;
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
