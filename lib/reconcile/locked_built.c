/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/locked_built.h"

#include "reconcile/built.h"
#include "venv/install.h"

bool locked_repository(struct session *s, const struct lock_package *package, const char *place,
                       struct locked_build *out, const char **reason)
{
    struct arena *a = &s->memory;
    struct err why cleanup_err = ERR_INIT;
    const struct lock_vcs *vcs = &package->vcs;
    const char *shown = url_without_credentials(a, place);
    *out = (struct locked_build){.package = package};
    if (strcmp(vcs->type, "git") != 0) {
        *reason =
            arena_printf(a, "%s is a repository of %s, and only those of git are built", shown, vcs->type);
        return false;
    }
    if (!git_is_commit(vcs->commit)) {
        *reason = arena_printf(a, "the commit-id \"%s\" of %s is no whole commit, which has 40 or 64 digits",
                               vcs->commit, shown);
        return false;
    }
    if (vcs->subdirectory && strpbrk(vcs->subdirectory, "#&")) {
        *reason =
            arena_printf(a, "the folder \"%s\" of %s cannot be written in a URL", vcs->subdirectory, shown);
        return false;
    }
    out->url = arena_concat(a, "git+", place, "@", vcs->commit);
    const char *whole =
        vcs->subdirectory ? arena_concat(a, out->url, "#subdirectory=", vcs->subdirectory) : out->url;
    if (git_url_parse(a, whole, &out->git, &why) < 0) {
        *reason = arena_strdup(a, why.text);
        return false;
    }
    if (!out->git.ref || strcmp(out->git.ref, vcs->commit) != 0) {
        *reason = arena_printf(a, "%s is no URL of a repository: it must have neither ? nor #", shown);
        return false;
    }
    out->commit = arena_strdup(a, vcs->commit);
    for (char *c = out->commit; *c; c++)
        *c = ascii_lower(*c);
    return true;
}

static const char *sha256_of(const struct lock_file *f)
{
    for (size_t i = 0; i < f->hash_count; i++)
        if (strcmp(f->hashes[i].algorithm, "sha256") == 0)
            return f->hashes[i].hex;
    return NULL;
}

bool locked_build_is(struct session *s, struct installed *have, const struct locked_build *b)
{
    struct direct_url from;
    const struct lock_package *p = b->package;
    if (!have || have->damaged || strcmp(have->installer, INSTALLER_NAME) != 0 || !have->direct_url ||
        (p->has_version && version_cmp(&have->version, &p->version) != 0) ||
        direct_url_parse(&s->memory, have->direct_url, &from, NULL) < 0)
        return false;
    if (b->commit)
        return from.kind == DIRECT_REPOSITORY && strcmp(from.url, b->git.shown) == 0 &&
               text_same(from.commit, b->commit) && text_same(from.subdirectory, b->git.subdirectory);
    const char *sha256 = sha256_of(p->file);
    if (from.kind != DIRECT_ARCHIVE || !text_same(from.subdirectory, p->file->subdirectory))
        return false;
    return from.sha256 && sha256 ? strcmp(from.sha256, sha256) == 0
                                 : strcmp(from.url, direct_url_clean(&s->memory, b->url)) == 0;
}

/* ---- building */

/* What pip records of it from a lock: the commit is what was asked for too. */
static int build_repository(struct session *s, struct locked_build *b, struct source_direct *d)
{
    struct direct_url *from = arena_new(&s->memory, struct direct_url);
    *from = (struct direct_url){.kind = DIRECT_REPOSITORY,
                                .url = b->git.shown,
                                .vcs = "git",
                                .revision = b->commit,
                                .commit = b->commit,
                                .subdirectory = b->git.subdirectory};
    d->from = from;
    struct built_item item = {.name = b->package->name, .git = &b->git, .commit = b->commit};
    int result = built_item(s, &item, &b->error);
    d->wheel = item.wheel;
    return result;
}

static const struct index_file *archive_of(struct session *s, const struct locked *locked,
                                           const struct locked_build *b, struct err *err)
{
    const struct lock_file *f = b->package->file;
    const struct index_file facts = {
        .name = f->name,
        .url = b->url,
        .sha256 = sha256_of(f),
        .size = f->size,
        .source = "lock",
        .index_url = locked->file,
        .is_source = true,
        .wheel = f->wheel,
    };
    return session_index(s, err) < 0 ? NULL : index_file_of_lock(s->index, &facts, err);
}

static void take_archive(struct session *s, struct locked_build *b, struct fetch *job,
                         struct source_direct *d)
{
    struct direct_url *from = direct_url_archive(&s->memory, b->url);
    from->subdirectory = job->subdirectory;
    from->sha256 = index_file_digest(job->file, HASH_SHA256);
    d->file = job->file;
    d->wheel = job->wheel;
    d->from = from;
    if (job->error.text)
        err_move(&b->error, &job->error);
}

/* A wheel is there, and is one of what the lock says. */
static void finish(struct session *s, struct locked_build *b, struct source_direct *d)
{
    const struct lock_package *p = b->package;
    if (b->error.text || unpacked_metadata(&s->memory, &d->wheel, &d->metadata, &b->error) < 0)
        return;
    if (p->has_version && version_cmp(&d->metadata->version, &p->version) != 0)
        err_set(&b->error, ERR_INPUT, "what is built of %s is version %s, and the lock says %s",
                direct_url_clean(&s->memory, b->url), d->metadata->version.text, p->version.text);
    else
        b->direct = d;
}

int locked_build_all(struct session *s, const struct locked *locked, struct locked_build *builds,
                     size_t count, struct err *err)
{
    struct fetch *jobs = arena_array(&s->memory, count, sizeof *jobs);
    struct source_direct *directs = arena_array(&s->memory, count, sizeof *directs);
    size_t *of = arena_array(&s->memory, count, sizeof *of), n = 0;
    for (size_t i = 0; i < count; i++) {
        struct locked_build *b = &builds[i];
        const struct lock_file *f = b->package->file;
        directs[i].url = b->url;
        if (b->commit) {
            build_repository(s, b, &directs[i]);
            continue;
        }
        jobs[n] = (struct fetch){
            .file = archive_of(s, locked, b, &b->error), .subdirectory = f->subdirectory, .locked = f};
        of[n] = i;
        n += jobs[n].file != NULL;
    }
    int result = fetch_wheels(s, jobs, n, err);
    for (size_t i = 0; i < n; i++) {
        if (result == 0)
            take_archive(s, &builds[of[i]], &jobs[i], &directs[of[i]]);
        err_clear(&jobs[i].error);
    }
    for (size_t i = 0; i < count && result == 0; i++) {
        finish(s, &builds[i], &directs[i]);
        enum err_kind kind = builds[i].error.text ? builds[i].error.kind : ERR_INPUT;
        if (kind == ERR_SYSTEM || kind == ERR_INTERRUPTED)
            result = err_move(err, &builds[i].error);
    }
    return result;
}
