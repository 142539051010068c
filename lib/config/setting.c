/* SPDX-License-Identifier: Apache-2.0 */
#include "config/setting.h"

#include "base/fs.h"
#include "config/environment.h"

#include <limits.h>
#include <stddef.h>

static const char *const sync_names[] = {"auto", "never", NULL};
static const char *const on_error_names[] = {"continue", "abort", NULL};
static const char *const conflict_names[] = {"fail", "tolerate", NULL};
static const char *const strategy_names[] = {"first", "best", NULL};
static const char *const level_names[] = {"error", "warning", "info", "debug", NULL};
static const char *const format_names[] = {"text", "json", NULL};
static const char *const mode_names[] = {"exec", "init", "supervise", NULL};

#define OURS(the_key, the_variable, the_kind, field, ...)                                                    \
    {                                                                                                        \
        .key = (the_key), .variable = (the_variable), .kind = (the_kind),                                    \
        .offset = offsetof(struct settings, field), __VA_ARGS__                                              \
    }
#define PIPS(the_key, the_option, the_kind, field, ...)                                                      \
    {                                                                                                        \
        .key = (the_key), .option = (the_option), .kind = (the_kind),                                        \
        .offset = offsetof(struct settings, field), __VA_ARGS__                                              \
    }

/* clang-format off */
const struct setting setting_table[] = {
    OURS("install", "EXTENSION_AUTO_INSTALL", SETTING_INSTALL, auto_install),
    OURS("dev.enabled", "EXTENSION_DEV_MODE", SETTING_BOOL, dev_mode),
    OURS("dev.sources", "EXTENSION_DEV_SOURCES", SETTING_FOLDERS, dev_sources),
    OURS("dev.reload", "EXTENSION_DEV_RELOAD", SETTING_BOOL, dev_reload),
    OURS("sync", "EXTENSION_SYNC", SETTING_CHOICE, sync, .choices = sync_names),
    OURS("on-error", "EXTENSION_ON_ERROR", SETTING_CHOICE, on_error, .choices = on_error_names),
    OURS("base-conflicts", "EXTENSION_BASE_CONFLICTS", SETTING_CHOICE, base_conflicts,
         .choices = conflict_names),
    OURS("offline", "EXTENSION_OFFLINE", SETTING_BOOL, offline),
    OURS("upgrade", "EXTENSION_UPGRADE", SETTING_BOOL, upgrade),
    OURS("lock", "EXTENSION_LOCK", SETTING_STRING, lock),
    OURS("index.strategy", "EXTENSION_INDEX_STRATEGY", SETTING_CHOICE, index_strategy,
         .choices = strategy_names),
    OURS("cache", "EXTENSION_CACHE_DIR", SETTING_STRING, cache_dir),
    OURS("timeout", "EXTENSION_SYNC_TIMEOUT", SETTING_SECONDS, timeout_s),
    OURS("log.level", "EXTENSION_LOG_LEVEL", SETTING_CHOICE, log_level, .choices = level_names),
    OURS("log.format", "EXTENSION_LOG_FORMAT", SETTING_CHOICE, log_format, .choices = format_names),
    OURS("entrypoint.mode", "ENTRYPOINT_MODE", SETTING_WORD, entrypoint_mode, .choices = mode_names),
    PIPS("index.url", "index-url", SETTING_STRING, index_url, .old_option = "pypi-url"),
    PIPS("index.extra", "extra-index-url", SETTING_LIST, extra_index_urls),
    PIPS("index.find-links", "find-links", SETTING_LINKS, find_links),
    PIPS("index.no-index", "no-index", SETTING_BOOL, no_index),
    PIPS("index.trusted-host", "trusted-host", SETTING_LIST, trusted_hosts),
    PIPS("index.cert", "cert", SETTING_PATH, cert),
    PIPS("index.client-cert", "client-cert", SETTING_PATH, client_cert),
    PIPS("index.proxy", "proxy", SETTING_STRING, proxy),
    PIPS("index.timeout", "timeout", SETTING_SECONDS, pip_timeout_s, .old_option = "default-timeout"),
    PIPS("index.retries", "retries", SETTING_NUMBER, retries),
    PIPS("index.pre", "pre", SETTING_BOOL, pre),
    PIPS("index.constraint", "constraint", SETTING_LIST, constraints),
    PIPS("index.build-constraint", "build-constraint", SETTING_LIST, build_constraints),
    PIPS("index.no-build-isolation", "no-build-isolation", SETTING_OFF, no_build_isolation),
    PIPS("index.all-releases", "all-releases", SETTING_CONTROL, all_releases,
         .counterpart = offsetof(struct settings, only_final)),
    PIPS("index.only-final", "only-final", SETTING_CONTROL, only_final,
         .counterpart = offsetof(struct settings, all_releases)),
    PIPS("index.no-binary", "no-binary", SETTING_CONTROL, no_binary,
         .counterpart = offsetof(struct settings, only_binary)),
    PIPS("index.only-binary", "only-binary", SETTING_CONTROL, only_binary,
         .counterpart = offsetof(struct settings, no_binary)),
    PIPS("index.require-hashes", "require-hashes", SETTING_BOOL, require_hashes),
    PIPS("index.no-require-hashes", "no-require-hashes", SETTING_BOOL, no_require_hashes),
};
/* clang-format on */
const size_t setting_count = sizeof setting_table / sizeof *setting_table;

