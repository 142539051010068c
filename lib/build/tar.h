/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tar archives from their beginning to their end: ustar and what came before it, GNU's long names and
 * base-256 numbers, pax headers (POSIX.1-2001). Where readers differ this one finds the members that Python's
 * tarfile finds, with which pip unpacks; what tarfile takes for the end of an archive, though it is none, is
 * an error here.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"

#include <stdint.h>

/* The next bytes of the archive, as many as it likes, valid until the next call. Returns 1, at the end 0,
 * -1. */
typedef int tar_source(void *context, struct text *piece, struct err *err);

enum tar_kind {
    TAR_FILE,
    TAR_FOLDER,
    TAR_OTHER, /* links, devices, sparse files, what nobody knows */
};

struct tar_member {
    struct text path; /* as it is written, any bytes; valid until the next call */
    enum tar_kind kind;
    uint64_t size; /* of a TAR_FILE */
};

struct tar {
    tar_source *source;
    void *context;
    struct text ahead; /* taken from the source, but not used yet */
    uint64_t contents; /* what is left of the member's */
    uint64_t padding;  /* what follows them up to the next header */
    bool has_begun, has_ended;
    struct buf path, extension;
};

void tar_open(struct tar *t, tar_source *source, void *context);
void tar_close(struct tar *t);
#define cleanup_tar __attribute__((cleanup(tar_close)))

/*
 * The next member, whatever is left of the one before passed over. Returns 1, at the end 0. ERR_INPUT where a
 * header is damaged or the archive cut short, for a header of more than 1 MiB, and for a global pax header
 * with a path or a size, which would be those of every member.
 */
int tar_next(struct tar *t, struct tar_member *member, struct err *err);

/* The contents of the TAR_FILE that tar_next has just given, of at most `limit` bytes, appended. */
int tar_read(struct tar *t, size_t limit, struct buf *out, struct err *err);
