/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/source_private.h"

#include "base/digest.h"
#include "base/fs.h"
#include "index/url.h"
#include "python/name.h"
#include "reconcile/built.h"
#include "reconcile/wanted_developed.h"

#include <openssl/evp.h>

struct name *source_name(struct source *source, const char *name)
{
    void **place = strmap_place(&source->names, text_of(name));
    if (!*place) {
        struct name *n = arena_new(&source->s->memory, struct name);
        n->name = arena_strdup(&source->s->memory, name);
        *place = n;
    }
    return *place;
}

/* The folder that links lead to; NULL where it is no distribution of links. */
static const char *linked_url(const struct source *source, struct installed *have)
{
    struct session *s = source->s;
    return installed_details(&s->venv, have, NULL) == 0 ? developed_url(&s->memory, have) : NULL;
}

/* Links to a folder that nobody asks for any more, as when dev mode is off again, or not by this name. One
 * that cannot be read now, half way through an edit maybe, is asked for. */
static bool is_left_over(const struct source *source, struct installed *have)
{
    struct session *s = source->s;
    const char *url = linked_url(source, have);
    if (!url || wanted_developed_name(source->wanted, have->name))
        return false;
    if (wanted_developed(source->wanted, url))
        return true;
    array_each (session_sources(s), b)
        if (strcmp(url_from_path(&s->memory, b->place), url) == 0)
            return s->own_inputs;
    array_each (&s->folders, folder)
        if (strcmp(url_from_path(&s->memory, *folder), url) == 0)
            return false;
    return true;
}

bool source_is_unread(const struct source *source, const char *name)
{
    struct installed *have = installed_find(&source->s->venv, name);
    return have && linked_url(source, have) && !wanted_developed_name(source->wanted, name) &&
           !is_left_over(source, have);
}

const char *source_lost(const struct source *source, struct installed *have)
{
    struct session *s = source->s;
    struct stat st;
    if (!is_left_over(source, have))
        return NULL;
    const char *url = linked_url(source, have), *path = url_to_path(&s->memory, url);
    const struct developed *now = wanted_developed(source->wanted, url);
    if (now)
        return arena_printf(&s->memory, "its source %s is %s now", now->folder, now->name);
    return stat(path, &st) < 0 || !S_ISDIR(st.st_mode)
               ? arena_printf(&s->memory, "its source %s is gone", path)
               : NULL;
}

struct installed *source_usable(const struct source *source, const char *name)
{
    struct installed *have = installed_find(&source->s->venv, name);
    return have && !have->damaged && !is_left_over(source, have) ? have : NULL;
}

/* ---- candidates */

struct list {
    struct candidate *items;
    size_t count, room;
};

const struct index_file *source_file(const struct candidate *c)
{
    if (c->origin == CANDIDATE_INDEX)
        return c->data;
    return c->origin == CANDIDATE_DIRECT ? ((const struct source_direct *)c->data)->file : NULL;
}

/* Why a constraint rules the candidate out, or NULL. */
static const char *outside(struct source *source, const struct wanted_constraint *limit,
                           const struct candidate *c)
{
    struct arena *a = &source->s->memory;
    const struct requirement *r = limit->requirement;
    const struct index_file *file = source_file(c);
    if (limit->broken)
        return arena_printf(a, "is limited by the constraint %s (%s), which cannot be understood: %s",
                            r->text, limit->from, limit->broken);
    bool fits =
        r->url ? c->url && strcmp(c->url, r->url) == 0 : specifier_set_contains(&r->specifiers, &c->version);
    if (!fits)
        return arena_printf(a, "is outside the constraint %s (%s)", r->text, limit->from);
    if (limit->hashes && file && index_file_judge(file, limit->hashes) == HASHES_REFUSE)
        return arena_printf(a, "has none of the hashes of the constraint %s (%s)", r->text, limit->from);
    return NULL;
}

static bool concerns(const struct wanted_constraint *limit, const char *name)
{
    return strcmp(limit->requirement->name, name) == 0;
}

