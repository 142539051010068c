/* SPDX-License-Identifier: Apache-2.0 */
/* libcrypto's digests, each looked up once in a process: a lookup takes as long as hashing some 10 KB. */
#pragma once
#include "base/error.h"

#include <openssl/evp.h>

enum { CRYPTO_HEX = 2 * EVP_MAX_MD_SIZE + 1 };

/* By hashlib's name ("sha256", "sha3_256", "blake2b"). NULL: this libcrypto does not have it. Any thread may
 * ask; it is nobody's to free. */
const EVP_MD *crypto_digest(const char *name);

/* The digest of a whole file, read by pread(2), in lower-case hex. `shown`: what messages call it. */
int crypto_digest_file(int fd, const char *algorithm, const char *shown, char hex[CRYPTO_HEX],
                       struct err *err);
