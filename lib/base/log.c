/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/array.h"
#include "base/progress.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *program = "localstack";
static enum log_level threshold = LOG_INFO;
static enum log_format format_wanted = LOG_TEXT;

struct held {
    enum log_level level;
    char *text;
};
static struct ARRAY(struct held) held;
static bool holding;
static bool stoppable; /* by signals that are blocked */

static const char *const level_names[] = {"error", "warning", "info", "debug"};

void log_open(const char *name)
{
    program = name;
}

void log_end_by_signals(void)
{
    stoppable = true;
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

bool log_is_json(void)
{
    return format_wanted == LOG_JSON;
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
    unsigned char second = (unsigned char)t.ptr[1];
    bool refused = (c == 0xc2 && second < 0xa0)                                    /* C1 controls */
                   || (c == 0xe0 && second < 0xa0) || (c == 0xf0 && second < 0x90) /* longer than needed */
                   || (c == 0xed && second > 0x9f) ||
                   (c == 0xf4 && second > 0x8f); /* surrogates, no character */
    return refused ? 0 : n;
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

enum { STAMP_SIZE = sizeof "2000-01-01T00:00:00.000Z" };

static void put_digits(char *at, long value, int digits)
{
    for (int i = digits; i-- > 0; value /= 10)
        at[i] = (char)('0' + value % 10);
}

/* The time in UTC. By hand, because gmtime_r takes a lock, which a signal handler may find taken. */
static void stamp(char out[STAMP_SIZE])
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    long second = now.tv_sec % 86400, day = now.tv_sec / 86400, year = 1970, month = 0;
    for (;; year++) {
        long days = 365 + ((year % 4 == 0 && year % 100 != 0) || year % 400 == 0);
        if (day < days)
            break;
        day -= days;
    }
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    const int days[] = {31, 28 + leap, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    for (; day >= days[month]; month++)
        day -= days[month];
    memcpy(out, "0000-00-00T00:00:00.000Z", STAMP_SIZE);
    put_digits(out, year, 4);
    put_digits(out + 5, month + 1, 2);
    put_digits(out + 8, day + 1, 2);
    put_digits(out + 11, second / 3600, 2);
    put_digits(out + 14, second / 60 % 60, 2);
    put_digits(out + 17, second % 60, 2);
    put_digits(out + 20, now.tv_nsec / 1000000, 3);
}

static void write_all(const char *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = write(STDERR_FILENO, bytes + done, len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
}

static void end(int number)
{
    _exit(128 + number);
}

/* Lets TERM and INT end the process while it writes. The write itself cannot be asked not to block: the
 * description is also LocalStack's. And no loop around poll would do: a terminal takes a part, and blocks. */
static void write_stoppable(const char *bytes, size_t len)
{
    static const int ends[] = {SIGTERM, SIGINT};
    struct sigaction old[2];
    sigset_t these, before;
    sigemptyset(&these);
    for (size_t i = 0; i < 2; i++) {
        sigaddset(&these, ends[i]);
        sigaction(ends[i], &(struct sigaction){.sa_handler = end}, &old[i]);
    }
    sigprocmask(SIG_UNBLOCK, &these, &before);
    write_all(bytes, len);
    for (size_t i = 0; i < 2; i++)
        if (!sigismember(&before, ends[i]))
            sigdelset(&these, ends[i]);
    sigprocmask(SIG_BLOCK, &these, NULL); /* not the whole mask: libc leaves out what it uses itself */
    for (size_t i = 0; i < 2; i++)
        sigaction(ends[i], &old[i], NULL);
}

/* Whether all of it goes through at once: a pipe that takes anything takes PIPE_BUF bytes, and a file all. */
static bool goes_through(size_t len)
{
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
    struct stat st;
    return fstat(STDERR_FILENO, &st) < 0 || S_ISREG(st.st_mode) ||
           (S_ISFIFO(st.st_mode) && len <= PIPE_BUF && poll(&out, 1, 0) > 0);
}

/* One write a line, so that lines of several processes do not mix. */
static void put(const char *bytes, size_t len)
{
    progress_clear();
    if (stoppable && !goes_through(len))
        write_stoppable(bytes, len);
    else
        write_all(bytes, len);
}

void log_plain(const char *text)
{
    put(text, strlen(text));
}

void log_emergency(const char *message)
{
    char line[1024], when[STAMP_SIZE];
    int saved = errno;
    stamp(when);
    const char *json[] = {
        "{\"time\": \"", when,   "\", \"level\": \"error\", \"program\": \"", program, "\", \"message\": \"",
        message,         "\"}\n"};
    const char *text[] = {program, ": error: ", message, "\n"};
    const char **parts = log_is_json() ? json : text;
    size_t count = log_is_json() ? sizeof json / sizeof *json : sizeof text / sizeof *text, len = 0;
    for (size_t i = 0; i < count; i++)
        for (const char *c = parts[i]; *c && len < sizeof line; c++)
            line[len++] = *c;
    put(line, len);
    errno = saved;
}

static void say_text(enum log_level level, struct text raw)
{
    struct buf text cleanup_buf = BUF_INIT, line cleanup_buf = BUF_INIT;
    if (level > threshold)
        return;
    log_escape(&text, raw);
    if (format_wanted == LOG_JSON) {
        char when[STAMP_SIZE];
        stamp(when);
        buf_printf(&line, "{\"time\": \"%s\", \"level\": \"%s\", \"program\": \"%s\", \"message\": ", when,
                   level_names[level], program);
        json_string(&line, buf_view(&text));
        buf_str(&line, "}\n");
    } else {
        buf_printf(&line, "%s: ", program);
        if (level != LOG_INFO)
            buf_printf(&line, "%s: ", level_names[level]);
        buf_text(&line, buf_view(&text));
        buf_char(&line, '\n');
    }
    put(line.ptr, line.len);
}

static void say(enum log_level level, const char *fmt, va_list ap)
{
    if (level > threshold && !holding)
        return;
    int saved = errno;
    char *raw = xvasprintf(fmt, ap);
    if (holding) {
        array_push(&held, (struct held){level, raw});
    } else {
        say_text(level, text_of(raw));
        free(raw);
    }
    errno = saved;
}

void log_hold(void)
{
    holding = true;
}

void log_release(void)
{
    holding = false;
    array_each (&held, h) {
        say_text(h->level, text_of(h->text));
        free(h->text);
    }
    array_free(&held);
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
