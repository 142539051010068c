/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/linker.h"

#include "base/array.h"
#include "base/stopwatch.h"
#include "base/thread.h"
#include "venv/tree.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/queue.h>

enum {
    TIMED = 64,            /* files from whose time it is told whether threads are of use */
    SLOW_NS = 10000,       /* for one file: a copy, or a file system that is far away */
    QUEUED = 64,           /* batches that wait, each with two descriptors */
    WORTH_A_THREAD = 2048, /* bytes of names that wait */
};

/* Where files come from and go to. */
struct place {
    int from, to;
    enum linker_found found;
    size_t serial, owner;
};

struct file {
    size_t from, to; /* where their names begin in the batch's `names` */
    const struct unpacked_file *expected;
};

/* The files of one folder. */
struct batch {
    struct place place; /* with descriptors of its own */
    char *path;
    struct buf names; /* each ended by NUL */
    struct {
        struct file *items;
        size_t count, room;
    } files;
    STAILQ_ENTRY(batch) link;
};
STAILQ_HEAD(batches, batch);

/*
 * A hard link takes a microsecond or two, and another CPU half as long to be woken. So files are put in place
 * at once, until it turns out that they take long: then they are queued.
 */
struct linker {
    atomic_int way;
    struct place place; /* of linker_enter; its descriptors are the caller's */
    struct buf path;
    size_t serial;
    size_t timed; /* files, in so many nanoseconds: */
    long long time_ns;
    struct batch *filling;  /* by linker_add; NULL: files are put in place at once */
    pthread_mutex_t lock;   /* of all below */
    pthread_cond_t changed; /* something waits, or nothing is being done any more, or it is closing */
    struct batches waiting;
    size_t waiting_count, waiting_bytes, at_work;
    pthread_t threads[THREAD_LIMIT];
    size_t started, idle;
    bool closing;
    /* The first that failed; SIZE_MAX: none has. */
    size_t failed, failed_owner;
    struct err error;
};

struct linker *linker_new(enum fs_way way)
{
    struct linker *l = xcalloc(1, sizeof *l);
    atomic_init(&l->way, way);
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->changed, NULL);
    STAILQ_INIT(&l->waiting);
    l->failed = SIZE_MAX;
    return l;
}

static void batch_free(struct batch *b)
{
    if (!b)
        return;
    cleanup_close_fn(&b->place.from);
    cleanup_close_fn(&b->place.to);
    buf_free(&b->names);
    array_free(&b->files);
    free(b->path);
    free(b);
}

/* ---- doing it */

static int link_file(struct fs_linker *how, const struct place *at, const char *path, const char *from,
                     const char *to, const struct unpacked_file *expected, struct err *err)
{
    const char *slash = *path ? "/" : "";
    struct err why cleanup_err = ERR_INIT;
    const char *difference = expected ? unpacked_difference(at->from, from, expected) : NULL;
    if (difference)
        return err_set(err, ERR_NOT_FOUND, "%s %s", expected->path, difference);
    int result = fs_link_or_copy(how, at->from, from, at->to, to, &why);
    if (result == 0)
        return 0;
    if (why.sysno == EEXIST && at->found == LINKER_KEEP)
        return 0;
    if (why.sysno == EEXIST && tree_check_spelling(at->to, to, err) < 0)
        return err_wrap(err, "in %s", *path ? path : "the top folder");
    if (why.sysno == EEXIST && at->found == LINKER_REPLACE && unlinkat(at->to, to, 0) == 0) {
        err_clear(&why);
        if (fs_link_or_copy(how, at->from, from, at->to, to, &why) == 0)
            return 0;
    }
    if (why.sysno == EEXIST)
        return err_set(err, ERR_INPUT,
                       "it would overwrite %s%s%s, which is there already and is no distribution's file",
                       path, slash, to);
    err_move(err, &why);
    return err_wrap(err, "%s%s%s", path, slash, to);
}

/* A way that was refused is tried by nobody any more. */
static void give_up(struct linker *l, enum fs_way way)
{
    int now = atomic_load(&l->way);
    while (now < (int)way && !atomic_compare_exchange_weak(&l->way, &now, (int)way))
        ;
}

static int link_all(struct linker *l, const struct batch *b, struct err *err)
{
    struct fs_linker how = {(enum fs_way)atomic_load(&l->way)};
    const char *names = b->names.ptr;
    int result = 0;
    for (size_t i = 0; i < b->files.count && result == 0; i++) {
        const struct file *f = &b->files.items[i];
        result = link_file(&how, &b->place, b->path, names + f->from, names + f->to, f->expected, err);
    }
    give_up(l, how.way);
    return result;
}

/* The lock is held, or there is no thread yet. */
static void fail(struct linker *l, const struct place *at, struct err *err)
{
    if (at->serial < l->failed) {
        l->failed = at->serial;
        l->failed_owner = at->owner;
        err_move(&l->error, err);
    }
    err_clear(err);
}

