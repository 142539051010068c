/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/sync.h"

#include "base/fs.h"
#include "base/progress.h"
#include "base/stopwatch.h"
#include "config/environment.h"
#include "reconcile/apply.h"
#include "reconcile/cache.h"
#include "reconcile/history.h"
#include "reconcile/locked.h"
#include "reconcile/restrict.h"
#include "reconcile/shadow.h"
#include "reconcile/store.h"
#include "reconcile/volume.h"
#include "venv/commit.h"
#include "venv/layout.h"
#include "venv/lock.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

/* How often a plan is made again because somebody else changed the venv, or the cache, meanwhile. */
enum { ATTEMPTS = 3 };

static double seconds(long long ms)
{
    return (double)ms / 1000;
}

static void say_failures(const struct session *s, const struct plan *plan)
{
    bool may_pass = false;
    plan_say_failures(plan);
    for (size_t i = 0; i < plan->failed.count; i++)
        may_pass = may_pass || !plan->failed.items[i].malformed;
    if (may_pass && s->options->boot)
        log_info("each boot tries again what was set aside; EXTENSION_SYNC=never leaves the extensions' venv "
                 "as it is");
}

static void say_start(const struct plan *plan, long long resolve_ms)
{
    for (size_t i = 0; i < plan->warnings.count; i++)
        log_warning("%s", plan->warnings.items[i]);
    if (plan->rebuild && !plan->fresh && !plan->refused)
        log_info("the extensions' venv is made anew: %s", plan->rebuild);
    if (plan->relayout && !plan->rebuild && !plan->refused)
        log_info("the virtual environment's own files are written anew: `check` found them at fault");
    if (plan->install.count && plan->lock)
        log_info("the lock %s has %zu distribution%s; %zu to install", plan->lock, plan->root_count,
                 plan->root_count == 1 ? "" : "s", plan->install.count);
    else if (plan->install.count)
        log_info("resolved %zu requirement%s in %.2f s; %zu distribution%s to install", plan->root_count,
                 plan->root_count == 1 ? "" : "s", seconds(resolve_ms), plan->install.count,
                 plan->install.count == 1 ? "" : "s");
}

static void add_fetched(struct buf *to, const struct apply_report *report)
{
    if (report->downloaded || !report->read)
        buf_printf(to, "downloaded %zu (%.1f MB)", report->downloaded, (double)report->bytes / 1e6);
    if (report->read)
        buf_printf(to, "%sread %zu (%.1f MB)", to->len ? ", " : "", report->read,
                   (double)report->read_bytes / 1e6);
    buf_printf(to, " in %.2f s", seconds(report->download_ms));
}

static void say_done(const struct plan *plan, const struct apply_report *report, long long resolve_ms)
{
    struct buf names cleanup_buf = BUF_INIT, fetched cleanup_buf = BUF_INIT;
    /* Not before: what cannot be fetched or built is a reason to remove nothing. */
    array_each (&plan->remove, gone)
        log_info("removed %s %s: %s", gone->name, gone->version, gone->why);
    for (size_t i = 0; i < plan->install.count; i++) {
        const struct plan_install *in = &plan->install.items[i];
        buf_printf(&names, "%s%s %s", i ? ", " : "", in->name, in->version);
        if (in->replaces && strcmp(in->replaces, in->version) != 0)
            buf_printf(&names, " (was %s)", in->replaces);
        else if (in->repair)
            buf_str(&names, " (repaired)");
    }
    add_fetched(&fetched, report);
    if (plan->install.count)
        log_info("installed %s: resolved in %.2f s, %s, installed in %.2f s", buf_cstr(&names),
                 seconds(resolve_ms), buf_cstr(&fetched), seconds(report->install_ms));
    else if (plan->remove.count)
        log_info("removed %zu distribution%s in %.2f s", plan->remove.count,
                 plan->remove.count == 1 ? "" : "s", seconds(report->install_ms));
    else
        log_info("the extensions' venv is as it is asked for (%.2f s)", seconds(report->install_ms));
}

struct run {
    struct session *s;
    struct wanted wanted;
    struct source source;
    struct plan plan;
    struct apply_report report;
    long long resolve_ms;
    struct history_run history;
};

static void describe_resolving(void *context, struct buf *to)
{
    const struct run *run = context;
    size_t roots = run->wanted.roots.count, projects = run->s->index ? index_project_count(run->s->index) : 0;
    buf_printf(to, "resolving %zu requirement%s", roots, roots == 1 ? "" : "s");
    if (projects)
        buf_printf(to, ", %zu project%s so far", projects, projects == 1 ? "" : "s");
}

