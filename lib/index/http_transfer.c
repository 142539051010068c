/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One exchange with a server, and what follows from its end. Redirects are followed here and not by libcurl:
 * who may be trusted without a certificate, who gets the credentials and what is too insecure to go to is
 * decided for each host anew.
 */
#include "base/fs.h"
#include "base/stopwatch.h"
#include "index/http_private.h"
#include "index/proxy.h"

#include <errno.h>
#include <strings.h>
#include <sys/random.h>

static void set_header(struct http_request *r, const char *name, const char *value)
{
    if (!value || !*value || strpbrk(value, "\r\n"))
        return;
    cleanup_free char *line = xasprintf("%s: %s", name, value);
    r->headers = r->h->curl->slist_append(r->headers, line);
}

static void keep_header(struct buf *to, struct text value)
{
    buf_clear(to);
    buf_text(to, value);
}

static size_t on_header(char *line, size_t one, size_t n, void *ctx)
{
    struct http_request *r = ctx;
    struct text all = {line, one * n};
    size_t colon = text_find(all, ':');
    struct text name = text_first(all, colon), value = text_trim(text_from(all, colon + 1));
    const struct {
        struct text name;
        struct buf *to;
    } wanted[] = {
        {T("content-type"), &r->content_type},   {T("etag"), &r->etag},
        {T("last-modified"), &r->last_modified}, {T("cache-control"), &r->cache_control},
        {T("location"), &r->location},           {T("content-range"), &r->content_range},
    };
    if (text_trim(all).len == 0)
        r->headers_ms = stopwatch_ms();
    if (text_starts(all, T("HTTP/"))) { /* of the next response: after 100 Continue, or a proxy's CONNECT */
        r->headers_ms = 0;
        for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
            buf_clear(wanted[i].to);
        return all.len;
    }
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted && colon < all.len; i++)
        if (value.len <= 8192 && text_eq_nocase(name, wanted[i].name))
            keep_header(wanted[i].to, value);
    return all.len;
}

