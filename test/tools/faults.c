/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a command and disturbs it at one of the system calls by which it, its threads and its children change
 * the file system. They are counted in the order in which they are about to happen, from 1.
 *
 *   faults [OPTION…] MODE -- COMMAND…
 *
 *   count                   how many there are
 *   list                    NUMBER<tab>CALL<tab>PATH, for each
 *   kill N                  all of them end by SIGKILL where the Nth would have happened
 *   fail N ERRNO[,ERRNO]…   the Nth does not happen, and gives the first ERRNO that such a call can give
 *
 * --refuse CALL:ERRNO: no such call ever happens, and none is counted; ERRNO 0: it is told that it did.
 * --before CALL SCRIPT: while the first such call waits, sh runs the script to its end.
 * --journal FILE: before each call "call N" is put to FILE and brought to disk (fsync), as a neighbour on the
 * volume might do: a journal takes all that was done to names and folders along, but not what is in files.
 *
 * The list and, when there is one, the line about the Nth come on standard output once the command has ended;
 * the exit status is the command's, or 128+n when signal n ended it.
 *
 * A seccomp filter stops just these calls, so that a traced command is about as fast as any other.
 */
#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>

#if defined __x86_64__
enum { ARCHITECTURE = (int)AUDIT_ARCH_X86_64 };
#elif defined __aarch64__
enum { ARCHITECTURE = (int)AUDIT_ARCH_AARCH64 };
#else
#error "how a system call is skipped is known for x86-64 and arm64"
#endif

/* Which arguments say what a call is about, -1 for none. */
struct call {
    const char *name;
    int nr;
    int path, dir;   /* the path that changes, and the descriptor that it is relative to */
    int fd;          /* the file that changes */
    int flags;       /* of open(2): only some open for a change */
    bool bytes;      /* it writes bytes, which may go to a pipe or a socket as well */
    bool descriptor; /* it makes a descriptor */
};

#define BY_PATH(call, p)                                                                                     \
    {                                                                                                        \
#call, SYS_##call, p, -1, -1, -1, false, false                                                       \
    }
#define BY_PATH_AT(call, d, p)                                                                               \
    {                                                                                                        \
#call, SYS_##call, p, d, -1, -1, false, false                                                        \
    }
#define BY_FD(call, f)                                                                                       \
    {                                                                                                        \
#call, SYS_##call, -1, -1, f, -1, false, false                                                       \
    }
#define BYTES(call, f)                                                                                       \
    {                                                                                                        \
#call, SYS_##call, -1, -1, f, -1, true, false                                                        \
    }

/* arm64 has only the calls that came late. */
static const struct call calls[] = {
#ifdef SYS_open
    {"open", SYS_open, 0, -1, -1, 1, false, true},
    {"creat", SYS_creat, 0, -1, -1, -1, false, true},
    BY_PATH(mkdir, 0),
    BY_PATH(mknod, 0),
    BY_PATH(rename, 1),
    BY_PATH(link, 1),
    BY_PATH(symlink, 1),
    BY_PATH(unlink, 0),
    BY_PATH(rmdir, 0),
    BY_PATH(chmod, 0),
    BY_PATH(chown, 0),
    BY_PATH(lchown, 0),
    BY_PATH(utime, 0),
    BY_PATH(utimes, 0),
    BY_PATH_AT(futimesat, 0, 1),
#endif
#ifdef SYS_renameat
    BY_PATH_AT(renameat, 2, 3),
#endif
#ifdef SYS_fchmodat2
    BY_PATH_AT(fchmodat2, 0, 1),
#endif
    {"openat", SYS_openat, 1, 0, -1, 2, false, true},
    {"openat2", SYS_openat2, 1, 0, -1, -1, false, true},
    BYTES(write, 0),
    BYTES(pwrite64, 0),
    BYTES(writev, 0),
    BYTES(pwritev, 0),
    BYTES(pwritev2, 0),
    BYTES(sendfile, 0),
    BYTES(copy_file_range, 2),
    BY_PATH_AT(mkdirat, 0, 1),
    BY_PATH_AT(mknodat, 0, 1),
    BY_PATH_AT(renameat2, 2, 3),
    BY_PATH_AT(linkat, 2, 3),
    BY_PATH_AT(symlinkat, 1, 2),
    BY_PATH_AT(unlinkat, 0, 1),
    BY_PATH(truncate, 0),
    BY_FD(ftruncate, 0),
    BY_FD(fallocate, 0),
    BY_FD(fsync, 0),
    BY_FD(fdatasync, 0),
    BY_FD(syncfs, 0),
    BY_FD(fchmod, 0),
    BY_PATH_AT(fchmodat, 0, 1),
    BY_FD(fchown, 0),
    BY_PATH_AT(fchownat, 0, 1),
    BY_PATH_AT(utimensat, 0, 1),
    BY_FD(ioctl, 0), /* FICLONE alone */
    BY_PATH(mount, 1),
};
enum { CALLS = sizeof calls / sizeof *calls, OPEN_FOR_CHANGE = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC };

