/* SPDX-License-Identifier: Apache-2.0 */
#include "index/http.h"

#include "base/fs.h"
#include "base/progress.h"
#include "base/stopwatch.h"
#include "index/http_private.h"

#include <errno.h>
#include <signal.h>

struct http *http_new(struct arena *a, const struct http_settings *settings, struct err *err)
{
    (void)err;
    struct http *h = arena_new(a, struct http);
    h->a = a;
    h->settings = *settings;
    if (h->settings.timeout_s <= 0)
        h->settings.timeout_s = 15;
    if (h->settings.retries < 0)
        h->settings.retries = 0;
    TAILQ_INIT(&h->requests);
    return h;
}

void http_free(struct http *h)
{
    if (!h)
        return;
    while (!TAILQ_EMPTY(&h->requests))
        http_release(h, TAILQ_FIRST(&h->requests));
    if (h->multi) {
        h->curl->multi_cleanup(h->multi);
        h->curl->share_cleanup(h->share);
        h->curl->global_cleanup();
    }
    strmap_free(&h->hosts);
    err_clear(&h->certificates);
    h->multi = NULL;
}

static bool is_there(const char *path, mode_t type)
{
    struct stat st;
    return path && *path && stat(path, &st) == 0 && (st.st_mode & S_IFMT) == type && access(path, R_OK) == 0;
}

/* Whoever is named first wins; libcurl itself looks at none of these variables. A setting that names nothing
 * readable stays, so that the failure names it. */
static void find_authorities(struct http *h)
{
    const char *given[] = {h->settings.ca_bundle, getenv("REQUESTS_CA_BUNDLE"), getenv("CURL_CA_BUNDLE"),
                           getenv("SSL_CERT_FILE")};
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        if (!given[i] || !*given[i])
            continue;
        *(is_there(given[i], S_IFDIR) ? &h->ca_dir : &h->ca_file) = given[i];
        return;
    }
    const char *dir = getenv("SSL_CERT_DIR");
    const curl_version_info_data *built = h->curl->version_info(CURLVERSION_NOW);
    if (is_there(dir, S_IFDIR))
        h->ca_dir = dir;
    else if (is_there(built->cainfo, S_IFREG))
        h->ca_file = built->cainfo;
}

int http_check_certificates(const char *path, struct err *err)
{
    const char *kind = path ? fs_unreadable(path) : NULL;
    return kind ? err_set(err, ERR_UNAVAILABLE, "%s is %s, not a file of certificates", path, kind) : 0;
}

static void find_netrc(struct http *h)
{
    const char *home = getenv("HOME");
    h->netrc = h->settings.netrc ? h->settings.netrc : getenv("NETRC");
    if ((!h->netrc || !*h->netrc) && home && *home)
        h->netrc = arena_printf(h->a, "%s/.netrc", home);
    if (!is_there(h->netrc, S_IFREG))
        h->netrc = NULL;
}

