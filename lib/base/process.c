/* SPDX-License-Identifier: Apache-2.0 */
#include "base/process.h"

#include "base/cleanup.h"
#include "base/landlock.h"
#include "base/process_keeper.h"
#include "base/starting.h"
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

/* What the two processes between fork and exec need. */
struct birth {
    const struct process *p;
    const int *fds; /* what become 0 to 2 */
    int report;     /* where errno goes when exec fails */
};

static void child(void *context, pid_t parent)
{
    const struct birth *b = context;
    const struct process *p = b->p;
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
    /* First, as its descriptor may be one of those that come now. */
    if (p->landlock && landlock_enforce(p->landlock) < 0)
        sysno = errno;
    for (int i = 0; i < 3; i++)
        if (dup2(b->fds[i], i) < 0)
            sysno = errno;
    if (dup2(b->report, 3) < 0 || fcntl(3, F_SETFD, FD_CLOEXEC) < 0)
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

struct channels {
    int in, out, err;
    struct text input;
};

struct process_child {
    const struct process *p;
    pid_t pid;
    int pidfd; /* -1 where the kernel has none: then the end of its output is all that is waited for */
    struct channels channels;
    long long deadline; /* 0: none */
    bool ended;         /* nothing is left to wait for */
    struct process_result result;
    struct err error; /* of what happened meanwhile */
};

static size_t limit_of(const struct process *p)
{
    return p->limit ? p->limit : DEFAULT_LIMIT;
}

/* Leaves the first `head` bytes and the last ones, so that there are `limit`; not each time, as it moves
 * them: `slack` more may pile up before. */
static size_t cut(struct buf *b, size_t limit, size_t head, size_t slack)
{
    if (b->len <= limit + slack)
        return 0;
    size_t gone = b->len - limit;
    memmove(b->ptr + head, b->ptr + head + gone, b->len - head - gone + 1);
    b->len = limit;
    return gone;
}

/* One round of reading; closes the descriptor at its end. */
static int drain(struct process_child *c, int *fd, struct buf *to, struct err *err)
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
    size_t limit = limit_of(c->p);
    if (to == &c->result.err)
        cut(to, limit, 0, limit);
    else if (c->p->keep_ends)
        c->result.left_out += cut(to, limit, limit / 2, limit);
    else if (to->len > limit)
        return err_set(err, ERR_INPUT, "%s wrote more than %s", c->p->argv[0], text_size(limit).s);
    return 0;
}

static void feed(struct channels *c)
{
    ssize_t done = write(c->in, c->input.ptr, c->input.len);
    if (done > 0)
        c->input = text_from(c->input, (size_t)done);
    if ((done < 0 && errno != EINTR && errno != EAGAIN) || c->input.len == 0)
        close(steal_fd(&c->in));
}

/* What a family wrote before its end is there; what one that hangs in the kernel may still write is not
 * waited for. */
static int drain_rest(struct process_child *c, int *fd, struct buf *to)
{
    if (*fd >= 0)
        fcntl(*fd, F_SETFL, O_NONBLOCK);
    while (*fd >= 0) {
        size_t before = to->len + c->result.left_out;
        if (drain(c, fd, to, &c->error) < 0)
            return -1;
        if (*fd >= 0 && before == to->len + c->result.left_out)
            break;
    }
    return 0;
}

enum { POLLED = 4 };

static void name_polled(const struct process_child *c, struct pollfd polled[POLLED])
{
    bool silent = c->channels.out < 0 && c->channels.err < 0 && c->channels.in < 0;
    polled[0] = (struct pollfd){c->channels.out, POLLIN, 0};
    polled[1] = (struct pollfd){c->channels.err, POLLIN, 0};
    polled[2] = (struct pollfd){c->channels.in, POLLOUT, 0};
    /* Whoever else has its output is waited for too, but not when all of them are gone. */
    polled[3] = (struct pollfd){silent || c->p->family ? c->pidfd : -1, POLLIN, 0};
}

