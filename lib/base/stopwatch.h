/* SPDX-License-Identifier: Apache-2.0 */
/* Time as CLOCK_MONOTONIC has it. */
#pragma once
#include <time.h>

static inline long long stopwatch_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static inline long long stopwatch_ms(void)
{
    return stopwatch_ns() / 1000000;
}
