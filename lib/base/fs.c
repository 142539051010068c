/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"

#include "base/array.h"
#include "base/log.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>

enum { ATTEMPTS = 8, NEW_DIGITS = 8 };

static const char new_suffix[] = ".new";

void fs_fill_standard(int flags)
{
    /* In this order the lowest number that is free is the one that is looked at. */
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR | flags) < 0)
            return;
}

char *path_under(struct arena *a, const char *root, const char *path)
{
    return root && *root ? arena_concat(a, root, path) : arena_strdup(a, path);
}

char *path_join(struct arena *a, const char *dir, const char *name)
{
    size_t n = strlen(dir);
    return arena_concat(a, dir, n && dir[n - 1] == '/' ? "" : "/", name);
}

const char *path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *path_absolute(struct arena *a, const char *path)
{
    struct buf whole cleanup_buf = BUF_INIT;
    if (*path != '/') {
        cleanup_free char *cwd = getcwd(NULL, 0);
        buf_str(&whole, cwd ? cwd : "/");
        buf_char(&whole, '/');
    }
    buf_str(&whole, path);
    char *out = arena_alloc(a, whole.len + 2);
    size_t len = 0;
    struct text rest = buf_view(&whole), piece;
    while (text_cut(&rest, '/', &piece)) {
        if (piece.len == 0 || text_is(piece, "."))
            continue;
        if (text_is(piece, "..")) {
            while (len && out[--len] != '/')
                ;
            continue;
        }
        out[len++] = '/';
        memcpy(out + len, piece.ptr, piece.len);
        len += piece.len;
    }
    if (len == 0)
        out[len++] = '/';
    out[len] = 0;
    return out;
}

/* What it is, of kinds that nobody means by the name of a file. */
static const char *unreadable_kind(mode_t mode)
{
    return S_ISFIFO(mode)   ? "a pipe (FIFO)"
           : S_ISSOCK(mode) ? "a socket"
           : S_ISBLK(mode)  ? "a block device"
                            : NULL;
}

const char *fs_unreadable(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? unreadable_kind(st.st_mode) : NULL;
}

static int refuse_kind(const char *path, mode_t mode, struct err *err)
{
    return err_set(err, ERR_INPUT, "%s is %s, not a regular file", path, unreadable_kind(mode));
}

static int read_to_end(int fd, const char *path, size_t limit, struct buf *out, struct err *err)
{
    size_t total = 0;
    for (;;) {
        size_t want = total < 4096 ? 4096 : 65536;
        char *to = buf_reserve(out, want);
        ssize_t n = read(fd, to, want);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, errno, "cannot read %s%s", path,
                           errno == EISDIR ? " (Docker makes a folder of a file that is to be mounted and is "
                                             "not there)"
                                           : "");
        if (n == 0)
            return 0;
        out->len += (size_t)n;
        out->ptr[out->len] = 0;
        total += (size_t)n;
        if (total > limit)
            return err_set(err, ERR_INPUT, "%s is larger than %s", path, text_size(limit).s);
    }
}

/* O_NONBLOCK: the open of a fifo waits for a writer, in PID 1 with all signals blocked for ever. */
int fs_read(int dirfd, const char *path, size_t limit, struct buf *out, struct err *err)
{
    struct stat st;
    cleanup_close int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    int sysno = errno;
    if (fd < 0 && sysno == ENXIO && fstatat(dirfd, path, &st, 0) == 0 && unreadable_kind(st.st_mode))
        return refuse_kind(path, st.st_mode, err);
    if (fd < 0)
        return err_sys(err, sysno, "cannot open %s", path);
    if (fstat(fd, &st) < 0)
        return err_sys(err, errno, "cannot read %s", path);
    if (unreadable_kind(st.st_mode))
        return refuse_kind(path, st.st_mode, err);
    return read_to_end(fd, path, limit, out, err);
}

int fs_read_waiting(int dirfd, const char *path, size_t limit, struct buf *out, struct err *err)
{
    cleanup_close int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return err_sys(err, errno, "cannot open %s", path);
    return read_to_end(fd, path, limit, out, err);
}

