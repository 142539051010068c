/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/archive.h"

#include "base/cleanup.h"
#include "venv/archive_bytes.h"
#include "venv/wheel_path.h"

#include <libdeflate.h>
#include <pthread.h>
#include <stdlib.h>
#include <zlib.h>

/*
 * Members are read through a window and inflated whole by libdeflate, which is two to three times as fast as
 * zlib but needs both sides in memory. So that memory stays bounded whatever is unpacked by however many
 * threads: up to SMALL each thread does it in buffers of its own; up to LARGE (both sides together) one
 * thread of the process at a time; what is larger still is streamed through zlib.
 */
enum { WINDOW = 256 << 10, SMALL = 1 << 20, LARGE = 10 << 20, CHUNK = 128 << 10 };

static pthread_mutex_t large_turn = PTHREAD_MUTEX_INITIALIZER;

struct archive_reader {
    const struct archive *archive;
    struct libdeflate_decompressor *inflater;
    char *window; /* bytes of the archive from window_at on */
    size_t window_room, window_len;
    uint64_t window_at;
    char *out;
    size_t out_room;
};

struct archive_reader *archive_reader_new(const struct archive *archive)
{
    struct archive_reader *r = xcalloc(1, sizeof *r);
    r->archive = archive;
    return r;
}

void archive_reader_free(struct archive_reader *r)
{
    if (r->inflater)
        libdeflate_free_decompressor(r->inflater);
    free(r->window);
    free(r->out);
    free(r);
}

static int fault(const struct archive_member *m, struct err *err, const char *what)
{
    cleanup_free char *quoted = wheel_path_quote(text_of(m->path));
    return err_set(err, ERR_INPUT, "the entry %s %s", quoted, what);
}

/* n bytes of the archive, valid until the next call; NULL with err set on failure. The window reads ahead:
 * the next members are right behind. */
static const char *window(struct archive_reader *r, uint64_t offset, size_t n, struct err *err)
{
    if (offset >= r->window_at && offset - r->window_at <= r->window_len &&
        r->window_len - (size_t)(offset - r->window_at) >= n)
        return r->window + (offset - r->window_at);
    if (offset > r->archive->size || n > r->archive->size - offset) {
        err_set(err, ERR_INPUT, "the archive is cut short");
        return NULL;
    }
    size_t want = n > WINDOW ? n : WINDOW;
    if (want > r->archive->size - offset)
        want = (size_t)(r->archive->size - offset);
    if (want > r->window_room) {
        free(r->window);
        r->window = xmalloc(want);
        r->window_room = want;
    }
    r->window_len = 0;
    if (archive_pread(r->archive->fd, r->window, want, offset, err) < 0)
        return NULL;
    r->window_at = offset;
    r->window_len = want;
    return r->window;
}

/* A number of the local header: what the directory says, or left out where the writer did not know it yet. */
static bool agrees(uint64_t local, uint64_t central, bool may_be_missing)
{
    return local == central || (may_be_missing && local == 0);
}

static const char *local_fault(const struct archive_member *m, const unsigned char *h, struct text name,
                               struct text extra)
{
    uint16_t flags = le16(h + 6);
    bool later = flags & ZIP_FLAG_DESCRIPTOR;
    uint64_t packed = le32(h + 18), size = le32(h + 22);
    struct text field = {0};
    int found = archive_extra(extra, ZIP_EXTRA_ZIP64, &field);
    if (found < 0)
        return "has a damaged extra field";
    if (packed == UINT32_MAX || size == UINT32_MAX) {
        if (found != 1 || field.len < 16)
            return "has a damaged extra field";
        const unsigned char *wide = (const unsigned char *)field.ptr;
        size = size == UINT32_MAX ? le64(wide) : size;
        packed = packed == UINT32_MAX ? le64(wide + 8) : packed;
    }
    if (m->is_folder && name.len && name.ptr[name.len - 1] == '/')
        name.len--;
    if (!text_is(name, m->path))
        return "has another name in its local header";
    if (flags & ZIP_FLAGS_REFUSED)
        return "is encrypted";
    if (le16(h + 8) != m->method || !agrees(le32(h + 14), m->crc, later) ||
        !agrees(packed, m->packed, later) || !agrees(size, m->size, later))
        return "has other sizes, checksum or compression in its local header than in the directory";
    return NULL;
}

