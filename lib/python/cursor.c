/* SPDX-License-Identifier: Apache-2.0 */
#include "python/cursor.h"

struct text cursor_rest(const struct cursor *c)
{
    return text_from(c->text, c->at);
}

unsigned cursor_column(const struct cursor *c, size_t at)
{
    unsigned n = 1;
    for (size_t i = 0; i < at && i < c->text.len; i++)
        n += ((unsigned char)c->text.ptr[i] & 0xc0) != 0x80;
    return n;
}

int cursor_expected(const struct cursor *c, const char *what)
{
    struct text rest = cursor_rest(c);
    if (rest.len == 0)
        return err_set(c->err, ERR_INPUT, "column %u: expected %s, but it ends there",
                       cursor_column(c, c->at), what);
    return err_set(c->err, ERR_INPUT, "column %u: expected %s, not \"%.*s\"", cursor_column(c, c->at), what,
                   TEXT_ARG(rest));
}
