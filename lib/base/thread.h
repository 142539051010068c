/* SPDX-License-Identifier: Apache-2.0 */
/* Threads for what several CPUs do faster than one. */
#pragma once
#include <pthread.h>
#include <stddef.h>

/* No more are worth having, however many CPUs there are: what they do ends in the same file system. */
enum { THREAD_LIMIT = 4 };

/* The CPUs that this process may use. */
size_t thread_cpus(void);
/* So many are worth having on the CPUs that this process may use: 1 to THREAD_LIMIT. */
size_t thread_limit(void);

/* pthread_create(3), with all signals blocked in the new thread: they are the main thread's business.
 * Negative: none can be had, which is no failure to anybody who can do the work himself. */
int thread_start(pthread_t *thread, void *(*work)(void *context), void *context);

/* Calls work(context, i) for each i below `count`, in no order, in this thread and in others. */
void thread_each(size_t count, void (*work)(void *context, size_t i), void *context);
