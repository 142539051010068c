/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text is a (pointer, length) value that owns nothing and may hold NUL bytes; parsers work on it. A struct
 * buf is growable text that owns its bytes and is always NUL-terminated.
 */
#pragma once
#include "base/memory.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct text {
    const char *ptr;
    size_t len;
};

#define T(literal) ((struct text){("" literal ""), sizeof(literal) - 1})
/* For printf: "%.*s", TEXT_ARG(t) */
#define TEXT_ARG(t) (int)((t).len > 4096 ? 4096 : (t).len), (t).ptr

static inline struct text text_of(const char *s)
{
    return (struct text){s, s ? strlen(s) : 0};
}

static inline struct text text_from(struct text t, size_t start)
{
    return start > t.len ? (struct text){t.ptr + t.len, 0} : (struct text){t.ptr + start, t.len - start};
}

static inline struct text text_first(struct text t, size_t n)
{
    return (struct text){t.ptr, n < t.len ? n : t.len};
}

static inline bool text_eq(struct text a, struct text b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool text_is(struct text a, const char *s)
{
    return text_eq(a, text_of(s));
}

/* Of a list that NULL ends. */
bool text_is_one_of(struct text t, const char *const *list);
/* Whether Python takes it for one name (any byte that is not ASCII counts as a letter). */
bool text_is_identifier(struct text t);
bool text_eq_nocase(struct text a, struct text b); /* ASCII only, whatever the locale */
bool text_starts(struct text t, struct text prefix);
bool text_ends(struct text t, struct text suffix);
/* Whether both are the same C string, or both NULL. */
static inline bool text_same(const char *x, const char *y)
{
    return x && y ? strcmp(x, y) == 0 : x == y;
}

/* Byte order, then length. */
int text_cmp(struct text a, struct text b);
/* Without the ASCII white space (space, \t \n \v \f \r) around it. */
struct text text_trim(struct text t);
/* The index of the first c, or t.len. */
size_t text_find(struct text t, char c);
/* Cuts everything before the first `sep` off *rest and returns it, the separator dropped; the whole rest when
 * there is none. Returns false once *rest was used up (an empty input gives one empty piece). */
bool text_cut(struct text *rest, char sep, struct text *piece);
/* The next line of *rest, without its \n or \r\n; false at the end. */
bool text_line(struct text *rest, struct text *line);
char *text_dup(struct arena *a, struct text t);
/* Decimal digits only, no sign; false on anything else and on overflow. */
bool text_u64(struct text t, unsigned long long *value);

/* A number of bytes for messages: "16 MiB", "256 KiB" or "1000 bytes". Print the member: "%s", text_size(n).s
 */
struct text_size {
    char s[32];
};
struct text_size text_size(unsigned long long bytes);

static inline bool ascii_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool ascii_is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool ascii_is_alnum(char c)
{
    return ascii_is_digit(c) || ascii_is_alpha(c);
}

static inline bool ascii_is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

struct buf {
    char *ptr; /* NULL when nothing was ever added */
    size_t len, room;
};

#define BUF_INIT                                                                                             \
    {                                                                                                        \
        0                                                                                                    \
    }
#define cleanup_buf __attribute__((cleanup(buf_free)))

void buf_add(struct buf *b, const void *bytes, size_t n);
void buf_text(struct buf *b, struct text t);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
/* In decimal. */
void buf_number(struct buf *b, unsigned long long n);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Makes room for n more bytes and returns where they go; the caller adds to len what it wrote. */
char *buf_reserve(struct buf *b, size_t n);
/* The contents as a C string, "" when empty; valid until the next change. */
const char *buf_cstr(const struct buf *b);
static inline struct text buf_view(const struct buf *b)
{
    return (struct text){b->ptr, b->len};
}
/* Empties it, keeping the memory. */
void buf_clear(struct buf *b);
void buf_free(struct buf *b);
