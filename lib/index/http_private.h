/* SPDX-License-Identifier: Apache-2.0 */
/* What http.c (the queue and the waiting) and http_transfer.c (one exchange with a server) share. */
#pragma once
#include "base/strmap.h"
#include "index/curl_library.h"
#include "index/http.h"

#include <sys/queue.h>

enum {
    MAX_REDIRECTS = 10,
    MAX_RUNNING = 16, /* transfers handed to libcurl at once */
    MAX_FILES = 8,    /* of them those to a file, so that what the solver waits for is not behind them */
    MAX_HOST_CONNECTIONS = 16,
    MAX_RETRY_AFTER_S = 30, /* a server that asks for more is not waited for */
    BODY_LIMIT = 64 << 20,  /* of a body in memory, unless asked otherwise */
    /* Of all bodies in memory together: one that does not fit in beside the others is dropped and comes when
     * it is waited for, or when nothing else is under way. */
    BODIES_LIMIT = 32 << 20,
    /* A body that unpacks to so many times its size, and to more than so many bytes, is a bomb: pages come to
     * twenty times at most. */
    UNPACKED_RATIO = 200,
    UNPACKED_FREE = 1 << 20,
    MIN_BYTES_PER_S = 64, /* slower than this for the whole timeout is trickling */
    /* An error's or a redirect's body is of no use, but read to its end leaves a connection for the next. One
     * that is longer, or takes longer after the headers, is cut off. */
    USELESS_BODY_LIMIT = 64 << 10,
    USELESS_BODY_MS = 250,
};

/* A server, by origin. */
struct http_host {
    bool answered;  /* with any status */
    bool exhausted; /* a request used up its retries without an answer: others get one try each */
};

enum http_state { HTTP_QUEUED, HTTP_RUNNING, HTTP_DONE };

struct http_request {
    TAILQ_ENTRY(http_request) link;
    struct http *h;
    struct http_options options;
    enum http_state state;
    long long due_ms; /* HTTP_QUEUED: not before */

    char *asked; /* the URL as given */
    char *shown; /* the same for messages */
    char *url;   /* the one of this exchange, after redirects */
    struct arena target_strings;
    struct url_target target;
    struct http_host *host;
    int tries, redirects;

    CURL *easy;
    struct curl_slist *headers;
    char curl_error[CURL_ERROR_SIZE];
    struct buf location;
    struct buf etag, last_modified, cache_control, content_type, content_range, final_url;

    off_t start;                 /* offset of fd where the body begins */
    unsigned long long got;      /* bytes of the body handed on so far */
    struct buf validator;        /* strong ETag or Last-Modified of the body that `got` counts */
    bool resuming;               /* this exchange asked for the rest of it */
    long long headers_ms;        /* when the last of this exchange's headers came; 0: not yet */
    size_t useless;              /* bytes of a body that nobody wants */
    unsigned long long room_due; /* with `got` there the volume is looked at again */
    bool announced;              /* somebody says how large the body is */
    bool body_begun;
    bool deferred;  /* there was no room for the body: not before it is waited for */
    bool crowded;   /* this exchange ends, because there is no room for its body */
    bool enough;    /* the rest of the body was refused on purpose: no error */
    bool no_resume; /* a resumed answer made no sense: begin anew */

    struct http_response response;
    struct err err; /* set when it failed for good */
};

TAILQ_HEAD(http_requests, http_request);

struct http {
    struct arena *a;
    struct http_settings settings;
    const struct curl_library *curl; /* NULL until something goes to the network */
    CURLM *multi;
    CURLSH *share;
    struct http_requests requests; /* all that are not released, in the order of starting */
    struct strmap hosts;
    const char *ca_file, *ca_dir, *netrc;
    struct err certificates; /* why nothing can be asked for over TLS */
    bool used_network;
    bool answered;                     /* some server, with any status */
    long long began_ms;                /* the first request to the network; 0: none yet */
    size_t held;                       /* bytes of all bodies in memory */
    const struct http_request *urgent; /* somebody waits for this one: it has room in any case */
    size_t running, files, done;       /* files: those of the running; done: a count that only grows */
};

/* Hands the request's next exchange to libcurl; on failure the request is done, with its error. */
void http_transfer_start(struct http_request *r);
/* Digests the end of an exchange: done, or queued again (a redirect, a retry). */
void http_transfer_ended(struct http_request *r, CURLcode code);
void http_transfer_stop(struct http_request *r);
/* The milliseconds left to the body of an error or a redirect; -1 where that is not what is coming. */
long long http_useless_body_ms(const struct http_request *r);
/* Ends an exchange whose body nobody wants, as if that were complete. */
void http_useless_body_cut(struct http_request *r);
void http_request_done(struct http_request *r);
void http_file_serve(struct http_request *r);
/* The body's next bytes to where they are wanted; negative with r->err set. */
int http_body_add(struct http_request *r, struct text bytes);
/* Drops the body in memory. */
void http_body_drop(struct http_request *r);
/* Sets r->err: more is coming than options.limit. */
int http_body_too_large(struct http_request *r);
/* Fills r->response from what was collected. */
void http_response_fill(struct http_request *r, long status);

/* http_room.c. At the beginning of a body to a file, of which the server says that it is `length` long (-1:
 * it does not): negative where the volume has no room for it. */
int http_room_begin(struct http_request *r, long long length);
/* Before `more` bytes are written: negative where nobody said how large it is, and the volume is almost full.
 */
int http_room_check(struct http_request *r, size_t more);
