/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/lock.h"

#include "base/fs.h"
#include "base/lock_file.h"
#include "base/log.h"
#include "boot/state.h"

#include <errno.h>

static void say_holder(int fd)
{
    struct arena a cleanup_arena = ARENA_INIT;
    const char *holder = lock_file_holder(&a, fd);
    log_info("waiting for another sync of this volume%s%s", *holder ? ": " : "", holder);
}

static int set_lock(int fd, int command)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    while (fcntl(fd, command, &lock) < 0)
        if (errno != EINTR)
            return -1;
    return 0;
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
        if (lock_file_is_at(fd, AT_FDCWD, path)) {
            lock_file_sign(fd);
            return steal_fd(&fd);
        }
    }
}

const char *lock_look(struct arena *a, const char *extensions_dir)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    cleanup_close int fd =
        open(path_join(a, extensions_dir, SYNC_LOCK), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || fcntl(fd, F_OFD_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
        return "";
    const char *holder = lock_file_holder(a, fd);
    return *holder ? holder : "somebody who does not say who it is";
}

int lock_try(struct arena *a, const char *extensions_dir, const char **holder, struct err *err)
{
    const char *path = path_join(a, extensions_dir, SYNC_LOCK);
    *holder = NULL;
    cleanup_close int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return err_sys(err, errno, "cannot open the lock %s", path);
    if (set_lock(fd, F_OFD_SETLK) == 0) {
        lock_file_sign(fd);
        return steal_fd(&fd);
    }
    if (errno == EAGAIN || errno == EACCES) {
        *holder = lock_file_holder(a, fd);
        return err_set(err, ERR_SYSTEM, "another sync is at work on this volume%s%s", **holder ? ": " : "",
                       *holder);
    }
    return err_sys(err, errno, "cannot lock %s", path);
}
