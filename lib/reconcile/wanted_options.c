/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/wanted_options.h"

#include "base/fs.h"
#include "config/setting.h"
#include "python/requirements_options.h"

#include <unistd.h>

static void clear_indexes(struct settings *set)
{
    set->index_url = NULL;
    set->extra_index_urls.count = 0;
}

static void set_index(struct settings *set, const char *url)
{
    if (set->no_index || !*url) /* an empty one, of a variable perhaps, says nothing */
        return;
    clear_indexes(set);
    set->index_url = arena_strdup(&set->strings, url);
}

static void add_index(struct settings *set, const char *url)
{
    if (!set->no_index && *url)
        array_push(&set->extra_index_urls, arena_strdup(&set->strings, url));
}

static void forbid_indexes(struct settings *set, const char *value)
{
    (void)value;
    set->no_index = true;
    clear_indexes(set);
}

static void allow_prereleases(struct settings *set, const char *value)
{
    (void)value;
    set->pre = true;
}

static void say_nothing(struct settings *set, const char *value)
{
    (void)set;
    (void)value;
}

/* What needs nothing but the settings and the value. --prefer-binary and --use-feature change nothing here:
 * wheels are preferred as it is, and pip's features are about pip. */
static const struct {
    const char *name;
    void (*take)(struct settings *, const char *value);
} simple[] = {
    {"--index-url", set_index},   {"--extra-index-url", add_index}, {"--no-index", forbid_indexes},
    {"--pre", allow_prereleases}, {"--prefer-binary", say_nothing}, {"--use-feature", say_nothing},
};

/* As pip: a folder beside the file that names it, else as it stands. */
static void add_links(struct session *s, const char *path, const char *value)
{
    struct settings *set = &s->settings;
    const char *base = path_base(path);
    const char *beside = arena_printf(&set->strings, "%.*s%s", (int)(base - path), path, value);
    bool near = *value != '/' && !strstr(path, "://") && access(beside, F_OK) == 0;
    array_push(&set->find_links, arena_strdup(&set->strings, near ? beside : value));
}

static void trust_host(struct session *s, const char *host)
{
    struct settings *set = &s->settings;
    array_push(&set->trusted_hosts, arena_strdup(&set->strings, host));
    if (s->http) /* files that are still to be read may come from there */
        http_trust(s->http, set->trusted_hosts.items, set->trusted_hosts.count);
}

int wanted_option(struct session *s, struct hash_mode *mode, const char *path, const char *from,
                  const struct requirements_line *line, struct err *err)
{
    for (size_t i = 0; i < sizeof simple / sizeof *simple; i++)
        if (strcmp(line->name, simple[i].name) == 0) {
            simple[i].take(&s->settings, line->value);
            return 0;
        }
    if (strcmp(line->name, "--find-links") == 0) {
        add_links(s, path, line->value);
    } else if (strcmp(line->name, "--trusted-host") == 0) {
        trust_host(s, line->value);
    } else if (strcmp(line->name, "--require-hashes") == 0) {
        mode->require = true;
    } else if (strcmp(line->name, "--no-require-hashes") == 0) {
        mode->waive = true;
    } else {
        const struct setting *setting = setting_by_option(line->name + 2);
        const struct setting_value value = {.syntax = SYNTAX_PIP, .from = from, .text = text_of(line->value)};
        if (setting)
            return setting_assign(&s->settings, setting, &value, err);
        log_debug("%s: the option %s changes nothing here", from, line->name);
    }
    return 0;
}

void wanted_build_settings(struct session *s, const char *name, const char *options)
{
    struct requirements_options all = {0};
    const char *leftover;
    if (*options && requirements_options_parse(&s->memory, text_of(options), &all, &leftover, NULL) == 0)
        array_each (&all, option)
            if (strcmp(option->name, "--config-settings") == 0)
                array_push(&s->build_settings, (struct build_setting){name, option->value});
    array_free(&all);
}

const struct hashes *wanted_hashes(struct arena *a, const char *from, const char *options)
{
    struct requirements_options all = {0};
    struct hashes *found = NULL;
    const char *leftover;
    if (!*options || requirements_options_parse(a, text_of(options), &all, &leftover, NULL) < 0) {
        array_free(&all);
        return NULL;
    }
    array_each (&all, option) {
        struct err why cleanup_err = ERR_INIT;
        if (strcmp(option->name, "--hash") != 0)
            continue;
        if (!found) {
            found = arena_new(a, struct hashes);
            found->from = from;
        }
        if (hashes_add(a, found, text_of(option->value), &why) < 0)
            log_warning("%s: %s; no file will have it", from, why.text);
    }
    array_free(&all);
    return found;
}
