/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/hasher.h"

#include "python/record.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

struct hasher {
    EVP_MD *sha256, *other; /* fetched once: EVP_sha256() would be looked up again for every file */
    char other_name[8];
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
    h->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    h->first = EVP_MD_CTX_new();
    h->second = EVP_MD_CTX_new();
    if (h->sha256 && h->first && h->second)
        return h;
    hasher_free(h);
    broken(err);
    return NULL;
}

void hasher_free(struct hasher *h)
{
    EVP_MD_CTX_free(h->first);
    EVP_MD_CTX_free(h->second);
    EVP_MD_free(h->sha256);
    EVP_MD_free(h->other);
    free(h);
}

int hasher_begin(struct hasher *h, const char *second, struct err *err)
{
    h->has_second = second && strcmp(second, "sha256") != 0;
    if (h->has_second && strcmp(h->other_name, second) != 0) {
        EVP_MD_free(h->other);
        h->other = EVP_MD_fetch(NULL, second, NULL);
        snprintf(h->other_name, sizeof h->other_name, "%s", second);
    }
    if (h->has_second && (!h->other || !EVP_DigestInit_ex(h->second, h->other, NULL)))
        return broken(err);
    return EVP_DigestInit_ex(h->first, h->sha256, NULL) ? 0 : broken(err);
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
