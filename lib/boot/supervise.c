/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/supervise.h"

#include "base/log.h"
#include "base/stopwatch.h"
#include "boot/command.h"
#include "boot/shell_words.h"
#include "boot/watcher.h"
#include "config/environment.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>

enum { STATUS_USAGE = 2, STATUS_NO_PROCESS = 126, STATUS_UNKNOWN = 255, PATIENCE_S = 5 };

struct supervise {
    const struct extensions_boot *b;
    char **argv, **env;
    bool is_localstack, debug;
    int patience_s;        /* 0: without end */
    struct sigaction usr1; /* what it was before */

    pid_t pid;
    bool stopping, ends, restarts; /* the child has got a TERM; we end with it; it is started anew */
    long long deadline_ms;         /* of a child that has got one; 0: none */
    int status;                    /* once it has ended; negative: by that signal */
};

/* On stdout, in the form that LocalStack's supervisor has made known. */
static void __attribute__((format(printf, 2, 3))) say(const struct supervise *s, const char *fmt, ...)
{
    char line[200] = "LocalStack supervisor: ";
    size_t len = strlen(line);
    va_list ap;
    if (!s->debug)
        return;
    va_start(ap, fmt);
    int n = vsnprintf(line + len, sizeof line - len - 1, fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    len = strlen(line);
    line[len++] = '\n';
    ssize_t ignored = write(STDOUT_FILENO, line, len);
    (void)ignored;
}

/* ---- what is to be run, and how */

static int read_patience(const char *text)
{
    char *end;
    if (!text || !*text)
        return PATIENCE_S;
    errno = 0;
    long n = strtol(text, &end, 10);
    while (ascii_is_space(*end))
        end++;
    if (end == text || *end) {
        log_warning(
            "SHUTDOWN_TIMEOUT has to be a number of seconds, not \"%s\"; LocalStack gets %d to shut down",
            text, PATIENCE_S);
        return PATIENCE_S;
    }
    return n < 0 || n > INT_MAX ? 0 : (int)n;
}

static int choose_command(struct supervise *s, char **argv, struct err *err)
{
    static char module[] = "localstack.runtime.main", option[] = "-m";
    struct strings words cleanup_strings = {0};
    struct arena *a = s->b->a;
    const char *own = environment_get(s->b->env, "LOCALSTACK_SUPERVISOR_COMMAND");
    s->is_localstack = !argv || !*argv;
    s->env = s->is_localstack ? command_localstack_env(s->b) : s->b->env;
    s->env = environment_set(a, s->env, "SUPERVISOR_PID", arena_printf(a, "%ld", (long)getpid()));
    s->argv = argv;
    if (!s->is_localstack)
        return 0;
    /* The command is not shown: it may hold a password or a token. */
    if (own && shell_words(a, own, &words, err) < 0)
        return err_wrap(err, "LOCALSTACK_SUPERVISOR_COMMAND cannot be split into words");
    size_t count = words.count ? words.count : 3;
    s->argv = arena_alloc(a, (count + 1) * sizeof *s->argv);
    if (words.count) {
        memcpy(s->argv, words.items, count * sizeof *s->argv);
    } else {
        s->argv[0] = arena_printf(a, "%s/bin/python3", s->b->paths->base);
        s->argv[1] = option;
        s->argv[2] = module;
    }
    s->argv[count] = NULL;
    return 0;
}

/* ---- one life of it */

static _Noreturn void become(const struct supervise *s)
{
    /* Two, so that what is said of a failure goes where errors go. */
    int errors = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    /* Nothing but our own /dev/null ends with the exec: that stands for one that was closed. */
    if (!(fcntl(STDOUT_FILENO, F_GETFD) & FD_CLOEXEC))
        dup2(STDOUT_FILENO, STDERR_FILENO);
    sigaction(SIGUSR1, &s->usr1, NULL);
    int ended = signals_hand_over(s->b->signals);
    if (ended) /* it came right after the fork */
        _exit(128 + ended);
    environ = s->env;
    execvp(s->argv[0], s->argv);
    int sysno = errno;
    dup2(errors, STDERR_FILENO);
    _exit(command_failed(s->argv[0], sysno));
}

static int start(struct supervise *s)
{
    s->stopping = s->restarts = false;
    s->deadline_ms = 0;
    s->pid = fork();
    if (s->pid == 0)
        become(s);
    if (s->pid < 0) {
        log_error("cannot start a process for LocalStack: %s; the container may have too few (pids limit)",
                  strerror(errno));
        return -1;
    }
    say(s, "localstack process (PID %ld) starting", (long)s->pid);
    return 0;
}

/* Reaps all that have ended, also the watcher's keeper, which is hidden from others (__WALL). True when the
 * child is among them. */
static bool reap(struct supervise *s)
{
    for (;;) {
        siginfo_t info = {0};
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | __WALL) < 0) {
            s->status = STATUS_UNKNOWN; /* no child at all: somebody else has reaped it */
            return errno == ECHILD;
        }
        if (info.si_pid == 0)
            return false;
        if (info.si_pid == s->pid) {
            s->status = info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
            return true;
        }
    }
}

/* Once asked to end, it does not start anew. */
static void stop(struct supervise *s, bool restarts)
{
    s->ends = s->ends || !restarts;
    s->restarts = !s->ends;
    say(s, "Shutting down localstack (PID %ld)...", (long)s->pid);
    kill(s->pid, SIGTERM);
    if (!s->stopping && s->patience_s)
        s->deadline_ms = stopwatch_ms() + s->patience_s * 1000LL;
    s->stopping = true;
}

static void attend(struct supervise *s)
{
    while (!reap(s)) {
        int n = signals_wait_any(s->deadline_ms);
        if (n == SIGTERM || n == SIGINT || n == SIGUSR1) {
            stop(s, n == SIGUSR1);
        } else if (n <= 0 && s->deadline_ms && stopwatch_ms() >= s->deadline_ms) {
            say(s, "localstack (PID %ld) did not shut down in time. Forcing it to exit.", (long)s->pid);
            kill(s->pid, SIGKILL);
            s->deadline_ms = 0;
        }
    }
    say(s, "localstack process (PID %ld) returned with exit code %d", (long)s->pid, s->status);
}

static void never_called(int n)
{
    (void)n;
}

int supervise_run(const struct extensions_boot *b, bool watch, char **argv)
{
    struct err err cleanup_err = ERR_INIT;
    struct supervise s = {.b = b,
                          .debug = environment_is_true(environment_get(b->env, "DEBUG")),
                          .patience_s = read_patience(environment_get(b->env, "SHUTDOWN_TIMEOUT"))};
    if (choose_command(&s, argv, &err) < 0) {
        log_error("%s; correct it, or remove it", err.text);
        return STATUS_USAGE;
    }
    int ended = signals_take_all_but_stops();
    if (ended)
        return 128 + ended;
    /* Who wants to know whether USR1 can be sent without harm looks for a handler (/proc/PID/status). */
    sigaction(SIGUSR1, &(struct sigaction){.sa_handler = never_called}, &s.usr1);
    if (watch && s.is_localstack)
        watcher_start(b);
    say(&s, "starting");
    do {
        if (start(&s) < 0)
            return STATUS_NO_PROCESS;
        /* Now this process ends with the child, and by nothing else. No memory is asked for. */
        attend(&s);
    } while (s.restarts);
    say(&s, "exiting");
    return s.ends ? 0 : s.status & 0xff;
}
