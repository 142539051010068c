/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>

enum {
    OPTION_ROOT = 256,
    OPTION_INDEX_URL,
    OPTION_EXTRA_INDEX_URL,
    OPTION_FIND_LINKS,
    OPTION_NO_INDEX,
    OPTION_PRE,
    OPTION_OFFLINE,
    OPTION_UPGRADE,
    OPTION_BASE,
    OPTION_VENV,
    OPTION_CACHE_DIR,
    OPTION_PYTHON,
    OPTION_TIMEOUT,
    OPTION_FORMAT,
    OPTION_LOCKED,
    OPTION_BOOT,
    OPTION_RECOVER_ONLY,
    OPTION_SUPERVISOR,
    OPTION_NO_RESTART,
};

static const struct option long_options[] = {
    {"root", required_argument, NULL, OPTION_ROOT},
    {"requirement", required_argument, NULL, 'r'},
    {"constraint", required_argument, NULL, 'c'},
    {"index-url", required_argument, NULL, OPTION_INDEX_URL},
    {"extra-index-url", required_argument, NULL, OPTION_EXTRA_INDEX_URL},
    {"find-links", required_argument, NULL, OPTION_FIND_LINKS},
    {"locked", required_argument, NULL, OPTION_LOCKED},
    {"output", required_argument, NULL, 'o'},
    {"no-index", no_argument, NULL, OPTION_NO_INDEX},
    {"pre", no_argument, NULL, OPTION_PRE},
    {"offline", no_argument, NULL, OPTION_OFFLINE},
    {"upgrade", no_argument, NULL, OPTION_UPGRADE},
    {"base", required_argument, NULL, OPTION_BASE},
    {"venv", required_argument, NULL, OPTION_VENV},
    {"cache-dir", required_argument, NULL, OPTION_CACHE_DIR},
    {"python", required_argument, NULL, OPTION_PYTHON},
    {"timeout", required_argument, NULL, OPTION_TIMEOUT},
    {"format", required_argument, NULL, OPTION_FORMAT},
    {"boot", no_argument, NULL, OPTION_BOOT},
    {"recover-only", no_argument, NULL, OPTION_RECOVER_ONLY},
    {"supervisor", required_argument, NULL, OPTION_SUPERVISOR},
    {"no-restart", no_argument, NULL, OPTION_NO_RESTART},
    {"quiet", no_argument, NULL, 'q'},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {0},
};

static int parse_seconds(const char *text, int *out, struct err *err)
{
    unsigned long long v;
    if (!text_u64(text_of(text), &v) || v == 0 || v > INT_MAX / 1000)
        return err_set(err, ERR_USAGE, "--timeout wants a whole number of seconds, at least 1, not \"%s\"",
                       text);
    *out = (int)v;
    return 0;
}

static int parse_pid(const char *text, pid_t *out, struct err *err)
{
    unsigned long long v;
    if (!text_u64(text_of(text), &v) || v == 0 || v > INT_MAX)
        return err_set(err, ERR_USAGE, "--supervisor wants the number of a process, not \"%s\"", text);
    *out = (pid_t)v;
    return 0;
}

static int parse_one(int opt, char *value, struct session_options *o, struct err *err)
{
    switch (opt) {
    case OPTION_ROOT:
        o->root = value;
        return 0;
    case 'r':
        array_push(&o->requirement_files, value);
        return 0;
    case 'c':
        array_push(&o->constraint_files, value);
        return 0;
    case OPTION_LOCKED:
        o->locked = value;
        return 0;
    case 'o':
        o->output = value;
        return 0;
    case OPTION_INDEX_URL:
        o->index_url = value;
        return 0;
    case OPTION_EXTRA_INDEX_URL:
        array_push(&o->extra_index_urls, value);
        return 0;
    case OPTION_FIND_LINKS:
        array_push(&o->find_links, value);
        return 0;
    case OPTION_NO_INDEX:
        o->no_index = true;
        return 0;
    case OPTION_PRE:
        o->pre = true;
        return 0;
    case OPTION_OFFLINE:
        o->offline = true;
        return 0;
    case OPTION_UPGRADE:
        o->upgrade = true;
        return 0;
    case OPTION_BASE:
        o->base = value;
        return 0;
    case OPTION_VENV:
        o->venv = value;
        return 0;
    case OPTION_CACHE_DIR:
        o->cache_dir = value;
        return 0;
    case OPTION_PYTHON:
        o->python = value;
        return 0;
    case OPTION_TIMEOUT:
        return parse_seconds(value, &o->timeout_s, err);
    case OPTION_FORMAT:
        if (strcmp(value, "json") != 0 && strcmp(value, "text") != 0)
            return err_set(err, ERR_USAGE, "--format wants text or json, not \"%s\"", value);
        o->json = value[0] == 'j';
        return 0;
    case OPTION_BOOT:
        o->boot = true;
        return 0;
    case OPTION_RECOVER_ONLY:
        o->recover_only = true;
        return 0;
    case OPTION_SUPERVISOR:
        o->boot = true; /* nobody else has one */
        return parse_pid(value, &o->supervisor, err);
    case OPTION_NO_RESTART:
        o->no_restart = true;
        return 0;
    case 'q':
        o->quiet = true;
        return 0;
    default:
        o->verbose = true;
        return 0;
    }
}

