/* SPDX-License-Identifier: Apache-2.0 */
/*
 * git [OPTION…] resolve URL                    prints the commit that it stands for
 * git [OPTION…] checkout URL COMMIT FOLDER
 *
 * Options: --proxy URL, --ca FILE, --client-cert FILE, --scratch DIR, --timeout MS. A failure is said on
 * stderr, and its kind is the exit status: 10 for ERR_NONE and so on.
 */
#include "build/git.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int run(char **args, int count, const struct git_options *o, struct arena *a, struct err *err)
{
    struct git_url url;
    char *commit = NULL;
    if (git_url_parse(a, args[1], &url, err) < 0)
        return -1;
    if (count == 4 && strcmp(args[0], "checkout") == 0)
        return git_checkout(&url, args[2], args[3], o, err);
    if (count != 2 || strcmp(args[0], "resolve") != 0)
        return err_set(err, ERR_USAGE, "no such command: %s", args[0]);
    if (git_resolve(a, &url, o, &commit, err) < 0)
        return -1;
    puts(commit);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"proxy", 1, NULL, 'p'},   {"ca", 1, NULL, 'a'},      {"client-cert", 1, NULL, 'c'},
        {"scratch", 1, NULL, 's'}, {"timeout", 1, NULL, 't'}, {NULL, 0, NULL, 0},
    };
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct git_options o = {0};
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'p':
            o.proxy = optarg;
            break;
        case 'a':
            o.ca_file = optarg;
            break;
        case 'c':
            o.client_cert = optarg;
            break;
        case 's':
            o.scratch = optarg;
            break;
        case 't':
            o.timeout_ms = atoi(optarg);
            break;
        default:
            return 2;
        }
    }
    if (argc - optind < 2)
        return 2;
    if (run(argv + optind, argc - optind, &o, &a, &err) == 0)
        return 0;
    fprintf(stderr, "%s\n", err.text);
    return 10 + (int)err.kind;
}
