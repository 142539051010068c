/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/locked.h"

#include "base/fs.h"
#include "reconcile/locked_built.h"
#include "venv/direct_url.h"
#include "venv/install.h"

struct planner {
    struct session *s;
    struct arena *a;
    const struct wanted *wanted;
    const struct locked *locked;
    const struct lock_selection *selection;
    struct source *source;
    struct plan *plan;
    struct ARRAY(struct locked_build) builds;
};

/* A lock from the network may come again with other contents, and what a server did not give may be there
 * next time; all else only another input can help. */
static void fail(struct planner *p, const struct lock_package *package, bool may_pass, const char *reason)
{
    const char *what = p->locked->file, *from = p->locked->file;
    if (package) {
        what = package->has_version ? arena_printf(p->a, "%s==%s", package->name, package->version.text)
                                    : package->name;
        from = package->where;
    }
    array_push(&p->plan->failed, (struct plan_failed){what, from, reason, !may_pass && !p->locked->url});
}

static void warn(struct planner *p, char *text)
{
    array_push(&p->plan->warnings, text);
}

/* ---- the base */

static struct plan_base base_item(struct planner *p, const struct installed *base)
{
    struct strings by = {0};
    for (size_t i = 0; i < p->selection->packages.count; i++) {
        const struct lock_package *other = p->selection->packages.items[i];
        for (size_t j = 0; j < other->dependency_count; j++) {
            if (strcmp(other->dependencies[j], base->name) != 0)
                continue;
            array_push(&by, arena_strdup(p->a, other->name));
            break;
        }
    }
    char **kept = arena_array(p->a, by.count, sizeof *kept);
    if (by.count)
        memcpy(kept, by.items, by.count * sizeof *kept);
    struct plan_base item = {base->name, base->version.text, kept, by.count};
    array_free(&by);
    return item;
}

static void take_base(struct planner *p, const struct lock_package *package, const struct installed *base)
{
    const struct version *version = package->has_version   ? &package->version
                                    : package->wheel_count ? &package->wheels[0].wheel.version
                                                           : NULL;
    bool same = version && version_cmp(version, &base->version) == 0;
    const char *wanted = version ? version->text : package->place ? package->place : package->file->name;
    if (!same && p->s->settings.base_conflicts != BASE_CONFLICTS_TOLERATE) {
        fail(p, package, false,
             arena_printf(p->a,
                          "LocalStack itself has %s %s, which is never replaced; lock that version, as "
                          "`localstack-extensions lock` does, or set EXTENSION_BASE_CONFLICTS=tolerate",
                          base->name, base->version.text));
        return;
    }
    if (!same)
        warn(p, arena_printf(p->a, "the lock has %s %s (%s), but LocalStack itself has %s, which is used",
                             package->name, wanted, package->where, base->version.text));
    array_push(&p->plan->base, base_item(p, base));
}

/* What a lock of ours was made against. It says what may be wrong, and changes nothing. */
static void compare_base(struct planner *p)
{
    const struct lock *lock = &p->locked->lock;
    for (size_t i = 0; i < lock->base_count; i++) {
        const struct lock_base *b = &lock->base[i];
        const struct installed *base = installed_find(&p->s->base, b->name);
        struct version version;
        if (!base) {
            warn(p, arena_printf(p->a,
                                 "the lock was made beside %s %s of LocalStack's own, and this LocalStack "
                                 "has none; make the lock anew",
                                 b->name, b->version));
            continue;
        }
        if (version_parse(p->a, text_of(b->version), &version, NULL) < 0 ||
            version_cmp(&version, &base->version) != 0)
            warn(p,
                 arena_printf(p->a, "the lock was made beside LocalStack's own %s %s; this LocalStack has %s",
                              b->name, b->version, base->version.text));
        array_push(&p->plan->base,
                   (struct plan_base){base->name, base->version.text, b->needed_by, b->needed_count});
    }
}

/* ---- files */

/* A path as a reference in a URL. */
static const char *path_reference(struct arena *a, const char *path)
{
    struct buf out cleanup_buf = BUF_INIT;
    for (; *path; path++) {
        if (strchr("%#?", *path))
            buf_printf(&out, "%%%02X", (unsigned char)*path);
        else
            buf_char(&out, *path);
    }
    return text_dup(a, buf_view(&out));
}

