/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds wheels for the end-to-end tests. Standard input is one JSON object: base, work, log, site_packages,
 * cert, proxy (strings), index (true: what the base's pip asks), find_links, constraints, trusted_hosts
 * (lists), timeout_ms, retries, offline, hold (a fifo, opened for reading before the wheels go), and builds:
 * a list of objects with name, source, file_name, subdirectory, config_settings, no_isolation. Prints a list
 * of
 * {"wheel", "kind", "error", "ms"}, on one line.
 */
#include "base/fs.h"
#include "base/log.h"
#include "build/build.h"

#include <jansson.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>

static const char *const kinds[] = {[ERR_NONE] = "none",
                                    [ERR_SYSTEM] = "system",
                                    [ERR_USAGE] = "usage",
                                    [ERR_INPUT] = "input",
                                    [ERR_UNAVAILABLE] = "unavailable",
                                    [ERR_NOT_FOUND] = "not-found",
                                    [ERR_INTERRUPTED] = "interrupted"};

static const char *string(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void read_list(const json_t *object, const char *key, struct strings *out)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(object, key), i, item)
        array_push(out, (char *)(uintptr_t)json_string_value(item));
}

static void read_build(const json_t *object, struct strings *settings, struct build *b)
{
    read_list(object, "config_settings", settings);
    *b = (struct build){.name = string(object, "name"),
                        .source = string(object, "source"),
                        .file_name = string(object, "file_name"),
                        .subdirectory = string(object, "subdirectory"),
                        .config_settings = (const char *const *)settings->items,
                        .config_settings_count = settings->count,
                        .no_isolation = json_is_true(json_object_get(object, "no_isolation"))};
}

static json_t *result_of(const struct build *b)
{
    return json_pack("{s:s?, s:s, s:s?, s:I}", "wheel", b->wheel, "kind", kinds[b->error.kind], "error",
                     b->error.text, "ms", (json_int_t)b->took_ms);
}

static int build_all(const struct build_settings *s, const json_t *list, const char *hold, json_t *results,
                     struct err *err)
{
    size_t count = json_array_size(list), i;
    json_t *object;
    struct builder *builder cleanup_builder = builder_new(s, err);
    cleanup_free struct build *builds = xcalloc(count, sizeof *builds);
    cleanup_free struct strings *settings = xcalloc(count, sizeof *settings);
    if (!builder)
        return -1;
    json_array_foreach(list, i, object) read_build(object, &settings[i], &builds[i]);
    int result = build_wheels(builder, builds, count, err);
    for (i = 0; i < count; i++) {
        json_array_append_new(results, result_of(&builds[i]));
        err_clear(&builds[i].error);
        array_free(&settings[i]);
    }
    if (result == 0) {
        json_dumpf(results, stdout, JSON_COMPACT);
        puts("");
        fflush(stdout);
    }
    cleanup_close int held = hold && result == 0 ? open(hold, O_RDONLY | O_CLOEXEC) : -1;
    return result;
}

static int run(const json_t *in, json_t *results, struct err *err)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct interpreter py;
    if (interpreter_query(&a, string(in, "base"), NULL, NULL, NULL, 0, &py, err) < 0)
        return -1;
    struct strings index cleanup_strings = {0}, links cleanup_strings = {0},
                         constraints cleanup_strings = {0}, trusted cleanup_strings = {0};
    if (json_is_true(json_object_get(in, "index")) && py.pip_index_url)
        array_push(&index, (char *)(uintptr_t)py.pip_index_url);
    read_list(in, "index", &index);
    read_list(in, "find_links", &links);
    read_list(in, "constraints", &constraints);
    read_list(in, "trusted_hosts", &trusted);
    const struct build_settings settings = {
        .py = &py,
        .environ = environ,
        .index_urls = &index,
        .find_links = &links,
        .constraints = &constraints,
        .trusted_hosts = &trusted,
        .cert = string(in, "cert"),
        .proxy = string(in, "proxy"),
        .retries = (int)json_integer_value(json_object_get(in, "retries")),
        .offline = json_is_true(json_object_get(in, "offline")),
        .site_packages = string(in, "site_packages"),
        .work_dir = string(in, "work"),
        .log_dir = string(in, "log"),
        .timeout_ms = (int)json_integer_value(json_object_get(in, "timeout_ms")),
    };
    return build_all(&settings, json_object_get(in, "builds"), string(in, "hold"), results, err);
}

int main(int argc, char **argv)
{
    struct err err cleanup_err = ERR_INIT;
    log_open("build");
    if (argc > 1 && strcmp(argv[1], "-v") == 0)
        log_set_level(LOG_DEBUG);
    signal(SIGPIPE, SIG_IGN);
    json_t *in = json_loadf(stdin, 0, NULL), *results = json_array();
    int result = in ? run(in, results, &err) : err_set(&err, ERR_USAGE, "see the top of test/tools/build.c");
    json_decref(results);
    json_decref(in);
    if (result < 0)
        log_error("%s", err.text);
    return result < 0 ? (int)err.kind : 0;
}
