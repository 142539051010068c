/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers that are the same everywhere for the same seed, and the processor's time. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

static uint64_t dice_state;

static inline void dice_seed(uint64_t seed)
{
    dice_state = seed * 0x9e3779b97f4a7c15ULL;
}

static inline unsigned roll(unsigned below)
{
    dice_state = dice_state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (unsigned)((dice_state >> 33) % below);
}

static inline bool chance(unsigned percent)
{
    return roll(100) < percent;
}

static inline uint64_t number_from(const char *variable, uint64_t fallback)
{
    const char *value = getenv(variable);
    return value && *value ? strtoull(value, NULL, 10) : fallback;
}

/* Of this process alone: others use the machine too. */
static inline long long cpu_microseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}
