/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/cache.h"

#include "base/digest.h"
#include "base/fs.h"
#include "reconcile/partial.h"
#include "venv/unpacked.h"

#include <errno.h>
#include <time.h>

enum { UNUSED_S = 30 * 24 * 60 * 60, DEPTH_LIMIT = 200 };

/* Where what we made stands, and what follows the digest in its name. */
static const struct {
    const char *folder, *suffix;
} kinds[CACHE_KINDS] = {
    [CACHE_UNPACKED] = {"unpacked", ""},
    [CACHE_PAGES] = {"pages", ""},
    [CACHE_METADATA] = {"metadata", ".metadata"},
    [CACHE_DOWNLOADS] = {"downloads", ".part"},
    [CACHE_OTHER] = {".", NULL},
};

/* Names that we give; a hidden one is being written, or was by somebody who is no more. */
static bool is_ours(enum cache_kind kind, const char *name)
{
    return kinds[kind].suffix ? digest_is_name(name, kinds[kind].suffix)
                              : strcmp(name, "interpreter.json") == 0;
}

/* Names of ours in the kind's folder, sorted. */
static int list(struct session *s, enum cache_kind kind, struct strings *out, struct err *err)
{
    struct strings names cleanup_strings = {0};
    struct err why cleanup_err = ERR_INIT;
    if (fs_list(&s->memory, AT_FDCWD, path_join(&s->memory, s->cache_dir, kinds[kind].folder), &names, &why) <
        0)
        return why.sysno == ENOENT || why.sysno == ENOTDIR ? 0 : err_move(err, &why);
    array_each (&names, name)
        if (is_ours(kind, *name))
            array_push(out, *name);
    return 0;
}

struct weight {
    long long bytes; /* of all files */
    long long alone; /* of those that are nowhere else */
    bool shared;     /* some file has another hard link */
};

static int weigh(int dirfd, const char *name, int depth, struct weight *w, struct err *err)
{
    struct stat st;
    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : err_sys(err, errno, "cannot look at %s", name);
    if (!S_ISDIR(st.st_mode)) {
        w->bytes += st.st_size;
        w->alone += st.st_nlink > 1 ? 0 : st.st_size;
        w->shared = w->shared || st.st_nlink > 1;
        return 0;
    }
    struct arena a cleanup_arena = ARENA_INIT;
    struct strings names cleanup_strings = {0};
    cleanup_close int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0 || depth == DEPTH_LIMIT)
        return err_sys(err, fd < 0 ? errno : ELOOP, "cannot open folder %s", name);
    if (fs_list(&a, fd, ".", &names, err) < 0)
        return -1;
    array_each (&names, sub)
        if (weigh(fd, *sub, depth + 1, w, err) < 0)
            return -1;
    return 0;
}

static const char *path_of(struct session *s, enum cache_kind kind, const char *name)
{
    return path_join(&s->memory, path_join(&s->memory, s->cache_dir, kinds[kind].folder), name);
}

static int measure(struct session *s, enum cache_kind kind, struct cache_size *out, struct err *err)
{
    struct strings names cleanup_strings = {0};
    *out = (struct cache_size){0};
    if (list(s, kind, &names, err) < 0)
        return -1;
    array_each (&names, name) {
        struct weight w = {0};
        if (weigh(AT_FDCWD, path_of(s, kind, *name), 0, &w, err) < 0)
            return -1;
        out->count++;
        out->bytes += w.bytes;
    }
    return 0;
}

int cache_measure(struct session *s, struct cache_sizes *out, struct err *err)
{
    for (enum cache_kind kind = 0; kind < CACHE_KINDS; kind++)
        if (measure(s, kind, &out->of[kind], err) < 0)
            return -1;
    return 0;
}

/* Whether the venv has this version of this distribution, in whichever Python's folder. */
static bool is_installed(struct session *s, const char *dist_info)
{
    struct strings names cleanup_strings = {0};
    const char *lib = path_join(&s->memory, s->paths.venv, "lib");
    if (fs_list(&s->memory, AT_FDCWD, lib, &names, NULL) < 0)
        return false;
    array_each (&names, name)
        if (access(arena_printf(&s->memory, "%s/%s/site-packages/%s", lib, *name, dist_info), F_OK) == 0)
            return true;
    return false;
}

static bool is_used(struct session *s, const char *key, const struct weight *w)
{
    struct unpacked entry;
    if (w->shared)
        return true;
    return unpacked_open(&s->memory, s->cache_dir, key, false, &entry, NULL) == 0 &&
           is_installed(s, entry.dist_info);
}

/* Pages are touched when a server confirms them; reading is seen on volumes that keep times of access. */
static bool is_recent(const char *path)
{
    struct stat st;
    if (lstat(path, &st) < 0)
        return false;
    time_t last = st.st_atim.tv_sec > st.st_mtim.tv_sec ? st.st_atim.tv_sec : st.st_mtim.tv_sec;
    return time(NULL) - last < UNUSED_S;
}

static int remove_one(struct session *s, enum cache_kind kind, const char *name, struct err *err)
{
    const char *path = path_of(s, kind, name);
    if (kind == CACHE_UNPACKED)
        return unpacked_remove(s->cache_dir, name, err);
    return unlink(path) < 0 && errno != ENOENT ? err_sys(err, errno, "cannot remove %s", path) : 0;
}

static int prune_kind(struct session *s, enum cache_kind kind, bool all, struct cache_size *removed,
                      struct err *err)
{
    struct strings names cleanup_strings = {0};
    if (list(s, kind, &names, err) < 0)
        return -1;
    array_each (&names, name) {
        struct weight w = {0};
        const char *path = path_of(s, kind, *name);
        if (weigh(AT_FDCWD, path, 0, &w, err) < 0)
            return -1;
        if (!all && (kind == CACHE_UNPACKED ? is_used(s, *name, &w) : kind == CACHE_OTHER || is_recent(path)))
            continue;
        if (remove_one(s, kind, *name, err) < 0)
            return -1;
        log_debug("removed %s", path);
        removed->count++;
        removed->bytes += w.alone;
    }
    return 0;
}

/* Who downloads has a lock, which alone tells whether it may go. */
static int prune_downloads(struct session *s, bool all, struct cache_size *removed, struct err *err)
{
    struct cache_size before, after;
    if (measure(s, CACHE_DOWNLOADS, &before, err) < 0)
        return -1;
    partial_sweep(s->cache_dir, all);
    if (measure(s, CACHE_DOWNLOADS, &after, err) < 0)
        return -1;
    removed->count = before.count > after.count ? before.count - after.count : 0;
    removed->bytes = before.bytes > after.bytes ? before.bytes - after.bytes : 0;
    return 0;
}

int cache_prune(struct session *s, bool all, struct cache_sizes *removed, struct err *err)
{
    *removed = (struct cache_sizes){0};
    unpacked_sweep(s->cache_dir);
    for (enum cache_kind kind = 0; kind < CACHE_KINDS; kind++) {
        int result = kind == CACHE_DOWNLOADS ? prune_downloads(s, all, &removed->of[kind], err)
                                             : prune_kind(s, kind, all, &removed->of[kind], err);
        if (result < 0)
            return err_wrap(err, "the cache %s", s->cache_dir);
    }
    /* Folders that are empty now, and nobody else's, go too; the cache's own may be a mount. */
    for (enum cache_kind kind = 0; all && kind < CACHE_OTHER; kind++)
        if (rmdir(path_join(&s->memory, s->cache_dir, kinds[kind].folder)) < 0)
            log_debug("%s/%s stays: %s", s->cache_dir, kinds[kind].folder, strerror(errno));
    return 0;
}
