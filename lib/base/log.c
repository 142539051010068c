/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/progress.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const char *program = "localstack";
static enum log_level threshold = LOG_INFO;
static enum log_format format_wanted = LOG_TEXT;

static const char *const level_names[] = {"error", "warning", "info", "debug"};

void log_open(const char *name)
{
    program = name;
}

void log_set_level(enum log_level level)
{
    threshold = level;
}

void log_set_format(enum log_format format)
{
    format_wanted = format;
}

bool log_wants(enum log_level level)
{
    return level <= threshold;
}

bool log_level_parse(struct text name, enum log_level *level)
{
    for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++) {
        if (text_eq_nocase(name, text_of(level_names[i]))) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static bool is_url_end(char c)
{
    return ascii_is_space(c) || c == '\'' || c == '"' || c == '<' || c == '>' || c == '`' ||
           (unsigned char)c < 0x20;
}

void log_redact(struct buf *to, struct text s)
{
    size_t i = 0;
    while (i < s.len) {
        struct text rest = text_from(s, i);
        /* One slash is what is left of two where a URL was taken for a path. */
        size_t mark = text_starts(rest, T("://")) ? 3 : text_starts(rest, T(":/")) ? 2 : 0;
        if (!mark) {
            buf_char(to, s.ptr[i++]);
            continue;
        }
        buf_text(to, text_first(rest, mark));
        rest = text_from(rest, mark);
        /* The authority ends at the first / ? or #; what stands before its last @ is the user's. */
        size_t end = 0, at = 0;
        bool has_user = false;
        while (end < rest.len && !is_url_end(rest.ptr[end]) && !strchr("/?#", rest.ptr[end])) {
            if (rest.ptr[end] == '@') {
                at = end;
                has_user = true;
            }
            end++;
        }
        if (has_user) {
            size_t colon = text_find(text_first(rest, at), ':');
            struct text user = text_first(rest, colon);
            /* ssh's user name is no secret; a lone token before @ is */
            if (colon < at) {
                buf_text(to, user);
                buf_str(to, ":****");
            } else {
                buf_text(to, text_is(user, "git") ? user : T("****"));
            }
            i += mark + at;
        } else {
            i += mark;
        }
    }
}

static size_t utf8_length(struct text t)
{
    unsigned char c = (unsigned char)t.ptr[0];
    size_t n = c >= 0xf0 && c < 0xf5 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 0;
    if (c >= 0xf5 || n == 0 || n > t.len)
        return 0;
    for (size_t i = 1; i < n; i++)
        if (((unsigned char)t.ptr[i] & 0xc0) != 0x80)
            return 0;
    if (n == 2 && c == 0xc2 && (unsigned char)t.ptr[1] < 0xa0) /* C1 controls */
        return 0;
    return n;
}

void log_escape(struct buf *to, struct text from)
{
    struct buf cleaned cleanup_buf = BUF_INIT;
    log_redact(&cleaned, from);
    struct text s = buf_view(&cleaned);
    while (s.len) {
        unsigned char c = (unsigned char)s.ptr[0];
        size_t n = 1;
        if (c == '\n')
            buf_str(to, "\n  ");
        else if (c >= 0x20 && c < 0x7f)
            buf_char(to, (char)c);
        else if (c >= 0x80 && (n = utf8_length(s)))
            buf_add(to, s.ptr, n);
        else
            buf_printf(to, "\\x%02x", c);
        s = text_from(s, n ? n : 1);
    }
}

static void json_string(struct buf *to, struct text s)
{
    buf_char(to, '"');
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '"' || c == '\\')
            buf_char(to, '\\');
        if (c == '\n')
            buf_str(to, "\\n");
        else
            buf_char(to, c);
    }
    buf_char(to, '"');
}

static void say(enum log_level level, const char *fmt, va_list ap)
{
    if (level > threshold)
        return;
    int saved = errno;
    char *raw = xvasprintf(fmt, ap);
    struct buf text cleanup_buf = BUF_INIT, line cleanup_buf = BUF_INIT;
    log_escape(&text, text_of(raw));
    free(raw);
    if (format_wanted == LOG_JSON) {
        struct timespec now;
        struct tm tm;
        clock_gettime(CLOCK_REALTIME, &now);
        gmtime_r(&now.tv_sec, &tm);
        char stamp[32];
        strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
        buf_printf(&line,
                   "{\"time\": \"%s.%03ldZ\", \"level\": \"%s\", \"program\": \"%s\", \"message\": ", stamp,
                   now.tv_nsec / 1000000, level_names[level], program);
        json_string(&line, buf_view(&text));
        buf_str(&line, "}\n");
    } else {
        buf_printf(&line, "%s: ", program);
        if (level != LOG_INFO)
            buf_printf(&line, "%s: ", level_names[level]);
        buf_text(&line, buf_view(&text));
        buf_char(&line, '\n');
    }
    progress_clear();
    /* One write a line, so that lines of several processes do not mix. */
    for (size_t done = 0; done < line.len;) {
        ssize_t n = write(STDERR_FILENO, line.ptr + done, line.len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    errno = saved;
}

#define SAY(level)                                                                                           \
    va_list ap;                                                                                              \
    va_start(ap, fmt);                                                                                       \
    say(level, fmt, ap);                                                                                     \
    va_end(ap)

void log_error(const char *fmt, ...)
{
    SAY(LOG_ERROR);
}

void log_warning(const char *fmt, ...)
{
    SAY(LOG_WARNING);
}

void log_info(const char *fmt, ...)
{
    SAY(LOG_INFO);
}

void log_debug(const char *fmt, ...)
{
    SAY(LOG_DEBUG);
}
