/* SPDX-License-Identifier: Apache-2.0 */
#include "config/settings.h"

#include "base/digest.h"
#include "base/fs.h"
#include "base/strmap.h"
#include "config/environment.h"
#include "config/extensions_yaml.h"
#include "config/pip_conf.h"
#include "config/setting.h"

#include <errno.h>

enum { LARGEST_FILE = 256 * 1024, MOST_XDG_DIRS = 16 };

/* What pip's files and variables say about an option; the last one said counts. */
struct said {
    const char *value, *from;
    bool old; /* under the option's other name */
};
enum level { LEVEL_GLOBAL, LEVEL_INSTALL, LEVEL_VARIABLE, LEVELS };

struct loader {
    const struct settings_source *source;
    struct settings *out;
    const char *home;    /* NULL when it is not set */
    struct said *said;   /* [LEVELS][setting_count] */
    struct buf problems; /* of extensions.yaml and variables, a line each */
};

static const char *get(const struct loader *l, const char *name)
{
    const char *value = environment_get(l->source->environ, name);
    return value && *value ? value : NULL;
}

static void problem(struct loader *l, const char *text)
{
    buf_printf(&l->problems, "%s%s", l->problems.len ? "\n" : "", text);
}

/* Reads a file that may be absent and remembers it as an input. Returns 1 when it was read. */
static int read_input(struct loader *l, const char *path, struct buf *bytes, struct err *err)
{
    struct settings *s = l->out;
    int result = fs_read(AT_FDCWD, path, LARGEST_FILE, bytes, err);
    bool absent = result < 0 && err->kind == ERR_SYSTEM && (err->sysno == ENOENT || err->sysno == ENOTDIR);
    s->files = xreallocarray(s->files, s->file_count + 1, sizeof *s->files);
    struct settings_file *file = &s->files[s->file_count++];
    *file = (struct settings_file){.path = arena_strdup(&s->strings, path), .exists = result == 0};
    if (result == 0)
        digest_hex(buf_view(bytes), file->digest);
    return absent ? 0 : result < 0 ? -1 : 1;
}

static void load_yaml(struct loader *l)
{
    struct err err cleanup_err = ERR_INIT;
    struct buf bytes cleanup_buf = BUF_INIT;
    char *path = path_under(&l->out->strings, l->source->root, "/etc/localstack/conf.d/extensions.yaml");
    int found = read_input(l, path, &bytes, &err);
    if (found < 0 || (found > 0 && extensions_yaml_parse(buf_view(&bytes), path, l->out, &err) < 0))
        problem(l, err.text);
}

static size_t option_index(const char *option)
{
    const struct setting *t = setting_by_option(option);
    return t ? (size_t)(t - setting_table) : setting_count;
}

static void apply_pip_conf(struct loader *l, struct text bytes, const char *path)
{
    struct err err cleanup_err = ERR_INIT;
    struct pip_conf conf cleanup_pip_conf = {0};
    if (pip_conf_parse(&l->out->strings, bytes, path, &conf, &err) < 0) {
        log_warning("%s; the whole file is passed over", err.text);
        return;
    }
    array_each (&conf, item) {
        size_t i = option_index(item->option);
        bool global = strcmp(item->section, "global") == 0;
        if (i == setting_count || (!global && strcmp(item->section, "install") != 0))
            continue;
        l->said[(global ? LEVEL_GLOBAL : LEVEL_INSTALL) * setting_count + i] = (struct said){
            .value = item->value,
            .from = arena_printf(&l->out->strings, "%s:%zu: %s", path, item->line, item->option)};
    }
}

static bool load_pip_conf(struct loader *l, const char *path)
{
    struct err err cleanup_err = ERR_INIT;
    struct buf bytes cleanup_buf = BUF_INIT;
    int found = read_input(l, path, &bytes, &err);
    if (found < 0)
        log_warning("%s; it is passed over", err.text);
    if (found > 0)
        apply_pip_conf(l, buf_view(&bytes), path);
    return found != 0;
}

static void load_global_confs(struct loader *l)
{
    struct arena *a = &l->out->strings;
    const char *dirs = get(l, "XDG_CONFIG_DIRS");
    struct text rest = text_of(dirs ? dirs : "/etc/xdg"), dir;
    if (text_trim(rest).len == 0)
        rest = T("/etc/xdg");
    for (size_t i = 0; i < MOST_XDG_DIRS && text_cut(&rest, ':', &dir); i++)
        if (dir.len)
            load_pip_conf(l, path_join(a, text_dup(a, dir), "pip/pip.conf"));
    load_pip_conf(l, "/etc/pip.conf");
}

