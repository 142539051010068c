/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A wheel (or source distribution) as a zip archive, read by our own parser: the strict subset that wheels
 * are made of, in which there is only one way to read each byte. It reads with pread(2), never a mapping (a
 * file that is cut short meanwhile must not end us with SIGBUS), and needs the offsets that zip libraries
 * hide to refuse entries that overlap.
 */
#pragma once
#include "base/array.h"
#include "base/error.h"
#include "base/text.h"

#include <stdint.h>

enum archive_method { ARCHIVE_STORED = 0, ARCHIVE_DEFLATED = 8 };

struct archive_member {
    const char *path; /* wheel_path_fault has nothing to say against it */
    uint64_t offset;  /* of its local header */
    uint64_t limit;   /* where the next one begins */
    uint64_t packed, size;
    uint32_t crc;
    uint16_t method;
    bool executable;
    bool is_folder; /* an entry of its own for a folder; it has no contents */
};

struct archive {
    int fd; /* the caller's */
    uint64_t size;
    struct archive_member *members; /* in the order of their offsets */
    size_t count;
    uint64_t total;         /* of all sizes */
    struct strings folders; /* every folder that a file is in, parents first; their storage is the arena's */
};

/*
 * Reads the central directory. ERR_INPUT says what is wrong: no zip archive or cut short, more than one disk,
 * an unsafe path, links and devices, duplicates, a path that is both a file and a folder, encryption, methods
 * but stored and deflated, numbers that contradict one another, more unpacked than an honest archive of this
 * size can hold.
 */
int archive_open(struct arena *a, int fd, struct archive *out, struct err *err);

/* Takes the contents of a member: called once with all of it where it is small, piece by piece else; never
 * for an empty one. */
typedef int archive_sink(void *context, struct text bytes, struct err *err);

/* Reads members, each fastest right after the one before it; one for each thread. */
struct archive_reader;
struct archive_reader *archive_reader_new(const struct archive *archive);
void archive_reader_free(struct archive_reader *r);

/* ERR_INPUT when local header and central directory disagree, members overlap, or the contents are not what
 * was declared (size, CRC). Then the sink may have seen a part. */
int archive_extract(struct archive_reader *r, const struct archive_member *member, archive_sink *sink,
                    void *context, struct err *err);

/* The contents of a member of at most `limit` bytes, appended. */
int archive_read(struct archive_reader *r, const struct archive_member *member, size_t limit, struct buf *out,
                 struct err *err);

static inline void cleanup_archive_reader_fn(struct archive_reader **r)
{
    if (*r)
        archive_reader_free(*r);
}
#define cleanup_archive_reader __attribute__((cleanup(cleanup_archive_reader_fn)))
