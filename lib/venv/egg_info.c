/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/egg_info.h"

#include "base/fs.h"
#include "python/metadata.h"

#include <errno.h>

enum { REQUIRES_LIMIT = 1 << 20 };

/* One section of requires.txt: "" or EXTRA or EXTRA:MARKER or :MARKER. */
static void section_condition(struct text section, struct buf *condition, struct buf *headers)
{
    buf_clear(condition);
    size_t colon = text_find(section, ':');
    struct text extra = text_trim(text_first(section, colon));
    struct text marker = text_trim(text_from(section, colon + 1));
    if (extra.len) {
        buf_printf(headers, "Provides-Extra: %.*s\n", TEXT_ARG(extra));
        buf_printf(condition, " ; extra == \"%.*s\"", TEXT_ARG(extra));
    }
    if (marker.len) {
        buf_str(condition, extra.len ? " and (" : " ; (");
        buf_text(condition, marker);
        buf_char(condition, ')');
    }
}

/* What setuptools wrote before it put Requires-Dist into PKG-INFO, as the headers that it stands for. */
static void add_requires_txt(struct text requires, struct buf *headers)
{
    struct buf condition cleanup_buf = BUF_INIT;
    struct text line;
    while (text_line(&requires, &line)) {
        line = text_trim(line);
        if (line.len > 1 && line.ptr[0] == '[' && line.ptr[line.len - 1] == ']') {
            section_condition(text_first(text_from(line, 1), line.len - 2), &condition, headers);
        } else if (line.len && line.ptr[0] != '#') {
            buf_str(headers, "Requires-Dist: ");
            buf_text(headers, line);
            buf_text(headers, buf_view(&condition));
            buf_char(headers, '\n');
        }
    }
}

/* Headers alone, without the description behind them. */
static struct text only_headers(struct text bytes)
{
    struct text rest = bytes, line;
    while (text_line(&rest, &line))
        if (line.len == 0)
            return text_first(bytes, (size_t)(line.ptr - bytes.ptr));
    return bytes;
}

int egg_info_complete(struct arena *a, const char *info, struct buf *bytes, struct err *err)
{
    struct buf requires cleanup_buf = BUF_INIT, whole cleanup_buf = BUF_INIT;
    struct err why cleanup_err = ERR_INIT;
    struct text ignored;
    if (headers_get(buf_view(bytes), "Requires-Dist", &ignored))
        return 0;
    if (fs_read(AT_FDCWD, path_join(a, info, "requires.txt"), REQUIRES_LIMIT, &requires, &why) < 0)
        return why.sysno == ENOENT || why.sysno == ENOTDIR ? 0 : err_move(err, &why);
    buf_text(&whole, only_headers(buf_view(bytes)));
    if (whole.len && whole.ptr[whole.len - 1] != '\n')
        buf_char(&whole, '\n');
    add_requires_txt(buf_view(&requires), &whole);
    buf_clear(bytes);
    buf_text(bytes, buf_view(&whole));
    return 0;
}