static int resolve_plan(struct run *run, struct err *err)
{
    struct progress progress = {.describe = describe_resolving, .context = run};
    long long start = stopwatch_ms();
    plan_free(&run->plan);
    progress_begin(&progress);
    int result = plan_make(run->s, &run->wanted, &run->source, &run->plan, err);
    progress_end(&progress);
    run->resolve_ms += stopwatch_ms() - start;
    return result;
}

/* The plan, with every wheel that it installs at hand. */
static int make_plan(struct run *run, struct unpacked **wheels, struct err *err)
{
    for (;;) {
        if (resolve_plan(run, err) < 0)
            return -1;
        if (run->plan.install.count)
            say_start(&run->plan, run->resolve_ms);
        *wheels = arena_array(&run->s->memory, run->plan.install.count, sizeof **wheels);
        int result = apply_fetch(run->s, &run->plan, &run->source, *wheels, &run->report, err);
        if (result <= 0)
            return result;
    }
}

static unsigned long long next_number(struct session *s, const struct state *last)
{
    unsigned long long number = layout_number(s->paths.venv);
    return (number > last->number ? number : last->number) + 1;
}

/* Plans and applies, again without what turns out to be no good. Returns an apply_result. */
static int attempt(struct run *run, const struct state *last, struct err *err)
{
    struct session *s = run->s;
    for (;;) {
        struct unpacked *wheels;
        if (make_plan(run, &wheels, err) < 0)
            return -1;
        if (!run->plan.install.count)
            say_start(&run->plan, run->resolve_ms);
        if (!plan_changes(&run->plan)) {
            run->report.number = layout_number(s->paths.venv);
            return APPLY_DONE;
        }
        shadow_warn(s, &run->plan, wheels);
        if (run->wanted.locked)
            locked_warn(s, &run->plan, wheels);
        run->report.number = next_number(s, last);
        int result = apply_plan(s, &run->plan, &run->source, wheels, run->report.number, &run->report, err);
        if (result == APPLY_DONE)
            say_done(&run->plan, &run->report, run->resolve_ms);
        if (result != APPLY_REFUSED)
            return result;
    }
}

/* Reads the venv, and how it looks from outside: what is planned from it holds for as long as it looks so. */
static int read_venv(struct session *s, struct err *err)
{
    s->snapshot = NULL;
    if (session_venv(s, err) < 0)
        return -1;
    if (s->old_site_packages &&
        !(s->snapshot = commit_snapshot(&s->memory, s->paths.venv, s->old_site_packages, err)))
        return -1;
    return 0;
}

static int reconcile(struct run *run, const struct state *last, struct err *err)
{
    bool lost = false;
    for (int i = 0; i < ATTEMPTS; i++) {
        if (read_venv(run->s, err) < 0 || source_open(&run->source, run->s, &run->wanted, err) < 0)
            return -1;
        int result = attempt(run, last, err);
        source_close(&run->source);
        /* What was planned from is gone: no wonder that it cannot be read. A switch that is under way is
         * another matter: it changes the venv itself, and the next run finishes it. */
        if (result < 0 && !commit_is_pending(run->s->paths.extensions) &&
            commit_changed(run->s->paths.venv, run->s->old_site_packages, run->s->snapshot)) {
            err_clear(err);
            result = APPLY_CHANGED;
        }
        if (result != APPLY_CHANGED && result != APPLY_LOST)
            return result;
        lost = result == APPLY_LOST;
        if (!lost)
            log_warning("somebody else changed the extensions' venv meanwhile; looking at it again");
    }
    return err_set(
        err, ERR_SYSTEM,
        "%s by somebody else each of %d times; the venv is left as it is: end the other %s and try "
        "again",
        lost ? "wheels were removed from the cache" : "the extensions' venv was changed", ATTEMPTS,
        lost ? "program" : "installation");
}

static void remember_file(struct state *state, struct arena *a, const char *path, const char *digest)
{
    for (size_t i = 0; i < state->files.count; i++)
        if (strcmp(state->files.items[i], path) == 0)
            return;
    array_push(&state->files, arena_strdup(a, path));
    array_push(&state->digests, arena_strdup(a, digest));
}

static void remember_variables(struct state *state, const struct run *run)
{
    struct session *s = run->s;
    array_each (&run->wanted.variables, name) {
        array_push(&state->variables, *name);
        array_push(&state->variable_prints,
                   environment_print(&s->memory, s->environ, *name, s->settings_salt));
    }
}