enum mode { MODE_COUNT, MODE_LIST, MODE_KILL, MODE_FAIL };

struct refusal {
    int nr, sysno;
};

struct order {
    enum mode mode;
    unsigned long long n;
    struct ARRAY(int) errnos; /* of MODE_FAIL, by preference */
    struct ARRAY(struct refusal) refusals;
    int before; /* number of a call, -1 for none */
    const char *script;
    int journal; /* descriptor, -1 for none */
    char **command;
};

/* ---- the command line */

static int parse_errno(struct text name, struct err *err)
{
    enum { HIGHEST = 200 };
    for (int n = 1; n < HIGHEST; n++) {
        const char *known = strerrorname_np(n);
        if (known && text_is(name, known))
            return n;
    }
    return err_set(err, ERR_USAGE, "there is no errno \"%.*s\"", TEXT_ARG(name));
}

static const struct call *find_call(struct text name)
{
    for (size_t i = 0; i < CALLS; i++)
        if (text_is(name, calls[i].name))
            return &calls[i];
    return NULL;
}

static int parse_refusal(struct order *o, const char *arg, struct err *err)
{
    struct text rest = text_of(arg), name;
    text_cut(&rest, ':', &name);
    int sysno = text_is(rest, "0") ? 0 : parse_errno(rest, err);
    if (sysno < 0)
        return err_wrap(err, "--refuse %s", arg);
    const struct call *call = find_call(name);
    if (!call)
        return err_set(err, ERR_USAGE, "--refuse %s: \"%.*s\" is none of the calls that are counted", arg,
                       TEXT_ARG(name));
    array_push(&o->refusals, (struct refusal){call->nr, sysno});
    return 0;
}

static int parse_before(struct order *o, const char *name, const char *script, struct err *err)
{
    const struct call *call = find_call(text_of(name));
    if (!call)
        return err_set(err, ERR_USAGE, "--before %s: this is none of the calls that are counted", name);
    o->before = call->nr;
    o->script = script;
    return 0;
}

static int parse_journal(struct order *o, const char *path, struct err *err)
{
    o->journal = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    return o->journal < 0 ? err_sys(err, errno, "--journal %s", path) : 0;
}

/* How many arguments an option takes with itself; 0: it is none. */
static int parse_option(struct order *o, int left, char **argv, struct err *err)
{
    if (left > 1 && strcmp(*argv, "--refuse") == 0)
        return parse_refusal(o, argv[1], err) < 0 ? -1 : 2;
    if (left > 1 && strcmp(*argv, "--journal") == 0)
        return parse_journal(o, argv[1], err) < 0 ? -1 : 2;
    if (left > 2 && strcmp(*argv, "--before") == 0)
        return parse_before(o, argv[1], argv[2], err) < 0 ? -1 : 3;
    return 0;
}

static int parse_errnos(struct order *o, const char *arg, struct err *err)
{
    struct text rest = text_of(arg), name;
    while (text_cut(&rest, ',', &name)) {
        int sysno = parse_errno(name, err);
        if (sysno < 0)
            return -1;
        array_push(&o->errnos, sysno);
    }
    return 0;
}

static int parse(struct order *o, int argc, char **argv, struct err *err)
{
    static const struct {
        const char *name;
        int arguments;
    } modes[] = {{"count", 0}, {"list", 0}, {"kill", 1}, {"fail", 2}};
    int at = 1, taken;
    while (at < argc && (taken = parse_option(o, argc - at, argv + at, err)) != 0) {
        if (taken < 0)
            return -1;
        at += taken;
    }
    for (size_t i = 0; at < argc && i < sizeof modes / sizeof *modes; i++) {
        int dashes = at + 1 + modes[i].arguments;
        if (strcmp(argv[at], modes[i].name) != 0 || dashes + 1 >= argc || strcmp(argv[dashes], "--") != 0)
            continue;
        o->mode = (enum mode)i;
        o->command = argv + dashes + 1;
        if (modes[i].arguments && (!text_u64(text_of(argv[at + 1]), &o->n) || o->n == 0))
            return err_set(err, ERR_USAGE, "\"%s\" is no number of a call, which are counted from 1",
                           argv[at + 1]);
        return o->mode == MODE_FAIL ? parse_errnos(o, argv[at + 2], err) : 0;
    }
    return err_set(err, ERR_USAGE,
                   "usage: faults [--refuse CALL:ERRNO] [--before CALL SCRIPT] [--journal FILE]… "
                   "count|list|kill N|fail N ERRNO[,ERRNO]… -- COMMAND…");
}