static void load_user_confs(struct loader *l)
{
    struct arena *a = &l->out->strings;
    if (l->home)
        load_pip_conf(l, path_join(a, l->home, ".pip/pip.conf"));
    const char *xdg = get(l, "XDG_CONFIG_HOME");
    if (xdg && text_trim(text_of(xdg)).len == 0)
        xdg = NULL;
    if (xdg)
        load_pip_conf(l, path_join(a, xdg, "pip/pip.conf"));
    else if (l->home)
        load_pip_conf(l, path_join(a, l->home, ".config/pip/pip.conf"));
}

/* The order of pip's iter_config_files. PIP_CONFIG_FILE comes last but has to be read first: when it exists,
 * the user's are not looked at. */
static void load_pip_confs(struct loader *l)
{
    struct arena *a = &l->out->strings;
    const char *named = get(l, "PIP_CONFIG_FILE");
    struct buf bytes cleanup_buf = BUF_INIT;
    struct err err cleanup_err = ERR_INIT;
    if (named && strcmp(named, "/dev/null") == 0)
        return;
    int found = named ? read_input(l, named, &bytes, &err) : 0;
    if (found < 0)
        log_warning("PIP_CONFIG_FILE: %s; it is passed over", err.text);
    load_global_confs(l);
    if (found == 0)
        load_user_confs(l);
    if (l->source->base_dir)
        load_pip_conf(l, path_join(a, l->source->base_dir, "pip.conf"));
    if (l->source->venv_dir)
        load_pip_conf(l, path_join(a, l->source->venv_dir, "pip.conf"));
    if (found > 0)
        apply_pip_conf(l, buf_view(&bytes), named);
}

/* PIP_INDEX_URL is --index-url, in any case, as pip reads it. */
static void load_pip_variables(struct loader *l)
{
    for (char *const *e = l->source->environ; *e; e++) {
        struct text entry = text_of(*e);
        size_t equals = text_find(entry, '=');
        char option[64];
        if (equals == entry.len || equals < 5 || equals >= sizeof option || !text_starts(entry, T("PIP_")))
            continue;
        for (size_t i = 4; i <= equals; i++)
            option[i - 4] = i == equals ? 0 : *(*e + i) == '_' ? '-' : ascii_lower(*(*e + i));
        size_t i = option_index(option);
        if (i == setting_count)
            continue;
        /* PIP_TIMEOUT beside PIP_DEFAULT_TIMEOUT wins wherever it stands; of two of one name the first. */
        struct said *said = &l->said[LEVEL_VARIABLE * setting_count + i];
        bool old = strcmp(option, setting_table[i].option) != 0;
        if (equals + 1 < entry.len && (!said->value || (said->old && !old)))
            *said =
                (struct said){*e + equals + 1, text_dup(&l->out->strings, text_first(entry, equals)), old};
    }
}

/* [install] over [global] in whatever files they stand, variables over both; what is empty is not set. */
static void assign_pip(struct loader *l)
{
    for (size_t level = 0; level < LEVELS; level++) {
        for (size_t i = 0; i < setting_count; i++) {
            const struct said *said = &l->said[level * setting_count + i];
            struct err err cleanup_err = ERR_INIT;
            if (!said->value || !*said->value)
                continue;
            const struct setting_value v = {
                .syntax = SYNTAX_PIP, .from = said->from, .text = text_of(said->value), .home = l->home};
            if (setting_assign(l->out, &setting_table[i], &v, &err) == 0)
                continue;
            if (level == LEVEL_VARIABLE)
                problem(l, err.text);
            else
                log_warning("%s; it is passed over", err.text);
        }
    }
}

static void assign_variables(struct loader *l)
{
    for (size_t i = 0; i < setting_count; i++) {
        const struct setting *t = &setting_table[i];
        const char *value = t->variable ? get(l, t->variable) : NULL;
        struct err err cleanup_err = ERR_INIT;
        if (!value)
            continue;
        const struct setting_value v = {
            .syntax = SYNTAX_VARIABLE, .from = t->variable, .text = text_of(value), .home = l->home};
        if (setting_assign(l->out, t, &v, &err) < 0)
            problem(l, err.text);
    }
}

void settings_log_early(char *const *environ)
{
    const char *format = environment_get(environ, "LOCALSTACK_EXTENSION_LOG_FORMAT");
    if (!format)
        format = environment_get(environ, "EXTENSION_LOG_FORMAT");
    if (format && text_eq_nocase(text_of(format), T("json")))
        log_set_format(LOG_JSON);
}

