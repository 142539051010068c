/* SPDX-License-Identifier: Apache-2.0 */
#include "index/url.h"

#include "base/log.h"

#include <stdio.h>

/* The five components of RFC 3986, section 3; ptr is NULL for one that is not there. */
struct parts {
    struct text scheme, authority, path, query, fragment;
};

static bool is_scheme_char(char c)
{
    return ascii_is_alnum(c) || c == '+' || c == '-' || c == '.';
}

static struct parts split(struct text url)
{
    struct parts p = {0};
    size_t i = 0;
    if (url.len && ascii_is_alpha(url.ptr[0])) {
        while (i < url.len && is_scheme_char(url.ptr[i]))
            i++;
        if (i < url.len && url.ptr[i] == ':') {
            p.scheme = text_first(url, i);
            url = text_from(url, i + 1);
        }
    }
    size_t hash = text_find(url, '#');
    if (hash < url.len)
        p.fragment = text_from(url, hash + 1);
    url = text_first(url, hash);
    size_t question = text_find(url, '?');
    if (question < url.len)
        p.query = text_from(url, question + 1);
    url = text_first(url, question);
    if (text_starts(url, T("//"))) {
        url = text_from(url, 2);
        size_t slash = text_find(url, '/');
        p.authority = text_first(url, slash);
        url = text_from(url, slash);
    }
    p.path = url;
    return p;
}

/* The index of the last c, or t.len. */
static size_t find_last(struct text t, char c)
{
    for (size_t i = t.len; i-- > 0;)
        if (t.ptr[i] == c)
            return i;
    return t.len;
}

static struct text without_userinfo(struct text authority)
{
    size_t at = find_last(authority, '@');
    return at < authority.len ? text_from(authority, at + 1) : authority;
}

static struct text userinfo(struct text authority)
{
    size_t at = find_last(authority, '@');
    return at < authority.len ? text_first(authority, at) : (struct text){0};
}

static void add_encoded(struct buf *to, struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        unsigned char c = (unsigned char)t.ptr[i];
        if (c <= ' ' || c > '~' || strchr("\"<>\\^`{|}", c))
            buf_printf(to, "%%%02X", c);
        else
            buf_char(to, (char)c);
    }
}

/* Bytes over 0x7f stay: an internationalised host, which libcurl converts. */
static void add_authority(struct buf *to, struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        unsigned char c = (unsigned char)t.ptr[i];
        if (c <= ' ' || c == 0x7f)
            buf_printf(to, "%%%02X", c);
        else
            buf_char(to, (char)c);
    }
}

static void put_together(struct buf *to, const struct parts *p)
{
    if (p->scheme.ptr) {
        for (size_t i = 0; i < p->scheme.len; i++)
            buf_char(to, ascii_lower(p->scheme.ptr[i]));
        buf_char(to, ':');
    }
    if (p->authority.ptr) {
        buf_str(to, "//");
        add_authority(to, p->authority);
    }
    add_encoded(to, p->path);
    if (p->query.ptr) {
        buf_char(to, '?');
        add_encoded(to, p->query);
    }
}

/* RFC 3986, section 5.2.4, for a path that begins with a slash or is empty. */
static void remove_dot_segments(struct buf *path)
{
    if (path->len == 0 || path->ptr[0] != '/')
        return;
    size_t from = 0, to = 0;
    while (from < path->len) {
        struct text segment = text_from(buf_view(path), from + 1);
        segment = text_first(segment, text_find(segment, '/'));
        bool last = from + 1 + segment.len == path->len;
        from += 1 + segment.len;
        if (text_is(segment, "..")) {
            while (to && path->ptr[--to] != '/')
                ;
        } else if (!text_is(segment, ".")) {
            path->ptr[to++] = '/';
            memmove(path->ptr + to, segment.ptr, segment.len);
            to += segment.len;
            continue;
        }
        if (last)
            path->ptr[to++] = '/';
    }
    path->len = to;
    path->ptr[to] = 0;
}

static char *keep(struct arena *a, const struct buf *b)
{
    return text_dup(a, buf_view(b));
}

char *url_join(struct arena *a, const char *base, struct text reference, const char **fragment)
{
    struct parts b = split(text_of(base)), r = split(text_trim(reference)), out = r;
    struct buf path cleanup_buf = BUF_INIT, url cleanup_buf = BUF_INIT;
    if (!r.scheme.ptr) {
        out.scheme = b.scheme;
        if (!r.authority.ptr) {
            out.authority = b.authority;
            if (r.path.len == 0) {
                buf_text(&path, b.path);
                if (!r.query.ptr)
                    out.query = b.query;
            } else if (r.path.ptr[0] != '/') {
                size_t slash = find_last(b.path, '/');
                if (slash < b.path.len)
                    buf_text(&path, text_first(b.path, slash + 1));
                else if (b.authority.ptr)
                    buf_char(&path, '/');
                buf_text(&path, r.path);
            } else {
                buf_text(&path, r.path);
            }
        }
    }
    if (path.len == 0)
        buf_text(&path, r.path);
    remove_dot_segments(&path);
    out.path = buf_view(&path);
    put_together(&url, &out);
    if (fragment)
        *fragment = text_dup(a, r.fragment);
    return keep(a, &url);
}

