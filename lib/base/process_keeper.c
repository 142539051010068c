/* SPDX-License-Identifier: Apache-2.0 */
#include "base/process_keeper.h"

#include "base/cleanup.h"
#include "base/stopwatch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bsd/unistd.h>

/* One that even SIGKILL does not end within it hangs in the kernel (a dead network volume): left behind. */
enum { PATIENCE_MS = 5000, ROUND_MS = 20 };

/* The second number behind the name, which is in parentheses and may hold any. */
static pid_t parent_of(int proc, const char *pid)
{
    char path[32], stat[512];
    if (snprintf(path, sizeof path, "%.20s/stat", pid) < 0)
        return -1;
    cleanup_close int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, stat, sizeof stat - 1);
    if (n <= 0)
        return -1;
    stat[n] = 0;
    const char *end = strrchr(stat, ')');
    return end && strlen(end) > 4 ? (pid_t)strtol(end + 4, NULL, 10) : -1;
}

/* Without readdir(3): this is a fork of a program with threads, of which one may have held the lock of the
 * memory that opendir(3) asks for. */
static void kill_children(pid_t self)
{
    _Alignas(struct dirent64) char entries[4096];
    cleanup_close int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ssize_t n;
    while (proc >= 0 && (n = getdents64(proc, entries, sizeof entries)) > 0)
        for (ssize_t at = 0; at < n;) {
            const struct dirent64 *entry = (const void *)(entries + at);
            if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && parent_of(proc, entry->d_name) == self)
                kill((pid_t)strtol(entry->d_name, NULL, 10), SIGKILL);
            at += entry->d_reclen;
        }
}

/* What those leave who are killed becomes ours (subreaper) and is killed in the next round. */
static void end_family(pid_t self, const sigset_t *awaited)
{
    long long until = stopwatch_ms() + PATIENCE_MS;
    const struct timespec round = {.tv_nsec = ROUND_MS * 1000000L};
    do {
        pid_t ended;
        kill_children(self);
        while ((ended = waitpid(-1, NULL, WNOHANG)) > 0)
            ;
        if (ended < 0)
            return;
        sigtimedwait(awaited, NULL, &round);
    } while (stopwatch_ms() < until);
}

/* Until it has ended, but is not reaped: while it is not, its group's number is nobody else's. False: we were
 * asked to end it. */
static bool watch(pid_t child, const sigset_t *awaited)
{
    for (;;) {
        siginfo_t info = {0};
        if (waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == child)
            return true;
        int n = sigwaitinfo(awaited, NULL);
        if (n == SIGTERM)
            return false;
        /* Orphans that came to us. */
        while (n == SIGCHLD && waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid &&
               info.si_pid != child)
            waitpid(info.si_pid, NULL, 0);
    }
}

void process_keep(pid_t parent, int report, void (*work)(void *context, pid_t parent), void *context)
{
    sigset_t all, awaited;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGCHLD);
    sigaddset(&awaited, SIGTERM);
    signal(SIGCHLD, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    setpgid(0, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(127);
    pid_t self = getpid(), child = fork();
    if (child == 0)
        work(context, self);
    if (child < 0) {
        int sysno = errno;
        ssize_t ignored = write(report, &sysno, sizeof sysno);
        (void)ignored;
        _exit(127);
    }
    setpgid(child, child);
    closefrom(0);
    int status = SIGKILL;
    bool ended = watch(child, &awaited);
    kill(-child, SIGKILL);
    if (ended)
        waitpid(child, &status, 0);
    end_family(self, &awaited);
    _exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}
