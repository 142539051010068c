/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/fetch.h"

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/fs.h"
#include "base/stopwatch.h"
#include "python/record.h"
#include "reconcile/partial.h"
#include "reconcile/store.h"
#include "venv/lock_bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>

/* A file without a name, so that nothing is left behind whatever happens. */
static int scratch_file(struct session *s, struct err *err)
{
    const char *dir = store_dir(s);
    if (fs_mkdirs(dir, err) < 0)
        return -1;
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    char *path =
        path_join(&s->memory, dir, ".download.XXXXXX"); /* overlay before 6.x, some network volumes */
    fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, errno, "cannot create a file in the cache %s", dir);
    unlink(path);
    return fd;
}

/* The disk, not the wheel, is at fault: then every other job would fail as well. */
static bool concerns_all(const struct err *e)
{
    return e->kind == ERR_SYSTEM;
}

/* What was solved with has to be what is installed (PEP 658: the index may give metadata apart from the
 * wheel). */
static int check_metadata(struct session *s, struct fetch *job)
{
    const char *hex = index_metadata_sha256(job->file);
    const char *path = path_join(&s->memory, job->wheel.dist_info, "METADATA");
    unsigned char raw[DIGEST_SIZE];
    char expected[DIGEST_SIZE * 4 / 3 + 3];
    if (!hex || !hex_decode(text_of(hex), raw, sizeof raw))
        return 0;
    record_base64(raw, sizeof raw, expected);
    for (size_t i = 0; i < job->wheel.count; i++)
        if (strcmp(job->wheel.files[i].path, path) == 0 && strcmp(job->wheel.files[i].sha256, expected) == 0)
            return 0;
    return err_set(
        &job->error, ERR_INPUT,
        "the metadata that the index gives for %s is not the metadata in the wheel: one of them was tampered "
        "with or replaced; tell whoever runs the index",
        job->file->name);
}

struct running {
    struct fetch *job;
    struct index_download *download;
    int fd;
    struct partial part; /* fd is its, where it has a lock */
    bool resumed;        /* an earlier run's bytes are among those in fd */
    const char *store;   /* store_dir when it was started */
};

/* Whether the user's hashes let the file in, as far as its digests are known. */
static enum hashes_verdict judge(const struct fetch *job, const struct hashes **refusing)
{
    enum hashes_verdict verdict = HASHES_ALLOW;
    for (size_t i = 0; i < job->hash_count && verdict != HASHES_REFUSE; i++) {
        enum hashes_verdict one = index_file_judge(job->file, job->hashes[i]);
        *refusing = job->hashes[i];
        verdict = one == HASHES_ALLOW ? verdict : one;
    }
    return verdict;
}

static int check_hashes(struct session *s, struct fetch *job)
{
    const struct hashes *refusing = NULL;
    if (judge(job, &refusing) == HASHES_ALLOW)
        return 0;
    job->refused = true;
    return err_set(&job->error, ERR_INPUT, "%s has sha256:%s, and %s gives %s; it is not used",
                   job->file->name, index_file_digest(job->file, HASH_SHA256), refusing->from,
                   hashes_text(&s->memory, refusing));
}

/* Whether it may be had with another folder than that which failed. */
static bool is_of_store(struct session *s, const struct running *run)
{
    const struct err *e = &run->job->error;
    return e->text && concerns_all(e) && (run->store != store_dir(s) || store_switch(s, e));
}

/* Whether what an earlier run left was not the beginning of this file. */
static bool is_of_earlier(const struct running *run)
{
    return run->resumed && !run->job->downloaded && run->job->error.text && run->job->error.kind == ERR_INPUT;
}