static long status_of(const struct http_request *r)
{
    long status = 0;
    r->h->curl->easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

/* Back to an empty body. */
static int begin_anew(struct http_request *r)
{
    if (r->got && r->options.fd > 0 &&
        (lseek(r->options.fd, r->start, SEEK_SET) < 0 || ftruncate(r->options.fd, r->start) < 0))
        return err_sys(&r->err, errno, "cannot begin the download of %s anew", r->shown);
    if (r->got && r->options.sink)
        r->options.sink(r->options.sink_ctx, (struct text){0}, true);
    r->got = 0;
    http_body_drop(r);
    buf_clear(&r->validator);
    return 0;
}

/* Whether Content-Range says that the body goes on where the broken one ended. */
static bool goes_on(const struct http_request *r)
{
    struct text range = buf_view(&r->content_range);
    unsigned long long first;
    if (!text_starts(range, T("bytes ")))
        return false;
    range = text_trim(text_from(range, 6));
    return text_u64(text_first(range, text_find(range, '-')), &first) && first == r->got;
}

static void remember_validator(struct http_request *r)
{
    struct text etag = buf_view(&r->etag);
    buf_clear(&r->validator);
    buf_text(&r->validator, etag.len && !text_starts(etag, T("W/")) ? etag : buf_view(&r->last_modified));
}

/* Whether nobody wants the body that comes with this status. */
static bool is_useless(long status)
{
    return status < 200 || status > 299;
}

/* Before the first byte of a body (or at the end, when it has none). */
static int body_begin(struct http_request *r)
{
    long status = status_of(r);
    curl_off_t length = -1; /* what the server says that it will be; compressed, it is no shorter unpacked */
    r->h->curl->easy_getinfo(r->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    r->body_begun = true;
    if (status == 206 && r->resuming) {
        if (goes_on(r)) {
            if (!r->validator.len)
                remember_validator(r);
            return http_room_begin(r, length);
        }
        r->no_resume = true;
        return -1;
    }
    if (is_useless(status))
        return 0;
    if (begin_anew(r) < 0)
        return -1;
    bool too_large = r->options.limit && length > 0 && (unsigned long long)length > r->options.limit;
    if (r->options.range) {
        r->enough = status != 206 && (length < 0 || too_large);
        return r->enough ? -1 : 0;
    }
    if (too_large)
        return http_body_too_large(r);
    remember_validator(r);
    return http_room_begin(r, length);
}

/* `more`: bytes that have been unpacked now. */
static bool is_bomb(struct http_request *r, size_t more)
{
    curl_off_t packed = 0;
    unsigned long long whole = r->got + more;
    if (!r->options.compressed || whole <= UNPACKED_FREE)
        return false;
    r->h->curl->easy_getinfo(r->easy, CURLINFO_SIZE_DOWNLOAD_T, &packed);
    if (whole / UNPACKED_RATIO <= (unsigned long long)packed)
        return false;
    err_set(&r->err, ERR_INPUT, "%s unpacks to more than %d times its size, which is more than can be right",
            r->shown, UNPACKED_RATIO);
    return true;
}

static size_t on_body(char *bytes, size_t one, size_t n, void *ctx)
{
    struct http_request *r = ctx;
    size_t len = one * n;
    if (!r->body_begun && body_begin(r) < 0)
        return len + 1; /* any other count ends the transfer */
    if (is_useless(status_of(r))) {
        r->useless += len;
        r->enough = r->useless > USELESS_BODY_LIMIT;
        return r->enough ? len + 1 : len;
    }
    return is_bomb(r, len) || http_body_add(r, (struct text){bytes, len}) < 0 ? len + 1 : len;
}

static void set_limits(struct http_request *r)
{
    const struct http_settings *s = &r->h->settings;
    const struct curl_library *curl = r->h->curl;
    CURL *e = r->easy;
    curl->easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl->easy_setopt(e, CURLOPT_QUICK_EXIT, 1L); /* a hanging resolver thread does not hold up our end */
    curl->easy_setopt(e, CURLOPT_CONNECTTIMEOUT, s->timeout_s);
    curl->easy_setopt(e, CURLOPT_LOW_SPEED_TIME, s->timeout_s);
    curl->easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, (long)MIN_BYTES_PER_S);
    curl->easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl->easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    if (r->options.fd > 0)
        curl->easy_setopt(e, CURLOPT_BUFFERSIZE, 65536L);
    /* HTTP/2 is only spoken over TLS; there, wait whether one connection will do for all. */
    curl->easy_setopt(e, CURLOPT_HTTP_VERSION,
                      r->target.secure ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1);
    curl->easy_setopt(e, CURLOPT_PIPEWAIT, r->target.secure ? 1L : 0L);
}

static void set_trust(struct http_request *r)
{
    const struct http *h = r->h;
    const struct curl_library *curl = r->h->curl;
    CURL *e = r->easy;
    bool trusted = http_is_trusted(h, &r->target);
    curl->easy_setopt(e, CURLOPT_SSL_VERIFYPEER, trusted ? 0L : 1L);
    curl->easy_setopt(e, CURLOPT_SSL_VERIFYHOST, trusted ? 0L : 2L);
    /* One of both at most: libcurl keeps a parsed bundle for the next connection only without a folder. */
    if (h->ca_file || h->ca_dir) {
        curl->easy_setopt(e, CURLOPT_CAINFO, h->ca_file);
        curl->easy_setopt(e, CURLOPT_CAPATH, h->ca_dir);
    }
    if (h->settings.client_cert && *h->settings.client_cert) {
        curl->easy_setopt(e, CURLOPT_SSLCERT, h->settings.client_cert);
        curl->easy_setopt(e, CURLOPT_SSLKEY, h->settings.client_cert);
    }
    curl->easy_setopt(e, CURLOPT_SHARE, h->share);
}

static void set_who(struct http_request *r)
{
    const struct curl_library *curl = r->h->curl;
    CURL *e = r->easy;
    if (r->target.user) {
        curl->easy_setopt(e, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl->easy_setopt(e, CURLOPT_USERNAME, r->target.user);
        curl->easy_setopt(e, CURLOPT_PASSWORD, r->target.password);
    } else if (r->h->netrc) {
        curl->easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_OPTIONAL);
        curl->easy_setopt(e, CURLOPT_NETRC_FILE, r->h->netrc);
    }
    curl->easy_setopt(e, CURLOPT_PROXY, proxy_for(&r->target, r->h->settings.proxy));
    curl->easy_setopt(e, CURLOPT_NOPROXY, ""); /* proxy_for has looked at it */
}

static void set_wishes(struct http_request *r)
{
    const struct http_options *o = &r->options;
    const struct curl_library *curl = r->h->curl;
    CURL *e = r->easy;
    set_header(r, "Accept", o->accept ? o->accept : "*/*");
    set_header(r, "If-None-Match", o->if_none_match);
    set_header(r, "If-Modified-Since", o->if_modified_since);
    if (o->compressed)
        curl->easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "");
    else
        set_header(r, "Accept-Encoding", "identity");
    r->resuming = r->got && (r->validator.len || o->have) && !o->range && !o->compressed && !r->no_resume;
    if (r->resuming) {
        char range[32];
        snprintf(range, sizeof range, "%llu-", r->got);
        curl->easy_setopt(e, CURLOPT_RANGE, range);
        set_header(r, "If-Range", buf_cstr(&r->validator));
    } else if (o->range) {
        curl->easy_setopt(e, CURLOPT_RANGE, o->range);
    }
    curl->easy_setopt(e, CURLOPT_HTTPHEADER, r->headers);
    curl->easy_setopt(e, CURLOPT_USERAGENT, "localstack-extensions/" PROGRAM_VERSION);
    curl->easy_setopt(e, CURLOPT_URL, r->target.bare);
    curl->easy_setopt(e, CURLOPT_ERRORBUFFER, r->curl_error);
    curl->easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl->easy_setopt(e, CURLOPT_HEADERDATA, r);
    curl->easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl->easy_setopt(e, CURLOPT_WRITEDATA, r);
    curl->easy_setopt(e, CURLOPT_PRIVATE, r);
}

