/* SPDX-License-Identifier: Apache-2.0 */
/* What both readers of zip structures need: little-endian numbers, the extra fields, whole reads. */
#pragma once
#include "base/error.h"
#include "base/text.h"

#include <stdint.h>

static inline uint16_t le16(const unsigned char *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t le32(const unsigned char *p)
{
    return le16(p) | (uint32_t)le16(p + 2) << 16;
}

static inline uint64_t le64(const unsigned char *p)
{
    return le32(p) | (uint64_t)le32(p + 4) << 32;
}

enum {
    ZIP_FLAG_ENCRYPTED = 1 << 0,
    ZIP_FLAG_DESCRIPTOR = 1 << 3, /* sizes and CRC follow the data */
    ZIP_FLAG_PATCH = 1 << 5,
    ZIP_FLAG_STRONG = 1 << 6,
    ZIP_FLAG_MASKED = 1 << 13,
    ZIP_FLAGS_REFUSED = ZIP_FLAG_ENCRYPTED | ZIP_FLAG_PATCH | ZIP_FLAG_STRONG | ZIP_FLAG_MASKED,
    ZIP_EXTRA_ZIP64 = 0x0001,
    ZIP_EXTRA_UNICODE_PATH = 0x7075,
    ZIP_LOCAL_HEADER = 30,
};

/* The field with this id. Returns 1 and *field, 0 where there is none, -1 where the fields do not fit their
 * room or it is there twice. Up to three bytes of padding at the end are passed over, as everybody does. */
int archive_extra(struct text extra, uint16_t id, struct text *field);

/* Reads exactly n bytes; fewer are ERR_INPUT ("is cut short"). */
int archive_pread(int fd, void *to, size_t n, uint64_t offset, struct err *err);
