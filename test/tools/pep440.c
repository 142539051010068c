/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers questions about versions, specifiers, markers and requirements, one line for each line on stdin, so
 * that a test can put many thousands of them to one process and compare. Fields are separated by tabs; the
 * last one goes to the end of the line.
 *
 *   cmp A B           -1, 0 or 1
 *   normalize V       the normalised version, then the flags that hold, of: pre post dev local
 *   specifier SPEC    the normalised set
 *   contains SPEC V   true or false; V is a text, as it may be no version
 *   parsed SPEC V     the same for a version that is parsed first
 *   names_pre SPEC    true or false
 *   env NAME VALUE    sets a variable for the markers that follow; answers ok
 *   marker EXTRA M    the marker as it is printed, a tab, and true or false
 *   lock EXTRAS GROUPS M   the same for a marker of a lock file; names are separated by commas
 *   requirement R     name, extras, specifiers, URL and marker, separated by tabs
 *
 * Whatever cannot be parsed is answered with "error: " and the message.
 */
#include "base/array.h"
#include "python/name.h"
#include "python/requirement.h"

#include <stdio.h>
#include <stdlib.h>

static struct marker_environment environment;
static struct arena kept;

static const struct {
    const char *name;
    const char **value;
} environment_names[] = {
    {"implementation_name", &environment.implementation_name},
    {"implementation_version", &environment.implementation_version},
    {"os_name", &environment.os_name},
    {"platform_machine", &environment.platform_machine},
    {"platform_release", &environment.platform_release},
    {"platform_system", &environment.platform_system},
    {"platform_version", &environment.platform_version},
    {"python_full_version", &environment.python_full_version},
    {"platform_python_implementation", &environment.platform_python_implementation},
    {"python_version", &environment.python_version},
    {"sys_platform", &environment.sys_platform},
};

static int answer_cmp(struct arena *a, struct text rest, struct err *err)
{
    struct text first;
    struct version x, y;
    text_cut(&rest, '\t', &first);
    if (version_parse(a, first, &x, err) < 0 || version_parse(a, rest, &y, err) < 0)
        return -1;
    return printf("%d", version_cmp(&x, &y));
}

static int answer_normalize(struct arena *a, struct text rest, struct err *err)
{
    struct version v;
    if (version_parse(a, rest, &v, err) < 0)
        return -1;
    return printf("%s%s%s%s%s", v.text, v.is_pre ? " pre" : "", v.is_post ? " post" : "",
                  v.is_dev ? " dev" : "", v.has_local ? " local" : "");
}

static int answer_specifier(struct arena *a, struct text rest, struct err *err)
{
    struct specifier_set set;
    if (specifier_set_parse(a, rest, &set, err) < 0)
        return -1;
    return printf("%s", set.text);
}

static int answer_names_pre(struct arena *a, struct text rest, struct err *err)
{
    struct specifier_set set;
    if (specifier_set_parse(a, rest, &set, err) < 0)
        return -1;
    return printf("%s", set.names_prerelease ? "true" : "false");
}

static int answer_contains(struct arena *a, struct text rest, struct err *err)
{
    struct text spec;
    struct specifier_set set;
    text_cut(&rest, '\t', &spec);
    if (specifier_set_parse(a, spec, &set, err) < 0)
        return -1;
    return printf("%s", specifier_set_contains_text(&set, rest) ? "true" : "false");
}

static int answer_parsed(struct arena *a, struct text rest, struct err *err)
{
    struct text spec;
    struct specifier_set set;
    struct version v;
    text_cut(&rest, '\t', &spec);
    if (specifier_set_parse(a, spec, &set, err) < 0 || version_parse(a, rest, &v, err) < 0)
        return -1;
    return printf("%s", specifier_set_contains(&set, &v) ? "true" : "false");
}

static int answer_env(struct arena *a, struct text rest, struct err *err)
{
    (void)a;
    struct text name;
    text_cut(&rest, '\t', &name);
    for (size_t i = 0; i < sizeof environment_names / sizeof *environment_names; i++) {
        if (!text_is(name, environment_names[i].name))
            continue;
        *environment_names[i].value = text_dup(&kept, rest);
        return printf("ok");
    }
    return err_set(err, ERR_INPUT, "no such variable: %.*s", TEXT_ARG(name));
}

static int answer_marker(struct arena *a, struct text rest, struct err *err)
{
    struct text extra;
    struct marker *m;
    text_cut(&rest, '\t', &extra);
    if (marker_parse(a, rest, &m, err) < 0)
        return -1;
    bool met = marker_evaluate(m, &environment, name_normalize(a, extra));
    return printf("%s\t%s", marker_text(a, m), met ? "true" : "false");
}

static struct strings names_of(struct arena *a, struct text list)
{
    struct strings names = {0};
    struct text name;
    while (text_cut(&list, ',', &name))
        if (name.len)
            array_push(&names, name_normalize(a, name));
    return names;
}

static int answer_lock(struct arena *a, struct text rest, struct err *err)
{
    struct text extras, groups;
    struct marker *m;
    text_cut(&rest, '\t', &extras);
    text_cut(&rest, '\t', &groups);
    if (marker_parse_lock(a, rest, &m, err) < 0)
        return -1;
    struct strings x cleanup_strings = names_of(a, extras), g cleanup_strings = names_of(a, groups);
    bool met =
        marker_evaluate_lock(m, &environment, &(struct marker_choice){x.items, x.count, g.items, g.count});
    return printf("%s\t%s", marker_text(a, m), met ? "true" : "false");
}

static int answer_requirement(struct arena *a, struct text rest, struct err *err)
{
    struct requirement r;
    if (requirement_parse(a, rest, &r, err) < 0)
        return -1;
    printf("%s\t", r.name);
    for (size_t i = 0; i < r.extra_count; i++)
        printf("%s%s", i ? "," : "", r.extras[i]);
    return printf("\t%s\t%s\t%s", r.specifiers.text, r.url ? r.url : "", marker_text(a, r.marker));
}

static const struct {
    const char *command;
    int (*answer)(struct arena *a, struct text rest, struct err *err);
} commands[] = {
    {"cmp", answer_cmp},
    {"normalize", answer_normalize},
    {"specifier", answer_specifier},
    {"contains", answer_contains},
    {"parsed", answer_parsed},
    {"names_pre", answer_names_pre},
    {"env", answer_env},
    {"marker", answer_marker},
    {"lock", answer_lock},
    {"requirement", answer_requirement},
};

static void answer(struct text line)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct text command, rest = line;
    text_cut(&rest, '\t', &command);
    err_set(&err, ERR_USAGE, "no such command: %.*s", TEXT_ARG(command));
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (text_is(command, commands[i].command) && commands[i].answer(&a, rest, &err) >= 0)
            err_clear(&err);
    printf(err.text ? "error: %s\n" : "%s\n", err.text ? err.text : "");
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    while ((n = getline(&line, &room, stdin)) >= 0) {
        struct text text = {line, (size_t)n};
        if (text.len && line[text.len - 1] == '\n')
            text.len--;
        answer(text);
    }
    free(line);
    arena_free(&kept);
    return ferror(stdin) || fflush(stdout) ? 1 : 0;
}