static struct http_host *host_of(struct http_request *r)
{
    char origin[1024];
    snprintf(origin, sizeof origin, "%d %s %u", r->target.secure, r->target.host, r->target.port);
    void **place = strmap_place(&r->h->hosts, text_of(origin));
    if (!*place)
        *place = arena_new(r->h->a, struct http_host);
    return *place;
}

void http_transfer_start(struct http_request *r)
{
    arena_free(&r->target_strings);
    if (url_target(&r->target_strings, r->url, &r->target, &r->err) < 0) {
        http_request_done(r);
        return;
    }
    if (r->target.secure && r->h->certificates.text) {
        err_set(&r->err, ERR_UNAVAILABLE, "%s is not fetched: %s", r->shown, r->h->certificates.text);
        http_request_done(r);
        return;
    }
    r->host = host_of(r);
    r->body_begun = r->enough = r->crowded = false;
    r->headers_ms = 0;
    r->useless = 0;
    *r->curl_error = 0;
    buf_clear(&r->location);
    r->easy = r->h->curl->easy_init();
    if (!r->easy) {
        err_set(&r->err, ERR_SYSTEM, "libcurl cannot make a handle: out of memory");
        http_request_done(r);
        return;
    }
    set_limits(r);
    set_trust(r);
    set_who(r);
    set_wishes(r);
    r->tries++;
    r->state = HTTP_RUNNING;
    r->h->running++;
    r->h->files += r->options.fd > 0;
    r->h->curl->multi_add_handle(r->h->multi, r->easy);
}

void http_transfer_stop(struct http_request *r)
{
    if (r->easy) {
        r->h->curl->multi_remove_handle(r->h->multi, r->easy);
        r->h->curl->easy_cleanup(r->easy);
        r->easy = NULL;
        r->h->running--;
        r->h->files -= r->options.fd > 0;
    }
    if (r->headers)
        r->h->curl->slist_free_all(r->headers);
    r->headers = NULL;
}

long long http_useless_body_ms(const struct http_request *r)
{
    if (r->state != HTTP_RUNNING || !r->headers_ms || status_of(r) < 300)
        return -1;
    long long left = r->headers_ms + USELESS_BODY_MS - stopwatch_ms();
    return left > 0 ? left : 0;
}

void http_useless_body_cut(struct http_request *r)
{
    r->enough = true;
    http_transfer_ended(r, CURLE_OK);
}

static bool passing_status(long status)
{
    static const long those[] = {408, 429, 500, 502, 503, 504, 520, 527};
    for (size_t i = 0; i < sizeof those / sizeof *those; i++)
        if (those[i] == status)
            return true;
    return false;
}

static bool passing_failure(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return true;
    default:
        return false;
    }
}

static void queue_again(struct http_request *r, long long delay_ms)
{
    r->state = HTTP_QUEUED;
    r->due_ms = stopwatch_ms() + delay_ms;
}