/* Where a member's data begins; its local header checked. As much of the data as `ahead` says is in the
 * window then, as a rule. */
static int local_header(struct archive_reader *r, const struct archive_member *m, size_t ahead,
                        uint64_t *data, struct err *err)
{
    enum { USUAL_EXTRA = 64 };
    size_t room = (size_t)(m->limit - m->offset), path = strlen(m->path) + m->is_folder;
    size_t wanted = ZIP_LOCAL_HEADER + path + USUAL_EXTRA + ahead;
    const char *p = window(r, m->offset, wanted < room ? wanted : room, err);
    if (!p)
        return -1;
    const unsigned char *h = (const unsigned char *)p;
    if (memcmp(h, "PK\3\4", 4) != 0)
        return fault(m, err, "has no local header where the directory says");
    size_t name = le16(h + 26), extra = le16(h + 28), size = ZIP_LOCAL_HEADER + name + extra;
    if (size > room || m->packed > room - size)
        return fault(m, err, "overlaps what follows it");
    if (!(p = window(r, m->offset, size, err)))
        return -1;
    const char *why = local_fault(m, (const unsigned char *)p, (struct text){p + ZIP_LOCAL_HEADER, name},
                                  (struct text){p + ZIP_LOCAL_HEADER + name, extra});
    if (why)
        return fault(m, err, why);
    *data = m->offset + size;
    return 0;
}

static const char lied[] = "does not unpack to the size that it declares, or is damaged";

/* Both sides in memory. */
static int whole(struct archive_reader *r, const struct archive_member *m, const char *in, char *out,
                 struct text *bytes, struct err *err)
{
    if (m->method == ARCHIVE_STORED) {
        *bytes = (struct text){in, (size_t)m->size};
    } else {
        size_t used = 0;
        if (!r->inflater && !(r->inflater = libdeflate_alloc_decompressor()))
            return err_set(err, ERR_SYSTEM, "not enough memory to unpack");
        if (libdeflate_deflate_decompress_ex(r->inflater, in, (size_t)m->packed, out, (size_t)m->size, &used,
                                             NULL) != LIBDEFLATE_SUCCESS ||
            used != m->packed)
            return fault(m, err, lied);
        *bytes = (struct text){out, (size_t)m->size};
    }
    if (libdeflate_crc32(0, bytes->ptr, bytes->len) != m->crc)
        return fault(m, err, "is damaged: its checksum is wrong");
    return 0;
}

static int extract_small(struct archive_reader *r, const struct archive_member *m, uint64_t data,
                         archive_sink *sink, void *context, struct err *err)
{
    const char *in = window(r, data, (size_t)m->packed, err);
    if (!in)
        return -1;
    if (m->size > r->out_room) {
        free(r->out);
        r->out_room = m->size < WINDOW ? WINDOW : SMALL;
        r->out = xmalloc(r->out_room);
    }
    struct text bytes;
    if (whole(r, m, in, r->out, &bytes, err) < 0)
        return -1;
    return bytes.len ? sink(context, bytes, err) : 0;
}

static int extract_large_alone(struct archive_reader *r, const struct archive_member *m, uint64_t data,
                               archive_sink *sink, void *context, struct err *err)
{
    cleanup_free char *in = xmalloc((size_t)m->packed), *out = xmalloc((size_t)m->size);
    struct text bytes;
    if (archive_pread(r->archive->fd, in, (size_t)m->packed, data, err) < 0 ||
        whole(r, m, in, out, &bytes, err) < 0)
        return -1;
    return sink(context, bytes, err);
}

struct stream {
    const struct archive_member *member;
    archive_sink *sink;
    void *context;
    uint64_t size;
    uint32_t crc;
};

static int stream_out(struct stream *s, struct text bytes, struct err *err)
{
    if (bytes.len > s->member->size - s->size)
        return fault(s->member, err, lied);
    s->size += bytes.len;
    s->crc = libdeflate_crc32(s->crc, bytes.ptr, bytes.len);
    return bytes.len ? s->sink(s->context, bytes, err) : 0;
}

