/* SPDX-License-Identifier: Apache-2.0 */
#include "base/progress.h"

#include "base/log.h"
#include "base/stopwatch.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { EVERY_MS = 100, USUAL_COLUMNS = 80, RATE_MS = 1000 };

static bool opened;
static atomic_bool shown; /* threads that log take the line away, too */
static struct progress *current;
static long long drawn_ms;

/* Errors are not looked at: a terminal that went away takes no line either. */
static void put(const char *bytes, size_t len)
{
    ssize_t ignored = write(STDERR_FILENO, bytes, len);
    (void)ignored;
}

void progress_clear(void)
{
    static const char clear[] = "\r\033[K";
    int saved = errno;
    if (atomic_exchange(&shown, false))
        put(clear, sizeof clear - 1);
    errno = saved;
}

/* SA_RESETHAND: the default stands again by now, and takes over as soon as this returns. */
static void on_end(int number)
{
    progress_clear();
    raise(number);
}

void progress_open(void)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    const char *term = getenv("TERM");
    if (opened || !term || !*term || strcmp(term, "dumb") == 0 || !isatty(STDERR_FILENO))
        return;
    opened = true;
    drawn_ms = stopwatch_ms(); /* what is over at once shows nothing */
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct sigaction old, ours = {.sa_handler = on_end, .sa_flags = SA_RESETHAND};
        if (sigaction(ends[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
            sigaction(ends[i], &ours, NULL);
    }
}

void progress_close(void)
{
    progress_clear();
    opened = false;
    current = NULL;
}

void progress_begin(struct progress *p)
{
    p->outer = current;
    current = p;
    progress_tick();
}

void progress_end(struct progress *p)
{
    current = p->outer;
    if (!current)
        progress_clear();
}

static size_t columns(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : USUAL_COLUMNS;
}

/* The bytes of the character that a text of valid UTF-8 begins with. */
static size_t character(struct text t)
{
    size_t n = 1;
    while (n < t.len && ((unsigned char)t.ptr[n] & 0xc0) == 0x80)
        n++;
    return n;
}

/* Whatever is not ASCII may be two columns wide. */
static size_t width(struct text one)
{
    return (unsigned char)one.ptr[0] < 0x80 ? 1 : 2;
}

void progress_fit(struct buf *to, struct text line, size_t room)
{
    struct buf clean cleanup_buf = BUF_INIT;
    log_escape(&clean, line);
    size_t used = 0, fits = 0, i = 0; /* fits: what leaves room for the mark behind it */
    while (i < clean.len) {
        struct text rest = text_from(buf_view(&clean), i), one = text_first(rest, character(rest));
        used += width(one);
        if (used > room)
            break;
        i += one.len;
        if (used + width(T("…")) <= room)
            fits = i;
    }
    for (size_t k = 0; k < clean.len; k++)
        if (clean.ptr[k] == '\n')
            clean.ptr[k] = ' ';
    buf_text(to, text_first(buf_view(&clean), i == clean.len ? i : fits));
    if (i < clean.len && room >= width(T("…")))
        buf_str(to, "…");
}

static void draw(void)
{
    struct buf said cleanup_buf = BUF_INIT, line cleanup_buf = BUF_INIT;
    current->describe(current->context, &said);
    buf_char(&line, '\r');
    /* One column stays free: what ends in the last one makes some terminals begin a new line. */
    progress_fit(&line, buf_view(&said), columns() - 1);
    buf_str(&line, "\033[K");
    shown = 1;
    put(line.ptr, line.len);
}

int progress_due_ms(void)
{
    if (!opened || !current)
        return -1;
    long long left = drawn_ms + EVERY_MS - stopwatch_ms();
    return left > 0 ? (int)left : 0;
}

void progress_tick(void)
{
    if (progress_due_ms() != 0)
        return;
    draw();
    drawn_ms = stopwatch_ms();
}

double progress_rate(struct progress_rate *r, long long now_ms, long long amount)
{
    long long passed = now_ms - r->at_ms, moved = amount - r->amount;
    if (r->at_ms && passed > 0) {
        double weight = passed < RATE_MS ? (double)passed / RATE_MS : 1;
        double now = moved > 0 ? (double)moved * 1000 / (double)passed : 0;
        r->per_s += (now - r->per_s) * (r->per_s > 0 ? weight : 1);
    }
    if (!r->at_ms || passed > 0) {
        r->at_ms = now_ms;
        r->amount = amount;
    }
    return r->per_s;
}
