/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where credentials stand in text that is not ours. In a URL as RFC 3986 has it they end at the last @ before
 * the first of / ? and #; but who writes a password into one without encoding it has these in the password,
 * and blanks and quotes. What cannot be a host with a port is then taken for the beginning of a password, and
 * hidden up to the last @ that may end it: too much rather than too little.
 */
#include "base/log.h"

#include <stdint.h>

enum { PORT_DIGITS = 5 };

static const size_t NOWHERE = SIZE_MAX;

/* As far as something goes, and the last @ in it. Kept, so that each byte is looked at once. */
struct reach {
    size_t limit, last;
};

struct scan {
    struct text s;
    struct reach word, line;
};

/* ---- characters */

static bool is_quote(char c)
{
    return c == '\'' || c == '"' || c == '`';
}

static bool is_url_end(char c)
{
    return ascii_is_space(c) || is_quote(c) || c == '<' || c == '>' || (unsigned char)c < 0x20;
}

/* What prose puts behind a URL. The last three are the bytes of an ellipsis. */
static bool is_punctuation(char c)
{
    return c && strchr(".,;:!)]}>\xe2\x80\xa6", c);
}

static bool is_user_char(char c)
{
    return ascii_is_alnum(c) || (c && strchr("-._~%+${}", c)) || (unsigned char)c >= 0x80;
}

static bool is_scheme_char(char c)
{
    return ascii_is_alnum(c) || c == '+' || c == '-' || c == '.';
}

static bool is_space_at(struct text s, size_t i)
{
    return i >= s.len || ascii_is_space(s.ptr[i]);
}

/* The end of a line, or a quote that opens or closes; one amid a word may be of a password. */
static bool is_line_end(struct text s, size_t i)
{
    if (s.ptr[i] == '\n')
        return true;
    if (!is_quote(s.ptr[i]))
        return false;
    bool opens = i == 0 || ascii_is_space(s.ptr[i - 1]) || s.ptr[i - 1] == '(';
    bool closes = is_space_at(s, i + 1) || is_punctuation(s.ptr[i + 1]) || is_quote(s.ptr[i + 1]);
    return opens || closes;
}

static bool is_word_end(struct text s, size_t i)
{
    return ascii_is_space(s.ptr[i]) || is_line_end(s, i);
}

/* A host follows; after the @ of NAME @ URL stands a blank. */
static bool may_end_credentials(struct text s, size_t i)
{
    return s.ptr[i] == '@' && !is_space_at(s, i + 1);
}

/* ---- hosts and URLs */

/* Nothing, a colon or a port, and the punctuation of a sentence. */
static bool is_port(struct text t)
{
    size_t i = 0;
    while (i < t.len && ascii_is_digit(t.ptr[i]))
        i++;
    if (i > PORT_DIGITS)
        return false;
    while (i < t.len && is_punctuation(t.ptr[i]))
        i++;
    return i == t.len;
}

static size_t host_length(struct text t)
{
    size_t i = 0;
    if (t.len && t.ptr[0] == '[')
        return text_find(t, ']') < t.len ? text_find(t, ']') + 1 : 0;
    while (i < t.len && is_user_char(t.ptr[i]))
        i++;
    return i;
}

static bool is_host(struct text t)
{
    size_t n = host_length(t);
    struct text rest = text_from(t, n);
    return n && is_port(rest.len && rest.ptr[0] == ':' ? text_from(rest, 1) : rest) &&
           (rest.len == 0 || !ascii_is_digit(rest.ptr[0]));
}

/* One that could as well be a piece of a password: neither a dot nor a port. */
static bool is_doubtful(struct text host)
{
    return text_find(host, '.') == host.len && text_find(host, ':') == host.len;
}

/* The scheme that stands before `mark`. */
static struct text scheme_before(struct text s, size_t mark)
{
    size_t i = mark;
    while (i > 0 && is_scheme_char(s.ptr[i - 1]))
        i--;
    return text_from(text_first(s, mark), i);
}

/* Whether another URL stands around the :// at i, and not amid a word. */
static bool is_another_url(struct text s, size_t i)
{
    if (!text_starts(text_from(s, i), T("://")))
        return false;
    struct text scheme = scheme_before(s, i);
    size_t start = i - scheme.len;
    return scheme.len && (start == 0 || is_url_end(s.ptr[start - 1]) || strchr("([{,=", s.ptr[start - 1]));
}

