/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/lock_bytes.h"

#include "base/crypto.h"

#include <errno.h>
#include <sys/stat.h>

static int check_one(int fd, const struct lock_file *file, const struct lock_hash *hash, struct err *err)
{
    char hex[CRYPTO_HEX];
    if (crypto_digest_file(fd, hash->algorithm, file->name, hex, err) < 0)
        return -1;
    if (strcmp(hex, hash->hex) == 0)
        return 0;
    return err_set(err, ERR_INPUT,
                   "%s came with the %s %s, but the lock says %s; it was changed on the way or "
                   "on the server, and is not used",
                   file->name, hash->algorithm, hex, hash->hex);
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
