/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/unpack.h"

#include "base/cleanup.h"
#include "base/thread.h"
#include "venv/hasher.h"
#include "venv/tree.h"
#include "venv/wheel_path.h"

#include <errno.h>
#include <stdatomic.h>

enum {
    WORTH_A_THREAD = 512 << 10, /* bytes still to be unpacked that make a helper worth its start */
    /* What a thread takes at once, of which neighbours share folder and window: */
    BATCH_MEMBERS = 16,
    BATCH_BYTES = 256 << 10,
};

/* Threads of the process that are unpacking: a wheel that comes alone gets all the CPUs, several share them.
 */
static atomic_size_t at_work;

struct job {
    const struct archive *archive;
    const struct wheel_contents *contents;
    const char *scripts; /* "NAME-VERSION.data/scripts/" */
    int tree;
    struct unpacked_file *files; /* by index of the member */
    char (*digests)[HASHER_SHA256_BASE64];
    atomic_size_t failed; /* the index of the first member at fault, SIZE_MAX for none */
    pthread_mutex_t lock; /* of err, of storing to failed, and of what is still to be taken: */
    size_t next;
    uint64_t left; /* bytes, of the members from `next` on */
    struct err err;
    pthread_t threads[THREAD_LIMIT];
    size_t helpers;
};

struct worker {
    struct job *job;
    struct archive_reader *reader;
    struct hasher *hasher;
    struct text folder; /* of fd */
    int fd;
    /* of the file at work */
    int file;
    const char *path;
};

static int name_taken(const char *path, struct err *err)
{
    cleanup_free char *quoted = wheel_path_quote(text_of(path));
    return err_set(
        err, ERR_INPUT,
        "the entry %s is there twice as far as this file system can tell, which does not distinguish "
        "case or Unicode forms",
        quoted);
}

static int make_folders(struct job *job, struct err *err)
{
    for (size_t i = 0; i < job->archive->folders.count; i++) {
        const char *folder = job->archive->folders.items[i];
        if (mkdirat(job->tree, folder, 0777) < 0)
            return errno == EEXIST ? name_taken(folder, err)
                                   : err_sys(err, errno, "cannot create folder %s", folder);
    }
    return 0;
}