/* ---- the @ that credentials end with, or NOWHERE */

static size_t last_in(struct text s, struct reach *r, bool (*is_end)(struct text, size_t), size_t from)
{
    if (from >= r->limit) {
        r->last = NOWHERE;
        for (r->limit = from; r->limit < s.len && !is_end(s, r->limit); r->limit++)
            if (may_end_credentials(s, r->limit))
                r->last = r->limit;
    }
    return r->last != NOWHERE && r->last >= from ? r->last : NOWHERE;
}

static size_t last_in_word(struct scan *c, size_t from)
{
    return last_in(c->s, &c->word, is_word_end, from);
}

/* The last before another URL, or if there is none, of all. */
static size_t last_in_line(struct scan *c, size_t from)
{
    size_t all = last_in(c->s, &c->line, is_line_end, from), found = NOWHERE;
    for (size_t i = from; all != NOWHERE && i <= all && !is_another_url(c->s, i); i++)
        if (may_end_credentials(c->s, i))
            found = i;
    return found != NOWHERE ? found : all;
}

/* In the path that begins at `from`. */
static size_t last_in_path(struct text s, size_t from)
{
    size_t found = NOWHERE;
    for (size_t i = from; i < s.len && !is_url_end(s.ptr[i]) && !strchr("?#", s.ptr[i]); i++) {
        if (is_another_url(s, i))
            break;
        if (may_end_credentials(s, i))
            found = i;
    }
    return found;
}

/* The authority has an @, at `at`, and ends at `end`: it is the right one unless no host is behind it, or
 * what is behind it may be more of a password. A path with an @ is usual where a reference ends it
 * (git+https:). */
static size_t later_than(struct scan *c, size_t from, size_t at, size_t end, struct text scheme)
{
    struct text host = text_from(text_first(c->s, end), at + 1);
    char next = end < c->s.len ? c->s.ptr[end] : '\n';
    size_t later = NOWHERE;
    if (text_starts(text_from(c->s, from), T("git@")))
        return at;
    if (!is_host(host) || (next == ' ' && is_doubtful(host)))
        later = last_in_line(c, from);
    else if (next == '#' || next == '?')
        later = last_in_word(c, from);
    else if (next == '/' && text_find(scheme, '+') == scheme.len)
        later = last_in_path(c->s, end);
    return later != NOWHERE && later > at ? later : at;
}

/* The index of the colon before a port, or the length. */
static size_t port_colon(struct text authority)
{
    size_t skip = authority.len && authority.ptr[0] == '[' ? host_length(authority) : 0;
    return skip + text_find(text_from(authority, skip), ':');
}

/* The authority from `from` to `end` has no @. */
static size_t beyond(struct scan *c, size_t from, size_t end, bool is_path)
{
    struct text authority = text_from(text_first(c->s, end), from);
    size_t colon = port_colon(authority);
    struct text port = text_from(authority, colon + 1);
    char next = end < c->s.len ? c->s.ptr[end] : '\n';
    if (!is_port(port))
        return last_in_line(c, from);
    /* No URL has a fragment or a query right behind its host, and then an @; nor a path behind a bare colon.
     */
    bool odd = next == '#' || next == '?' || (next == '/' && colon < authority.len && port.len == 0);
    return odd && !is_path && authority.len ? last_in_word(c, from) : NOWHERE;
}

static size_t authority_end(struct text s, size_t from)
{
    while (from < s.len && !is_url_end(s.ptr[from]) && !strchr("/?#", s.ptr[from]))
        from++;
    return from;
}

static size_t credentials_end(struct scan *c, size_t from, bool is_path, struct text scheme)
{
    size_t end = authority_end(c->s, from), at = end;
    while (at > from && c->s.ptr[at - 1] != '@')
        at--;
    at = at > from ? at - 1 : NOWHERE;
    return at != NOWHERE ? later_than(c, from, at, end, scheme) : beyond(c, from, end, is_path);
}

/* ---- what is hidden */

/* The user's name stays where it can be told, and ssh's is no secret; a lone token before @ is. */
static void add_user(struct buf *to, struct text credentials)
{
    struct text user = text_first(credentials, text_find(credentials, ':'));
    bool plain = true;
    for (size_t i = 0; i < user.len; i++)
        plain = plain && !is_url_end(user.ptr[i]) && !strchr("/?#", user.ptr[i]);
    if (plain && user.len < credentials.len) {
        buf_text(to, user);
        buf_str(to, ":****");
    } else {
        buf_text(to, text_is(credentials, "git") ? credentials : T("****"));
    }
}

