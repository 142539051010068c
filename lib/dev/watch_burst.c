/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"
#include "base/stopwatch.h"
#include "dev/left_out.h"
#include "dev/watch_private.h"

#include <stdint.h>

/* So many are told apart; of more it is known that they are there. */
enum { MOST_NAMES = 10000 };

static void touch(struct watch *w)
{
    w->last_ms = stopwatch_ms();
    if (!w->first_ms)
        w->first_ms = w->last_ms;
}

void burst_add_unknown(struct watch *w)
{
    w->uncertain = true;
    touch(w);
}

struct watched_name *burst_add(struct watch *w, size_t root, const char *path, bool made, bool counts)
{
    touch(w);
    uintptr_t place = (uintptr_t)strmap_get(&w->places, text_of(path));
    if (place) {
        w->names.items[place - 1].counts |= counts;
        return &w->names.items[place - 1];
    }
    if (w->names.count == MOST_NAMES) {
        w->uncertain = true;
        return NULL;
    }
    const char *kept = arena_strdup(&w->places.keys, path);
    struct watched_name *name = array_push(&w->names, (struct watched_name){kept, root, made, counts});
    *strmap_place(&w->places, text_of(path)) = (void *)(uintptr_t)w->names.count;
    return name;
}

/* Whether a folder between the source and the file has become a virtual environment since. */
static bool is_in_venv(const char *folder, const char *path)
{
    struct buf above cleanup_buf = BUF_INIT;
    size_t top = strlen(folder);
    buf_str(&above, path);
    for (size_t i = above.len; i-- > top + 1;) {
        if (above.ptr[i] != '/')
            continue;
        above.ptr[i] = 0;
        if (left_out_venv(above.ptr))
            return true;
    }
    return false;
}

static bool is_left(const struct watch *w, const struct watched_name *name)
{
    const struct watched_root *root = &w->roots.items[name->root];
    if (!name->counts || root->how == WATCHED_ABSENT) /* of which all is new when it comes back */
        return false;
    return (!name->made || fs_exists(AT_FDCWD, name->path)) && !is_in_venv(root->folder, name->path);
}

bool burst_settle(struct watch *w, struct watch_change *out)
{
    size_t count = 0;
    array_free(&w->named);
    array_each (&w->names, name)
        if (is_left(w, name) && ++count <= WATCH_NAMED)
            array_push(&w->named, (char *)(uintptr_t)name->path);
    *out = (struct watch_change){w->named, count, w->uncertain};
    return count || w->uncertain;
}

void burst_clear(struct watch *w)
{
    strmap_free(&w->places);
    w->places = (struct strmap)STRMAP_INIT;
    array_free(&w->names);
    w->uncertain = w->told = false;
    w->moved = 0;
    w->first_ms = w->last_ms = 0;
}
