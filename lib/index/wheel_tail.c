/* SPDX-License-Identifier: Apache-2.0 */
/*
 * METADATA out of a wheel that is read piecemeal: libzip asks for bytes here and there, and what is not at
 * hand yet is fetched by range. Wheels keep their dist-info last, beside the central directory, so the first
 * piece is usually enough.
 */
#include "base/array.h"
#include "index/index_private.h"
#include "python/name.h"

#include <zip.h>

enum {
    TAIL = 67584,      /* the first piece: the wheel's end, as much as libzip reads to find the directory */
    PIECE = 32 * 1024, /* further ones */
    METADATA_LIMIT = 16 << 20, /* unpacked */
    READ_LIMIT = 64 << 20,     /* of the archive, headers and all */
};

struct reader {
    const struct archive *archive;
    long long at;
    unsigned long long total;
    zip_error_t error;
    struct err err; /* why reading failed */
};

static zip_int64_t reader_read(struct reader *r, void *to, zip_uint64_t len)
{
    if (r->at >= r->archive->size)
        return 0;
    if (len > (zip_uint64_t)(r->archive->size - r->at))
        len = (zip_uint64_t)(r->archive->size - r->at);
    r->total += len;
    long long n = -1;
    if (r->total > READ_LIMIT)
        err_set(&r->err, ERR_INPUT, "its headers are larger than can be right");
    else
        n = r->archive->read_at(r->archive->ctx, r->at, to, len, &r->err);
    if (n < 0)
        zip_error_set(&r->error, ZIP_ER_READ, 0);
    else
        r->at += n;
    return n;
}

static zip_int64_t reader_call(void *ctx, void *data, zip_uint64_t len, zip_source_cmd_t command)
{
    struct reader *r = ctx;
    switch (command) {
    case ZIP_SOURCE_SUPPORTS:
        return zip_source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE,
                                              ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE,
                                              ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL, -1);
    case ZIP_SOURCE_OPEN:
        r->at = 0;
        return 0;
    case ZIP_SOURCE_READ:
        return reader_read(r, data, len);
    case ZIP_SOURCE_SEEK: {
        zip_int64_t to = zip_source_seek_compute_offset((zip_uint64_t)r->at, (zip_uint64_t)r->archive->size,
                                                        data, len, &r->error);
        if (to < 0)
            return -1;
        r->at = to;
        return 0;
    }
    case ZIP_SOURCE_TELL:
        return r->at;
    case ZIP_SOURCE_STAT: {
        zip_stat_t *st = ZIP_SOURCE_GET_ARGS(zip_stat_t, data, len, &r->error);
        if (!st)
            return -1;
        zip_stat_init(st);
        st->size = (zip_uint64_t)r->archive->size;
        st->valid |= ZIP_STAT_SIZE;
        return sizeof *st;
    }
    case ZIP_SOURCE_ERROR:
        return zip_error_to_data(&r->error, data, len);
    default:
        return 0;
    }
}

/* "NAME-VERSION.dist-info/METADATA" of this wheel. */
static bool is_metadata_of(const char *path, const struct wheel_name *wheel)
{
    static const struct text end = {".dist-info/METADATA", 19};
    struct text t = text_of(path);
    if (!text_ends(t, end) || text_find(t, '/') != t.len - 9)
        return false;
    struct arena scratch cleanup_arena = ARENA_INIT;
    struct text stem = text_first(t, t.len - end.len);
    size_t dash = text_find(stem, '-');
    struct version version;
    return dash < stem.len && strcmp(name_normalize(&scratch, text_first(stem, dash)), wheel->name) == 0 &&
           version_parse(&scratch, text_from(stem, dash + 1), &version, NULL) == 0 &&
           version_cmp(&version, &wheel->version) == 0;
}

