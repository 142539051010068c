/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP(S) and file: over libcurl's multi interface: many requests at once over few connections, one thread.
 * Requests make progress only inside http_wait and http_poll.
 */
#pragma once
#include "base/array.h"
#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>

struct http_settings {
    const char *proxy;       /* NULL: the environment's *_PROXY and NO_PROXY, as libcurl reads them */
    const char *ca_bundle;   /* file or folder; NULL: SSL_CERT_FILE, SSL_CERT_DIR or the system's */
    const char *client_cert; /* PEM with certificate and key; NULL: none */
    char **trusted_hosts;    /* HOST or HOST:PORT whose certificates are not verified */
    size_t trusted_count;
    long timeout_s;    /* connecting, and silence or trickling afterwards */
    int retries;       /* further tries after a passing failure */
    const char *netrc; /* NULL: ~/.netrc when it exists */
    bool offline;      /* refuse every request that would touch the network, naming it */
};

struct http;
struct http_request;

struct http_response {
    long status;              /* 200, 206, 304, 404 …; of file: 200 */
    const char *url;          /* after redirects, without credentials */
    const char *content_type; /* "" when there is none */
    const char *etag;         /* "" when there is none */
    const char *last_modified;
    const char *cache_control;
    bool accepts_ranges;
    struct buf body; /* unless it went to a file */
};

struct http_options {
    const char *accept;        /* Accept header; NULL: any */
    const char *range;         /* "0-99" or "-500"; NULL: the whole */
    const char *if_none_match; /* NULL: none */
    const char *if_modified_since;
    size_t limit; /* of the body; more is ERR_INPUT. 0: 64 MiB (in memory), none (to a file) */
    int fd;       /* >= 0: the body goes there from the current offset (not owned); -1: into memory */
    /* Sees the body's bytes as they come (to hash them); may be NULL. Called again from the start, with
     * restart true and no bytes, when a broken download begins anew; a download resumed by range goes on
     * without. */
    void (*sink)(void *ctx, struct text bytes, bool restart);
    void *sink_ctx;
};

struct http *http_new(struct arena *a, const struct http_settings *settings, struct err *err);
void http_free(struct http *h);

/* Starts a request. Options are copied, but what they point to has to live until the end. Never fails itself:
 * errors come with the end. The request belongs to h and lives until http_release. */
struct http_request *http_start(struct http *h, const char *url, const struct http_options *options);
bool http_done(const struct http_request *r);
/* Lets requests move on without waiting. */
void http_poll(struct http *h);
/* Waits until at least one more request is done, or nothing is under way. */
void http_wait_any(struct http *h);
/* Waits for this one. 0 with *response (owned by the request) for statuses below 400 and for 404, 410 and
 * 451; otherwise ERR_UNAVAILABLE (no answer, 5xx, 429, certificate, …) or ERR_INPUT, with the redacted URL
 * and what can be done. */
int http_finish(struct http *h, struct http_request *r, const struct http_response **response,
                struct err *err);
void http_release(struct http *h, struct http_request *r);

/* Whether any request at all went to the network (not file:). */
bool http_used_network(const struct http *h);

/* The host's error text for a status, "404 Not Found". */
const char *http_status_text(long status);
/* REFERENCE resolved against BASE (RFC 3986), percent-encoding kept, fragment cut into *fragment (may be
 * NULL). */
char *url_join(struct arena *a, const char *base, struct text reference, const char **fragment);
/* The last path segment, percent-decoded: a file's name. ERR_INPUT when it is empty or would leave its
 * folder. */
char *url_file_name(struct arena *a, const char *url, struct err *err);
/* The path of a file: URL (localhost or no host), percent-decoded; NULL when it is none. */
char *url_to_path(struct arena *a, const char *url);
char *url_from_path(struct arena *a, const char *path);