static const char *outside_constraint(struct source *source, const char *name, const struct candidate *c)
{
    array_each (&source->wanted->constraints, limit) {
        const char *why = concerns(limit, name) ? outside(source, limit, c) : NULL;
        if (why)
            return why;
    }
    return NULL;
}

/* A constraint that names a pre-release, or the URL, makes it as welcome as a requirement would. */
static bool is_named(struct source *source, const char *name, const struct candidate *c)
{
    array_each (&source->wanted->constraints, limit) {
        const struct requirement *r = limit->requirement;
        if (!concerns(limit, name))
            continue;
        if (r->url ? c->url && strcmp(c->url, r->url) == 0
                   : c->version.is_pre && r->specifiers.names_prerelease &&
                         specifier_set_contains(&r->specifiers, &c->version))
            return true;
    }
    return false;
}

static void offer(struct source *source, const char *name, struct list *list, struct candidate c)
{
    if (!c.excluded)
        c.excluded = outside_constraint(source, name, &c);
    c.named = c.named || is_named(source, name, &c);
    array_push(list, c);
}

static struct candidate of_installed(const struct name *n, struct installed *have)
{
    return (struct candidate){
        .version = have->version, .origin = CANDIDATE_INSTALLED, .url = n->installed_url, .data = have};
}

/* A wheel, or where there is none that can be used, or none may be, the source distribution. NULL: why not.
 */
static const struct index_file *choose_file(const struct settings *set, const char *name,
                                            const struct index_release *r, const struct index_file *wheel,
                                            const char **why)
{
    bool wheels = settings_allow_wheels(set, name), sources = settings_allow_sources(set, name);
    *why = r->excluded;
    if (wheel && wheels)
        return wheel;
    if (r->source && sources)
        return r->source;
    if (r->source)
        *why = "is only offered as a source distribution, and none is to be built (--only-binary)";
    else if (wheel)
        *why = "is not to be installed from a wheel (--no-binary), and has no source distribution";
    return NULL;
}

static struct candidate of_release(struct source *source, const char *name, const struct index_release *r,
                                   const struct index_file *wheel)
{
    const struct settings *set = &source->s->settings;
    const char *excluded;
    const struct index_file *file = choose_file(set, name, r, wheel, &excluded);
    if (file)
        excluded = r->version.is_pre && settings_releases(set, name) == RELEASES_FINAL
                       ? "is a pre-release, and only final releases are asked for (--only-final)"
                       : NULL;
    return (struct candidate){
        .version = r->version,
        .origin = CANDIDATE_INDEX,
        .excluded = excluded,
        .named = settings_releases(&source->s->settings, name) == RELEASES_ALL,
        .yanked = wheel && wheel != r->wheel ? wheel->yanked : r->yanked,
        .yanked_reason = wheel && wheel != r->wheel ? wheel->yanked_reason : r->yanked_reason,
        .data = (void *)(uintptr_t)file,
    };
}

/* Where hashes are given, wheels behind the best one count as well: those that nobody gives a hash of change
 * nothing. */
static void offer_release(struct source *source, const struct name *n, struct list *list,
                          const struct index_release *r)
{
    offer(source, n->name, list, of_release(source, n->name, r, r->wheel));
    for (size_t i = 1; i < r->wheel_count; i++) {
        struct candidate c = of_release(source, n->name, r, r->wheels[i]);
        bool given = false;
        for (size_t k = 0; k < n->hashes.count && !given; k++)
            given = index_file_judge(r->wheels[i], n->hashes.items[k]) != HASHES_REFUSE;
        if (given)
            offer(source, n->name, list, c);
    }
}