/* ---- the filter; what it hands to the tracer is the place of the call in the table */

struct program ARRAY(struct sock_filter);

static void add(struct program *p, unsigned code, unsigned k, unsigned char yes, unsigned char no)
{
    array_push(p, (struct sock_filter){(unsigned short)code, yes, no, k});
}

/* The low half of an argument: flags and requests have no other. */
static unsigned argument(int n)
{
    return (unsigned)offsetof(struct seccomp_data, args) + (unsigned)n * 8;
}

static void add_call(struct program *p, unsigned index)
{
    const struct call *c = &calls[index];
    const unsigned trace = SECCOMP_RET_TRACE | index;
    bool some = c->flags >= 0 || c->nr == SYS_ioctl;
    add(p, BPF_JMP | BPF_JEQ | BPF_K, (unsigned)c->nr, 0, some ? 4 : 1);
    if (c->flags >= 0) {
        add(p, BPF_LD | BPF_W | BPF_ABS, argument(c->flags), 0, 0);
        add(p, BPF_JMP | BPF_JSET | BPF_K, OPEN_FOR_CHANGE, 0, 1);
    } else if (some) {
        add(p, BPF_LD | BPF_W | BPF_ABS, argument(1), 0, 0);
        add(p, BPF_JMP | BPF_JEQ | BPF_K, FICLONE, 0, 1);
    }
    add(p, BPF_RET | BPF_K, trace, 0, 0);
    if (some)
        add(p, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

static int filter(const struct order *o, struct err *err)
{
    struct program p = {0};
    add(&p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
    add(&p, BPF_JMP | BPF_JEQ | BPF_K, (unsigned)ARCHITECTURE, 1, 0);
    add(&p, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
    add(&p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
    array_each (&o->refusals, refusal) {
        add(&p, BPF_JMP | BPF_JEQ | BPF_K, (unsigned)refusal->nr, 0, 1);
        add(&p, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)refusal->sysno, 0, 0);
    }
    for (unsigned i = 0; i < CALLS; i++)
        add_call(&p, i);
    add(&p, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
    const struct sock_fprog program = {(unsigned short)p.count, p.items};
    int result = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
                         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0
                     ? err_sys(err, errno, "cannot filter system calls")
                     : 0;
    array_free(&p);
    return result;
}

/* ---- one stopped call */

struct tracer {
    const struct order *order;
    unsigned long long seen;
    struct ARRAY(pid_t) tasks; /* threads, too */
    bool came;                 /* the call of --before */
    bool met;                  /* the Nth came; with MODE_KILL nobody lives on */
    pid_t main;
    int status;
    struct buf said;
};

static ssize_t read_memory(pid_t pid, uint64_t from, void *to, size_t n)
{
    const struct iovec ours = {to, n};
    const struct iovec theirs = {(void *)(uintptr_t)from, n}; // NOLINT(performance-no-int-to-ptr)
    return process_vm_readv(pid, &ours, 1, &theirs, 1, 0);
}

/* A path of the tracee; false where there is none. A read ends with its page: the next may not be there. */
static bool read_path(pid_t pid, uint64_t from, char path[PATH_MAX])
{
    enum { PAGE = 4096 };
    for (size_t got = 0; from && got < PATH_MAX;) {
        size_t want = PAGE - (from + got) % PAGE;
        ssize_t n = read_memory(pid, from + got, path + got, want < PATH_MAX - got ? want : PATH_MAX - got);
        if (n <= 0)
            return false;
        if (memchr(path + got, 0, (size_t)n))
            return true;
        got += (size_t)n;
    }
    return false;
}

/* What a call is about: a link in /proc, and a path that goes on from there (empty: the file itself). */
struct place {
    char link[64];
    char path[PATH_MAX];
};

static void locate(pid_t pid, const struct call *c, const uint64_t *args, struct place *place)
{
    *place->path = 0;
    int fd = c->fd >= 0 ? (int)args[c->fd] : c->dir >= 0 ? (int)args[c->dir] : AT_FDCWD;
    if (c->path >= 0 && !read_path(pid, args[c->path], place->path))
        *place->path = 0; /* futimens(FD) is utimensat(FD, NULL) */
    if (*place->path == '/')
        snprintf(place->link, sizeof place->link, "/proc/%d/root", pid);
    else if (fd == AT_FDCWD)
        snprintf(place->link, sizeof place->link, "/proc/%d/cwd", pid);
    else
        snprintf(place->link, sizeof place->link, "/proc/%d/fd/%d", pid, fd);
}

/* Opening a device, writing to a terminal, a pipe or a socket changes no file system. */
static bool changes(pid_t pid, const struct call *c, const uint64_t *args, const struct place *place)
{
    struct open_how how = {0};
    if (c->nr == SYS_openat2 &&
        (read_memory(pid, args[2], &how, sizeof how) <= 0 || !(how.flags & OPEN_FOR_CHANGE)))
        return false;
    if (c->bytes && ((int)args[c->fd] == STDOUT_FILENO || (int)args[c->fd] == STDERR_FILENO))
        return false;
    if (!c->bytes && !c->descriptor)
        return true;
    struct stat st;
    struct buf path cleanup_buf = BUF_INIT;
    buf_printf(&path, "%s%s%s", place->link, *place->path ? "/" : "", place->path);
    if (stat(buf_cstr(&path), &st) < 0)
        return c->descriptor; /* it is made by the call */
    return S_ISREG(st.st_mode) || S_ISDIR(st.st_mode);
}

static void say(struct tracer *t, const struct call *c, const struct place *place)
{
    char start[PATH_MAX];
    ssize_t n = readlink(place->link, start, sizeof start);
    struct text from = {start, n > 0 ? (size_t)n : 0};
    if (*place->path == '/')
        from.len = 0;
    buf_printf(&t->said, "%llu\t%s\t%.*s%s%s\n", t->seen, c->name, TEXT_ARG(from),
               *place->path && from.len ? "/" : "", place->path);
}

/* The call does not happen, and the tracee sees this result. */
static int skip_call(pid_t pid, int sysno, struct err *err)
{
    struct user_regs_struct regs;
    struct iovec io = {&regs, sizeof regs};
    if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &io) < 0)
        return err_sys(err, errno, "cannot read the registers of %d", pid);
#if defined __x86_64__
    regs.orig_rax = (unsigned long long)-1;
    regs.rax = (unsigned long long)-sysno;
#else
    int none = -1;
    struct iovec number = {&none, sizeof none};
    if (ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &number) < 0)
        return err_sys(err, errno, "cannot take the call of %d away", pid);
    regs.regs[0] = (unsigned long long)-sysno;
#endif
    if (ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &io) < 0)
        return err_sys(err, errno, "cannot set the registers of %d", pid);
    return 0;
}

/* EMFILE is for calls that make a descriptor. */
static int fitting_errno(const struct order *o, const struct call *c)
{
    array_each (&o->errnos, sysno)
        if (*sysno != EMFILE || c->descriptor)
            return *sysno;
    return EIO;
}

static void kill_all(struct tracer *t)
{
    array_each (&t->tasks, task)
        kill(*task, SIGKILL);
}

static int let_others_work(struct tracer *t, const struct call *c, struct err *err)
{
    const struct order *o = t->order;
    char line[32] = "";
    snprintf(line, sizeof line, "call %llu\n", t->seen + 1);
    if (o->journal >= 0 && (pwrite(o->journal, line, sizeof line, 0) != sizeof line || fsync(o->journal) < 0))
        return err_sys(err, errno, "cannot bring the journal to disk");
    if (c->nr != o->before || t->came)
        return 0;
    t->came = true;
    int status = system(o->script); // NOLINT(cert-env33-c)
    return status == 0 ? 0 : err_set(err, ERR_SYSTEM, "--before: the script ended with %d", status);
}

static int on_call(struct tracer *t, pid_t pid, struct err *err)
{
    struct __ptrace_syscall_info info;
    struct place place;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) < 0) {
        if (errno == ESRCH) /* killed meanwhile */
            return 0;
        return err_sys(err, errno, "cannot ask for the call of %d", pid);
    }
    if (info.op != PTRACE_SYSCALL_INFO_SECCOMP || info.seccomp.ret_data >= CALLS)
        return 0;
    const struct call *c = &calls[info.seccomp.ret_data];
    const uint64_t *args = (const uint64_t *)info.seccomp.args;
    locate(pid, c, args, &place);
    if (!changes(pid, c, args, &place))
        return 0;
    if (let_others_work(t, c, err) < 0)
        return -1;
    t->seen++;
    if (t->order->mode == MODE_LIST || t->seen == t->order->n)
        say(t, c, &place);
    if (t->seen != t->order->n)
        return 0;
    t->met = true;
    if (t->order->mode == MODE_FAIL)
        return skip_call(pid, fitting_errno(t->order, c), err);
    kill_all(t);
    return 0;
}