static int hex_digit(char c)
{
    return ascii_is_digit(c)                                ? c - '0'
           : ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f' ? ascii_lower(c) - 'a' + 10
                                                            : -1;
}

char *url_decode(struct arena *a, struct text t)
{
    char *out = arena_alloc(a, t.len + 1), *to = out;
    for (size_t i = 0; i < t.len; i++) {
        int high, low;
        if (t.ptr[i] == '%' && i + 2 < t.len && (high = hex_digit(t.ptr[i + 1])) >= 0 &&
            (low = hex_digit(t.ptr[i + 2])) >= 0) {
            *to++ = (char)(high * 16 + low);
            i += 2;
        } else {
            *to++ = t.ptr[i];
        }
        if (to[-1] == 0)
            return NULL;
    }
    return out;
}

bool url_is_network(struct text url)
{
    struct text scheme = split(url).scheme;
    return scheme.ptr && (text_eq_nocase(scheme, T("http")) || text_eq_nocase(scheme, T("https")));
}

bool url_is_file(struct text url)
{
    struct text scheme = split(url).scheme;
    return scheme.ptr && text_eq_nocase(scheme, T("file"));
}

char *url_redacted(struct arena *a, const char *url)
{
    struct buf out cleanup_buf = BUF_INIT;
    const char *at = strrchr(url, '@');
    bool is_ssh = strncmp(url, "git@", 4) == 0 || strstr(url, "+git@");
    /* In prose it would be an address: here it is known to be a URL, or a piece of one. */
    if (at && !is_ssh && !strstr(url, ":/"))
        return arena_concat(a, "****", at);
    log_redact(&out, text_of(url));
    return keep(a, &out);
}

char *url_without_credentials(struct arena *a, const char *url)
{
    struct parts p = split(text_of(url));
    struct url_target ignored;
    if (!p.authority.ptr)
        return arena_strdup(a, url);
    /* With credentials whose end cannot be told it is of no use but for messages. */
    if (url_is_network(text_of(url)) && strchr(p.authority.ptr + p.authority.len, '@') &&
        url_target(a, url, &ignored, NULL) < 0)
        return arena_printf(a, "%.*s%s", (int)(p.authority.ptr - url), url, strrchr(url, '@') + 1);
    if (find_last(p.authority, '@') == p.authority.len)
        return arena_strdup(a, url);
    struct text rest = text_from(text_of(url), (size_t)(p.authority.ptr - url) + p.authority.len);
    struct text host = without_userinfo(p.authority);
    struct buf out cleanup_buf = BUF_INIT;
    buf_text(&out, text_first(text_of(url), (size_t)(p.authority.ptr - url)));
    buf_text(&out, host);
    buf_text(&out, rest);
    return keep(a, &out);
}

static bool is_host_char(char c)
{
    /* Bytes over 0x7f: an internationalised name, which libcurl converts. */
    return ascii_is_alnum(c) || strchr("-._~", c) || (unsigned char)c >= 0x80;
}

/* HOST[:PORT] in the one reading that both we and libcurl can have; everything else is refused. */
static bool read_host(struct arena *a, struct text t, bool secure, struct url_target *out)
{
    size_t end = 0;
    if (t.len && t.ptr[0] == '[') {
        end = text_find(t, ']');
        for (size_t i = 1; i < end; i++)
            if (hex_digit(t.ptr[i]) < 0 && t.ptr[i] != ':' && t.ptr[i] != '.')
                return false;
        if (end++ == t.len)
            return false;
    } else {
        while (end < t.len && t.ptr[end] && is_host_char(t.ptr[end]))
            end++;
    }
    if (end == 0)
        return false;
    char *host = arena_strndup(a, t.ptr, end);
    for (char *c = host; *c; c++)
        *c = ascii_lower(*c);
    out->host = host;
    out->port = secure ? 443 : 80;
    struct text rest = text_from(t, end);
    if (rest.len == 0 || text_is(rest, ":"))
        return true;
    unsigned long long port;
    if (rest.ptr[0] != ':' || !text_u64(text_from(rest, 1), &port) || port == 0 || port > 65535)
        return false;
    out->port = (unsigned)port;
    return true;
}

/* What ends the authority before an @ that has yet to come is of a password, and should have been encoded:
 * that character, or 0. Behind a host that is one, a path with an @ is as good as any, and so is a query. */
static char unencoded(const struct parts *p, bool has_host)
{
    const char *end = p->authority.ptr + p->authority.len;
    return strchr(end, '@') && (!has_host || *end == '#') ? *end : 0;
}

