/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Project pages kept in CACHE/pages/SHA256-OF-URL: a few header lines, a blank one, and the page's parsed
 * form (page_files.h), so that whoever reads it has neither JSON nor HTML to parse. The first line has a
 * checksum of the rest, and the headers name the page. Earlier versions kept the body as it came; it is read
 * still. The time of the file is when the server last confirmed it. Never required: what cannot be read is
 * not there, what cannot be written costs speed.
 */
#pragma once
#include "index/http.h"

struct cached_page {
    const char *path; /* of the file, whether it exists or not; NULL: no cache */
    bool exists, fresh;
    bool raw;                                        /* the body is kept, not the parsed form */
    long status;                                     /* 200, 404, 410, 451 */
    const char *url;                                 /* that answered, after redirects, without credentials */
    const char *etag, *last_modified, *content_type; /* "" for none */
    long long time;                                  /* when it was confirmed */
    long long freshness;                             /* so many seconds after that it serves without asking */
};

/* Looks for a page; reads its headers alone. `url`: with or without credentials. */
void page_cache_open(struct arena *a, const char *cache_dir, const char *url, struct cached_page *out);
/* Whether a file is one that page_cache_store wrote. */
bool page_cache_is_page(int folder, const char *name);
/* The whole file into *file, and its headers into *page once more; *start: where the parsed form (or the
 * body) begins. False when it cannot be read, is damaged or another page's. */
bool page_cache_read(struct arena *a, struct cached_page *page, struct buf *file, size_t *start);
/* Puts the headers of what is kept of an answer into *file, which is empty; the parsed form goes behind them.
 */
void page_cache_begin(const struct cached_page *page, const struct http_response *response, struct buf *file);
/* Keeps what page_cache_begin began, unless the server forbids it. */
void page_cache_store(const char *cache_dir, const struct cached_page *page,
                      const struct http_response *response, struct buf *file);
/* After 304: confirmed now. */
void page_cache_confirm(const struct cached_page *page);