/* ---- the command and all that it starts */

static _Noreturn void child(const struct order *o, int go)
{
    struct err err cleanup_err = ERR_INIT;
    char byte;
    if (read(go, &byte, 1) == 1 && filter(o, &err) == 0) {
        close(go);
        execvp(*o->command, o->command);
        (void)err_sys(&err, errno, "cannot run %s", *o->command);
    }
    log_error("%s", err.text ? err.text : "nobody traces");
    _exit(127);
}

static int start(struct tracer *t, struct err *err)
{
    enum { OPTIONS = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE };
    int go[2];
    if (pipe2(go, O_CLOEXEC) < 0)
        return err_sys(err, errno, "cannot make a pipe");
    t->main = fork();
    if (t->main == 0)
        child(t->order, go[0]);
    close(go[0]);
    cleanup_close int ready = go[1];
    if (t->main < 0)
        return err_sys(err, errno, "cannot start a child");
    array_push(&t->tasks, t->main);
    if (ptrace(PTRACE_SEIZE, t->main, NULL, OPTIONS | PTRACE_O_EXITKILL) < 0)
        return err_sys(err, errno, "cannot trace a child; may this user, in this container?");
    return write(ready, "", 1) == 1 ? 0 : err_sys(err, errno, "cannot start the child");
}

