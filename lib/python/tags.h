/* SPDX-License-Identifier: Apache-2.0 */
/* Compatibility tags (PEP 425, PEP 600, PEP 656, PEP 703's t ABIs), in the order in which pip prefers them.
 */
#pragma once
#include "base/error.h"
#include "base/strmap.h"
#include "python/environment.h"

struct tags; /* an interpreter's supported tags */

/* Belongs to the arena. */
struct tags *tags_make(struct arena *a, const struct tag_environment *env);
size_t tags_count(const struct tags *t);
/* The tag at a rank, 0 the best, as "cp313-cp313-manylinux_2_17_x86_64". */
const char *tags_at(const struct tags *t, size_t rank);
/* The best rank among a (compressed) tag set such as "py2.py3-none-any", in any case; -1 when none is
 * supported. One that is longer than the name of a file, or has over 4,096 combinations, counts as
 * unsupported. */
int tags_rank(const struct tags *t, struct text tag_set);
