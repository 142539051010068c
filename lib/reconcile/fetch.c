/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/fetch.h"

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/fs.h"
#include "base/progress.h"
#include "base/stopwatch.h"
#include "python/record.h"
#include "reconcile/built.h"
#include "reconcile/partial.h"
#include "reconcile/store.h"
#include "reconcile/unpacking.h"
#include "venv/lock_bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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
    /* Overlay before 6.x, some network volumes. Whether a sweep removes it or we do is all the same. */
    const char *path = fs_new_name(&s->memory, path_join(&s->memory, dir, FETCH_SCRATCH));
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
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
static void check_metadata(struct session *s, struct fetch *job)
{
    const char *hex = index_metadata_sha256(job->file);
    const char *path = path_join(&s->memory, job->wheel.dist_info, "METADATA");
    unsigned char raw[DIGEST_SIZE];
    char expected[DIGEST_SIZE * 4 / 3 + 3];
    if (!hex || !hex_decode(text_of(hex), raw, sizeof raw))
        return;
    record_base64(raw, sizeof raw, expected);
    for (size_t i = 0; i < job->wheel.count; i++)
        if (strcmp(job->wheel.files[i].path, path) == 0 && strcmp(job->wheel.files[i].sha256, expected) == 0)
            return;
    err_set(
        &job->error, ERR_INPUT,
        "the metadata that the index gives for %s is not the metadata in the wheel: one of them was tampered "
        "with or replaced; tell whoever runs the index",
        job->file->name);
}

/* A wheel on its way: coming, and then being unpacked. */
struct running {
    struct fetch *job; /* NULL: the place is free */
    struct index_download *download;
    struct unpacking_task *task;
    int fd;
    struct partial part; /* fd is its, where it has a lock */
    bool resumed;        /* an earlier run's bytes are among those in fd */
    const char *store;   /* store_dir when it was started, and when it was handed on */
};

/* So many files are open at once; the connections are fewer. */
enum { AT_ONCE = 32 };

/* A file that somebody else is fetching into the same cache. */
struct waiting {
    struct fetch *job;
    long long size, moved_ms; /* how much of it there was, and when that last grew */
};

struct fetcher {
    struct session *s;
    struct unpacking *unpacking;
    struct ARRAY(struct fetch *) queue; /* those to be started are those from `next` on */
    size_t next;
    struct running running[AT_ONCE];
    size_t active, coming; /* of them: all, and those that are not there yet */
    long long kept;        /* bytes of theirs that were there from earlier runs */
    struct ARRAY(struct waiting) waiting;
    struct ARRAY(struct fetch *) expected; /* what nobody has asked for yet; of the session's memory */
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

int fetch_check_hashes(struct session *s, struct fetch *job)
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

const char *fetch_archive(struct session *s, struct arena *a, const char *sha256)
{
    return path_join(a, s->archives, sha256);
}

/* As another name of the same file, where that can be. */
static int keep_archive(struct session *s, int fd, const char *sha256, struct err *err)
{
    struct arena a cleanup_arena = ARENA_INIT;
    if (!s->archives)
        return 0;
    const char *to = fetch_archive(s, &a, sha256), *from = arena_printf(&a, "/proc/self/fd/%d", fd);
    if (linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW) == 0 || errno == EEXIST)
        return 0;
    cleanup_close int copy = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (copy < 0)
        return err_sys(err, errno, "cannot create %s", to);
    return fs_copy_fd(fd, copy, to, err);
}

/* What has come is judged, and handed on to be unpacked. Negative: it goes no further. */
static int hand_on(struct fetcher *f, struct running *run)
{
    struct session *s = f->s;
    struct fetch *job = run->job;
    struct stat st;
    char sha256[65];
    int result = index_download_finish(s->index, run->download, sha256, &job->error);
    run->download = NULL;
    f->coming--;
    if (result < 0)
        return -1;
    job->downloaded = true;
    job->bytes = fstat(run->fd, &st) == 0 ? st.st_size : 0;
    if (fetch_check_hashes(s, job) < 0 ||
        (job->locked && lock_bytes_check(run->fd, job->locked, &job->error) < 0) ||
        keep_archive(s, run->fd, sha256, &job->error) < 0)
        return -1;
    run->store = store_dir(s);
    run->task = xcalloc(1, sizeof *run->task);
    run->task->cache_dir = run->store;
    run->task->name = job->file->name;
    run->task->archive = run->fd;
    memcpy(run->task->key, sha256, sizeof sha256);
    unpacking_start(f->unpacking, run->task);
    return 0;
}

