/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/child.h"

#include "base/cleanup.h"
#include "base/starting.h"
#include "base/stopwatch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { GRACE_MS = 1000, KILL_MS = 500 };

static _Noreturn void start(const struct signals *signals, const struct child *c, pid_t parent, int report)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    /* The group is in the background: one that reads a terminal would be stopped for ever. */
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int sysno = null < 0 ? errno : 0;
    if (null > 0 && dup2(null, STDIN_FILENO) < 0)
        sysno = errno;
    if (null == 0)
        fcntl(0, F_SETFD, 0);
    if (c->stdout_to_stderr)
        dup2(STDERR_FILENO, STDOUT_FILENO);
    signals_restore(signals);
    if (!sysno) {
        environ = c->envp;
        execvp(c->argv[0], (char *const *)(uintptr_t)c->argv);
        sysno = errno;
    }
    ssize_t ignored = write(report, &sysno, sizeof sysno);
    (void)ignored;
    _exit(127);
}

/* The pid of the child, or -1; sets sysno when it is there but could not become the program. */
static pid_t spawn(const struct signals *signals, const struct child *c, int *sysno)
{
    int raw[2];
    if (pipe2(raw, O_CLOEXEC) < 0) {
        *sysno = errno;
        return -1;
    }
    /* Above 2, where the child's own go. */
    cleanup_close int in = fcntl(raw[0], F_DUPFD_CLOEXEC, 10), out = fcntl(raw[1], F_DUPFD_CLOEXEC, 10);
    close(raw[0]);
    close(raw[1]);
    pid_t parent = getpid(), pid = fork();
    if (pid < 0)
        *sysno = errno;
    if (pid <= 0) {
        if (pid == 0)
            start(signals, c, parent, out);
        return -1;
    }
    setpgid(pid, pid);
    close(steal_fd(&out));
    while (read(in, sysno, sizeof *sysno) < 0 && errno == EINTR)
        ;
    return pid;
}

/* Reaps all that have ended. True when the child is among them. `ending`: the rest of its group dies with it;
 * its number cannot be somebody else's while the leader is not reaped. */
static bool reap(pid_t pid, bool ending, int *status)
{
    for (bool found = false;;) {
        siginfo_t info = {0};
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && !found) {
            *status = 127 << 8;
            return errno == ECHILD;
        }
        if (info.si_pid == 0)
            return found;
        if (info.si_pid == pid && ending)
            kill(-pid, SIGKILL);
        int s = 0;
        waitpid(info.si_pid, &s, 0);
        if (info.si_pid == pid) {
            *status = s;
            found = true;
        }
    }
}

static int supervise(pid_t pid, const struct child *c, struct child_end *end)
{
    enum { RUNNING, TERMINATED, KILLED } phase = RUNNING;
    long long deadline = c->timeout_s ? stopwatch_ms() + c->timeout_s * 1000LL : 0;
    int status = 0;
    while (!reap(pid, phase != RUNNING, &status)) {
        int n = signals_wait(deadline);
        if (n == SIGCHLD)
            continue;
        if (n && !end->interrupted)
            end->interrupted = n;
        if (phase == RUNNING) {
            end->timed_out = n == 0;
            phase = TERMINATED;
            deadline = stopwatch_ms() + GRACE_MS;
            kill(-pid, SIGTERM);
            kill(-pid, SIGCONT); /* a stopped one takes no TERM */
        } else if (n == 0 && phase == TERMINATED) {
            phase = KILLED;
            deadline = stopwatch_ms() + KILL_MS;
            kill(-pid, SIGKILL);
        } else if (n == 0) {
            return SIGKILL; /* as if it had died of it */
        }
    }
    return status;
}

int child_run(const struct signals *signals, const struct child *c, struct child_end *end, struct err *err)
{
    int sysno = 0;
    *end = (struct child_end){0};
    pid_t pid = spawn(signals, c, &sysno);
    if (pid < 0)
        return starting_failed("start", c->argv[0], sysno, c->envp, err);
    int status = supervise(pid, c, end);
    if (sysno)
        return starting_failed("run", c->argv[0], sysno, c->envp, err);
    end->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    end->status = end->signal ? 128 + end->signal : WEXITSTATUS(status);
    return 0;
}
