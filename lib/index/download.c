/* SPDX-License-Identifier: Apache-2.0 */
/* Files themselves, hashed while they come. */
#include "base/crypto.h"
#include "base/digest.h"
#include "base/fs.h"
#include "index/index_private.h"

#include <errno.h>

/* What is longer than its page or lock says by less than this is told by its digest, or by who knows the
 * lock. */
enum { SIZE_SLACK = 1 << 20 };

/* Several times as large as the largest wheels there are. */
static const long long LARGEST = 16LL << 30;

struct index_download {
    struct entry *entry;
    struct http_request *request; /* NULL: copied from what is here already */
    EVP_MD_CTX *strong[HASH_ALGORITHMS];
    EVP_MD_CTX *weak; /* where the page gives nothing but a sha224, sha1 or md5 */
    int fd;
    struct err err;
};

static const EVP_MD *strong_algorithm(enum hash_algorithm algorithm)
{
    return crypto_digest(hash_name(algorithm));
}

static void restart(struct index_download *d)
{
    bool good = true;
    for (unsigned i = 0; i < HASH_ALGORITHMS; i++)
        if (d->strong[i])
            good = good && EVP_DigestInit_ex(d->strong[i], strong_algorithm(i), NULL) == 1;
    if (d->weak)
        good = good && EVP_DigestInit_ex(d->weak, crypto_digest(d->entry->file.hash_algorithm), NULL) == 1;
    if (!good)
        err_set(&d->err, ERR_SYSTEM, "libcrypto cannot compute the digests of %s here", d->entry->file.name);
}

static void take(void *ctx, struct text bytes, bool again)
{
    struct index_download *d = ctx;
    if (again)
        restart(d);
    for (unsigned i = 0; i < HASH_ALGORITHMS; i++)
        if (d->strong[i])
            EVP_DigestUpdate(d->strong[i], bytes.ptr, bytes.len);
    if (d->weak)
        EVP_DigestUpdate(d->weak, bytes.ptr, bytes.len);
}

/* sha256 always, which the cache goes by; what the page announces; and what is wanted. */
static void choose_digests(struct index_download *d)
{
    const struct index_file *f = &d->entry->file;
    unsigned wanted = d->entry->wanted_digests | 1U << HASH_SHA256;
    enum hash_algorithm announced;
    if (f->hash && hash_algorithm_parse(text_of(f->hash_algorithm), &announced))
        wanted |= 1U << announced;
    else if (f->hash)
        d->weak = EVP_MD_CTX_new();
    for (unsigned i = 0; i < HASH_ALGORITHMS; i++)
        if (wanted & 1U << i)
            d->strong[i] = EVP_MD_CTX_new();
}

