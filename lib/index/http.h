/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP(S) over libcurl's multi interface: many requests at once over few connections, one thread. Requests
 * make progress only inside http_wait_any, http_finish and http_poll. file: URLs are served by us, at once.
 * Nothing of libcurl is initialised before the first request that goes to the network.
 */
#pragma once
#include "base/array.h"
#include "base/error.h"
#include "base/text.h"
#include "index/url.h"

#include <stdbool.h>

struct http_settings {
    const char *proxy;       /* for every host; NULL: those of the environment (index/proxy.h) */
    const char *ca_bundle;   /* file or folder; NULL: REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, SSL_CERT_FILE,
                                SSL_CERT_DIR or the system's */
    const char *client_cert; /* PEM with certificate and key; NULL: none */
    char **trusted_hosts;    /* HOST or HOST:PORT whose certificates are not verified */
    size_t trusted_count;
    long timeout_s;    /* connecting, and silence or trickling afterwards */
    int retries;       /* further tries after a passing failure */
    const char *netrc; /* NULL: the variable NETRC, else ~/.netrc, when it exists */
    bool offline;      /* refuse every request that would touch the network, naming it */
    long long ends_ms; /* by stopwatch_ms, when the whole run will be ended: no server is waited for beyond it
                          that asks for patience. 0: never */
    int no_answer_s; /* > 0: when no server at all has answered so long after the first request, every request
                        fails, at once */
};

/* ERR_UNAVAILABLE where what is named as a file of certificates (NULL: none is) is a pipe or the like:
 * whoever reads it waits for its writer. */
int http_check_certificates(const char *path, struct err *err);

struct http;
struct http_request;

struct http_response {
    long status;              /* 200, 206, 304, 404 …; of file: 200 or 404 */
    const char *url;          /* after redirects, without credentials */
    const char *content_type; /* "" when there is none */
    const char *etag;         /* "" when there is none */
    const char *last_modified;
    const char *cache_control;
    const char *content_range;
    struct buf body; /* unless it went to a file */
};

struct http_options {
    const char *accept; /* Accept header; NULL: any */
    /* "0-99" or "-500"; NULL: the whole. A server may answer 200: then the body is the whole when it says
     * that it fits into `limit`, else empty. */
    const char *range;
    const char *if_none_match; /* NULL: none */
    const char *if_modified_since;
    bool compressed; /* the body may come compressed (and is unpacked): for pages, never for files */
    size_t limit;    /* of the body; more is ERR_INPUT. 0: 64 MiB (in memory), none (to a file) */
    int fd;          /* > 0: the body goes there from the current offset (not owned); else into memory */
    /* With fd: so large somebody else says that the body is; 0: nobody does. Where the volume has no room for
     * it, or for what the server announces, that is ERR_SYSTEM with ENOSPC before the first byte. Where
     * nobody announces anything it is ERR_INPUT before the volume is full. */
    unsigned long long expected;
    /* With fd: so many bytes of the body stand before its offset already, and `sink` has seen them; only the
     * rest is asked for. For who verifies the whole: nothing tells whether it is still the same body. */
    unsigned long long have;
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
/* The bytes of the body so far, those of `have` among them. */
unsigned long long http_got(const struct http_request *r);
/* Lets requests move on without waiting. */
void http_poll(struct http *h);
/* Waits until at least one more request is done, or `fd` can be read from (-1: no such); returns at once when
 * nothing is under way. `urgent`: the one that the caller needs before all others, or NULL; there is room in
 * memory for its body in any case. */
void http_wait_any(struct http *h, int fd, const struct http_request *urgent);
/* Waits for this one. 0 with *response (owned by the request) for statuses below 400 and for 404, 410 and
 * 451; otherwise ERR_UNAVAILABLE (no answer, 5xx, 429, certificate, offline), ERR_INPUT (credentials, other
 * statuses, too large, a redirect that is not followed) or ERR_SYSTEM (the body cannot be written), with the
 * redacted URL and what can be done. */
int http_finish(struct http *h, struct http_request *r, const struct http_response **response,
                struct err *err);
/* The body in memory of a request that is finished, which is then the caller's. */
struct buf http_take_body(struct http_request *r);
void http_release(struct http *h, struct http_request *r);

/* The seconds that a silent server is waited for: those of the settings, or the default where they have none.
 */
long http_timeout_s(const struct http *h);

/* Whether any request at all went to the network (not file:). */
bool http_used_network(const struct http *h);

/* From now on these hosts are trusted; the list has to live as long as h. */
void http_trust(struct http *h, char **hosts, size_t count);
/* Whether the URL's host is a trusted one. */
bool http_is_trusted(const struct http *h, const struct url_target *target);