/* False where it has to come once more. */
static bool unpack(struct session *s, struct running *run)
{
    struct fetch *job = run->job;
    char sha256[65];
    if (index_download_finish(s->index, run->download, sha256, &job->error) == 0) {
        struct stat st;
        job->downloaded = true;
        job->bytes = fstat(run->fd, &st) == 0 ? st.st_size : 0;
        if (check_hashes(s, job) == 0 &&
            (!job->locked || lock_bytes_check(run->fd, job->locked, &job->error) == 0) &&
            unpacked_make(&s->memory, store_dir(s), sha256, run->fd, job->file->name, &job->wheel,
                          &job->error) == 0)
            check_metadata(s, job);
    }
    bool again = is_of_earlier(run) || is_of_store(s, run);
    if (again)
        err_clear(&job->error);
    run->download = NULL;
    if (run->part.lock >= 0) /* what a network broke off goes on next time */
        partial_close(&run->part, job->error.text && job->error.kind == ERR_UNAVAILABLE);
    else
        close(steal_fd(&run->fd));
    return !again;
}

static bool in_cache(struct session *s, struct fetch *job)
{
    const char *sha256 = index_file_digest(job->file, HASH_SHA256);
    for (size_t i = 0; i < job->hash_count; i++)
        if (!index_file_proves(job->file, job->hashes[i]))
            return false;
    return sha256 && index_file_is_known(job->file) &&
           (unpacked_open(&s->memory, s->cache_dir, sha256, true, &job->wheel, NULL) == 0 ||
            (s->spare_cache &&
             unpacked_open(&s->memory, s->spare_cache, sha256, true, &job->wheel, NULL) == 0)) &&
           unpacked_is(&job->wheel, job->file->name);
}

/* So many files are open at once; the connections are fewer. */
enum { AT_ONCE = 32 };

/* A file that somebody else is fetching into the same cache. */
struct waiting {
    struct fetch *job;
    long long size, moved_ms; /* how much of it there was, and when that last grew */
};

struct batch {
    struct session *s;
    struct fetch **jobs; /* those that have to be downloaded */
    size_t count, next;
    struct running running[AT_ONCE];
    size_t active;
    struct waiting *waiting;
    size_t waiting_count;
    const struct err *fatal;
};

/* What the cache has needs no download. */
static void look_in_cache(struct batch *b, struct fetch *jobs, size_t count)
{
    long long bytes = 0;
    b->jobs = arena_array(&b->s->memory, count, sizeof *b->jobs);
    b->waiting = arena_array(&b->s->memory, count, sizeof *b->waiting);
    for (size_t i = 0; i < count; i++) {
        if (in_cache(b->s, &jobs[i])) {
            check_metadata(b->s, &jobs[i]);
            continue;
        }
        b->jobs[b->count++] = &jobs[i];
        bytes += jobs[i].file->size > 0 ? jobs[i].file->size : 0;
    }
    if (!b->count)
        return;
    struct buf size cleanup_buf = BUF_INIT;
    if (bytes)
        buf_printf(&size, " (%.1f MB)", (double)bytes / 1e6);
    log_info("downloading %zu wheel%s%s", b->count, b->count == 1 ? "" : "s", buf_cstr(&size));
}

static struct running *free_place(struct batch *b)
{
    for (size_t i = 0; i < AT_ONCE; i++)
        if (!b->running[i].download)
            return &b->running[i];
    return NULL;
}

/* In a free place, of which there is one. */
static void start(struct batch *b, struct fetch *job, struct partial part)
{
    struct running *run = free_place(b);
    for (size_t k = 0; k < job->hash_count; k++)
        index_file_want(job->file, hashes_algorithms(job->hashes[k]));
    int fd = part.lock >= 0 ? part.fd : scratch_file(b->s, &job->error);
    if (fd < 0 && store_switch(b->s, &job->error)) {
        err_clear(&job->error);
        fd = scratch_file(b->s, &job->error);
    }
    if (fd < 0) {
        b->fatal = &job->error;
        return;
    }
    *run = (struct running){
        .job = job, .fd = fd, .part = part, .resumed = part.have > 0, .store = store_dir(b->s)};
    run->download = index_download_start(b->s->index, job->file, fd, part.have);
    b->active++;
}

/* Whether there is something to share: where the digest is not known before, or the file is here, everybody
 * fetches his own. */
static const char *shared_key(const struct fetch *job)
{
    return url_is_network(text_of(job->file->url)) ? index_file_digest(job->file, HASH_SHA256) : NULL;
}

