/* SPDX-License-Identifier: Apache-2.0 */
/* Which known name somebody meant. */
#pragma once
#include "base/text.h"

/* How many letters have to be inserted, deleted or replaced, ASCII case aside; for names over 64 bytes, 64.
 */
size_t nearest_distance(struct text a, struct text b);
