/* SPDX-License-Identifier: Apache-2.0 */
#include "base/lock_file.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* One may be removed between our open and our lock; more often than this, and something else is wrong. */
enum { ATTEMPTS = 8 };

void lock_file_sign(int fd)
{
    char host[256] = "?", when[32];
    time_t now = time(NULL);
    struct tm tm;
    gethostname(host, sizeof host - 1);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
    struct buf line cleanup_buf = BUF_INIT;
    buf_printf(&line, "%s %ld %s\n", host, (long)getpid(), when);
    if (ftruncate(fd, 0) < 0 || pwrite(fd, line.ptr, line.len, 0) < 0)
        log_debug("the lock file cannot be written: %s", strerror(errno));
}

const char *lock_file_holder(struct arena *a, int fd)
{
    char line[512];
    ssize_t n = pread(fd, line, sizeof line, 0);
    struct text rest = {line, n > 0 ? (size_t)n : 0}, host, pid, since;
    if (!text_cut(&rest, ' ', &host) || !text_cut(&rest, ' ', &pid) || !text_cut(&rest, '\n', &since) ||
        !since.len)
        return "";
    return arena_printf(a, "container %.*s, process %.*s, since %.*s", TEXT_ARG(host), TEXT_ARG(pid),
                        TEXT_ARG(since));
}

bool lock_file_is_at(int fd, int dirfd, const char *path)
{
    struct stat ours, theirs;
    return fstat(fd, &ours) == 0 && fstatat(dirfd, path, &theirs, AT_SYMLINK_NOFOLLOW) == 0 &&
           ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

int lock_file_take(struct arena *a, int dirfd, const char *path, int *fd, const char **holder,
                   struct err *err)
{
    *holder = "";
    for (int i = 0; i < ATTEMPTS; i++) {
        cleanup_close int file =
            openat(dirfd, path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
        if (file < 0)
            return err_sys(err, errno, "cannot open %s", path);
        if (flock(file, LOCK_EX | LOCK_NB) < 0) {
            if (errno != EWOULDBLOCK)
                return err_sys(err, errno, "cannot lock %s", path);
            *holder = lock_file_holder(a, file);
            return 1;
        }
        if (!lock_file_is_at(file, dirfd, path))
            continue;
        lock_file_sign(file);
        *fd = steal_fd(&file);
        return 0;
    }
    return err_set(err, ERR_SYSTEM, "somebody keeps removing %s", path);
}

void lock_file_drop(int *fd, int dirfd, const char *path)
{
    if (*fd < 0)
        return;
    /* The file goes while it is locked: who opened it meanwhile sees that it is not there any more. */
    unlinkat(dirfd, path, 0);
    cleanup_close_fn(fd);
}
