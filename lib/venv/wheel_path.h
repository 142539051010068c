/* SPDX-License-Identifier: Apache-2.0 */
/* What a path inside a wheel may look like. Everything that names a file of a wheel passes here before it
 * gets near a system call. */
#pragma once
#include "base/text.h"

/* NULL when the path is a relative one that stays where it is put; else why not, a clause ("is absolute").
 * Refused: empty, absolute, "." and ".." and empty parts, backslashes, NUL and other control characters, what
 * is no UTF-8, parts over 255 bytes, more than 3000 bytes, more than 64 folders deep. */
const char *wheel_path_fault(struct text path);

/* A name fit for a message: in quotes, on one line, long ones cut. The caller frees it. */
char *wheel_path_quote(struct text path);