/* What nobody had to read is an input as well. */
static void remember_wheel(struct session *s, const struct requirement *r)
{
    char *path = r->url ? url_to_path(&s->memory, r->url) : NULL;
    struct stat st;
    if (path && (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)))
        session_wheel(s, path);
}

static void remember_wheels(struct state *state, struct run *run)
{
    struct session *s = run->s;
    array_each (&run->wanted.roots, root)
        remember_wheel(s, root->requirement);
    array_each (&run->wanted.constraints, limit)
        remember_wheel(s, limit->requirement);
    state->wheels = s->wheels; /* they stay the session's */
    state->wheel_facts = s->wheel_facts;
}

static void remember_project(struct state *state, const struct project *project)
{
    for (size_t i = 0; project && i < project->files.count; i++) {
        /* nobody writes to them */
        array_push(&state->project_files, (char *)(uintptr_t)project->files.items[i].path);
        array_push(&state->project_facts, (char *)(uintptr_t)project->files.items[i].fact);
    }
}

/* Whether they could be used or not: what mends one is a change as well. */
static void remember_folders(struct state *state, const struct run *run)
{
    const struct session *s = run->s;
    for (size_t i = 0; i < s->folders.count; i++) {
        bool source = false;
        remember_project(state, strmap_get(&s->projects, text_of(s->folders.items[i])));
        array_each (&state->sources, known)
            if (strcmp(known->folder, s->folders.items[i]) == 0) {
                known->fact = s->folder_facts.items[i];
                source = true;
            }
        if (source)
            continue;
        array_push(&state->folders, s->folders.items[i]);
        array_push(&state->folder_facts, s->folder_facts.items[i]);
    }
    array_each (&run->wanted.developed, place)
        if ((*place)->code) {
            array_push(&state->code, (char *)(uintptr_t)(*place)->folder); /* nobody writes to it */
            array_push(&state->code_facts, (char *)(uintptr_t)(*place)->code);
        }
}

/* What was to be repaired and could not be: the next sync tries it again. */
static void remember_marks(const struct run *run, struct state_marks *marks)
{
    array_each (&run->plan.keep, keep)
        if (keep->item->damaged)
            array_push(&marks->distributions, (char *)(uintptr_t)keep->name); /* nobody writes to it */
    marks->venv = run->s->marks.venv && run->plan.refused;
}

/* What the next boot compares with. Requirements of the command line are not what a boot asks for: their
 * state never fits. */
static int remember(struct run *run, struct err *err)
{
    struct session *s = run->s;
    struct arena *a = &s->memory;
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    struct state state = {
        .number = run->report.number,
        .salt = s->settings_salt,
        .prints = s->settings_prints,
        .status = run->plan.failed.count ? 1 : 0,
        .interpreter = s->py.base_executable,
        .soabi = s->py.tags.soabi,
        .site_packages = s->py.site_packages,
        .always = s->settings.upgrade || s->own_inputs || s->options->constraint_files.count,
        .host = host,
        .sources = *session_sources(s),
    };
    memcpy(state.settings, s->settings_digest, sizeof state.settings);
    for (size_t i = 0; i < s->settings.file_count; i++)
        remember_file(&state, a, s->settings.files[i].path,
                      s->settings.files[i].exists ? s->settings.files[i].digest : "-");
    for (size_t i = 0; i < run->wanted.files.count; i++)
        remember_file(&state, a, run->wanted.files.items[i], run->wanted.digests.items[i]);
    remember_variables(&state, run);
    remember_folders(&state, run);
    remember_wheels(&state, run);
    for (size_t i = 0; i < s->py.path_count; i++)
        array_push(&state.base_folders, s->py.path[i]);
    for (size_t i = 0; i < run->plan.failed.count; i++) {
        const struct plan_failed *f = &run->plan.failed.items[i];
        array_push(&state.failures, (struct state_failure){f->requirement, f->from, f->reason, f->malformed});
    }
    remember_marks(run, &state.marks);
    int result = state_write(&s->paths, &state, err);
    array_free(&state.files);
    array_free(&state.variables);
    array_free(&state.variable_prints);
    array_free(&state.folders);
    array_free(&state.folder_facts);
    array_free(&state.project_files);
    array_free(&state.project_facts);
    array_free(&state.code);
    array_free(&state.code_facts);
    array_free(&state.digests);
    array_free(&state.base_folders);
    array_free(&state.failures);
    array_free(&state.marks.distributions);
    return result;
}

