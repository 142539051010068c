/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crypto.h"

#include <pthread.h>
#include <string.h>

/* hashlib's names and, where they differ, libcrypto's. */
static struct {
    const char *name, *theirs;
    EVP_MD *method;
} known[] = {
    {.name = "sha256"},
    {.name = "sha512"},
    {.name = "sha384"},
    {.name = "sha224"},
    {.name = "sha1"},
    {.name = "md5"},
    {.name = "sha3_224", .theirs = "SHA3-224"},
    {.name = "sha3_256", .theirs = "SHA3-256"},
    {.name = "sha3_384", .theirs = "SHA3-384"},
    {.name = "sha3_512", .theirs = "SHA3-512"},
    {.name = "blake2b", .theirs = "BLAKE2B-512"},
    {.name = "blake2s", .theirs = "BLAKE2S-256"},
};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of their methods */

const EVP_MD *crypto_digest(const char *name)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].name, name) != 0)
            continue;
        pthread_mutex_lock(&lock);
        if (!known[i].method)
            known[i].method = EVP_MD_fetch(NULL, known[i].theirs ? known[i].theirs : name, NULL);
        EVP_MD *method = known[i].method;
        pthread_mutex_unlock(&lock);
        return method;
    }
    return NULL;
}
