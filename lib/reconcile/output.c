/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/output.h"

#include "base/log.h"

#include <errno.h>
#include <stdio.h>

json_t *output_json_text(const char *text)
{
    struct buf clean cleanup_buf = BUF_INIT;
    if (!text)
        return json_null();
    log_redact(&clean, text_of(text));
    json_t *value = json_stringn(buf_cstr(&clean), clean.len);
    if (value)
        return value;
    struct buf escaped cleanup_buf = BUF_INIT; /* what is no UTF-8 */
    log_escape(&escaped, text_of(text));
    return json_stringn(buf_cstr(&escaped), escaped.len);
}

int output_text(const struct buf *text, struct err *err)
{
    if (fwrite(buf_cstr(text), 1, text->len, stdout) != text->len || fflush(stdout) != 0)
        return err_sys(err, errno, "cannot write to standard output");
    return 0;
}

int output_json(json_t *root, struct err *err)
{
    struct buf text cleanup_buf = BUF_INIT;
    char *dump = json_dumps(root, JSON_INDENT(1));
    json_decref(root);
    if (!dump)
        return err_set(err, ERR_SYSTEM, "the answer cannot be written as JSON");
    buf_str(&text, dump);
    buf_char(&text, '\n');
    free(dump);
    return output_text(&text, err);
}
