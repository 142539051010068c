/* SPDX-License-Identifier: Apache-2.0 */
/* RECORD (PEP 376, PEP 427): CSV of path, ALGORITHM=URLSAFE_BASE64, size. */
#pragma once
#include "base/error.h"
#include "base/text.h"

struct record_entry {
    const char *path;      /* as written, relative to site-packages */
    const char *algorithm; /* "sha256"; NULL where the field is empty */
    const char *digest;    /* URL-safe base64 without padding; NULL where the field is empty */
    long long size;        /* -1 where the field is empty */
};

struct record {
    struct record_entry *entries;
    size_t count;
};

/* ERR_INPUT names the line. Strings belong to the arena. */
int record_parse(struct arena *a, struct text bytes, struct record *out, struct err *err);
/* Appends one line, quoted where CSV needs it; size < 0 and a NULL algorithm leave the fields empty. */
void record_write(struct buf *to, const struct record_entry *e);
/* A raw digest in RECORD's URL-safe base64 without padding; `out` needs (n * 4 + 2) / 3 + 1 bytes. */
void record_base64(const unsigned char *raw, size_t n, char *out);
