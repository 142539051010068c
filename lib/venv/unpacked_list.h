/* SPDX-License-Identifier: Apache-2.0 */
/* The `list` of an unpacked wheel: text, sealed by a digest of itself, so that one that was cut short or
 * damaged is not taken for whole. */
#pragma once
#include "venv/unpacked.h"

/* Appends the list. */
int unpacked_list_write(struct buf *to, const struct unpacked *entry, struct err *err);

/* bytes: of the arena, `len` of them and a NUL; *out points into them, except for `dir`, which is left alone.
 * ERR_INPUT when it is not what was once written. */
int unpacked_list_parse(struct arena *a, char *bytes, size_t len, struct unpacked *out, struct err *err);
