/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of columns with tabs between them, in which \t, \n and \\ are escaped: what the state is written in.
 */
#pragma once
#include "base/text.h"

/* Appends one column (NULL: an empty one) and what ends it: a tab, or a newline after the last. */
void columns_add(struct buf *to, const char *s, char end);
/* Reads a line without its newline into `count` columns of the arena; "" for those that it does not have. */
void columns_cut(struct arena *a, struct text line, const char **columns, size_t count);
