/* SPDX-License-Identifier: Apache-2.0 */
#include "base/thread.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

size_t thread_cpus(void)
{
    cpu_set_t cpus;
    return sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? (size_t)CPU_COUNT(&cpus) : 1;
}

size_t thread_limit(void)
{
    size_t n = thread_cpus();
    return n < THREAD_LIMIT ? n : THREAD_LIMIT;
}

int thread_start(pthread_t *thread, void *(*work)(void *context), void *context)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int result = pthread_create(thread, NULL, work, context) == 0 ? 0 : -1;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

struct each {
    size_t count;
    atomic_size_t next;
    void (*work)(void *context, size_t i);
    void *context;
};

static void *take_some(void *context)
{
    struct each *e = context;
    for (size_t i; (i = atomic_fetch_add(&e->next, 1)) < e->count;)
        e->work(e->context, i);
    return NULL;
}

void thread_each(size_t count, void (*work)(void *context, size_t i), void *context)
{
    struct each e = {.count = count, .work = work, .context = context};
    pthread_t threads[THREAD_LIMIT - 1];
    size_t limit = thread_limit(), started = 0;
    while (started + 1 < limit && started + 1 < count && thread_start(&threads[started], take_some, &e) == 0)
        started++;
    take_some(&e);
    while (started)
        pthread_join(threads[--started], NULL);
}
