/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/watcher.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <bsd/unistd.h>

#define CONSEQUENCE "LocalStack is not restarted when a source changes"

static _Noreturn void become(const struct extensions_boot *b, const char *const *argv)
{
    int null = open("/dev/null", O_RDONLY);
    if (null > 0)
        dup2(null, STDIN_FILENO);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    closefrom(STDERR_FILENO + 1);
    environ = b->env;
    execvp(argv[0], (char *const *)(uintptr_t)argv);
    log_warning("cannot run %s: %s; " CONSEQUENCE ". It belongs beside localstack-entrypoint, or on PATH",
                argv[0], strerror(errno));
    _exit(127);
}

/* Dies with the supervisor, and the watcher with it. */
static _Noreturn void keep(const struct extensions_boot *b, const char *const *argv, pid_t supervisor)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != supervisor)
        _exit(0);
    signals_restore(b->signals);
    setpgid(0, 0); /* who signals LocalStack's group does not mean us */
    pid_t pid = fork();
    if (pid == 0)
        become(b, argv);
    if (pid < 0)
        log_warning("cannot start %s: %s; " CONSEQUENCE, argv[0], strerror(errno));
    closefrom(0);
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    _exit(0);
}

void watcher_start(const struct extensions_boot *b)
{
    const pid_t supervisor = getpid();
    const char *argv[8] = {extensions_program(b), "watch", "--supervisor",
                           arena_printf(b->a, "%ld", (long)supervisor)};
    size_t argc = 4;
    if (*b->paths->root) {
        argv[argc++] = "--root";
        argv[argc++] = b->paths->root;
    }
    /* As fork(2), but for the signal. Nothing else is shared, and there are no other threads. */
    long pid = syscall(SYS_clone, 0L, 0L, 0L, 0L, 0L);
    if (pid == 0)
        keep(b, argv, supervisor);
    if (pid < 0)
        log_warning("cannot start %s: %s; " CONSEQUENCE, argv[0], strerror(errno));
}
