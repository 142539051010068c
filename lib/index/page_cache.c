/* SPDX-License-Identifier: Apache-2.0 */
#include "index/page_cache.h"

#include "base/digest.h"
#include "base/fs.h"
#include "base/log.h"
#include "index/page.h"

#include <errno.h>
#include <libdeflate.h>
#include <time.h>

enum { HEADER_LIMIT = 16 * 1024, SUM_DIGITS = 8 };

/* The version and a checksum follow, or in version 1, where the body is kept, the version alone. */
static const char signature[] = "localstack index page ";
static const char raw_line[] = "localstack index page 1";
static const char parsed_line[] = "localstack index page 2 "; /* and the checksum */

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

static void read_header(struct arena *a, struct text line, struct cached_page *out, struct text *key)
{
    size_t colon = text_find(line, ':');
    struct text name = text_first(line, colon), value = text_trim(text_from(line, colon + 1));
    unsigned long long number = 0;
    if (text_is(name, "status") && text_u64(value, &number))
        out->status = (long)number;
    else if (text_is(name, "fresh") && text_u64(value, &number))
        out->freshness = (long long)number;
    else if (text_is(name, "page"))
        *key = value;
    else if (text_is(name, "url"))
        out->url = text_dup(a, value);
    else if (text_is(name, "etag"))
        out->etag = text_dup(a, value);
    else if (text_is(name, "last-modified"))
        out->last_modified = text_dup(a, value);
    else if (text_is(name, "content-type"))
        out->content_type = text_dup(a, value);
}

/* Cuts the headers off *bytes; false when there are none, or those of another page. */
static bool read_headers(struct arena *a, struct text *bytes, struct cached_page *out)
{
    struct text line, key = {0};
    *out = (struct cached_page){
        .path = out->path, .time = out->time, .etag = "", .last_modified = "", .content_type = ""};
    if (!text_line(bytes, &line))
        return false;
    out->raw = text_is(line, raw_line);
    if (!out->raw && !text_starts(line, text_of(parsed_line)))
        return false;
    while (text_line(bytes, &line) && line.len)
        read_header(a, line, out, &key);
    return out->status && out->url && line.ptr && line.len == 0 &&
           (out->raw || text_is(key, path_base(out->path)));
}

bool page_cache_is_page(int folder, const char *name)
{
    char head[sizeof signature];
    cleanup_close int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    return fd >= 0 && read(fd, head, sizeof head) == (ssize_t)sizeof head &&
           memcmp(head, signature, sizeof head - 1) == 0 && ascii_is_digit(head[sizeof head - 1]);
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
    cleanup_close int fd = open(out->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > PAGE_LIMIT + HEADER_LIMIT)
        return;
    ssize_t n = read(fd, head, sizeof head);
    struct text bytes = {head, n > 0 ? (size_t)n : 0};
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now); /* files may be some ms ahead of time(2), which counts by ticks */
    out->time = st.st_mtim.tv_sec;
    out->exists = read_headers(a, &bytes, out);
    out->fresh = out->exists && out->time <= now.tv_sec && now.tv_sec - out->time < out->freshness;
    if (!out->exists)
        log_debug("%s is no page of ours; it is fetched again", out->path);
}

/* Of all that follows the first line. */
static void checksum(const struct buf *file, char sum[SUM_DIGITS + 1])
{
    struct text rest = text_from(buf_view(file), sizeof parsed_line + SUM_DIGITS);
    snprintf(sum, SUM_DIGITS + 1, "%08x", libdeflate_crc32(0, rest.ptr, rest.len));
}

static bool is_whole(const struct buf *file)
{
    char sum[SUM_DIGITS + 1];
    struct text rest = text_from(buf_view(file), sizeof parsed_line - 1);
    checksum(file, sum);
    return rest.len > SUM_DIGITS && text_is(text_first(rest, SUM_DIGITS), sum) &&
           rest.ptr[SUM_DIGITS] == '\n';
}

bool page_cache_read(struct arena *a, struct cached_page *page, struct buf *file, size_t *start)
{
    struct err err cleanup_err = ERR_INIT;
    buf_clear(file);
    if (fs_read(AT_FDCWD, page->path, PAGE_LIMIT + HEADER_LIMIT, file, &err) < 0) {
        log_debug("%s", err.text);
        return false;
    }
    struct text rest = buf_view(file);
    if (!read_headers(a, &rest, page) || (!page->raw && !is_whole(file)))
        return false;
    *start = file->len - rest.len;
    return true;
}

static void add_line(struct buf *to, const char *name, const char *value)
{
    if (*value && !strpbrk(value, "\r\n") && strlen(value) < 2048)
        buf_printf(to, "%s: %s\n", name, value);
}

void page_cache_begin(const struct cached_page *page, const struct http_response *response, struct buf *file)
{
    bool forbidden;
    long long freshness = freshness_s(text_of(response->cache_control), &forbidden);
    buf_printf(file, "%s%0*d\npage: %s\nstatus: %ld\nfresh: %lld\n", parsed_line, SUM_DIGITS, 0,
               page->path ? path_base(page->path) : "", response->status, freshness);
    add_line(file, "url", response->url);
    add_line(file, "etag", response->etag);
    add_line(file, "last-modified", response->last_modified);
    buf_char(file, '\n');
}

void page_cache_store(const char *cache_dir, const struct cached_page *page,
                      const struct http_response *response, struct buf *file)
{
    struct arena scratch cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    bool forbidden;
    freshness_s(text_of(response->cache_control), &forbidden);
    if (!page->path || forbidden)
        return;
    char sum[SUM_DIGITS + 1];
    checksum(file, sum);
    memcpy(file->ptr + sizeof parsed_line - 1, sum, SUM_DIGITS);
    if (fs_mkdirs(path_join(&scratch, cache_dir, "pages"), &err) < 0 ||
        fs_write(AT_FDCWD, page->path, buf_view(file), 0644, false, &err) < 0)
        say_unwritable(&err);
}

void page_cache_confirm(const struct cached_page *page)
{
    if (utimensat(AT_FDCWD, page->path, NULL, 0) < 0)
        log_debug("%s keeps its old time (errno %d); it is asked for again sooner", page->path, errno);
}
