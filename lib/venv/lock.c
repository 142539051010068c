/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/lock.h"

#include "base/fs.h"
#include "base/log.h"
#include "boot/state.h"

#include <errno.h>
#include <time.h>

/* HOST PID TIME, for whoever waits. */
static void sign(int fd)
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

static void say_holder(int fd)
{
    char line[512];
    ssize_t n = pread(fd, line, sizeof line - 1, 0);
    struct text rest = {line, n > 0 ? (size_t)n : 0}, host, pid, since;
    if (text_cut(&rest, ' ', &host) && text_cut(&rest, ' ', &pid) && text_cut(&rest, '\n', &since) &&
        since.len)
        log_info("waiting for another sync of this volume: container %.*s, process %.*s, since %.*s",
                 TEXT_ARG(host), TEXT_ARG(pid), TEXT_ARG(since));
    else
        log_info("waiting for another sync of this volume");
}

static int set_lock(int fd, int command)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    while (fcntl(fd, command, &lock) < 0)
        if (errno != EINTR)
            return -1;
    return 0;
}

/* Removed, and perhaps made anew by another, between our open and our lock: then ours locks nobody out. */
static bool is_still_there(int fd, const char *path)
{
    struct stat ours, theirs;
    return fstat(fd, &ours) == 0 && lstat(path, &theirs) == 0 && ours.st_dev == theirs.st_dev &&
           ours.st_ino == theirs.st_ino;
}

/* 0 with the lock, 1 where the volume has none. */
static int wait_for_lock(int fd, const char *path, struct err *err)
{
    if (set_lock(fd, F_OFD_SETLK) == 0)
        return 0;
    if (errno == EAGAIN || errno == EACCES) {
        say_holder(fd);
        if (set_lock(fd, F_OFD_SETLKW) == 0)
            return 0;
    } else if (errno == ENOLCK || errno == ENOSYS || errno == EOPNOTSUPP || errno == EINVAL) {
        log_warning("this volume has no file locks (%s): see to it that no other container syncs it at "
                    "the same time",
                    strerror(errno));
        return 1;
    }
    return err_sys(err, errno, "cannot lock %s", path);
}

int lock_take(const char *extensions_dir, bool *unlocked, struct err *err)
{
    struct arena a cleanup_arena = ARENA_INIT;
    const char *path = path_join(&a, extensions_dir, SYNC_LOCK);
    *unlocked = false;
    for (;;) {
        /* Never through a link, nor stuck in a fifo: it is written to. */
        cleanup_close int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
        if (fd < 0)
            return err_sys(err, errno, "cannot open the lock %s", path);
        int got = wait_for_lock(fd, path, err);
        *unlocked = got == 1;
        if (got != 0)
            return -1;
        if (is_still_there(fd, path)) {
            sign(fd);
            return steal_fd(&fd);
        }
    }
}
