/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/adopt.h"

#include "base/crypto.h"
#include "base/fs.h"
#include "python/record.h"
#include "venv/install.h"

enum { RECORD_LIMIT = 64 << 20 };

static int replace(int fd, const char *path, struct text bytes, struct err *err)
{
    return fs_write(fd, path, bytes, 0644, false, err);
}

int adopt_distribution(int fd, const char *site_packages, const char *info, struct err *err)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct buf old cleanup_buf = BUF_INIT, fresh cleanup_buf = BUF_INIT;
    const struct text installer = T(INSTALLER_NAME "\n");
    const char *dir = path_join(&a, site_packages, info);
    const char *record_path = path_join(&a, dir, "RECORD");
    const char *installer_entry = path_join(&a, info, "INSTALLER");
    const char *requested_entry = path_join(&a, info, "REQUESTED");
    struct record record;
    if (fs_read(fd, record_path, RECORD_LIMIT, &old, err) < 0 ||
        record_parse(&a, buf_view(&old), &record, err) < 0)
        return -1;
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned int size;
    char digest[64];
    EVP_Digest(installer.ptr, installer.len, raw, &size, crypto_digest("sha256"), NULL);
    record_base64(raw, size, digest);
    for (size_t i = 0; i < record.count; i++)
        if (strcmp(record.entries[i].path, installer_entry) != 0 &&
            strcmp(record.entries[i].path, requested_entry) != 0)
            record_write(&fresh, &record.entries[i]);
    record_write(&fresh, &(struct record_entry){installer_entry, "sha256", digest, (long long)installer.len});
    EVP_Digest("", 0, raw, &size, crypto_digest("sha256"), NULL);
    record_base64(raw, size, digest);
    record_write(&fresh, &(struct record_entry){requested_entry, "sha256", digest, 0});
    if (replace(fd, path_join(&a, dir, "INSTALLER"), installer, err) < 0 ||
        replace(fd, path_join(&a, dir, "REQUESTED"), T(""), err) < 0)
        return -1;
    return replace(fd, record_path, buf_view(&fresh), err);
}
