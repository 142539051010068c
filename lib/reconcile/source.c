/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/source.h"

#include "base/digest.h"
#include "base/fs.h"
#include "python/name.h"
#include "reconcile/built.h"
#include "reconcile/reference.h"
#include "venv/direct_url.h"

#include <openssl/evp.h>

/* An index can list a hundred thousand versions of a name. After so many whose metadata cannot be had or
 * read, or so many that were looked at at all, no further one is asked for. */
enum { UNREADABLE_LIMIT = 64, LOOKED_AT_LIMIT = 4096, BUILD_LIMIT = 8 };

struct name {
    const char *name;
    const struct index_file *unreadable[UNREADABLE_LIMIT];
    size_t unreadable_count, looked_at, not_built;
    const char *enough;      /* why no further metadata is asked for; NULL: it still is */
    struct candidates *list; /* NULL until asked for */
    bool expanded;           /* indexes count although the venv has it */
    bool truncated;          /* the list lacks what indexes have */
    struct err broken;       /* why indexes cannot be used for it */
    bool refused;            /* nor the wheel of a direct reference: it was broken */
    struct {
        struct source_direct **items;
        size_t count, room;
    } direct;
    const char *installed_url;  /* the direct reference that what is installed came from, once asked for */
    struct strmap dependencies; /* CANDIDATE'S-DATA EXTRA -> struct dependencies */
    struct ARRAY(const struct hashes *) hashes; /* that requirements and constraints give for files of it */
};

static struct name *name_of(struct source *source, const char *name)
{
    void **place = strmap_place(&source->names, text_of(name));
    if (!*place) {
        struct name *n = arena_new(&source->s->memory, struct name);
        n->name = arena_strdup(&source->s->memory, name);
        *place = n;
    }
    return *place;
}

/* What the venv has of a name, as a candidate: what is to be installed anew is none. */
static struct installed *usable(const struct source *source, const char *name)
{
    struct installed *have = installed_find(&source->s->venv, name);
    return have && !have->damaged ? have : NULL;
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

static int direct(void *ctx, const char *name, const char *url, struct err *err);

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
    struct installed *have = usable(source, n->name);
    bool upgrade = s->settings.upgrade;
    array_each (&source->wanted->constraints, limit)
        if (concerns(limit, n->name) && limit->requirement->url &&
            direct(source, n->name, limit->requirement->url, err) < 0)
            return err_wrap(err, "the constraint %s (%s) cannot be had", limit->requirement->text,
                            limit->from);
    for (size_t i = 0; i < n->direct.count; i++)
        offer(source, n->name, list,
              (struct candidate){.version = n->direct.items[i]->metadata->version,
                                 .origin = CANDIDATE_DIRECT,
                                 .url = n->direct.items[i]->url,
                                 .data = n->direct.items[i]});
    if (have && !upgrade)
        offer(source, n->name, list, of_installed(n, have));
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
    struct name *n = name_of(source, name);
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
    const struct name *n = name_of(source, name);
    return !n->broken.text && !n->direct.count && !installed_find(&s->base, name) &&
           (!usable(source, name) || s->settings.upgrade || n->expanded);
}

bool source_has_hashes(struct source *source, const char *name)
{
    return name_of(source, name)->hashes.count > 0;
}