/* Does the batch that has waited longest, with the lock let go meanwhile. */
static void do_next(struct linker *l)
{
    struct batch *b = STAILQ_FIRST(&l->waiting);
    struct err err = ERR_INIT;
    STAILQ_REMOVE_HEAD(&l->waiting, link);
    l->waiting_count--;
    l->waiting_bytes -= b->names.len;
    bool wanted = b->place.serial < l->failed;
    l->at_work++;
    pthread_mutex_unlock(&l->lock);
    int result = wanted ? link_all(l, b, &err) : 0;
    pthread_mutex_lock(&l->lock);
    l->at_work--;
    if (result < 0)
        fail(l, &b->place, &err);
    batch_free(b);
    if (!l->at_work && STAILQ_EMPTY(&l->waiting))
        pthread_cond_broadcast(&l->changed);
}

static void *work(void *context)
{
    struct linker *l = context;
    pthread_mutex_lock(&l->lock);
    while (!l->closing) {
        if (!STAILQ_EMPTY(&l->waiting)) {
            do_next(l);
            continue;
        }
        l->idle++;
        pthread_cond_wait(&l->changed, &l->lock);
        l->idle--;
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* ---- what is to be done */

/* More threads than CPUs: most of the time is spent waiting for the file system. */
static void submit(struct linker *l)
{
    struct batch *b = steal_ptr(&l->filling);
    if (!b || !b->files.count) {
        batch_free(b);
        return;
    }
    pthread_mutex_lock(&l->lock);
    STAILQ_INSERT_TAIL(&l->waiting, b, link);
    l->waiting_count++;
    l->waiting_bytes += b->names.len;
    if (l->idle)
        pthread_cond_signal(&l->changed);
    else if (l->waiting_bytes >= WORTH_A_THREAD && l->started < THREAD_LIMIT &&
             thread_start(&l->threads[l->started], work, l) == 0)
        l->started++;
    while (l->waiting_count >= QUEUED)
        do_next(l);
    pthread_mutex_unlock(&l->lock);
}

static int begin_batch(struct linker *l, struct err *err)
{
    struct batch *b = xcalloc(1, sizeof *b);
    b->place = l->place;
    b->path = xstrdup(buf_cstr(&l->path));
    b->place.to = -1;
    b->place.from = fcntl(l->place.from, F_DUPFD_CLOEXEC, 0);
    if (b->place.from < 0 || (b->place.to = fcntl(l->place.to, F_DUPFD_CLOEXEC, 0)) < 0) {
        err_sys(err, errno, "cannot keep folder %s open", b->path);
        batch_free(b);
        return -1;
    }
    l->filling = b;
    return 0;
}

static bool is_slow(const struct linker *l)
{
    return l->timed >= TIMED && l->time_ns / (long long)l->timed > SLOW_NS;
}

int linker_enter(struct linker *l, const struct linker_folder *folder, struct err *err)
{
    submit(l);
    l->place = (struct place){folder->from, folder->to, folder->found, l->serial++, folder->owner};
    buf_clear(&l->path);
    buf_str(&l->path, folder->path);
    return is_slow(l) ? begin_batch(l, err) : 0;
}

/* Without a thread: the lock is nobody else's. */
static void link_now(struct linker *l, const char *from, const char *to, const struct unpacked_file *expected)
{
    struct fs_linker how = {(enum fs_way)atomic_load(&l->way)};
    struct err err = ERR_INIT;
    bool timing = l->timed < TIMED;
    if (l->failed != SIZE_MAX)
        return;
    if (timing)
        l->time_ns -= stopwatch_ns();
    if (link_file(&how, &l->place, buf_cstr(&l->path), from, to, expected, &err) < 0)
        fail(l, &l->place, &err);
    if (timing) {
        l->time_ns += stopwatch_ns();
        l->timed++;
    }
    give_up(l, how.way);
}

static size_t keep_name(struct batch *b, const char *name)
{
    size_t at = b->names.len;
    buf_add(&b->names, name, strlen(name) + 1);
    return at;
}

void linker_add(struct linker *l, const char *from, const char *to, const struct unpacked_file *expected)
{
    struct batch *b = l->filling;
    if (!b) {
        link_now(l, from, to, expected);
        return;
    }
    size_t at = keep_name(b, from);
    array_push(&b->files, (struct file){at, strcmp(from, to) == 0 ? at : keep_name(b, to), expected});
}

int linker_wait(struct linker *l, size_t *owner, struct err *err)
{
    submit(l);
    pthread_mutex_lock(&l->lock);
    while (!STAILQ_EMPTY(&l->waiting))
        do_next(l);
    while (l->at_work)
        pthread_cond_wait(&l->changed, &l->lock);
    bool failed = l->failed != SIZE_MAX;
    l->failed = SIZE_MAX;
    pthread_mutex_unlock(&l->lock);
    if (!failed)
        return 0;
    if (owner)
        *owner = l->failed_owner;
    return err_move(err, &l->error);
}

void linker_try(struct linker *l, enum fs_way way)
{
    atomic_store(&l->way, (int)way);
    l->timed = 0;
    l->time_ns = 0;
}

void linker_free(struct linker *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->closing = true;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
    while (l->started)
        pthread_join(l->threads[--l->started], NULL);
    while (!STAILQ_EMPTY(&l->waiting)) {
        struct batch *b = STAILQ_FIRST(&l->waiting);
        STAILQ_REMOVE_HEAD(&l->waiting, link);
        batch_free(b);
    }
    batch_free(l->filling);
    buf_free(&l->path);
    err_clear(&l->error);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    free(l);
}