int fs_write_fd(int fd, struct text bytes, const char *path, struct err *err)
{
    while (bytes.len) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, errno, "cannot write %s", path);
        bytes = text_from(bytes, (size_t)n);
    }
    return 0;
}

/* What is said of modes and times by file systems that have none (EPERM, EOPNOTSUPP; ENOSYS: FUSE), and by
 * all of somebody else's files. */
static bool is_not_for_us(int sysno)
{
    return sysno == EPERM || sysno == EOPNOTSUPP || sysno == ENOSYS;
}

int fs_set_mode(int fd, mode_t mode, const char *path, struct err *err)
{
    return fchmod(fd, mode) < 0 && !is_not_for_us(errno)
               ? err_sys(err, errno, "cannot set the mode of %s", path)
               : 0;
}

static int sync_dir_at(int dirfd, const char *path, struct err *err)
{
    cleanup_close int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, errno, "cannot open %s", path);
    if (fsync(fd) < 0 && errno != EINVAL && errno != EROFS)
        return err_sys(err, errno, "cannot sync %s", path);
    return 0;
}

int fs_sync_dir(const char *path, struct err *err)
{
    return sync_dir_at(AT_FDCWD, path, err);
}

char *fs_new_name(struct arena *a, const char *path)
{
    const char *base = path_base(path);
    return arena_printf(a, "%.*s.%s.%08x%s", (int)(base - path), path, base, (unsigned)arc4random(),
                        new_suffix);
}

char *fs_new_name_of(struct arena *a, const char *name)
{
    struct text rest = text_of(name);
    if (!text_starts(rest, T(".")) || !text_ends(rest, text_of(new_suffix)))
        return NULL;
    const char *end = name + rest.len - strlen(new_suffix), *digits = end;
    while (digits > name && strchr("0123456789abcdef", digits[-1]))
        digits--;
    bool has_form = digits < end && end - digits <= NEW_DIGITS && digits > name + 2 && digits[-1] == '.';
    return has_form ? arena_strndup(a, name + 1, (size_t)(digits - 2 - name)) : NULL;
}

bool fs_hold_new(int fd, int dirfd, const char *name)
{
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return errno != EWOULDBLOCK;
    return fs_exists(dirfd, name);
}

/* *hidden: its name, of the arena. */
static int create_new(struct arena *a, int dirfd, const char *path, mode_t mode, char **hidden,
                      struct err *err)
{
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        *hidden = fs_new_name(a, path);
        cleanup_close int fd = openat(dirfd, *hidden, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (fd < 0 && errno != EEXIST)
            return err_sys(err, errno, "cannot create %s", *hidden);
        if (fd >= 0 && fs_hold_new(fd, dirfd, *hidden))
            return steal_fd(&fd);
    }
    return err_set(err, ERR_SYSTEM, "somebody keeps removing what is written beside %s", path);
}

/* Network file systems report at a close that there was no room. That of a second descriptor leaves the lock.
 */
static int close_twin(int fd)
{
    int twin = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    return twin < 0 ? -1 : close(twin);
}

int fs_write(int dirfd, const char *path, struct text bytes, mode_t mode, bool durable, struct err *err)
{
    struct arena names cleanup_arena = ARENA_INIT;
    char *hidden;
    cleanup_close int fd = create_new(&names, dirfd, path, mode, &hidden, err);
    if (fd < 0)
        return -1;
    int result = fs_write_fd(fd, bytes, path, err);
    if (result == 0 && durable && fsync(fd) < 0)
        result = err_sys(err, errno, "cannot sync %s", path);
    if (result == 0 && close_twin(fd) < 0)
        result = err_sys(err, errno, "cannot write %s", path);
    if (result == 0 && renameat(dirfd, hidden, dirfd, path) < 0)
        result = err_sys(err, errno, "cannot rename %s to %s", hidden, path);
    if (result < 0) {
        unlinkat(dirfd, hidden, 0);
        return -1;
    }
    size_t folder = (size_t)(path_base(path) - path);
    return durable ? sync_dir_at(dirfd, folder ? arena_strndup(&names, path, folder) : ".", err) : 0;
}

/* Whoever sweeps takes the lock before he removes: once we have it, and the folder is still there, it is
 * ours. Where the volume has no locks, nobody sweeps. */
