/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/store.h"

#include "base/fs.h"
#include "config/environment.h"

#include <errno.h>

const char *store_dir(const struct session *s)
{
    return s->spare_cache ? s->spare_cache : s->cache_dir;
}

static const char *spare_beside_venv(struct session *s)
{
    return path_join(&s->memory, s->paths.extensions, SYNC_CACHE);
}

static bool is_other_volume(const char *one, const char *two)
{
    struct stat a, b;
    return stat(one, &a) < 0 || stat(two, &b) < 0 || a.st_dev != b.st_dev;
}

static const char *temporary_parent(const struct session *s)
{
    const char *tmp = environment_get(s->environ, "TMPDIR");
    return tmp && *tmp ? tmp : "/tmp";
}

static const char *make_spare(struct session *s, bool full, struct err *err)
{
    const char *parent = s->syncing ? s->paths.extensions : temporary_parent(s);
    if (full && !is_other_volume(s->cache_dir, parent)) {
        err_set(err, ERR_SYSTEM, "%s is on the same volume", parent);
        return NULL;
    }
    if (s->syncing) {
        const char *dir = spare_beside_venv(s);
        return store_sweep(s, err) < 0 || fs_mkdirs(dir, err) < 0 ? NULL : dir;
    }
    char *dir = path_join(&s->memory, parent, "localstack-extensions.XXXXXX");
    if (mkdtemp(dir))
        return dir;
    err_sys(err, errno, "cannot create a folder in %s", parent);
    return NULL;
}

bool store_switch(struct session *s, const struct err *why)
{
    struct err refused cleanup_err = ERR_INIT;
    bool full = why->sysno == ENOSPC || why->sysno == EDQUOT;
    if (s->spare_cache)
        return false;
    s->spare_cache = make_spare(s, full, &refused);
    if (s->spare_cache)
        log_warning("the cache %s cannot be used, so nothing is kept and the next time is slower: %s",
                    s->cache_dir, why->text);
    else
        log_debug("nothing stands in for the cache: %s", refused.text);
    return s->spare_cache != NULL;
}

int store_open(struct session *s, struct err *err)
{
    struct err why cleanup_err = ERR_INIT;
    const char *unpacked = path_join(&s->memory, s->cache_dir, "unpacked");
    if (s->spare_cache)
        return 0;
    if (fs_mkdirs(unpacked, &why) == 0) {
        if (access(s->cache_dir, W_OK | X_OK) == 0 && access(unpacked, W_OK | X_OK) == 0)
            return 0;
        err_sys(&why, errno, "cannot write into %s", unpacked);
    }
    return store_switch(s, &why) ? 0 : err_move(err, &why);
}

static const char temporary_name[] = "localstack-extensions-cache";

static bool is_temporary(const char *name, const void *data)
{
    (void)data;
    return strcmp(name, temporary_name) == 0;
}

int store_temporary(struct session *s, struct err *err)
{
    const char *parent = path_absolute(&s->memory, temporary_parent(s));
    char *folder;
    cleanup_close int above = fs_open_dir(AT_FDCWD, parent, NULL);
    if (above >= 0)
        fs_sweep(above, S_IFDIR, is_temporary, NULL);
    int lock = fs_new_dir(&s->memory, path_join(&s->memory, parent, temporary_name), &folder, err);
    if (lock < 0)
        return err_wrap(err, "there is no place for what is downloaded; set TMPDIR to a folder that can be "
                             "written");
    s->own_cache = true;
    s->cache_lock = lock;
    s->cache_dir = folder;
    return 0;
}

static void remove_folder(const char *folder)
{
    struct err err cleanup_err = ERR_INIT;
    if (fs_remove_tree(AT_FDCWD, folder, &err) < 0)
        log_debug("left behind: %s", err.text);
}

void store_close(struct session *s)
{
    if (s->spare_cache)
        remove_folder(s->spare_cache);
    s->spare_cache = NULL;
    if (!s->own_cache)
        return;
    remove_folder(s->cache_dir);
    cleanup_close_fn(&s->cache_lock);
    s->own_cache = false;
}

int store_sweep(struct session *s, struct err *err)
{
    return fs_remove_tree(AT_FDCWD, spare_beside_venv(s), err);
}
