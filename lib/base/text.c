/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

bool text_is_one_of(struct text t, const char *const *list)
{
    for (; *list; list++)
        if (text_is(t, *list))
            return true;
    return false;
}

bool text_is_identifier(struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        char c = t.ptr[i];
        bool letter = ascii_is_alpha(c) || c == '_' || (unsigned char)c >= 0x80;
        if (!letter && !(i && ascii_is_digit(c)))
            return false;
    }
    return t.len > 0;
}

bool text_eq_nocase(struct text a, struct text b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i]))
            return false;
    return true;
}

bool text_starts(struct text t, struct text prefix)
{
    return t.len >= prefix.len && text_eq(text_first(t, prefix.len), prefix);
}

bool text_ends(struct text t, struct text suffix)
{
    return t.len >= suffix.len && text_eq(text_from(t, t.len - suffix.len), suffix);
}

int text_cmp(struct text a, struct text b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.ptr, b.ptr, n) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

struct text text_trim(struct text t)
{
    while (t.len && ascii_is_space(t.ptr[0]))
        t = text_from(t, 1);
    while (t.len && ascii_is_space(t.ptr[t.len - 1]))
        t.len--;
    return t;
}

size_t text_find(struct text t, char c)
{
    const char *at = t.len ? memchr(t.ptr, c, t.len) : NULL;
    return at ? (size_t)(at - t.ptr) : t.len;
}

bool text_cut(struct text *rest, char sep, struct text *piece)
{
    if (!rest->ptr)
        return false;
    size_t at = text_find(*rest, sep);
    *piece = text_first(*rest, at);
    *rest = at < rest->len ? text_from(*rest, at + 1) : (struct text){0};
    return true;
}

bool text_line(struct text *rest, struct text *line)
{
    if (rest->len == 0)
        return false;
    text_cut(rest, '\n', line);
    if (line->len && line->ptr[line->len - 1] == '\r')
        line->len--;
    return true;
}

char *text_dup(struct arena *a, struct text t)
{
    char *copy = arena_alloc(a, t.len + 1);
    if (t.len)
        memcpy(copy, t.ptr, t.len);
    return copy;
}

struct text_size text_size(unsigned long long bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB"};
    struct text_size size;
    snprintf(size.s, sizeof size.s, "%llu bytes", bytes);
    for (size_t i = 0; i < sizeof units / sizeof *units && bytes && bytes % 1024 == 0; i++) {
        bytes /= 1024;
        snprintf(size.s, sizeof size.s, "%llu %s", bytes, units[i]);
    }
    return size;
}

bool text_u64(struct text t, unsigned long long *value)
{
    unsigned long long v = 0;
    if (t.len == 0)
        return false;
    for (size_t i = 0; i < t.len; i++) {
        if (!ascii_is_digit(t.ptr[i]))
            return false;
        if (__builtin_mul_overflow(v, 10ULL, &v) ||
            __builtin_add_overflow(v, (unsigned long long)(t.ptr[i] - '0'), &v))
            return false;
    }
    *value = v;
    return true;
}

char *buf_reserve(struct buf *b, size_t n)
{
    size_t need;
    if (__builtin_add_overflow(b->len, n, &need) || __builtin_add_overflow(need, (size_t)1, &need))
        need = SIZE_MAX; /* the allocator refuses it */
    if (need > b->room) {
        size_t room = b->room ? b->room : 64;
        while (room < need)
            room = room > SIZE_MAX / 2 ? need : room * 2;
        b->ptr = xreallocarray(b->ptr, room, 1);
        b->room = room;
    }
    b->ptr[b->len] = 0;
    return b->ptr + b->len;
}

void buf_add(struct buf *b, const void *bytes, size_t n)
{
    char *to = buf_reserve(b, n);
    if (n)
        memcpy(to, bytes, n);
    b->len += n;
    b->ptr[b->len] = 0;
}

void buf_text(struct buf *b, struct text t)
{
    buf_add(b, t.ptr, t.len);
}

void buf_str(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_char(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    char most[256];
    va_start(ap, fmt);
    int n = vsnprintf(most, sizeof most, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof most) {
        buf_add(b, most, (size_t)n);
        return;
    }
    va_start(ap, fmt);
    char *s = xvasprintf(fmt, ap);
    va_end(ap);
    buf_str(b, s);
    free(s);
}

void buf_number(struct buf *b, unsigned long long n)
{
    char digits[24], *at = digits + sizeof digits;
    do
        *--at = (char)('0' + n % 10);
    while (n /= 10);
    buf_add(b, at, (size_t)(digits + sizeof digits - at));
}

const char *buf_cstr(const struct buf *b)
{
    return b->ptr ? b->ptr : "";
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    if (b->ptr)
        b->ptr[0] = 0;
}

void buf_free(struct buf *b)
{
    free(b->ptr);
    *b = (struct buf)BUF_INIT;
}
