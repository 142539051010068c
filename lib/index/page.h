/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Project pages, JSON (PEP 691, 700) and HTML (PEP 503): each link is handed to a visitor, so that only those
 * that matter take memory.
 */
#pragma once
#include "index/index.h"

/* What a page says of one file, before it is judged. Strings are the parser's. */
struct page_link {
    struct text href;
    const char *name; /* NULL: the last segment of href */
    const char *requires_python;
    bool yanked;
    const char *yanked_reason;
    bool has_metadata;
    const char *metadata_hash;
    const char *hash_algorithm, *hash, *sha256; /* see page_link_digest */
    bool broken_digest;                         /* a digest that can never be met: the file is passed over */
    long long size;
};

struct page_visitor {
    struct arena *strings; /* of the files that are handed out */
    /* Whether this file's URL and digests matter; NULL: they always do. Without, url is NULL. */
    bool (*wanted)(void *ctx, const char *name);
    void (*file)(void *ctx, const struct index_file *file);
    /* Asked after each link whether the memory that its files take is still in bounds; NULL: it always is. */
    int (*check)(void *ctx, struct err *err);
    /* Called when a page is refused: what it handed out does not count. NULL: that is nobody's business. */
    void (*refused)(void *ctx);
    void *ctx;
    const char *page; /* the page's URL without credentials, for messages; lives as long
                         as the files */
    const char *base; /* the same with them: what links are relative to */
    unsigned links;   /* so many were seen; starts as 0 */
};

enum {
    PAGE_LIMIT = 64 << 20,
    PAGE_LINKS_LIMIT = 200000, /* several times as many as the largest projects have files */
    /* Of one value in a JSON page, a file's entry above all: the tree of what is hostile takes fifty times
     * the room of its text. */
    PAGE_VALUE_LIMIT = 1 << 20,
};

/* JSON or HTML by content type. ERR_INPUT when the body is neither, or of a newer major API version. */
int page_visit(struct page_visitor *v, const char *content_type, struct text body, struct err *err);
int page_json_visit(struct page_visitor *v, struct text body, struct err *err);
int page_html_visit(struct page_visitor *v, struct text body, struct err *err);

/* Judges a link and hands it to the visitor, or passes over it with a debug line. ERR_INPUT when there are
 * more than can be right, or what check says. */
int page_link_add(struct page_visitor *v, struct page_link *link, struct err *err);
/* Notes a digest; the link keeps the strongest, and sha256. Unknown algorithms are passed over. `strings`:
 * where the lower-case copy goes. */
void page_link_digest(struct arena *strings, struct page_link *link, struct text algorithm, struct text hex);
/* "1.1": ERR_INPUT when the major number is greater than one; "" is 1.0. */
int page_version_check(const struct page_visitor *v, struct text version, struct err *err);
