/* SPDX-License-Identifier: Apache-2.0 */
/* The state of the last sync, as any process with access to the volume may have left it. */
#include "base/fs.h"
#include "boot/state.h"
#include "config/settings.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/fuzz-state-XXXXXX";

static void clean_up(void)
{
    fs_remove_tree(AT_FDCWD, folder, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena kept;
    static struct boot_paths paths;
    struct arena a cleanup_arena = ARENA_INIT;
    static char entry[] = "GIVEN=1";
    static char *environment[] = {entry, NULL};
    const struct settings settings = {.environ = environment};
    struct state state;
    const char *reason;
    if (!paths.root) {
        if (!mkdtemp(folder) || atexit(clean_up) != 0)
            abort();
        boot_paths_make(&kept, folder, &paths);
        if (fs_mkdirs(paths.extensions, NULL) < 0)
            abort();
    }
    const char *file = path_join(&a, paths.extensions, SYNC_STATE);
    if (fs_write(AT_FDCWD, file, (struct text){(const char *)data, size}, 0600, false, NULL) < 0)
        abort();
    enum state_verdict verdict = state_compare(&a, &paths, &settings, NULL, &state, &reason);
    if ((verdict == STATE_SAME) != (reason == NULL))
        abort();
    array_each (&state.failures, failure)
        if (!failure->requirement || !failure->from || !failure->reason)
            abort();
    return 0;
}
