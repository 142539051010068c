/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crypto.h"
#include "base/fs.h"
#include "build/git.h"
#include "build/source_copy.h"
#include "index/url.h"
#include "reconcile/built.h"
#include "reconcile/reference.h"
#include "reconcile/source_private.h"

#include <stdint.h>

/* What direct_url.json says of what is installed. */
static bool origin_of(struct session *s, struct installed_set *set, struct installed *have,
                      struct direct_url *from)
{
    return have && installed_details(set, have, NULL) == 0 && have->direct_url &&
           direct_url_parse(&s->memory, have->direct_url, from, NULL) == 0;
}

/* The archive's URL, less the fragment, and what that says of a folder in it. */
static struct direct_url *archive_of(struct arena *a, const char *url)
{
    struct direct_url *from = direct_url_archive(a, arena_strndup(a, url, strcspn(url, "#")));
    from->subdirectory = url_fragment_value(a, url, "subdirectory");
    return from;
}

static bool came_from_repository(struct source *source, const struct direct_url *from, const char *url)
{
    struct git_url git;
    return from->kind == DIRECT_REPOSITORY && git_url_parse(&source->s->memory, url, &git, NULL) == 0 &&
           strcmp(from->url, git.shown) == 0 && text_same(from->revision, git.ref) &&
           text_same(from->subdirectory, git.subdirectory);
}

/* What a distribution requires stands in no input. */
static void note_folder(struct session *s, const char *url)
{
    const char *folder = reference_folder(&s->memory, url);
    if (folder)
        session_folder(s, folder);
}

static void note_file(struct session *s, const char *url)
{
    const char *path = url_to_path(&s->memory, url);
    if (path)
        session_wheel(s, path);
}

/* What is installed stays when the folder cannot be looked at. */
static bool came_from_folder(struct source *source, struct installed *have, const struct direct_url *from,
                             const char *url)
{
    struct session *s = source->s;
    const struct direct_url *wanted = archive_of(&s->memory, url);
    const char *then = from->editable ? NULL : installed_source(&s->venv, have);
    char now[DIGEST_HEX];
    struct err err cleanup_err = ERR_INIT;
    note_folder(s, url);
    if (!then || strcmp(from->url, wanted->url) != 0 || !text_same(from->subdirectory, wanted->subdirectory))
        return false;
    if (source_digest(url_to_path(&s->memory, url), now, &err) == 0)
        return strcmp(then, now) == 0;
    log_warning("what %s is built of stays as it was: %s", have->name, err.text);
    return true;
}

/* Whether what is installed came from this very reference, and, of what is local, from these very bytes. A
 * branch is not asked for what it is now. */
static bool came_from(struct source *source, struct installed *have, const char *url)
{
    struct session *s = source->s;
    struct direct_url from;
    if (!origin_of(s, &s->venv, have, &from))
        return false;
    if (from.kind == DIRECT_REPOSITORY)
        return came_from_repository(source, &from, url);
    if (from.kind == DIRECT_FOLDER)
        return came_from_folder(source, have, &from, url);
    const struct direct_url *wanted = archive_of(&s->memory, url);
    const char *clean = direct_url_clean(&s->memory, url), *bare = direct_url_clean(&s->memory, wanted->url);
    if (from.kind != DIRECT_ARCHIVE || (strcmp(from.url, clean) != 0 && strcmp(from.url, bare) != 0) ||
        !text_same(from.subdirectory, wanted->subdirectory))
        return false;
    array_each (&source_name(source, have->name)->hashes, hashes)
        if (from.sha256 && hashes_algorithms(*hashes) == 1U << HASH_SHA256 &&
            !hashes_have(*hashes, HASH_SHA256, from.sha256))
            return false; /* the user wants other bytes by now */
    const char *path = url_to_path(&s->memory, clean);
    if (!path || !from.sha256)
        return true;
    note_file(s, url);
    char hex[CRYPTO_HEX];
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || crypto_digest_file(fd, "sha256", path, hex, NULL) < 0)
        return true; /* it is gone: what is installed still is what was asked for */
    return strcmp(hex, from.sha256) == 0;
}