/* NULL with *reason where the lock must not name it. */
static const char *file_url(struct planner *p, const struct lock_file *f, const char **reason)
{
    const struct locked *l = p->locked;
    bool network = f->url && url_is_network(text_of(f->url));
    if (!f->path && !network && !url_is_file(text_of(f->url))) {
        *reason = arena_printf(p->a, "%s is no http, https or file URL", f->url);
        return NULL;
    }
    if (!l->url) {
        if (!f->path)
            return f->url;
        return url_from_path(
            p->a, path_absolute(p->a, *f->path == '/' ? f->path : path_join(p->a, l->folder, f->path)));
    }
    if (f->path ? *f->path == '/' : !network) {
        *reason = arena_printf(p->a, "a lock from the network may not name a file of this machine: %s",
                               f->path ? f->path : f->url);
        return NULL;
    }
    if (!f->path)
        return f->url;
    const char *fragment, *joined = url_join(p->a, l->url, text_of(path_reference(p->a, f->path)), &fragment);
    if (url_same_origin(joined, l->url))
        return joined;
    *reason = arena_printf(p->a, "%s leads to another place than the lock's", f->path);
    return NULL;
}

static const char *sha256_of(const struct lock_file *f)
{
    for (size_t i = 0; i < f->hash_count; i++)
        if (strcmp(f->hashes[i].algorithm, "sha256") == 0)
            return f->hashes[i].hex;
    return NULL;
}

/* Whether what is installed is what the lock names. Of what an index gave no origin is known; that we
 * installed it at this version has to do. */
static bool is_installed(struct planner *p, struct installed *have, const struct lock_package *package,
                         const struct lock_file *f, const char *url)
{
    struct direct_url from;
    if (!have || have->damaged || version_cmp(&have->version, &f->wheel.version) != 0 ||
        strcmp(have->installer, INSTALLER_NAME) != 0)
        return false;
    if (!have->direct_url)
        return package->kind != LOCK_ARCHIVE;
    if (direct_url_parse(p->a, have->direct_url, &from, NULL) < 0)
        return false;
    const char *sha256 = sha256_of(f);
    if (from.sha256 && sha256)
        return strcmp(from.sha256, sha256) == 0;
    return strcmp(from.url, direct_url_clean(p->a, url)) == 0;
}

static int add_install(struct planner *p, const struct lock_package *package, const struct lock_file *f,
                       const char *url, const struct installed *have, struct err *err)
{
    const struct index_file facts = {
        .name = f->name,
        .url = url,
        .sha256 = sha256_of(f),
        .size = f->size,
        .source = "lock",
        .index_url = p->locked->file,
        .is_source = f->is_source,
        .wheel = f->wheel,
    };
    if (session_index(p->s, err) < 0)
        return -1;
    const struct index_file *file = index_file_of_lock(p->s->index, &facts, err);
    if (!file)
        return -1;
    array_push(&p->plan->install,
               (struct plan_install){
                   .name = package->name,
                   .version = f->wheel.version.text,
                   .requested = lock_requested(&p->locked->lock, p->selection, package),
                   .requires = package->dependencies,
                   .require_count = package->dependency_count,
                   .source = "lock",
                   .url = direct_url_clean(p->a, url),
                   .hash = facts.sha256
                               ? arena_printf(p->a, "sha256:%s", facts.sha256)
                               : arena_printf(p->a, "%s:%s", f->hashes[0].algorithm, f->hashes[0].hex),
                   .replaces = have ? have->version.text : NULL,
                   .file = file,
                   .locked = f,
                   .recorded = package->kind == LOCK_ARCHIVE ? direct_url_archive(p->a, url) : NULL,
               });
    return 0;
}

/* ---- developers' sources, which stand beside a lock and before it */

static int take_source(struct planner *p, const struct developed *d, struct err *err)
{
    struct session *s = p->s;
    const struct candidates *list;
    const struct resolve_source *ask = &p->source->callbacks;
    const struct installed *base = installed_find(&s->base, d->name);
    struct err why cleanup_err = ERR_INIT;
    if (base)
        err_set(&why, ERR_INPUT, "LocalStack itself has %s %s, which is never replaced", base->name,
                base->version.text);
    if (base || ask->direct(p->source, d->name, d->url, &why) < 0) {
        array_push(&p->plan->failed,
                   (struct plan_failed){d->folder, d->folder, arena_strdup(p->a, why.text), false});
        return 0;
    }
    if (ask->candidates(p->source, d->name, &list, err) < 0)
        return -1;
    const struct candidate *c = &list->items[0];
    struct installed *have = installed_find(&s->venv, d->name);
    if (c->origin == CANDIDATE_INSTALLED) {
        array_push(&p->plan->keep, (struct plan_keep){d->name, have->version.text, true, false, have});
        return 0;
    }
    const struct source_direct *direct = c->data;
    array_push(&p->plan->install, (struct plan_install){.name = d->name,
                                                        .version = c->version.text,
                                                        .requested = true,
                                                        .source = "path",
                                                        .url = d->url,
                                                        .replaces = have ? have->version.text : NULL,
                                                        .direct = direct,
                                                        .developed = d,
                                                        .recorded = direct->from});
    return 0;
}

