/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/installed.h"

#include "base/fs.h"
#include "base/log.h"
#include "python/name.h"
#include "venv/egg_info.h"

#include <errno.h>
#include <stdint.h>

enum { METADATA_LIMIT = 16 << 20, RECORD_LIMIT = 64 << 20, SMALL_LIMIT = 1 << 20 };

/* ---- names and versions, from the folder's name where that is enough */

static bool cut_end(struct text *t, const char *end)
{
    if (!text_ends(*t, text_of(end)) || t->len == strlen(end))
        return false;
    t->len -= strlen(end);
    return true;
}

/* NAME-VERSION, and for an egg-info NAME-VERSION-pyX.Y. More dashes than these have no one reading. */
static bool split_stem(struct text stem, bool egg, struct text *name, struct text *version)
{
    if (!text_cut(&stem, '-', name) || !text_cut(&stem, '-', version))
        return false;
    struct text rest;
    if (!text_cut(&stem, '-', &rest))
        return true;
    return egg && text_starts(rest, T("py")) && !text_cut(&stem, '-', &rest);
}

/* The text in which a distribution says what it is: METADATA, PKG-INFO, or the egg-info itself where that is
 * a file (distutils). */
static int read_metadata_file(const char *folder, const char *info, struct buf *to, const char **path,
                              struct arena *a, struct err *err)
{
    bool egg = text_ends(text_of(info), T(".egg-info"));
    const char *whole = path_join(a, folder, info);
    *path = path_join(a, whole, egg ? "PKG-INFO" : "METADATA");
    struct err why cleanup_err = ERR_INIT;
    if (fs_read(AT_FDCWD, *path, METADATA_LIMIT, to, &why) == 0)
        return 0;
    if (egg && why.sysno == ENOTDIR) {
        *path = whole;
        return fs_read(AT_FDCWD, whole, METADATA_LIMIT, to, err);
    }
    return err_move(err, &why);
}

static bool identify(struct arena *a, struct installed *item, bool egg)
{
    struct text stem = text_of(item->info), name, version;
    stem.len -= sizeof ".dist-info" - 1 - (egg ? 1 : 0);
    if (split_stem(stem, egg, &name, &version) && name_is_valid(name) &&
        version_parse(a, version, &item->version, NULL) == 0) {
        item->given = text_dup(a, name);
        item->name = name_normalize(a, name);
        return true;
    }
    struct arena memory cleanup_arena = ARENA_INIT;
    struct buf bytes cleanup_buf = BUF_INIT;
    struct err err cleanup_err = ERR_INIT;
    const char *path;
    if (read_metadata_file(item->folder, item->info, &bytes, &path, &memory, &err) < 0) {
        /* setuptools leaves an egg-info without PKG-INFO beside a source; Python does not see one either */
        log_warning("%s/%s is passed over: %s", item->folder, item->info, err.text);
        return false;
    }
    if (!headers_get(buf_view(&bytes), "Name", &name) || !name_is_valid(name) ||
        !headers_get(buf_view(&bytes), "Version", &version) ||
        version_parse(a, version, &item->version, NULL) < 0) {
        log_warning("%s is passed over: it does not hold a valid Name and Version", path);
        return false;
    }
    item->given = text_dup(a, name);
    item->name = name_normalize(a, name);
    return true;
}

/* ---- scanning */

struct found ARRAY(struct installed *);

static int scan_folder(struct arena *a, const char *folder, struct found *found, struct err *err)
{
    cleanup_closedir DIR *dir = opendir(folder);
    if (!dir)
        return errno == ENOENT || errno == ENOTDIR ? 0 : err_sys(err, errno, "cannot read folder %s", folder);
    const char *kept_folder = arena_strdup(a, folder);
    struct dirent *entry;
    while ((errno = 0, entry = readdir(dir))) {
        struct text stem = text_of(entry->d_name);
        bool egg = cut_end(&stem, ".egg-info");
        /* pip renames what it is about to remove to a name with a ~ */
        if ((!egg && !cut_end(&stem, ".dist-info")) || stem.ptr[0] == '~' || stem.ptr[0] == '.')
            continue;
        struct installed *item = arena_new(a, struct installed);
        *item = (struct installed){
            .folder = kept_folder, .info = arena_strdup(a, entry->d_name), .installer = ""};
        if (identify(a, item, egg))
            array_push(found, item);
    }
    return errno ? err_sys(err, errno, "cannot read folder %s", folder) : 0;
}

static int by_name(const void *a, const void *b)
{
    const struct installed *x = *(struct installed *const *)a, *y = *(struct installed *const *)b;
    int order = strcmp(x->name, y->name);
    return order ? order : strcmp(x->info, y->info);
}