static void on_new(struct tracer *t, pid_t pid)
{
    array_each (&t->tasks, task)
        if (*task == pid)
            return;
    array_push(&t->tasks, pid);
    if (t->met && t->order->mode == MODE_KILL)
        kill(pid, SIGKILL);
}

static void on_end(struct tracer *t, pid_t pid, int status)
{
    if (pid == t->main)
        t->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    for (size_t i = 0; i < t->tasks.count; i++)
        if (t->tasks.items[i] == pid)
            t->tasks.items[i--] = t->tasks.items[--t->tasks.count];
}

static int on_stop(struct tracer *t, pid_t pid, int status, struct err *err)
{
    int event = status >> 16, signal_number = WSTOPSIG(status);
    bool stopped = signal_number == SIGSTOP || signal_number == SIGTSTP || signal_number == SIGTTIN ||
                   signal_number == SIGTTOU;
    if (event == PTRACE_EVENT_SECCOMP && on_call(t, pid, err) < 0)
        return -1;
    /* A group that a signal has stopped waits for SIGCONT; a signal that is to be delivered is. */
    int request = event == PTRACE_EVENT_STOP && stopped ? PTRACE_LISTEN : PTRACE_CONT;
    if (ptrace(request, pid, NULL, (long)(event ? 0 : signal_number)) < 0 && errno != ESRCH)
        return err_sys(err, errno, "cannot let %d go on", pid);
    return 0;
}

static int trace(struct tracer *t, struct err *err)
{
    int status;
    for (;;) {
        pid_t pid = waitpid(-1, &status, __WALL);
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid < 0)
            return errno == ECHILD ? 0 : err_sys(err, errno, "cannot wait");
        on_new(t, pid);
        if (!WIFSTOPPED(status))
            on_end(t, pid, status);
        else if (on_stop(t, pid, status, err) < 0)
            return -1;
    }
}

static int run(struct tracer *t, struct err *err)
{
    if (start(t, err) < 0 || trace(t, err) < 0) {
        kill_all(t);
        return -1;
    }
    if (t->order->mode == MODE_COUNT)
        printf("%llu\n", t->seen);
    fputs(buf_cstr(&t->said), stdout);
    return 0;
}

int main(int argc, char **argv)
{
    struct err err cleanup_err = ERR_INIT;
    struct order order = {.before = -1, .journal = -1};
    struct tracer tracer = {.order = &order};
    log_open("faults");
    int result = parse(&order, argc, argv, &err);
    if (result == 0)
        result = run(&tracer, &err);
    if (result < 0)
        log_error("%s", err.text);
    array_free(&order.errnos);
    array_free(&order.refusals);
    array_free(&tracer.tasks);
    buf_free(&tracer.said);
    return result < 0 ? 2 : tracer.status;
}
