/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/cache.h"

#include "base/fs.h"
#include "command.h"
#include "reconcile/output.h"
#include "reconcile/restrict.h"
#include "venv/lock.h"

static const struct {
    const char *key, *one, *many;
} kinds[CACHE_KINDS] = {
    [CACHE_UNPACKED] = {"unpacked", "unpacked wheel", "unpacked wheels"},
    [CACHE_PAGES] = {"pages", "index page", "index pages"},
    [CACHE_METADATA] = {"metadata", "metadata file", "metadata files"},
    [CACHE_BUILT] = {"built", "note of a wheel that was built", "notes of wheels that were built"},
    [CACHE_DOWNLOADS] = {"downloads", "broken off download", "broken off downloads"},
    [CACHE_OTHER] = {"other", "other file", "other files"},
};

static json_t *to_json(struct session *s, const struct cache_sizes *sizes)
{
    json_t *root = json_pack("{s:o}", "dir", output_json_text(s->cache_dir));
    long long bytes = 0;
    for (enum cache_kind k = 0; k < CACHE_KINDS; k++) {
        json_object_set_new(root, kinds[k].key,
                            json_pack("{s:I, s:I}", "count", (json_int_t)sizes->of[k].count, "bytes",
                                      (json_int_t)sizes->of[k].bytes));
        bytes += sizes->of[k].bytes;
    }
    json_object_set_new(root, "bytes", json_integer(bytes));
    return root;
}

static void sum_up(const struct cache_sizes *sizes, struct buf *to)
{
    long long bytes = 0;
    bool any = false;
    for (enum cache_kind k = 0; k < CACHE_KINDS; k++) {
        size_t count = sizes->of[k].count;
        bytes += sizes->of[k].bytes;
        if (count)
            buf_printf(to, "%s%zu %s", any ? ", " : "", count, count == 1 ? kinds[k].one : kinds[k].many);
        any = any || count;
    }
    buf_printf(to, "%s, %s\n", any ? "" : "nothing", text_size((unsigned long long)bytes).s);
}

static int dir(struct session *s, struct err *err)
{
    struct buf text cleanup_buf = BUF_INIT;
    if (s->options->json)
        return output_json(json_pack("{s:o}", "dir", output_json_text(s->cache_dir)), err);
    buf_printf(&text, "%s\n", s->cache_dir);
    return output_text(&text, err);
}

static int size(struct session *s, struct err *err)
{
    struct buf text cleanup_buf = BUF_INIT;
    struct cache_sizes sizes;
    restrict_writes(s, false);
    if (cache_measure(s, &sizes, err) < 0)
        return -1;
    if (s->options->json)
        return output_json(to_json(s, &sizes), err);
    buf_printf(&text, "%s: ", s->cache_dir);
    sum_up(&sizes, &text);
    return output_text(&text, err);
}

/* No sync of this volume is to lose what it is about to link. Where there is no extensions folder, or none
 * that can be written, there is no sync either. */
static int wait_for_sync(struct session *s, int *lock, struct err *err)
{
    bool unlocked = false;
    *lock = -1;
    if (access(s->paths.extensions, W_OK) < 0)
        return 0;
    *lock = lock_take(s->paths.extensions, &unlocked, err);
    return *lock < 0 && !unlocked ? -1 : 0;
}

static int prune(struct session *s, bool all, struct err *err)
{
    struct buf text cleanup_buf = BUF_INIT;
    struct cache_sizes removed;
    restrict_writes(s, true);
    cleanup_close int lock = -1;
    if (wait_for_sync(s, &lock, err) < 0 || cache_prune(s, all, &removed, err) < 0)
        return -1;
    if (s->options->json)
        return output_json(to_json(s, &removed), err);
    buf_str(&text, "removed ");
    sum_up(&removed, &text);
    return output_text(&text, err);
}

int command_cache(struct session *s, struct err *err)
{
    const struct strings *words = &s->options->names;
    const char *what = words->count == 1 ? words->items[0] : "";
    if (strcmp(what, "dir") == 0)
        return dir(s, err);
    if (strcmp(what, "size") == 0)
        return size(s, err);
    if (strcmp(what, "prune") == 0 || strcmp(what, "clean") == 0)
        return prune(s, what[0] == 'c', err);
    return err_set(err, ERR_USAGE, "`cache` wants one of dir, size, prune and clean%s%s%s",
                   *what ? ", not \"" : "", what, *what ? "\"" : "");
}
