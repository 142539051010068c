/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/restrict.h"

#include "base/fs.h"
#include "config/environment.h"

#include <errno.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* Newer than the headers of Debian 12. */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

enum { REFER_ABI = 2, TRUNCATE_ABI = 3 };

static const unsigned long long FILE_WRITES = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE;
static const unsigned long long ALL_WRITES =
    LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
    LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_TRUNCATE;

static void allow(int ruleset, unsigned long long handled, const char *path)
{
    cleanup_close int fd = open(path, O_PATH | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return;
    struct landlock_path_beneath_attr rule = {
        .allowed_access = handled & (S_ISDIR(st.st_mode) ? ALL_WRITES : FILE_WRITES),
        .parent_fd = fd,
    };
    if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
        log_debug("Landlock refuses a rule for %s: %s", path, strerror(errno));
}

static void allow_all(struct session *s, bool sync, int ruleset, unsigned long long handled)
{
    struct arena *a = &s->memory;
    const char *tmpdir = environment_get(s->environ, "TMPDIR"), *home = environment_get(s->environ, "HOME"),
               *xdg = environment_get(s->environ, "XDG_CACHE_HOME");
    fs_mkdirs(s->cache_dir, NULL);
    allow(ruleset, handled, s->cache_dir);
    allow(ruleset, handled, tmpdir && *tmpdir ? tmpdir : "/tmp");
    allow(ruleset, handled, "/dev/null");
    allow(ruleset, handled, "/dev/tty");
    if (s->options->output && strcmp(s->options->output, "-") != 0) {
        const char *path = path_absolute(a, s->options->output);
        allow(ruleset, handled, arena_strndup(a, path, (size_t)(path_base(path) - path)));
    }
    if (!sync)
        return;
    allow(ruleset, handled, s->paths.extensions);
    allow(ruleset, handled, s->paths.venv); /* may be a mount of its own */
    if (xdg && *xdg)
        allow(ruleset, handled, path_join(a, xdg, "plux"));
    if (home && *home)
        allow(ruleset, handled, path_join(a, home, ".cache/plux"));
    allow(ruleset, handled, path_join(a, s->paths.volume, "tmp"));
}

void restrict_writes(struct session *s, bool sync)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < REFER_ABI) {
        log_debug("this kernel offers no restriction of writes that lets files be renamed between folders "
                  "(Landlock %ld)",
                  abi < 0 ? 0 : abi);
        return;
    }
    unsigned long long handled = ALL_WRITES & ~(abi < TRUNCATE_ABI ? LANDLOCK_ACCESS_FS_TRUNCATE : 0ULL);
    struct landlock_ruleset_attr attr = {.handled_access_fs = handled};
    cleanup_close int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (ruleset >= 0)
        allow_all(s, sync, ruleset, handled);
    if (ruleset < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
        log_debug("writes are not restricted: %s", strerror(errno));
}
