/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/extensions.h"

#include "base/fs.h"
#include "base/log.h"
#include "boot/child.h"
#include "boot/init.h"
#include "boot/sources.h"
#include "config/settings.h"

#include <errno.h>

enum { STATUS_USAGE = 2, STATUS_SYSTEM = 3 };

const char *extensions_program(const struct extensions_boot *b)
{
    static const char name[] = "localstack-extensions";
    const char *self[2] = {fs_readlink(b->a, AT_FDCWD, "/proc/self/exe", NULL), b->program};
    for (size_t i = 0; i < 2; i++) {
        if (!self[i] || !strchr(self[i], '/'))
            continue;
        size_t dir = (size_t)(path_base(self[i]) - self[i]);
        const char *beside = arena_printf(b->a, "%s%s", arena_strndup(b->a, self[i], dir), name);
        if (access(beside, X_OK) == 0)
            return beside;
    }
    return name;
}

/* What each message of a failure ends with, but of one that is got past already. */
static const char *way_out(const struct settings *s)
{
    return s->sync == SYNC_NEVER ? "" : "; EXTENSION_SYNC=never boots with the extensions as they are";
}

/* What the boot ends with, 0 to go on. `never` gets past any trouble: nothing of the extensions ends it. */
static int ends_with(const struct settings *s, int status)
{
    if (!status || s->on_error != ON_ERROR_ABORT || s->sync == SYNC_NEVER)
        return 0;
    log_error("the boot ends here, as EXTENSION_ON_ERROR=abort asks");
    return status;
}

/* Says what became of it. Its exit status as DESIGN counts it: one that did not run or not end is 3. */
static int report(const struct child_end *end, const struct settings *s)
{
    if (end->timed_out) {
        log_error(
            "the extensions were not in place after %d seconds, so localstack-extensions was ended: look "
            "above for what it waited for, or give it more time with EXTENSION_SYNC_TIMEOUT%s",
            s->timeout_s, way_out(s));
        return STATUS_SYSTEM;
    }
    if (end->signal) {
        log_error(
            "localstack-extensions was ended by signal %d (%s)%s%s", end->signal, strsignal(end->signal),
            end->signal == SIGKILL ? ", which mostly means that the container has too little memory" : "",
            way_out(s));
        return end->status;
    }
    if (end->status > 1)
        log_error("localstack-extensions failed with exit status %d, for the reason that stands above%s",
                  end->status, way_out(s));
    return end->status;
}

static int run(const struct extensions_boot *b, const struct settings *s, bool recover_only)
{
    struct err err cleanup_err = ERR_INIT;
    struct child_end end;
    const char *argv[8] = {extensions_program(b), "sync", "--boot"};
    size_t argc = 3;
    if (recover_only)
        argv[argc++] = "--recover-only";
    if (*b->paths->root) {
        argv[argc++] = "--root";
        argv[argc++] = b->paths->root;
    }
    const struct child child = {
        .argv = argv, .envp = b->env, .stdout_to_stderr = true, .timeout_s = s->timeout_s};
    int status = STATUS_SYSTEM;
    if (child_run(b->signals, &child, &end, &err) < 0)
        log_error("%s; the extensions stay as they are%s%s", err.text,
                  err.sysno == ENOENT || err.sysno == EACCES
                      ? ". It belongs beside localstack-entrypoint, or on PATH"
                      : "",
                  way_out(s));
    else if (end.interrupted)
        return 128 + end.interrupted;
    else
        status = report(&end, s);
    return ends_with(s, status);
}

static void report_malformed(const struct state *state)
{
    array_each (&state->failures, f) {
        log_error("%s (%s): %s; correct or remove it, or set EXTENSION_SYNC=never to leave the extensions as "
                  "they are",
                  f->requirement, f->from, f->reason);
    }
}

/* As those know it who start LocalStack's extensions in developer mode by its own command line. */
static void show_sources(const struct boot_sources *sources)
{
    log_info("LocalStack extension developer mode enabled");
    array_each (sources, source)
        log_info("- mounting extension %s", source->place);
    array_each (&sources->warnings, warning)
        log_warning("%s", *warning);
}

static int compare(const struct extensions_boot *b, const struct settings *s,
                   const struct boot_sources *sources)
{
    struct state state;
    const char *reason;
    switch (state_compare(b->a, b->paths, s, sources, &state, &reason)) {
    case STATE_SAME:
        log_debug("nothing changed since the last sync");
        return 0;
    case STATE_MALFORMED:
        report_malformed(&state);
        return ends_with(s, state.status);
    default:
        log_info("preparing the extensions: %s", reason);
        return run(b, s, false);
    }
}

/* What was begun is finished whatever the settings are: half a venv is none. */
static int leave(const struct extensions_boot *b, const struct settings *s)
{
    if (!state_unfinished(b->paths))
        return 0;
    log_info("finishing what the last sync began");
    return run(b, s, true);
}

static void choose_mode(const struct settings *s, struct extensions_outcome *out)
{
    if (out->mode == MODE_UNSET)
        out->mode = mode_of(s->entrypoint_mode);
    if (out->mode == MODE_INIT)
        init_adopt_orphans();
}

int extensions_ready(const struct extensions_boot *b, struct extensions_outcome *out)
{
    struct err err cleanup_err = ERR_INIT;
    struct settings s cleanup_settings = {0};
    struct boot_sources sources cleanup_sources = {0};
    const struct settings_source source = {
        .root = b->paths->root, .environ = b->env, .base_dir = b->paths->base, .venv_dir = b->paths->venv};
    int loaded = settings_load(&source, &s, &err);
    log_set_level(s.log_level);
    log_set_format(s.log_format);
    log_release();
    choose_mode(&s, out);
    if (loaded < 0) {
        log_error("%s\nThe extensions stay as they are until this is mended%s", err.text,
                  s.sync == SYNC_NEVER ? "" : "; EXTENSION_SYNC=never does not look for changes");
        sources_restore(b->a, b->paths);
        int status = leave(b, &s);
        return status ? status : ends_with(&s, STATUS_USAGE);
    }
    /* Whatever becomes of the sync: mounts live in the container, and the venv leads through them. */
    if (s.dev_mode) {
        sources_ready(b->a, b->paths, &s, &sources);
        show_sources(&sources);
    }
    out->watch = s.dev_reload && sources.count;
    if (s.sync == SYNC_NEVER) {
        log_debug("EXTENSION_SYNC=never: the extensions stay as they are");
        return leave(b, &s);
    }
    return compare(b, &s, &sources);
}
