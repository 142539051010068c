/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/report.h"

#include "base/cleanup.h"
#include "reconcile/output.h"

#include <stdarg.h>

void report_free(struct report *r)
{
    json_decref(r->root);
    r->root = r->problems = NULL;
}

void report_problem(struct report *r, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    cleanup_free char *raw = xvasprintf(fmt, ap);
    va_end(ap);
    json_t *text = report_text(raw), *other;
    size_t i;
    json_array_foreach(r->problems, i, other)
    {
        if (json_equal(text, other)) {
            json_decref(text);
            return;
        }
    }
    json_array_append_new(r->problems, text);
}

static bool is_delimiter(char c)
{
    return ascii_is_space(c) || strchr("'\"<>()", c);
}

/* What log_redact leaves, because in a log it is mostly no secret. */
static void redact_word(struct buf *to, struct text word)
{
    size_t scheme = 0, at = text_find(word, '@'), colon = text_find(word, ':');
    while (scheme < word.len && !text_starts(text_from(word, scheme), T("://")))
        scheme++;
    size_t query = scheme < word.len ? text_find(word, '?') : word.len;
    if (query < word.len) {
        struct text rest = text_from(word, query);
        buf_text(to, text_first(word, query));
        buf_str(to, "?****");
        buf_text(to, text_from(rest, text_find(rest, '#')));
    } else if (scheme == word.len && at < word.len && colon < at && text_find(word, '/') > at) {
        buf_text(to, text_first(word, colon));
        buf_str(to, ":****");
        buf_text(to, text_from(word, at));
    } else {
        buf_text(to, word);
    }
}

json_t *report_text(const char *text)
{
    struct buf once cleanup_buf = BUF_INIT, clean cleanup_buf = BUF_INIT;
    if (!text)
        return json_null();
    log_redact(&once, text_of(text));
    struct text rest = buf_view(&once);
    while (rest.len) {
        size_t n = 0;
        while (n < rest.len && !is_delimiter(rest.ptr[n]))
            n++;
        redact_word(&clean, text_first(rest, n));
        rest = text_from(rest, n);
        if (rest.len)
            buf_char(&clean, rest.ptr[0]);
        rest = text_from(rest, 1);
    }
    return output_json_text(buf_cstr(&clean));
}

json_t *report_url(const char *text)
{
    const char *at = text ? strrchr(text, '@') : NULL;
    if (!at)
        return report_text(text);
    const char *scheme = strstr(text, "://");
    int before = scheme && scheme < at ? (int)(scheme - text) + 3 : 0;
    cleanup_free char *clean = xasprintf("%.*s****%s", before, text, at);
    return report_text(clean);
}
