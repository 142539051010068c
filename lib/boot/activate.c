/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/activate.h"

#include "base/fs.h"
#include "config/environment.h"

#define STANDARD_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

char **activate(struct arena *a, const struct boot_paths *paths, char **env)
{
    const char *bin = path_join(a, paths->base, "bin");
    const char *path = environment_get(env, "PATH");
    if (!path || !*path)
        path = STANDARD_PATH;
    size_t n = strlen(bin);
    if (strncmp(path, bin, n) != 0 || (path[n] != ':' && path[n] != 0))
        path = arena_printf(a, "%s:%s", bin, path);
    env = environment_set(a, env, "PATH", path);
    env = environment_set(a, env, "VIRTUAL_ENV", paths->base);
    env = environment_set(a, env, "VIRTUAL_ENV_PROMPT", ".venv");
    return environment_set(a, env, "PYTHONHOME", NULL);
}