static void prefetch(void *ctx, const char *name)
{
    struct source *source = ctx;
    struct session *s = source->s;
    if (!name_of(source, name)->list && source_asks_index(source, name) && session_index(s, NULL) == 0)
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

/* Nothing is asked for without a hash. */
static bool all_is_checked(const struct source *source)
{
    bool all = source->wanted->details.count > 0;
    array_each (&source->wanted->details, root)
        all = all && root->checked;
    return all;
}

/* Building runs what is in the archive: where hashes are given, none that has none of them, and where nothing
 * is asked for without one, none that nobody gives a hash of. */
static int may_build(struct source *source, const struct name *n, const struct index_file *file,
                     struct err *err)
{
    char sha256[DIGEST_HEX];
    int fd;
    bool in_url = strcmp(file->source, "url") == 0 && file->hash;
    if (!n->hashes.count && all_is_checked(source) && !in_url)
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
    return may_build(source, n, file, err) < 0 ? -1 : built_metadata(source->s, file, out, err);
}

static int metadata_of_file(struct source *source, const struct index_file *file, const struct metadata **out,
                            struct err *err)
{
    struct name *n = name_of(source, file->wheel.name);
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
    const struct name *n = name_of(ctx, name);
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
            d->items[d->count++] = *req;
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
    struct name *n = name_of(source, name);
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

/* ---- direct references */

/* What direct_url.json says of what is installed. */
static bool origin_of(struct source *source, struct installed *have, struct direct_url *from)
{
    struct session *s = source->s;
    return have && installed_details(&s->venv, have, NULL) == 0 && have->direct_url &&
           direct_url_parse(&s->memory, have->direct_url, from, NULL) == 0;
}

static bool same_text(const char *x, const char *y)
{
    return x && y ? strcmp(x, y) == 0 : x == y;
}

/* The archive's URL, less the fragment, and what that says of a folder in it. */
static struct direct_url *archive_of(struct arena *a, const char *url)
{
    struct direct_url *from = direct_url_archive(a, url);
    struct text rest = text_of(url), piece;
    size_t fragment = text_find(rest, '#');
    if (fragment == rest.len)
        return from;
    from->url = arena_strndup(a, url, fragment);
    rest = text_from(rest, fragment + 1);
    while (rest.len && text_cut(&rest, '&', &piece))
        if (text_starts(piece, T("subdirectory=")))
            from->subdirectory = text_dup(a, text_from(piece, strlen("subdirectory=")));
    return from;
}

static bool came_from_repository(struct source *source, const struct direct_url *from, const char *url)
{
    struct git_url git;
    return from->kind == DIRECT_REPOSITORY && git_url_parse(&source->s->memory, url, &git, NULL) == 0 &&
           strcmp(from->url, git.shown) == 0 && same_text(from->revision, git.ref) &&
           same_text(from->subdirectory, git.subdirectory);
}

/* Whether what is installed came from this very reference, and, of a local file, from these very bytes. A
 * branch is not asked for what it is now. */
static bool came_from(struct source *source, struct installed *have, const char *url)
{
    struct session *s = source->s;
    struct direct_url from;
    if (!origin_of(source, have, &from))
        return false;
    if (from.kind == DIRECT_REPOSITORY)
        return came_from_repository(source, &from, url);
    const struct direct_url *wanted = archive_of(&s->memory, url);
    const char *clean = direct_url_clean(&s->memory, url), *bare = direct_url_clean(&s->memory, wanted->url);
    if (from.kind != DIRECT_ARCHIVE || (strcmp(from.url, clean) != 0 && strcmp(from.url, bare) != 0) ||
        !same_text(from.subdirectory, wanted->subdirectory))
        return false;
    array_each (&name_of(source, have->name)->hashes, hashes)
        if (from.sha256 && hashes_algorithms(*hashes) == 1U << HASH_SHA256 &&
            !hashes_have(*hashes, HASH_SHA256, from.sha256))
            return false; /* the user wants other bytes by now */
    const char *path = url_to_path(&s->memory, clean);
    if (!path || !from.sha256)
        return true;
    struct buf bytes cleanup_buf = BUF_INIT;
    char hex[DIGEST_HEX];
    if (fs_read(AT_FDCWD, path, (size_t)1 << 30, &bytes, NULL) < 0)
        return true; /* it is gone: what is installed still is what was asked for */
    digest_hex(buf_view(&bytes), hex);
    return strcmp(hex, from.sha256) == 0;
}

static int fetch_file(struct source *source, struct name *n, struct source_direct *d, bool is_wheel,
                      struct err *err)
{
    struct session *s = source->s;
    struct direct_url *from =
        is_wheel ? direct_url_archive(&s->memory, d->url) : archive_of(&s->memory, d->url);
    if (session_index(s, err) < 0 || !(d->file = index_file_of_url(s->index, d->url, n->name, err)))
        return -1;
    if (strcmp(d->file->wheel.name, n->name) != 0)
        return err_set(err, ERR_INPUT, "%s is a wheel of %s, not of %s", d->url, d->file->wheel.name,
                       n->name);
    if (is_wheel && tags_rank(s->tags, text_of(d->file->wheel.tags)) < 0)
        return err_set(err, ERR_INPUT, "the wheel %s is not for this platform and Python %s", d->file->name,
                       s->py.version_text);
    array_each (&n->hashes, hashes)
        index_file_want(d->file, hashes_algorithms(*hashes));
    struct fetch job = {.file = d->file, .subdirectory = from->subdirectory};
    if (!is_wheel && may_build(source, n, d->file, err) < 0)
        return -1;
    int result = fetch_wheels(s, &job, 1, err);
    if (result == 0 && job.error.text)
        result = err_move(err, &job.error);
    err_clear(&job.error);
    d->wheel = job.wheel;
    from->sha256 = index_file_digest(d->file, HASH_SHA256);
    if (is_wheel && result == 0)
        from->sha256 = d->wheel.sha256;
    d->from = from;
    return result;
}

/* 1: what is installed is of this commit. */
static int fetch_repository(struct source *source, struct name *n, struct source_direct *d, struct err *err)
{
    struct session *s = source->s;
    struct direct_url *from = arena_new(&s->memory, struct direct_url), installed;
    struct installed *have = usable(source, n->name);
    struct git_url git;
    char *commit;
    if (all_is_checked(source))
        return err_set(err, ERR_INPUT, "%s is a repository, which no hash can be given for", n->name);
    if (git_url_parse(&s->memory, d->url, &git, err) < 0 ||
        built_repository_commit(s, &git, &commit, err) < 0)
        return -1;
    if (origin_of(source, have, &installed) && came_from_repository(source, &installed, d->url) &&
        same_text(installed.commit, commit))
        return 1;
    *from = (struct direct_url){.kind = DIRECT_REPOSITORY,
                                .url = git.shown,
                                .vcs = "git",
                                .revision = git.ref,
                                .commit = commit,
                                .subdirectory = git.subdirectory};
    d->from = from;
    return built_repository(s, n->name, &git, commit, &d->wheel, err);
}

static int fetch_direct(struct source *source, struct name *n, const char *url, struct err *err)
{
    struct session *s = source->s;
    struct source_direct *d = arena_new(&s->memory, struct source_direct);
    enum reference_kind kind;
    d->url = arena_strdup(&s->memory, url);
    if (reference_kind(&s->memory, url, &kind, err) < 0)
        return -1;
    int result = kind == REFERENCE_REPOSITORY ? fetch_repository(source, n, d, err)
                                              : fetch_file(source, n, d, kind == REFERENCE_WHEEL, err);
    if (result > 0) {
        n->installed_url = d->url;
        n->list = NULL;
        return 0;
    }
    if (result < 0 || unpacked_metadata(&s->memory, &d->wheel, &d->metadata, err) < 0)
        return -1;
    if (d->metadata->requires_python_text &&
        !specifier_set_contains(&d->metadata->requires_python, &s->py.version))
        return err_set(err, ERR_INPUT, "%s needs Python %s; LocalStack's is %s",
                       d->file ? d->file->name : d->from->url, d->metadata->requires_python_text,
                       s->py.version_text);
    array_push(&n->direct, d);
    n->list = NULL;
    return 0;
}

static int direct(void *ctx, const char *name, const char *url, struct err *err)
{
    struct source *source = ctx;
    struct name *n = name_of(source, name);
    if (installed_find(&source->s->base, name))
        return 0; /* the base's version stays the only candidate, and the solver says so */
    if (n->refused)
        return err_set(err, n->broken.kind, "%s", n->broken.text);
    for (size_t i = 0; i < n->direct.count; i++)
        if (strcmp(n->direct.items[i]->url, url) == 0)
            return 0;
    if (n->installed_url && strcmp(n->installed_url, url) == 0)
        return 0;
    if (!source->s->settings.upgrade && came_from(source, usable(source, name), url)) {
        n->installed_url = arena_strdup(&source->s->memory, url);
        n->list = NULL;
        return 0;
    }
    return fetch_direct(source, n, url, err);
}

/* ---- hashes that the user gives */

static void collect_hashes(struct source *source, const char *name, const struct hashes *hashes)
{
    if (hashes)
        array_push(&name_of(source, name)->hashes, hashes);
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
        .direct = direct,
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
}

bool source_expand(struct source *source, const char *name)
{
    struct name *n = name_of(source, name);
    if (!n->truncated)
        return false;
    n->truncated = false;
    n->expanded = true;
    n->list = NULL;
    return true;
}

void source_again(struct source *source, const char *name)
{
    name_of(source, name)->list = NULL;
}

void source_break(struct source *source, const char *name, const struct err *why)
{
    struct name *n = name_of(source, name);
    err_set(&n->broken, why->kind, "%s", why->text);
    n->refused = n->direct.count > 0;
    n->direct.count = 0;
    n->list = NULL;
}

const struct err *source_broken(struct source *source, const char *name)
{
    const struct name *n = name_of(source, name);
    return n->broken.text ? &n->broken : NULL;
}