int settings_load(const struct settings_source *source, struct settings *out, struct err *err)
{
    *out = (struct settings){.environ = source->environ,
                             .timeout_s = 300,
                             .log_level = LOG_INFO,
                             .entrypoint_mode = "exec",
                             .pip_timeout_s = 15,
                             .retries = 5};
    struct loader l = {.source = source, .out = out};
    l.home = get(&l, "HOME");
    l.said = arena_array(&out->strings, LEVELS * setting_count, sizeof *l.said);
    load_yaml(&l);
    load_pip_confs(&l);
    load_pip_variables(&l);
    assign_pip(&l);
    assign_variables(&l);
    int result = l.problems.len ? err_set(err, ERR_USAGE, "%s", buf_cstr(&l.problems)) : 0;
    buf_free(&l.problems);
    return result;
}

void settings_free(struct settings *s)
{
    strings_free(&s->extra_index_urls);
    strings_free(&s->find_links);
    strings_free(&s->trusted_hosts);
    strings_free(&s->constraints);
    strings_free(&s->build_constraints);
    strings_free(&s->no_binary);
    strings_free(&s->only_binary);
    strings_free(&s->all_releases);
    strings_free(&s->only_final);
    free(s->files);
    arena_free(&s->strings);
    *s = (struct settings){0};
}

static bool lists(const struct strings *list, const char *name)
{
    array_each (list, item)
        if (name && strcmp(*item, name) == 0)
            return true;
    return false;
}

bool settings_allow_wheels(const struct settings *s, const char *name)
{
    if (lists(&s->only_binary, name))
        return true;
    return !lists(&s->no_binary, name) && (lists(&s->only_binary, ":all:") || !lists(&s->no_binary, ":all:"));
}

bool settings_allow_sources(const struct settings *s, const char *name)
{
    if (lists(&s->no_binary, name))
        return true;
    return !lists(&s->only_binary, name) && !lists(&s->only_binary, ":all:");
}

enum releases settings_releases(const struct settings *s, const char *name)
{
    if (lists(&s->all_releases, name))
        return RELEASES_ALL;
    if (lists(&s->only_final, name))
        return RELEASES_FINAL;
    if (s->pre || lists(&s->all_releases, ":all:"))
        return RELEASES_ALL;
    return lists(&s->only_final, ":all:") ? RELEASES_FINAL : RELEASES_USUAL;
}

/* Each text with its length in front, so that no two lists of texts are written alike. */
static void add_text(struct buf *to, const char *key, const char *value)
{
    if (value)
        buf_printf(to, "%s %zu ", key, strlen(value));
    buf_str(to, value ? value : key);
    buf_char(to, '\n');
}

static void add_list(struct buf *to, const char *key, char *const *items, size_t count)
{
    buf_printf(to, "%s %zu\n", key, count);
    for (size_t i = 0; i < count; i++)
        add_text(to, "-", items[i]);
}

void settings_digest(const struct settings *s, char hex[65])
{
    struct buf b cleanup_buf = BUF_INIT;
    add_text(&b, "auto-install", s->auto_install);
    add_list(&b, "install", s->install, s->auto_install ? 0 : s->install_count);
    add_text(&b, "dev-sources", s->dev_mode ? s->dev_sources : NULL);
    buf_printf(&b, "dev %d\nbase-conflicts %d\nstrategy %d\nno-index %d\npre %d\nhashes %d %d\n", s->dev_mode,
               (int)s->base_conflicts, (int)s->index_strategy, s->no_index, s->pre, s->require_hashes,
               s->no_require_hashes);
    add_text(&b, "lock", s->lock);
    add_text(&b, "index-url", s->index_url);
    add_list(&b, "extra", s->extra_index_urls.items, s->extra_index_urls.count);
    add_list(&b, "find-links", s->find_links.items, s->find_links.count);
    add_list(&b, "constraint", s->constraints.items, s->constraints.count);
    add_list(&b, "no-binary", s->no_binary.items, s->no_binary.count);
    add_list(&b, "only-binary", s->only_binary.items, s->only_binary.count);
    add_list(&b, "all-releases", s->all_releases.items, s->all_releases.count);
    add_list(&b, "only-final", s->only_final.items, s->only_final.count);
    add_list(&b, "build-constraint", s->build_constraints.items, s->build_constraints.count);
    buf_printf(&b, "no-build-isolation %d\n", s->no_build_isolation);
    digest_hex(buf_view(&b), hex);
}
