/* SPDX-License-Identifier: Apache-2.0 */
#include "build/gzip.h"

#include "base/cleanup.h"
#include "venv/archive_bytes.h"

#include <errno.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/*
 * zlib unpacks the first piece. Whoever needs more is likely to need all, which libdeflate does three times
 * as fast, but only with both sides in memory: so that is tried for one member alone that says how large it
 * is, up to WHOLE_LIMIT for both sides. Anything else goes on as it began.
 */
enum {
    IN_SIZE = 64 << 10,
    OUT_SIZE = 128 << 10,
    WHOLE_LIMIT = 32 << 20,
    LEAST_SIZE = 18,       /* of header and trailer */
    GZIP_WINDOW = 15 + 16, /* zlib: the largest window, in a gzip member alone */
};

struct gzip {
    int fd;
    off_t at; /* what of the file has been read */
    z_stream z;
    bool is_open; /* the stream is set up */
    bool in_member;
    bool has_begun;  /* the first member has */
    bool is_damaged; /* what came before that may have to be given first */
    bool is_whole;   /* the rest was given at once; it lies in `whole` */
    size_t given;    /* to the caller so far */
    char *whole;
    unsigned char in[IN_SIZE], out[OUT_SIZE];
};

struct gzip *gzip_new(int fd)
{
    struct gzip *g = xcalloc(1, sizeof *g);
    g->fd = fd;
    return g;
}

void gzip_free(struct gzip *g)
{
    if (g->is_open)
        inflateEnd(&g->z);
    free(g->whole);
    free(g);
}

/* Returns 1, at the end of the file 0. */
static int fill(struct gzip *g, struct err *err)
{
    ssize_t n;
    do
        n = pread(g->fd, g->in, sizeof g->in, g->at);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_sys(err, errno, "cannot read the archive");
    g->at += n;
    g->z.next_in = g->in;
    g->z.avail_in = (uInt)n;
    return n > 0;
}

/* At the beginning of the next member. Where what is left so far is padding there is none: returns 0. */
static int begin_member(struct gzip *g, struct err *err)
{
    while (g->has_begun && g->z.avail_in && *g->z.next_in == 0) {
        g->z.next_in++;
        g->z.avail_in--;
    }
    if (!g->z.avail_in)
        return 0;
    if ((g->is_open ? inflateReset(&g->z) : inflateInit2(&g->z, GZIP_WINDOW)) != Z_OK)
        return err_set(err, ERR_SYSTEM, "not enough memory to unpack");
    g->is_open = g->in_member = g->has_begun = true;
    return 1;
}

static int damaged(struct gzip *g, struct err *err)
{
    g->is_damaged = true;
    return err_set(err, ERR_INPUT, "it is no gzip archive, or damaged");
}

/* Returns 0 at the end of all input. */
static int inflate_some(struct gzip *g, struct err *err)
{
    if (g->is_damaged)
        return damaged(g, err);
    if (!g->z.avail_in) {
        int filled = fill(g, err);
        if (filled == 0 && (g->in_member || !g->has_begun))
            return err_set(err, ERR_INPUT, "the archive is cut short");
        if (filled <= 0)
            return filled;
    }
    if (!g->in_member) {
        int begun = begin_member(g, err);
        if (begun <= 0)
            return begun < 0 ? -1 : 1;
    }
    int status = inflate(&g->z, Z_NO_FLUSH);
    if (status == Z_STREAM_END)
        g->in_member = false;
    else if (status == Z_MEM_ERROR)
        return err_set(err, ERR_SYSTEM, "not enough memory to unpack");
    else if (status != Z_OK)
        return damaged(g, err);
    return 1;
}

static bool unpack_whole(struct text packed, char *out, size_t size)
{
    struct libdeflate_decompressor *inflater = libdeflate_alloc_decompressor();
    size_t used = 0;
    if (!inflater)
        return false;
    enum libdeflate_result result =
        libdeflate_gzip_decompress_ex(inflater, packed.ptr, packed.len, out, size, &used, NULL);
    libdeflate_free_decompressor(inflater);
    return result == LIBDEFLATE_SUCCESS && used == packed.len;
}

/* False where this cannot be, for whatever reason. */
static bool take_whole(struct gzip *g, struct text *rest)
{
    struct stat st;
    if (fstat(g->fd, &st) < 0 || st.st_size < LEAST_SIZE || st.st_size > WHOLE_LIMIT)
        return false;
    struct text packed = {NULL, (size_t)st.st_size};
    cleanup_free char *in = xmalloc(packed.len);
    packed.ptr = in;
    if (archive_pread(g->fd, in, packed.len, 0, NULL) < 0)
        return false;
    size_t size = le32((const unsigned char *)in + packed.len - 4);
    if (size < g->given || size > WHOLE_LIMIT - packed.len)
        return false;
    cleanup_free char *out = xmalloc(size);
    if (!unpack_whole(packed, out, size))
        return false;
    *rest = (struct text){out + g->given, size - g->given};
    g->whole = steal_ptr(&out);
    return true;
}

static int next_piece(struct gzip *g, struct text *piece, struct err *err)
{
    struct err why cleanup_err = ERR_INIT;
    int more = 1;
    g->z.next_out = g->out;
    g->z.avail_out = sizeof g->out;
    while (more == 1 && g->z.avail_out)
        more = inflate_some(g, &why);
    *piece = (struct text){(const char *)g->out, sizeof g->out - g->z.avail_out};
    if (piece->len)
        return 1; /* a fault is met again by the next call */
    return more < 0 ? err_move(err, &why) : more;
}

int gzip_next(struct gzip *g, struct text *piece, struct err *err)
{
    if (g->is_whole)
        return 0;
    if (g->given == sizeof g->out && g->in_member && take_whole(g, piece)) {
        g->is_whole = true;
        return piece->len > 0;
    }
    int result = next_piece(g, piece, err);
    if (result == 1)
        g->given += piece->len;
    return result;
}
