/* SPDX-License-Identifier: Apache-2.0 */
#include "base/starting.h"

#include <errno.h>
#include <unistd.h>

enum { PAGES_OF_ONE = 32, KIB = 1024 };

/* Either one variable is too long, or all of them together. */
static const char *too_large(struct arena *a, char *const *env)
{
    const size_t most = PAGES_OF_ONE * (size_t)sysconf(_SC_PAGESIZE);
    size_t all = 0, count = 0;
    struct text largest = T("");
    for (; env[count]; count++) {
        struct text entry = text_of(env[count]);
        all += entry.len + 1;
        if (entry.len >= largest.len)
            largest = entry;
    }
    struct text name = text_first(largest, text_find(largest, '='));
    if (largest.len + 1 > most)
        return arena_printf(a, "the variable %.*s has %zu KiB, and the kernel takes no more than %zu",
                            TEXT_ARG(name), (largest.len + KIB) / KIB, most / KIB);
    return arena_printf(
        a,
        "the environment has %zu KiB in %zu variables, and %.*s alone has %zu: make it smaller (each "
        "LOCALSTACK_NAME is there as NAME too), or raise the limit of the stack (ulimit -s), of "
        "which it may take a quarter",
        (all + KIB - 1) / KIB, count, TEXT_ARG(name), (largest.len + KIB) / KIB);
}

const char *starting_advice(struct arena *a, int sysno, char *const *env)
{
    switch (sysno) {
    case EAGAIN:
        return "the container may have too few processes (pids limit, ulimit -u)";
    case ENOMEM:
        return "the container has too little memory";
    case E2BIG:
        return too_large(a, env);
    default:
        return NULL;
    }
}

int starting_failed(const char *what, const char *program, int sysno, char *const *env, struct err *err)
{
    struct arena a cleanup_arena = ARENA_INIT;
    const char *advice = starting_advice(&a, sysno, env);
    (void)err_set(err, ERR_SYSTEM, "cannot %s %s: %s%s%s", what, program, strerror(sysno), advice ? "; " : "",
                  advice ? advice : "");
    if (err)
        err->sysno = sysno;
    return -1;
}
