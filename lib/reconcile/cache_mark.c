/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/cache_mark.h"

#include "base/array.h"
#include "base/digest.h"
#include "base/fs.h"
#include "base/log.h"
#include "index/page_cache.h"
#include "venv/interpreter.h"
#include "venv/unpacked.h"

enum { TAG_LIMIT = 64 * 1024 };

#define SIGNATURE "Signature: 8a477f597d28d172789f06886806bc55"
#define OWNER "localstack-extensions"

static const char tag[] = SIGNATURE "\n"
                                    "# This marks the folder as a cache of " OWNER ", which may be deleted "
                                    "at any time.\n"
                                    "# What such a tag is: https://bford.info/cachedir/\n";

void cache_mark(int cache)
{
    struct err err cleanup_err = ERR_INIT;
    if (!fs_exists(cache, CACHE_TAG) && fs_write(cache, CACHE_TAG, text_of(tag), 0644, false, &err) < 0)
        log_debug("the cache gets no %s: %s", CACHE_TAG, err.text);
}

static bool has_tag(int cache)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    return fs_read(cache, CACHE_TAG, TAG_LIMIT, &bytes, NULL) == 0 &&
           text_starts(buf_view(&bytes), T(SIGNATURE)) &&
           memmem(bytes.ptr, bytes.len, OWNER, strlen(OWNER)) != NULL;
}

static bool is_unpacked(int folder, const char *name)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct unpacked entry;
    return unpacked_read(&a, folder, name, &entry, NULL) == 0;
}

/* Whether any of the files named by a digest is what it is to be. */
static bool has_one(int cache, const char *folder_name, bool (*is_one)(int folder, const char *name))
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct strings names cleanup_strings = {0};
    cleanup_close int folder = fs_open_dir(cache, folder_name, NULL);
    if (folder < 0 || fs_list(&a, folder, ".", &names, NULL) < 0)
        return false;
    array_each (&names, name)
        if (digest_is_name(*name, "") && is_one(folder, *name))
            return true;
    return false;
}

/* The tag, or one that is being written, or was when its writer was killed. */
static bool is_tag(int cache, const char *name)
{
    struct arena a cleanup_arena = ARENA_INIT;
    const char *of = fs_new_name_of(&a, name);
    return of ? strcmp(of, CACHE_TAG) == 0 : strcmp(name, CACHE_TAG) == 0 && has_tag(cache);
}

bool cache_is_empty(int cache)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct strings names cleanup_strings = {0};
    if (fs_list(&a, cache, ".", &names, NULL) < 0)
        return false;
    array_each (&names, name)
        if (!is_tag(cache, *name))
            return false;
    return true;
}

bool cache_is_ours(int cache)
{
    return has_tag(cache) || cache_is_empty(cache) || interpreter_is_kept(cache, "interpreter.json") ||
           has_one(cache, "pages", page_cache_is_page) || has_one(cache, "unpacked", is_unpacked);
}
