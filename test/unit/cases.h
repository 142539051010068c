/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of INPUT, a tab, EXPECTED; lines that begin with "# " are comments. \n \r \t \0 and \\ in the input
 * stand for the bytes. */
#pragma once
#include "base/fs.h"
#include "test.h"

struct cases {
    struct buf file, unescaped;
    struct text rest, input, expected;
    size_t line;
};

static inline void cases_open(struct cases *c, const char *name)
{
    struct err err cleanup_err = ERR_INIT;
    *c = (struct cases){0};
    if (fs_read(AT_FDCWD, test_data(name), 1 << 24, &c->file, &err) < 0)
        fail_msg("%s", err.text);
    c->rest = buf_view(&c->file);
}

static inline bool cases_next(struct cases *c)
{
    struct text line;
    do {
        if (!text_line(&c->rest, &line))
            return false;
        c->line++;
    } while (text_starts(line, T("# ")) && text_find(line, '\t') == line.len);
    size_t tab = text_find(line, '\t');
    assert_true(tab < line.len);
    c->expected = text_from(line, tab + 1);
    buf_clear(&c->unescaped);
    for (size_t i = 0; i < tab; i++) {
        static const char from[] = "nrt0\\", to[] = "\n\r\t\0\\";
        const char *known = line.ptr[i] == '\\' && i + 1 < tab ? strchr(from, line.ptr[i + 1]) : NULL;
        buf_char(&c->unescaped, known && *known ? to[known - from] : line.ptr[i]);
        i += known && *known;
    }
    c->input = buf_view(&c->unescaped);
    return true;
}

static inline void cases_close(struct cases *c)
{
    buf_free(&c->file);
    buf_free(&c->unescaped);
}