static void serve(struct process_child *c, const struct pollfd polled[POLLED])
{
    struct channels *ch = &c->channels;
    int result = 0;
    if (polled[0].revents)
        result = drain(c, &ch->out, &c->result.out, &c->error);
    if (result == 0 && polled[1].revents)
        result = drain(c, &ch->err, &c->result.err, &c->error);
    if (polled[2].revents)
        feed(ch);
    if (result == 0 && polled[3].revents) {
        result = drain_rest(c, &ch->out, &c->result.out);
        if (result == 0)
            result = drain_rest(c, &ch->err, &c->result.err);
        c->ended = true;
    }
    bool silent = ch->out < 0 && ch->err < 0 && ch->in < 0;
    if (result < 0 || (silent && c->pidfd < 0))
        c->ended = true;
    if (!c->ended && c->deadline && stopwatch_ms() >= c->deadline)
        c->ended = c->result.timed_out = true;
}

static int wait_ms(struct process_child *const *children, size_t count)
{
    long long least = -1, now = stopwatch_ms();
    for (size_t i = 0; i < count; i++) {
        if (!children[i] || !children[i]->deadline)
            continue;
        long long left = children[i]->deadline - now;
        left = left < 0 ? 0 : left;
        least = least < 0 || left < least ? left : least;
    }
    return least > 1 << 30 ? 1 << 30 : (int)least;
}

int process_wait(struct process_child *const *children, size_t count, struct err *err)
{
    cleanup_free struct pollfd *polled = xcalloc(count, POLLED * sizeof *polled);
    for (;;) {
        for (size_t i = 0; i < count; i++) {
            if (children[i] && children[i]->ended)
                return (int)i;
            if (children[i])
                name_polled(children[i], polled + i * POLLED);
            else
                for (size_t k = 0; k < POLLED; k++)
                    polled[i * POLLED + k].fd = -1;
        }
        if (poll(polled, count * POLLED, wait_ms(children, count)) < 0) {
            if (errno != EINTR)
                return err_sys(err, errno, "cannot wait for children");
            continue;
        }
        for (size_t i = 0; i < count; i++)
            if (children[i])
                serve(children[i], polled + i * POLLED);
    }
}

