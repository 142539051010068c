/* SPDX-License-Identifier: Apache-2.0 */
/* A version taken apart, and the byte strings that order versions; for version.c and specifier.c alone. */
#pragma once
#include "python/version.h"

enum { VERSION_LENGTH_LIMIT = 1000 };

struct version_parts {
    struct text epoch, pre_number, post, dev; /* digits without leading zeros; "" is zero */
    struct text release;                      /* as written: "1.02.0" */
    size_t release_count;                     /* how many numbers it has */
    char pre;                                 /* 'a', 'b', 'r' for rc; 0 when there is none */
    bool has_post, has_dev;
    struct text local; /* as written, without the +; ptr is NULL when there is none */
};

/* Takes the longest version off the beginning of the text; returns its length, 0 when none begins there. */
size_t version_scan(struct text t, struct version_parts *parts);

/* Points on the line of all versions, as byte strings that compare (text_cmp) with the keys of versions. */
enum version_point {
    VERSION_ITSELF,
    VERSION_BEHIND,        /* just behind it: before any longer local label */
    VERSION_BEHIND_LOCALS, /* behind it with any local label; its own label does not count */
    VERSION_BEHIND_POSTS,  /* behind all that share its epoch, release and pre-release segments */
};
struct text version_point(struct arena *a, const struct version_parts *parts, enum version_point point);
