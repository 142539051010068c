/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/wheel_path.h"

#include "base/log.h"

enum { PATH_LIMIT = 3000, PART_LIMIT = 255, DEPTH_LIMIT = 64, QUOTE_LIMIT = 200 };

/* The length of the UTF-8 sequence at the start of t, 0 when there is none: no overlong forms, no
 * surrogates, nothing past U+10FFFF. */
static size_t utf8_sequence(struct text t)
{
    unsigned char c = (unsigned char)t.ptr[0];
    size_t n = c < 0x80                ? 1
               : c >= 0xc2 && c < 0xe0 ? 2
               : c >= 0xe0 && c < 0xf0 ? 3
               : c >= 0xf0 && c < 0xf5 ? 4
                                       : 0;
    if (n == 0 || n > t.len)
        return 0;
    unsigned code = n == 1 ? c : c & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        unsigned char next = (unsigned char)t.ptr[i];
        if ((next & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (next & 0x3f);
    }
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    return code < least[n] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : n;
}

static const char *character_fault(struct text path)
{
    while (path.len) {
        unsigned char c = (unsigned char)path.ptr[0];
        if (c == 0)
            return "has a NUL byte in it";
        if (c < 0x20 || c == 0x7f)
            return "has a control character in it";
        if (c == '\\')
            return "has a backslash in it";
        size_t n = utf8_sequence(path);
        if (n == 0)
            return "is not UTF-8";
        if (n == 2 && c == 0xc2 && (unsigned char)path.ptr[1] < 0xa0)
            return "has a control character in it";
        path = text_from(path, n);
    }
    return NULL;
}

const char *wheel_path_fault(struct text path)
{
    if (path.len == 0)
        return "is empty";
    if (path.len > PATH_LIMIT)
        return "is longer than 3000 bytes";
    const char *fault = character_fault(path);
    if (fault)
        return fault;
    if (path.ptr[0] == '/')
        return "is absolute";
    struct text part;
    for (size_t depth = 0; text_cut(&path, '/', &part); depth++) {
        if (text_is(part, ".."))
            return "leads out of its folder";
        if (part.len == 0 || text_is(part, "."))
            return "has an empty part or \".\" in it";
        if (part.len > PART_LIMIT)
            return "has a part longer than 255 bytes";
        if (depth > DEPTH_LIMIT)
            return "is more than 64 folders deep";
    }
    return NULL;
}

char *wheel_path_quote(struct text path)
{
    struct buf quoted cleanup_buf = BUF_INIT;
    struct text rest = text_first(path, QUOTE_LIMIT), line;
    const char *between = "";
    while (text_cut(&rest, '\n', &line)) {
        buf_str(&quoted, between);
        log_escape(&quoted, line);
        between = "\\x0a";
    }
    return xasprintf("\"%s%s\"", buf_cstr(&quoted), path.len > QUOTE_LIMIT ? "…" : "");
}