/* What cannot be used of them is no fault of the lock's. */
static int take_sources(struct planner *p, const struct wanted *wanted, struct err *err)
{
    array_each (&wanted->failures, f)
        if (f->source)
            array_push(&p->plan->failed,
                       (struct plan_failed){f->requirement, f->from, f->reason, f->malformed});
    array_each (&wanted->developed, d)
        if (take_source(p, *d, err) < 0)
            return -1;
    return 0;
}

/* ---- what has to be built */

static void take_build(struct planner *p, const struct locked_build *b)
{
    const struct lock_package *package = b->package;
    const struct err *broken = source_broken(p->source, package->name);
    struct installed *have = installed_find(&p->s->venv, package->name);
    if (broken)
        fail(p, package, true, arena_strdup(p->a, broken->text));
    else if (locked_build_is(p->s, have, b))
        array_push(&p->plan->keep,
                   (struct plan_keep){package->name, have->version.text,
                                      lock_requested(&p->locked->lock, p->selection, package), false, have});
    else
        array_push(&p->builds, *b);
}

static void take_repository(struct planner *p, const struct lock_package *package)
{
    struct locked_build b;
    const struct lock_vcs *vcs = &package->vcs;
    const struct lock_file path = {.path = vcs->path};
    const char *reason = NULL, *place = vcs->path ? file_url(p, &path, &reason) : vcs->url;
    if (place && p->locked->url && url_is_file(text_of(place))) {
        reason = arena_printf(p->a, "a lock from the network may not name a repository of this machine: %s",
                              place);
        place = NULL;
    }
    if (place && locked_repository(p->s, package, place, &b, &reason))
        take_build(p, &b);
    else
        fail(p, package, false, reason);
}

static void take_archive(struct planner *p, const struct lock_package *package, const char *url)
{
    const char *name = package->file->name;
    if (sdist_name_is_archive(text_of(name)))
        take_build(p, &(struct locked_build){.package = package, .url = url});
    else
        fail(p, package, false, arena_printf(p->a, "%s is no archive by its name", name));
}

static void add_build(struct planner *p, const struct locked_build *b)
{
    const struct lock_package *package = b->package;
    const struct source_direct *d = b->direct;
    const struct installed *have = installed_find(&p->s->venv, package->name);
    array_push(&p->plan->install,
               (struct plan_install){
                   .name = package->name,
                   .version = d->metadata->version.text,
                   .requested = lock_requested(&p->locked->lock, p->selection, package),
                   .requires = package->dependencies,
                   .require_count = package->dependency_count,
                   .source = "lock",
                   .url = direct_url_clean(p->a, b->url),
                   .hash = d->from->sha256 ? arena_printf(p->a, "sha256:%s", d->from->sha256) : NULL,
                   .replaces = have ? have->version.text : NULL,
                   .file = d->file,
                   .direct = d,
                   .recorded = d->from,
               });
}

static int plan_builds(struct planner *p, struct err *err)
{
    size_t count = p->plan->failed.count ? 0 : p->builds.count;
    int result = locked_build_all(p->s, p->locked, p->builds.items, count, err);
    for (size_t i = 0; i < count; i++) {
        struct locked_build *b = &p->builds.items[i];
        if (result == 0 && b->direct)
            add_build(p, b);
        else if (result == 0)
            fail(p, b->package, true, arena_strdup(p->a, b->error.text));
        err_clear(&b->error);
    }
    return result;
}

/* ---- packages */

