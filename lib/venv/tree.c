/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/tree.h"

#include <errno.h>

int tree_create(int dirfd, const char *name, struct err *err)
{
    int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0755);
    return fd >= 0 ? fd : err_sys(err, errno, "cannot create %s", name);
}

int tree_finish(int *fd, const char *name, bool executable, struct stat *st, struct err *err)
{
    struct stat own;
    mode_t mode = executable ? 0755 : 0644;
    st = st ? st : &own;
    if (fstat(*fd, st) < 0)
        return err_sys(err, errno, "cannot look at %s", name);
    if ((st->st_mode & 07777) != mode) {
        if (fs_set_mode(*fd, mode, name, err) < 0)
            return -1;
        /* Where files have no modes (foreign file systems) they have what the mount says. */
        if (fstat(*fd, st) < 0)
            return err_sys(err, errno, "cannot look at %s", name);
    }
    /* Network file systems report here that there was no room. */
    return close(steal_fd(fd)) < 0 ? err_sys(err, errno, "cannot write %s", name) : 0;
}

int tree_write(int dirfd, const char *name, struct text bytes, bool executable, struct err *err)
{
    cleanup_close int fd = tree_create(dirfd, name, err);
    if (fd < 0 || fs_write_fd(fd, bytes, name, err) < 0)
        return -1;
    return tree_finish(&fd, name, executable, NULL, err);
}

int tree_check_spelling(int dirfd, const char *name, struct err *err)
{
    struct arena a cleanup_arena = ARENA_INIT;
    const char *listed;
    if (fs_listed_name(&a, dirfd, name, &listed, err) < 0)
        return -1;
    if (listed && strcmp(listed, name) == 0)
        return 0;
    return err_set(err, ERR_INPUT,
                   "%s is there as %s, on this volume, which does not distinguish case or Unicode forms",
                   name, listed ? listed : "another name");
}

void tree_walk_init(struct tree_walk *w, int root, bool create)
{
    *w = (struct tree_walk){.create = create};
    w->fds[0] = root;
}

static void leave(struct tree_walk *w)
{
    w->moves++;
    close(w->fds[w->depth]);
    w->path.len = w->ends[--w->depth];
}

void tree_walk_free(struct tree_walk *w)
{
    while (w->depth)
        leave(w);
    buf_free(&w->path);
}

/* Plain ASCII has one Unicode form. */
static bool can_have_another_spelling(const struct tree_walk *w, const char *name)
{
    while (*name && (unsigned char)*name < 0x80)
        name++;
    return w->folds || *name;
}

static int enter(struct tree_walk *w, struct text part, struct err *err)
{
    char name[256];
    enum { FLAGS = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };
    if (part.len >= sizeof name || w->depth + 1 >= TREE_DEPTH)
        return err_sys(err, ENAMETOOLONG, "cannot open folder %.*s", TEXT_ARG(part));
    memcpy(name, part.ptr, part.len);
    name[part.len] = 0;
    int at = w->fds[w->depth];
    bool made = w->create && mkdirat(at, name, 0777) == 0;
    if (!made && w->create && errno != EEXIST)
        return err_sys(err, errno, "cannot create folder %s", name);
    if (!made && w->create && can_have_another_spelling(w, name) && tree_check_spelling(at, name, err) < 0)
        return -1;
    int fd = openat(at, name, FLAGS);
    if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
        return err_set(err, ERR_INPUT, "%s, which is a file or a link, would have to be a folder", name);
    if (fd < 0)
        return err_sys(err, errno, "cannot open folder %s", name);
    if (w->depth)
        buf_char(&w->path, '/');
    buf_add(&w->path, part.ptr, part.len);
    w->moves++;
    w->fds[++w->depth] = fd;
    w->ends[w->depth] = w->path.len;
    return 0;
}

int tree_walk_to(struct tree_walk *w, const char *path, const char **name, struct err *err)
{
    *name = path_base(path);
    struct text folder = {path, *name > path ? (size_t)(*name - path) - 1 : 0};
    while (w->depth && !(w->path.len <= folder.len && memcmp(w->path.ptr, folder.ptr, w->path.len) == 0 &&
                         (w->path.len == folder.len || folder.ptr[w->path.len] == '/')))
        leave(w);
    struct text rest = text_from(folder, w->depth ? w->path.len + 1 : 0), part;
    while (rest.len && text_cut(&rest, '/', &part))
        if (enter(w, part, err) < 0)
            return err_wrap(err, "in %s", w->depth ? buf_cstr(&w->path) : "the top folder");
    return w->fds[w->depth];
}
