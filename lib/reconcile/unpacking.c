/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/unpacking.h"

#include "base/cleanup.h"
#include "base/thread.h"

#include <sys/eventfd.h>
#include <unistd.h>

STAILQ_HEAD(tasks, unpacking_task);

struct unpacking {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* something was queued, or it is closing */
    struct tasks queued;
    pthread_t threads[THREAD_LIMIT];
    size_t started, idle;
    bool closing;
    int event;
};

struct unpacking *unpacking_new(void)
{
    struct unpacking *u = xcalloc(1, sizeof *u);
    pthread_mutex_init(&u->lock, NULL);
    pthread_cond_init(&u->changed, NULL);
    STAILQ_INIT(&u->queued);
    u->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return u;
}

static void make(struct unpacking_task *task)
{
    unpacked_make(&task->memory, task->cache_dir, task->key, task->archive, task->name, &task->wheel,
                  &task->error);
}

static void finish(struct unpacking *u, struct unpacking_task *task)
{
    const uint64_t one = 1;
    task->done = true;
    if (write(u->event, &one, sizeof one) < 0) {
        /* A counter that is full is one that can be read. */
    }
}

static void *work(void *context)
{
    struct unpacking *u = context;
    pthread_mutex_lock(&u->lock);
    for (;;) {
        struct unpacking_task *task = STAILQ_FIRST(&u->queued);
        if (u->closing)
            break;
        if (!task) {
            u->idle++;
            pthread_cond_wait(&u->changed, &u->lock);
            u->idle--;
            continue;
        }
        STAILQ_REMOVE_HEAD(&u->queued, link);
        pthread_mutex_unlock(&u->lock);
        make(task);
        pthread_mutex_lock(&u->lock);
        finish(u, task);
    }
    pthread_mutex_unlock(&u->lock);
    return NULL;
}

/* One more thread, where there is work for it. */
static void enlist(struct unpacking *u)
{
    if (!u->idle && u->started < thread_limit() && u->event >= 0 &&
        thread_start(&u->threads[u->started], work, u) == 0)
        u->started++;
}

void unpacking_start(struct unpacking *u, struct unpacking_task *task)
{
    pthread_mutex_lock(&u->lock);
    enlist(u);
    bool alone = !u->started;
    if (!alone) {
        STAILQ_INSERT_TAIL(&u->queued, task, link);
        pthread_cond_signal(&u->changed);
    }
    pthread_mutex_unlock(&u->lock);
    if (alone) {
        make(task);
        task->done = true;
    }
}

bool unpacking_done(struct unpacking *u, const struct unpacking_task *task)
{
    pthread_mutex_lock(&u->lock);
    bool done = task->done;
    pthread_mutex_unlock(&u->lock);
    return done;
}

int unpacking_event(const struct unpacking *u)
{
    return u->started ? u->event : -1;
}

void unpacking_heard(struct unpacking *u)
{
    uint64_t count;
    if (read(u->event, &count, sizeof count) < 0) {
        /* Nothing was done since. */
    }
}

void unpacking_free(struct unpacking *u)
{
    if (!u)
        return;
    pthread_mutex_lock(&u->lock);
    u->closing = true;
    pthread_cond_broadcast(&u->changed);
    pthread_mutex_unlock(&u->lock);
    while (u->started)
        pthread_join(u->threads[--u->started], NULL);
    pthread_cond_destroy(&u->changed);
    pthread_mutex_destroy(&u->lock);
    if (u->event >= 0)
        close(u->event);
    free(u);
}
