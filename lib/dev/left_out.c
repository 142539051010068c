/* SPDX-License-Identifier: Apache-2.0 */
#include "dev/left_out.h"

#include "base/fs.h"

#include <stdio.h>

/* vim goes from .swp to .swo and on when there are several. */
static bool is_swap(struct text t)
{
    return t.len > 5 && t.ptr[0] == '.' && text_starts(text_from(t, t.len - 4), T(".sw")) &&
           ascii_is_alpha(t.ptr[t.len - 1]);
}

static bool is_editors(struct text t)
{
    return is_swap(t) || text_ends(t, T("~")) || text_starts(t, T(".#")) ||
           (t.len > 2 && t.ptr[0] == '#' && text_ends(t, T("#"))) ||
           text_is(t, "4913"); /* by which vim tries whether it can write here */
}

bool left_out(const char *name, bool folder, bool top)
{
    static const char *const anything[] = {".git", ".hg", ".svn", NULL}; /* a worktree's .git is a file */
    static const char *const folders[] = {"__pycache__", ".venv",       "node_modules", ".pytest_cache",
                                          ".mypy_cache", ".ruff_cache", ".tox",         ".nox",
                                          ".eggs",       ".idea",       ".vscode",      NULL};
    static const char *const top_folders[] = {"build", "dist", NULL};
    struct text t = text_of(name);
    if (text_is_one_of(t, anything))
        return true;
    if (folder)
        return text_is_one_of(t, folders) || (top && text_is_one_of(t, top_folders));
    return text_ends(t, T(".pyc")) || text_ends(t, T(".pyo")) || is_editors(t);
}

bool left_out_venv(const char *folder)
{
    struct buf path cleanup_buf = BUF_INIT;
    buf_printf(&path, "%s/pyvenv.cfg", folder);
    return access(buf_cstr(&path), F_OK) == 0;
}