/* Opens the file's folder, unless it is the one before's, and creates the file. */
static int create(struct worker *w, const char *path, struct err *err)
{
    const char *name = path_base(path);
    struct text folder = {path, (size_t)(name - path)};
    int dirfd = w->job->tree;
    if (folder.len) {
        if (!text_eq(folder, w->folder)) {
            cleanup_free char *copy = xstrndup(folder.ptr, folder.len);
            int fd = openat(w->job->tree, copy, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            if (fd < 0)
                return err_sys(err, errno, "cannot open folder %s", copy);
            if (w->fd >= 0)
                close(w->fd);
            w->fd = fd;
            w->folder = folder;
        }
        dirfd = w->fd;
    }
    w->path = path;
    w->file = tree_create(dirfd, name, err);
    return w->file >= 0 ? 0 : err && err->sysno == EEXIST ? name_taken(path, err) : -1;
}

static int take(void *context, struct text bytes, struct err *err)
{
    struct worker *w = context;
    if (hasher_add(w->hasher, bytes, err) < 0)
        return -1;
    return fs_write_fd(w->file, bytes, w->path, err);
}

static int unpack_one(struct worker *w, size_t index, struct err *err)
{
    struct job *job = w->job;
    const struct archive_member *m = &job->archive->members[index];
    const struct record_entry *expected = job->contents->expected[index];
    struct unpacked_file *f = &job->files[index];
    char digest[HASHER_BASE64];
    struct stat st;
    if (hasher_begin(w->hasher, expected ? expected->algorithm : NULL, err) < 0)
        return -1;
    if (m->is_folder)
        return archive_extract(w->reader, m, take, w, err);
    if (create(w, m->path, err) < 0 || archive_extract(w->reader, m, take, w, err) < 0 ||
        hasher_end(w->hasher, job->digests[index], digest, err) < 0)
        return -1;
    if (expected && strcmp(digest, expected->digest) != 0) {
        cleanup_free char *quoted = wheel_path_quote(text_of(m->path));
        return err_set(err, ERR_INPUT, "%s has other contents than RECORD says (%s)", quoted,
                       expected->algorithm);
    }
    f->path = m->path;
    f->executable = m->executable || text_starts(text_of(m->path), text_of(job->scripts));
    if (tree_finish(&w->file, m->path, f->executable, &st, err) < 0)
        return -1;
    if (st.st_size != (off_t)m->size)
        return err_set(err, ERR_SYSTEM, "%s was not written whole; is the volume damaged?", m->path);
    f->size = (long long)m->size;
    f->mtime_ns = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
    f->mode = st.st_mode & 07777;
    f->sha256 = job->digests[index];
    return 0;
}

/* The first member at fault is the one that is reported, whichever thread comes upon one first: all before it
 * have been tried. */
static void fail(struct job *job, size_t index, struct err *err)
{
    pthread_mutex_lock(&job->lock);
    if (index < atomic_load(&job->failed)) {
        atomic_store(&job->failed, index);
        err_move(&job->err, err);
    }
    pthread_mutex_unlock(&job->lock);
    err_clear(err);
}

/* The members that are to be done next, from *from to before *to; how many bytes are left behind them. */
static uint64_t take_batch(struct job *job, size_t *from, size_t *to)
{
    const struct archive *z = job->archive;
    uint64_t bytes = 0;
    pthread_mutex_lock(&job->lock);
    *from = *to = job->next;
    while (*to < z->count && *to - *from < BATCH_MEMBERS && bytes < BATCH_BYTES)
        bytes += z->members[(*to)++].size;
    job->next = *to;
    uint64_t left = job->left -= bytes;
    pthread_mutex_unlock(&job->lock);
    return left;
}

static int unpack_batch(struct worker *w, size_t from, size_t to)
{
    struct job *job = w->job;
    for (size_t i = from; i < to; i++) {
        struct err err = ERR_INIT;
        if (i > atomic_load(&job->failed))
            return -1;
        if (unpack_one(w, i, &err) < 0) {
            fail(job, i, &err);
            return -1;
        }
    }
    return 0;
}

static void ask_helper(struct job *job);

/* `first`: it is this one that asks others to help. */
static void work_through(struct worker *w, bool first)
{
    for (;;) {
        size_t from, to;
        uint64_t left = take_batch(w->job, &from, &to);
        if (first && left >= WORTH_A_THREAD)
            ask_helper(w->job);
        if (from == to || unpack_batch(w, from, to) < 0)
            return;
    }
}

static void run(struct job *job, bool first)
{
    struct err err = ERR_INIT;
    struct worker w = {.job = job, .fd = -1, .file = -1, .hasher = hasher_new(&err)};
    if (!w.hasher) {
        fail(job, 0, &err);
        return;
    }
    w.reader = archive_reader_new(job->archive);
    work_through(&w, first);
    if (w.file >= 0)
        close(w.file);
    if (w.fd >= 0)
        close(w.fd);
    archive_reader_free(w.reader);
    hasher_free(w.hasher);
}

static void *help(void *context)
{
    run(context, false);
    atomic_fetch_sub(&at_work, 1);
    return NULL;
}

/* One more thread, while there is a CPU for it. */
static void ask_helper(struct job *job)
{
    size_t busy = atomic_load(&at_work), limit = thread_limit();
    if (job->helpers == THREAD_LIMIT)
        return;
    do
        if (busy >= limit)
            return;
    while (!atomic_compare_exchange_weak(&at_work, &busy, busy + 1));
    if (thread_start(&job->threads[job->helpers], help, job) == 0)
        job->helpers++;
    else
        atomic_fetch_sub(&at_work, 1);
}

/* This thread works too, and asks others in while there are CPUs for them; where they cannot be had it works
 * alone. */
static void run_all(struct job *job)
{
    atomic_fetch_add(&at_work, 1);
    run(job, true);
    atomic_fetch_sub(&at_work, 1);
    while (job->helpers)
        pthread_join(job->threads[--job->helpers], NULL);
}

int unpack_files(struct arena *a, const struct archive *archive, const struct wheel_contents *contents,
                 int tree, struct unpacked_file *files, size_t *count, struct err *err)
{
    struct job job = {
        .archive = archive,
        .contents = contents,
        .scripts = arena_printf(a, "%s/scripts/", contents->data_dir),
        .tree = tree,
        .files = files,
        .digests = arena_array(a, archive->count, sizeof *job.digests),
        .failed = SIZE_MAX,
        .left = archive->total,
        .lock = PTHREAD_MUTEX_INITIALIZER,
    };
    if (make_folders(&job, err) < 0)
        return -1;
    run_all(&job);
    if (job.err.text)
        return err_move(err, &job.err);
    *count = 0;
    for (size_t i = 0; i < archive->count; i++)
        if (!archive->members[i].is_folder)
            files[(*count)++] = files[i];
    return 0;
}
