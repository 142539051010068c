/* SPDX-License-Identifier: Apache-2.0 */
/* Where a wheel's metadata comes from: the cache, a file beside it (PEP 658), its end, or the whole of it. */
#include "base/crypto.h"
#include "base/digest.h"
#include "base/fs.h"
#include "base/log.h"
#include "index/index_private.h"

#include <errno.h>

enum { METADATA_LIMIT = 16 << 20 };

static const char *kept_path(struct index *ix, struct arena *a, const struct index_file *file)
{
    if (!ix->settings.cache_dir || !file->sha256)
        return NULL;
    return arena_printf(a, "%s/metadata/%s.metadata", ix->settings.cache_dir, file->sha256);
}

static void ask_beside(struct index *ix, struct entry *e)
{
    struct http_options options = {.limit = METADATA_LIMIT, .fd = -1, .compressed = true};
    struct arena scratch cleanup_arena = ARENA_INIT;
    e->step = STEP_BESIDE;
    e->request = http_start(ix->http, url_with_suffix(&scratch, e->file.url, ".metadata"), &options);
}

static void ask_tail(struct index *ix, struct entry *e)
{
    /* A server that does no ranges sends the whole: that is taken where it is hardly larger. */
    struct http_options options = {.limit = 256 * 1024, .fd = -1};
    options.range = tail_range(ix->a, e->file.size);
    e->step = STEP_TAIL;
    e->request = http_start(ix->http, e->file.url, &options);
}

static void ask_origin(struct index *ix, struct entry *e)
{
    if (url_is_file(text_of(e->file.url)))
        e->step = STEP_LOCAL;
    else if (e->file.has_metadata)
        ask_beside(ix, e);
    else
        ask_tail(ix, e);
}

/* Chooses the first source that there may be, and asks it. */
static void begin(struct index *ix, struct entry *e)
{
    struct arena scratch cleanup_arena = ARENA_INIT;
    if (e->step != STEP_NONE)
        return;
    const char *kept = kept_path(ix, &scratch, &e->file);
    if (kept && access(kept, R_OK) == 0)
        e->step = STEP_KEPT;
    else if (e->file.is_source)
        e->step = STEP_UNKNOWN;
    else
        ask_origin(ix, e);
}

void index_prefetch_metadata(struct index *ix, const struct index_file *file)
{
    struct entry *e = entry_of(file);
    if (e->metadata || e->err.text)
        return;
    begin(ix, e);
    http_poll(ix->http);
}

bool index_metadata_has_come(const struct index_file *file)
{
    const struct entry *e = entry_of(file);
    return !e->request || http_done(e->request);
}

/* libcrypto has the CPU's instructions for it, and metadata with a long description is large. */
static int sha256_of(const struct index_file *file, struct text bytes, char hex[DIGEST_HEX], struct err *err)
{
    unsigned char raw[DIGEST_SIZE];
    if (EVP_Digest(bytes.ptr, bytes.len, raw, NULL, crypto_digest("sha256"), NULL) != 1)
        return err_set(err, ERR_SYSTEM, "libcrypto cannot compute the digest of the metadata of %s",
                       file->name);
    hex_encode(raw, sizeof raw, hex);
    return 0;
}

/* `wanted`: the SHA-256 that the page announces, NULL where there is none. */
static int parse(struct index *ix, struct entry *e, struct text bytes, const char *wanted, struct err *err)
{
    const struct index_file *file = &e->file;
    struct metadata *m = arena_new(ix->a, struct metadata);
    cleanup_free char *what = xasprintf("the metadata of %s", file->name);
    if (index_memory_check(ix, what, err) < 0)
        return -1;
    if (sha256_of(file, bytes, e->metadata_sha256, err) < 0)
        return -1;
    if (wanted && strcmp(wanted, e->metadata_sha256) != 0)
        return err_set(
            err, ERR_INPUT,
            "the metadata of %s has the sha256 %s, but %s announces %s; it was changed on the way or on the "
            "server",
            file->name, e->metadata_sha256, file->index_url, wanted);
    size_t before = ix->a->used;
    int result = metadata_parse(ix->a, bytes, m, err);
    ix->held += ix->a->used - before;
    if (result < 0)
        return err_wrap(err, "the metadata of %s", file->name);
    if (strcmp(m->normalized, file->wheel.name) != 0 || version_cmp(&m->version, &file->wheel.version) != 0)
        return err_set(err, ERR_INPUT, "the metadata of %s says that it is %s %s", file->name, m->name,
                       m->version.text);
    for (size_t i = 0; i < m->warning_count; i++)
        log_debug("%s: %s", file->name, m->warnings[i]);
    e->metadata = m;
    return 0;
}

