/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tar archives for unit tests from a line of text, in which "|" stands between these:
 *   TYPE NAME [=CONTENTS | +SIZE]   a member (TYPE is its letter, "-" the NUL of old archives) or what goes
 *                                   before one; SIZE bytes of filling
 *   pax KEY=VALUE ...               a pax header; "gpax" a global one
 *   size TEXT, prefix TEXT, sparse, signed   changes to the header before it
 *   base256 [HEX]                   its size in that form, or another one of eleven bytes
 *   sum                             spoils its checksum
 *   zero                            a block of zeros
 *   cut N                           takes the last N bytes away
 */
#pragma once
#include "base/text.h"
#include "test.h"

#include <zlib.h>

enum { TAR_BLOCK = 512 };

struct tar_bytes {
    struct buf bytes;
    size_t header; /* where the last one begins */
};

static inline void tar_checksum(struct tar_bytes *t, bool with_signs)
{
    char *h = t->bytes.ptr + t->header;
    long sum = 0;
    memset(h + 148, ' ', 8);
    for (size_t i = 0; i < TAR_BLOCK; i++)
        sum += with_signs ? (signed char)h[i] : (unsigned char)h[i];
    snprintf(h + 148, 8, "%06o", (unsigned)sum & 0777777);
}

static inline void tar_add(struct tar_bytes *t, char type, struct text name, struct text contents)
{
    static const char zeros[TAR_BLOCK];
    t->header = t->bytes.len;
    buf_add(&t->bytes, zeros, TAR_BLOCK);
    char *h = t->bytes.ptr + t->header;
    memcpy(h, name.ptr, name.len < 100 ? name.len : 100);
    snprintf(h + 124, 12, "%011o", (unsigned)contents.len);
    h[156] = type == '-' ? 0 : type;
    memcpy(h + 257,
           type == '-' ? ""
                       : "ustar\0"
                         "00",
           type == '-' ? 0 : 8);
    tar_checksum(t, false);
    buf_text(&t->bytes, contents);
    buf_add(&t->bytes, zeros, (TAR_BLOCK - contents.len % TAR_BLOCK) % TAR_BLOCK);
}

static inline void tar_add_pax(struct tar_bytes *t, char type, struct text records)
{
    struct buf all cleanup_buf = BUF_INIT;
    struct text record;
    while (text_cut(&records, ' ', &record)) {
        size_t length = record.len + 3; /* with a digit, a blank and a line end */
        length += length > 9;
        length += length > 99;
        buf_printf(&all, "%zu ", length);
        buf_text(&all, record);
        buf_char(&all, '\n');
    }
    tar_add(t, type, T("pax"), buf_view(&all));
}

/* "=CONTENTS" or "+SIZE" */
static inline void tar_add_member(struct tar_bytes *t, char type, struct text name, struct text what)
{
    struct buf filling cleanup_buf = BUF_INIT;
    unsigned long long size = 0;
    if (text_starts(what, T("+")) && text_u64(text_from(what, 1), &size)) {
        memset(buf_reserve(&filling, size), 'x', size);
        filling.len = size;
        tar_add(t, type, name, buf_view(&filling));
    } else {
        tar_add(t, type, name, text_from(what, 1));
    }
}

static inline void tar_change(struct tar_bytes *t, struct text word, struct text rest)
{
    char *h = t->bytes.ptr + t->header;
    if (text_is(word, "size")) {
        memset(h + 124, 0, 12);
        memcpy(h + 124, rest.ptr, rest.len < 12 ? rest.len : 12);
    } else if (text_is(word, "prefix")) {
        memcpy(h + 345, rest.ptr, rest.len < 155 ? rest.len : 155);
    } else if (text_is(word, "base256")) {
        char hex[23];
        snprintf(hex, sizeof hex, "%022lx", strtoul(h + 124, NULL, 8));
        if (rest.len == 22)
            memcpy(hex, rest.ptr, 22);
        h[124] = (char)0x80;
        for (size_t i = 0; i < 11; i++)
            h[125 + i] = (char)strtoul((char[]){hex[2 * i], hex[2 * i + 1], 0}, NULL, 16);
    } else if (text_is(word, "sparse")) {
        h[482] = 1;
    } else if (text_is(word, "sum")) {
        h[0] ^= 1;
        return;
    } else if (!text_is(word, "signed")) {
        fail_msg("no such thing in a tar archive: %.*s", TEXT_ARG(word));
    }
    tar_checksum(t, text_is(word, "signed"));
}

static inline void tar_make(struct buf *out, struct text spec)
{
    struct tar_bytes t = {0};
    struct text item, word;
    unsigned long long n = 0;
    while (text_cut(&spec, '|', &item)) {
        text_cut(&item, ' ', &word);
        if (text_is(word, "pax") || text_is(word, "gpax")) {
            tar_add_pax(&t, text_is(word, "pax") ? 'x' : 'g', item);
        } else if (text_is(word, "zero")) {
            memset(buf_reserve(&t.bytes, TAR_BLOCK), 0, TAR_BLOCK);
            t.bytes.len += TAR_BLOCK;
        } else if (text_is(word, "cut") && text_u64(item, &n)) {
            t.bytes.len -= n;
        } else if (word.len == 1) {
            struct text name = {"", 0};
            text_cut(&item, ' ', &name);
            tar_add_member(&t, *word.ptr, name, item.ptr ? item : T(" "));
        } else if (word.len) {
            tar_change(&t, word, item);
        }
    }
    buf_text(out, buf_view(&t.bytes));
    buf_free(&t.bytes);
}

/* Appends one gzip member. */
static inline void gzip_make(struct buf *out, struct text bytes)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&z, bytes.len);
    struct buf copy cleanup_buf = BUF_INIT;
    buf_text(&copy, bytes);
    z.next_in = (Bytef *)copy.ptr;
    z.avail_in = (uInt)bytes.len;
    z.next_out = (Bytef *)buf_reserve(out, room);
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->len += room - z.avail_out;
    deflateEnd(&z);
}
