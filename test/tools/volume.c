/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts a folder as a file system (FUSE) that lacks what shared folders of other systems lack.
 *
 *   volume [--fold] [--refuse WHAT:ERRNO]… FOLDER MOUNT_POINT
 *
 * --fold: names that differ by case or Unicode normalisation alone are names of one file, which is listed by
 * the name that it was made with (shared folders of macOS and Windows, vfat, ext4 with casefold). --refuse:
 * each `link`, `symlink`, `exchange` (a rename with flags), `mode`, `time`, `lock` (of fcntl) or `flock`
 * fails. "ready" comes on standard output once it is mounted; SIGTERM unmounts it.
 */
#define FUSE_USE_VERSION 31
#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <utf8proc.h>

enum refused { LINK, SYMLINK, EXCHANGE, MODE, TIME, LOCK, FLOCK, REFUSABLE };
static const char *const refusable[REFUSABLE] = {"link", "symlink", "exchange", "mode",
                                                 "time", "lock",    "flock"};

static struct {
    int folder;
    bool fold;
    int refuse[REFUSABLE]; /* an errno; 0: it works */
} volume = {.folder = -1};

/* ---- names */

/* What two names have in common that are one here; a name that is no UTF-8 is only itself. */
static char *fold(const char *name)
{
    const utf8proc_option_t how = UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD;
    utf8proc_uint8_t *folded = NULL;
    if (utf8proc_map((const utf8proc_uint8_t *)name, 0, &folded, how) < 0)
        return xstrdup(name);
    return (char *)folded;
}