const struct setting *setting_by_key(struct text key)
{
    for (size_t i = 0; i < setting_count; i++)
        if (text_is(key, setting_table[i].key))
            return &setting_table[i];
    return NULL;
}

const struct setting *setting_by_option(const char *option)
{
    for (size_t i = 0; i < setting_count; i++) {
        const struct setting *t = &setting_table[i];
        if ((t->option && strcmp(option, t->option) == 0) ||
            (t->old_option && strcmp(option, t->old_option) == 0))
            return t;
    }
    return NULL;
}

static int refuse(const struct setting_value *v, struct err *err, const char *wanted)
{
    if (v->items)
        return err_set(err, ERR_USAGE, "%s has to be %s, not a list", v->from, wanted);
    return err_set(err, ERR_USAGE, "%s has to be %s, not \"%.*s\"", v->from, wanted, TEXT_ARG(v->text));
}

static bool is_one_of(struct text t, const char *const *words)
{
    for (; *words; words++)
        if (text_eq_nocase(t, text_of(*words)))
            return true;
    return false;
}

static int assign_bool(bool *to, const struct setting_value *v, struct err *err)
{
    static const char *const yes[] = {"1", "true", NULL}, *const no[] = {"0", "false", NULL};
    static const char *const pip_yes[] = {"1", "true", "y", "yes", "t", "on", NULL};
    static const char *const pip_no[] = {"0", "false", "n", "no", "f", "off", NULL};
    bool pip = v->syntax == SYNTAX_PIP;
    bool is_yes = is_one_of(v->text, pip ? pip_yes : yes), is_no = is_one_of(v->text, pip ? pip_no : no);
    if (v->syntax == SYNTAX_VARIABLE && !is_yes && !is_no)
        log_warning("%s=%.*s counts as false, as everywhere in LocalStack; write 1 or true, 0 or false",
                    v->from, TEXT_ARG(v->text));
    else if (!is_yes && !is_no)
        return refuse(v, err, "true or false");
    *to = is_yes;
    return 0;
}

static int assign_off(bool *to, const struct setting_value *v, struct err *err)
{
    if (assign_bool(to, v, err) < 0)
        return -1;
    if (v->syntax != SYNTAX_PIP)
        return 0;
    if (*to)
        log_warning(
            "%s=%.*s changes nothing: as pip reads it, false is what switches the isolation of builds "
            "off; write false, or leave it out",
            v->from, TEXT_ARG(v->text));
    *to = !*to;
    return 0;
}

static int assign_int(int *to, const struct setting *setting, const struct setting_value *v, struct err *err)
{
    bool seconds = setting->kind == SETTING_SECONDS;
    struct text t = text_trim(v->text);
    bool fraction = false;
    size_t dot = text_find(t, '.');
    if (seconds && v->syntax == SYNTAX_PIP && dot < t.len) { /* pip takes fractions of a second */
        for (size_t i = dot + 1; i < t.len; i++) {
            if (!ascii_is_digit(t.ptr[i]))
                return refuse(v, err, "a number of seconds");
            fraction |= t.ptr[i] != '0';
        }
        t = text_first(t, dot);
        if (t.len == 0 && fraction)
            t = T("0");
    }
    unsigned long long n;
    if (!text_u64(t, &n) || (n += fraction) > 1000000 || (seconds && n == 0))
        return refuse(v, err, seconds ? "a number of seconds, 1 or more" : "a number, 0 or more");
    *to = (int)n;
    return 0;
}

