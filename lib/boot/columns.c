/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/columns.h"

void columns_add(struct buf *to, const char *s, char end)
{
    for (; s && *s; s++) {
        if (*s == '\t' || *s == '\n' || *s == '\\') {
            buf_char(to, '\\');
            buf_char(to, *s == '\t' ? 't' : *s == '\n' ? 'n' : '\\');
        } else {
            buf_char(to, *s);
        }
    }
    buf_char(to, end);
}

static const char *unescape(struct arena *a, struct text column)
{
    if (text_find(column, '\\') == column.len)
        return text_dup(a, column);
    char *out = arena_alloc(a, column.len + 1), *to = out;
    for (size_t i = 0; i < column.len; i++) {
        char c = column.ptr[i];
        if (c == '\\' && i + 1 < column.len) {
            c = column.ptr[++i];
            c = c == 't' ? '\t' : c == 'n' ? '\n' : c;
        }
        *to++ = c;
    }
    return out;
}

void columns_cut(struct arena *a, struct text line, const char **columns, size_t count)
{
    struct text column;
    size_t n = 0;
    while (n < count && text_cut(&line, '\t', &column))
        columns[n++] = unescape(a, column);
    while (n < count)
        columns[n++] = "";
}
