/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/history.h"

#include "base/fs.h"
#include "base/stopwatch.h"
#include "reconcile/output.h"

#include <time.h>

enum { LARGEST_FILE = 256 << 10, LONGEST_ERROR = 500 };

static json_t *number_or_null(json_t *value)
{
    return json_is_integer(value) ? json_incref(value) : json_null();
}

/* NULL for what is no line of ours; keys that a later version may add go. */
static json_t *read_line(struct text line)
{
    json_t *raw = json_loadb(line.ptr, line.len, JSON_REJECT_DUPLICATES, NULL), *entry = NULL;
    const char *time, *by, *host;
    json_int_t pid, installed, removed, kept, failed;
    json_t *error = json_object_get(raw, "error");
    if (raw && json_unpack(raw, "{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "time", &time, "by", &by, "host",
                           &host, "pid", &pid, "installed", &installed, "removed", &removed, "kept", &kept,
                           "failed", &failed) == 0)
        entry = json_pack("{s:s, s:s, s:s, s:I, s:o, s:o, s:I, s:I, s:I, s:I, s:o}", "time", time, "by", by,
                          "host", host, "pid", pid, "exit", number_or_null(json_object_get(raw, "exit")),
                          "ms", number_or_null(json_object_get(raw, "ms")), "installed", installed, "removed",
                          removed, "kept", kept, "failed", failed, "error",
                          json_is_string(error) ? json_incref(error) : json_null());
    json_decref(raw);
    return entry;
}

static void keep_last(json_t *list, size_t most)
{
    while (json_array_size(list) > most)
        json_array_remove(list, 0);
}

json_t *history_read(const char *extensions_dir)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct buf bytes cleanup_buf = BUF_INIT;
    struct err err cleanup_err = ERR_INIT;
    json_t *list = json_array();
    if (fs_read(AT_FDCWD, path_join(&a, extensions_dir, SYNC_HISTORY), LARGEST_FILE, &bytes, &err) < 0) {
        log_debug("no history: %s", err.text);
        return list;
    }
    struct text rest = buf_view(&bytes), line;
    while (text_line(&rest, &line)) {
        json_t *entry = read_line(line);
        if (entry)
            json_array_append_new(list, entry);
    }
    keep_last(list, HISTORY_MOST);
    return list;
}

static bool is_same_run(const json_t *one, const json_t *other)
{
    static const char *const keys[] = {"time", "pid", "host"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!json_equal(json_object_get(one, keys[i]), json_object_get(other, keys[i])))
            return false;
    return true;
}

/* In the place of the line that the run's beginning wrote, or as the last. */
static void put(struct history_run *run, json_t *entry)
{
    const struct session *s = run->s;
    struct buf text cleanup_buf = BUF_INIT;
    struct err err cleanup_err = ERR_INIT;
    json_t *list = history_read(s->paths.extensions), *item;
    size_t last = json_array_size(list), i;
    if (last && is_same_run(json_array_get(list, last - 1), entry))
        json_array_remove(list, last - 1);
    json_array_append_new(list, entry);
    keep_last(list, HISTORY_MOST);
    json_array_foreach(list, i, item)
    {
        char *line = json_dumps(item, JSON_COMPACT);
        if (line)
            buf_printf(&text, "%s\n", line);
        free(line);
    }
    json_decref(list);
    cleanup_free char *path = xasprintf("%s/%s", s->paths.extensions, SYNC_HISTORY);
    if (fs_write(AT_FDCWD, path, buf_view(&text), 0644, false, &err) < 0 && !run->warned) {
        log_warning("what this sync does is not written down for `localstack-extensions doctor`: %s",
                    err.text);
        run->warned = true;
    }
}

static json_t *entry_of(const struct history_run *run, const struct plan *plan)
{
    char host[256] = "?";
    gethostname(host, sizeof host - 1);
    return json_pack("{s:s, s:s, s:o, s:I, s:n, s:n, s:I, s:I, s:I, s:I, s:n}", "time", run->time, "by",
                     run->s->options->boot ? "boot" : "command", "host", output_json_text(host), "pid",
                     (json_int_t)getpid(), "exit", "ms", "installed",
                     (json_int_t)(plan ? plan->install.count : 0), "removed",
                     (json_int_t)(plan ? plan->remove.count : 0), "kept",
                     (json_int_t)(plan ? plan->keep.count : 0), "failed",
                     (json_int_t)(plan ? plan->failed.count : 0), "error");
}

void history_begin(struct history_run *run, struct session *s)
{
    struct tm tm;
    time_t now = time(NULL);
    *run = (struct history_run){.s = s, .start_ms = stopwatch_ms()};
    strftime(run->time, sizeof run->time, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
    put(run, entry_of(run, NULL));
}

/* The beginning of it, whole characters only. */
static json_t *shortened(const char *why)
{
    size_t n = strlen(why);
    if (n <= LONGEST_ERROR)
        return output_json_text(why);
    for (n = LONGEST_ERROR; n && ((unsigned char)why[n] & 0xc0) == 0x80; n--)
        ;
    cleanup_free char *cut = xasprintf("%.*s…", (int)n, why);
    return output_json_text(cut);
}

void history_end(struct history_run *run, int status, const struct plan *plan, const char *why)
{
    json_t *entry = entry_of(run, plan);
    json_object_set_new(entry, "exit", json_integer(status));
    json_object_set_new(entry, "ms", json_integer(stopwatch_ms() - run->start_ms));
    if (why)
        json_object_set_new(entry, "error", shortened(why));
    put(run, entry);
}
