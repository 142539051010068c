/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/reload.h"

#include "base/fs.h"
#include "base/process.h"
#include "base/stopwatch.h"
#include "boot/sources.h"
#include "dev/watch.h"

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>

enum {
    READY_MS = 60000, /* how long a supervisor may take to start */
    READY_LOOK_MS = 50,
    LARGEST_STATUS = 64 << 10,
};

struct reload {
    struct session *s;
    pid_t keeper, supervisor; /* the process that stands between, and its parent */
    struct strings folders;   /* that are watched; they belong to `memory` */
    struct arena memory;
    struct watch *watch;
};

/* ---- the supervisor */

/* The number behind a name in /proc/PID/status; false: there is no such process. */
static bool process_status(pid_t pid, const char *name, int base, unsigned long long *value)
{
    struct buf bytes cleanup_buf = BUF_INIT, path cleanup_buf = BUF_INIT;
    struct text rest, line;
    buf_printf(&path, "/proc/%ld/status", (long)pid);
    if (fs_read(AT_FDCWD, buf_cstr(&path), LARGEST_STATUS, &bytes, NULL) < 0)
        return false;
    for (rest = buf_view(&bytes); text_line(&rest, &line);) {
        if (!text_starts(line, text_of(name)))
            continue;
        *value = strtoull(line.ptr + strlen(name), NULL, base);
        return true;
    }
    return false;
}

/* Whether it is still the process that started us: its number may be another's by now, but not while the
 * keeper is its child. */
static bool has_supervisor(const struct reload *r)
{
    unsigned long long parent;
    return getppid() == r->keeper && process_status(r->keeper, "PPid:", 10, &parent) &&
           parent == (unsigned long long)r->supervisor;
}

/* A signal that comes before its handler is there would end it. */
static bool takes_restarts(const struct reload *r)
{
    unsigned long long caught = 0;
    return process_status(r->supervisor, "SigCgt:", 16, &caught) && (caught >> (SIGUSR1 - 1) & 1);
}

/* False: there is nobody left to work for. */
static bool restart(const struct reload *r)
{
    const long long until = stopwatch_ms() + READY_MS;
    while (has_supervisor(r) && !takes_restarts(r)) {
        if (stopwatch_ms() > until) {
            log_warning("LocalStack is not restarted: process %ld, which should do it, takes no SIGUSR1",
                        (long)r->supervisor);
            return true;
        }
        usleep(READY_LOOK_MS * 1000);
    }
    return has_supervisor(r) && kill(r->supervisor, SIGUSR1) == 0;
}

/* ---- the extensions */

static int run_sync(const struct reload *r, struct process_result *result, struct err *err)
{
    const struct session_options *o = r->s->options;
    const struct {
        const char *option, *value;
    } given[] = {{"--root", o->root},           {"--base", o->base},     {"--venv", o->venv},
                 {"--cache-dir", o->cache_dir}, {"--python", o->python}, {"--index-url", o->index_url}};
    const char *argv[32] = {"/proc/self/exe", "sync", "--boot"};
    size_t argc = 3;
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        if (!given[i].value)
            continue;
        argv[argc++] = given[i].option;
        argv[argc++] = given[i].value;
    }
    if (o->offline)
        argv[argc++] = "--offline";
    if (o->quiet || o->verbose)
        argv[argc++] = o->verbose ? "--verbose" : "--quiet";
    const struct process p = {.argv = argv,
                              .envp = r->s->environ,
                              .keep_stdout = true,
                              .keep_stderr = true,
                              .timeout_ms = r->s->settings.timeout_s * 1000};
    return process_run(&p, result, err);
}

static void sync_extensions(const struct reload *r)
{
    struct err err cleanup_err = ERR_INIT;
    struct process_result result cleanup_process_result = PROCESS_RESULT_INIT;
    if (run_sync(r, &result, &err) < 0)
        log_warning("the extensions stay as they are: %s", err.text);
    else if (result.timed_out)
        log_warning("the sync was ended after %d seconds, and the extensions stay as they are; "
                    "EXTENSION_SYNC_TIMEOUT gives it more time",
                    r->s->settings.timeout_s);
    else if (result.status)
        log_warning(
            "the sync ended with exit status %d, for the reason that stands above; LocalStack gets the "
            "extensions as they are",
            result.status);
}

static bool wants_sync(const struct reload *r, struct arena *a, const struct boot_sources *sources)
{
    if (r->s->settings.sync == SYNC_NEVER)
        return false;
    const char *why = state_source_change(a, &r->s->paths, sources);
    if (why)
        log_debug("a sync is needed: %s", why);
    return why != NULL;
}

