/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/cache.h"

#include "base/digest.h"
#include "base/fs.h"
#include "base/lock_file.h"
#include "build/build.h"
#include "reconcile/cache_mark.h"
#include "reconcile/fetch.h"
#include "reconcile/partial.h"
#include "venv/unpacked.h"

#include <errno.h>
#include <time.h>

enum { UNUSED_S = 30 * 24 * 60 * 60, DEPTH_LIMIT = 200 };

/* Where what we made stands, and what follows the digest in its name. */
static const struct {
    const char *folder, *suffix;
} kinds[CACHE_KINDS] = {
    [CACHE_UNPACKED] = {"unpacked", ""},          [CACHE_PAGES] = {"pages", ""},
    [CACHE_METADATA] = {"metadata", ".metadata"}, [CACHE_BUILT] = {"built", ""},
    [CACHE_DOWNLOADS] = {"downloads", ".part"},   [CACHE_OTHER] = {".", NULL},
};

/* Names that we give. */
static bool is_ours(enum cache_kind kind, const char *name)
{
    return kinds[kind].suffix ? digest_is_name(name, kinds[kind].suffix)
                              : strcmp(name, "interpreter.json") == 0 || strcmp(name, CACHE_TAG) == 0;
}

/* Those of files that have another name while they are written. */
static bool is_written(const char *name, const void *data)
{
    enum cache_kind kind = *(const enum cache_kind *)data;
    return is_ours(kind, name) || (kind == CACHE_OTHER && strcmp(name, FETCH_SCRATCH) == 0);
}

/* Of builds that nobody is at any more. */
static void sweep_turns(int folder)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct strings names cleanup_strings = {0};
    if (fs_list(&a, folder, ".", &names, NULL) < 0)
        return;
    array_each (&names, name) {
        int lock = -1;
        const char *holder;
        if (digest_is_name(*name, ".lock") && lock_file_take(&a, folder, *name, &lock, &holder, NULL) == 0)
            lock_file_drop(&lock, folder, *name);
    }
}

/* Removes what somebody left who was killed; `all`: downloads that are not old, too. */
static void sweep(enum cache_kind kind, int folder, bool all)
{
    if (kind == CACHE_UNPACKED)
        unpacked_sweep(folder);
    else if (kind == CACHE_DOWNLOADS)
        partial_sweep(folder, all);
    else
        fs_sweep(folder, S_IFREG, is_written, &kind);
    if (kind == CACHE_BUILT)
        sweep_turns(folder);
    if (kind == CACHE_OTHER)
        fs_sweep(folder, S_IFDIR, build_writes, NULL);
}