static int assign_choice(char *field, const struct setting *setting, const struct setting_value *v,
                         struct err *err)
{
    struct buf wanted cleanup_buf = BUF_INIT;
    for (unsigned i = 0; setting->choices[i]; i++) {
        if (text_eq_nocase(v->text, text_of(setting->choices[i]))) {
            if (setting->kind == SETTING_WORD)
                *(const char **)(void *)field = setting->choices[i];
            else
                memcpy(field, &i, sizeof i); /* every enum here is an unsigned int */
            return 0;
        }
        buf_printf(&wanted, "%s%s",
                   i == 0                    ? ""
                   : setting->choices[i + 1] ? ", "
                                             : " or ",
                   setting->choices[i]);
    }
    return refuse(v, err, buf_cstr(&wanted));
}

static char *expand_home(struct settings *s, struct text t, const char *home)
{
    if (home && t.len && t.ptr[0] == '~' && (t.len == 1 || t.ptr[1] == '/'))
        return arena_printf(&s->strings, "%s%s", home, text_dup(&s->strings, text_from(t, 1)));
    return text_dup(&s->strings, t);
}

static bool next_word(struct text *rest, struct text *word)
{
    *rest = text_trim(*rest);
    size_t n = 0;
    while (n < rest->len && !ascii_is_space(rest->ptr[n]))
        n++;
    *word = text_first(*rest, n);
    *rest = text_from(*rest, n);
    return n > 0;
}

static void assign_list(struct settings *s, struct strings *to, bool links, const struct setting_value *v)
{
    to->count = 0;
    if (v->items) {
        array_each (v->items, item)
            array_push(to,
                       links ? expand_home(s, text_of(*item), v->home) : arena_strdup(&s->strings, *item));
        return;
    }
    struct text rest = v->text, word;
    while (next_word(&rest, &word))
        array_push(to, links ? expand_home(s, word, v->home) : text_dup(&s->strings, word));
}

/* Project names are compared with their case, and runs of - _ and . made one -. */
static char *canonical(struct arena *a, struct text name)
{
    char *out = arena_alloc(a, name.len + 1), *to = out;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool dash = c == '-' || c == '_' || c == '.';
        if (!dash)
            *to++ = ascii_lower(c);
        else if (to == out || to[-1] != '-')
            *to++ = '-';
    }
    *to = 0;
    return out;
}

static bool has(const struct strings *list, const char *name)
{
    array_each (list, item)
        if (strcmp(*item, name) == 0)
            return true;
    return false;
}

static void drop(struct strings *list, const char *name)
{
    size_t kept = 0;
    array_each (list, item)
        if (strcmp(*item, name) != 0)
            list->items[kept++] = *item;
    list->count = kept;
}

/* As pip's FormatControl: what is said last about a project holds, :all: forgets what stood before it in both
 * lists, and what follows :all: counts only when :none: is among it. */
static void assign_control(struct settings *s, struct strings *target, struct strings *other,
                           struct text value)
{
    struct strings names cleanup_strings = {0};
    struct text piece;
    size_t start = 0;
    bool all = false, none = false;
    while (text_cut(&value, ',', &piece)) {
        array_push(&names, text_dup(&s->strings, text_trim(piece)));
        if (strcmp(names.items[names.count - 1], ":all:") == 0) {
            start = names.count;
            all = true;
            none = false;
        }
        none |= strcmp(names.items[names.count - 1], ":none:") == 0;
    }
    if (all) {
        other->count = target->count = 0;
        array_push(target, (char *)arena_strdup(&s->strings, ":all:"));
        if (!none)
            return;
    }
    for (size_t i = start; i < names.count && i < start + 10000; i++) {
        if (strcmp(names.items[i], ":none:") == 0) {
            target->count = 0;
            continue;
        }
        char *name = canonical(&s->strings, text_of(names.items[i]));
        drop(other, name);
        if (*name && !has(target, name))
            array_push(target, name);
    }
}

static int assign_folders(struct settings *s, const char **to, const struct setting_value *v, struct err *err)
{
    if (!v->items) {
        *to = text_dup(&s->strings, v->text);
        return 0;
    }
    struct buf joined cleanup_buf = BUF_INIT;
    array_each (v->items, item) {
        if (strchr(*item, ':'))
            return err_set(err, ERR_USAGE, "%s: a folder cannot have a colon in its name: \"%s\"", v->from,
                           *item);
        buf_printf(&joined, "%s%s", joined.len ? ":" : "", *item);
    }
    *to = joined.len ? arena_strdup(&s->strings, joined.ptr) : NULL;
    return 0;
}