static void take_unpacked(struct session *s, struct running *run)
{
    struct unpacking_task *task = run->task;
    run->task = NULL;
    arena_absorb(&s->memory, &task->memory);
    run->job->wheel = task->wheel;
    if (task->error.text)
        err_move(&run->job->error, &task->error);
    free(task);
}

static void let_go(struct fetcher *f, struct running *run, bool keep)
{
    if (run->part.lock >= 0)
        partial_close(&run->part, keep);
    else
        close(steal_fd(&run->fd));
    *run = (struct running){0};
    f->active--;
}

/* Neither coming nor being unpacked any more: done, or to come once more. */
static void settle(struct fetcher *f, struct running *run)
{
    struct fetch *job = run->job;
    if (run->task)
        take_unpacked(f->s, run);
    bool wanted = job->state != FETCH_ABANDONED;
    bool again = wanted && (is_of_earlier(run) || is_of_store(f->s, run));
    if (again || !wanted)
        err_clear(&job->error);
    /* What a network broke off goes on next time. */
    let_go(f, run, job->error.text && job->error.kind == ERR_UNAVAILABLE);
    if (again)
        array_push(&f->queue, job);
    else if (wanted)
        job->state = FETCH_DONE;
}

/* Its files are compared with its list when they are put in place; where that went wrong once, here.
 * Of a distribution that `check` found at fault what the cache has may be too: the venv's files are mostly
 * hard links to these. */
static bool open_entry(struct session *s, const char *cache_dir, const char *sha256, struct fetch *job)
{
    return cache_dir &&
           unpacked_open(&s->memory, cache_dir, sha256, s->distrust_cache, &job->wheel, NULL) == 0 &&
           (!session_is_damaged(s, job->file->wheel.name) ||
            unpacked_verify(cache_dir, &job->wheel, NULL) == 0);
}

bool fetch_is_proven(const struct fetch *job)
{
    for (size_t i = 0; i < job->hash_count; i++)
        if (!index_file_proves(job->file, job->hashes[i]))
            return false;
    return true;
}

/* Whether the cache is enough. */
static bool is_kept(struct session *s, const char *sha256)
{
    struct arena a cleanup_arena = ARENA_INIT;
    return !s->archives || fs_exists(AT_FDCWD, fetch_archive(s, &a, sha256));
}

static bool in_cache(struct session *s, struct fetch *job)
{
    const char *sha256 = index_file_digest(job->file, HASH_SHA256);
    return sha256 && is_kept(s, sha256) && fetch_is_proven(job) && index_file_is_known(job->file) &&
           (open_entry(s, s->cache_dir, sha256, job) || open_entry(s, s->spare_cache, sha256, job)) &&
           unpacked_is(&job->wheel, job->file->name);
}

/* True, and the job is done, where the cache has it. */
static bool done_by_cache(struct session *s, struct fetch *job)
{
    if (!in_cache(s, job))
        return false;
    job->state = FETCH_DONE;
    return true;
}

/* ---- starting, and waiting for others */

/* Where the job is on its way, or NULL. */
static struct running *place_of(struct fetcher *f, const struct fetch *job)
{
    for (size_t i = 0; i < AT_ONCE; i++)
        if (f->running[i].job == job)
            return &f->running[i];
    return NULL;
}

static struct running *free_place(struct fetcher *f)
{
    return place_of(f, NULL);
}

/* In a free place, of which there is one. */
static void start(struct fetcher *f, struct fetch *job, struct partial part)
{
    struct running *run = free_place(f);
    for (size_t k = 0; k < job->hash_count; k++)
        index_file_want(job->file, hashes_algorithms(job->hashes[k]));
    int fd = part.lock >= 0 ? part.fd : scratch_file(f->s, &job->error);
    if (fd < 0 && store_switch(f->s, &job->error)) {
        err_clear(&job->error);
        fd = scratch_file(f->s, &job->error);
    }
    if (fd < 0) {
        job->state = FETCH_DONE;
        return;
    }
    *run = (struct running){
        .job = job, .fd = fd, .part = part, .resumed = part.have > 0, .store = store_dir(f->s)};
    run->download = index_download_start(f->s->index, job->file, fd, part.have);
    f->kept += part.have;
    f->active++;
    f->coming++;
}

/* Whether there is something to share: where the digest is not known before, or the file is here, everybody
 * fetches his own. */
static const char *shared_key(const struct fetch *job)
{
    return url_is_network(text_of(job->file->url)) ? index_file_digest(job->file, HASH_SHA256) : NULL;
}

