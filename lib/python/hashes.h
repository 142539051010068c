/* SPDX-License-Identifier: Apache-2.0 */
/* The digests that a requirement allows: pip's --hash=ALGORITHM:HEX, of which any one has to fit. */
#pragma once
#include "base/error.h"
#include "base/text.h"

enum hash_algorithm { HASH_SHA256, HASH_SHA384, HASH_SHA512, HASH_ALGORITHMS };

struct hashes {
    struct hash {
        enum hash_algorithm algorithm;
        const char *hex; /* lower case */
    } * items;
    size_t count;
    const char *from; /* who gives them, for messages: "FILE:LINE" */
};

/* "sha256". */
const char *hash_name(enum hash_algorithm algorithm);
/* False for what --hash does not allow (md5, sha1 and sha224 prove nothing). */
bool hash_algorithm_parse(struct text name, enum hash_algorithm *out);

/* Adds ALGORITHM:HEX; belongs to the arena. A digest of the wrong length, which no file can have, is
 * ERR_INPUT and is not added. */
int hashes_add(struct arena *a, struct hashes *h, struct text value, struct err *err);

/* Bit `1 << algorithm` for each that is named. */
unsigned hashes_algorithms(const struct hashes *h);
/* Whether this digest is among them; `hex` in lower case. */
bool hashes_have(const struct hashes *h, enum hash_algorithm algorithm, const char *hex);
/* "sha256:aa…, sha256:bb… and 3 more", for messages. */
char *hashes_text(struct arena *a, const struct hashes *h);
