/* SPDX-License-Identifier: Apache-2.0 */
#include "index/page_cache.h"

#include "base/digest.h"
#include "base/fs.h"
#include "base/log.h"
#include "index/page.h"

#include <errno.h>
#include <time.h>

enum { HEADER_LIMIT = 16 * 1024 };

static const char first_line[] = "localstack index page 1";

/* One warning a run is enough: it costs speed alone. */
static void say_unwritable(const struct err *err)
{
    static bool said;
    if (!said)
        log_warning("index pages are not kept, so the next run is slower: %s", err->text);
    said = true;
}

/* max-age, unless the answer may not be used again without asking; *forbidden: not kept at all. */
static long long freshness_s(struct text cache_control, bool *forbidden)
{
    long long age = 0;
    bool ask = false;
    struct text piece;
    *forbidden = false;
    while (cache_control.len && text_cut(&cache_control, ',', &piece)) {
        unsigned long long value;
        piece = text_trim(piece);
        if (text_eq_nocase(text_first(piece, 8), T("max-age=")) && text_u64(text_from(piece, 8), &value))
            age = value > 86400 ? 86400 : (long long)value;
        else if (text_eq_nocase(piece, T("no-cache")))
            ask = true;
        else if (text_eq_nocase(piece, T("no-store")))
            *forbidden = true;
    }
    return ask ? 0 : age;
}

static bool read_headers(struct arena *a, struct text bytes, struct cached_page *out, long long *freshness)
{
    struct text line;
    *out = (struct cached_page){
        .path = out->path, .time = out->time, .etag = "", .last_modified = "", .content_type = ""};
    if (!text_line(&bytes, &line) || !text_is(line, first_line))
        return false;
    while (text_line(&bytes, &line) && line.len) {
        size_t colon = text_find(line, ':');
        struct text name = text_first(line, colon), value = text_trim(text_from(line, colon + 1));
        unsigned long long number = 0;
        if (text_is(name, "status") && text_u64(value, &number))
            out->status = (long)number;
        else if (text_is(name, "fresh") && text_u64(value, &number))
            *freshness = (long long)number;
        else if (text_is(name, "url"))
            out->url = text_dup(a, value);
        else if (text_is(name, "etag"))
            out->etag = text_dup(a, value);
        else if (text_is(name, "last-modified"))
            out->last_modified = text_dup(a, value);
        else if (text_is(name, "content-type"))
            out->content_type = text_dup(a, value);
    }
    return out->status && out->url && line.ptr && line.len == 0;
}

bool page_cache_is_page(int folder, const char *name)
{
    char head[sizeof first_line];
    cleanup_close int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    return fd >= 0 && read(fd, head, sizeof head) == (ssize_t)sizeof head &&
           memcmp(head, first_line, sizeof head - 1) == 0 && head[sizeof head - 1] == '\n';
}

void page_cache_open(struct arena *a, const char *cache_dir, const char *url, struct cached_page *out)
{
    struct arena scratch cleanup_arena = ARENA_INIT;
    *out = (struct cached_page){0};
    if (!cache_dir)
        return;
    char key[DIGEST_HEX], head[HEADER_LIMIT];
    digest_hex(text_of(url_without_credentials(&scratch, url)), key);
    out->path = arena_printf(a, "%s/pages/%s", cache_dir, key);
    cleanup_close int fd = open(out->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > PAGE_LIMIT + HEADER_LIMIT)
        return;
    ssize_t n = read(fd, head, sizeof head);
    long long freshness = 0, now = time(NULL);
    out->time = st.st_mtim.tv_sec;
    out->exists = n > 0 && read_headers(a, (struct text){head, (size_t)n}, out, &freshness);
    out->fresh = out->exists && out->time <= now && now - out->time < freshness;
    if (!out->exists)
        log_debug("%s is no page of ours; it is fetched again", out->path);
}

bool page_cache_body(const struct cached_page *page, struct buf *out)
{
    struct err err cleanup_err = ERR_INIT;
    buf_clear(out);
    if (fs_read(AT_FDCWD, page->path, PAGE_LIMIT + HEADER_LIMIT, out, &err) < 0) {
        log_debug("%s", err.text);
        return false;
    }
    const char *blank = memmem(out->ptr, out->len, "\n\n", 2);
    if (!blank)
        return false;
    size_t start = (size_t)(blank - out->ptr) + 2;
    memmove(out->ptr, out->ptr + start, out->len - start);
    out->len -= start;
    out->ptr[out->len] = 0;
    return true;
}

static void add_line(struct buf *to, const char *name, const char *value)
{
    if (*value && !strpbrk(value, "\r\n") && strlen(value) < 2048)
        buf_printf(to, "%s: %s\n", name, value);
}

void page_cache_store(const char *cache_dir, const struct cached_page *page,
                      const struct http_response *response, struct buf *body)
{
    struct arena scratch cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    bool forbidden;
    long long freshness = freshness_s(text_of(response->cache_control), &forbidden);
    if (!page->path || forbidden)
        return;
    struct buf head cleanup_buf = BUF_INIT;
    buf_printf(&head, "%s\nstatus: %ld\nfresh: %lld\n", first_line, response->status, freshness);
    add_line(&head, "url", response->url);
    add_line(&head, "etag", response->etag);
    add_line(&head, "last-modified", response->last_modified);
    add_line(&head, "content-type", response->content_type);
    buf_char(&head, '\n');
    /* In front of the body where it is: pages can be large, and two of each would be one too many. */
    buf_reserve(body, head.len);
    memmove(body->ptr + head.len, body->ptr, body->len);
    memcpy(body->ptr, head.ptr, head.len);
    body->len += head.len;
    body->ptr[body->len] = 0;
    if (fs_mkdirs(path_join(&scratch, cache_dir, "pages"), &err) < 0 ||
        fs_write(AT_FDCWD, page->path, buf_view(body), 0644, false, &err) < 0)
        say_unwritable(&err);
}

void page_cache_confirm(const struct cached_page *page)
{
    if (utimensat(AT_FDCWD, page->path, NULL, 0) < 0)
        log_debug("%s keeps its old time (errno %d); it is asked for again sooner", page->path, errno);
}