/* Whether what is installed was made of these very bytes. */
static bool is_archive_of(struct source *source, const struct name *n, const struct direct_url *archive)
{
    struct session *s = source->s;
    struct direct_url from;
    return archive->sha256 && origin_of(s, &s->venv, source_usable(source, n->name), &from) &&
           from.kind == DIRECT_ARCHIVE && text_same(from.sha256, archive->sha256) &&
           text_same(from.subdirectory, archive->subdirectory) &&
           strcmp(from.url, direct_url_clean(&s->memory, archive->url)) == 0;
}

/* 1: it is what is installed. */
/* The same each time it is asked for, so that what is known of it once is known. */
static const struct index_file *file_of(struct source *source, const struct name *n, const char *url,
                                        struct err *err)
{
    struct session *s = source->s;
    const char *key = arena_concat(&s->memory, n->name, " ", url);
    const struct index_file *file = strmap_get(&source->files, text_of(key));
    note_file(s, url);
    if (!file && session_index(s, err) == 0 && (file = index_file_of_url(s->index, url, n->name, err)))
        *strmap_place(&source->files, text_of(key)) = (void *)(uintptr_t)file; /* nobody writes to it */
    return file;
}

static int fetch_file(struct source *source, struct name *n, struct source_direct *d, bool is_wheel,
                      struct err *err)
{
    struct session *s = source->s;
    struct direct_url *from =
        is_wheel ? direct_url_archive(&s->memory, d->url) : archive_of(&s->memory, d->url);
    if (!(d->file = file_of(source, n, d->url, err)))
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
    if (!is_wheel && source_may_build(source, n, d->file, err) < 0)
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
    return result == 0 && is_archive_of(source, n, from) ? 1 : result;
}

/* The commit that a reference stood for when it was installed: in the venv that is made anew, or has to be
 * mended, or that a lock is made of. NULL where that is not known, or is to be asked for anew. */
static char *commit_before(struct source *source, const char *name, const char *url)
{
    struct session *s = source->s;
    struct installed_set *const sets[] = {&s->venv, &s->old, &s->prefer};
    for (size_t i = 0; i < sizeof sets / sizeof *sets && !s->settings.upgrade; i++) {
        struct direct_url from;
        if (origin_of(s, sets[i], installed_find(sets[i], name), &from) &&
            came_from_repository(source, &from, url) && from.commit && git_is_commit(from.commit))
            return arena_strdup(&s->memory, from.commit);
    }
    return NULL;
}

/* Asked once in a run. */
static int find_commit(struct source *source, const struct name *n, const char *url,
                       const struct git_url *git, char **commit, struct err *err)
{
    struct session *s = source->s;
    *commit = strmap_get(&source->commits, text_of(url));
    if (!*commit)
        *commit = commit_before(source, n->name, url);
    if (!*commit && built_repository_commit(s, git, commit, err) < 0)
        return -1;
    *strmap_place(&source->commits, text_of(url)) = *commit;
    return 0;
}

/* 1: what is installed is of this commit. */
static int look_at_repository(struct source *source, struct name *n, struct source_direct *d,
                              struct built_item *item, struct err *err)
{
    struct session *s = source->s;
    struct direct_url *from = arena_new(&s->memory, struct direct_url), installed;
    struct installed *have = source_usable(source, n->name);
    struct git_url *git = arena_new(&s->memory, struct git_url);
    char *commit;
    if (source_all_is_checked(source))
        return err_set(err, ERR_INPUT, "%s is a repository, which no hash can be given for", n->name);
    if (git_url_parse(&s->memory, d->url, git, err) < 0 ||
        find_commit(source, n, d->url, git, &commit, err) < 0)
        return -1;
    if (origin_of(s, &s->venv, have, &installed) && came_from_repository(source, &installed, d->url) &&
        text_same(installed.commit, commit))
        return 1;
    *from = (struct direct_url){.kind = DIRECT_REPOSITORY,
                                .url = git->shown,
                                .vcs = "git",
                                .revision = git->ref,
                                .commit = commit,
                                .subdirectory = git->subdirectory};
    d->from = from;
    *item = (struct built_item){.name = n->name, .git = git, .commit = commit};
    return 0;
}

