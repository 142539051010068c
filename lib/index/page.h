/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Project pages, JSON (PEP 691, 700) and HTML (PEP 503): they are turned into a parsed form, which is also
 * what the cache keeps, and each file in that is handed to a visitor.
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

/* A page while it is read. */
struct page_parser {
    const char *page;     /* its URL, for messages */
    const char *base;     /* what links are relative to */
    struct buf *files;    /* what is found goes to its end (page_files.h) */
    struct arena strings; /* of the page */
    struct arena scratch; /* of one link */
    unsigned links;       /* so many were seen */
};

enum {
    PAGE_LIMIT = 64 << 20,
    PAGE_MEMORY = 48 << 20,    /* of what is kept of one page: several times what the largest projects need */
    PAGE_LINKS_LIMIT = 200000, /* several times as many as the largest projects have files */
    /* Of one value in a JSON page, a file's entry above all: the tree of what is hostile takes fifty times
     * the room of its text. */
    PAGE_VALUE_LIMIT = 1 << 20,
};

/* Appends a page's parsed form to *files. JSON or HTML by content type; `page`: its URL, `base`: the one that
 * answered, both without credentials. ERR_INPUT when the body is neither, of a newer major API version, or
 * more than can be right. */
int page_parse(const char *page, const char *base, const char *content_type, struct text body,
               struct buf *files, struct err *err);
int page_json_parse(struct page_parser *p, struct text body, struct err *err);
int page_html_parse(struct page_parser *p, struct text body, struct err *err);

/* Judges a link and appends its file, or passes over it with a debug line. ERR_INPUT when there are more than
 * can be right. */
int page_link_add(struct page_parser *p, struct page_link *link, struct err *err);
/* Notes a digest; the link keeps the strongest, and sha256. Unknown algorithms are passed over. `strings`:
 * where the lower-case copy goes. */
void page_link_digest(struct arena *strings, struct page_link *link, struct text algorithm, struct text hex);
/* "1.1": ERR_INPUT when the major number is greater than one; "" is 1.0. */
int page_version_check(const struct page_parser *p, struct text version, struct err *err);

/* Sets err: what is kept of the page takes more than PAGE_MEMORY. */
int page_too_large(const char *page, struct err *err);

/* Who takes the files of a page. */
struct page_visitor {
    struct arena *strings; /* of what is not in the parsed form itself */
    void (*file)(void *ctx, const struct index_file *file);
    /* Asked after each file whether the memory that they take is still in bounds; NULL: it always is. */
    int (*check)(void *ctx, struct err *err);
    /* Called when a page is refused: what it handed out does not count. NULL: that is nobody's business. */
    void (*refused)(void *ctx);
    void *ctx;
    const char *page; /* the page's URL without credentials; lives as long as the files */
    const char *base; /* the URL that answered, with the credentials for files of its origin */
};

/* Hands out the files of a parsed page, in whose bytes their strings stand; passes over those that it may not
 * name, with a debug line. PAGE_ODD: the bytes are none of a parsed page (ERR_INPUT); PAGE_TOO_MUCH: what
 * check says. */
enum { PAGE_ODD = -1, PAGE_TOO_MUCH = -2 };
int page_visit(const struct page_visitor *v, struct text files, struct err *err);
