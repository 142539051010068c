/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/home.h"

#include "base/fs.h"
#include "base/log.h"
#include "config/environment.h"

#include <errno.h>

void home_make_logs(const struct boot_paths *paths)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    const char *logs = path_join(&a, paths->volume, "logs");
    if (mkdir(logs, 0777) < 0 && errno != EEXIST && fs_mkdirs(logs, &err) < 0)
        log_warning(
            "%s; LocalStack may not be able to write there either: mount a volume that it can write to",
            err.text);
}

/* Whether `path` is a folder of ours alone, made so if need be. In a folder like /tmp others may have made it
 * first, or put a link there. */
static bool is_ours(const char *path, struct err *err)
{
    struct stat st;
    if (lstat(path, &st) < 0 && errno == ENOENT && mkdir(path, 0700) < 0 && errno != EEXIST)
        return err_sys(err, errno, "cannot create folder %s", path) == 0;
    cleanup_close int fd = -1;
    if (lstat(path, &st) < 0)
        return err_sys(err, errno, "cannot look at %s", path) == 0;
    if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid())
        return err_set(err, ERR_SYSTEM, "%s belongs to somebody else, or is no folder", path) == 0;
    if ((st.st_mode & 07777) == 0700)
        return true;
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fchmod(fd, 0700) < 0)
        return err_sys(err, errno, "cannot change the mode of %s", path) == 0;
    return true;
}

/* Whether files can be made in it: a file that can be written is no home, and a folder that nobody may enter
 * is of no use either. */
static bool is_usable(struct arena *a, const char *home)
{
    bool is_root = strspn(home, "/") == strlen(home);
    return !is_root && access(arena_printf(a, "%s/.", home), W_OK | X_OK) == 0;
}

char **home_choose(struct arena *a, const struct boot_paths *paths, char **env)
{
    const char *home = environment_get(env, "HOME");
    if (home && *home && is_usable(a, home))
        return env;
    struct err first cleanup_err = ERR_INIT, second cleanup_err = ERR_INIT;
    const char *name = arena_printf(a, "home-%lu", (unsigned long)geteuid());
    const char *tmp = path_join(a, paths->volume, "tmp"), *own = path_join(a, tmp, name);
    struct stat st;
    bool there =
        lstat(own, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 07777) == 0700;
    if (there || (fs_mkdirs(tmp, &first) == 0 && is_ours(own, &first)))
        return environment_set(a, env, "HOME", own);
    own = path_join(a, "/tmp", name);
    if (is_ours(own, &second))
        return environment_set(a, env, "HOME", own);
    log_warning(
        "HOME is %s, which cannot be written to, and there is no other: %s; %s. Set HOME to a folder that "
        "user %lu can write to",
        home && *home ? home : "not set", first.text, second.text, (unsigned long)geteuid());
    return env;
}