/* The URL from `from` on has no @: what a setting that blanks separate leaves of one with a blank in it.
 * Returns where what is no port begins, or `end`. */
static size_t no_port(struct text s, size_t from, size_t end)
{
    struct text authority = text_from(text_first(s, end), from);
    size_t colon = port_colon(authority);
    struct text port = text_from(authority, colon + 1);
    bool example = text_starts(port, T("PORT")) || text_starts(port, T("$"));
    return is_port(port) || example ? end : from + colon + 1;
}

/* USER:PASSWORD@HOST without a scheme before it, in the word that begins at i: where its password begins, or
 * NOWHERE. HOST:PORT/PATH, C:\PATH and git@HOST:PATH are something else. */
static size_t password_in_word(struct scan *c, size_t i)
{
    size_t last = last_in_word(c, i), colon = i;
    while (colon < c->word.limit && c->s.ptr[colon] != ':')
        colon++;
    size_t start = colon, password = colon + 1;
    while (start > i && is_user_char(c->s.ptr[start - 1]))
        start--;
    struct text user = text_from(text_first(c->s, colon), start);
    if (colon >= c->word.limit || user.len == 0 || is_space_at(c->s, password) ||
        strchr("/\\", c->s.ptr[password]))
        return NOWHERE;
    struct text rest = text_from(text_first(c->s, last != NOWHERE ? last : password), password);
    size_t digits = password;
    while (digits < c->word.limit && ascii_is_digit(c->s.ptr[digits]))
        digits++;
    bool is_number = digits > password && digits - password <= PORT_DIGITS && !is_space_at(c->s, digits) &&
                     c->s.ptr[digits] == '/';
    bool is_ssh = text_is(rest, "git") || text_ends(text_first(c->s, start), T("git@"));
    bool is_other = text_is(user, "file") || text_ends(user, T("+file")) || text_is(user, "mailto");
    return is_number || is_ssh || is_other ? NOWHERE : password;
}

/* Where the password that begins at `from` ends; between quotes it may have blanks. */
static size_t password_end(struct scan *c, size_t word, size_t from)
{
    bool quoted = is_quote(c->s.ptr[word]) || (word > 0 && is_quote(c->s.ptr[word - 1]));
    size_t end = quoted ? last_in_line(c, from) : last_in_word(c, from);
    return end != NOWHERE && end > from ? end : NOWHERE;
}

/* One slash is what is left of two where a URL was taken for a path. */
static size_t mark_length(struct text rest)
{
    return text_starts(rest, T("://")) ? 3 : text_starts(rest, T(":/")) ? 2 : 0;
}

/* From a mark on, which has been added: what is left out or not. Returns where it goes on. */
static size_t add_authority(struct scan *c, struct buf *to, size_t mark, size_t from)
{
    bool is_path = from - mark == 2;
    size_t end = credentials_end(c, from, is_path, scheme_before(c->s, mark));
    if (end != NOWHERE) {
        add_user(to, text_from(text_first(c->s, end), from));
        return end;
    }
    end = authority_end(c->s, from);
    size_t password = is_path ? end : no_port(c->s, from, end);
    if (password >= end)
        return from;
    buf_text(to, text_from(text_first(c->s, password), from));
    buf_str(to, "****");
    return end;
}

void log_redact(struct buf *to, struct text s)
{
    struct scan c = {.s = s};
    bool begins = true; /* a word */
    for (size_t i = 0; i < s.len;) {
        size_t mark = mark_length(text_from(s, i)), from = i + mark, end;
        if (mark) {
            buf_text(to, text_first(text_from(s, i), mark));
            i = add_authority(&c, to, i, from);
            begins = i == from;
        } else if (begins && !is_word_end(s, i) && (from = password_in_word(&c, i)) != NOWHERE &&
                   (end = password_end(&c, i, from)) != NOWHERE) {
            buf_text(to, text_from(text_first(s, from), i));
            buf_str(to, "****");
            i = end;
            begins = false;
        } else {
            begins = is_word_end(s, i);
            buf_char(to, s.ptr[i++]);
        }
    }
}