/* Starts a download, or finds it done meanwhile. False when somebody else is at it; *holder of the arena. It
 * is called again and again, so that nothing of it may stay in the session's memory. */
static bool start_shared(struct fetcher *f, struct fetch *job, struct arena *a, const char **holder)
{
    struct session *s = f->s;
    struct partial part = PARTIAL_NONE;
    struct err why cleanup_err = ERR_INIT;
    const char *sha256 = shared_key(job);
    int taken = sha256 && !s->spare_cache ? partial_open(a, s->cache_dir, sha256, &part, holder, &why) : -1;
    if (taken > 0)
        return false;
    if (why.text)
        log_debug("%s: it is fetched without being kept: %s", job->file->name, why.text);
    if (taken == 0 && done_by_cache(s, job))
        partial_close(&part, false);
    else
        start(f, job, part);
    return true;
}

static void start_some(struct fetcher *f)
{
    while (f->next < f->queue.count && free_place(f)) {
        struct arena scratch cleanup_arena = ARENA_INIT;
        struct fetch *job = f->queue.items[f->next++];
        const char *holder = "";
        if (start_shared(f, job, &scratch, &holder))
            continue;
        log_info("waiting for %s, which another sync is downloading into this cache%s%s", job->file->name,
                 *holder ? ": " : "", holder);
        array_push(&f->waiting,
                   (struct waiting){job, partial_size(f->s->cache_dir, shared_key(job)), stopwatch_ms()});
    }
}

/* A process that is stopped, or on a machine that is gone, keeps its lock and fetches nothing: then this one
 * fetches for itself. */
static bool is_stuck(struct fetcher *f, struct waiting *w)
{
    long long size = partial_size(f->s->cache_dir, shared_key(w->job)), now = stopwatch_ms();
    if (size != w->size)
        w->moved_ms = now;
    w->size = size;
    return now - w->moved_ms > http_timeout_s(f->s->http) * 1000LL;
}

/* True when one is waited for no more. */
static bool look_at_waiting(struct fetcher *f)
{
    for (size_t i = 0; i < f->waiting.count && free_place(f); i++) {
        struct arena scratch cleanup_arena = ARENA_INIT;
        struct waiting *w = &f->waiting.items[i];
        const char *holder;
        if (!start_shared(f, w->job, &scratch, &holder)) {
            if (!is_stuck(f, w))
                continue;
            log_warning("%s does not come by way of the other sync; it is fetched here", w->job->file->name);
            start(f, w->job, PARTIAL_NONE);
        }
        *w = f->waiting.items[--f->waiting.count];
        return true;
    }
    return false;
}

/* Hands on what has come, and takes what is unpacked. False when nothing has moved. */
static bool take_some(struct fetcher *f)
{
    bool moved = false;
    unpacking_heard(f->unpacking);
    for (size_t i = 0; i < AT_ONCE; i++) {
        struct running *run = &f->running[i];
        if (run->download && index_download_done(run->download)) {
            if (hand_on(f, run) < 0)
                settle(f, run);
            moved = true;
        }
        if (run->task && unpacking_done(f->unpacking, run->task)) {
            settle(f, run);
            moved = true;
        }
    }
    return moved;
}

/* The kernel tells nobody that a lock is free but who blocks on it, and that would hold up all the others. */
static void pause_a_little(void)
{
    progress_tick();
    const struct timespec little = {.tv_nsec = 10 * 1000 * 1000};
    nanosleep(&little, NULL);
}

static void wait_for_some(struct fetcher *f)
{
    struct pollfd event = {.fd = unpacking_event(f->unpacking), .events = POLLIN};
    if (f->coming)
        index_wait_any_or(f->s->index, event.fd);
    else if (f->active)
        poll(&event, 1, progress_due_ms());
    else if (f->waiting.count)
        pause_a_little();
}

static bool move(struct fetcher *f)
{
    progress_tick();
    start_some(f);
    bool waited = look_at_waiting(f);
    return take_some(f) || waited; /* also with nothing active: the event of the last one may still stand */
}

/* ---- what is asked for */

static struct fetcher *fetcher_of(struct session *s)
{
    if (!s->fetcher) {
        s->fetcher = xcalloc(1, sizeof *s->fetcher);
        s->fetcher->s = s;
        s->fetcher->unpacking = unpacking_new();
    }
    return s->fetcher;
}

static int enqueue(struct fetcher *f, struct fetch *job, struct err *err)
{
    if (store_open(f->s, err) < 0)
        return -1;
    array_push(&f->queue, job);
    return 0;
}

