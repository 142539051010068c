/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"
#include "base/thread.h"
#include "index/url.h"
#include "reconcile/check_private.h"
#include "venv/direct_url.h"
#include "venv/hasher.h"
#include "venv/install.h"
#include "venv/layout.h"
#include "venv/wrapper.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>

enum { READ_SIZE = 256 << 10, HEAD_SIZE = 4096 };

enum fault { FAULT_NONE, FAULT_MISSING, FAULT_TYPE, FAULT_SIZE, FAULT_DIGEST, FAULT_MODE, FAULT_UNREADABLE };

/* One file that a RECORD names. */
struct job {
    const struct installed *item;
    const struct record_entry *entry;
    const char *path; /* absolute */
    bool in_bin;
    bool runs; /* it is to be one that can be executed, where it is a program */
    enum fault fault;
    int sysno;      /* of FAULT_UNREADABLE */
    long long size; /* that it has */
};

struct work {
    struct job *items;
    size_t count, room;
    atomic_size_t next;
    atomic_bool broken; /* libcrypto does not work */
};

/* ---- one file, in any thread */

struct reader {
    struct hasher *hasher;
    char *buffer; /* READ_SIZE */
};

/* Weaker digests than these prove nothing, and only the size is compared. */
static bool has_digest(const struct record_entry *e)
{
    return e->algorithm && (strcmp(e->algorithm, "sha256") == 0 || strcmp(e->algorithm, "sha384") == 0 ||
                            strcmp(e->algorithm, "sha512") == 0);
}

/* Text for an interpreter, or a program: who lost his x cannot be run any more. */
static bool is_program(const char *head, size_t n)
{
    return (n > 1 && memcmp(head, "#!", 2) == 0) || (n > 3 && memcmp(head, "\177ELF", 4) == 0);
}

/* An errno, or 0 with the digest and whether it begins as a program does. */
static int read_file(struct reader *r, struct job *job, int fd, char digest[HASHER_BASE64], bool *program,
                     bool *broken)
{
    bool first = true, wanted = has_digest(job->entry);
    if (wanted && hasher_begin(r->hasher, job->entry->algorithm, NULL) < 0)
        return *broken = true, 0;
    for (;;) {
        ssize_t n = read(fd, r->buffer, READ_SIZE);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        if (first)
            *program = is_program(r->buffer, (size_t)n);
        first = false;
        if (n == 0 || !wanted)
            break;
        if (hasher_add(r->hasher, (struct text){r->buffer, (size_t)n}, NULL) < 0)
            return *broken = true, 0;
    }
    char sha256[HASHER_SHA256_BASE64];
    if (wanted && hasher_end(r->hasher, sha256, digest, NULL) < 0)
        *broken = true;
    return 0;
}