static int assign_install(struct settings *s, const struct setting_value *v, struct err *err)
{
    if (v->syntax == SYNTAX_VARIABLE) {
        s->auto_install = text_dup(&s->strings, v->text);
        return 0;
    }
    if (!v->items)
        return refuse(v, err, "a list of requirements, each on a line of its own after \"- \"");
    s->install_count = v->items->count;
    s->install = arena_array(&s->strings, v->items->count, sizeof *s->install);
    for (size_t i = 0; i < v->items->count; i++)
        s->install[i] = arena_strdup(&s->strings, v->items->items[i]);
    return 0;
}

static int assign(struct settings *s, const struct setting *setting, const struct setting_value *v,
                  struct err *err)
{
    char *field = (char *)s + setting->offset;
    void *place = field;
    switch (setting->kind) {
    case SETTING_INSTALL:
        return assign_install(s, v, err);
    case SETTING_FOLDERS:
        return assign_folders(s, place, v, err);
    case SETTING_LIST:
    case SETTING_LINKS:
        if (!v->items && v->syntax == SYNTAX_YAML)
            return refuse(v, err, "a list, each item on a line of its own after \"- \"");
        assign_list(s, place, setting->kind == SETTING_LINKS, v);
        return 0;
    case SETTING_CONTROL: {
        void *other = (char *)s + setting->counterpart;
        if (!v->items)
            assign_control(s, place, other, v->text);
        else
            array_each (v->items, item)
                assign_control(s, place, other, text_of(*item));
        return 0;
    }
    default:
        break;
    }
    switch (setting->kind) {
    case SETTING_BOOL:
        return assign_bool(place, v, err);
    case SETTING_OFF:
        return assign_off(place, v, err);
    case SETTING_SECONDS:
    case SETTING_NUMBER:
        return assign_int(place, setting, v, err);
    case SETTING_CHOICE:
    case SETTING_WORD:
        return assign_choice(field, setting, v, err);
    default:
        if (v->items)
            return refuse(v, err, "a single value");
        *(const char **)place =
            setting->kind == SETTING_PATH ? expand_home(s, v->text, v->home) : text_dup(&s->strings, v->text);
        return 0;
    }
}

/* What is added to a list by one does not take from it what another put there. */
void setting_said(struct settings *s, const struct setting *setting, const char *origin)
{
    if (!s->origins)
        s->origins = arena_array(&s->strings, setting_count, sizeof *s->origins);
    const char **place = &s->origins[setting - setting_table];
    *place = *place && setting->kind == SETTING_CONTROL ? arena_printf(&s->strings, "%s, %s", *place, origin)
                                                        : arena_strdup(&s->strings, origin);
}

const char *setting_origin(const struct settings *s, const struct setting *setting)
{
    return s->origins ? s->origins[setting - setting_table] : NULL;
}

int setting_assign(struct settings *s, const struct setting *setting, const struct setting_value *v,
                   struct err *err)
{
    if (assign(s, setting, v, err) < 0)
        return -1;
    setting_said(s, setting, v->origin ? v->origin : v->from);
    return 0;
}

static bool join(char *const *items, size_t count, struct buf *to)
{
    for (size_t i = 0; i < count; i++)
        buf_printf(to, "%s%s", i ? ", " : "", items[i]);
    return count > 0;
}

static bool add(const char *value, struct buf *to)
{
    buf_str(to, value ? value : "");
    return value != NULL;
}

bool setting_text(const struct settings *s, const struct setting *setting, struct buf *to)
{
    const char *field = (const char *)s + setting->offset;
    const void *place = field;
    unsigned choice;
    switch (setting->kind) {
    case SETTING_INSTALL:
        return s->auto_install ? add(s->auto_install, to) : join(s->install, s->install_count, to);
    case SETTING_LIST:
    case SETTING_LINKS:
    case SETTING_CONTROL: {
        const struct strings *list = place;
        return join(list->items, list->count, to);
    }
    case SETTING_BOOL:
    case SETTING_OFF:
        return add(*(const bool *)place ? "true" : "false", to);
    case SETTING_SECONDS:
    case SETTING_NUMBER:
        buf_printf(to, "%d", *(const int *)place);
        return true;
    case SETTING_CHOICE:
        memcpy(&choice, field, sizeof choice);
        return add(setting->choices[choice], to);
    default:
        return add(*(const char *const *)place, to);
    }
}