static int reap(const struct process_child *c)
{
    int status = 0;
    if (!c->ended || c->result.timed_out || c->error.kind) {
        if (c->p->family)
            kill(c->pid, SIGTERM);
        else
            kill(-c->pid, SIGKILL);
    }
    while (waitpid(c->pid, &status, 0) < 0)
        if (errno != EINTR)
            return 127;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int process_finish(struct process_child *c, struct process_result *result, struct err *err)
{
    c->result.status = reap(c);
    if (c->result.timed_out)
        c->result.status = 128 + SIGKILL;
    cut(&c->result.err, limit_of(c->p), 0, 0);
    if (c->p->keep_ends)
        c->result.left_out += cut(&c->result.out, limit_of(c->p), limit_of(c->p) / 2, 0);
    cleanup_close_fn(&c->channels.in);
    cleanup_close_fn(&c->channels.out);
    cleanup_close_fn(&c->channels.err);
    cleanup_close_fn(&c->pidfd);
    *result = c->result;
    int failed = c->error.kind ? err_move(err, &c->error) : 0;
    free(c);
    return failed;
}

/* The child's ends of the pipes: in, out, err and the report. */
struct ends {
    int fds[4];
    int report; /* ours */
};

static void close_ends(struct ends *e)
{
    for (size_t i = 0; i < sizeof e->fds / sizeof *e->fds; i++)
        if (e->fds[i] >= 0)
            close(steal_fd(&e->fds[i]));
    cleanup_close_fn(&e->report);
}
#define cleanup_ends __attribute__((cleanup(close_ends)))

static int open_ends(const struct process *p, struct channels *c, struct ends *e, struct err *err)
{
    int pair[2];
    *c = (struct channels){-1, -1, -1, p->input};
    *e = (struct ends){{-1, -1, -1, -1}, -1};
    const struct {
        bool wanted;
        int *reader, *writer;
    } pipes[] = {
        {p->input.len, &e->fds[0], &c->in},
        {!p->keep_stdout, &c->out, &e->fds[1]},
        {!p->keep_stderr && !p->join, &c->err, &e->fds[2]},
        {true, &e->report, &e->fds[3]},
    };
    for (size_t i = 0; i < sizeof pipes / sizeof *pipes; i++) {
        if (!pipes[i].wanted)
            continue;
        if (make_pipe(pair, err) < 0)
            return -1;
        *pipes[i].reader = pair[0];
        *pipes[i].writer = pair[1];
    }
    if (c->in >= 0) /* a child that does not read must not stop us from reading what it writes */
        fcntl(c->in, F_SETFL, O_NONBLOCK);
    return 0;
}

static pid_t spawn(const struct process *p, const struct ends *e, int devnull)
{
    const int out = e->fds[1] >= 0 ? e->fds[1] : STDERR_FILENO;
    const int fds[3] = {e->fds[0] >= 0 ? e->fds[0] : devnull, out,
                        p->join          ? out
                        : e->fds[2] >= 0 ? e->fds[2]
                                         : STDERR_FILENO};
    struct birth birth = {p, fds, e->fds[3]};
    pid_t parent = getpid(), pid = fork();
    if (pid == 0 && p->family)
        process_keep(parent, birth.report, child, &birth);
    if (pid == 0)
        child(&birth, parent);
    return pid;
}

static void failed(const struct process *p, const char *what, int sysno, struct err *err)
{
    starting_failed(what, p->argv[0], sysno, p->envp ? (char *const *)(uintptr_t)p->envp : environ, err);
}

struct process_child *process_start(const struct process *p, struct err *err)
{
    cleanup_close int devnull = open("/dev/null", O_RDWR | O_CLOEXEC);
    struct ends ends cleanup_ends = {{-1, -1, -1, -1}, -1};
    if (devnull < 0) {
        err_sys(err, errno, "cannot open /dev/null");
        return NULL;
    }
    struct process_child *c = xcalloc(1, sizeof *c);
    *c = (struct process_child){.p = p, .pid = -1, .pidfd = -1};
    int sysno = 0;
    if (open_ends(p, &c->channels, &ends, err) < 0)
        goto fail;
    c->deadline = p->timeout_ms ? stopwatch_ms() + p->timeout_ms : 0;
    c->pid = spawn(p, &ends, devnull);
    if (c->pid < 0) {
        failed(p, "start", errno, err);
        goto fail;
    }
    setpgid(c->pid, c->pid);
    c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
    for (size_t i = 0; i < sizeof ends.fds / sizeof *ends.fds; i++)
        if (ends.fds[i] >= 0)
            close(steal_fd(&ends.fds[i]));
    ssize_t n;
    while ((n = read(ends.report, &sysno, sizeof sysno)) < 0 && errno == EINTR)
        ;
    if (n != sizeof sysno)
        return c;
    failed(p, "run", sysno, err);
fail:
    if (c->pid < 0) {
        cleanup_close_fn(&c->channels.in);
        cleanup_close_fn(&c->channels.out);
        cleanup_close_fn(&c->channels.err);
        free(c);
    } else {
        struct process_result ignored cleanup_process_result = PROCESS_RESULT_INIT;
        process_finish(c, &ignored, NULL);
    }
    return NULL;
}

int process_run(const struct process *p, struct process_result *result, struct err *err)
{
    struct process_child *c = process_start(p, err);
    if (!c)
        return -1;
    struct process_result r = PROCESS_RESULT_INIT;
    int waited = process_wait(&c, 1, err), finished = process_finish(c, &r, waited < 0 ? NULL : err);
    process_result_free(result);
    *result = r;
    return waited < 0 ? waited : finished;
}

void process_result_free(struct process_result *r)
{
    buf_free(&r->out);
    buf_free(&r->err);
}