static int offer_index(struct source *source, struct name *n, struct installed *have, struct list *list,
                       const char **absent, struct err *err)
{
    const struct index_project *project;
    if (n->broken.text)
        return err_set(err, n->broken.kind, "%s", n->broken.text);
    if (session_index(source->s, err) < 0)
        return -1;
    if (n->hashes.count)
        index_every_wheel(source->s->index, n->name);
    if (!settings_allow_wheels(&source->s->settings, n->name))
        index_want_sources(source->s->index, n->name);
    if (index_project(source->s->index, n->name, &project, err) < 0)
        return -1;
    *absent = project->absent;
    bool placed = !have;
    for (size_t i = 0; i < project->count; i++) {
        const struct index_release *r = &project->releases[i];
        bool same = have && version_cmp(&have->version, &r->version) == 0;
        /* Only --upgrade gets here with `have`: what is installed stands in for the very same release. */
        if (!placed && version_cmp(&have->version, &r->version) >= 0) {
            offer(source, n->name, list, of_installed(n, have));
            placed = true;
        }
        if (!same)
            offer_release(source, n, list, r);
    }
    if (!placed)
        offer(source, n->name, list, of_installed(n, have));
    return 0;
}

/* A project page is there: its most likely wheel's metadata will be asked for next. */
static void prefetch_best(struct source *source, const struct list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct candidate *c = &list->items[i];
        if (c->origin == CANDIDATE_INSTALLED)
            return;
        if (c->origin == CANDIDATE_INDEX && !c->excluded && !c->yanked && !c->version.is_pre) {
            index_prefetch_metadata(source->s->index, c->data);
            return;
        }
    }
}

/* `lock` names a file of everything: the version that is installed comes first where an index has it, and
 * stands there as installed where none has, so that it is seen when it is chosen. What is to be installed
 * anew stays at its version likewise, where an index has it. */
static void prefer_installed(struct source *source, const struct name *n, struct list *list)
{
    struct installed *have = installed_find(&source->s->prefer, n->name);
    bool damaged = !have;
    if (damaged)
        have = installed_find(&source->s->venv, n->name);
    if (!have || (damaged && !have->damaged) || source->s->settings.upgrade || n->direct.count)
        return;
    if (damaged ? linked_url(source, have) : developed_url(&source->s->memory, have))
        return; /* a source's version says nothing of those that were released */
    size_t at = 0;
    while (at < list->count &&
           (list->items[at].excluded || version_cmp(&list->items[at].version, &have->version) != 0))
        at++;
    if (at == list->count && damaged)
        return;
    if (at == list->count)
        offer(source, n->name, list, of_installed(n, have));
    struct candidate first = list->items[at];
    first.named =
        true; /* what is installed needs nobody to name it, a pre-release and a yanked one neither */
    first.yanked = false;
    memmove(list->items + 1, list->items, at * sizeof first);
    list->items[0] = first;
}

/* What URLs lead to. */
static int offer_direct(struct source *source, struct name *n, struct list *list, struct err *err)
{
    array_each (&source->wanted->constraints, limit)
        if (concerns(limit, n->name) && limit->requirement->url &&
            source_direct_reference(source, n->name, limit->requirement->url, err) < 0)
            return err_wrap(err, "the constraint %s (%s) cannot be had", limit->requirement->text,
                            limit->from);
    for (size_t i = 0; i < n->direct.count; i++)
        offer(source, n->name, list,
              (struct candidate){.version = n->direct.items[i]->metadata->version,
                                 .origin = CANDIDATE_DIRECT,
                                 .url = n->direct.items[i]->url,
                                 .data = n->direct.items[i]});
    return 0;
}

static int fill(struct source *source, struct name *n, struct list *list, const char **absent,
                struct err *err)
{
    struct session *s = source->s;
    struct installed *base = installed_find(&s->base, n->name);
    if (base) {
        offer(source, n->name, list,
              (struct candidate){.version = base->version, .origin = CANDIDATE_BASE, .data = base});
        return 0;
    }
    struct installed *have = source_usable(source, n->name);
    bool upgrade = s->settings.upgrade;
    if (offer_direct(source, n, list, err) < 0)
        return -1;
    bool developed = wanted_developed_name(source->wanted, n->name) != NULL;
    if (have && (developed ? n->installed_url != NULL : !upgrade))
        offer(source, n->name, list, of_installed(n, have));
    if (developed)
        return 0;
    if ((have || n->direct.count) && !upgrade && !n->expanded) {
        n->truncated = true;
        return 0;
    }
    size_t before = list->count;
    struct err why cleanup_err = ERR_INIT;
    if (offer_index(source, n, upgrade ? have : NULL, list, absent, &why) == 0) {
        if (have && !upgrade) { /* the same release twice would only confuse explanations */
            size_t kept = before;
            for (size_t i = before; i < list->count; i++)
                if (version_cmp(&list->items[i].version, &have->version) != 0)
                    list->items[kept++] = list->items[i];
            list->count = kept;
        }
        prefer_installed(source, n, list);
        prefetch_best(source, list);
        return 0;
    }
    if (session_is_damaged(s, n->name))
        err_wrap(&why, "`check` found %s at fault, and it cannot be had anew", n->name);
    if (why.kind == ERR_SYSTEM || why.kind == ERR_INTERRUPTED || (!list->count && !have))
        return err_move(err, &why);
    if (upgrade && have)
        offer(source, n->name, list, of_installed(n, have));
    log_warning("%s: no index is looked at: %s", n->name, why.text);
    return 0;
}