/* Hashes what stands in `from` at `at`, and writes it to d->fd where it is not there yet. */
static void take_from(struct index_download *d, int from, off_t at, bool copy)
{
    char chunk[65536];
    for (;;) {
        ssize_t n = pread(from, chunk, sizeof chunk, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            err_sys(&d->err, errno, "cannot read %s again", d->entry->file.name);
        if (n <= 0)
            return;
        struct text bytes = {chunk, (size_t)n};
        if (copy && fs_write_fd(d->fd, bytes, d->entry->file.name, &d->err) < 0)
            return;
        take(d, bytes, false);
        at += n;
    }
}

/* Where fd stands before the first of the `have` bytes; with `drop` they go. */
static off_t begin_of(struct index_download *d, long long have, bool drop)
{
    off_t begin = lseek(d->fd, 0, SEEK_CUR) - (off_t)have;
    if (drop && have && (ftruncate(d->fd, begin) < 0 || lseek(d->fd, begin, SEEK_SET) < 0))
        err_sys(&d->err, errno, "cannot begin the download of %s anew", d->entry->file.name);
    return begin;
}

struct index_download *index_download_start(struct index *ix, const struct index_file *file, int fd,
                                            long long have)
{
    struct index_download *d = xcalloc(1, sizeof *d);
    d->entry = entry_of(file);
    d->fd = fd;
    choose_digests(d);
    restart(d);
    bool kept = d->entry->whole && d->entry->whole != fd,
         drop = kept || (file->size >= 0 && have > file->size);
    off_t begin = begin_of(d, have, drop);
    if (drop)
        have = 0;
    if (kept)
        take_from(d, d->entry->whole, 0, true);
    else if (have)
        take_from(d, fd, begin, false);
    if (kept || d->err.text || (have && have == file->size))
        return d;
    if (file->size > LARGEST) {
        err_set(&d->err, ERR_INPUT, "%s is to be %s large, which is more than can be right", file->name,
                text_size((unsigned long long)file->size).s);
        return d;
    }
    struct http_options options = {.fd = fd, .have = (unsigned long long)have, .sink = take, .sink_ctx = d};
    options.limit = (size_t)(file->size >= 0 ? file->size + SIZE_SLACK : LARGEST);
    options.expected = file->size >= 0 ? (unsigned long long)file->size : 0;
    d->request = http_start(ix->http, file->url, &options);
    http_poll(ix->http);
    return d;
}

bool index_download_done(const struct index_download *d)
{
    return !d->request || http_done(d->request);
}

long long index_download_got(const struct index_download *d)
{
    return d->request ? (long long)http_got(d->request) : 0;
}

static const char *announced_digest(const struct index_file *file, enum hash_algorithm algorithm)
{
    if (algorithm == HASH_SHA256 && file->sha256)
        return file->sha256;
    return file->hash && strcmp(file->hash_algorithm, hash_name(algorithm)) == 0 ? file->hash : NULL;
}

const char *index_file_digest(const struct index_file *file, enum hash_algorithm algorithm)
{
    const char *computed = entry_of(file)->digests[algorithm];
    return computed ? computed : announced_digest(file, algorithm);
}

enum hashes_verdict index_file_judge(const struct index_file *file, const struct hashes *allowed)
{
    unsigned unknown = hashes_algorithms(allowed);
    for (unsigned i = 0; i < HASH_ALGORITHMS; i++) {
        const char *hex = index_file_digest(file, i);
        if (hex && hashes_have(allowed, i, hex))
            return HASHES_ALLOW;
        if (hex)
            unknown &= ~(1U << i);
    }
    return unknown ? HASHES_UNKNOWN : HASHES_REFUSE;
}

bool index_file_proves(const struct index_file *file, const struct hashes *allowed)
{
    const char *sha256 = index_file_digest(file, HASH_SHA256);
    if (sha256 && hashes_have(allowed, HASH_SHA256, sha256))
        return true;
    for (unsigned i = 0; i < HASH_ALGORITHMS; i++) {
        const char *computed = entry_of(file)->digests[i];
        if (computed && hashes_have(allowed, i, computed))
            return true;
    }
    return false;
}

void index_file_want(const struct index_file *file, unsigned algorithms)
{
    entry_of(file)->wanted_digests |= algorithms;
}

bool index_file_is_known(const struct index_file *file)
{
    for (unsigned i = 0; i < HASH_ALGORITHMS; i++)
        if (entry_of(file)->wanted_digests & 1U << i && !index_file_digest(file, i))
            return false;
    return true;
}

static int check(struct index *ix, const struct index_download *d, const char *algorithm_name,
                 const char *wanted, const char *got, struct err *err)
{
    const struct index_file *f = &d->entry->file;
    if (!wanted || strcmp(wanted, got) == 0)
        return 0;
    const char *local = url_is_network(text_of(f->url)) ? NULL : url_to_path(ix->a, f->url);
    return err_set(err, ERR_INPUT,
                   "%s came with the %s %s, but %s announces %s; %s%s was changed%s, and is not used",
                   f->name, algorithm_name, got, f->index_url, wanted, local ? "the file " : "it",
                   local ? local : "", local ? "" : " on the way or on the server");
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
    if (response && response->status != 200 && strcmp(f->source, "url") == 0)
        return err_set(err, ERR_INPUT, "there is no %s (%ld)", f->index_url, response->status);
    if (response && response->status != 200 && !url_is_network(text_of(f->url)))
        return err_set(err, ERR_INPUT, "there is no file %s, although %s lists it",
                       url_to_path(ix->a, f->url), f->index_url);
    if (response && response->status != 200)
        return err_set(err, ERR_INPUT, "%s is not there (%ld), although %s lists it", f->name,
                       response->status, f->index_url);
    if (d->weak) {
        finish_hex(d->weak, hex);
        if (check(ix, d, f->hash_algorithm, f->hash, hex, err) < 0)
            return -1;
    }
    for (unsigned i = 0; i < HASH_ALGORITHMS; i++) {
        const char *announced = announced_digest(f, i);
        if (!d->strong[i])
            continue;
        finish_hex(d->strong[i], hex);
        if (check(ix, d, hash_name(i), announced, hex, err) < 0)
            return -1;
        d->entry->digests[i] = arena_strdup(ix->a, hex);
    }
    memcpy(sha256, d->entry->digests[HASH_SHA256], DIGEST_HEX);
    return 0;
}

void index_download_stop(struct index *ix, struct index_download *d)
{
    http_release(ix->http, d->request);
    for (unsigned i = 0; i < HASH_ALGORITHMS; i++)
        EVP_MD_CTX_free(d->strong[i]);
    EVP_MD_CTX_free(d->weak);
    err_clear(&d->err);
    free(d);
}

int index_download_finish(struct index *ix, struct index_download *d, char sha256[65], struct err *err)
{
    int result = finish(ix, d, sha256, err);
    index_download_stop(ix, d);
    page_fetch_absorb_done(ix);
    return result;
}