static int find_metadata(zip_t *zip, const struct index_file *file, zip_uint64_t *index, struct err *err)
{
    zip_int64_t count = zip_get_num_entries(zip, 0), found = -1;
    for (zip_int64_t i = 0; i < count; i++) {
        const char *path = zip_get_name(zip, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
        if (!path || !is_metadata_of(path, &file->wheel))
            continue;
        if (found >= 0)
            return err_set(err, ERR_INPUT, "the wheel %s holds its METADATA twice", file->name);
        found = i;
    }
    if (found < 0)
        return err_set(err, ERR_INPUT, "the wheel %s has no .dist-info/METADATA of its own name and version",
                       file->name);
    *index = (zip_uint64_t)found;
    return 0;
}

static int extract(zip_t *zip, zip_uint64_t index, const struct index_file *file, struct buf *out,
                   struct err *err)
{
    zip_file_t *entry = zip_fopen_index(zip, index, 0);
    zip_int64_t n = entry ? 1 : -1;
    while (n > 0) {
        char *to = buf_reserve(out, 16384);
        n = zip_fread(entry, to, 16384);
        if (n > 0) {
            out->len += (size_t)n;
            out->ptr[out->len] = 0;
        }
        if (out->len > METADATA_LIMIT)
            break;
    }
    if (entry)
        zip_fclose(entry);
    if (n < 0)
        return err_set(err, ERR_INPUT, "METADATA in the wheel %s cannot be unpacked; the archive is damaged",
                       file->name);
    return n == 0 ? 0
                  : err_set(err, ERR_INPUT, "METADATA in the wheel %s is larger than %s", file->name,
                            text_size(METADATA_LIMIT).s);
}

int archive_metadata(const struct archive *archive, const struct index_file *file, struct buf *out,
                     struct err *err)
{
    struct reader r = {.archive = archive};
    zip_error_t why;
    zip_error_init(&why);
    zip_error_init(&r.error);
    zip_source_t *source = zip_source_function_create(reader_call, &r, &why);
    zip_t *zip = source ? zip_open_from_source(source, ZIP_RDONLY, &why) : NULL;
    int result = -1;
    zip_uint64_t index = 0;
    if (zip) {
        result = find_metadata(zip, file, &index, err) < 0 ? -1 : extract(zip, index, file, out, err);
        zip_discard(zip);
    } else {
        err_set(err, ERR_INPUT, "the wheel %s is no zip archive (%s)", file->name, zip_error_strerror(&why));
        if (source)
            zip_source_free(source);
    }
    if (result < 0 && r.err.text) {
        err_move(err, &r.err);
        err_wrap(err, "the wheel %s", file->name);
    }
    err_clear(&r.err);
    zip_error_fini(&why);
    zip_error_fini(&r.error);
    return result;
}

struct piece {
    long long start;
    struct buf bytes;
};

struct pieces {
    struct index *ix;
    struct entry *e;
    struct ARRAY(struct piece) list;
};

const char *tail_range(struct arena *a, long long size)
{
    if (size < 0)
        return arena_printf(a, "-%d", TAIL);
    return arena_printf(a, "%lld-%lld", size > TAIL ? size - TAIL : 0, size > 0 ? size - 1 : 0);
}

/* "bytes FIRST-LAST/TOTAL" */
static bool read_content_range(const char *header, long long *first, long long *total)
{
    struct text t = text_of(header);
    unsigned long long a, b, size;
    if (!text_starts(t, T("bytes ")))
        return false;
    t = text_trim(text_from(t, 6));
    size_t dash = text_find(t, '-'), slash = text_find(t, '/');
    if (dash > slash || !text_u64(text_first(t, dash), &a) ||
        !text_u64(text_first(text_from(t, dash + 1), slash - dash - 1), &b) ||
        !text_u64(text_from(t, slash + 1), &size) || b < a || b >= size || size > 1LL << 40)
        return false;
    *first = (long long)a;
    *total = (long long)size;
    return true;
}

/* Takes an answer's bytes over as a piece. */
static bool add_piece(struct pieces *p, struct http_request *request, const struct http_response *response,
                      long long *size)
{
    struct piece piece = {0};
    long long total;
    if (response->body.len == 0)
        return false;
    if (response->status == 200)
        total = (long long)response->body.len;
    else if (response->status != 206 || !read_content_range(response->content_range, &piece.start, &total))
        return false;
    if (*size >= 0 && total != *size)
        return false;
    *size = total;
    piece.bytes = http_take_body(request);
    array_push(&p->list, piece);
    return true;
}

static int fetch_piece(struct pieces *p, long long offset, size_t len, long long size, struct err *err)
{
    long long end = offset + (long long)(len > PIECE ? len : PIECE);
    char range[64];
    snprintf(range, sizeof range, "%lld-%lld", offset, (end < size ? end : size) - 1);
    struct http_options options = {.range = range, .limit = (size_t)(end - offset), .fd = -1};
    struct http_request *request = http_start(p->ix->http, p->e->file.url, &options);
    const struct http_response *response;
    int result = http_finish(p->ix->http, request, &response, err);
    if (result == 0 && !add_piece(p, request, response, &size))
        result = err_set(err, ERR_UNAVAILABLE, "%s answers a range request with something else",
                         p->e->file.index_url);
    http_release(p->ix->http, request);
    return result;
}

struct ranged {
    struct pieces pieces;
    long long size;
};

static long long ranged_read(void *ctx, long long offset, char *to, size_t len, struct err *err)
{
    struct ranged *r = ctx;
    for (int tries = 0; tries < 2; tries++) {
        array_each (&r->pieces.list, piece) {
            long long into = offset - piece->start;
            if (into < 0 || into >= (long long)piece->bytes.len)
                continue;
            size_t there = piece->bytes.len - (size_t)into, n = len < there ? len : there;
            memcpy(to, piece->bytes.ptr + into, n);
            return (long long)n;
        }
        if (tries == 0 && fetch_piece(&r->pieces, offset, len, r->size, err) < 0)
            return -1;
    }
    return err_set(err, ERR_UNAVAILABLE, "%s answers a range request with other bytes",
                   r->pieces.e->file.index_url);
}

int tail_metadata(struct index *ix, struct entry *e, struct buf *out, bool *unsupported, struct err *err)
{
    struct ranged r = {.pieces = {.ix = ix, .e = e}, .size = -1};
    const struct http_response *response;
    struct err why cleanup_err = ERR_INIT;
    int result = -1;
    *unsupported = http_finish(ix->http, e->request, &response, &why) < 0 ||
                   !add_piece(&r.pieces, e->request, response, &r.size);
    if (!*unsupported) {
        struct archive archive = {r.size, ranged_read, &r};
        result = archive_metadata(&archive, &e->file, out, &why);
        *unsupported = result < 0 && why.kind == ERR_UNAVAILABLE;
    }
    if (result < 0)
        err_move(err, &why);
    array_each (&r.pieces.list, piece)
        buf_free(&piece->bytes);
    array_free(&r.pieces.list);
    return result;
}
