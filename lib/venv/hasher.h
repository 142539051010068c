/* SPDX-License-Identifier: Apache-2.0 */
/* Digests of what may be large, by libcrypto, which uses the CPU's instructions for it. One for each thread.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"

enum { HASHER_RAW = 64, HASHER_BASE64 = 87, HASHER_SHA256_BASE64 = 44 };

struct hasher;
/* NULL with err set when libcrypto does not work. */
struct hasher *hasher_new(struct err *err);
void hasher_free(struct hasher *h);

/* SHA-256, and beside it `second` (NULL, "sha256", "sha384" or "sha512"). */
int hasher_begin(struct hasher *h, const char *second, struct err *err);
int hasher_add(struct hasher *h, struct text bytes, struct err *err);
/* Both in RECORD's form; second_base64 (may be NULL) gets that of SHA-256 where no other was asked for. */
int hasher_end(struct hasher *h, char sha256_base64[HASHER_SHA256_BASE64], char second_base64[HASHER_BASE64],
               struct err *err);

static inline void cleanup_hasher_fn(struct hasher **h)
{
    if (*h)
        hasher_free(*h);
}
#define cleanup_hasher __attribute__((cleanup(cleanup_hasher_fn)))
