/* SPDX-License-Identifier: Apache-2.0 */
#include "python/decode.h"

#include <stdint.h>

enum encoding { ENCODING_UTF8, ENCODING_ASCII, ENCODING_LATIN1, ENCODING_UTF16, ENCODING_UTF32 };

static unsigned char byte(struct text t, size_t i)
{
    return i < t.len ? (unsigned char)t.ptr[i] : 0;
}

/* The length of the UTF-8 sequence at the start, 0 when there is none: no overlong forms, surrogates, or
 * anything past U+10FFFF. */
static size_t utf8_length(struct text t)
{
    unsigned char first = byte(t, 0), second = byte(t, 1);
    size_t n = first < 0x80   ? 1
               : first < 0xc2 ? 0
               : first < 0xe0 ? 2
               : first < 0xf0 ? 3
               : first < 0xf5 ? 4
                              : 0;
    if (n > t.len || (first == 0xe0 && second < 0xa0) || (first == 0xed && second >= 0xa0) ||
        (first == 0xf0 && second < 0x90) || (first == 0xf4 && second >= 0x90))
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((byte(t, i) & 0xc0) != 0x80)
            return 0;
    return n;
}

bool decode_is_utf8(struct text t)
{
    size_t n;
    while (t.len && (n = utf8_length(t)) > 0)
        t = text_from(t, n);
    return t.len == 0;
}

size_t decode_space(struct text t)
{
    unsigned char a = byte(t, 0), b = byte(t, 1), c = byte(t, 2);
    if (a < 0x80)
        return t.len && (ascii_is_space((char)a) || (a >= 0x1c && a <= 0x1f));
    if (a == 0xc2)
        return b == 0x85 || b == 0xa0 ? 2 : 0; /* next line, no-break space */
    bool wide =
        (a == 0xe1 && b == 0x9a && c == 0x80) ||
        (a == 0xe2 && b == 0x80 && ((c >= 0x80 && c <= 0x8a) || c == 0xa8 || c == 0xa9 || c == 0xaf)) ||
        (a == 0xe2 && b == 0x81 && c == 0x9f) || (a == 0xe3 && b == 0x80 && c == 0x80);
    return wide ? 3 : 0;
}

/* The same at its end. */
static size_t space_at_end(struct text t)
{
    for (size_t n = 1; n <= 3 && n <= t.len; n++)
        if (decode_space(text_from(t, t.len - n)) == n)
            return n;
    return 0;
}

struct text decode_trim(struct text t)
{
    size_t n;
    while ((n = decode_space(t)) > 0)
        t = text_from(t, n);
    while ((n = space_at_end(t)) > 0)
        t.len -= n;
    return t;
}

bool decode_line(struct text *rest, struct text *line)
{
    if (rest->len == 0)
        return false;
    size_t n = 0;
    while (n < rest->len && rest->ptr[n] != '\n' && rest->ptr[n] != '\r')
        n++;
    *line = text_first(*rest, n);
    bool both = n + 1 < rest->len && rest->ptr[n] == '\r' && rest->ptr[n + 1] == '\n';
    *rest = text_from(*rest, n + (both ? 2 : 1));
    return true;
}

/* The line on which the end of the buffer stands. */
static size_t line_of(const struct buf *done, size_t from)
{
    size_t line = 1;
    for (size_t i = from; i < done->len; i++)
        line += done->ptr[i] == '\n';
    return line;
}

static int bad(const struct buf *out, size_t from, struct err *err, const char *what)
{
    return err_set(err, ERR_INPUT, "line %zu: %s", line_of(out, from), what);
}

static void add_code_point(struct buf *out, uint32_t c)
{
    if (c < 0x80) {
        buf_char(out, (char)c);
        return;
    }
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
    buf_char(out, (char)(lead[more] | c >> (6 * more)));
    while (more-- > 0)
        buf_char(out, (char)(0x80 | (c >> (6 * more) & 0x3f)));
}

static int add_utf8(struct text in, struct buf *out, bool ascii, struct err *err)
{
    size_t from = out->len;
    while (in.len) {
        size_t n = utf8_length(in);
        if (n == 0)
            return bad(
                out, from, err,
                "bytes that are no UTF-8; save the file as UTF-8, or name its encoding in the first line: "
                "# -*- coding: latin-1 -*-");
        if (n > 1 && ascii)
            return bad(out, from, err, "a letter beyond ASCII, though the file says that it is ASCII");
        buf_text(out, text_first(in, n));
        in = text_from(in, n);
    }
    return 0;
}

static void add_latin1(struct text in, struct buf *out)
{
    for (size_t i = 0; i < in.len; i++)
        add_code_point(out, byte(in, i));
}

/* One unit of `width` bytes. */
static uint32_t unit(struct text in, size_t width, bool big)
{
    uint32_t value = 0;
    for (size_t i = 0; i < width; i++)
        value = value << 8 | byte(in, big ? i : width - 1 - i);
    return value;
}