/* ---- the sources */

static void add_absent(const char *folder, struct strings *out)
{
    struct stat st;
    if (stat(folder, &st) == 0)
        return; /* it is among them, or no source */
    array_each (out, known)
        if (strcmp(*known, folder) == 0)
            return;
    array_push(out, (char *)(uintptr_t)folder);
}

/* The sources, and folders that are waited for: those that the settings name, and those that went away. */
static void list_folders(const struct reload *r, struct arena *a, const struct boot_sources *sources,
                         struct strings *out)
{
    const char *named = r->s->settings.dev_mode ? r->s->settings.dev_sources : NULL;
    struct text rest = text_of(named), piece;
    array_each (sources, source)
        array_push(out, (char *)(uintptr_t)source->folder);
    while (named && text_cut(&rest, ':', &piece))
        if (piece.len)
            add_absent(path_absolute(a, text_dup(a, piece)), out);
    array_each (&r->folders, folder)
        add_absent(*folder, out);
}

static bool are_watched(const struct reload *r, const struct strings *folders)
{
    if (folders->count != r->folders.count)
        return false;
    for (size_t i = 0; i < folders->count; i++)
        if (strcmp(folders->items[i], r->folders.items[i]) != 0)
            return false;
    return true;
}

/* Where others are there than before, as a repository of several has one more: watches what is there now. */
static void watch_sources(struct reload *r, struct arena *a, const struct boot_sources *sources)
{
    struct strings folders cleanup_strings = {0};
    list_folders(r, a, sources, &folders);
    if (are_watched(r, &folders))
        return;
    if (r->watch)
        watch_free(r->watch);
    struct arena memory = ARENA_INIT;
    struct strings kept = {0};
    array_each (&folders, folder)
        array_push(&kept, arena_strdup(&memory, *folder));
    array_free(&r->folders);
    arena_free(&r->memory);
    r->folders = kept;
    r->memory = memory;
    r->watch = watch_open(kept.items, kept.count);
}

static void say_watched(const struct reload *r)
{
    struct buf names cleanup_buf = BUF_INIT;
    array_each (&r->folders, folder)
        buf_printf(&names, "%s%s", names.len ? ", " : "", *folder);
    log_info("watching for changes: %s", buf_cstr(&names));
}

static void say_changed(const struct reload *r, const struct watch_change *change, bool synced)
{
    struct buf what cleanup_buf = BUF_INIT;
    array_each (&change->files, file)
        buf_printf(&what, "%s%s", what.len ? ", " : "", *file);
    if (!what.len)
        buf_str(&what, "many files");
    else if (change->uncertain)
        buf_str(&what, " and many more");
    else if (change->count > change->files.count)
        buf_printf(&what, " and %zu more", change->count - change->files.count);
    log_info("%s changed; %s%s", buf_cstr(&what), synced ? "the extensions are synced, then " : "",
             r->supervisor ? "LocalStack restarts"
                           : "LocalStack has to be restarted (`kill -USR1 1` in its container)");
}

/* ---- */

/* False: there is nobody left to work for. */
static bool answer(struct reload *r, const struct watch_change *change)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct boot_sources sources cleanup_sources = {0};
    sources_find(&a, &r->s->paths, &r->s->settings, &sources);
    bool synced = wants_sync(r, &a, &sources);
    say_changed(r, change, synced);
    if (synced)
        sync_extensions(r);
    watch_sources(r, &a, &sources);
    return !r->supervisor || restart(r);
}

static int start(struct reload *r, struct err *err)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct boot_sources sources cleanup_sources = {0};
    sources_find(&a, &r->s->paths, &r->s->settings, &sources);
    watch_sources(r, &a, &sources);
    if (!r->watch)
        return err_set(err, ERR_USAGE,
                       "there is no source to watch: set EXTENSION_DEV_MODE=1, and name folders in "
                       "EXTENSION_DEV_SOURCES or put them into %s",
                       r->s->paths.sources);
    say_watched(r);
    return 0;
}

int reload_run(struct session *s, struct err *err)
{
    struct reload r = {.s = s, .keeper = getppid(), .supervisor = s->options->supervisor};
    struct watch_change change;
    if (r.supervisor) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (!has_supervisor(&r))
            return 0;
    }
    int result = start(&r, err);
    while (result == 0 && watch_wait(r.watch, 0, &change) && answer(&r, &change))
        ;
    if (r.watch)
        watch_free(r.watch);
    array_free(&r.folders);
    arena_free(&r.memory);
    return result;
}