static int look_at_folder(struct source *source, struct name *n, struct source_direct *d,
                          struct built_item *item, struct err *err)
{
    struct session *s = source->s;
    struct direct_url *from = archive_of(&s->memory, d->url);
    const char *path = url_to_path(&s->memory, d->url);
    from->kind = DIRECT_FOLDER;
    d->from = from;
    note_folder(s, d->url);
    if (source_all_is_checked(source))
        return err_set(err, ERR_INPUT, "%s is a folder, which no hash can be given for", path);
    *item = (struct built_item){.name = n->name, .folder = path, .subdirectory = from->subdirectory};
    return 0;
}

/* A repository or a folder. 1: what is installed is the same. */
static int look_at(struct source *source, struct name *n, struct source_direct *d, enum reference_kind kind,
                   struct built_item *item, struct err *err)
{
    return kind == REFERENCE_REPOSITORY ? look_at_repository(source, n, d, item, err)
                                        : look_at_folder(source, n, d, item, err);
}

static int fetch_built(struct source *source, struct name *n, struct source_direct *d,
                       enum reference_kind kind, struct err *err)
{
    struct session *s = source->s;
    struct built_item item = {0};
    int result = look_at(source, n, d, kind, &item, err);
    if (result == 0)
        result = built_item(s, &item, err);
    d->wheel = item.wheel;
    if (result == 0 && item.folder)
        d->digest = arena_strdup(&s->memory, item.digest);
    return result;
}

static int check_python(const struct session *s, const struct metadata *m, const char *what, struct err *err)
{
    if (!m->requires_python_text || specifier_set_contains(&m->requires_python, &s->py.version))
        return 0;
    return err_set(err, ERR_INPUT, "%s needs Python %s; LocalStack's is %s", what, m->requires_python_text,
                   s->py.version_text);
}

/* Sources that are linked. What stands in the venv for them is written anew where it would be another today.
 */
static int link_sources(struct source *source, struct name *n, const struct developed *developed,
                        struct err *err)
{
    struct session *s = source->s;
    struct source_direct *d;
    const struct installed *have = source_usable(source, n->name);
    n->list = NULL;
    if (check_python(s, developed->metadata, developed->folder, err) < 0)
        return -1;
    if (have && source_is_installed(s->paths.venv, s->py.site_packages,
                                    path_join(&s->memory, have->folder, have->info), &developed->install)) {
        n->installed_url = developed->url;
        return 0;
    }
    d = arena_new(&s->memory, struct source_direct);
    struct direct_url *from = arena_new(&s->memory, struct direct_url);
    *from = (struct direct_url){.kind = DIRECT_FOLDER, .url = developed->url, .editable = true};
    *d = (struct source_direct){
        .url = developed->url, .developed = developed, .metadata = developed->metadata, .from = from};
    array_push(&n->direct, d);
    return 0;
}

static int fetch_direct(struct source *source, struct name *n, const char *url, struct err *err)
{
    struct session *s = source->s;
    struct source_direct *d = arena_new(&s->memory, struct source_direct);
    enum reference_kind kind;
    d->url = arena_strdup(&s->memory, url);
    if (reference_kind(&s->memory, url, &kind, err) < 0)
        return -1;
    bool file = kind == REFERENCE_WHEEL || kind == REFERENCE_ARCHIVE;
    int result =
        file ? fetch_file(source, n, d, kind == REFERENCE_WHEEL, err) : fetch_built(source, n, d, kind, err);
    if (result > 0) {
        n->installed_url = d->url;
        n->list = NULL;
        return 0;
    }
    if (result < 0 || unpacked_metadata(&s->memory, &d->wheel, &d->metadata, err) < 0 ||
        check_python(s, d->metadata, d->file ? d->file->name : d->from->url, err) < 0)
        return -1;
    array_push(&n->direct, d);
    n->list = NULL;
    return 0;
}