/* What cannot be meant together. */
static int check_meaning(const char *command, const struct session_options *o, struct err *err)
{
    if (strcmp(command, "bake") == 0 && !o->folder)
        return err_set(err, ERR_USAGE,
                       "`bake` wants the folder to write to: localstack-extensions bake DIR [REQUIREMENT…]");
    bool is_lock = strcmp(command, "lock") == 0, is_watch = strcmp(command, "watch") == 0;
    if (o->locked && is_lock)
        return err_set(err, ERR_USAGE,
                       "`lock` makes a lock file from requirements; --locked names one to install from");
    if (o->locked && (o->requirement_files.count || o->constraint_files.count || o->arguments.count))
        return err_set(err, ERR_USAGE,
                       "--locked stands in for all requirements and constraints: leave out -r, -c and what "
                       "is named as an argument");
    if (!is_watch && (o->supervisor || o->no_restart))
        return err_set(err, ERR_USAGE, "only `watch` has the options --supervisor and --no-restart");
    if (is_watch &&
        (o->requirement_files.count || o->constraint_files.count || o->locked || o->arguments.count))
        return err_set(err, ERR_USAGE, "`watch` is about developers' sources, and takes no requirements");
    if (is_watch && !o->supervisor == !o->no_restart)
        return err_set(
            err, ERR_USAGE,
            "`watch` restarts LocalStack where localstack-entrypoint has started it (EXTENSION_DEV_MODE=1 "
            "and EXTENSION_DEV_RELOAD=1); by hand it can only say what changes, with --no-restart");
    if (o->output && !is_lock)
        return err_set(err, ERR_USAGE, "only `lock` has the option --output");
    return 0;
}

/* The first argument of `bake`. */
static void take_folder(struct session_options *o)
{
    o->folder = o->arguments.items[0];
    o->arguments.count--;
    memmove(o->arguments.items, o->arguments.items + 1, o->arguments.count * sizeof *o->arguments.items);
}

const char *options_parse(int argc, char **argv, struct session_options *out, struct err *err)
{
    *out = (struct session_options){0};
    const char *command = NULL, *early = NULL;
    opterr = 0;
    for (int opt; (opt = getopt_long(argc, argv, "-:r:c:o:qvhV", long_options, NULL)) != -1;) {
        if (opt == 1 && !command) {
            command = optarg;
        } else if (opt == 1) {
            array_push(&out->arguments, optarg);
        } else if (opt == 'h') {
            early = "help";
        } else if (opt == 'V') {
            early = early ? early : "--version";
        } else if (opt == ':') {
            err_set(err, ERR_USAGE, "the option %s wants a value", argv[optind - 1]);
            return NULL;
        } else if (opt == '?') {
            err_set(err, ERR_USAGE, "there is no option %s; `localstack-extensions help` lists what there is",
                    argv[optind - 1]);
            return NULL;
        } else if (parse_one(opt, optarg, out, err) < 0) {
            return NULL;
        }
    }
    for (; optind < argc; optind++) { /* behind -- */
        if (!command)
            command = argv[optind];
        else
            array_push(&out->arguments, argv[optind]);
    }
    if (early)
        return early;
    if (command &&
        (strcmp(command, "why") == 0 || strcmp(command, "tree") == 0 || strcmp(command, "cache") == 0)) {
        out->names = out->arguments;
        out->arguments = (struct strings){0};
    }
    if (command && strcmp(command, "bake") == 0 && out->arguments.count)
        take_folder(out);
    if (!command)
        err_set(err, ERR_USAGE, "a command is missing; `localstack-extensions help` lists what there is");
    else if (check_meaning(command, out, err) < 0)
        return NULL;
    return command;
}

void options_free(struct session_options *o)
{
    array_free(&o->requirement_files);
    array_free(&o->constraint_files);
    array_free(&o->arguments);
    array_free(&o->names);
    array_free(&o->extra_index_urls);
    array_free(&o->find_links);
}