/* What the code of a source needs to be imported may have come with this sync: then it is asked once more. */
static int link_again(struct run *run, const struct state *last, struct err *err)
{
    bool more = false;
    array_each (&run->wanted.developed, d)
        if (run->plan.install.count && developed_look_again(run->s, *d))
            more = true;
    if (more) {
        history_end(&run->history, run->plan.failed.count ? 1 : 0, &run->plan, NULL);
        history_begin(&run->history, run->s);
        if (reconcile(run, last, err) < 0)
            return -1;
    }
    array_each (&run->wanted.developed, d)
        if ((*d)->unknown)
            log_warning("%s", (*d)->unknown);
    return 0;
}

static int work(struct run *run, const struct state *last, struct err *err)
{
    struct session *s = run->s;
    if (session_base(s, err) < 0 || wanted_read(s, &run->wanted, err) < 0 || reconcile(run, last, err) < 0 ||
        link_again(run, last, err) < 0)
        return -1;
    /* The state is written last, so that one of another number is of a sync that did not come so far; without
     * it the next boot syncs, and tries again. */
    bool forgotten = run->report.number == last->number || apply_forget_plugins(s);
    say_failures(s, &run->plan);
    int status = run->plan.failed.count ? 1 : 0;
    /* Before the state: who is killed in between leaves a boot that has something to do, and to sweep up. */
    history_end(&run->history, status, &run->plan, NULL);
    if (forgotten && remember(run, err) < 0) {
        log_warning("the next boot looks at everything again: %s", err->text);
        err_clear(err);
    }
    return status;
}

static int cannot_write(struct session *s, struct err *err)
{
    return err_wrap(err, "%s", volume_cannot_be_written(s, err->sysno, NULL));
}

/* One that took the other's place and one that runs beside it look alike from here. */
static void warn_of_another(const struct session *s, const struct state *last, const char *reason)
{
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    if (!last->other_inputs || s->own_inputs || !last->host || !*last->host || strcmp(last->host, host) == 0)
        return;
    log_warning(
        "container %s synced this volume last, and with other inputs (%s): the extensions become what "
        "this one (%s) asks for. That is as it should be where this one takes the other's place; those "
        "that run at the same time need the same inputs and image, or a volume each",
        last->host, reason, host);
}

/* Who syncs by hand also wants to know again what no fact of the state tells: what could not be built of a
 * developer's source, or imported, may be by now. */
static bool asks_for_more(struct session *s)
{
    return s->own_inputs || s->options->constraint_files.count || s->settings.upgrade || s->options->base ||
           s->options->python || (!s->options->boot && session_sources(s)->count);
}

int sync_run(struct session *s, struct err *err)
{
    if (fs_mkdirs(s->paths.extensions, err) < 0)
        return cannot_write(s, err);
    if (!s->options->recover_only)
        session_place_sources(s);
    restrict_writes(s, true);
    bool unlocked = false, finished = false;
    cleanup_close int lock = lock_take(s->paths.extensions, &unlocked, err);
    if (lock < 0 && !unlocked)
        return err->sysno == EROFS || err->sysno == EACCES ? cannot_write(s, err) : -1;
    s->syncing = true;
    if (commit_recover(s->paths.extensions, s->paths.venv, &finished, err) < 0 || store_sweep(s, err) < 0)
        return -1;
    if (finished) {
        log_info("finished what an interrupted sync had begun");
        apply_forget_plugins(s);
    }
    if (s->options->recover_only) {
        struct history_run history;
        history_begin(&history, s);
        history_end(&history, 0, NULL, NULL);
        return 0;
    }
    struct state last = {0};
    const char *reason = NULL;
    enum state_verdict verdict =
        state_compare(&s->memory, &s->paths, &s->settings, session_sources(s), &last, &reason);
    if (verdict == STATE_SAME && !asks_for_more(s)) {
        log_debug("nothing changed since the last sync");
        return 0;
    }
    if (reason)
        log_debug("syncing: %s", reason);
    warn_of_another(s, &last, reason);
    cache_sweep(s->cache_dir);
    s->marks = last.marks;
    struct run run = {.s = s};
    history_begin(&run.history, s);
    int result = work(&run, &last, err);
    if (result < 0)
        history_end(&run.history, err_status(err), NULL, err->text);
    plan_free(&run.plan);
    wanted_free(&run.wanted);
    return result;
}