int source_direct_reference(void *ctx, const char *name, const char *url, struct err *err)
{
    struct source *source = ctx;
    struct name *n = source_name(source, name);
    if (installed_find(&source->s->base, name))
        return 0; /* the base's version stays the only candidate, and the solver says so */
    if (n->refused)
        return err_set(err, n->broken.kind, "%s", n->broken.text);
    for (size_t i = 0; i < n->direct.count; i++)
        if (strcmp(n->direct.items[i]->url, url) == 0)
            return 0;
    if (n->installed_url && strcmp(n->installed_url, url) == 0)
        return 0;
    const struct developed *developed = wanted_developed(source->wanted, url);
    if (developed)
        return link_sources(source, n, developed, err);
    /* What is on this machine is looked at in any case: an upgrade cannot find more there. */
    bool again = source->s->settings.upgrade && !url_is_file(text_of(url));
    if (!again && came_from(source, source_usable(source, name), url)) {
        n->installed_url = arena_strdup(&source->s->memory, url);
        n->list = NULL;
        return 0;
    }
    return fetch_direct(source, n, url, err);
}

/* ---- several at once */

/* A root that is not there already. What is wrong with it the solver will hear. */
static bool is_to_fetch(struct source *source, const struct requirement *r, enum reference_kind *kind)
{
    struct session *s = source->s;
    if (!r->url || wanted_developed(source->wanted, r->url) || installed_find(&s->base, r->name) ||
        reference_kind(&s->memory, r->url, kind, NULL) < 0)
        return false;
    return s->settings.upgrade || !came_from(source, source_usable(source, r->name), r->url);
}

static bool is_item(struct source *source, const struct requirement *r, enum reference_kind kind,
                    struct built_item *item)
{
    struct source_direct *d = arena_new(&source->s->memory, struct source_direct);
    d->url = r->url;
    return (kind == REFERENCE_REPOSITORY || kind == REFERENCE_FOLDER) &&
           look_at(source, source_name(source, r->name), d, kind, item, NULL) == 0;
}

static bool is_archive(struct source *source, const struct requirement *r, enum reference_kind kind,
                       struct fetch *job)
{
    struct name *n = source_name(source, r->name);
    const struct index_file *file = kind == REFERENCE_ARCHIVE ? file_of(source, n, r->url, NULL) : NULL;
    if (!file)
        return false;
    array_each (&n->hashes, hashes)
        index_file_want(file, hashes_algorithms(*hashes));
    *job = (struct fetch){.file = file, .subdirectory = archive_of(&source->s->memory, r->url)->subdirectory};
    return source_may_build(source, n, file, NULL) == 0;
}

void source_build_ahead(struct source *source)
{
    const struct wanted *w = source->wanted;
    struct built_item *items = arena_array(&source->s->memory, w->roots.count, sizeof *items);
    struct fetch *jobs = arena_array(&source->s->memory, w->roots.count, sizeof *jobs);
    size_t n = 0, m = 0;
    for (size_t i = 0; i < w->roots.count; i++) {
        const struct requirement *r = w->roots.items[i].requirement;
        enum reference_kind kind;
        if (w->details.items[i].checked || !is_to_fetch(source, r, &kind))
            continue;
        if (is_item(source, r, kind, &items[n]))
            n++;
        else if (is_archive(source, r, kind, &jobs[m]))
            m++;
    }
    /* One alone is built when it is asked for. What fails for all fails for each of them then. */
    if (n > 1)
        (void)!built_items(source->s, items, n, NULL);
    if (m > 1)
        (void)!fetch_wheels(source->s, jobs, m, NULL);
    for (size_t i = 0; i < n; i++)
        err_clear(&items[i].error);
    for (size_t i = 0; i < m; i++)
        err_clear(&jobs[i].error);
}