/* A quarter of a second, doubled each time, between half of it and all: or clients that failed together would
 * come back together. */
static long long backoff_ms(int tries)
{
    long long whole = 250LL << (tries < 6 ? tries - 1 : 5);
    unsigned random = 0;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) < 0)
        random = (unsigned)stopwatch_ms() * 2654435761U;
    return whole / 2 + random % (whole / 2 + 1);
}

/* Queues another try, when there is one left. */
static bool try_again(struct http_request *r, curl_off_t retry_after_s)
{
    int tries = r->host->exhausted && !r->host->answered ? 1 : 1 + r->h->settings.retries;
    long long ends_ms = r->h->settings.ends_ms;
    if (r->tries >= tries || retry_after_s > MAX_RETRY_AFTER_S)
        return false;
    if (ends_ms && retry_after_s > 0 && stopwatch_ms() + retry_after_s * 1000 >= ends_ms)
        return false;
    /* Where a redirect led may have been good for once only. */
    if (strcmp(r->url, r->asked) != 0) {
        free(r->url);
        r->url = xstrdup(r->asked);
        r->redirects = 0;
    }
    long long delay = backoff_ms(r->tries);
    queue_again(r, retry_after_s * 1000 > delay ? retry_after_s * 1000 : delay);
    return true;
}

static void follow(struct http_request *r)
{
    struct arena scratch cleanup_arena = ARENA_INIT;
    struct url_target to;
    const char *next = url_join(&scratch, r->url, buf_view(&r->location), NULL);
    const char *shown = url_redacted(&scratch, next);
    if (++r->redirects > MAX_REDIRECTS)
        err_set(&r->err, ERR_INPUT,
                "%s redirects more than %d times, at last to %s; check the URL of the index", r->shown,
                MAX_REDIRECTS, shown);
    else if (url_target(&scratch, next, &to, NULL) < 0)
        err_set(&r->err, ERR_INPUT, "%s redirects to %s, which is no http or https URL", r->shown, shown);
    else if (r->target.secure && !to.secure)
        err_set(&r->err, ERR_INPUT, "%s redirects to %s, which is not encrypted; that is not followed",
                r->shown, shown);
    if (r->err.text) {
        http_request_done(r);
        return;
    }
    const char *with = url_with_credentials_of(&scratch, next, r->url);
    free(r->url);
    r->url = xstrdup(with);
    r->tries--; /* the next exchange belongs to the same try */
    queue_again(r, 0);
}

static void refuse_by_proxy(struct http_request *r, long status)
{
    const char *proxy = r->h->settings.proxy;
    if (status == 401 || status == 407)
        err_set(
            &r->err, ERR_INPUT,
            "the proxy between here and %s wants credentials (%ld); give them in PIP_PROXY or HTTPS_PROXY "
            "(http://USER:PASSWORD@HOST:PORT)",
            r->shown, status);
    else
        err_set(&r->err, ERR_INPUT,
                "the proxy between here and %s refuses to connect (%ld); check its rules, or %s", r->shown,
                status, proxy && *proxy ? "PIP_PROXY" : "name the host in NO_PROXY");
}

static void refuse_without_credentials(struct http_request *r, long status)
{
    const char *netrc = r->target.user ? NULL : r->h->netrc;
    err_set(&r->err, ERR_INPUT,
            "%s wants credentials%s (%ld); give them in the URL of the index (https://USER:PASSWORD@HOST/…) "
            "or in %s%s",
            r->shown, r->target.user ? " other than those in its URL" : "", status,
            netrc ? netrc : "~/.netrc", netrc ? ", which has none that it takes" : "");
}

static void refuse(struct http_request *r, long status, curl_off_t retry_after_s)
{
    const char *shown = r->shown;
    char how_long[40] = "";
    if (retry_after_s > 0)
        snprintf(how_long, sizeof how_long, ", for %lld s", (long long)retry_after_s);
    if (status == 401 || status == 403)
        refuse_without_credentials(r, status);
    else if (status == 407)
        refuse_by_proxy(r, status);
    else if (status == 400 && r->target.secure)
        err_set(&r->err, ERR_INPUT,
                "%s answers with status 400; check the URL, and PIP_CLIENT_CERT where the server wants to be "
                "shown a certificate",
                shown);
    else if (status == 429 || (passing_status(status) && retry_after_s > 0))
        err_set(&r->err, ERR_UNAVAILABLE, "%s asks for patience (%ld%s), also after %d %s; try again later",
                shown, status, how_long, r->tries, r->tries == 1 ? "try" : "tries");
    else if (status >= 500 || status == 408)
        err_set(&r->err, ERR_UNAVAILABLE, "%s fails with status %ld, also after %d %s; try again later",
                shown, status, r->tries, r->tries == 1 ? "try" : "tries");
    else
        err_set(&r->err, ERR_INPUT, "%s answers with status %ld; check the URL", shown, status);
}

