/* SPDX-License-Identifier: Apache-2.0 */
#include "dev/source_walk.h"

#include "base/array.h"
#include "base/fs.h"
#include "base/log.h"
#include "dev/left_out.h"

#include <errno.h>

/* Deeper than any source, and shallow enough for the stack. */
enum { DEEPEST = 100 };

struct entry {
    char *name;
    bool folder;
};
struct entries ARRAY(struct entry);

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static bool is_folder(int dirfd, const struct dirent *entry)
{
    struct stat st;
    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type == DT_DIR;
    return fstatat(dirfd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* Whole, and closed again: a deep tree would else need a descriptor for each level. */
static int list(struct arena *a, const char *folder, bool top, struct entries *out)
{
    cleanup_close int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (top ? 0 : O_NOFOLLOW));
    cleanup_closedir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return -1;
    steal_fd(&fd);
    struct dirent *entry;
    while ((errno = 0, entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        bool inner = is_folder(dirfd(dir), entry);
        if (!left_out(entry->d_name, inner, top))
            array_push(out, (struct entry){arena_strdup(a, entry->d_name), inner});
    }
    if (out->count)
        qsort(out->items, out->count, sizeof *out->items, compare_entries);
    return errno ? -1 : 0;
}

static bool may_be_passed_over(int sysno)
{
    return sysno == ENOENT || sysno == ENOTDIR || sysno == ELOOP || sysno == EACCES || sysno == EPERM;
}

static int descend(const struct source_walk *walk, struct buf *path, bool top, int depth)
{
    struct arena names cleanup_arena = ARENA_INIT;
    struct entries entries = {0};
    if (walk->folder && walk->folder(walk->context, buf_cstr(path)) < 0)
        return -1;
    int result = list(&names, buf_cstr(path), top, &entries);
    if (result < 0 && depth && may_be_passed_over(errno))
        result = 0;
    size_t length = path->len;
    for (size_t i = 0; i < entries.count && result == 0; i++) {
        buf_printf(path, "/%s", entries.items[i].name);
        if (!entries.items[i].folder)
            walk->file(walk->context, buf_cstr(path));
        else if (depth == DEEPEST)
            log_debug("%s is not looked into: it lies too deep", buf_cstr(path));
        else if (!left_out_venv(buf_cstr(path)))
            result = descend(walk, path, false, depth + 1);
        path->len = length;
        path->ptr[length] = 0;
    }
    array_free(&entries); /* free(3) leaves errno alone */
    return result;
}

int source_walk(const struct source_walk *walk, const char *folder, bool top)
{
    struct buf path cleanup_buf = BUF_INIT;
    buf_str(&path, folder);
    return descend(walk, &path, top, 0);
}