static int add_wide(struct text in, size_t width, bool big, struct buf *out, struct err *err)
{
    size_t from = out->len;
    while (in.len) {
        uint32_t c = unit(in, width, big), low;
        bool whole = in.len >= width;
        in = text_from(in, width);
        if (width == 2 && c >= 0xd800 && c < 0xdc00) {
            low = unit(in, 2, big);
            whole = in.len >= 2 && low >= 0xdc00 && low < 0xe000;
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            in = text_from(in, 2);
        } else if ((c >= 0xd800 && c < 0xe000) || c > 0x10ffff) {
            whole = false;
        }
        if (!whole)
            return bad(out, from, err, width == 2 ? "bytes that are no UTF-16" : "bytes that are no UTF-32");
        add_code_point(out, c);
    }
    return 0;
}

/* The name after "coding:" or "coding=" in a comment, by the pattern of PEP 263. */
static bool coding_name(struct text line, struct text *name)
{
    static const struct text word = T("coding");
    for (size_t i = 0; i + word.len < line.len; i++) {
        struct text rest = text_from(line, i);
        if (!text_starts(rest, word) || (rest.ptr[word.len] != ':' && rest.ptr[word.len] != '='))
            continue;
        rest = text_trim(text_from(rest, word.len + 1));
        size_t n = 0;
        while (n < rest.len && (ascii_is_alnum(rest.ptr[n]) || strchr("-_.", rest.ptr[n])) && rest.ptr[n])
            n++;
        *name = text_first(rest, n);
        if (n)
            return true;
    }
    return false;
}

static int encoding_by_name(struct text name, size_t line, enum encoding *encoding, struct err *err)
{
    static const struct {
        const char *name;
        enum encoding encoding;
    } known[] = {
        {"utf-8", ENCODING_UTF8},    {"utf8", ENCODING_UTF8},         {"utf-8-sig", ENCODING_UTF8},
        {"ascii", ENCODING_ASCII},   {"us-ascii", ENCODING_ASCII},    {"latin-1", ENCODING_LATIN1},
        {"latin1", ENCODING_LATIN1}, {"iso-8859-1", ENCODING_LATIN1}, {"iso8859-1", ENCODING_LATIN1},
        {"l1", ENCODING_LATIN1},
    };
    char plain[16] = "";
    for (size_t i = 0; i < name.len && i < sizeof plain - 1; i++)
        plain[i] = name.ptr[i] == '_' ? '-' : ascii_lower(name.ptr[i]);
    for (size_t i = 0; name.len < sizeof plain && i < sizeof known / sizeof *known; i++)
        if (strcmp(plain, known[i].name) == 0) {
            *encoding = known[i].encoding;
            return 0;
        }
    return err_set(err, ERR_INPUT, "line %zu: the encoding \"%.*s\" is not read here; save the file as UTF-8",
                   line, TEXT_ARG(text_first(name, 64)));
}

int decode_text(struct text bytes, struct buf *out, struct err *err)
{
    static const struct {
        struct text mark;
        enum encoding encoding;
        bool big;
    } marks[] = {
        {T("\xef\xbb\xbf"), ENCODING_UTF8, false},
        {T("\xff\xfe\0\0"), ENCODING_UTF32, false}, /* before UTF-16's, which it begins with */
        {T("\0\0\xfe\xff"), ENCODING_UTF32, true},
        {T("\xff\xfe"), ENCODING_UTF16, false},
        {T("\xfe\xff"), ENCODING_UTF16, true},
    };
    enum encoding encoding = ENCODING_UTF8;
    bool big = false, marked = false;
    size_t from = out->len;
    for (size_t i = 0; !marked && i < sizeof marks / sizeof *marks; i++)
        if (text_starts(bytes, marks[i].mark)) {
            bytes = text_from(bytes, marks[i].mark.len);
            encoding = marks[i].encoding;
            big = marks[i].big;
            marked = true;
        }
    struct text rest = bytes, line, name;
    for (size_t n = 1; !marked && n <= 2 && text_line(&rest, &line); n++)
        if (line.len && line.ptr[0] == '#' && coding_name(line, &name)) {
            if (encoding_by_name(name, n, &encoding, err) < 0)
                return -1;
            break;
        }

    int result = 0;
    if (encoding == ENCODING_LATIN1)
        add_latin1(bytes, out);
    else if (encoding == ENCODING_UTF16 || encoding == ENCODING_UTF32)
        result = add_wide(bytes, encoding == ENCODING_UTF16 ? 2 : 4, big, out, err);
    else
        result = add_utf8(bytes, out, encoding == ENCODING_ASCII, err);
    const char *nul = result == 0 && out->len > from ? memchr(out->ptr + from, 0, out->len - from) : NULL;
    if (nul) {
        out->len = (size_t)(nul - out->ptr);
        return bad(out, from, err, "a NUL byte: this is no text file");
    }
    return result;
}
