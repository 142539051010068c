/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crypto.h"

#include "base/cleanup.h"
#include "base/digest.h"

#include <errno.h>
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

static int add_file(EVP_MD_CTX *ctx, int fd, const char *shown, struct err *err)
{
    enum { CHUNK = 1 << 16 };
    cleanup_free char *chunk = xmalloc(CHUNK);
    for (off_t at = 0;;) {
        ssize_t n = pread(fd, chunk, CHUNK, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, errno, "cannot read %s again", shown);
        if (n == 0)
            return 0;
        if (EVP_DigestUpdate(ctx, chunk, (size_t)n) != 1)
            return err_set(err, ERR_SYSTEM, "libcrypto cannot compute a digest of %s", shown);
        at += n;
    }
}

int crypto_digest_file(int fd, const char *algorithm, const char *shown, char hex[CRYPTO_HEX],
                       struct err *err)
{
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    const EVP_MD *method = crypto_digest(algorithm);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int result = 0;
    if (!method || !ctx || EVP_DigestInit_ex(ctx, method, NULL) != 1)
        result = err_set(err, ERR_SYSTEM, "libcrypto cannot compute %s here", algorithm);
    if (result == 0)
        result = add_file(ctx, fd, shown, err);
    if (result == 0) {
        EVP_DigestFinal_ex(ctx, raw, &size);
        hex_encode(raw, size, hex);
    }
    EVP_MD_CTX_free(ctx);
    return result;
}
