/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/apply.h"

#include "base/progress.h"
#include "base/stopwatch.h"
#include "config/environment.h"
#include "venv/adopt.h"
#include "venv/commit.h"
#include "venv/direct_url.h"
#include "venv/install.h"
#include "venv/layout.h"
#include "venv/stage.h"

#include <errno.h>

int apply_fetch(struct session *s, const struct plan *plan, struct source *source, struct unpacked *wheels,
                struct apply_report *report, struct err *err)
{
    size_t count = plan->install.count;
    struct fetch *jobs = arena_array(&s->memory, count, sizeof *jobs);
    size_t *item = arena_array(&s->memory, count, sizeof *item);
    size_t n = 0;
    long long start = stopwatch_ms();
    for (size_t i = 0; i < count; i++) {
        if (plan->install.items[i].developed)
            continue;
        if (plan->install.items[i].direct) {
            wheels[i] = plan->install.items[i].direct->wheel;
            continue;
        }
        jobs[n].file = plan->install.items[i].file;
        jobs[n].hashes = plan->install.items[i].hashes;
        jobs[n].hash_count = plan->install.items[i].hash_count;
        jobs[n].locked = plan->install.items[i].locked;
        item[n++] = i;
    }
    fetch_expect_only(s, jobs, n);
    int result = fetch_wheels(s, jobs, n, err);
    for (size_t i = 0; i < n; i++) {
        struct fetch *job = &jobs[i];
        if (job->error.text && result >= 0) {
            source_break(source, plan->install.items[item[i]].name, &job->error);
            result = 1;
        }
        err_clear(&job->error);
        wheels[item[i]] = job->wheel;
        bool network = url_is_network(text_of(job->file->url));
        *(network ? &report->downloaded : &report->read) += job->downloaded;
        *(network ? &report->bytes : &report->read_bytes) += job->bytes;
    }
    report->download_ms += stopwatch_ms() - start;
    return result;
}

struct staging {
    struct session *s;
    const struct plan *plan;
    struct source *source;
    const struct unpacked *wheels;
    struct linker *linker;
    struct strmap owners;
    int fd;
    size_t installed; /* of the plan's, so far */
};

static void describe(void *context, struct buf *to)
{
    const struct staging *g = context;
    size_t count = g->plan->install.count;
    if (g->installed < count) {
        const struct plan_install *in = &g->plan->install.items[g->installed];
        buf_printf(to, "installing %zu of %zu: %s %s", g->installed + 1, count, in->name, in->version);
    } else {
        buf_str(to, "putting the new venv in place");
    }
}

/* Everything of the old venv but what goes or is replaced. */
static int carry_over(struct staging *g, struct err *err)
{
    const struct plan *plan = g->plan;
    struct session *s = g->s;
    if (plan->fresh)
        return 0;
    struct {
        struct installed **items;
        size_t count, room;
    } leave = {0};
    for (size_t i = 0; i < plan->remove.count; i++)
        array_push(&leave, plan->remove.items[i].item);
    for (size_t i = 0; i < plan->install.count; i++) {
        struct installed *old = installed_find(&s->venv, plan->install.items[i].name);
        if (old)
            array_push(&leave, old);
    }
    const struct stage_options options = {
        .extensions_dir = s->paths.extensions,
        .old_dir = s->paths.venv,
        .to = g->fd,
        .site_packages = s->py.site_packages,
        .old_site_packages = s->old_site_packages,
        .same_python = !plan->rebuild,
        .leave = leave.items,
        .leave_count = leave.count,
        .linker = g->linker,
        .owners = &g->owners,
    };
    int result = stage_carry_over(&options, plan->rebuild ? &s->old : &s->venv, err);
    array_free(&leave);
    return result;
}

static const char *recorded(struct session *s, const struct direct_url *from, const struct unpacked *wheel)
{
    struct direct_url whole = *from;
    if (whole.kind == DIRECT_ARCHIVE && !whole.sha256)
        whole.sha256 = wheel->sha256;
    return direct_url_write(&s->memory, &whole);
}

/* What becomes of a wheel that could not be installed: an apply_result. */
static int refused(struct staging *g, size_t i, struct err *err)
{
    const struct plan_install *in = &g->plan->install.items[i];
    const struct unpacked *wheel = &g->wheels[i];
    err_wrap(err, "%s %s", in->name, in->version);
    if (!in->developed && !unpacked_is_whole(wheel)) {
        if (!fs_exists(AT_FDCWD, wheel->dir))
            log_warning("%s; somebody removed it from the cache meanwhile, so it is fetched again",
                        err->text);
        g->s->distrust_cache = true;
        err_clear(err);
        return APPLY_LOST;
    }
    if (err->kind != ERR_INPUT)
        return -1;
    /* What is wrong with one wheel is no reason to go without the others. */
    source_break(g->source, in->name, err);
    err_clear(err);
    return APPLY_REFUSED;
}

