/* SPDX-License-Identifier: Apache-2.0 */
/* What is read to find developers' sources: the list of places, which anybody may have written who can write
 * there, and the project files of a source. The first byte says which of them the rest is. */
#include "base/fs.h"
#include "boot/sources.h"
#include "boot/state.h"
#include "config/settings.h"

#include <stdint.h>
#include <stdlib.h>

static char folder[] = "/tmp/fuzz-sources-XXXXXX";

static void clean_up(void)
{
    fs_remove_tree(AT_FDCWD, folder, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {".localstack-extensions.places", "mine/pyproject.toml",
                                        "mine/setup.cfg"};
    static struct arena kept;
    static struct boot_paths paths;
    struct arena a cleanup_arena = ARENA_INIT;
    const struct settings settings = {.dev_mode = true};
    struct boot_sources sources cleanup_sources = {0};
    if (!paths.root) {
        if (!mkdtemp(folder) || atexit(clean_up) != 0)
            abort();
        boot_paths_make(&kept, folder, &paths);
        if (fs_mkdirs(path_join(&kept, paths.sources, "mine"), NULL) < 0)
            abort();
    }
    if (size == 0)
        return 0;
    const char *file = path_join(&a, paths.sources, names[data[0] % 3]);
    if (fs_write(AT_FDCWD, file, (struct text){(const char *)data + 1, size - 1}, 0600, false, NULL) < 0)
        abort();
    sources_find(&a, &paths, &settings, &sources);
    array_each (&sources, source)
        if (source->folder[0] != '/' || source->place[0] != '/')
            abort();
    unlink(file);
    return 0;
}
