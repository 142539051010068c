/* SPDX-License-Identifier: Apache-2.0 */
#include "base/landlock.h"

#include "base/cleanup.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* Newer than the headers of Debian 12. */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_SCOPE_SIGNAL
#define LANDLOCK_SCOPE_SIGNAL (1ULL << 1)
#endif
struct ruleset {
    unsigned long long handled_access_fs, handled_access_net, scoped;
};

enum { REFER_ABI = 2, TRUNCATE_ABI = 3, SCOPE_ABI = 6 };

static const unsigned long long FILE_WRITES = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE;
static const unsigned long long ALL_WRITES =
    LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
    LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_TRUNCATE;

static bool is_refused(long result)
{
    return result < 0 && (errno == EPERM || errno == ENOSYS);
}

/* Whether a container's seccomp profile has only some of the three calls: half a restriction would keep us
 * from our own work. Asked for what none of them does. Before no_new_privs the last one's EPERM is the
 * kernel's. */
static bool is_whole(int ruleset)
{
    const unsigned no_flag = 1U << 31;
    if (is_refused(syscall(SYS_landlock_add_rule, ruleset, 0, NULL, 0)))
        return false;
    bool restricted = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
    return !is_refused(syscall(SYS_landlock_restrict_self, ruleset, no_flag)) ||
           (errno == EPERM && !restricted);
}

bool landlock_open(struct landlock *l, bool own_signals_only)
{
    *l = (struct landlock)LANDLOCK_INIT;
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < REFER_ABI) {
        log_debug("this kernel offers no restriction of writes that lets files be renamed between folders "
                  "(Landlock %ld)",
                  abi < 0 ? 0 : abi);
        return false;
    }
    l->handled = ALL_WRITES & ~(abi < TRUNCATE_ABI ? LANDLOCK_ACCESS_FS_TRUNCATE : 0ULL);
    const struct ruleset attr = {.handled_access_fs = l->handled,
                                 .scoped = own_signals_only && abi >= SCOPE_ABI ? LANDLOCK_SCOPE_SIGNAL : 0};
    /* An older kernel takes what it does not know as long as it is zero. */
    l->fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (l->fd >= 0 && is_whole(l->fd))
        return true;
    log_debug("writes are not restricted: %s", strerror(errno));
    landlock_close(l);
    return false;
}

static void allow(const struct landlock *l, const char *path, unsigned long long access)
{
    cleanup_close int fd = open(path, O_PATH | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return;
    struct landlock_path_beneath_attr rule = {
        .allowed_access = l->handled & access & (S_ISDIR(st.st_mode) ? ALL_WRITES : FILE_WRITES),
        .parent_fd = fd,
    };
    if (syscall(SYS_landlock_add_rule, l->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
        log_debug("Landlock refuses a rule for %s: %s", path, strerror(errno));
}

void landlock_allow(const struct landlock *l, const char *path)
{
    allow(l, path, ALL_WRITES);
}

void landlock_allow_rmdir(const struct landlock *l, const char *path)
{
    allow(l, path, LANDLOCK_ACCESS_FS_REMOVE_DIR);
}

int landlock_enforce(const struct landlock *l)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -1
                                                      : (int)syscall(SYS_landlock_restrict_self, l->fd, 0);
}

void landlock_close(struct landlock *l)
{
    cleanup_close_fn(&l->fd);
    l->fd = -1;
}
