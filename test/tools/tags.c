/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints the tags of interpreters, one interpreter for each line on stdin: KEY=VALUE fields separated by
 * tabs, the keys being the fields of struct tag_environment, glibc=2.36, musl=1.2 and version=3.13. The tags
 * go to stdout one a line, an empty line after them. A field rank=TAG_SET prints the rank of that set
 * instead.
 */
#include "python/tags.h"

#include <stdio.h>
#include <stdlib.h>

static void pair(const char *value, int *major, int *minor)
{
    if (sscanf(value, "%d.%d", major, minor) != 2) {
        fprintf(stderr, "tags: MAJOR.MINOR is expected, not \"%s\"\n", value);
        exit(2);
    }
}

static void set(struct tag_environment *env, const char *key, const char *value)
{
    const struct {
        const char *key;
        const char **text;
        bool *flag;
        int *major, *minor;
    } fields[] = {
        {"implementation", &env->implementation, NULL, NULL, NULL},
        {"soabi", &env->soabi, NULL, NULL, NULL},
        {"platform", &env->platform, NULL, NULL, NULL},
        {"free_threaded", NULL, &env->free_threaded, NULL, NULL},
        {"debug", NULL, &env->debug, NULL, NULL},
        {"is_64bit", NULL, &env->is_64bit, NULL, NULL},
        {"armhf", NULL, &env->armhf, NULL, NULL},
        {"version", NULL, NULL, &env->major, &env->minor},
        {"glibc", NULL, NULL, &env->glibc_major, &env->glibc_minor},
        {"musl", NULL, NULL, &env->musl_major, &env->musl_minor},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (strcmp(key, fields[i].key) != 0)
            continue;
        if (fields[i].text)
            *fields[i].text = value;
        else if (fields[i].flag)
            *fields[i].flag = strcmp(value, "1") == 0;
        else
            pair(value, fields[i].major, fields[i].minor);
        return;
    }
    fprintf(stderr, "tags: there is no field \"%s\"\n", key);
    exit(2);
}

static void answer(struct text line)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct tag_environment env = {.implementation = "cpython", .soabi = "", .platform = "", .is_64bit = true};
    struct text field, set_of_tags = {0};
    while (text_cut(&line, '\t', &field)) {
        size_t equals = text_find(field, '=');
        struct text key = text_first(field, equals), value = text_from(field, equals + 1);
        if (text_is(key, "rank"))
            set_of_tags = value;
        else
            set(&env, text_dup(&a, key), text_dup(&a, value));
    }
    const struct tags *tags = tags_make(&a, &env);
    if (set_of_tags.ptr) {
        printf("%d\n\n", tags_rank(tags, set_of_tags));
        return;
    }
    for (size_t i = 0; i < tags_count(tags); i++)
        puts(tags_at(tags, i));
    puts("");
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    while ((n = getline(&line, &room, stdin)) > 0)
        answer((struct text){line, (size_t)n - (line[n - 1] == '\n')});
    free(line);
    return 0;
}
