/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Project pages kept in CACHE/pages/SHA256-OF-URL: a few header lines, a blank one, the body. The time of the
 * file is when the server last confirmed it. Never required: what cannot be read is not there, what cannot be
 * written costs speed.
 */
#pragma once
#include "index/http.h"

struct cached_page {
    const char *path; /* of the file, whether it exists or not; NULL: no cache */
    bool exists, fresh;
    long status;                                     /* 200, 404, 410, 451 */
    const char *url;                                 /* that answered, after redirects, without credentials */
    const char *etag, *last_modified, *content_type; /* "" for none */
    long long time;                                  /* when it was confirmed */
};

/* Looks for a page; reads its headers alone. `url`: with or without credentials. */
void page_cache_open(struct arena *a, const char *cache_dir, const char *url, struct cached_page *out);
/* Whether a file is one that page_cache_store wrote. */
bool page_cache_is_page(int folder, const char *name);
/* The body into *out; false when it cannot be read. */
bool page_cache_body(const struct cached_page *page, struct buf *out);
/* Keeps an answer (of 200, 404, 410 or 451), unless the server forbids it. Uses up the body. */
void page_cache_store(const char *cache_dir, const struct cached_page *page,
                      const struct http_response *response, struct buf *body);
/* After 304: confirmed now. */
void page_cache_confirm(const struct cached_page *page);
