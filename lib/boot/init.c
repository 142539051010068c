/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/init.h"

#include "base/log.h"
#include "boot/command.h"
#include "boot/terminal.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { STATUS_NO_PROCESS = 126, STATUS_UNKNOWN = 255 };

struct init {
    struct terminal terminal;
    pid_t pid;     /* the command, and its process group */
    bool hands_on; /* it does itself what its children are to get */
    bool stopped;
    bool stop_was_asked; /* by a signal that we handed on, not at a terminal */
    int status;          /* once it has ended */
};

void init_adopt_orphans(void)
{
    if (getpid() != 1)
        prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

static bool is_terminal_stop(int n)
{
    return n == SIGTSTP || n == SIGTTIN || n == SIGTTOU;
}

/* To the whole group, and to the command itself where it has left that for another. LocalStack, in the group
 * of its supervisor, must not get what that hands on, and would die at once of the USR1 that makes for its
 * restart. */
static void send(const struct init *in, int n)
{
    if (in->hands_on && n != SIGCONT && !is_terminal_stop(n))
        kill(in->pid, n);
    else if (kill(-in->pid, n) < 0 || getpgid(in->pid) != in->pid)
        kill(in->pid, n);
}

static void forward(struct init *in, int n)
{
    if (is_terminal_stop(n))
        in->stop_was_asked = true;
    if (n == SIGCONT)
        terminal_give(&in->terminal, in->pid);
    send(in, n);
    /* A stopped one would take it only when somebody continues it. */
    if (in->stopped && (n == SIGTERM || n == SIGHUP))
        send(in, SIGCONT);
}

/* Stops us, and at a stop that came from the terminal the rest of our job, as the terminal would have done
 * were we in its foreground. True: that was so, and we were continued by a SIGCONT, which is pending. False:
 * the kernel would not have it, because nobody is there to continue us. */
static bool suspend(const struct init *in, int n)
{
    sigset_t this, pending;
    if (getpid() == 1)
        return false;
    terminal_take_back(&in->terminal, in->pid);
    pid_t job = is_terminal_stop(n) ? 0 : getpid();
    if (!is_terminal_stop(n))
        n = SIGTSTP;
    sigemptyset(&this);
    sigaddset(&this, n);
    kill(job, n);
    sigprocmask(SIG_UNBLOCK, &this, NULL);
    sigprocmask(SIG_BLOCK, &this, NULL);
    sigpending(&pending);
    if (sigismember(&pending, SIGCONT))
        return true;
    terminal_give(&in->terminal, in->pid);
    return false;
}

static void stopped(struct init *in, int n)
{
    in->stopped = true;
    if (in->terminal.fd < 0)
        return;
    bool wanted_terminal = n == SIGTTIN || n == SIGTTOU;
    if (wanted_terminal && terminal_give(&in->terminal, in->pid))
        send(in, SIGCONT);
    else if (!suspend(in, n) && n == SIGTSTP && !in->stop_was_asked)
        send(in, SIGCONT);
}

/* True when the command has ended. */
static bool take(struct init *in, const siginfo_t *info)
{
    if (info->si_pid != in->pid)
        return false;
    switch (info->si_code) {
    case CLD_STOPPED:
        stopped(in, info->si_status);
        return false;
    case CLD_CONTINUED:
        in->stopped = false;
        in->stop_was_asked = false;
        return false;
    case CLD_EXITED:
        in->status = info->si_status;
        return true;
    case CLD_KILLED:
    case CLD_DUMPED:
        in->status = 128 + info->si_status;
        return true;
    default: /* traced */
        return false;
    }
}

/* Reaps all that have ended. True when the command is among them. */
static bool reap(struct init *in)
{
    for (;;) {
        siginfo_t info = {0};
        if (waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WCONTINUED | WNOHANG) < 0) {
            in->status = STATUS_UNKNOWN; /* no child at all: somebody else has reaped it */
            return errno == ECHILD;
        }
        if (info.si_pid == 0)
            return false;
        if (take(in, &info))
            return true;
    }
}

static _Noreturn void become(const struct init *in, const struct extensions_boot *b, bool watch, char **argv)
{
    setpgid(0, 0);
    terminal_give(&in->terminal, getpid());
    _exit(command_exec(b, watch, argv));
}

int init_run(const struct extensions_boot *b, bool watch, char **argv)
{
    struct init in = {.hands_on = command_is_localstack(b, argv)};
    terminal_open(&in.terminal);
    /* What was sent before there was a command meant the boot. */
    int ended = signals_take_all();
    if (ended)
        return 128 + ended;
    in.pid = fork();
    if (in.pid == 0)
        become(&in, b, watch, argv);
    if (in.pid < 0) {
        log_error("cannot start a process for the command: %s; the container may have too few (pids limit)",
                  strerror(errno));
        return STATUS_NO_PROCESS;
    }
    setpgid(in.pid, in.pid);
    /* From here on this process ends with the command, and by nothing else. No memory is asked for. */
    while (!reap(&in)) {
        int n = signals_wait_any(0);
        if (n > 0 && n != SIGCHLD)
            forward(&in, n);
    }
    terminal_take_back(&in.terminal, in.pid);
    return in.status;
}
