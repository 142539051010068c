/* SPDX-License-Identifier: Apache-2.0 */
/* Why there is no solution, told from the user's requirement down. */
#pragma once
#include "resolve/core.h"

enum { EXPLANATION_LINES = 20 };

/* `blamed` is the root that is set aside: the story begins there. The text belongs to the arena. */
char *explain(struct arena *a, struct solve *s, const struct core *core, size_t blamed);