static void keep(struct index *ix, const struct index_file *file, struct text bytes)
{
    struct arena scratch cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    const char *path = kept_path(ix, &scratch, file);
    if (path && (fs_mkdirs(path_join(&scratch, ix->settings.cache_dir, "metadata"), &err) < 0 ||
                 fs_write(AT_FDCWD, path, bytes, 0644, false, &err) < 0))
        log_debug("the metadata of %s is not kept: %s", file->name, err.text);
}

/* 1 when what is kept is of no use. */
static int from_cache(struct index *ix, struct entry *e)
{
    struct arena scratch cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct buf bytes cleanup_buf = BUF_INIT;
    const char *path = kept_path(ix, &scratch, &e->file);
    if (fs_read(AT_FDCWD, path, METADATA_LIMIT, &bytes, &err) == 0 &&
        parse(ix, e, buf_view(&bytes), e->file.metadata_hash, &err) == 0)
        return 0;
    log_debug("%s is passed over: %s", path, err.text);
    return 1;
}

/* 1 when the server has none, although its page says so. */
static int from_beside(struct index *ix, struct entry *e, struct err *err)
{
    const struct http_response *response;
    if (http_finish(ix->http, e->request, &response, err) < 0)
        return -1;
    struct text body = buf_view(&response->body);
    if (response->status != 200) {
        log_debug("%s has no metadata beside it (%ld)", e->file.name, response->status);
        return 1;
    }
    if (parse(ix, e, body, e->file.metadata_hash, err) < 0)
        return -1;
    keep(ix, &e->file, body);
    return 0;
}

static long long fd_read(void *ctx, long long offset, char *to, size_t len, struct err *err)
{
    ssize_t n;
    do
        n = pread(*(int *)ctx, to, len, offset);
    while (n < 0 && errno == EINTR);
    return n < 0 ? err_sys(err, errno, "cannot be read") : n;
}

static int from_fd(struct index *ix, struct entry *e, int fd, struct err *err)
{
    struct stat st;
    struct buf bytes cleanup_buf = BUF_INIT;
    if (fstat(fd, &st) < 0)
        return err_sys(err, errno, "cannot read %s", e->file.name);
    struct archive archive = {st.st_size, fd_read, &fd};
    if (archive_metadata(&archive, &e->file, &bytes, err) < 0 ||
        parse(ix, e, buf_view(&bytes), NULL, err) < 0)
        return -1;
    keep(ix, &e->file, buf_view(&bytes));
    return 0;
}

static int from_local(struct index *ix, struct entry *e, struct err *err)
{
    struct arena scratch cleanup_arena = ARENA_INIT;
    const char *path = url_to_path(&scratch, e->file.url);
    if (!path)
        return err_set(err, ERR_INPUT, "%s names no file of this machine", e->file.url);
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return err_set(err, ERR_INPUT, "%s is not there", path);
    if (fd < 0)
        return err_sys(err, errno, "cannot open %s", path);
    return from_fd(ix, e, fd, err);
}

/* 1 when the whole wheel has to be fetched. */
static int from_tail(struct index *ix, struct entry *e, struct err *err)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    struct err why cleanup_err = ERR_INIT;
    bool unsupported;
    if (tail_metadata(ix, e, &bytes, &unsupported, &why) < 0) {
        if (!unsupported)
            return err_move(err, &why);
        log_debug("%s cannot be read by range%s%s", e->file.name, why.text ? ": " : "",
                  why.text ? why.text : "");
        return 1;
    }
    if (parse(ix, e, buf_view(&bytes), NULL, err) < 0)
        return -1;
    keep(ix, &e->file, buf_view(&bytes));
    return 0;
}

/* The wheel without a name in the cache or the folder for temporary files; kept open, so that the download
 * that will follow has it already. */