/* The job that was expected to be asked for, which is so no more. */
static struct fetch *take_expected(struct fetcher *f, const struct fetch *job)
{
    for (size_t i = 0; i < f->expected.count && !job->hash_count && !job->locked; i++) {
        struct fetch *e = f->expected.items[i];
        if (e->file != job->file)
            continue;
        f->expected.items[i] = f->expected.items[--f->expected.count];
        return e;
    }
    return NULL;
}

/* What is on its way already, or in the cache, needs no download of its own. in_place[i] is the job that is
 * done in place of jobs[i], which can be that itself. */
static int ask_for(struct fetcher *f, struct fetch *const *jobs, size_t count, struct fetch **in_place,
                   struct err *err)
{
    long long bytes = 0;
    size_t downloads = 0;
    for (size_t i = 0; i < count; i++) {
        struct fetch *job = in_place[i] = take_expected(f, jobs[i]);
        if (!job) {
            job = in_place[i] = jobs[i];
            job->state = FETCH_UNDER_WAY;
            if (!done_by_cache(f->s, job) && enqueue(f, job, err) < 0)
                return -1;
        }
        if ((job->state == FETCH_DONE && !job->downloaded) || !url_is_network(text_of(job->file->url)))
            continue;
        bytes += job->file->size > 0 ? job->file->size : 0;
        downloads++;
    }
    if (!downloads)
        return 0;
    struct buf size cleanup_buf = BUF_INIT;
    if (bytes)
        buf_printf(&size, " (%.1f MB)", (double)bytes / 1e6);
    log_info("downloading %zu wheel%s%s", downloads, downloads == 1 ? "" : "s", buf_cstr(&size));
    return 0;
}

static bool all_done(struct fetch *const *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (jobs[i]->state != FETCH_DONE)
            return false;
    return true;
}

static void take_result(struct fetch *job, struct fetch *done)
{
    if (job == done)
        return;
    job->wheel = done->wheel;
    job->downloaded = done->downloaded;
    job->bytes = done->bytes;
    if (done->error.text)
        err_move(&job->error, &done->error);
}

/* What fetch_wheels waits for, for the terminal. */
struct batch {
    struct fetcher *fetcher;
    struct fetch **jobs;
    size_t count;
    struct progress_rate rate;
};

struct tally {
    size_t wanted, done;
    long long total, got; /* bytes; total is -1 where a page does not say */
    const struct fetch *coming, *unpacking;
};

static struct tally count_up(const struct batch *b)
{
    struct tally t = {0};
    for (size_t i = 0; i < b->count; i++) {
        const struct fetch *job = b->jobs[i];
        const struct running *run = place_of(b->fetcher, job);
        if (job->state == FETCH_DONE && !job->downloaded)
            continue; /* the cache had it */
        t.wanted++;
        t.done += job->state == FETCH_DONE;
        t.total = t.total < 0 || job->file->size < 0 ? -1 : t.total + job->file->size;
        t.got += run && run->download ? index_download_got(run->download) : job->bytes;
        if (run && run->download && !t.coming)
            t.coming = job;
        if (run && run->task && !t.unpacking)
            t.unpacking = job;
    }
    return t;
}

/* Called when the line is drawn: that nothing is counted while nobody looks keeps it free. */
static void describe(void *context, struct buf *to)
{
    struct batch *b = context;
    const struct fetcher *f = b->fetcher;
    struct tally t = count_up(b);
    double speed = progress_rate(&b->rate, stopwatch_ms(), t.got - f->kept);
    if (t.coming) {
        buf_printf(to, "downloading %zu of %zu file%s, %.1f", t.done, t.wanted, t.wanted == 1 ? "" : "s",
                   (double)t.got / 1e6);
        if (t.total >= 0)
            buf_printf(to, " of %.1f", (double)t.total / 1e6);
        buf_printf(to, " MB, %.1f MB/s: %s", speed / 1e6, t.coming->file->name);
    } else if (t.unpacking) {
        buf_printf(to, "unpacking %s (%zu of %zu)", t.unpacking->file->name, t.done + 1, t.wanted);
    } else if (f->waiting.count) {
        buf_printf(to, "waiting for %s, which another sync is downloading",
                   f->waiting.items[0].job->file->name);
    }
}

static void wait_for_all(struct batch *b)
{
    struct progress progress = {.describe = describe, .context = b};
    progress_begin(&progress);
    while (move(b->fetcher), !all_done(b->jobs, b->count))
        wait_for_some(b->fetcher);
    progress_end(&progress);
}

