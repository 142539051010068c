/* SPDX-License-Identifier: Apache-2.0 */
/* The facts that contradict each other, as few as will do: what an explanation is made of. */
#pragma once
#include "resolve/solve.h"

struct core {
    struct incompat **items; /* with facts, in the order in which they were made known */
    size_t count;
};

/* Of a solve that ended as unsolvable. The items live as long as it; the array belongs to the arena. */
void core_find(struct arena *a, struct solve *s, struct core *out);