/* Everything of libcurl begins here, so that a run without network pays nothing for it. */
static int network_open(struct http *h, struct err *err)
{
    if (h->multi)
        return 0;
    h->curl = curl_library(err);
    if (!h->curl)
        return -1;
    if (h->curl->global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return err_set(err, ERR_SYSTEM, "libcurl cannot be initialised");
    h->multi = h->curl->multi_init();
    h->share = h->curl->share_init();
    if (!h->multi || !h->share)
        return err_set(err, ERR_SYSTEM, "libcurl cannot be initialised: out of memory");
    h->curl->multi_setopt(h->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
    h->curl->multi_setopt(h->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)MAX_HOST_CONNECTIONS);
    h->curl->share_setopt(h->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    find_authorities(h);
    if (http_check_certificates(h->ca_file, &h->certificates) == 0)
        http_check_certificates(h->settings.client_cert, &h->certificates);
    find_netrc(h);
    /* With CURLOPT_NOSIGNAL libcurl leaves SIGPIPE alone, and OpenSSL writes to sockets that peers close. */
    struct sigaction pipe_action;
    if (sigaction(SIGPIPE, NULL, &pipe_action) == 0 && pipe_action.sa_handler == SIG_DFL)
        signal(SIGPIPE, SIG_IGN);
    return 0;
}

struct http_request *http_start(struct http *h, const char *url, const struct http_options *options)
{
    struct http_request *r = xcalloc(1, sizeof *r);
    struct arena scratch cleanup_arena = ARENA_INIT;
    r->h = h;
    r->options = *options;
    if (!r->options.limit && r->options.fd <= 0)
        r->options.limit = BODY_LIMIT;
    r->asked = xstrdup(url);
    r->url = xstrdup(url);
    r->shown = xstrdup(url_redacted(&scratch, url));
    TAILQ_INSERT_TAIL(&h->requests, r, link);
    if (r->options.fd > 0) {
        r->got = r->options.have;
        r->start = lseek(r->options.fd, 0, SEEK_CUR) - (off_t)r->got;
    }
    if (url_is_file(text_of(url))) {
        http_file_serve(r);
    } else if (!url_is_network(text_of(url))) {
        err_set(&r->err, ERR_INPUT, "%s is no http, https or file URL", r->shown);
        http_request_done(r);
    } else if (h->settings.offline) {
        err_set(&r->err, ERR_UNAVAILABLE,
                "%s is not fetched: the network is switched off (EXTENSION_OFFLINE)", r->shown);
        http_request_done(r);
    } else if (network_open(h, &r->err) < 0) {
        http_request_done(r);
    } else {
        h->used_network = true;
        if (!h->began_ms)
            h->began_ms = stopwatch_ms();
    }
    return r;
}

bool http_done(const struct http_request *r)
{
    return r->state == HTTP_DONE;
}

unsigned long long http_got(const struct http_request *r)
{
    return r->got;
}

void http_request_done(struct http_request *r)
{
    r->state = HTTP_DONE;
    r->h->done++;
}

/* Of two times to wait, -1 being for ever. */
static long long sooner(long long one, long long other)
{
    return one < 0 || (other >= 0 && other < one) ? other : one;
}

static bool may_start(const struct http_request *r)
{
    const struct http *h = r->h;
    return r == h->urgent ||
           (r->options.fd > 0 ? h->files < MAX_FILES : !r->deferred && h->held < BODIES_LIMIT);
}

/* Starts what is due, the oldest first; the time until the next one is, or -1 where none waits for its time.
 * A freed place among the running is filled when a transfer ends, so it needs no time. */
static long long start_due(struct http *h)
{
    long long now = stopwatch_ms(), soonest = -1;
    struct http_request *r;
    TAILQ_FOREACH (r, &h->requests, link) {
        if (r->state != HTTP_QUEUED)
            continue;
        if (r->due_ms > now)
            soonest = sooner(soonest, r->due_ms - now);
        else if (h->running < MAX_RUNNING && may_start(r))
            http_transfer_start(r);
    }
    return soonest;
}

/* The milliseconds left until silence from everybody ends everything; -1 where nothing sets an end to it. */
static long long patience_ms(const struct http *h)
{
    if (h->settings.no_answer_s <= 0 || h->answered || !h->began_ms)
        return -1;
    long long left = h->began_ms + h->settings.no_answer_s * 1000LL - stopwatch_ms();
    return left > 0 ? left : 0;
}

static void give_up(struct http *h)
{
    struct http_request *r;
    TAILQ_FOREACH (r, &h->requests, link) {
        if (r->state == HTTP_DONE)
            continue;
        http_transfer_stop(r);
        err_set(
            &r->err, ERR_UNAVAILABLE,
            "%s did not come, and no server has answered for %d s; check the network and the proxy settings",
            r->shown, h->settings.no_answer_s);
        http_request_done(r);
    }
}

/* The time until the first of the bodies that nobody wants has had its own; -1 where there is none. */
static long long cut_useless_bodies(struct http *h)
{
    long long soonest = -1;
    struct http_request *r;
    TAILQ_FOREACH (r, &h->requests, link) {
        long long left = http_useless_body_ms(r);
        if (left == 0)
            http_useless_body_cut(r);
        else
            soonest = sooner(soonest, left);
    }
    return soonest;
}

/* One round without waiting; the time after which the next is due, or -1. */
static long long advance(struct http *h)
{
    if (!h->multi)
        return -1;
    if (patience_ms(h) == 0)
        give_up(h);
    long long soonest = start_due(h);
    int running, left;
    h->curl->multi_perform(h->multi, &running);
    CURLMsg *message;
    size_t running_before = h->running;
    while ((message = h->curl->multi_info_read(h->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        struct http_request *r = NULL;
        CURLcode code = message->data.result;
        h->curl->easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&r);
        http_transfer_ended(r, code);
    }
    long long next_cut = cut_useless_bodies(h);
    if (h->running < running_before)
        soonest = start_due(h);
    return sooner(soonest, next_cut);
}

void http_poll(struct http *h)
{
    advance(h);
}

static bool anything_under_way(const struct http *h)
{
    const struct http_request *r;
    TAILQ_FOREACH (r, &h->requests, link)
        if (r->state != HTTP_DONE)
            return true;
    return false;
}

/* When nothing runs, what waits for room in memory has to have it: the first of them. */
static const struct http_request *first_deferred(const struct http *h)
{
    const struct http_request *r;
    TAILQ_FOREACH (r, &h->requests, link)
        if (r->state == HTTP_QUEUED && !may_start(r))
            return r;
    return NULL;
}

void http_wait_any(struct http *h, int fd, const struct http_request *urgent)
{
    struct curl_waitfd other = {.fd = fd, .events = CURL_WAIT_POLLIN};
    size_t before = h->done;
    for (;;) {
        h->urgent = urgent;
        long long soonest = advance(h);
        progress_tick();
        if (h->done != before || other.revents || !anything_under_way(h))
            return;
        if (h->running == 0 && soonest < 0) {
            urgent = first_deferred(h);
            continue;
        }
        long long most = sooner(1000, sooner(soonest, sooner(patience_ms(h), progress_due_ms())));
        h->curl->multi_poll(h->multi, &other, fd >= 0, (int)most, NULL);
    }
}

int http_finish(struct http *h, struct http_request *r, const struct http_response **response,
                struct err *err)
{
    *response = NULL;
    while (r->state != HTTP_DONE)
        http_wait_any(h, -1, r);
    if (r->err.text) {
        int sysno = r->err.sysno;
        err_set(err, r->err.kind, "%s", r->err.text);
        if (err)
            err->sysno = sysno;
        return -1;
    }
    *response = &r->response;
    return 0;
}

struct buf http_take_body(struct http_request *r)
{
    struct buf body = r->response.body;
    r->response.body = (struct buf)BUF_INIT;
    r->h->held -= body.len;
    return body;
}

void http_release(struct http *h, struct http_request *r)
{
    if (!r)
        return;
    http_transfer_stop(r);
    http_body_drop(r);
    if (h->urgent == r)
        h->urgent = NULL;
    TAILQ_REMOVE(&h->requests, r, link);
    struct buf *bufs[] = {&r->location,     &r->etag,          &r->last_modified, &r->cache_control,
                          &r->content_type, &r->content_range, &r->final_url,     &r->validator};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        buf_free(bufs[i]);
    arena_free(&r->target_strings);
    err_clear(&r->err);
    free(r->asked);
    free(r->shown);
    free(r->url);
    free(r);
}

long http_timeout_s(const struct http *h)
{
    return h->settings.timeout_s;
}

bool http_used_network(const struct http *h)
{
    return h->used_network;
}

void http_trust(struct http *h, char **hosts, size_t count)
{
    h->settings.trusted_hosts = hosts;
    h->settings.trusted_count = count;
}

bool http_is_trusted(const struct http *h, const struct url_target *target)
{
    for (size_t i = 0; i < h->settings.trusted_count; i++) {
        struct text given = text_of(h->settings.trusted_hosts[i]), host = text_of(target->host);
        if (text_eq_nocase(given, host))
            return true;
        unsigned long long port;
        if (given.len > host.len + 1 && text_eq_nocase(text_first(given, host.len), host) &&
            given.ptr[host.len] == ':' && text_u64(text_from(given, host.len + 1), &port) &&
            port == target->port)
            return true;
    }
    return false;
}

int http_body_too_large(struct http_request *r)
{
    return err_set(&r->err, ERR_INPUT, "%s is larger than %s, which is more than can be right", r->shown,
                   text_size(r->options.limit).s);
}

void http_body_drop(struct http_request *r)
{
    r->h->held -= r->response.body.len;
    buf_free(&r->response.body);
}

/* Files of this machine are read at once, and have to have it. */
static bool has_room(const struct http_request *r, size_t more)
{
    return r == r->h->urgent || r->h->held + more <= BODIES_LIMIT || !r->easy;
}

int http_body_add(struct http_request *r, struct text bytes)
{
    if (r->options.limit && bytes.len > r->options.limit - r->got)
        return http_body_too_large(r);
    if (http_room_check(r, bytes.len) < 0)
        return -1;
    if (r->options.fd > 0) {
        if (fs_write_fd(r->options.fd, bytes, "the download", &r->err) < 0)
            return err_wrap(&r->err, "%s", r->shown);
    } else if (!has_room(r, bytes.len)) {
        r->deferred = r->crowded = true;
        return -1;
    } else {
        buf_text(&r->response.body, bytes);
        r->h->held += bytes.len;
    }
    r->got += bytes.len;
    if (r->options.sink)
        r->options.sink(r->options.sink_ctx, bytes, false);
    return 0;
}

void http_response_fill(struct http_request *r, long status)
{
    struct http_response *p = &r->response;
    p->status = status;
    p->url = buf_cstr(&r->final_url);
    p->content_type = buf_cstr(&r->content_type);
    p->etag = buf_cstr(&r->etag);
    p->last_modified = buf_cstr(&r->last_modified);
    p->cache_control = buf_cstr(&r->cache_control);
    p->content_range = buf_cstr(&r->content_range);
}

static const char *type_of(struct text path)
{
    return text_ends(path, T(".html")) || text_ends(path, T(".htm")) ? "text/html"
           : text_ends(path, T(".json"))                             ? "application/vnd.pypi.simple.v1+json"
                                                                     : "";
}

static int file_read(struct http_request *r, int fd, const char *path)
{
    char chunk[65536];
    for (;;) {
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(&r->err, errno, "cannot read %s", path);
        if (n == 0)
            return 0;
        if (http_body_add(r, (struct text){chunk, (size_t)n}) < 0)
            return -1;
    }
}

/* A folder stands for its index.html, as it does for pip. What is not there is 404, as it would be on a
 * server. */
void http_file_serve(struct http_request *r)
{
    struct arena scratch cleanup_arena = ARENA_INIT;
    struct stat st;
    const char *path = url_to_path(&scratch, r->asked);
    cleanup_close int fd = -1;
    buf_str(&r->final_url, r->asked);
    if (!path) {
        err_set(&r->err, ERR_INPUT, "%s names no file of this machine", r->shown);
    } else {
        if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
            if (path[strlen(path) - 1] != '/')
                buf_char(&r->final_url, '/');
            path = path_join(&scratch, path, "index.html");
        }
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)))
            err_set(&r->err, ERR_INPUT, "%s is no regular file", path);
        else if (fd < 0 && errno != ENOENT && errno != ENOTDIR)
            err_sys(&r->err, errno, "cannot open %s", path);
        else if (fd >= 0 && http_room_begin(r, st.st_size) == 0)
            file_read(r, fd, path);
        buf_str(&r->content_type, type_of(text_of(path)));
    }
    http_response_fill(r, fd >= 0 ? 200 : 404);
    http_request_done(r);
}