/* Starts a download, or finds it done meanwhile. False when somebody else is at it; *holder of the arena. It
 * is called again and again, so that nothing of it may stay in the session's memory. */
static bool start_shared(struct batch *b, struct fetch *job, struct arena *a, const char **holder)
{
    struct session *s = b->s;
    struct partial part = PARTIAL_NONE;
    struct err why cleanup_err = ERR_INIT;
    const char *sha256 = shared_key(job);
    int taken = sha256 && !s->spare_cache ? partial_open(a, s->cache_dir, sha256, &part, holder, &why) : -1;
    if (taken > 0)
        return false;
    if (why.text)
        log_debug("%s: it is fetched without being kept: %s", job->file->name, why.text);
    if (taken == 0 && in_cache(s, job)) {
        partial_close(&part, false);
        check_metadata(s, job);
    } else {
        start(b, job, part);
    }
    return true;
}

static void start_some(struct batch *b)
{
    while (b->next < b->count && free_place(b)) {
        struct arena scratch cleanup_arena = ARENA_INIT;
        struct fetch *job = b->jobs[b->next++];
        const char *holder = "";
        if (start_shared(b, job, &scratch, &holder))
            continue;
        log_info("waiting for %s, which another sync is downloading into this cache%s%s", job->file->name,
                 *holder ? ": " : "", holder);
        b->waiting[b->waiting_count++] =
            (struct waiting){job, partial_size(b->s->cache_dir, shared_key(job)), stopwatch_ms()};
    }
}

/* A process that is stopped, or on a machine that is gone, keeps its lock and fetches nothing: then this one
 * fetches for itself. */
static bool is_stuck(struct batch *b, struct waiting *w)
{
    long long size = partial_size(b->s->cache_dir, shared_key(w->job)), now = stopwatch_ms();
    if (size != w->size)
        w->moved_ms = now;
    w->size = size;
    return now - w->moved_ms > http_timeout_s(b->s->http) * 1000LL;
}

/* True when one is waited for no more. */
static bool look_at_waiting(struct batch *b)
{
    for (size_t i = 0; i < b->waiting_count && free_place(b); i++) {
        struct arena scratch cleanup_arena = ARENA_INIT;
        struct waiting *w = &b->waiting[i];
        const char *holder;
        if (!start_shared(b, w->job, &scratch, &holder)) {
            if (!is_stuck(b, w))
                continue;
            log_warning("%s does not come by way of the other sync; it is fetched here", w->job->file->name);
            start(b, w->job, PARTIAL_NONE);
        }
        *w = b->waiting[--b->waiting_count];
        return true;
    }
    return false;
}

/* Unpacks what has come. False when nothing has. */
static bool take_some(struct batch *b)
{
    bool moved = false;
    for (size_t i = 0; i < AT_ONCE; i++) {
        struct running *run = &b->running[i];
        if (!run->download || !index_download_done(run->download))
            continue;
        if (!unpack(b->s, run))
            b->jobs[--b->next] = run->job;
        if (run->job->error.text && concerns_all(&run->job->error))
            b->fatal = &run->job->error;
        b->active--;
        moved = true;
    }
    return moved;
}

/* The kernel tells nobody that a lock is free but who blocks on it, and that would hold up all the others. */
static void pause_a_little(void)
{
    const struct timespec little = {.tv_nsec = 10 * 1000 * 1000};
    nanosleep(&little, NULL);
}

int fetch_wheels(struct session *s, struct fetch *jobs, size_t count, struct err *err)
{
    struct batch b = {.s = s};
    if (count && session_index(s, err) < 0)
        return -1;
    look_in_cache(&b, jobs, count);
    if (b.count && store_open(s, err) < 0)
        return -1;
    while (b.next < b.count || b.active || b.waiting_count) {
        start_some(&b);
        if (look_at_waiting(&b) || (b.active && take_some(&b)))
            continue;
        if (b.active)
            index_wait_any(s->index);
        else if (b.waiting_count)
            pause_a_little();
    }
    return b.fatal ? err_set(err, b.fatal->kind, "%s", b.fatal->text) : 0;
}
