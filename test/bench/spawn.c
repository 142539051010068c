/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn time RUNS WARMUPS COMMAND [ARG...] [+++ COMMAND [ARG...]]...
 *     Runs the commands in turn, RUNS times after WARMUPS that do not count, from posix_spawn until wait4
 * returns. Prints one line for each command: median, 10th and 90th percentile in nanoseconds, greatest
 * ru_maxrss in KiB (of the command or a child of its).
 *
 * spawn peak COMMAND [ARG...]
 *     Prints the VmHWM of that process alone in KiB. ru_maxrss cannot say it, since it is the maximum with
 * all descendants: so the process is stopped on its way out, while its memory still is there. Status 3 where
 * tracing is refused.
 *
 * What the commands write goes to stderr. A command that does not end with 0 ends this program with 1. It is
 * a program of its own, and small, because a spawn from a big process takes longer, and leaves the parent's
 * size in the child's ru_maxrss.
 */
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_COMMANDS = 8, TRACING_REFUSED = 3 };

struct command {
    char **argv;
    int64_t *took_ns;
    long maxrss_kib;
};

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void must_be_0(const char *name, int status)
{
    if (WIFSIGNALED(status))
        errx(1, "%s was ended by signal %d", name, WTERMSIG(status));
    if (WEXITSTATUS(status) != 0)
        errx(1, "%s ended with status %d", name, WEXITSTATUS(status));
}

static int64_t run(struct command *command, const posix_spawn_file_actions_t *actions)
{
    struct rusage usage;
    pid_t pid;
    int status;

    int64_t start = now_ns();
    int failed = posix_spawn(&pid, command->argv[0], actions, NULL, command->argv, environ);
    if (failed)
        errx(1, "cannot run %s: %s", command->argv[0], strerror(failed));
    while (wait4(pid, &status, 0, &usage) < 0)
        if (errno != EINTR)
            err(1, "wait4");
    int64_t took = now_ns() - start;

    must_be_0(command->argv[0], status);
    if (usage.ru_maxrss > command->maxrss_kib)
        command->maxrss_kib = usage.ru_maxrss;
    return took;
}

static int by_size(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static long count(const char *text, long least)
{
    char *end;

    errno = 0;
    long n = strtol(text, &end, 10);
    if (errno || end == text || *end || n < least || n > 1000000)
        errx(2, "not a number of runs: %s", text);
    return n;
}

static int time_them(long runs, long warmups, char **argv)
{
    struct command commands[MAX_COMMANDS] = {0};
    posix_spawn_file_actions_t actions;
    size_t n = 1;

    commands[0].argv = argv;
    for (char **arg = argv; *arg; arg++) {
        if (strcmp(*arg, "+++") != 0)
            continue;
        if (n == MAX_COMMANDS)
            errx(2, "too many commands");
        *arg = NULL;
        commands[n++].argv = arg + 1;
    }
    for (size_t i = 0; i < n; i++) {
        commands[i].took_ns = calloc((size_t)runs, sizeof(int64_t));
        if (!commands[i].argv[0] || !commands[i].took_ns)
            errx(2, "no command, or no memory");
    }
    if (posix_spawn_file_actions_init(&actions) || posix_spawn_file_actions_adddup2(&actions, 2, 1))
        errx(1, "no memory");

    for (long i = 0; i < warmups; i++)
        for (size_t j = 0; j < n; j++)
            run(&commands[j], &actions);
    for (long i = 0; i < runs; i++)
        for (size_t j = 0; j < n; j++)
            commands[j].took_ns[i] = run(&commands[j], &actions);

    for (size_t j = 0; j < n; j++) {
        int64_t *took = commands[j].took_ns;

        qsort(took, (size_t)runs, sizeof(*took), by_size);
        printf("%jd %jd %jd %ld\n", (intmax_t)((took[runs / 2] + took[(runs - 1) / 2]) / 2),
               (intmax_t)took[runs / 10], (intmax_t)took[runs - 1 - runs / 10], commands[j].maxrss_kib);
        free(took);
    }
    posix_spawn_file_actions_destroy(&actions);
    return 0;
}

static long read_peak_kib(pid_t pid)
{
    char path[64], line[256];
    long peak = -1;

    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        err(1, "%s", path);
    while (fgets(line, sizeof(line), file))
        if (sscanf(line, "VmHWM: %ld kB", &peak) == 1)
            break;
    fclose(file);
    return peak;
}

static void run_traced(char **argv)
{
    if (dup2(2, 1) < 0 || ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
        _exit(TRACING_REFUSED);
    raise(SIGSTOP);
    execv(argv[0], argv);
    warn("cannot run %s", argv[0]);
    _exit(127);
}

static int print_peak(char **argv)
{
    pid_t pid = fork();
    long peak = -1;
    int status;

    if (pid < 0)
        err(1, "fork");
    if (pid == 0)
        run_traced(argv);
    if (waitpid(pid, &status, 0) < 0)
        err(1, "waitpid");
    if (!WIFSTOPPED(status))
        return TRACING_REFUSED;
    if (ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACEEXIT | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL) < 0)
        err(1, "ptrace");

    intptr_t deliver = 0;
    do {
        if (ptrace(PTRACE_CONT, pid, NULL, deliver) < 0)
            err(1, "ptrace");
        if (waitpid(pid, &status, 0) < 0)
            err(1, "waitpid");
        deliver = WIFSTOPPED(status) && status >> 16 == 0 ? WSTOPSIG(status) : 0;
        if (WIFSTOPPED(status) && status >> 16 == PTRACE_EVENT_EXIT)
            peak = read_peak_kib(pid);
    } while (WIFSTOPPED(status));

    must_be_0(argv[0], status);
    printf("%ld\n", peak);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc >= 5 && strcmp(argv[1], "time") == 0)
        return time_them(count(argv[2], 1), count(argv[3], 0), argv + 4);
    if (argc >= 3 && strcmp(argv[1], "peak") == 0)
        return print_peak(argv + 2);
    errx(2, "usage: spawn time RUNS WARMUPS COMMAND [ARG...] [+++ COMMAND [ARG...]]... | spawn peak COMMAND "
            "[ARG...]");
}