static int candidates(void *ctx, const char *name, const struct candidates **out, struct err *err)
{
    struct source *source = ctx;
    struct name *n = source_name(source, name);
    if (!n->list) {
        struct list list = {0};
        const char *absent = NULL;
        if (fill(source, n, &list, &absent, err) < 0) {
            array_free(&list);
            return -1;
        }
        n->list = arena_new(&source->s->memory, struct candidates);
        n->list->items = arena_array(&source->s->memory, list.count, sizeof *list.items);
        if (list.count)
            memcpy(n->list->items, list.items, list.count * sizeof *list.items);
        n->list->count = list.count;
        n->list->absent = absent;
        array_free(&list);
    }
    *out = n->list;
    return 0;
}

bool source_asks_index(struct source *source, const char *name)
{
    struct session *s = source->s;
    const struct name *n = source_name(source, name);
    return !n->broken.text && !n->direct.count && !installed_find(&s->base, name) &&
           !wanted_developed_name(source->wanted, name) &&
           (!source_usable(source, name) || s->settings.upgrade || n->expanded);
}

bool source_has_hashes(struct source *source, const char *name)
{
    return source_name(source, name)->hashes.count > 0;
}

static void prefetch(void *ctx, const char *name)
{
    struct source *source = ctx;
    struct session *s = source->s;
    if (!source_name(source, name)->list && source_asks_index(source, name) && session_index(s, NULL) == 0)
        index_prefetch_project(s->index, name);
}

/* ---- dependencies */

static bool is_unreadable(const struct name *n, const struct index_file *file)
{
    for (size_t i = 0; i < n->unreadable_count; i++)
        if (n->unreadable[i] == file)
            return true;
    return false;
}

/* What was once answered of a file is answered again. */
static bool is_known(const struct name *n, const struct index_file *file)
{
    return index_metadata_sha256(file) || is_unreadable(n, file);
}

static void count(struct source *source, struct name *n, bool readable, const struct index_file *file)
{
    struct arena *a = &source->s->memory;
    n->looked_at++;
    if (!readable)
        n->unreadable[n->unreadable_count++] = file;
    if (!readable && file->is_source)
        n->not_built++;
    if (n->not_built == BUILD_LIMIT)
        n->enough =
            arena_printf(a, "no further one is built, because %d other versions cannot be", BUILD_LIMIT);
    else if (n->unreadable_count == UNREADABLE_LIMIT)
        n->enough = arena_printf(a,
                                 "no further metadata is looked for, because that of %d other versions "
                                 "cannot be used",
                                 UNREADABLE_LIMIT);
    else if (n->looked_at == LOOKED_AT_LIMIT)
        n->enough = arena_printf(a, "no further metadata is looked for after that of %d other versions",
                                 LOOKED_AT_LIMIT);
}

bool source_all_is_checked(const struct source *source)
{
    bool all = source->wanted->details.count > 0;
    array_each (&source->wanted->details, root)
        all = all && root->checked;
    return all;
}

