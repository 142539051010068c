/* SPDX-License-Identifier: Apache-2.0 */
/* libcrypto's digests, each looked up once in a process: a lookup takes as long as hashing some 10 KB. */
#pragma once
#include <openssl/evp.h>

/* By hashlib's name ("sha256", "sha3_256", "blake2b"). NULL: this libcrypto does not have it. Any thread may
 * ask; it is nobody's to free. */
const EVP_MD *crypto_digest(const char *name);