static int fetch_ready(struct session *s, struct fetch *const *jobs, size_t count, struct err *err)
{
    struct fetcher *f = fetcher_of(s);
    cleanup_free struct fetch **in_place = xcalloc(count + 1, sizeof(struct fetch *));
    if (ask_for(f, jobs, count, in_place, err) < 0)
        return -1;
    wait_for_all(&(struct batch){.fetcher = f, .jobs = in_place, .count = count});
    for (size_t i = 0; i < count; i++) {
        take_result(jobs[i], in_place[i]);
        /* Only now: a wheel that was expected may have come before its metadata. */
        if (!jobs[i]->error.text)
            check_metadata(s, jobs[i]);
    }
    return 0;
}

int fetch_wheels(struct session *s, struct fetch *jobs, size_t count, struct err *err)
{
    if (!count)
        return 0;
    if (session_index(s, err) < 0)
        return -1;
    cleanup_free struct fetch **some = xcalloc(count, sizeof(struct fetch *));
    size_t wheels = 0, sources = count; /* from both ends */
    for (size_t i = 0; i < count; i++)
        some[jobs[i].file->is_source ? --sources : wheels++] = &jobs[i];
    if (fetch_ready(s, some, wheels, err) < 0 || built_fetch(s, some + sources, count - sources, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (jobs[i].error.text && concerns_all(&jobs[i].error))
            return err_set(err, jobs[i].error.kind, "%s", jobs[i].error.text);
    return 0;
}

/* ---- what will probably be asked for */

void fetch_expect(struct session *s, const struct index_file *file)
{
    struct err ignored cleanup_err = ERR_INIT;
    struct fetcher *f = fetcher_of(s);
    if (file->is_source)
        return;
    for (size_t i = 0; i < f->expected.count; i++)
        if (f->expected.items[i]->file == file)
            return;
    struct fetch *job = arena_new(&s->memory, struct fetch);
    *job = (struct fetch){.file = file, .state = FETCH_UNDER_WAY};
    if (shared_key(job) && (done_by_cache(s, job) || enqueue(f, job, &ignored) == 0))
        array_push(&f->expected, job);
}

void fetch_move(struct session *s)
{
    if (s->fetcher)
        move(s->fetcher);
}

int fetch_event(const struct session *s)
{
    return s->fetcher ? unpacking_event(s->fetcher->unpacking) : -1;
}

/* What is being unpacked already is unpacked to its end: the next time may want it. */
static void abandon(struct fetcher *f, struct fetch *job)
{
    struct running *run = place_of(f, job);
    job->state = FETCH_ABANDONED;
    for (size_t i = f->next; i < f->queue.count; i++) {
        if (f->queue.items[i] != job)
            continue;
        memmove(&f->queue.items[i], &f->queue.items[i + 1], (--f->queue.count - i) * sizeof(struct fetch *));
        break;
    }
    for (size_t i = 0; i < f->waiting.count; i++)
        if (f->waiting.items[i].job == job)
            f->waiting.items[i--] = f->waiting.items[--f->waiting.count];
    if (run && run->download) {
        index_download_stop(f->s->index, run->download);
        f->coming--;
        let_go(f, run, false);
    }
}

void fetch_expect_only(struct session *s, const struct fetch *jobs, size_t count)
{
    struct fetcher *f = s->fetcher;
    for (size_t i = 0; f && i < f->expected.count;) {
        struct fetch *e = f->expected.items[i];
        size_t k = 0;
        while (k < count && jobs[k].file != e->file)
            k++;
        if (k < count) {
            i++;
            continue;
        }
        abandon(f, e);
        err_clear(&e->error);
        f->expected.items[i] = f->expected.items[--f->expected.count];
    }
}

void fetch_close(struct session *s)
{
    struct fetcher *f = s->fetcher;
    if (!f)
        return;
    fetch_expect_only(s, NULL, 0);
    unpacking_free(f->unpacking);
    for (size_t i = 0; i < AT_ONCE; i++) {
        struct running *run = &f->running[i];
        if (!run->job)
            continue;
        if (run->download)
            index_download_stop(s->index, run->download);
        if (run->task) {
            arena_free(&run->task->memory);
            err_clear(&run->task->error);
            free(run->task);
        }
        let_go(f, run, false);
    }
    array_free(&f->queue);
    array_free(&f->waiting);
    array_free(&f->expected);
    free(f);
    s->fetcher = NULL;
}