int source_may_build(struct source *source, const struct name *n, const struct index_file *file,
                     struct err *err)
{
    char sha256[DIGEST_HEX];
    int fd;
    bool in_url = strcmp(file->source, "url") == 0 && file->hash;
    if (!n->hashes.count && source_all_is_checked(source) && !in_url)
        return err_set(err, ERR_INPUT, "%s would have to be built to be known, and no hash of it is given",
                       file->name);
    if (!n->hashes.count)
        return 0;
    if (index_archive(source->s->index, file, &fd, sha256, err) < 0)
        return -1;
    array_each (&n->hashes, hashes)
        if (index_file_judge(file, *hashes) == HASHES_ALLOW)
            return 0;
    return err_set(err, ERR_INPUT, "%s has sha256:%s, which is none of the hashes that are given", file->name,
                   sha256);
}

static int metadata_of_source(struct source *source, const struct name *n, const struct index_file *file,
                              const struct metadata **out, struct err *err)
{
    int result = built_known(source->s, file, out, err);
    if (result <= 0)
        return result;
    return source_may_build(source, n, file, err) < 0 ? -1 : built_metadata(source->s, file, out, err);
}

static int metadata_of_file(struct source *source, const struct index_file *file, const struct metadata **out,
                            struct err *err)
{
    struct name *n = source_name(source, file->wheel.name);
    bool known = is_known(n, file);
    if (!known && n->enough)
        return err_set(err, ERR_INPUT, "%s", n->enough);
    int result = file->is_source ? metadata_of_source(source, n, file, out, err)
                                 : index_metadata(source->s->index, file, out, err);
    if (!known)
        count(source, n, result == 0, file);
    return result;
}

static const char *passes_over(void *ctx, const char *name, const struct candidate *c)
{
    const struct name *n = source_name(ctx, name);
    return n->enough && c->origin == CANDIDATE_INDEX && c->data && !is_known(n, c->data) ? n->enough : NULL;
}

static int metadata_of(struct source *source, const struct candidate *c, const struct metadata **out,
                       struct err *err)
{
    struct session *s = source->s;
    switch (c->origin) {
    case CANDIDATE_BASE:
        return installed_metadata(&s->base, c->data, out, err);
    case CANDIDATE_INSTALLED:
        return installed_metadata(s->prefer.count ? &s->prefer : &s->venv, c->data, out, err);
    case CANDIDATE_DIRECT:
        *out = ((const struct source_direct *)c->data)->metadata;
        return 0;
    case CANDIDATE_INDEX:
        break;
    }
    return metadata_of_file(source, c->data, out, err);
}

static bool has_extra(const struct metadata *m, const char *extra)
{
    for (size_t i = 0; i < m->extra_count; i++)
        if (strcmp(m->provides_extra[i], extra) == 0)
            return true;
    return false;
}

static struct dependencies *select_dependencies(struct source *source, const char *name,
                                                const struct candidate *c, const char *extra,
                                                const struct metadata *m)
{
    struct arena *a = &source->s->memory;
    const struct marker_environment *env = &source->s->py.markers;
    struct dependencies *d = arena_new(a, struct dependencies);
    if (extra && !has_extra(m, extra))
        d->note = arena_printf(a, "%s %s has no extra \"%s\"", name, c->version.text, extra);
    d->items = arena_array(a, m->requires_count, sizeof *d->items);
    for (size_t i = 0; i < m->requires_count; i++) {
        const struct requirement *req = &m->requires_dist[i];
        bool plain = marker_evaluate(req->marker, env, NULL);
        bool wanted = extra ? !plain && marker_evaluate(req->marker, env, extra) : plain;
        if (wanted)
            d->items[d->count++] = wanted_loosened(source->wanted, req);
    }
    return d;
}

static int dependencies(void *ctx, const char *name, const struct candidate *c, const char *extra,
                        const struct dependencies **out, struct err *err)
{
    static const struct dependencies none = {0};
    struct source *source = ctx;
    if (c->origin == CANDIDATE_BASE && !extra) {
        *out = &none;
        return 0;
    }
    struct name *n = source_name(source, name);
    const char *key = arena_printf(&source->s->memory, "%p %s", c->data, extra ? extra : "");
    void *known = strmap_get(&n->dependencies, text_of(key));
    if (!known) {
        const struct metadata *m;
        if (metadata_of(source, c, &m, err) < 0)
            return -1;
        for (size_t i = 0; i < m->warning_count; i++)
            log_debug("%s %s: %s", name, c->version.text, m->warnings[i]);
        known = select_dependencies(source, name, c, extra, m);
        *strmap_place(&n->dependencies, text_of(key)) = known;
    }
    *out = known;
    return 0;
}

