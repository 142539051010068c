/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/hasher.h"

#include "base/crypto.h"
#include "python/record.h"

#include <stdio.h>
#include <stdlib.h>

struct hasher {
    EVP_MD_CTX *first, *second;
    bool has_second;
};

static int broken(struct err *err)
{
    return err_set(err, ERR_SYSTEM, "libcrypto cannot compute a SHA-2 digest; is its configuration broken?");
}

struct hasher *hasher_new(struct err *err)
{
    struct hasher *h = xcalloc(1, sizeof *h);
    h->first = EVP_MD_CTX_new();
    h->second = EVP_MD_CTX_new();
    if (h->first && h->second)
        return h;
    hasher_free(h);
    broken(err);
    return NULL;
}

void hasher_free(struct hasher *h)
{
    EVP_MD_CTX_free(h->first);
    EVP_MD_CTX_free(h->second);
    free(h);
}

int hasher_begin(struct hasher *h, const char *second, struct err *err)
{
    h->has_second = second && strcmp(second, "sha256") != 0;
    const EVP_MD *sha256 = crypto_digest("sha256"), *other = h->has_second ? crypto_digest(second) : NULL;
    if (h->has_second && (!other || !EVP_DigestInit_ex(h->second, other, NULL)))
        return broken(err);
    return sha256 && EVP_DigestInit_ex(h->first, sha256, NULL) ? 0 : broken(err);
}

int hasher_add(struct hasher *h, struct text bytes, struct err *err)
{
    if (!EVP_DigestUpdate(h->first, bytes.ptr, bytes.len) ||
        (h->has_second && !EVP_DigestUpdate(h->second, bytes.ptr, bytes.len)))
        return broken(err);
    return 0;
}

int hasher_end(struct hasher *h, char sha256_base64[HASHER_SHA256_BASE64], char second_base64[HASHER_BASE64],
               struct err *err)
{
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (!EVP_DigestFinal_ex(h->first, raw, &n))
        return broken(err);
    record_base64(raw, n, sha256_base64);
    if (second_base64 && !h->has_second) {
        memcpy(second_base64, sha256_base64, HASHER_SHA256_BASE64);
        return 0;
    }
    if (h->has_second) {
        char unused[HASHER_BASE64];
        if (!EVP_DigestFinal_ex(h->second, raw, &n))
            return broken(err);
        record_base64(raw, n, second_base64 ? second_base64 : unused);
    }
    return 0;
}