static enum fault look(struct reader *r, struct job *job, bool *broken)
{
    struct stat st;
    char digest[HASHER_BASE64] = "";
    bool program = false;
    if (lstat(job->path, &st) < 0) {
        job->sysno = errno;
        return errno == ENOENT || errno == ENOTDIR ? FAULT_MISSING : FAULT_UNREADABLE;
    }
    job->size = st.st_size;
    if (!S_ISREG(st.st_mode))
        return FAULT_TYPE;
    if (job->entry->size >= 0 && st.st_size != job->entry->size)
        return FAULT_SIZE;
    if (!has_digest(job->entry) && !job->in_bin)
        return FAULT_NONE;
    cleanup_close int fd = open(job->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    job->sysno = fd < 0 ? errno : read_file(r, job, fd, digest, &program, broken);
    if (job->sysno)
        return FAULT_UNREADABLE;
    if (has_digest(job->entry) && strcmp(digest, job->entry->digest) != 0)
        return FAULT_DIGEST;
    return job->runs && program && !(st.st_mode & 0111) ? FAULT_MODE : FAULT_NONE;
}

static void *look_at_some(void *ctx)
{
    struct work *w = ctx;
    struct reader r = {.hasher = hasher_new(NULL), .buffer = xmalloc(READ_SIZE)};
    bool broken = !r.hasher;
    for (size_t i; !broken && (i = atomic_fetch_add(&w->next, 1)) < w->count;)
        w->items[i].fault = look(&r, &w->items[i], &broken);
    if (broken)
        atomic_store(&w->broken, true);
    if (r.hasher)
        hasher_free(r.hasher);
    free(r.buffer);
    return NULL;
}

/* Where no thread can be had, this one does all of it. */
static int look_at_all(struct work *w, struct err *err)
{
    pthread_t threads[THREAD_LIMIT - 1];
    size_t started = 0, limit = thread_limit();
    while (started + 1 < limit && started + 1 < w->count / 64 &&
           thread_start(&threads[started], look_at_some, w) == 0)
        started++;
    look_at_some(w);
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    return atomic_load(&w->broken)
               ? err_set(err, ERR_SYSTEM,
                         "libcrypto cannot compute a SHA-2 digest; is its configuration broken?")
               : 0;
}

/* ---- what is to be looked at */

struct files {
    struct check *c;
    struct arena *a;
    struct work work;
    bool runs_programs;
    struct strmap folders; /* absolute -> the folder itself, where it is one, else &not_a_folder */
};

static char not_a_folder;

static void add(struct files *f, const char *kind, const struct installed *item, const char *path,
                const char *message)
{
    enum check_repair repair = check_repair_of(item);
    check_add(f->c, (struct check_problem){kind, item->name, path, message, repair,
                                           repair == CHECK_SYNC ? item->name : NULL, false});
}

/* Whether all folders down to the file are folders; what is one in place of another is told once. Those that
 * are not there are the files' own trouble. */
static bool has_folders(struct files *f, const struct installed *item, const char *path)
{
    const char *venv = f->c->s->paths.venv;
    struct text dir = {path, (size_t)(path_base(path) - path) - 1};
    if (dir.len <= strlen(venv))
        return true;
    void *known = strmap_get(&f->folders, dir);
    if (known)
        return known != &not_a_folder;
    const char *folder = text_dup(f->a, dir);
    struct stat st;
    bool good = has_folders(f, item, folder);
    if (good && lstat(folder, &st) == 0 && !S_ISDIR(st.st_mode)) {
        good = false;
        add(f, "type", item, folder,
            arena_printf(f->a, "%s %s: %s is %s in place of a folder", item->given, item->version.text,
                         folder, S_ISLNK(st.st_mode) ? "a link" : "no folder, but stands"));
    }
    *strmap_place(&f->folders, dir) = good ? (void *)(uintptr_t)folder : &not_a_folder;
    return good;
}

static bool is_byte_code(const char *path)
{
    return strstr(path, "__pycache__/") && text_ends(text_of(path), T(".pyc"));
}

/* ---- developers' sources */

/* Of a source that we installed, an entry of RECORD without digest and size stands for a link into it; the
 * dist-info is of files. */
static bool is_link_of_source(const struct installed *item, const struct record_entry *e)
{
    size_t n = strlen(item->info);
    bool in_info = strncmp(e->path, item->info, n) == 0 && e->path[n] == '/';
    return !e->algorithm && e->size < 0 && !in_info;
}

/* Without it pip would take the folder away with what others have in it. */
static void check_mark(struct files *f, const struct installed *item, const char *path)
{
    size_t n = strlen(item->folder);
    if (strncmp(path, item->folder, n) != 0 || path[n] != '/')
        return;
    for (const char *slash = strchr(path + n + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        const char *mark = arena_printf(f->a, "%.*s/" PLACING_NAMESPACE_MARK, (int)(slash - path), path);
        if (!fs_exists(AT_FDCWD, mark))
            add(f, "missing", item, mark,
                arena_printf(f->a,
                             "%s %s: %s is missing, so that a pip that uninstalls something there would "
                             "remove the folder with everything in it",
                             item->given, item->version.text, mark));
    }
}

static void check_link(struct files *f, const struct installed *item, const char *path, const char *place)
{
    const char *given = item->given, *version = item->version.text, *target;
    size_t n = strlen(place);
    struct stat st;
    f->c->files++;
    if (!has_folders(f, item, path))
        return;
    if (lstat(path, &st) < 0) {
        add(f, errno == ENOENT ? "missing" : "unreadable", item, path,
            errno == ENOENT
                ? arena_printf(f->a, "%s %s: %s is missing, the link to its source", given, version, path)
                : arena_printf(f->a, "%s %s: %s cannot be read: %s", given, version, path, strerror(errno)));
        return;
    }
    check_mark(f, item, path);
    target = S_ISLNK(st.st_mode) ? fs_readlink(f->a, AT_FDCWD, path, NULL) : NULL;
    if (!target)
        add(f, "type", item, path,
            arena_printf(f->a, "%s %s: %s stands in place of a link to its source", given, version, path));
    else if (strncmp(target, place, n) != 0 || (target[n] && target[n] != '/'))
        add(f, "link", item, path,
            arena_printf(f->a, "%s %s: the link %s leads to %s, and not into its source %s", given, version,
                         path, target, place));
    else if (stat(path, &st) < 0)
        add(f, "link", item, path,
            arena_printf(f->a, "%s %s: the link %s leads to nothing: %s: %s", given, version, path, target,
                         strerror(errno)));
}

/* The folder of a developer's source; NULL for what is none. */
static const char *source_of(struct files *f, const struct installed *item)
{
    struct direct_url from;
    bool editable =
        item->direct_url && direct_url_parse(f->a, item->direct_url, &from, NULL) == 0 && from.editable;
    const char *path = editable ? url_to_path(f->a, from.url) : NULL;
    return path ? path_absolute(f->a, path) : NULL;
}

/* ---- entries */

static void add_entry(struct files *f, const struct installed *item, const struct record_entry *e,
                      const char *source)
{
    const struct check *c = f->c;
    const char *venv = c->s->paths.venv;
    const char *path =
        path_absolute(f->a, *e->path == '/' ? e->path : path_join(f->a, item->folder, e->path));
    size_t n = strlen(venv);
    if (strncmp(path, venv, n) != 0 || path[n] != '/') {
        add(f, "record", item, path,
            arena_printf(f->a, "%s %s: its RECORD names %s, which is outside the virtual environment",
                         item->given, item->version.text, path));
        return;
    }
    /* What the interpreter writes and removes as it likes. */
    if (!e->algorithm && is_byte_code(path))
        return;
    struct stat st;
    bool ours = strcmp(item->installer, INSTALLER_NAME) == 0;
    /* Others' tools have links of their own (`flit install --symlink`). */
    if (source && !ours && stat(path, &st) == 0 && lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
        return;
    if (source && ours && is_link_of_source(item, e)) {
        check_link(f, item, path, source);
        return;
    }
    if (!has_folders(f, item, path))
        return;
    bool in_bin = strncmp(path + n, "/bin/", 5) == 0;
    array_push(
        &f->work,
        (struct job){
            .item = item, .entry = e, .path = path, .in_bin = in_bin, .runs = in_bin && f->runs_programs});
}

/* ---- the dist-info */

/* Whether the INSTALLER that RECORD speaks of was ours: it may be what is missing. */
static bool was_ours(const struct installed *item, const struct record *record)
{
    char digest[HASHER_SHA256_BASE64];
    struct arena names cleanup_arena = ARENA_INIT;
    const char *path = path_join(&names, item->info, "INSTALLER");
    struct hasher *h cleanup_hasher = hasher_new(NULL);
    if (!h || hasher_begin(h, NULL, NULL) < 0 || hasher_add(h, T(INSTALLER_NAME "\n"), NULL) < 0 ||
        hasher_end(h, digest, NULL, NULL) < 0)
        return false;
    for (size_t i = 0; i < record->count; i++)
        if (strcmp(record->entries[i].path, path) == 0)
            return record->entries[i].digest && strcmp(record->entries[i].digest, digest) == 0;
    return false;
}

/* An egg-info has no RECORD, and neither has what Debian's packages and some old tools install; but in this
 * venv only pip and we install, and both write one. */
static void add_record(struct files *f, struct installed *item)
{
    struct record *record = arena_new(f->a, struct record);
    struct err why cleanup_err = ERR_INIT;
    if (!text_ends(text_of(item->info), T(".dist-info")))
        return;
    const char *path = path_join(f->a, path_join(f->a, item->folder, item->info), "RECORD");
    if (installed_record(f->a, item, record, &why) < 0) {
        bool absent = why.kind == ERR_NOT_FOUND;
        add(f, absent ? "missing" : "record", item, path,
            absent ? arena_printf(f->a, "%s %s: %s is missing, so that nobody knows its files", item->given,
                                  item->version.text, path)
                   : arena_printf(f->a, "%s %s: %s", item->given, item->version.text, why.text));
        return;
    }
    if (strcmp(item->installer, INSTALLER_NAME) != 0 && was_ours(item, record))
        item->installer = INSTALLER_NAME;
    const char *source = source_of(f, item);
    for (size_t i = 0; i < record->count; i++)
        add_entry(f, item, &record->entries[i], source);
}

static void check_metadata(struct files *f, struct installed *item)
{
    const struct metadata *m;
    struct err why cleanup_err = ERR_INIT;
    const char *info = path_join(f->a, item->folder, item->info);
    const char *given = item->given;
    if (installed_metadata(f->c->set, item, &m, &why) < 0) {
        /* One that is missing is mostly named by RECORD as well, in the same words. */
        bool absent = why.sysno == ENOENT && text_ends(text_of(item->info), T(".dist-info"));
        const char *path = path_join(f->a, info, "METADATA");
        add(f, absent ? "missing" : "metadata", item, path,
            arena_printf(f->a, "%s %s: %s%s", given, item->version.text, absent ? path : why.text,
                         absent ? " is missing" : ""));
        return;
    }
    if (strcmp(m->normalized, item->name) != 0 || version_cmp(&m->version, &item->version) != 0)
        add(f, "metadata", item, info,
            arena_printf(f->a, "%s says that it is %s %s", info, m->name, m->version.text));
}

/* ---- scripts */

static bool is_entry_point(const struct entry_points *points, const char *name)
{
    for (size_t i = 0; i < points->count; i++)
        if (strcmp(points->items[i].name, name) == 0 && wrapper_is_wanted(&points->items[i]))
            return true;
    return false;
}

/* A script whose bytes are those of RECORD still runs another interpreter where the venv was moved. */
static void check_script(struct files *f, const struct job *job)
{
    char head[HEAD_SIZE];
    cleanup_close int fd = open(job->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof head);
    if (n < 0 || layout_names_own_python(f->c->s->paths.venv, (struct text){head, (size_t)n}))
        return;
    struct text rest = {head, (size_t)n}, line = {0};
    text_line(&rest, &line);
    if (text_is(line, "#!/bin/sh"))
        text_line(&rest, &line);
    add(f, "script", job->item, job->path,
        arena_printf(f->a, "%s %s: %s does not run the virtual environment's interpreter: %.*s",
                     job->item->given, job->item->version.text, job->path, TEXT_ARG(text_first(line, 200))));
}

static void check_scripts(struct files *f)
{
    const struct installed *item = NULL;
    struct entry_points points = {0};
    array_each (&f->work, job) {
        if (job->item != item) {
            struct buf bytes cleanup_buf = BUF_INIT;
            const char *info = path_join(f->a, job->item->folder, job->item->info);
            item = job->item;
            points = (struct entry_points){0};
            if (fs_read(AT_FDCWD, path_join(f->a, info, "entry_points.txt"), 16 << 20, &bytes, NULL) < 0 ||
                entry_points_parse(f->a, text_of(text_dup(f->a, buf_view(&bytes))), &points, NULL) < 0)
                points = (struct entry_points){0};
        }
        if (job->in_bin && job->fault == FAULT_NONE && is_entry_point(&points, path_base(job->path)))
            check_script(f, job);
    }
}

static void tell_unlisted(struct files *f)
{
    struct strmap listed cleanup_strmap = STRMAP_INIT;
    array_each (&f->work, job)
        *strmap_place(&listed, text_of(job->path)) = job;
    check_unlisted(f->c, &listed);
}

/* ---- */

static const char *how(struct arena *a, const struct job *job)
{
    switch (job->fault) {
    case FAULT_MISSING:
        return "is missing";
    case FAULT_TYPE:
        return "is a link, a folder or another thing in place of a file";
    case FAULT_SIZE:
        return arena_printf(a, "was changed: it has %lld bytes, and RECORD says %lld", job->size,
                            job->entry->size);
    case FAULT_DIGEST:
        return arena_printf(a, "was changed: its %s is not that of RECORD", job->entry->algorithm);
    case FAULT_MODE:
        return "cannot be executed any more";
    default:
        return arena_printf(a, "cannot be read: %s", strerror(job->sysno));
    }
}

static void report(struct files *f)
{
    static const char *const kinds[] = {
        [FAULT_MISSING] = "missing", [FAULT_TYPE] = "type", [FAULT_SIZE] = "changed",
        [FAULT_DIGEST] = "changed",  [FAULT_MODE] = "mode", [FAULT_UNREADABLE] = "unreadable",
    };
    array_each (&f->work, job) {
        f->c->files++;
        f->c->bytes += job->size;
        if (job->fault)
            add(f, kinds[job->fault], job->item, job->path,
                arena_printf(f->a, "%s %s: %s %s", job->item->given, job->item->version.text, job->path,
                             how(f->a, job)));
    }
}

int check_files(struct check *c, struct err *err)
{
    struct files f = {.c = c, .a = &c->s->memory, .runs_programs = layout_runs_programs(c->s->paths.venv)};
    int result = 0;
    for (size_t i = 0; i < c->set->count && result == 0; i++) {
        struct installed *item = c->set->items[i];
        c->distributions++;
        result = installed_details(c->set, item, err);
        if (result < 0)
            break;
        add_record(&f, item);
        check_metadata(&f, item);
    }
    if (result == 0)
        result = look_at_all(&f.work, err);
    if (result == 0) {
        report(&f);
        check_scripts(&f);
        if (log_wants(LOG_DEBUG))
            tell_unlisted(&f);
    }
    array_free(&f.work);
    strmap_free(&f.folders);
    return result;
}
