/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command that says on stdout what it is and each signal that it takes, a line each, in one write(2).
 *
 * child report: "ready PID PPID GROUP SESSION FOREGROUND" (-1: no terminal), then "signal N" for every signal
 * there is. It ends by SIGKILL alone.
 *
 * child group: the same, and a second process in its group says "also N".
 *
 * child moved: the same, but the command has left that group for the one of a third process.
 *
 * child terminal: "ready …", then what a terminal does to a process with everything at its default but the
 * signals it says: INT, WINCH, CONT. It says "read TEXT" for each line that it reads there.
 *
 * child orphan: leaves an orphan, which waits for a byte on stdin, and says "orphan PID"; then as report.
 *
 * child args ARG…: each argument, with a NUL behind it, and ends.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const uint64_t every = UINT64_MAX;

static void __attribute__((format(printf, 1, 2))) say(const char *fmt, ...)
{
    char line[256];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (n < 0 || write(STDOUT_FILENO, line, (size_t)n) < 0)
        _exit(99);
}

static int open_terminal(void)
{
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
    return tcgetpgrp(tty) < 0 ? dup(STDIN_FILENO) : tty;
}

static void say_ready(void)
{
    int tty = open_terminal();
    say("ready %d %d %d %d %d\n", getpid(), getppid(), getpgrp(), getsid(0), tcgetpgrp(tty));
    close(tty);
}

static _Noreturn void report(const char *word)
{
    for (;;) {
        long n = syscall(SYS_rt_sigtimedwait, &every, NULL, NULL, sizeof every);
        if (n > 0)
            say("%s %ld\n", word, n);
    }
}

/* A second process, which reports or waits; its group is led by itself or is ours. */
static pid_t second(const char *word, int leads)
{
    int ready[2];
    char byte = 0;
    if (pipe(ready) < 0)
        _exit(98);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* no test leaves it behind */
        if (leads)
            setpgid(0, 0);
        if (write(ready[1], &byte, 1) != 1)
            _exit(97);
        report(word);
    }
    if (read(ready[0], &byte, 1) != 1)
        _exit(96);
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static void leave_orphan(void)
{
    char byte;
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        pid_t orphan = fork();
        if (orphan == 0)
            _exit(read(STDIN_FILENO, &byte, 1) == 1 ? 0 : 95);
        say("orphan %d\n", orphan);
        _exit(0);
    }
    waitpid(pid, &status, 0);
}

static void heard(int n)
{
    say("signal %d\n", n);
}

static _Noreturn void at_terminal(void)
{
    char text[200];
    struct sigaction act = {.sa_handler = heard, .sa_flags = SA_RESTART};
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGWINCH, &act, NULL);
    sigaction(SIGCONT, &act, NULL);
    int tty = open_terminal();
    say_ready();
    for (;;) {
        ssize_t n = read(tty, text, sizeof text - 1);
        if (n <= 0)
            _exit(n == 0 ? 0 : 94);
        text[n] = 0;
        say("read %s", text);
    }
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "terminal") == 0)
        at_terminal();
    if (strcmp(what, "args") == 0) {
        for (int i = 2; i < argc; i++)
            fwrite(argv[i], strlen(argv[i]) + 1, 1, stdout);
        return 0;
    }
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &every, NULL, sizeof every);
    if (strcmp(what, "group") == 0)
        second("also", 0);
    if (strcmp(what, "moved") == 0) {
        second("also", 0);
        setpgid(0, second("other", 1));
    }
    if (strcmp(what, "orphan") == 0)
        leave_orphan();
    say_ready();
    report("signal");
}
