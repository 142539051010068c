/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/bake.h"

#include "base/fs.h"
#include "reconcile/apply.h"
#include "reconcile/baked.h"
#include "reconcile/lock_write.h"
#include "reconcile/locked.h"
#include "reconcile/restrict.h"
#include "reconcile/shadow.h"
#include "reconcile/store.h"
#include "venv/pack.h"

#include <stdint.h>

struct bake {
    struct session *s;
    struct baked folder;
    struct wanted wanted;
    struct source source;
    struct plan plan;
    struct unpacked *wheels; /* of plan.install */
};

static void bake_free(struct bake *b)
{
    baked_close(&b->folder);
    plan_free(&b->plan);
    source_close(&b->source);
    wanted_free(&b->wanted);
}

/* A build step that writes to the volume leaves in the image what is never seen again, so that not even the
 * cache is used there. EXTENSION_LOCK is what the image will have, and often this very bake. */
static int prepare(struct session *s, struct err *err)
{
    s->settings.lock = NULL;
    if (!s->options->cache_dir && store_temporary(s, err) < 0)
        return -1;
    if (session_base(s, err) < 0)
        return -1;
    s->fresh = true;
    s->rebuild = "there is none";
    return 0;
}

/* The plan, with every wheel of it at hand. */
static int solve(struct bake *b, struct err *err)
{
    struct apply_report report = {0};
    int result = 1;
    if (wanted_read(b->s, &b->wanted, err) < 0 || source_open(&b->source, b->s, &b->wanted, err) < 0)
        return -1;
    while (result > 0) {
        plan_free(&b->plan);
        if (plan_make(b->s, &b->wanted, &b->source, &b->plan, err) < 0)
            return -1;
        b->wheels = arena_array(&b->s->memory, b->plan.install.count, sizeof *b->wheels);
        result = apply_fetch(b->s, &b->plan, &b->source, b->wheels, &report, err);
    }
    return result;
}

/* Sources that are linked have no wheel. */
static void leave_out_sources(struct bake *b)
{
    struct plan *plan = &b->plan;
    size_t kept = 0;
    for (size_t i = 0; i < plan->install.count; i++) {
        const struct plan_install *in = &plan->install.items[i];
        if (!in->developed) {
            b->wheels[kept] = b->wheels[i];
            plan->install.items[kept++] = *in;
        } else if (in->developed->named) {
            log_warning("%s is not baked, only what it needs is: with -e it is used as it stands in %s, and "
                        "who installs from a lock reads no -e; name the folder without -e to bake a wheel "
                        "that is built of it",
                        in->name, in->developed->folder);
        } else {
            log_warning("%s is not baked, only what it needs is: it is a developer's source, used as it "
                        "stands in %s beside any lock, where EXTENSION_DEV_MODE is on",
                        in->name, in->developed->folder);
        }
    }
    plan->install.count = kept;
}

static bool is_below(const char *path, const char *folder)
{
    size_t n = strlen(folder);
    return strncmp(path, folder, n) == 0 && (path[n] == '/' || !path[n]);
}

static void warn(struct bake *b)
{
    if (is_below(b->folder.folder, b->s->paths.volume))
        log_warning(
            "%s is on the volume %s, which comes in the place of what the image has there; name a folder "
            "outside it",
            b->folder.folder, b->s->paths.volume);
    array_each (&b->plan.warnings, warning)
        log_warning("%s", *warning);
    if (!b->wanted.locked && !b->wanted.roots.count && !b->plan.failed.count)
        log_warning(
            "nothing is asked for, so nothing is baked, and who boots from this lock has no extensions: "
            "set EXTENSION_AUTO_INSTALL, copy an extensions.txt to /etc/localstack/conf.d, or name "
            "requirements behind the folder");
}

/* What names a version for good: an index never gives another file under the same name. All else may be made
 * anew without a new version. */
static bool is_unique(const struct plan_install *in)
{
    return in->direct || in->recorded || strcmp(in->source, "find-links") == 0;
}

static int take_wheel(struct bake *b, size_t i, struct lock_wheel *out, struct err *err)
{
    struct arena *a = &b->s->memory;
    const struct plan_install *in = &b->plan.install.items[i];
    const struct unpacked *wheel = &b->wheels[i];
    bool built = wheel->built_name;
    struct wheel_name name;
    const char *from =
        built ? arena_printf(a, "%s/built-%zu", b->folder.staging, i) : fetch_archive(b->s, a, wheel->sha256);
    *out = (struct lock_wheel){.name = built ? wheel->built_name : in->file->name, .unique = is_unique(in)};
    if ((built && pack_wheel(wheel, from, err) < 0) ||
        baked_add(&b->folder, from, built ? NULL : wheel->sha256, out, err) < 0 ||
        wheel_name_parse(a, text_of(out->name), &name, err) < 0 ||
        unpacked_metadata(a, wheel, &out->metadata, err) < 0)
        return err_wrap(err, "%s", in->name);
    out->tags = name.tags;
    return 0;
}

static int write_all(struct bake *b, struct err *err)
{
    struct buf lock cleanup_buf = BUF_INIT;
    size_t count = b->plan.install.count;
    struct lock_wheel *wheels = arena_array(&b->s->memory, count, sizeof *wheels);
    for (size_t i = 0; i < count; i++)
        if (take_wheel(b, i, &wheels[i], err) < 0)
            return -1;
    if (lock_write_wheels(b->s, &b->plan, wheels, &lock, err) < 0 ||
        baked_commit(&b->folder, buf_view(&lock), err) < 0)
        return -1;
    log_info(
        "baked %zu distribution%s (%.1f MB) in %s; an image that sets EXTENSION_LOCK=%s installs them at "
        "its first boot",
        count, count == 1 ? "" : "s", (double)b->folder.bytes / 1e6, b->folder.folder,
        path_join(&b->s->memory, b->folder.folder, BAKED_LOCK));
    return 0;
}

int bake_run(struct session *s, struct err *err)
{
    struct bake b __attribute__((cleanup(bake_free))) = {.s = s, .folder.staging_lock = -1};
    if (prepare(s, err) < 0 || baked_open(&b.folder, s, s->options->folder, err) < 0)
        return -1;
    restrict_writes(s, false);
    if (solve(&b, err) < 0)
        return -1;
    warn(&b);
    plan_say_failures(&b.plan);
    if (b.plan.failed.count) {
        log_error("nothing is baked, and %s is as it was", b.folder.folder);
        return 1;
    }
    shadow_warn(s, &b.plan, b.wheels);
    if (b.wanted.locked)
        locked_warn(s, &b.plan, b.wheels);
    leave_out_sources(&b);
    return write_all(&b, err);
}
