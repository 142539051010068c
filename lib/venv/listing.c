/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/listing.h"

#include "python/record.h"

int listing_begin(struct listing *l, const char *site_packages, struct err *err)
{
    *l = (struct listing){.site_packages = site_packages, .hasher = hasher_new(err)};
    buf_str(&l->up, "../");
    for (const char *s = site_packages; *s; s++)
        if (*s == '/')
            buf_str(&l->up, "../");
    return l->hasher ? 0 : -1;
}

void listing_end(struct listing *l)
{
    if (l->hasher)
        hasher_free(l->hasher);
    buf_free(&l->up);
    buf_free(&l->bytes);
}

const char *listing_path_below(const char *path, const char *dir)
{
    size_t n = strlen(dir);
    return strncmp(path, dir, n) == 0 && path[n] == '/' ? path + n + 1 : NULL;
}

void listing_add(struct listing *l, const char *path, const char *sha256, long long size)
{
    struct arena a cleanup_arena = ARENA_INIT;
    const char *relative = listing_path_below(path, l->site_packages);
    relative = relative ? relative : arena_concat(&a, buf_cstr(&l->up), path);
    record_write(&l->bytes, &(struct record_entry){relative, sha256 ? "sha256" : NULL, sha256, size});
}

int listing_add_bytes(struct listing *l, const char *path, struct text bytes, struct err *err)
{
    char digest[HASHER_SHA256_BASE64];
    if (hasher_begin(l->hasher, NULL, err) < 0 || hasher_add(l->hasher, bytes, err) < 0 ||
        hasher_end(l->hasher, digest, NULL, err) < 0)
        return -1;
    listing_add(l, path, digest, (long long)bytes.len);
    return 0;
}
