/* SPDX-License-Identifier: Apache-2.0 */
/*
 * solve ROOT RUNS REQUIREMENT…: times resolve() alone, for test/bench. The first solve asks the indexes that
 * the environment names and is not counted; then pages and metadata are there, parsed. Prints the median of
 * the runs in microseconds of processor time, and how many distributions are chosen, the base's included.
 * Fails when a requirement is set aside.
 */
#include "reconcile/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Of this process alone: others use the machine too. */
static long long cpu_microseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static int by_size(const void *a, const void *b)
{
    long long x = *(const long long *)a, y = *(const long long *)b;
    return x < y ? -1 : x > y;
}

static int solve_once(struct source *source, const struct wanted *wanted, long long *took, struct err *err)
{
    cleanup_arena struct arena a = ARENA_INIT;
    struct resolution out;
    long long start = cpu_microseconds();
    if (resolve(&a, &source->callbacks, wanted->roots.items, wanted->roots.count, &out, err) < 0)
        return -1;
    *took = cpu_microseconds() - start;
    for (size_t i = 0; i < out.failure_count; i++)
        fprintf(stderr, "%s: %s\n", wanted->roots.items[out.failures[i].root].requirement->text,
                out.failures[i].reason);
    return out.failure_count ? err_set(err, ERR_INPUT, "not all could be kept") : (int)out.count;
}

static int run(const struct session_options *options, size_t runs, struct err *err)
{
    cleanup_session struct session s = {0};
    cleanup_wanted struct wanted wanted = {0};
    cleanup_source struct source source = {0};
    if (session_open(&s, options, environ, err) < 0 || session_base(&s, err) < 0 ||
        session_venv(&s, err) < 0 || wanted_read(&s, &wanted, err) < 0 ||
        source_open(&source, &s, &wanted, err) < 0)
        return -1;
    struct ARRAY(long long) all = {0};
    long long took;
    int chosen = solve_once(&source, &wanted, &took, err);
    for (size_t i = 0; i < runs && chosen >= 0; i++) {
        chosen = solve_once(&source, &wanted, &took, err);
        array_push(&all, took);
    }
    if (chosen >= 0 && all.count) {
        qsort(all.items, all.count, sizeof *all.items, by_size);
        printf("%lld %d\n", all.items[all.count / 2], chosen);
    }
    array_free(&all);
    return chosen;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: solve ROOT RUNS REQUIREMENT...\n");
        return 2;
    }
    struct session_options options = {.root = argv[1]};
    for (int i = 3; i < argc; i++)
        array_push(&options.arguments, argv[i]);
    cleanup_err struct err err = ERR_INIT;
    int result = run(&options, strtoull(argv[2], NULL, 10), &err);
    if (result < 0)
        fprintf(stderr, "solve: %s\n", err.text);
    array_free(&options.arguments);
    return result < 0 ? 1 : 0;
}