/* Returns an apply_result. */
static int install_wheels(struct staging *g, struct err *err)
{
    struct session *s = g->s;
    struct err late cleanup_err = ERR_INIT;
    const struct install_target target = {
        .fd = g->fd,
        .final_dir = s->paths.venv,
        .site_packages = s->py.site_packages,
        .include = s->py.include,
        .linker = g->linker,
        .owners = &g->owners,
    };
    size_t count = g->plan->install.count, failed = count;
    for (size_t i = 0; i < count; i++) {
        const struct plan_install *in = &g->plan->install.items[i];
        g->installed = i;
        progress_tick();
        const struct install_options options = {
            .name = in->name,
            .normalized = in->name,
            .number = i,
            .requested = in->requested,
            .overwrite = in->repair,
            .installer = in->installer,
            .direct_url = in->recorded ? recorded(s, in->recorded, &g->wheels[i]) : NULL,
            .source = in->direct ? in->direct->digest : NULL,
        };
        if (in->developed ? source_install(&target, &in->developed->install, err) == 0
                          : install_wheel(&target, &g->wheels[i], &options, err) == 0)
            continue;
        failed = i;
        break;
    }
    size_t owner = failed;
    /* What the linker failed at comes before what was wrong here. */
    if (linker_wait(g->linker, &owner, &late) < 0)
        err_move(err, &late);
    if (owner < count)
        return refused(g, owner, err);
    g->installed = count;
    progress_tick();
    return APPLY_DONE;
}

static int install_all(struct staging *g, struct err *err)
{
    struct session *s = g->s;
    int result = install_wheels(g, err);
    if (result != APPLY_DONE)
        return result;
    for (size_t i = 0; i < g->plan->keep.count; i++) {
        const struct plan_keep *k = &g->plan->keep.items[i];
        if (k->adopt && adopt_distribution(g->fd, s->py.site_packages, path_base(k->item->info), err) < 0)
            return err_wrap(err, "%s %s", k->name, k->version);
    }
    return APPLY_DONE;
}

int apply_plan(struct session *s, const struct plan *plan, struct source *source,
               const struct unpacked *wheels, unsigned long long number, struct apply_report *report,
               struct err *err)
{
    long long start = stopwatch_ms();
    const char *snapshot = plan->fresh ? NULL : s->snapshot;
    if (commit_may_replace(s->paths.extensions, s->paths.venv, err) < 0)
        return -1;
    struct staging g = {.s = s,
                        .plan = plan,
                        .source = source,
                        .wheels = wheels,
                        .linker = linker_new(FS_HARDLINK),
                        .fd = -1};
    struct progress progress = {.describe = describe, .context = &g};
    progress_begin(&progress);
    g.fd = commit_stage(s->paths.extensions, err);
    int result = g.fd < 0 ? -1 : layout_create(g.fd, s->paths.venv, &s->py, number, err);
    if (result == 0)
        result = carry_over(&g, err);
    if (result == 0) {
        /* The cache may be on the venv's file system although the old venv was not. */
        linker_try(g.linker, FS_HARDLINK);
        result = install_all(&g, err);
    }
    linker_free(g.linker);
    cleanup_close_fn(&g.fd);
    strmap_free(&g.owners);
    if (result == APPLY_DONE) {
        result =
            commit_switch(s->paths.extensions, s->paths.venv, s->old_site_packages, number, snapshot, err);
        if (result > 0)
            result = APPLY_CHANGED;
    } else
        commit_recover(s->paths.extensions, s->paths.venv, NULL,
                       NULL); /* leaves no half-made staging behind */
    progress_end(&progress);
    report->install_ms += stopwatch_ms() - start;
    return result;
}

static bool forget_in(struct session *s, const char *cache)
{
    char *dir = path_join(&s->memory, cache, "plux");
    struct strings names cleanup_strings = {0};
    bool all = true;
    if (fs_list(&s->memory, AT_FDCWD, dir, &names, NULL) < 0)
        return true;
    array_each (&names, name) {
        const char *path = path_join(&s->memory, dir, *name);
        if (!text_ends(text_of(*name), T(".entry_points.txt")) || unlink(path) == 0 || errno == ENOENT)
            continue;
        log_warning("%s cannot be removed, so LocalStack may not see which extensions there are now; remove "
                    "it, or make its folder writable: %s",
                    path, strerror(errno));
        all = false;
    }
    return all;
}

bool apply_forget_plugins(struct session *s)
{
    const char *xdg = environment_get(s->environ, "XDG_CACHE_HOME"),
               *home = environment_get(s->environ, "HOME");
    bool all = true;
    if (xdg && *xdg)
        all = forget_in(s, xdg) && all;
    if (home && *home)
        all = forget_in(s, path_join(&s->memory, home, ".cache")) && all;
    /* The homes that the entrypoint gives where HOME is of no use: this may be `docker exec`, with another
     * HOME. */
    const char *tmp = path_join(&s->memory, s->paths.volume, "tmp");
    struct strings names cleanup_strings = {0};
    if (fs_list(&s->memory, AT_FDCWD, tmp, &names, NULL) < 0)
        return all;
    array_each (&names, name)
        if (text_starts(text_of(*name), T("home-")))
            all = forget_in(s, path_join(&s->memory, path_join(&s->memory, tmp, *name), ".cache")) && all;
    return all;
}
