/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/shell_words.h"

#include "base/text.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* What stands between two quotes, the first of which has been read. Returns what is left, or NULL. */
static const char *quoted(const char *s, char quote, struct buf *word, struct err *err)
{
    for (; *s != quote; s++) {
        /* Between double quotes a backslash is one but before another and before the quote. */
        if (*s == '\\' && quote == '"' && (s[1] == '"' || s[1] == '\\'))
            s++;
        if (!*s) {
            err_set(err, ERR_INPUT, "a quote (%c) is not closed", quote);
            return NULL;
        }
        buf_char(word, *s);
    }
    return s + 1;
}

/* One word, at whose first character s points. Returns what is left, or NULL. */
static const char *one(const char *s, struct buf *word, struct err *err)
{
    while (s && *s && !is_blank(*s)) {
        char c = *s++;
        if (c == '\'' || c == '"') {
            s = quoted(s, c, word, err);
            continue;
        }
        if (c == '\\' && !(c = *s++)) {
            err_set(err, ERR_INPUT, "it ends with a backslash");
            return NULL;
        }
        buf_char(word, c);
    }
    return s;
}

int shell_words(struct arena *a, const char *text, struct strings *out, struct err *err)
{
    for (const char *s = text;;) {
        struct buf word cleanup_buf = BUF_INIT;
        while (is_blank(*s))
            s++;
        if (!*s)
            return 0;
        s = one(s, &word, err);
        if (!s)
            return -1;
        array_push(out, text_dup(a, buf_view(&word)));
    }
}