/* Takes all of one piece of input. Returns 1 when the compressed data ended, exactly with the piece. */
static int inflate_piece(struct stream *s, z_stream *z, struct text in, char *out, struct err *err)
{
    union {
        const char *from;
        Bytef *to; /* zlib without ZLIB_CONST: it does not write there */
    } next = {in.ptr};
    z->next_in = next.to;
    z->avail_in = (uInt)in.len;
    for (;;) {
        z->next_out = (Bytef *)out;
        z->avail_out = CHUNK;
        int status = inflate(z, Z_NO_FLUSH);
        if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
            return status == Z_MEM_ERROR ? err_set(err, ERR_SYSTEM, "not enough memory to unpack")
                                         : fault(s->member, err, lied);
        if (stream_out(s, (struct text){out, CHUNK - z->avail_out}, err) < 0)
            return -1;
        if (status == Z_STREAM_END)
            return z->avail_in ? fault(s->member, err, lied) : 1;
        if (z->avail_out)
            return 0;
    }
}

static int stream_pieces(struct archive_reader *r, struct stream *s, z_stream *z, uint64_t data,
                         struct err *err)
{
    const struct archive_member *m = s->member;
    cleanup_free char *in = xmalloc(CHUNK), *out = xmalloc(CHUNK);
    int ended = 0;
    for (uint64_t done = 0; done < m->packed;) {
        size_t n = m->packed - done < CHUNK ? (size_t)(m->packed - done) : CHUNK;
        if (ended)
            return fault(m, err, lied);
        if (archive_pread(r->archive->fd, in, n, data + done, err) < 0)
            return -1;
        done += n;
        struct text piece = {in, n};
        ended =
            m->method == ARCHIVE_STORED ? stream_out(s, piece, err) : inflate_piece(s, z, piece, out, err);
        if (ended < 0)
            return -1;
    }
    if (s->size != m->size || (m->method == ARCHIVE_DEFLATED && !ended))
        return fault(m, err, lied);
    return s->crc == m->crc ? 0 : fault(m, err, "is damaged: its checksum is wrong");
}

static int extract_stream(struct archive_reader *r, const struct archive_member *m, uint64_t data,
                          archive_sink *sink, void *context, struct err *err)
{
    struct stream s = {.member = m, .sink = sink, .context = context};
    z_stream z = {0};
    enum { RAW_DEFLATE = -15 };
    if (inflateInit2(&z, RAW_DEFLATE) != Z_OK)
        return err_set(err, ERR_SYSTEM, "not enough memory to unpack");
    int result = stream_pieces(r, &s, &z, data, err);
    inflateEnd(&z);
    return result;
}

int archive_extract(struct archive_reader *r, const struct archive_member *member, archive_sink *sink,
                    void *context, struct err *err)
{
    bool small = member->packed <= SMALL && member->size <= SMALL;
    uint64_t data = 0;
    if (local_header(r, member, small ? (size_t)member->packed : 0, &data, err) < 0)
        return -1;
    if (member->is_folder)
        return 0;
    if (small)
        return extract_small(r, member, data, sink, context, err);
    if (member->packed > LARGE || member->size > LARGE - member->packed)
        return extract_stream(r, member, data, sink, context, err);
    pthread_mutex_lock(&large_turn);
    int result = extract_large_alone(r, member, data, sink, context, err);
    pthread_mutex_unlock(&large_turn);
    return result;
}

static int append(void *context, struct text bytes, struct err *err)
{
    (void)err;
    buf_text(context, bytes);
    return 0;
}

int archive_read(struct archive_reader *r, const struct archive_member *member, size_t limit, struct buf *out,
                 struct err *err)
{
    if (member->size > limit) {
        cleanup_free char *quoted = wheel_path_quote(text_of(member->path));
        return err_set(err, ERR_INPUT, "the entry %s is larger than %s", quoted, text_size(limit).s);
    }
    return archive_extract(r, member, append, out, err);
}