static int take_package(struct planner *p, const struct lock_package *package, struct err *err)
{
    struct session *s = p->s;
    const struct developed *source = wanted_developed_name(p->wanted, package->name);
    if (source) {
        warn(p,
             arena_printf(p->a, "%s of the lock (%s) is not installed: the source %s of it is used instead",
                          package->name, package->where, source->folder));
        return 0;
    }
    if (source_is_unread(p->source, package->name))
        return 0; /* what is said of the source tells why */
    const struct installed *base = installed_find(&s->base, package->name);
    const struct lock_target target = {&s->py.markers, &s->py.version, s->tags};
    const struct err *broken = source_broken(p->source, package->name);
    const char *reason = NULL;
    if (base) {
        take_base(p, package, base);
        return 0;
    }
    if (package->kind == LOCK_VCS) {
        take_repository(p, package);
        return 0;
    }
    const struct lock_file *f = lock_source(p->a, package, &target, &reason);
    const char *url = f ? file_url(p, f, &reason) : NULL;
    if (url && package->kind == LOCK_ARCHIVE && f->is_source) {
        take_archive(p, package, url);
        return 0;
    }
    if (!url || broken) {
        fail(p, package, url != NULL, url ? arena_strdup(p->a, broken->text) : reason);
        return 0;
    }
    struct installed *have = installed_find(&s->venv, package->name);
    if (!is_installed(p, have, package, f, url))
        return add_install(p, package, f, url, have, err);
    array_push(&p->plan->keep,
               (struct plan_keep){package->name, have->version.text,
                                  lock_requested(&p->locked->lock, p->selection, package), false, have});
    return 0;
}

/* ---- the plan */

static bool is_selected(const struct planner *p, const char *name)
{
    for (size_t i = 0; i < p->selection->packages.count; i++)
        if (strcmp(p->selection->packages.items[i]->name, name) == 0)
            return true;
    return false;
}

static int read_details(struct session *s, struct err *err)
{
    struct installed_set *set = s->rebuild ? &s->old : &s->venv;
    for (size_t i = 0; i < set->count; i++)
        if (installed_details(set, set->items[i], err) < 0)
            return -1;
    return 0;
}

/* Into a venv that is made anew only what the lock names can come. */
static void warn_of_hand(struct planner *p)
{
    const struct installed_set *old = &p->s->old;
    for (size_t i = 0; p->s->rebuild && i < old->count; i++) {
        const struct installed *item = old->items[i];
        if (plan_is_by_hand(item) && !is_selected(p, item->name) && !plan_is_tool(item->name))
            warn(p,
                 arena_printf(p->a,
                              "%s %s was installed by hand and is not in the lock, so it is not carried over "
                              "into the venv that is made anew; install it again with bin/pip",
                              item->name, item->version.text));
    }
}

static int plan_packages(struct planner *p, struct err *err)
{
    for (size_t i = 0; i < p->selection->refusals.count; i++)
        fail(p, p->selection->refusals.items[i].package, false, p->selection->refusals.items[i].reason);
    for (size_t i = 0; i < p->selection->packages.count; i++)
        if (take_package(p, p->selection->packages.items[i], err) < 0)
            return -1;
    if (plan_builds(p, err) < 0)
        return -1;
    compare_base(p);
    return 0;
}

/* Nothing changes: what is there stays, as it is. */
static void keep_all(struct planner *p)
{
    struct plan *plan = p->plan;
    struct session *s = p->s;
    plan->refused = true;
    plan->install.count = plan->keep.count = plan->base.count = 0;
    for (size_t i = 0; i < s->venv.count; i++) {
        struct installed *item = s->venv.items[i];
        array_push(&plan->keep,
                   (struct plan_keep){item->name, item->version.text, item->requested, false, item});
    }
}

static int by_base_name(const void *a, const void *b)
{
    return strcmp(((const struct plan_base *)a)->name, ((const struct plan_base *)b)->name);
}

int locked_plan(struct session *s, const struct wanted *wanted, struct source *source, struct plan *out,
                struct err *err)
{
    struct lock_selection selection cleanup_lock_selection = {0};
    const struct lock_target target = {&s->py.markers, &s->py.version, s->tags};
    struct planner p = {s, &s->memory, wanted, wanted->locked, &selection, source, out, {0}};
    for (size_t i = 0; i < wanted->failures.count; i++) {
        const struct wanted_failure *f = &wanted->failures.items[i];
        if (f->source)
            continue;
        array_push(&out->failed, (struct plan_failed){f->requirement, f->from, f->reason, f->malformed});
    }
    if (wanted->locked->readable)
        lock_select(p.a, &wanted->locked->lock, &target, &selection);
    out->lock = wanted->locked->file;
    out->baked = wanted->locked->lock.baked;
    out->root_count = selection.packages.count;
    int result = read_details(s, err) < 0 || plan_packages(&p, err) < 0 ? -1 : 0;
    array_free(&p.builds);
    if (result < 0)
        return -1;
    if (out->failed.count) {
        keep_all(&p);
    } else {
        warn_of_hand(&p);
        if (take_sources(&p, wanted, err) < 0)
            return -1;
    }
    if (out->base.count)
        qsort(out->base.items, out->base.count, sizeof *out->base.items, by_base_name);
    return 0;
}
