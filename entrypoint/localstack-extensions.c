/* SPDX-License-Identifier: Apache-2.0 */
/* The reconciler's command line: what each command does is in lib/reconcile. */
#include "base/fs.h"
#include "base/progress.h"
#include "command.h"
#include "config/environment.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

static const struct {
    const char *name;
    int (*run)(struct session *, struct err *);
    bool whatever_settings; /* it goes on where they are wrong, and says what is */
} commands[] = {
    {"sync", command_sync, false},    {"plan", command_plan, false},   {"list", command_list, false},
    {"tree", command_tree, false},    {"why", command_why, false},     {"check", command_check, false},
    {"lock", command_lock, false},    {"bake", command_bake, false},   {"cache", command_cache, false},
    {"doctor", command_doctor, true}, {"watch", command_watch, false},
};

/* A sync survives its end at any instruction, so that there is nothing to clean up here. */
static void on_alarm(int signal_number)
{
    (void)signal_number;
    log_emergency(
        "the time limit of --timeout has passed; the venv is as it was, or the next run finishes it");
    _exit(3);
}

static void on_end(int signal_number)
{
    progress_clear();
    _exit(128 + signal_number);
}

/* For the first process of a container the kernel drops what has no handler, and `docker stop` would have to
 * kill a sync. Everywhere else the default ends us just as well, and tells who waits that it was a signal. */
static void end_by_signals(void)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    const struct sigaction act = {.sa_handler = on_end};
    struct sigaction inherited;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers && getpid() == 1; i++)
        if (sigaction(numbers[i], NULL, &inherited) == 0 && inherited.sa_handler == SIG_DFL)
            sigaction(numbers[i], &act, NULL);
}

static void limit_time(int timeout_s)
{
    const struct sigaction act = {.sa_handler = on_alarm};
    const struct itimerval timer = {.it_value = {.tv_sec = timeout_s}};
    sigaction(SIGALRM, &act, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
}

static int run(const char *name, const struct session_options *options, struct err *err)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i].name, name) != 0)
            continue;
        struct session session cleanup_session = {0};
        if (options->timeout_s)
            limit_time(options->timeout_s);
        if (session_open(&session, options, environ, err) < 0) {
            if (!commands[i].whatever_settings)
                return -1;
            session.settings_fault = arena_strdup(&session.memory, err->text);
            err_clear(err);
        }
        return commands[i].run(&session, err);
    }
    return err_set(err, ERR_USAGE,
                   "there is no command \"%s\"; `localstack-extensions help` lists what there is", name);
}

/* In the process's own environment, as LocalStack has it: proxies, certificates and folders are asked for by
 * getenv, far from the settings, and children inherit them. The entrypoint has done it already, and put its
 * own choice in the place of some since. */
static void apply_prefix_rule(const struct session_options *options)
{
    static struct arena memory = ARENA_INIT; /* for as long as there is an environment */
    if (!options->boot)
        environ = environment_strip_prefix(&memory, environ);
}

/* glibc would keep what a large wheel needed once, for the next one: with a threshold of our own it moves
 * none by itself, and large pieces go back to the system at once. */
enum { LARGE_PIECE = 256 << 10 };

int main(int argc, char **argv)
{
    struct err err cleanup_err = ERR_INIT;
    struct session_options options;
    fs_fill_standard(0);
    log_open("localstack-extensions");
    mallopt(M_MMAP_THRESHOLD, LARGE_PIECE);
    settings_log_early(environ);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* so that what is too large is named (ulimit -f) */
    end_by_signals();
    const char *name = options_parse(argc, argv, &options, &err);
    apply_prefix_rule(&options);
    int status = -1;
    if (name && strcmp(name, "help") == 0)
        status = command_help();
    else if (name && strcmp(name, "--version") == 0)
        status = puts("localstack-extensions " PROGRAM_VERSION) < 0 ? 3 : 0;
    else if (name)
        status = run(name, &options, &err);
    if (status < 0) {
        log_error("%s", err.text ? err.text : "unknown error");
        status = err_status(&err);
    }
    options_free(&options);
    return status;
}
