/* SPDX-License-Identifier: Apache-2.0 */
/* One page: from the cache, or asked for and taken in as soon as it has come, so that few bodies are held. */
#include "base/log.h"
#include "index/index_private.h"

#include <time.h>

static const char accept_header[] =
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01";

/* As pip: https, this machine, or a host that is declared trusted. */
static int check_secure(struct index *ix, const struct page_fetch *p, struct err *err)
{
    struct arena scratch cleanup_arena = ARENA_INIT;
    struct url_target target;
    if (url_is_file(text_of(p->url)))
        return 0;
    if (url_target(&scratch, p->url, &target, err) < 0)
        return -1;
    if (target.secure || strcmp(target.host, "localhost") == 0 || strncmp(target.host, "127.", 4) == 0 ||
        text_ends(text_of(target.host), T(".localhost")) || strcmp(target.host, "[::1]") == 0 ||
        http_is_trusted(ix->http, &target))
        return 0;
    return err_set(err, ERR_INPUT,
                   "%s is not asked, because anybody between here and there could change what it says; use "
                   "https, or set PIP_TRUSTED_HOST=%s",
                   p->shown, target.host);
}

/* What an earlier version kept comes anew, and is kept in its parsed form then. */
static bool is_confirmable(const struct page_fetch *p)
{
    return p->cached.exists && !p->cached.raw && !p->unconditional;
}

static void ask(struct index *ix, struct page_fetch *p)
{
    struct http_options options = {
        .accept = accept_header, .compressed = true, .limit = PAGE_LIMIT, .fd = -1};
    if (is_confirmable(p)) {
        options.if_none_match = p->cached.etag;
        options.if_modified_since = p->cached.last_modified;
    }
    p->request = http_start(ix->http, p->url, &options);
    p->state = PAGE_ASKED;
    p->from_network = !url_is_file(text_of(p->url));
    TAILQ_INSERT_TAIL(&ix->asked, p, link);
}

void page_fetch_start(struct index *ix, struct page_fetch *p, const char *url)
{
    p->url = url;
    p->shown = url_without_credentials(ix->a, url);
    if (check_secure(ix, p, &p->err) < 0) {
        p->state = PAGE_FAILED;
        return;
    }
    if (!url_is_file(text_of(url)))
        page_cache_open(ix->a, ix->settings.cache_dir, url, &p->cached);
    if (p->cached.fresh && !ix->settings.refresh)
        p->state = PAGE_KEPT;
    else
        ask(ix, p);
}

/* What is kept of the page has been put together; the files begin at `start`. `answered`: the URL that did,
 * without credentials. Where it is of the same origin the credentials of the index go with it. */
static int take_files(struct page_fetch *p, const char *answered, size_t start)
{
    p->visitor.page = p->shown;
    p->visitor.base =
        url_with_credentials_of(p->visitor.strings, arena_strdup(p->visitor.strings, answered), p->url);
    int result = page_visit(&p->visitor, text_from(buf_view(&p->kept), start), &p->err);
    if (result < 0 && p->visitor.refused)
        p->visitor.refused(p->visitor.ctx);
    p->state = result < 0 ? PAGE_FAILED : PAGE_FOUND;
    return result;
}

static int parse_kept_body(struct page_fetch *p, size_t start)
{
    struct buf body cleanup_buf = p->kept;
    p->kept = (struct buf)BUF_INIT;
    return page_parse(p->shown, p->cached.url, p->cached.content_type, text_from(buf_view(&body), start),
                      &p->kept, &p->err);
}

/* False when the cache's copy is of no use after all. */
static bool take_cached(struct index *ix, struct page_fetch *p)
{
    size_t start;
    if (page_cache_read(ix->a, &p->cached, &p->kept, &start)) {
        if (p->cached.status != 200) {
            p->state = PAGE_ABSENT;
            return true;
        }
        int result = p->cached.raw ? parse_kept_body(p, start) : 0;
        if (result == 0)
            result = take_files(p, p->cached.url, p->cached.raw ? 0 : start);
        if (result == 0)
            return true;
        buf_free(&p->kept);
        if (result == PAGE_TOO_MUCH) /* so it would be, however often it comes */
            return true;
    }
    log_debug("%s: the copy in the cache is broken; it is fetched again", p->shown);
    buf_free(&p->kept);
    err_clear(&p->err);
    p->unconditional = true;
    return false;
}

