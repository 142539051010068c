/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes as a tar archive, as they are and with the checksum of each block put right; in whatever pieces
 * they come, the same is found. */
#include "build/tar.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BLOCK = 512, CHECKSUM_AT = 148, CHECKSUM_SIZE = 8, CONTENTS_LIMIT = 4096 };

struct pieces {
    struct text rest;
    size_t size;
};

static int next_piece(void *context, struct text *piece, struct err *err)
{
    struct pieces *p = context;
    (void)err;
    *piece = text_first(p->rest, p->size);
    p->rest = text_from(p->rest, piece->len);
    return piece->len > 0;
}

static void list(struct text bytes, size_t piece, struct buf *to)
{
    struct pieces p = {bytes, piece};
    struct err err cleanup_err = ERR_INIT;
    struct tar tar cleanup_tar;
    struct tar_member m;
    int result;
    tar_open(&tar, next_piece, &p);
    while ((result = tar_next(&tar, &m, &err)) == 1) {
        buf_text(to, m.path);
        buf_printf(to, " %d %llu ", (int)m.kind, (unsigned long long)m.size);
        size_t before = to->len;
        if (m.size <= CONTENTS_LIMIT && tar_read(&tar, CONTENTS_LIMIT, to, &err) == 0 &&
            to->len - before != m.size)
            abort();
    }
    if (result < 0 && (!err.text || err.kind != ERR_INPUT))
        abort();
    buf_str(to, result < 0 ? err.text : "end");
}

static void list_in_pieces(struct text bytes)
{
    struct buf once cleanup_buf = BUF_INIT, again cleanup_buf = BUF_INIT;
    list(bytes, SIZE_MAX, &once);
    list(bytes, 97, &again);
    if (!text_eq(buf_view(&once), buf_view(&again)))
        abort();
}

static void put_checksums_right(struct buf *tar)
{
    for (size_t at = 0; tar->len - at >= BLOCK; at += BLOCK) {
        char *block = tar->ptr + at;
        unsigned sum = 0, any = 0;
        for (size_t i = 0; i < BLOCK; i++)
            any |= (unsigned char)block[i];
        memset(block + CHECKSUM_AT, any ? ' ' : 0, CHECKSUM_SIZE);
        for (size_t i = 0; i < BLOCK; i++)
            sum += (unsigned char)block[i];
        if (any)
            snprintf(block + CHECKSUM_AT, CHECKSUM_SIZE, "%06o", sum & 0777777);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    buf_add(&bytes, data, size);
    list_in_pieces(buf_view(&bytes));
    put_checksums_right(&bytes);
    list_in_pieces(buf_view(&bytes));
    return 0;
}
