/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/signals.h"

#include "base/stopwatch.h"

#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

void signals_block(struct signals *s)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
    sigset_t all;
    sigfillset(&all);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(&all, faults[i]);
    sigprocmask(SIG_SETMASK, &all, &s->mask);
    /* Whoever ignores SIGCHLD never hears how a child ended. */
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigaction(SIGCHLD, &standard, &s->child);
}

static void taken(sigset_t *set, bool child)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGUSR1);
    sigaddset(set, SIGHUP);
    sigaddset(set, SIGPIPE); /* from writing to a log that nobody reads */
    if (child)
        sigaddset(set, SIGCHLD);
}

int signals_pending(void)
{
    sigset_t set;
    taken(&set, true);
    for (;;) {
        int n = sigtimedwait(&set, NULL, &(struct timespec){0});
        if (n == SIGTERM || n == SIGINT)
            return n;
        if (n < 0 && errno != EINTR)
            return 0;
    }
}

static struct timespec time_until(long long deadline_ms)
{
    long long left = deadline_ms ? deadline_ms - stopwatch_ms() : 0;
    if (left < 0)
        left = 0;
    /* Rounded up, or the last millisecond would be spent in a loop. */
    return (struct timespec){left / 1000, (left % 1000) * 1000000};
}

int signals_wait(long long deadline_ms)
{
    sigset_t set;
    taken(&set, true);
    for (;;) {
        const struct timespec t = time_until(deadline_ms);
        int n = sigtimedwait(&set, NULL, deadline_ms ? &t : NULL);
        if (n == SIGTERM || n == SIGINT || n == SIGCHLD)
            return n;
        if (n < 0 && errno != EINTR)
            return 0;
    }
}

void signals_restore(const struct signals *s)
{
    sigaction(SIGCHLD, &s->child, NULL);
    sigprocmask(SIG_SETMASK, &s->mask, NULL);
}

static void end(int n)
{
    _exit(128 + n);
}

static void drop(int n)
{
    (void)n;
}

int signals_hand_over(const struct signals *s)
{
    static const struct {
        int number;
        void (*handler)(int);
    } until_then[] = {{SIGTERM, end}, {SIGINT, end}, {SIGUSR1, drop}, {SIGHUP, drop}};
    int pending = signals_pending();
    if (pending)
        return pending;
    for (size_t i = 0; i < sizeof until_then / sizeof *until_then; i++) {
        /* exec puts handlers back to the default, which is what was there unless it was ignored. */
        struct sigaction act = {.sa_handler = until_then[i].handler, .sa_flags = SA_RESTART}, old;
        if (sigaction(until_then[i].number, &act, &old) == 0 && old.sa_handler == SIG_IGN)
            sigaction(until_then[i].number, &old, NULL);
    }
    signals_restore(s);
    return 0;
}

/* As the kernel has it: libc's functions leave out two that it uses itself. */
static uint64_t awaited = UINT64_MAX;

static int wait_any(const struct timespec *timeout)
{
    return (int)syscall(SYS_rt_sigtimedwait, &awaited, NULL, timeout, sizeof awaited);
}

int signals_take_all(void)
{
    int ended = 0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &awaited, NULL, sizeof awaited);
    for (;;) {
        int n = wait_any(&(struct timespec){0});
        if (!ended && (n == SIGTERM || n == SIGINT))
            ended = n;
        if (n < 0 && errno != EINTR)
            return ended;
    }
}

int signals_take_all_but_stops(void)
{
    const int stops[] = {SIGTSTP, SIGTTIN, SIGTTOU};
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++)
        awaited &= ~(UINT64_C(1) << (stops[i] - 1));
    return signals_take_all();
}

int signals_wait_any(long long deadline_ms)
{
    const struct timespec t = time_until(deadline_ms);
    return wait_any(deadline_ms ? &t : NULL);
}
