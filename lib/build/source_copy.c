/* SPDX-License-Identifier: Apache-2.0 */
#include "build/source_copy.h"

#include "base/array.h"
#include "base/fs.h"
#include "venv/clone.h"

#include <errno.h>

/* build/lib, build/lib.linux-x86_64-cpython-313, build/bdist.linux-x86_64 */
static bool is_left_by_setuptools(int source, const char *path)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct strings names cleanup_strings = {0};
    if (fs_list(&a, source, path, &names, NULL) < 0)
        return false;
    array_each (&names, name)
        if (strcmp(*name, "lib") == 0 || text_starts(text_of(*name), T("lib.")) ||
            text_starts(text_of(*name), T("bdist.")))
            return true;
    return false;
}

static bool is_left_out(void *context, const char *path, bool folder)
{
    static const char *const names[] = {"__pycache__", "node_modules", ".tox", ".nox"};
    struct arena a cleanup_arena = ARENA_INIT;
    int source = *(const int *)context;
    if (!folder)
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(path_base(path), names[i]) == 0)
            return true;
    return fs_exists(source, path_join(&a, path, "pyvenv.cfg")) ||
           (strcmp(path, "build") == 0 && is_left_by_setuptools(source, path));
}

int source_copy(const char *from, const char *to, struct err *err)
{
    struct linker *linker cleanup_linker = linker_new(FS_REFLINK);
    cleanup_close int source = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* may well be a link */
    cleanup_close int target = fs_open_dir(AT_FDCWD, to, err);
    if (source < 0)
        return err_sys(err, errno, "cannot open folder %s", from);
    if (target < 0)
        return -1;
    const struct clone clone = {.linker = linker, .skip = is_left_out, .ctx = &source};
    return clone_tree(&clone, source, target, err) < 0 || linker_wait(linker, NULL, err) < 0 ? -1 : 0;
}