int fs_new_dir(struct arena *a, const char *path, char **hidden, struct err *err)
{
    size_t parent = (size_t)(path_base(path) - path);
    const char *above = parent > 1 ? arena_strndup(a, path, parent - 1) : parent ? "/" : ".";
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        struct err why cleanup_err = ERR_INIT;
        *hidden = fs_new_name(a, path);
        if (fs_mkdirs(above, err) < 0)
            return -1;
        if (mkdir(*hidden, 0777) < 0) {
            if (errno != EEXIST && errno != ENOENT) /* somebody removes the folder above when it is empty */
                return err_sys(err, errno, "cannot create folder %s", *hidden);
            continue;
        }
        cleanup_close int fd = fs_open_dir(AT_FDCWD, *hidden, &why);
        if (fd < 0 && why.sysno != ENOENT)
            return err_move(err, &why);
        if (fd >= 0 && fs_hold_new(fd, AT_FDCWD, *hidden))
            return steal_fd(&fd);
    }
    return err_set(err, ERR_SYSTEM, "somebody keeps removing %s", *hidden);
}

/* A shared lock, which wants no right to write. Another sweep may have one too: it goes all the same. Who is
 * about to lock what he has just made is refused, and makes another. */
static void sweep_one(int folder, mode_t kind, const char *name)
{
    struct stat st;
    struct err err cleanup_err = ERR_INIT;
    cleanup_close int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0 || (st.st_mode & S_IFMT) != kind || flock(fd, LOCK_SH | LOCK_NB) < 0)
        return;
    if (fs_remove_tree(folder, name, &err) == 0)
        log_debug("removed %s, which somebody left who was killed", name);
    else
        log_debug("%s", err.text);
}

void fs_sweep(int folder, mode_t kind, bool (*is_ours)(const char *name, const void *data), const void *data)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct strings names cleanup_strings = {0};
    if (fs_list(&a, folder, ".", &names, NULL) < 0)
        return;
    array_each (&names, name) {
        const char *of = fs_new_name_of(&a, *name);
        if (of && is_ours(of, data))
            sweep_one(folder, kind, *name);
    }
}