static int refuse_host(struct arena *a, const char *url, char character, struct err *err)
{
    struct text authority = split(text_of(url)).authority;
    if (!character)
        return err_set(err, ERR_INPUT, "%s names no host that can be understood%s", url_redacted(a, url),
                       text_find(authority, '@') == authority.len && text_find(authority, ':') < authority.len
                           ? ": behind its colon stands no port"
                           : "");
    return err_set(err, ERR_INPUT,
                   "%s names no host that can be understood: in a user name or password %c is written %%%02X",
                   url_redacted(a, url), character, (unsigned)character);
}

int url_target(struct arena *a, const char *url, struct url_target *out, struct err *err)
{
    struct parts p = split(text_of(url));
    *out = (struct url_target){.host = "", .bare = ""};
    if (!url_is_network(text_of(url)) || !p.authority.ptr)
        return err_set(err, ERR_INPUT, "%s is no http or https URL", url_redacted(a, url));
    out->secure = text_eq_nocase(p.scheme, T("https"));
    bool has_host = read_host(a, without_userinfo(p.authority), out->secure, out);
    char character = unencoded(&p, has_host);
    if (!has_host || character)
        return refuse_host(a, url, character, err);
    if (find_last(p.authority, '@') < p.authority.len) {
        struct text info = userinfo(p.authority);
        size_t colon = text_find(info, ':');
        out->user = url_decode(a, text_first(info, colon));
        out->password = url_decode(a, text_from(info, colon + 1));
        if (!out->user || !out->password)
            return err_set(err, ERR_INPUT, "%s has credentials with a NUL byte", url_redacted(a, url));
        if (!*out->user && !*out->password)
            out->user = out->password = NULL;
    }
    p.authority = without_userinfo(p.authority);
    if (p.path.len == 0)
        p.path = T("/");
    struct buf bare cleanup_buf = BUF_INIT;
    put_together(&bare, &p);
    out->bare = keep(a, &bare);
    return 0;
}

bool url_same_origin(const char *one, const char *other)
{
    struct arena scratch cleanup_arena = ARENA_INIT;
    struct url_target x, y;
    return url_target(&scratch, one, &x, NULL) == 0 && url_target(&scratch, other, &y, NULL) == 0 &&
           x.secure == y.secure && x.port == y.port && strcmp(x.host, y.host) == 0;
}

const char *url_with_credentials_of(struct arena *a, const char *url, const char *other)
{
    struct parts p = split(text_of(url)), from = split(text_of(other));
    struct text info = userinfo(from.authority);
    if (!info.ptr || !p.authority.ptr || userinfo(p.authority).ptr || !url_same_origin(url, other))
        return url;
    struct buf out cleanup_buf = BUF_INIT;
    buf_text(&out, text_first(text_of(url), (size_t)(p.authority.ptr - url)));
    buf_text(&out, info);
    buf_char(&out, '@');
    buf_str(&out, p.authority.ptr);
    return keep(a, &out);
}

char *url_with_suffix(struct arena *a, const char *url, const char *suffix)
{
    struct parts p = split(text_of(url));
    size_t end = (size_t)(p.path.ptr - url) + p.path.len;
    struct buf out cleanup_buf = BUF_INIT;
    buf_text(&out, text_first(text_of(url), end));
    buf_str(&out, suffix);
    if (p.query.ptr) {
        buf_char(&out, '?');
        buf_text(&out, p.query);
    }
    return keep(a, &out);
}

char *url_file_name(struct arena *a, const char *url, struct err *err)
{
    struct text path = split(text_of(url)).path;
    size_t slash = find_last(path, '/');
    char *name = url_decode(a, slash < path.len ? text_from(path, slash + 1) : path);
    bool good = name && *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
    for (const char *c = name; good && *c; c++)
        good = *c != '/' && *c != '\\' && (unsigned char)*c >= ' ' && *c != 127;
    if (good)
        return name;
    err_set(err, ERR_INPUT, "%s does not end in the name of a file", url_redacted(a, url));
    return NULL;
}

char *url_to_path(struct arena *a, const char *url)
{
    struct parts p = split(text_of(url));
    if (!url_is_file(text_of(url)) || p.path.len == 0 || p.path.ptr[0] != '/')
        return NULL;
    if (p.authority.len && !text_eq_nocase(p.authority, T("localhost")))
        return NULL;
    return url_decode(a, p.path);
}

char *url_fragment_value(struct arena *a, const char *url, const char *key)
{
    struct text rest = text_of(url), piece, name;
    rest = text_from(rest, text_find(rest, '#') + 1);
    while (rest.len && text_cut(&rest, '&', &piece))
        if (text_cut(&piece, '=', &name) && piece.len && text_is(name, key))
            return text_dup(a, piece);
    return NULL;
}

char *url_from_path(struct arena *a, const char *path)
{
    struct buf out cleanup_buf = BUF_INIT;
    buf_str(&out, "file://");
    for (; *path; path++) {
        if (ascii_is_alnum(*path) || strchr("-._~/", *path))
            buf_char(&out, *path);
        else
            buf_printf(&out, "%%%02X", (unsigned char)*path);
    }
    return keep(a, &out);
}
