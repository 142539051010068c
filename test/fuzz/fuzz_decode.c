/* SPDX-License-Identifier: Apache-2.0 */
#include "python/decode.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err cleanup_err = ERR_INIT;
    struct buf once cleanup_buf = BUF_INIT, marked cleanup_buf = BUF_INIT, again cleanup_buf = BUF_INIT;
    struct text bytes = {(const char *)data, size}, rest, line;
    size_t lines = 0;
    if (decode_text(bytes, &once, &err) < 0) {
        if (err.kind != ERR_INPUT || !text_starts(text_of(err.text), T("line ")))
            abort();
        return 0;
    }
    /* What comes out is UTF-8 without NUL, and the same when it is read as such. */
    buf_str(&marked, "\xef\xbb\xbf");
    buf_text(&marked, buf_view(&once));
    if (decode_text(buf_view(&marked), &again, NULL) < 0 || !text_eq(buf_view(&once), buf_view(&again)) ||
        (once.len && memchr(once.ptr, 0, once.len)))
        abort();
    for (rest = buf_view(&once); decode_line(&rest, &line); lines++)
        if (text_find(line, '\n') < line.len || text_find(line, '\r') < line.len ||
            decode_space(line) > line.len)
            abort();
    if (lines > once.len)
        abort();
    return 0;
}
