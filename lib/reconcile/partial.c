/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/partial.h"

#include "base/array.h"
#include "base/digest.h"
#include "base/fs.h"
#include "base/lock_file.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

enum { ABANDONED_S = 24 * 60 * 60 };

/* 0 with p->lock, 1 when somebody else has it. */
static int take_lock(struct arena *a, struct partial *p, const char **holder, struct err *err)
{
    return lock_file_take(a, p->folder, p->lock_path, &p->lock, holder, err);
}

static char *place(const char *cache_dir, const char *sha256, const char *suffix)
{
    return xasprintf("%s/downloads/%s%s", cache_dir, sha256, suffix);
}

static void forget(struct partial *p)
{
    cleanup_close_fn(&p->fd);
    cleanup_close_fn(&p->lock);
    free(p->path);
    free(p->lock_path);
    *p = PARTIAL_NONE;
}

static int open_part(struct partial *p, struct err *err)
{
    struct stat st;
    p->fd = openat(p->folder, p->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    if (p->fd < 0 || fstat(p->fd, &st) < 0 || lseek(p->fd, 0, SEEK_END) < 0)
        return err_sys(err, errno, "cannot open %s", p->path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_SYSTEM, "%s is no regular file", p->path);
    p->have = st.st_size;
    return 0;
}

int partial_open(struct arena *a, const char *cache_dir, const char *sha256, struct partial *p,
                 const char **holder, struct err *err)
{
    cleanup_free char *folder = xasprintf("%s/downloads", cache_dir);
    *holder = "";
    *p = PARTIAL_NONE;
    if (fs_mkdirs(folder, err) < 0)
        return -1;
    p->path = place(cache_dir, sha256, ".part");
    p->lock_path = place(cache_dir, sha256, ".lock");
    int taken = take_lock(a, p, holder, err);
    if (taken == 0 && open_part(p, err) == 0)
        return 0;
    if (taken == 0)
        lock_file_drop(&p->lock, p->folder, p->lock_path);
    forget(p);
    return taken > 0 ? 1 : -1;
}

long long partial_size(const char *cache_dir, const char *sha256)
{
    cleanup_free char *path = place(cache_dir, sha256, ".part");
    struct stat st;
    return lstat(path, &st) == 0 ? (long long)st.st_size : -1;
}

void partial_close(struct partial *p, bool keep)
{
    struct stat st;
    if (p->lock < 0)
        return;
    if (!keep || p->fd < 0 || fstat(p->fd, &st) < 0 || st.st_size == 0)
        unlinkat(p->folder, p->path, 0);
    lock_file_drop(&p->lock, p->folder, p->lock_path);
    forget(p);
}

/* Its wheel is unpacked: who brought it came no further than that. */
static bool is_done(int folder, const char *sha256)
{
    cleanup_free char *path = xasprintf("../unpacked/%s", sha256);
    return fs_exists(folder, path);
}

/* A lock alone, bytes that nobody came back for, or that nobody needs any more. */
static void sweep_one(int folder, const char *sha256, bool all)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct partial p = PARTIAL_NONE;
    const char *holder;
    struct stat st;
    p.folder = folder;
    p.path = xasprintf("%s.part", sha256);
    p.lock_path = xasprintf("%s.lock", sha256);
    bool wanted = !all && fstatat(folder, p.path, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size &&
                  time(NULL) - st.st_mtim.tv_sec < ABANDONED_S && !is_done(folder, sha256);
    if (!wanted && take_lock(&a, &p, &holder, NULL) == 0)
        partial_close(&p, false);
    else
        forget(&p);
}

void partial_sweep(int folder, bool all)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct strings names cleanup_strings = {0};
    if (fs_list(&a, folder, ".", &names, NULL) < 0)
        return;
    array_each (&names, name) {
        if (digest_is_name(*name, ".part") || digest_is_name(*name, ".lock"))
            sweep_one(folder, arena_strndup(&a, *name, DIGEST_HEX - 1), all);
    }
}
