/* SPDX-License-Identifier: Apache-2.0 */
/* Files themselves, hashed while they come. */
#include "base/digest.h"
#include "base/fs.h"
#include "index/index_private.h"

#include <errno.h>
#include <openssl/evp.h>

struct index_download {
    struct entry *entry;
    struct http_request *request;   /* NULL: copied from what is here already */
    EVP_MD_CTX *sha256, *strongest; /* strongest: NULL where the page gives nothing but sha256, or nothing */
    int fd;
    struct err err;
};

static const EVP_MD *algorithm(const char *name)
{
    return strcmp(name, "sha512") == 0   ? EVP_sha512()
           : strcmp(name, "sha384") == 0 ? EVP_sha384()
           : strcmp(name, "sha256") == 0 ? EVP_sha256()
           : strcmp(name, "sha224") == 0 ? EVP_sha224()
           : strcmp(name, "sha1") == 0   ? EVP_sha1()
                                         : EVP_md5();
}

static void restart(struct index_download *d)
{
    const struct index_file *f = &d->entry->file;
    bool good = EVP_DigestInit_ex(d->sha256, EVP_sha256(), NULL) == 1;
    if (d->strongest)
        good = good && EVP_DigestInit_ex(d->strongest, algorithm(f->hash_algorithm), NULL) == 1;
    if (!good)
        err_set(&d->err, ERR_SYSTEM, "libcrypto cannot compute %s here",
                d->strongest ? f->hash_algorithm : "sha256");
}

static void take(void *ctx, struct text bytes, bool again)
{
    struct index_download *d = ctx;
    if (again)
        restart(d);
    EVP_DigestUpdate(d->sha256, bytes.ptr, bytes.len);
    if (d->strongest)
        EVP_DigestUpdate(d->strongest, bytes.ptr, bytes.len);
}

static void copy_kept(struct index_download *d)
{
    char chunk[65536];
    off_t at = 0;
    for (;;) {
        ssize_t n = pread(d->entry->whole, chunk, sizeof chunk, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            err_sys(&d->err, errno, "cannot read %s again", d->entry->file.name);
        if (n <= 0)
            return;
        struct text bytes = {chunk, (size_t)n};
        if (fs_write_fd(d->fd, bytes, d->entry->file.name, &d->err) < 0)
            return;
        take(d, bytes, false);
        at += n;
    }
}

struct index_download *index_download_start(struct index *ix, const struct index_file *file, int fd)
{
    struct index_download *d = xcalloc(1, sizeof *d);
    d->entry = entry_of(file);
    d->fd = fd;
    d->sha256 = EVP_MD_CTX_new();
    if (file->hash && strcmp(file->hash_algorithm, "sha256") != 0)
        d->strongest = EVP_MD_CTX_new();
    restart(d);
    if (d->entry->whole && d->entry->whole != fd) {
        copy_kept(d);
        return d;
    }
    struct http_options options = {.fd = fd, .sink = take, .sink_ctx = d};
    d->request = http_start(ix->http, file->url, &options);
    http_poll(ix->http);
    return d;
}

bool index_download_done(const struct index_download *d)
{
    return !d->request || http_done(d->request);
}

static int check(const struct index_download *d, const char *algorithm_name, const char *wanted,
                 const char *got, struct err *err)
{
    const struct index_file *f = &d->entry->file;
    if (!wanted || strcmp(wanted, got) == 0)
        return 0;
    return err_set(
        err, ERR_INPUT,
        "%s came with the %s %s, but %s announces %s; it was changed on the way or on the server, and "
        "is not used",
        f->name, algorithm_name, got, f->index_url, wanted);
}

static void finish_hex(EVP_MD_CTX *ctx, char hex[2 * EVP_MAX_MD_SIZE + 1])
{
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    EVP_DigestFinal_ex(ctx, raw, &n);
    hex_encode(raw, n, hex);
}

static int finish(struct index *ix, struct index_download *d, char sha256[65], struct err *err)
{
    const struct index_file *f = &d->entry->file;
    const struct http_response *response = NULL;
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    if (d->request && http_finish(ix->http, d->request, &response, err) < 0)
        return -1;
    if (d->err.text)
        return err_move(err, &d->err);
    if (response && response->status != 200)
        return err_set(err, ERR_INPUT, "%s is not there (%ld), although %s lists it", f->name,
                       response->status, f->index_url);
    finish_hex(d->sha256, hex);
    memcpy(sha256, hex, 65);
    if (check(d, "sha256", f->sha256, sha256, err) < 0)
        return -1;
    if (!d->strongest)
        return 0;
    finish_hex(d->strongest, hex);
    return check(d, f->hash_algorithm, f->hash, hex, err);
}

int index_download_finish(struct index *ix, struct index_download *d, char sha256[65], struct err *err)
{
    int result = finish(ix, d, sha256, err);
    http_release(ix->http, d->request);
    EVP_MD_CTX_free(d->sha256);
    EVP_MD_CTX_free(d->strongest);
    err_clear(&d->err);
    free(d);
    page_fetch_absorb_done(ix);
    return result;
}
