/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/lock_bytes.h"

#include "base/cleanup.h"
#include "base/crypto.h"
#include "base/digest.h"

#include <errno.h>
#include <sys/stat.h>

static int digest_file(int fd, const char *name, EVP_MD_CTX *ctx, struct err *err)
{
    cleanup_free char *chunk = xmalloc(1 << 16);
    for (off_t at = 0;;) {
        ssize_t n = pread(fd, chunk, 1 << 16, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, errno, "cannot read %s again", name);
        if (n == 0)
            return 0;
        if (EVP_DigestUpdate(ctx, chunk, (size_t)n) != 1)
            return err_set(err, ERR_SYSTEM, "libcrypto cannot compute a digest of %s", name);
        at += n;
    }
}

static int check_one(int fd, const struct lock_file *file, const struct lock_hash *hash, struct err *err)
{
    unsigned char raw[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    unsigned size = 0;
    const EVP_MD *method = crypto_digest(hash->algorithm);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int result = 0;
    if (!method || !ctx || EVP_DigestInit_ex(ctx, method, NULL) != 1)
        result = err_set(err, ERR_SYSTEM, "libcrypto cannot compute %s here", hash->algorithm);
    if (result == 0)
        result = digest_file(fd, file->name, ctx, err);
    if (result == 0) {
        EVP_DigestFinal_ex(ctx, raw, &size);
        hex_encode(raw, size, hex);
        if (strcmp(hex, hash->hex) != 0)
            result = err_set(err, ERR_INPUT,
                             "%s came with the %s %s, but the lock says %s; it was changed on the way or "
                             "on the server, and is not used",
                             file->name, hash->algorithm, hex, hash->hex);
    }
    EVP_MD_CTX_free(ctx);
    return result;
}

int lock_bytes_check(int fd, const struct lock_file *file, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_sys(err, errno, "cannot look at %s", file->name);
    if (file->size >= 0 && st.st_size != file->size)
        return err_set(err, ERR_INPUT,
                       "%s has %lld bytes, but the lock says %lld; it was changed on the way or on the "
                       "server, and is not used",
                       file->name, (long long)st.st_size, file->size);
    for (size_t i = 0; i < file->hash_count; i++)
        if (check_one(fd, file, &file->hashes[i], err) < 0)
            return -1;
    return 0;
}
