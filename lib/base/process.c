/* SPDX-License-Identifier: Apache-2.0 */
#include "base/process.h"

#include "base/cleanup.h"
#include "base/stopwatch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bsd/unistd.h>

enum { DEFAULT_LIMIT = 16 << 20 };

static _Noreturn void child(const struct process *p, const int fds[3], int report, pid_t parent)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    for (int n = 1; n < NSIG; n++)
        signal(n, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int sysno = 0;
    for (int i = 0; i < 3; i++)
        if (dup2(fds[i], i) < 0)
            sysno = errno;
    if (dup2(report, 3) < 0 || fcntl(3, F_SETFD, FD_CLOEXEC) < 0)
        _exit(127);
    closefrom(4);
    if (sysno == 0 && p->cwd && chdir(p->cwd) < 0)
        sysno = errno;
    if (sysno == 0) {
        if (p->envp)
            environ = (char **)(uintptr_t)p->envp;
        execvp(p->argv[0], (char *const *)(uintptr_t)p->argv);
        sysno = errno;
    }
    ssize_t ignored = write(3, &sysno, sizeof sysno);
    (void)ignored;
    _exit(127);
}

static int make_pipe(int ends[2], struct err *err)
{
    /* Above 2, so that dup2 in the child never overwrites one of them when 0 to 2 were closed. */
    int raw[2];
    if (pipe2(raw, O_CLOEXEC) < 0)
        return err_sys(err, errno, "cannot make a pipe");
    for (int i = 0; i < 2; i++) {
        ends[i] = fcntl(raw[i], F_DUPFD_CLOEXEC, 10);
        close(raw[i]);
    }
    return ends[0] < 0 || ends[1] < 0 ? err_sys(err, EMFILE, "cannot make a pipe") : 0;
}

/* One round of reading; closes the descriptor at its end. */
static int drain(int *fd, struct buf *to, size_t limit, bool keep_tail, const char *name, struct err *err)
{
    char *at = buf_reserve(to, 65536);
    ssize_t n = read(*fd, at, 65536);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    if (n <= 0) {
        close(steal_fd(fd));
        return 0;
    }
    to->len += (size_t)n;
    to->ptr[to->len] = 0;
    if (to->len <= limit)
        return 0;
    if (!keep_tail)
        return err_set(err, ERR_INPUT, "%s wrote more than %s", name, text_size(limit).s);
    memmove(to->ptr, to->ptr + to->len - limit, limit + 1);
    to->len = limit;
    return 0;
}

struct channels {
    int in, out, err;
    struct text input;
};

static int pump(const struct process *p, struct channels *c, long long deadline, struct process_result *r,
                struct err *err)
{
    size_t limit = p->limit ? p->limit : DEFAULT_LIMIT;
    while (c->out >= 0 || c->err >= 0 || c->in >= 0) {
        struct pollfd polled[3] = {{c->out, POLLIN, 0}, {c->err, POLLIN, 0}, {c->in, POLLOUT, 0}};
        int wait = -1;
        if (deadline) {
            long long left = deadline - stopwatch_ms();
            if (left <= 0) {
                r->timed_out = true;
                return 0;
            }
            wait = (int)left;
        }
        int n = poll(polled, 3, wait);
        if (n < 0 && errno != EINTR)
            return err_sys(err, errno, "cannot wait for %s", p->argv[0]);
        if (n <= 0)
            continue;
        if (polled[0].revents && drain(&c->out, &r->out, limit, false, p->argv[0], err) < 0)
            return -1;
        if (polled[1].revents && drain(&c->err, &r->err, limit, true, p->argv[0], err) < 0)
            return -1;
        if (polled[2].revents) {
            ssize_t done = write(c->in, c->input.ptr, c->input.len);
            if (done > 0)
                c->input = text_from(c->input, (size_t)done);
            if ((done < 0 && errno != EINTR && errno != EAGAIN) || c->input.len == 0)
                close(steal_fd(&c->in));
        }
    }
    return 0;
}

static int reap(pid_t pid, long long deadline, bool kill_now, bool *timed_out)
{
    int status = 0;
    cleanup_close int pidfd = deadline && !kill_now ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    while (pidfd >= 0) {
        long long left = deadline - stopwatch_ms();
        int n = left <= 0 ? 0 : poll(&(struct pollfd){pidfd, POLLIN, 0}, 1, (int)left);
        if (n == 0)
            kill_now = *timed_out = true;
        if (n >= 0 || errno != EINTR)
            break;
    }
    if (kill_now)
        kill(-pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return 127;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int process_run(const struct process *p, struct process_result *result, struct err *err)
{
    cleanup_close int devnull = open("/dev/null", O_RDWR | O_CLOEXEC);
    cleanup_close int in_read = -1, out_write = -1, err_write = -1, report_read = -1, report_write = -1;
    struct channels c = {-1, -1, -1, p->input};
    int ends[2];
    if (devnull < 0)
        return err_sys(err, errno, "cannot open /dev/null");
#define PIPE(reader, writer)                                                                                 \
    do {                                                                                                     \
        if (make_pipe(ends, err) < 0)                                                                        \
            goto fail;                                                                                       \
        reader = ends[0];                                                                                    \
        writer = ends[1];                                                                                    \
    } while (0)
    if (p->input.len)
        PIPE(in_read, c.in);
    if (!p->keep_stdout)
        PIPE(c.out, out_write);
    if (!p->keep_stderr)
        PIPE(c.err, err_write);
    PIPE(report_read, report_write);
#undef PIPE
    if (c.in >= 0) /* a child that does not read must not stop us from reading what it writes */
        fcntl(c.in, F_SETFL, O_NONBLOCK);

    long long deadline = p->timeout_ms ? stopwatch_ms() + p->timeout_ms : 0;
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0) {
        err_sys(err, errno, "cannot start %s", p->argv[0]);
        goto fail;
    }
    if (pid == 0) {
        const int fds[3] = {in_read >= 0 ? in_read : devnull, out_write >= 0 ? out_write : STDERR_FILENO,
                            err_write >= 0 ? err_write : STDERR_FILENO};
        child(p, fds, report_write, parent);
    }
    setpgid(pid, pid);
    if (in_read >= 0)
        close(steal_fd(&in_read));
    if (out_write >= 0)
        close(steal_fd(&out_write));
    if (err_write >= 0)
        close(steal_fd(&err_write));
    close(steal_fd(&report_write));

    int sysno = 0;
    ssize_t n;
    while ((n = read(report_read, &sysno, sizeof sysno)) < 0 && errno == EINTR)
        ;
    int pumped = n == sizeof sysno ? 0 : pump(p, &c, deadline, result, err);
    result->status = reap(pid, deadline, pumped < 0 || result->timed_out, &result->timed_out);
    if (n == sizeof sysno)
        err_sys(err, sysno, "cannot run %s", p->argv[0]);
    else if (pumped == 0) {
        cleanup_close_fn(&c.in);
        return 0;
    }
fail:
    cleanup_close_fn(&c.in);
    cleanup_close_fn(&c.out);
    cleanup_close_fn(&c.err);
    return -1;
}

void process_result_free(struct process_result *r)
{
    buf_free(&r->out);
    buf_free(&r->err);
}