/* Gives the last part of a path the spelling of what is there; false: there is no such thing. */
static bool spell(char *path, char *last)
{
    struct stat st;
    if (fstatat(volume.folder, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return true;
    cleanup_free char *wanted = fold(last), *above = xstrndup(path, (size_t)(last - path));
    cleanup_close int fd =
        openat(volume.folder, *above ? above : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    cleanup_closedir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return false;
    steal_fd(&fd);
    for (struct dirent *entry; (entry = readdir(dir));) {
        cleanup_free char *got = fold(entry->d_name);
        /* The same file may be longer by another name; the caller's array holds any. */
        if (strcmp(got, wanted) == 0) {
            strcpy(last, entry->d_name);
            return true;
        }
    }
    return false;
}

/* The path below the folder that a path of the volume stands for; what is not there is spelt as given. */
struct place {
    char path[2 * PATH_MAX];
    char *last;
};

static const char *find(struct place *p, const char *path)
{
    struct text rest = text_of(path + 1), part;
    size_t len = 0;
    bool there = volume.fold;
    p->last = p->path;
    if (!rest.len)
        return strcpy(p->path, ".");
    while (text_cut(&rest, '/', &part)) {
        if (len)
            p->path[len++] = '/';
        p->last = p->path + len;
        memcpy(p->last, part.ptr, part.len);
        p->last[part.len] = 0;
        there = there && spell(p->path, p->last);
        len = (size_t)(p->last - p->path) + strlen(p->last);
    }
    return p->path;
}

static int result(int returned)
{
    return returned < 0 ? -errno : 0;
}

/* ---- what the kernel asks for */

static int volume_getattr(const char *path, struct stat *st, struct fuse_file_info *file)
{
    struct place p;
    return result(file ? fstat((int)file->fh, st)
                       : fstatat(volume.folder, find(&p, path), st, AT_SYMLINK_NOFOLLOW));
}

static int volume_readlink(const char *path, char *target, size_t room)
{
    struct place p;
    ssize_t n = readlinkat(volume.folder, find(&p, path), target, room - 1);
    if (n >= 0)
        target[n] = 0;
    return result((int)n);
}

static int volume_mkdir(const char *path, mode_t mode)
{
    struct place p;
    return result(mkdirat(volume.folder, find(&p, path), mode));
}

static int volume_unlink(const char *path)
{
    struct place p;
    return result(unlinkat(volume.folder, find(&p, path), 0));
}

static int volume_rmdir(const char *path)
{
    struct place p;
    return result(unlinkat(volume.folder, find(&p, path), AT_REMOVEDIR));
}

static int volume_symlink(const char *target, const char *path)
{
    struct place p;
    if (volume.refuse[SYMLINK])
        return -volume.refuse[SYMLINK];
    return result(symlinkat(target, volume.folder, find(&p, path)));
}

static int volume_link(const char *from, const char *to)
{
    struct place p, q;
    if (volume.refuse[LINK])
        return -volume.refuse[LINK];
    return result(linkat(volume.folder, find(&p, from), volume.folder, find(&q, to), 0));
}

static int volume_rename(const char *from, const char *to, unsigned flags)
{
    struct place p, q;
    if (flags && volume.refuse[EXCHANGE])
        return -volume.refuse[EXCHANGE];
    find(&p, from);
    find(&q, to);
    if (!flags && strcmp(p.path, q.path) == 0) /* it gets the spelling that is asked for */
        strcpy(q.last, strrchr(to, '/') + 1);
    return result(renameat2(volume.folder, p.path, volume.folder, q.path, flags));
}

static int volume_chmod(const char *path, mode_t mode, struct fuse_file_info *file)
{
    struct place p;
    if (volume.refuse[MODE])
        return -volume.refuse[MODE];
    return result(file ? fchmod((int)file->fh, mode) : fchmodat(volume.folder, find(&p, path), mode, 0));
}

static int volume_chown(const char *path, uid_t user, gid_t group, struct fuse_file_info *file)
{
    struct place p;
    return result(file ? fchown((int)file->fh, user, group)
                       : fchownat(volume.folder, find(&p, path), user, group, AT_SYMLINK_NOFOLLOW));
}

static int volume_utimens(const char *path, const struct timespec times[2], struct fuse_file_info *file)
{
    struct place p;
    if (volume.refuse[TIME])
        return -volume.refuse[TIME];
    return result(file ? futimens((int)file->fh, times)
                       : utimensat(volume.folder, find(&p, path), times, AT_SYMLINK_NOFOLLOW));
}

static int volume_open(const char *path, struct fuse_file_info *file)
{
    struct place p;
    int fd = openat(volume.folder, find(&p, path), (file->flags & ~O_NOFOLLOW) | O_CLOEXEC);
    if (fd >= 0)
        file->fh = (uint64_t)fd;
    return result(fd);
}

static int volume_create(const char *path, mode_t mode, struct fuse_file_info *file)
{
    struct place p;
    int fd = openat(volume.folder, find(&p, path), file->flags | O_CREAT | O_CLOEXEC, mode);
    if (fd >= 0)
        file->fh = (uint64_t)fd;
    return result(fd);
}

static int volume_truncate(const char *path, off_t size, struct fuse_file_info *file)
{
    struct place p;
    cleanup_close int fd = file ? -1 : openat(volume.folder, find(&p, path), O_WRONLY | O_CLOEXEC);
    return result(ftruncate(file ? (int)file->fh : fd, size));
}

static int volume_read(const char *path, char *to, size_t size, off_t at, struct fuse_file_info *file)
{
    (void)path;
    ssize_t n = pread((int)file->fh, to, size, at);
    return n < 0 ? -errno : (int)n;
}

static int volume_write(const char *path, const char *from, size_t size, off_t at,
                        struct fuse_file_info *file)
{
    (void)path;
    ssize_t n = pwrite((int)file->fh, from, size, at);
    return n < 0 ? -errno : (int)n;
}

static int volume_fsync(const char *path, int only_data, struct fuse_file_info *file)
{
    (void)path;
    return result(only_data ? fdatasync((int)file->fh) : fsync((int)file->fh));
}

static int volume_release(const char *path, struct fuse_file_info *file)
{
    (void)path;
    return result(close((int)file->fh));
}

static int volume_opendir(const char *path, struct fuse_file_info *file)
{
    struct place p;
    int fd = openat(volume.folder, find(&p, path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        file->fh = (uint64_t)fd;
    return result(fd);
}

static int volume_readdir(const char *path, void *to, fuse_fill_dir_t fill, off_t at,
                          struct fuse_file_info *file, enum fuse_readdir_flags flags)
{
    (void)path;
    (void)at;
    (void)flags;
    cleanup_close int fd = openat((int)file->fh, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cleanup_closedir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return -errno;
    steal_fd(&fd);
    for (struct dirent *entry; (errno = 0, entry = readdir(dir));) {
        const struct stat st = {.st_ino = entry->d_ino, .st_mode = (mode_t)DTTOIF(entry->d_type)};
        fill(to, entry->d_name, &st, 0, 0);
    }
    return -errno;
}

static int volume_statfs(const char *path, struct statvfs *st)
{
    (void)path;
    return result(fstatvfs(volume.folder, st));
}

static int volume_lock(const char *path, struct fuse_file_info *file, int command, struct flock *lock)
{
    (void)path;
    (void)file;
    (void)command;
    (void)lock;
    return -volume.refuse[LOCK];
}

static int volume_flock(const char *path, struct fuse_file_info *file, int operation)
{
    (void)path;
    (void)file;
    (void)operation;
    return -volume.refuse[FLOCK];
}

/* Nothing is kept: by another spelling the same file may have changed. */
static void *volume_init(struct fuse_conn_info *kernel, struct fuse_config *config)
{
    (void)kernel;
    config->use_ino = config->nullpath_ok = 1;
    config->entry_timeout = config->attr_timeout = config->negative_timeout = 0;
    puts("ready");
    fflush(stdout);
    return NULL;
}

static struct fuse_operations operations = {
    .init = volume_init,
    .getattr = volume_getattr,
    .readlink = volume_readlink,
    .mkdir = volume_mkdir,
    .unlink = volume_unlink,
    .rmdir = volume_rmdir,
    .symlink = volume_symlink,
    .link = volume_link,
    .rename = volume_rename,
    .chmod = volume_chmod,
    .chown = volume_chown,
    .utimens = volume_utimens,
    .open = volume_open,
    .create = volume_create,
    .truncate = volume_truncate,
    .read = volume_read,
    .write = volume_write,
    .fsync = volume_fsync,
    .release = volume_release,
    .opendir = volume_opendir,
    .readdir = volume_readdir,
    .fsyncdir = volume_fsync,
    .releasedir = volume_release,
    .statfs = volume_statfs,
};

/* ---- the command line */

static int refuse(const char *arg, struct err *err)
{
    enum { HIGHEST = 200 };
    struct text rest = text_of(arg), what;
    text_cut(&rest, ':', &what);
    for (size_t i = 0; i < REFUSABLE; i++)
        for (int n = 1; n < HIGHEST && text_is(what, refusable[i]); n++) {
            const char *known = strerrorname_np(n);
            if (known && text_is(rest, known)) {
                volume.refuse[i] = n;
                return 0;
            }
        }
    return err_set(err, ERR_USAGE, "--refuse %s: not WHAT:ERRNO with a WHAT that can be refused", arg);
}

/* Returns how many arguments the options are. */
static int parse(int argc, char **argv, struct err *err)
{
    int at = 1;
    for (; at < argc && *argv[at] == '-'; at++) {
        if (strcmp(argv[at], "--fold") == 0)
            volume.fold = true;
        else if (strcmp(argv[at], "--refuse") != 0 || at + 1 == argc)
            return err_set(err, ERR_USAGE, "there is no option %s", argv[at]);
        else if (refuse(argv[++at], err) < 0)
            return -1;
    }
    return argc - at == 2
               ? at
               : err_set(err, ERR_USAGE, "usage: volume [--fold] [--refuse WHAT:ERRNO]… FOLDER MOUNT_POINT");
}

int main(int argc, char **argv)
{
    struct err err cleanup_err = ERR_INIT;
    log_open("volume");
    int at = parse(argc, argv, &err);
    if (at >= 0 && (volume.folder = open(argv[at], O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        at = err_sys(&err, errno, "cannot open %s", argv[at]);
    if (at < 0) {
        log_error("%s", err.text);
        return 2;
    }
    /* Without one of its own the kernel keeps the locks. */
    if (volume.refuse[LOCK])
        operations.lock = volume_lock;
    if (volume.refuse[FLOCK])
        operations.flock = volume_flock;
    umask(0);
    char options[] = "allow_other,default_permissions", foreground[] = "-f", alone[] = "-s", with[] = "-o";
    char *fuse[] = {argv[0], foreground, alone, with, options, argv[at + 1], NULL};
    return fuse_main((int)(sizeof fuse / sizeof *fuse) - 1, fuse, &operations, NULL);
}