static void fail(struct http_request *r, CURLcode code)
{
    const char *why = *r->curl_error ? r->curl_error : r->h->curl->easy_strerror(code);
    const char *host = r->target.host, *advice;
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        advice = "check the name, the network and the proxy settings";
        break;
    case CURLE_COULDNT_CONNECT:
        advice = "check the network, the proxy settings, and that the server is up";
        break;
    case CURLE_OPERATION_TIMEDOUT:
        advice = "check the network, or give it more time with PIP_DEFAULT_TIMEOUT";
        break;
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
        advice = "check PIP_CERT and PIP_CLIENT_CERT";
        break;
    case CURLE_PEER_FAILED_VERIFICATION:
        err_set(
            &r->err, ERR_UNAVAILABLE,
            "the certificate of %s is not trusted (%s), so %s is not fetched; set PIP_CERT to the file of "
            "the authority that signed it, or PIP_TRUSTED_HOST=%s to do without",
            host, why, r->shown, host);
        return;
    default:
        advice = "check the network, or try again later";
    }
    err_set(&r->err, ERR_UNAVAILABLE, "%s did not come%s (%s) in %d %s; %s", r->shown,
            r->got || r->body_begun ? " whole" : "", why, r->tries, r->tries == 1 ? "try" : "tries", advice);
}

static bool is_redirect(const struct http_request *r, long status)
{
    return (status == 301 || status == 302 || status == 303 || status == 307 || status == 308) &&
           r->location.len;
}

static void succeed(struct http_request *r, long status)
{
    struct arena scratch cleanup_arena = ARENA_INIT;
    if (r->resuming && status == 206)
        status = 200; /* to who asked it is one answer */
    buf_str(&r->final_url, url_without_credentials(&scratch, r->url));
    http_response_fill(r, status);
}

void http_transfer_ended(struct http_request *r, CURLcode code)
{
    long status = status_of(r), by_proxy = 0;
    curl_off_t retry_after_s = 0;
    r->h->curl->easy_getinfo(r->easy, CURLINFO_HTTP_CONNECTCODE, &by_proxy);
    r->h->curl->easy_getinfo(r->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
    if (code == CURLE_OK && !r->body_begun && body_begin(r) < 0) /* an empty body begins at its end */
        code = CURLE_WRITE_ERROR;
    http_transfer_stop(r);
    /* The status alone says what there is to know; a body of no use may also have broken off. */
    if (r->enough || (r->useless && is_useless(status)))
        code = CURLE_OK;
    if (status)
        r->host->answered = r->h->answered = true;
    if (r->crowded && begin_anew(r) == 0) {
        r->tries--;
        queue_again(r, 0);
        return;
    }
    if (r->err.text) {
        http_request_done(r);
        return;
    }
    if (r->resuming && (r->no_resume || status == 416)) { /* there is no rest to be had: all of it, at once */
        r->no_resume = true;
        r->tries--;
        queue_again(r, 0);
        return;
    }
    if (code != CURLE_OK && by_proxy >= 400 && !passing_status(by_proxy)) {
        refuse_by_proxy(r, by_proxy);
        http_request_done(r);
        return;
    }
    bool again = code == CURLE_OK ? passing_status(status) : passing_failure(code);
    if (code == CURLE_OK && is_redirect(r, status)) {
        follow(r);
        return;
    }
    if (again && try_again(r, passing_status(status) ? retry_after_s : 0))
        return;
    if (code != CURLE_OK) {
        r->host->exhausted = true;
        fail(r, code);
    } else if (status >= 400 && status != 404 && status != 410 && status != 451) {
        refuse(r, status, retry_after_s);
    } else {
        succeed(r, status);
    }
    http_request_done(r);
}