static int take_page(struct index *ix, struct page_fetch *p, const struct http_response *response)
{
    struct buf body cleanup_buf = http_take_body(p->request);
    page_cache_begin(&p->cached, response, &p->kept);
    size_t start = p->kept.len;
    if (page_parse(p->shown, response->url, response->content_type, buf_view(&body), &p->kept, &p->err) < 0)
        return -1;
    buf_free(&body); /* before more is made of what it says */
    if (take_files(p, response->url, start) < 0)
        return -1;
    page_cache_store(ix->settings.cache_dir, &p->cached, response, &p->kept);
    return 0;
}

static void take_answer(struct index *ix, struct page_fetch *p, const struct http_response *response)
{
    switch (response->status) {
    case 200:
        if (take_page(ix, p, response) < 0) {
            p->state = PAGE_FAILED;
            buf_free(&p->kept);
        }
        break;
    case 404:
    case 410:
    case 451:
        p->state = PAGE_ABSENT;
        page_cache_begin(&p->cached, response, &p->kept);
        page_cache_store(ix->settings.cache_dir, &p->cached, response, &p->kept);
        buf_free(&p->kept);
        break;
    case 304:
        if (is_confirmable(p)) {
            page_cache_confirm(&p->cached);
            if (!take_cached(ix, p))
                p->state = PAGE_IDLE;
            break;
        }
        /* fall through */
    default:
        p->state = PAGE_FAILED;
        err_set(&p->err, ERR_INPUT, "%s answers with status %ld instead of a page", p->shown,
                response->status);
    }
}

static void take_failure(struct index *ix, struct page_fetch *p)
{
    p->state = PAGE_FAILED;
    if (p->err.kind != ERR_UNAVAILABLE || !p->cached.exists || p->unconditional)
        return;
    /* That an index had no such name then is no reason to take it from the next one now, unless nobody is to
     * be asked at all. */
    if (p->cached.status != 200 && http_used_network(ix->http))
        return;
    struct err why cleanup_err = ERR_INIT;
    err_move(&why, &p->err);
    if (!take_cached(ix, p)) {
        err_move(&p->err, &why);
        p->state = PAGE_FAILED;
        return;
    }
    char stamp[32];
    struct tm tm;
    time_t then = (time_t)p->cached.time;
    strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M", gmtime_r(&then, &tm));
    if (http_used_network(ix->http))
        log_warning("%s; using the page kept on %s UTC", why.text, stamp);
    else
        log_debug("%s: using the page kept on %s UTC", p->shown, stamp);
}

static void absorb(struct index *ix, struct page_fetch *p)
{
    const struct http_response *response;
    TAILQ_REMOVE(&ix->asked, p, link);
    if (http_finish(ix->http, p->request, &response, &p->err) < 0)
        take_failure(ix, p);
    else
        take_answer(ix, p, response);
    http_release(ix->http, p->request);
    p->request = NULL;
    if (p->state == PAGE_IDLE) /* what 304 confirmed cannot be read */
        ask(ix, p);
}

void page_fetch_absorb_done(struct index *ix)
{
    struct page_fetch *p = TAILQ_FIRST(&ix->asked);
    while (p) {
        struct page_fetch *next = TAILQ_NEXT(p, link);
        if (http_done(p->request))
            absorb(ix, p);
        p = next;
    }
}

void page_fetch_end(struct index *ix, struct page_fetch *p)
{
    if (p->state == PAGE_KEPT && !take_cached(ix, p))
        ask(ix, p);
    page_fetch_absorb_done(ix);
    while (p->state == PAGE_ASKED) {
        http_wait_any(ix->http, -1, p->request);
        page_fetch_absorb_done(ix);
    }
}

void page_fetch_stop(struct index *ix, struct page_fetch *p)
{
    if (p->state == PAGE_ASKED)
        TAILQ_REMOVE(&ix->asked, p, link);
    http_release(ix->http, p->request);
    p->request = NULL;
    p->state = PAGE_IDLE;
    buf_free(&p->kept);
    err_clear(&p->err);
}
