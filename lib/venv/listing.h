/* SPDX-License-Identifier: Apache-2.0 */
/* The RECORD of an installation while it is made. */
#pragma once
#include "base/text.h"
#include "venv/hasher.h"

struct listing {
    const char *site_packages; /* relative to the venv; the caller's */
    struct hasher *hasher;
    struct buf up;    /* from site-packages to the venv: "../../../" */
    struct buf bytes; /* RECORD's */
};

int listing_begin(struct listing *l, const char *site_packages, struct err *err);
void listing_end(struct listing *l);
#define cleanup_listing __attribute__((cleanup(listing_end)))

/* A path relative to the venv. NULL and a negative size leave the fields empty. */
void listing_add(struct listing *l, const char *path, const char *sha256, long long size);
/* With the digest of its bytes. */
int listing_add_bytes(struct listing *l, const char *path, struct text bytes, struct err *err);

/* What is left of a path below a folder; NULL when it is not below it. */
const char *listing_path_below(const char *path, const char *dir);