int installed_scan(char *const *folders, size_t folder_count, struct installed_set *out, struct err *err)
{
    *out = (struct installed_set){0};
    struct found all = {0};
    int result = 0;
    for (size_t f = 0; f < folder_count && result == 0; f++) {
        size_t first = all.count;
        result = scan_folder(&out->memory, folders[f], &all, err);
        if (all.count > first) /* each folder by itself: the order among them is Python's */
            qsort(all.items + first, all.count - first, sizeof *all.items, by_name);
    }
    if (result == 0) {
        out->items = arena_array(&out->memory, all.count + 1, sizeof *out->items);
        array_each (&all, item) {
            void **place = strmap_place(&out->by_name, text_of((*item)->name));
            if (*place)
                continue;
            *place = *item;
            out->items[out->count++] = *item;
        }
        if (out->count)
            qsort(out->items, out->count, sizeof *out->items, by_name);
    }
    array_free(&all);
    if (result < 0)
        installed_free(out);
    return result;
}

struct installed *installed_find(const struct installed_set *set, const char *name)
{
    return strmap_get(&set->by_name, text_of(name));
}

void installed_free(struct installed_set *set)
{
    strmap_free(&set->by_name);
    arena_free(&set->memory);
    set->items = NULL;
    set->count = 0;
}

/* ---- details */

static bool is_absent(const struct err *err)
{
    return err->sysno == ENOENT || err->sysno == ENOTDIR;
}

/* A file of the dist-info; NULL where there is none. */
static int read_small(struct arena *a, const char *info, const char *name, const char **out, struct err *err)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    struct err why cleanup_err = ERR_INIT;
    *out = NULL;
    if (fs_read(AT_FDCWD, path_join(a, info, name), SMALL_LIMIT, &bytes, &why) < 0)
        return is_absent(&why) ? 0 : err_move(err, &why);
    *out = text_dup(a, buf_view(&bytes));
    return 0;
}

int installed_details(struct installed_set *set, struct installed *item, struct err *err)
{
    if (item->has_details)
        return 0;
    const char *info = path_join(&set->memory, item->folder, item->info);
    const char *installer;
    if (read_small(&set->memory, info, "INSTALLER", &installer, err) < 0 ||
        read_small(&set->memory, info, "direct_url.json", &item->direct_url, err) < 0)
        return -1;
    item->installer = installer ? text_dup(&set->memory, text_trim(text_of(installer))) : "";
    item->requested = access(path_join(&set->memory, info, "REQUESTED"), F_OK) == 0;
    item->has_details = true;
    return 0;
}

const char *installed_source(struct installed_set *set, const struct installed *item)
{
    const char *info = path_join(&set->memory, item->folder, item->info), *text;
    if (read_small(&set->memory, info, INSTALLED_SOURCE, &text, NULL) < 0 || !text)
        return NULL;
    return text_dup(&set->memory, text_trim(text_of(text)));
}

/* ---- metadata */

int installed_metadata(struct installed_set *set, struct installed *item, const struct metadata **out,
                       struct err *err)
{
    if (!item->metadata) {
        struct buf bytes cleanup_buf = BUF_INIT;
        const char *path;
        if (read_metadata_file(item->folder, item->info, &bytes, &path, &set->memory, err) < 0)
            return -1;
        if (text_ends(text_of(item->info), T(".egg-info")) &&
            egg_info_complete(&set->memory, path_join(&set->memory, item->folder, item->info), &bytes, err) <
                0)
            return -1;
        struct metadata *parsed = arena_new(&set->memory, struct metadata);
        if (metadata_parse(&set->memory, text_of(text_dup(&set->memory, buf_view(&bytes))), parsed, err) < 0)
            return err_wrap(err, "%s", path);
        item->metadata = parsed;
        item->given = parsed->name;
    }
    *out = item->metadata;
    return 0;
}

int installed_record(struct arena *a, const struct installed *item, struct record *out, struct err *err)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    struct err why cleanup_err = ERR_INIT;
    const char *path = path_join(a, path_join(a, item->folder, item->info), "RECORD");
    *out = (struct record){0};
    if (fs_read(AT_FDCWD, path, RECORD_LIMIT, &bytes, &why) < 0) {
        if (is_absent(&why))
            return err_set(err, ERR_NOT_FOUND, "%s %s has no RECORD", item->given, item->version.text);
        return err_move(err, &why);
    }
    if (record_parse(a, text_of(text_dup(a, buf_view(&bytes))), out, err) < 0)
        return err_wrap(err, "%s", path);
    return 0;
}
