/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/volume.h"

#include "base/fs.h"

#include <errno.h>

const char *volume_nearest(struct arena *a, const char *path)
{
    char *at = arena_strdup(a, path);
    while (access(at, F_OK) < 0 && strchr(at + 1, '/'))
        *strrchr(at, '/') = 0;
    return access(at, F_OK) == 0 ? at : "/";
}

static const char *advice(struct session *s, int sysno)
{
    struct arena *a = &s->memory;
    const char *volume = s->paths.volume, *at = volume_nearest(a, s->paths.extensions);
    unsigned we = geteuid();
    struct stat st;
    if (stat(at, &st) < 0)
        return "mount it writable";
    if (!S_ISDIR(st.st_mode))
        return arena_printf(a, "%s is no folder: remove it, or mount a volume at %s", at, volume);
    /* Of what is above the volume nobody is told to give it away. */
    if (strlen(at) < strlen(volume))
        return arena_printf(a, "there is no folder %s, and user %u cannot make it: mount a volume there",
                            volume, we);
    if ((sysno != EACCES && sysno != EPERM) || st.st_uid == we)
        return "mount it writable";
    return arena_printf(
        a,
        "%s belongs to user %u, and this is user %u: run the container as user %u, or give the "
        "volume away once with `chown -R %u %s`",
        at, st.st_uid, we, st.st_uid, we, volume);
}

const char *volume_cannot_be_written(struct session *s, int sysno, const char *where)
{
    return arena_printf(
        &s->memory,
        "the volume cannot be written%s; %s, or set EXTENSION_SYNC=never to use the extensions' "
        "venv as it is",
        where ? where : "", advice(s, sysno));
}
