/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"
#include "reconcile/check_private.h"
#include "venv/placing.h"

enum { DEPTH_LIMIT = 100 };

/* One folder with all below it. What cannot be looked at, or goes meanwhile, is nothing to tell of. */
static void walk(const char *folder, const struct strmap *listed, int depth)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct strings names cleanup_strings = {0};
    if (depth == DEPTH_LIMIT || fs_list(&a, AT_FDCWD, folder, &names, NULL) < 0)
        return;
    array_each (&names, name) {
        const char *path = path_join(&a, folder, *name);
        struct stat st;
        if (strcmp(*name, "__pycache__") == 0 || strcmp(*name, PLACING_NAMESPACE_MARK) == 0 ||
            strmap_get(listed, text_of(path)) || lstat(path, &st) < 0)
            continue;
        if (S_ISDIR(st.st_mode))
            walk(path, listed, depth + 1);
        else
            log_debug("%s is in no distribution's list of files", path);
    }
}

void check_unlisted(struct check *c, const struct strmap *listed)
{
    struct strmap seen cleanup_strmap = STRMAP_INIT;
    size_t n = c->site ? strlen(c->site) : 0;
    for (size_t i = 0; n && i < listed->room; i++) {
        struct text path = listed->slots[i].key;
        if (path.len <= n + 1 || memcmp(path.ptr, c->site, n) != 0 || path.ptr[n] != '/')
            continue;
        struct text top = text_first(path, n + 1 + text_find(text_from(path, n + 1), '/'));
        if (top.len == path.len) /* a module */
            continue;
        void **place = strmap_place(&seen, top);
        if (*place)
            continue;
        *place = c;
        walk(text_dup(&c->s->memory, top), listed, 0);
    }
}
