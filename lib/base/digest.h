/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 of small things (settings, files of inputs), as FIPS 180-4. Downloads are hashed by libcrypto
 * instead. */
#pragma once
#include "base/text.h"

#include <stdbool.h>

enum { DIGEST_SIZE = 32, DIGEST_HEX = 65 };

/* The digest as 64 lower-case hex digits and a NUL. */
void digest_hex(struct text bytes, char hex[DIGEST_HEX]);
/* A digest of a secret under a salt, so short that it tells a change, and too little of the secret to look
 * for it: whoever guesses finds as many wrong ones. `name`: of what the secret is. */
enum { DIGEST_PRINT = 7 };
void digest_print(const char *salt, const char *name, struct text secret, char hex[DIGEST_PRINT]);
/* Whether a name is such a digest and `suffix` behind it. */
bool digest_is_name(const char *name, const char *suffix);
/* `n` bytes as 2n lower-case hex digits and a NUL. */
void hex_encode(const unsigned char *bytes, size_t n, char *hex);
/* The bytes of exactly 2n hex digits of either case; false on anything else. */
bool hex_decode(struct text hex, unsigned char *bytes, size_t n);
