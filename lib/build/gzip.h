/* SPDX-License-Identifier: Apache-2.0 */
/* A gzip file (RFC 1952), of one member or several in a row, as a stream of what it unpacks to. Takes at most
 * 32 MiB of memory. */
#pragma once
#include "base/error.h"
#include "base/text.h"

struct gzip;

/* Reads by pread(2) from the beginning of the file, which stays the caller's. */
struct gzip *gzip_new(int fd) __attribute__((returns_nonnull));
void gzip_free(struct gzip *g);

/*
 * The next piece, valid until the next call, the first 128 KiB at most. Returns 1, at the end 0. ERR_INPUT
 * where the file is no gzip file, damaged (checksums are compared) or cut short; all that comes before the
 * fault is handed out first. Zeros after the last member are padding. How much it unpacks to is the caller's
 * to limit.
 */
int gzip_next(struct gzip *g, struct text *piece, struct err *err);

static inline void cleanup_gzip_fn(struct gzip **g)
{
    if (*g)
        gzip_free(*g);
}
#define cleanup_gzip __attribute__((cleanup(cleanup_gzip_fn)))