static int temporary_file(struct index *ix, struct err *err)
{
    const char *tmp = getenv("TMPDIR"), *dirs[] = {ix->settings.cache_dir, tmp && *tmp ? tmp : "/tmp"};
    int sysno = ENOENT;
    for (size_t i = 0; i < 2; i++) {
        int fd = dirs[i] ? open(dirs[i], O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) : -1;
        if (fd >= 0)
            return fd;
        sysno = dirs[i] ? errno : sysno;
    }
    return err_sys(err, sysno, "cannot make a temporary file in %s", dirs[1]);
}

static int from_whole(struct index *ix, struct entry *e, struct err *err)
{
    char sha256[DIGEST_HEX];
    cleanup_close int fd = temporary_file(ix, err);
    if (fd < 0 || index_download_finish(ix, index_download_start(ix, &e->file, fd, 0), sha256, err) < 0)
        return -1;
    if (from_fd(ix, e, fd, err) < 0)
        return -1;
    e->whole = steal_fd(&fd);
    return 0;
}

static void drop_request(struct index *ix, struct entry *e)
{
    http_release(ix->http, e->request);
    e->request = NULL;
}

static int find(struct index *ix, struct entry *e, struct err *err)
{
    int result = 1;
    begin(ix, e);
    if (e->step == STEP_KEPT) {
        result = from_cache(ix, e);
        if (result > 0 && e->file.is_source)
            e->step = STEP_UNKNOWN;
        else if (result > 0)
            ask_origin(ix, e);
    }
    if (e->step == STEP_UNKNOWN)
        return 1;
    if (result > 0 && e->step == STEP_LOCAL)
        return from_local(ix, e, err);
    if (result > 0 && e->step == STEP_BESIDE) {
        result = from_beside(ix, e, err);
        drop_request(ix, e);
        if (result > 0)
            ask_tail(ix, e);
    }
    if (result > 0 && e->step == STEP_TAIL) {
        result = from_tail(ix, e, err);
        drop_request(ix, e);
    }
    return result > 0 ? from_whole(ix, e, err) : result;
}

int index_metadata(struct index *ix, const struct index_file *file, const struct metadata **out,
                   struct err *err)
{
    struct entry *e = entry_of(file);
    *out = NULL;
    if (!e->metadata && !e->err.text)
        find(ix, e, &e->err);
    page_fetch_absorb_done(ix);
    if (!e->metadata && !e->err.text)
        return err_set(err, ERR_NOT_FOUND, "nothing is known of %s yet", file->name);
    if (!e->metadata)
        return err_set(err, e->err.kind, "%s", e->err.text);
    *out = e->metadata;
    return 0;
}

int index_metadata_tell(struct index *ix, const struct index_file *file, struct text bytes, struct err *err)
{
    struct entry *e = entry_of(file);
    if (e->metadata)
        return 0;
    if (parse(ix, e, bytes, NULL, err) < 0)
        return -1;
    keep(ix, file, bytes);
    return 0;
}

static int archive_start(struct index *ix, struct entry *e, struct err *err)
{
    if (e->whole || e->coming)
        return 0;
    int fd = temporary_file(ix, err);
    if (fd < 0)
        return -1;
    e->coming_to = fd;
    e->coming = index_download_start(ix, &e->file, fd, 0);
    return 0;
}

void index_prefetch_archive(struct index *ix, const struct index_file *file)
{
    (void)!archive_start(ix, entry_of(file), NULL);
}

void archive_stop(struct index *ix, struct entry *e)
{
    if (!e->coming)
        return;
    index_download_stop(ix, steal_ptr(&e->coming));
    close(e->coming_to);
}

int index_archive(struct index *ix, const struct index_file *file, int *fd, char sha256[65], struct err *err)
{
    struct entry *e = entry_of(file);
    if (archive_start(ix, e, err) < 0)
        return -1;
    if (e->coming) {
        cleanup_close int own = e->coming_to;
        if (index_download_finish(ix, steal_ptr(&e->coming), e->archive, err) < 0)
            return -1;
        e->whole = steal_fd(&own);
    }
    memcpy(sha256, e->archive, sizeof e->archive);
    *fd = e->whole;
    return 0;
}

const char *index_metadata_sha256(const struct index_file *file)
{
    const struct entry *e = entry_of(file);
    return e->metadata ? e->metadata_sha256 : NULL;
}