bool fs_exists(int dirfd, const char *path)
{
    struct stat st;
    return fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int fs_mkdirs(const char *path, struct err *err)
{
    if (mkdir(path, 0777) == 0)
        return 0;
    int sysno = errno;
    struct stat st;
    if (sysno == EEXIST && stat(path, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            return 0;
        return err_sys(err, ENOTDIR, "cannot create folder %s", path);
    }
    if (sysno == ENOENT) {
        cleanup_free char *parent = xstrdup(path);
        char *slash = strrchr(parent, '/');
        if (slash && slash != parent) {
            *slash = 0;
            if (fs_mkdirs(parent, err) < 0)
                return -1;
            if (mkdir(path, 0777) == 0 || errno == EEXIST)
                return 0;
            sysno = errno;
        }
    } else if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        return 0; /* a read-only file system says EROFS even where the folder is there */
    }
    return err_sys(err, sysno, "cannot create folder %s", path);
}

bool fs_has_no_links(int sysno)
{
    return sysno == EPERM || sysno == EOPNOTSUPP || sysno == ENOSYS || sysno == EACCES || sysno == EROFS ||
           sysno == EPROTO;
}

char *fs_readlink(struct arena *a, int dirfd, const char *path, struct err *err)
{
    char target[4096];
    ssize_t n = readlinkat(dirfd, path, target, sizeof target);
    if (n < 0 || n == (ssize_t)sizeof target) {
        err_sys(err, n < 0 ? errno : ENAMETOOLONG, "cannot read link %s", path);
        return NULL;
    }
    return arena_strndup(a, target, (size_t)n);
}

int fs_open_dir(int dirfd, const char *path, struct err *err)
{
    int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? err_sys(err, errno, "cannot open folder %s", path) : fd;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int fs_list(struct arena *a, int dirfd, const char *path, struct strings *names, struct err *err)
{
    cleanup_close int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cleanup_closedir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return err_sys(err, errno, "cannot read folder %s", path);
    steal_fd(&fd);
    struct dirent *entry;
    while ((errno = 0, entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            array_push(names, arena_strdup(a, entry->d_name));
    if (errno)
        return err_sys(err, errno, "cannot read folder %s", path);
    if (names->count)
        qsort(names->items, names->count, sizeof *names->items, compare_names);
    return 0;
}

int fs_listed_name(struct arena *a, int dirfd, const char *name, const char **listed, struct err *err)
{
    struct strings names cleanup_strings = {0};
    struct stat wanted, st;
    *listed = NULL;
    if (fs_list(a, dirfd, ".", &names, err) < 0)
        return -1;
    if (fstatat(dirfd, name, &wanted, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(err, errno, "cannot look at %s", name);
    array_each (&names, item)
        if (strcmp(*item, name) == 0)
            *listed = *item;
    for (size_t i = 0; i < names.count && !*listed; i++)
        if (fstatat(dirfd, names.items[i], &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_dev == wanted.st_dev &&
            st.st_ino == wanted.st_ino)
            *listed = names.items[i];
    return 0;
}

static int copy_bytes(int in, int out, off_t size)
{
    off_t done = 0;
    while (done < size) {
        ssize_t n = copy_file_range(in, NULL, out, NULL, (size_t)(size - done), 0);
        if (n < 0 && done == 0)
            break; /* EXDEV, EINVAL, ENOSYS, EOPNOTSUPP: by hand below */
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        done += n;
    }
    char chunk[65536];
    for (;;) {
        ssize_t n = read(in, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return (int)n;
        for (ssize_t at = 0; at < n;) {
            ssize_t w = write(out, chunk + at, (size_t)(n - at));
            if (w < 0 && errno != EINTR)
                return -1;
            at += w > 0 ? w : 0;
        }
    }
}

int fs_copy_fd(int from, int to, const char *path, struct err *err)
{
    struct stat st;
    if (lseek(from, 0, SEEK_SET) < 0 || fstat(from, &st) < 0 || copy_bytes(from, to, st.st_size) < 0)
        return err_sys(err, errno, "cannot copy %s", path);
    return 0;
}

static int copy_file(struct fs_linker *l, int fromfd, const char *from, int tofd, const char *to,
                     struct err *err)
{
    cleanup_close int in = openat(fromfd, from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    if (in < 0 || fstat(in, &st) < 0)
        return err_sys(err, errno, "cannot open %s", from);
    if (unreadable_kind(st.st_mode))
        return refuse_kind(from, st.st_mode, err);
    cleanup_close int out = openat(tofd, to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, st.st_mode & 0777);
    if (out < 0)
        return err_sys(err, errno, "cannot create %s", to);
    if (l->way == FS_REFLINK && ioctl(out, FICLONE, in) < 0)
        l->way = FS_COPY;
    if (l->way == FS_COPY && copy_bytes(in, out, st.st_size) < 0)
        return err_sys(err, errno, "cannot copy %s", to);
    if (fs_set_mode(out, st.st_mode & 07777, to, err) < 0)
        return -1;
    const struct timespec times[2] = {st.st_atim, st.st_mtim};
    if (futimens(out, times) < 0 && !is_not_for_us(errno))
        return err_sys(err, errno, "cannot set the time of %s", to);
    if (close(steal_fd(&out)) < 0)
        return err_sys(err, errno, "cannot write %s", to);
    return 0;
}

int fs_link_or_copy(struct fs_linker *l, int fromfd, const char *from, int tofd, const char *to,
                    struct err *err)
{
    if (l->way == FS_HARDLINK) {
        if (linkat(fromfd, from, tofd, to, 0) == 0)
            return 0;
        switch (errno) {
        case EMLINK: { /* this file has too many names; the next may not */
            struct fs_linker copy = {FS_REFLINK};
            return copy_file(&copy, fromfd, from, tofd, to, err);
        }
        case EXDEV:
        case EPERM:
        case EACCES:
        case ENOSYS:
        case EOPNOTSUPP:
            l->way = FS_REFLINK;
            break;
        default:
            return err_sys(err, errno, "cannot link %s", to);
        }
    }
    return copy_file(l, fromfd, from, tofd, to, err);
}
