/* SPDX-License-Identifier: Apache-2.0 */
#include "index/page_files.h"

#include <stdint.h>

const struct page_algorithm page_algorithms[PAGE_ALGORITHMS] = {
    {"sha512", 128}, {"sha384", 96}, {"sha256", 64}, {"sha224", 56}, {"sha1", 40}, {"md5", 32}};

enum {
    HAS_SIZE = 1,
    HAS_NAME = 2,   /* else it is what the URL ends with, as it mostly is */
    HAS_SHA256 = 4, /* beside a stronger digest */
    HAS_PYTHON = 8,
    IS_YANKED = 16,
    HAS_REASON = 32,
    HAS_METADATA = 64,
    HAS_METADATA_HASH = 128,
    SHA256 = 2,      /* in page_algorithms */
    NO_DIGEST = 255, /* in place of an index into them */
};

bool page_file_name_is_good(const char *name)
{
    if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strpbrk(name, "/\\\177"))
        return false;
    while ((unsigned char)*name >= ' ')
        name++;
    return *name == 0;
}

/* What stands behind the last slash, NULL where that is another name. */
static const char *name_in(const char *url, const char *name)
{
    size_t all = strlen(url), len = strlen(name);
    const char *end = all > len ? url + all - len : NULL;
    return end && end[-1] == '/' && strcmp(end, name) == 0 ? end : NULL;
}

static unsigned char algorithm_of(const struct index_file *file)
{
    unsigned char at = 0;
    if (!file->hash)
        return NO_DIGEST;
    while (at < PAGE_ALGORITHMS && strcmp(page_algorithms[at].name, file->hash_algorithm) != 0)
        at++;
    return at < PAGE_ALGORITHMS ? at : NO_DIGEST;
}

static void add_string(struct buf *to, const char *s)
{
    buf_add(to, s, strlen(s) + 1);
}

void page_files_add(struct buf *to, const struct index_file *file)
{
    unsigned char algorithm = algorithm_of(file);
    bool sha256 = file->sha256 && algorithm < SHA256;
    unsigned flags = (file->size >= 0 ? HAS_SIZE : 0) | (name_in(file->url, file->name) ? 0 : HAS_NAME) |
                     (sha256 ? HAS_SHA256 : 0) | (file->requires_python ? HAS_PYTHON : 0) |
                     (file->yanked ? IS_YANKED : 0) | (file->yanked_reason ? HAS_REASON : 0) |
                     (file->has_metadata ? HAS_METADATA : 0) | (file->metadata_hash ? HAS_METADATA_HASH : 0);
    buf_char(to, (char)flags);
    buf_char(to, (char)algorithm);
    if (flags & HAS_SIZE)
        for (unsigned shift = 0; shift < 64; shift += 8)
            buf_char(to, (char)(unsigned char)((unsigned long long)file->size >> shift));
    add_string(to, file->url);
    if (flags & HAS_NAME)
        add_string(to, file->name);
    if (algorithm != NO_DIGEST)
        add_string(to, file->hash);
    if (flags & HAS_SHA256)
        add_string(to, file->sha256);
    if (flags & HAS_PYTHON)
        add_string(to, file->requires_python);
    if (flags & HAS_REASON)
        add_string(to, file->yanked_reason);
    if (flags & HAS_METADATA_HASH)
        add_string(to, file->metadata_hash);
}

/* Each of the following is false, or NULL, where the bytes are not what they have to be. */

static const char *take_string(struct text *rest)
{
    const char *s = rest->ptr, *end = rest->len ? memchr(s, 0, rest->len) : NULL;
    if (!end)
        return NULL;
    *rest = text_from(*rest, (size_t)(end - s) + 1);
    return s;
}

static bool take_if(struct text *rest, bool there, const char **out)
{
    *out = there ? take_string(rest) : NULL;
    return !there || (*out && **out);
}

static bool take_digest(struct text *rest, bool there, size_t digits, const char **out)
{
    if (!take_if(rest, there, out))
        return false;
    return !there || (strlen(*out) == digits && strspn(*out, "0123456789abcdef") == digits);
}

static bool take_size(struct text *rest, bool there, long long *out)
{
    unsigned long long size = 0;
    *out = -1;
    if (!there)
        return true;
    if (rest->len < 8)
        return false;
    for (unsigned i = 0; i < 8; i++)
        size |= (unsigned long long)(unsigned char)rest->ptr[i] << (8 * i);
    *rest = text_from(*rest, 8);
    *out = (long long)size;
    return *out >= 0;
}

static bool take_url(struct text *rest, const char **out)
{
    *out = take_string(rest);
    for (const char *c = *out; c && *c; c++)
        if ((unsigned char)*c <= ' ' || *c == '\177' || *c == '#')
            return false;
    return *out && **out;
}

static bool take_name(struct text *rest, bool there, struct index_file *out)
{
    if (!take_if(rest, there, &out->name))
        return false;
    const char *slash = strrchr(out->url, '/');
    if (!there)
        out->name = slash ? slash + 1 : out->url;
    return page_file_name_is_good(out->name);
}

int page_files_next(struct text *rest, struct index_file *out, struct err *err)
{
    *out = (struct index_file){0};
    if (rest->len == 0)
        return 0;
    unsigned flags = (unsigned char)rest->ptr[0];
    unsigned algorithm = rest->len > 1 ? (unsigned char)rest->ptr[1] : PAGE_ALGORITHMS;
    bool digest = algorithm != NO_DIGEST;
    *rest = text_from(*rest, 2);
    out->yanked = flags & IS_YANKED;
    out->has_metadata = flags & HAS_METADATA;
    if ((digest && algorithm >= PAGE_ALGORITHMS) || ((flags & HAS_SHA256) && algorithm >= SHA256) ||
        !take_size(rest, flags & HAS_SIZE, &out->size) || !take_url(rest, &out->url) ||
        !take_name(rest, flags & HAS_NAME, out) ||
        !take_digest(rest, digest, digest ? page_algorithms[algorithm].digits : 0, &out->hash) ||
        !take_digest(rest, flags & HAS_SHA256, 64, &out->sha256) ||
        !take_if(rest, flags & HAS_PYTHON, &out->requires_python) ||
        !take_if(rest, flags & HAS_REASON, &out->yanked_reason) ||
        !take_digest(rest, flags & HAS_METADATA_HASH, 64, &out->metadata_hash))
        return err_set(err, ERR_INPUT, "what is kept of the page is damaged");
    out->hash_algorithm = digest ? page_algorithms[algorithm].name : NULL;
    if (algorithm == SHA256)
        out->sha256 = out->hash;
    return 1;
}
