/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"
#include "dev/source_walk.h"
#include "dev/watch_private.h"

static int compare_files(const void *a, const void *b)
{
    return strcmp(((const struct watched_file *)a)->path, ((const struct watched_file *)b)->path);
}

static void add_file(void *context, const char *path)
{
    struct snapshot *s = context;
    struct stat st;
    if (lstat(path, &st) == 0)
        array_push(&s->files, (struct watched_file){arena_strdup(&s->paths, path), st.st_size,
                                                    st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec});
}

static void add_differences(struct watch *w, size_t root, const struct snapshot *old,
                            const struct snapshot *now)
{
    const struct watched_file *a = old->files.items, *b = now->files.items;
    size_t left_a = old->files.count, left_b = now->files.count;
    while (left_a || left_b) {
        int order = !left_a ? 1 : !left_b ? -1 : strcmp(a->path, b->path);
        if (order > 0)
            burst_add(w, root, b->path, true, true);
        else if (order < 0 || a->size != b->size || a->mtime_ns != b->mtime_ns)
            burst_add(w, root, a->path, false, true);
        if (order <= 0)
            a++, left_a--;
        if (order >= 0)
            b++, left_b--;
    }
}

int snapshot_compare(struct watch *w, size_t root, bool first)
{
    struct watched_root *r = &w->roots.items[root];
    struct snapshot now = {0};
    const struct source_walk walk = {.file = add_file, .context = &now};
    if (source_walk(&walk, r->folder, true) < 0) {
        snapshot_free(&now);
        return -1;
    }
    if (now.files.count)
        qsort(now.files.items, now.files.count, sizeof *now.files.items, compare_files);
    if (!first)
        add_differences(w, root, &r->files, &now);
    snapshot_free(&r->files);
    r->files = now;
    return 0;
}

void snapshot_free(struct snapshot *s)
{
    array_free(&s->files);
    arena_free(&s->paths);
}
