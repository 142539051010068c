/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/restrict.h"

#include "base/fs.h"
#include "base/landlock.h"
#include "config/environment.h"
#include "reconcile/built.h"

#include <errno.h>

static void allow_all(struct session *s, bool sync, const struct landlock *l)
{
    struct arena *a = &s->memory;
    const char *tmpdir = environment_get(s->environ, "TMPDIR"), *home = environment_get(s->environ, "HOME"),
               *xdg = environment_get(s->environ, "XDG_CACHE_HOME");
    fs_mkdirs(s->cache_dir, NULL);
    landlock_allow(l, s->cache_dir);
    landlock_allow(l, tmpdir && *tmpdir ? tmpdir : "/tmp");
    landlock_allow(l, "/dev/null");
    landlock_allow(l, "/dev/tty");
    if (s->options->output && strcmp(s->options->output, "-") != 0) {
        const char *path = path_absolute(a, s->options->output);
        landlock_allow(l, arena_strndup(a, path, (size_t)(path_base(path) - path)));
    }
    if (s->output_folder) {
        landlock_allow(l, s->output_folder);
        landlock_allow_rmdir(l, s->output_above);
    }
    if (!sync)
        return;
    landlock_allow(l, s->paths.extensions);
    landlock_allow(l, s->paths.venv); /* may be a mount of its own */
    if (xdg && *xdg)
        landlock_allow(l, path_join(a, xdg, "plux"));
    if (home && *home)
        landlock_allow(l, path_join(a, home, ".cache/plux"));
    landlock_allow(l, path_join(a, s->paths.volume, "tmp"));
    const char *logs = built_log_dir(s);
    if (logs)
        landlock_allow(l, logs);
}

void restrict_writes(struct session *s, bool sync)
{
    struct landlock l cleanup_landlock = LANDLOCK_INIT;
    if (!landlock_open(&l, false))
        return;
    allow_all(s, sync, &l);
    if (landlock_enforce(&l) < 0)
        log_debug("writes are not restricted: %s", strerror(errno));
}