/* *cache: the cache's own folder, which may well be a link; -1 where there is none. */
static int open_cache(struct session *s, int *cache, struct err *err)
{
    *cache = open(s->cache_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *cache >= 0 || errno == ENOENT || errno == ENOTDIR
               ? 0
               : err_sys(err, errno, "cannot open folder %s", s->cache_dir);
}

static bool is_link(int dirfd, const char *name)
{
    struct stat st;
    return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

/* *folder: the kind's, or -1 where there is none. A link in its place leads to what may be anybody's. */
static int open_kind(struct session *s, int cache, enum cache_kind kind, int *folder, struct err *err)
{
    struct err why cleanup_err = ERR_INIT;
    *folder = fs_open_dir(cache, kinds[kind].folder, &why);
    if (*folder >= 0 || why.sysno == ENOENT)
        return 0;
    if (why.sysno != ENOTDIR && why.sysno != ELOOP)
        return err_move(err, &why);
    if (is_link(cache, kinds[kind].folder))
        log_warning("%s/%s is a symbolic link: what it leads to is neither counted nor removed", s->cache_dir,
                    kinds[kind].folder);
    return 0;
}

/* Names of ours in the kind's folder, sorted. */
static int list(struct session *s, enum cache_kind kind, int folder, struct strings *out, struct err *err)
{
    struct strings names cleanup_strings = {0};
    if (fs_list(&s->memory, folder, ".", &names, err) < 0)
        return err_wrap(err, "%s", kinds[kind].folder);
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
    struct err why cleanup_err = ERR_INIT;
    cleanup_close int fd = fs_open_dir(dirfd, name, &why);
    if (fd < 0)
        return why.sysno == ENOENT ? 0 : err_move(err, &why);
    if (depth == DEPTH_LIMIT)
        return err_sys(err, ELOOP, "cannot open folder %s", name);
    if (fs_list(&a, fd, ".", &names, err) < 0)
        return -1;
    array_each (&names, sub)
        if (weigh(fd, *sub, depth + 1, w, err) < 0)
            return -1;
    return 0;
}

static int measure(struct session *s, enum cache_kind kind, int folder, struct cache_size *out,
                   struct err *err)
{
    struct strings names cleanup_strings = {0};
    *out = (struct cache_size){0};
    if (list(s, kind, folder, &names, err) < 0)
        return -1;
    array_each (&names, name) {
        struct weight w = {0};
        if (weigh(folder, *name, 0, &w, err) < 0)
            return -1;
        out->count++;
        out->bytes += w.bytes;
    }
    return 0;
}

static int measure_kinds(struct session *s, struct cache_sizes *out, struct err *err)
{
    cleanup_close int cache = -1;
    if (open_cache(s, &cache, err) < 0)
        return -1;
    for (enum cache_kind kind = 0; cache >= 0 && kind < CACHE_KINDS; kind++) {
        cleanup_close int folder = -1;
        if (open_kind(s, cache, kind, &folder, err) < 0 ||
            (folder >= 0 && measure(s, kind, folder, &out->of[kind], err) < 0))
            return -1;
    }
    return 0;
}

int cache_measure(struct session *s, struct cache_sizes *out, struct err *err)
{
    *out = (struct cache_sizes){0};
    return measure_kinds(s, out, err) < 0 ? err_wrap(err, "the cache %s", s->cache_dir) : 0;
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

static bool is_used(struct session *s, int folder, const char *key, const struct weight *w)
{
    struct unpacked entry;
    return w->shared ||
           (unpacked_read(&s->memory, folder, key, &entry, NULL) == 0 && is_installed(s, entry.dist_info));
}

/* Pages are touched when a server confirms them; reading is seen on volumes that keep times of access. */
static bool is_recent(int folder, const char *name)
{
    struct stat st;
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    time_t last = st.st_atim.tv_sec > st.st_mtim.tv_sec ? st.st_atim.tv_sec : st.st_mtim.tv_sec;
    return time(NULL) - last < UNUSED_S;
}

static int remove_one(enum cache_kind kind, int folder, const char *name, struct err *err)
{
    if (kind == CACHE_UNPACKED)
        return unpacked_remove(folder, name, err);
    return unlinkat(folder, name, 0) < 0 && errno != ENOENT ? err_sys(err, errno, "cannot remove %s", name)
                                                            : 0;
}

static int prune_kind(struct session *s, enum cache_kind kind, int folder, bool all,
                      struct cache_size *removed, struct err *err)
{
    struct strings names cleanup_strings = {0};
    sweep(kind, folder, all);
    if (list(s, kind, folder, &names, err) < 0)
        return -1;
    array_each (&names, name) {
        struct weight w = {0};
        if (weigh(folder, *name, 0, &w, err) < 0)
            return -1;
        if (kind == CACHE_OTHER && strcmp(*name, CACHE_TAG) == 0)
            continue; /* the last to go */
        if (!all && (kind == CACHE_UNPACKED ? is_used(s, folder, *name, &w)
                                            : kind == CACHE_OTHER || is_recent(folder, *name)))
            continue;
        if (remove_one(kind, folder, *name, err) < 0)
            return -1;
        log_debug("removed %s/%s/%s", s->cache_dir, kinds[kind].folder, *name);
        removed->count++;
        removed->bytes += w.alone;
    }
    return 0;
}

/* Who downloads has a lock, which alone tells whether it may go. */
static int prune_downloads(struct session *s, int folder, bool all, struct cache_size *removed,
                           struct err *err)
{
    struct cache_size before, after;
    if (measure(s, CACHE_DOWNLOADS, folder, &before, err) < 0)
        return -1;
    sweep(CACHE_DOWNLOADS, folder, all);
    if (measure(s, CACHE_DOWNLOADS, folder, &after, err) < 0)
        return -1;
    removed->count = before.count > after.count ? before.count - after.count : 0;
    removed->bytes = before.bytes > after.bytes ? before.bytes - after.bytes : 0;
    return 0;
}

static int prune_kinds(struct session *s, int cache, bool all, struct cache_sizes *removed, struct err *err)
{
    for (enum cache_kind kind = 0; kind < CACHE_KINDS; kind++) {
        cleanup_close int folder = -1;
        if (open_kind(s, cache, kind, &folder, err) < 0)
            return -1;
        if (folder < 0)
            continue;
        int result = kind == CACHE_DOWNLOADS ? prune_downloads(s, folder, all, &removed->of[kind], err)
                                             : prune_kind(s, kind, folder, all, &removed->of[kind], err);
        if (result < 0)
            return -1;
    }
    return 0;
}

/* Folders that are empty now, and nobody else's, go too; the cache's own may be a mount. Where something
 * stays, so does the tag: it is a cache of ours still. */
static void remove_empty(struct session *s, int cache, struct cache_sizes *removed)
{
    struct stat st;
    for (enum cache_kind kind = 0; kind < CACHE_OTHER; kind++)
        if (unlinkat(cache, kinds[kind].folder, AT_REMOVEDIR) < 0)
            log_debug("%s/%s stays: %s", s->cache_dir, kinds[kind].folder, strerror(errno));
    if (!cache_is_empty(cache) || fstatat(cache, CACHE_TAG, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
        unlinkat(cache, CACHE_TAG, 0) < 0)
        return;
    removed->of[CACHE_OTHER].count++;
    removed->of[CACHE_OTHER].bytes += st.st_size;
}

static int refuse(struct session *s, struct err *err)
{
    return err_set(
        err, ERR_USAGE,
        "%s is no cache of localstack-extensions: it is not empty, and has no %s, interpreter.json, "
        "index page or unpacked wheel that this program wrote; nothing is removed. Name the cache's own "
        "folder (`cache dir` shows which it is without --cache-dir), or remove by hand what is of no use",
        s->cache_dir, CACHE_TAG);
}

int cache_prune(struct session *s, bool all, struct cache_sizes *removed, struct err *err)
{
    cleanup_close int cache = -1;
    *removed = (struct cache_sizes){0};
    if (open_cache(s, &cache, err) < 0)
        return err_wrap(err, "the cache %s", s->cache_dir);
    if (cache < 0)
        return 0;
    if (!cache_is_ours(cache))
        return refuse(s, err);
    /* That of an earlier version would look like anybody's when what tells it has gone. */
    if (!cache_is_empty(cache))
        cache_mark(cache);
    if (prune_kinds(s, cache, all, removed, err) < 0)
        return err_wrap(err, "the cache %s", s->cache_dir);
    if (all)
        remove_empty(s, cache, removed);
    return 0;
}

void cache_sweep(const char *cache_dir)
{
    cleanup_close int cache = open(cache_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (enum cache_kind kind = 0; cache >= 0 && kind < CACHE_KINDS; kind++) {
        cleanup_close int folder = fs_open_dir(cache, kinds[kind].folder, NULL);
        if (folder >= 0)
            sweep(kind, folder, false);
    }
}