/* ---- hashes that the user gives */

static void collect_hashes(struct source *source, const char *name, const struct hashes *hashes)
{
    if (hashes)
        array_push(&source_name(source, name)->hashes, hashes);
}

static enum acceptance accepts(void *ctx, const void *only, const struct candidate *c)
{
    (void)ctx;
    const struct index_file *file = source_file(c);
    enum hashes_verdict verdict = file                            ? index_file_judge(file, only)
                                  : c->origin == CANDIDATE_DIRECT ? HASHES_REFUSE
                                                                  : HASHES_ALLOW; /* of a repository */
    return verdict == HASHES_ALLOW ? ACCEPT : verdict == HASHES_UNKNOWN ? PERHAPS : REFUSE;
}

static const char *refusal(void *ctx, const void *only, const struct candidate *c)
{
    struct source *source = ctx;
    const struct hashes *hashes = only;
    const struct index_file *file = source_file(c);
    const char *sha256 = file ? index_file_digest(file, HASH_SHA256) : NULL;
    struct arena *a = &source->s->memory;
    if (!hashes->count)
        return arena_printf(a, "%s gives no hash that a file can have", hashes->from);
    return arena_printf(
        a,
        "no file of %s %s has a hash that %s gives%s%s%s%s; where that is the file you want, correct "
        "the hash, else it was changed on the way or on the server",
        file ? file->wheel.name : "it", c->version.text, hashes->from, sha256 ? ": " : "",
        sha256 ? file->name : "", sha256 ? " has sha256:" : "", sha256 ? sha256 : "");
}

/* ---- */

int source_open(struct source *source, struct session *s, const struct wanted *wanted, struct err *err)
{
    *source = (struct source){.s = s, .wanted = wanted};
    source->callbacks = (struct resolve_source){
        .ctx = source,
        .candidates = candidates,
        .dependencies = dependencies,
        .passes_over = passes_over,
        .direct = source_direct_reference,
        .prefetch = prefetch,
        .accepts = accepts,
        .refusal = refusal,
        .allow_prereleases = settings_releases(&s->settings, NULL) == RELEASES_ALL,
        .tolerate_base_conflicts = s->settings.base_conflicts == BASE_CONFLICTS_TOLERATE};
    for (size_t i = 0; i < wanted->roots.count; i++)
        collect_hashes(source, wanted->roots.items[i].requirement->name, wanted->details.items[i].hashes);
    array_each (&wanted->constraints, limit)
        collect_hashes(source, limit->requirement->name, limit->hashes);
    return session_base(s, err);
}

void source_close(struct source *source)
{
    for (size_t i = 0; i < source->names.room; i++) {
        struct name *n = source->names.slots[i].value;
        if (!n)
            continue;
        err_clear(&n->broken);
        array_free(&n->direct);
        array_free(&n->hashes);
        strmap_free(&n->dependencies);
    }
    strmap_free(&source->names);
    strmap_free(&source->files);
    strmap_free(&source->commits);
}

bool source_expand(struct source *source, const char *name)
{
    struct name *n = source_name(source, name);
    if (!n->truncated)
        return false;
    n->truncated = false;
    n->expanded = true;
    n->list = NULL;
    return true;
}

void source_again(struct source *source, const char *name)
{
    source_name(source, name)->list = NULL;
}

void source_break(struct source *source, const char *name, const struct err *why)
{
    struct name *n = source_name(source, name);
    err_set(&n->broken, why->kind, "%s", why->text);
    n->refused = n->direct.count > 0;
    n->direct.count = 0;
    n->list = NULL;
}

const struct err *source_broken(struct source *source, const char *name)
{
    const struct name *n = source_name(source, name);
    return n->broken.text ? &n->broken : NULL;
}
