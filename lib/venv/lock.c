/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/lock.h"

#include "base/fs.h"
#include "base/lock_file.h"
#include "base/log.h"
#include "base/stopwatch.h"
#include "boot/state.h"

#include <errno.h>

/* Bytes of the file, of which each is locked by itself. WORK is the lock; SIGNED is taken after it, once the
 * file says who has it: what it says before that is of the last one, who may be gone for long. */
enum { WORK, SIGNED };

/* From WORK to SIGNED it is a few microseconds, unless the machine is very busy or the holder frozen. */
enum { SIGNED_WITHIN_MS = 1000 };

/* Syncs that may end before it is seen whose they are; then one is waited for without its name. */
enum { SHORT_ONES = 8 };

static struct flock lock_of(int byte)
{
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
}

static int set_lock(int fd, int command, int byte)
{
    struct flock lock = lock_of(byte);
    while (fcntl(fd, command, &lock) < 0)
        if (errno != EINTR)
            return -1;
    return 0;
}

static bool is_locked(int fd, int byte)
{
    struct flock lock = lock_of(byte);
    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

static void sign(int fd)
{
    lock_file_sign(fd);
    if (set_lock(fd, F_OFD_SETLK, SIGNED) < 0)
        log_debug("nobody will see who holds the lock: %s", strerror(errno));
}

/* Who has WORK, as lock_file_holder; *held is false where nobody has it any more. */
static const char *read_holder(struct arena *a, int fd, bool *held)
{
    long long until = stopwatch_ms() + SIGNED_WITHIN_MS;
    while ((*held = is_locked(fd, WORK))) {
        if (is_locked(fd, SIGNED))
            return lock_file_holder(a, fd);
        if (stopwatch_ms() >= until)
            break;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return "";
}

/* False, and nothing is said: it has ended while we looked whose it is; never so when it is the last look. */
static bool say_holder(int fd, bool last)
{
    struct arena a cleanup_arena = ARENA_INIT;
    bool held;
    const char *holder = read_holder(&a, fd, &held);
    if (held || last)
        log_info("waiting for another sync of this volume%s%s", *holder ? ": " : "", holder);
    return held || last;
}

/* 0 with the lock, 1 where the volume has none. */
static int wait_for_lock(int fd, const char *path, struct err *err)
{
    bool wait = false;
    for (int i = 0; set_lock(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, WORK) < 0; i++) {
        if (!wait && (errno == EAGAIN || errno == EACCES)) {
            wait = say_holder(fd, i == SHORT_ONES);
        } else if (errno == ENOLCK || errno == ENOSYS || errno == EOPNOTSUPP || errno == EINVAL) {
            log_warning("this volume has no file locks (%s): see to it that no other container syncs it at "
                        "the same time",
                        strerror(errno));
            return 1;
        } else {
            return err_sys(err, errno, "cannot lock %s", path);
        }
    }
    return 0;
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
        if (lock_file_is_at(fd, AT_FDCWD, path)) {
            sign(fd);
            return steal_fd(&fd);
        }
    }
}

const char *lock_look(struct arena *a, const char *extensions_dir)
{
    bool held = false;
    cleanup_close int fd =
        open(path_join(a, extensions_dir, SYNC_LOCK), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    const char *holder = fd < 0 ? "" : read_holder(a, fd, &held);
    return held && !*holder ? "somebody who does not say who it is" : holder;
}

int lock_try(struct arena *a, const char *extensions_dir, const char **holder, struct err *err)
{
    const char *path = path_join(a, extensions_dir, SYNC_LOCK);
    *holder = NULL;
    cleanup_close int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return err_sys(err, errno, "cannot open the lock %s", path);
    if (set_lock(fd, F_OFD_SETLK, WORK) == 0) {
        sign(fd);
        return steal_fd(&fd);
    }
    if (errno == EAGAIN || errno == EACCES) {
        bool held;
        *holder = read_holder(a, fd, &held);
        return err_set(err, ERR_SYSTEM, "another sync is at work on this volume%s%s", **holder ? ": " : "",
                       *holder);
    }
    return err_sys(err, errno, "cannot lock %s", path);
}
