/* SPDX-License-Identifier: Apache-2.0 */
#include "config/extensions_yaml.h"

#include "base/fs.h"
#include "base/nearest.h"
#include "config/setting.h"

#include <yaml.h>

enum { MOST_FAULTS = 10, DEEPEST = 32, MOST_ITEMS = 10000 };

static const char *const groups[] = {"dev", "index", "log", "entrypoint"};
enum { GROUPS = sizeof groups / sizeof *groups };

struct reader {
    yaml_parser_t parser;
    yaml_event_t event;
    bool has_event;
    const char *file;
    struct text bytes;
    struct settings *out;
    struct arena names;
    struct buf faults;
    size_t fault_count;
    bool *seen; /* one for each setting, then one for each group */
};

static void __attribute__((format(printf, 4, 5)))
fault(struct reader *r, size_t line, size_t column, const char *fmt, ...)
{
    if (++r->fault_count > MOST_FAULTS)
        return;
    va_list ap;
    va_start(ap, fmt);
    cleanup_free char *text = xvasprintf(fmt, ap);
    va_end(ap);
    buf_printf(&r->faults, "%s%s:%zu:%zu: %s", r->faults.len ? "\n" : "", r->file, line + 1, column + 1,
               text);
}

#define FAULT(r, ...) fault(r, (r)->event.start_mark.line, (r)->event.start_mark.column, __VA_ARGS__)

static void syntax_fault(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    const char *problem = p->problem ? p->problem : "not YAML";
    if (p->error != YAML_READER_ERROR) {
        fault(r, p->problem_mark.line, p->problem_mark.column, "%s%s%s", problem, p->context ? ", " : "",
              p->context ? p->context : "");
        return;
    }
    /* The reader counts bytes only. */
    size_t line = 0, column = 0;
    struct text before = text_first(r->bytes, p->problem_offset);
    for (size_t i = 0; i < before.len; i++) {
        column = before.ptr[i] == '\n' ? 0 : column + 1;
        line += before.ptr[i] == '\n';
    }
    fault(r, line, column, "%s", problem);
}

static const yaml_char_t *event_anchor(const yaml_event_t *e, const yaml_char_t **tag)
{
    switch (e->type) {
    case YAML_SCALAR_EVENT:
        *tag = e->data.scalar.tag;
        return e->data.scalar.anchor;
    case YAML_SEQUENCE_START_EVENT:
        *tag = e->data.sequence_start.tag;
        return e->data.sequence_start.anchor;
    case YAML_MAPPING_START_EVENT:
        *tag = e->data.mapping_start.tag;
        return e->data.mapping_start.anchor;
    case YAML_ALIAS_EVENT:
        return e->data.alias.anchor;
    default:
        return NULL;
    }
}

/* The next event; false after a fault that ends the reading. */
static bool next(struct reader *r)
{
    if (r->has_event)
        yaml_event_delete(&r->event);
    r->has_event = yaml_parser_parse(&r->parser, &r->event);
    if (!r->has_event) {
        syntax_fault(r);
        return false;
    }
    const yaml_char_t *tag = NULL;
    if (event_anchor(&r->event, &tag))
        FAULT(r, "anchors and aliases (& and *) are not read here; write the value out, or quote it when it "
                 "is text");
    else if (tag)
        FAULT(r, "tags (!) are not read here; quote the value when it is text");
    return true;
}

/* Passes over the node that the current event begins. */
static bool skip(struct reader *r)
{
    size_t depth = 0;
    for (;;) {
        switch (r->event.type) {
        case YAML_SEQUENCE_START_EVENT:
        case YAML_MAPPING_START_EVENT:
            if (++depth > DEEPEST) {
                FAULT(r, "nested more than %d levels deep", DEEPEST);
                return false;
            }
            break;
        case YAML_SEQUENCE_END_EVENT:
        case YAML_MAPPING_END_EVENT:
            depth--;
            break;
        default:
            break;
        }
        if (depth == 0)
            return true;
        if (!next(r))
            return false;
    }
}

static struct text scalar(const struct reader *r)
{
    return (struct text){(const char *)r->event.data.scalar.value, r->event.data.scalar.length};
}

static bool is_plain(const struct reader *r)
{
    return r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* "key:" with nothing after it is a key that is not set, and so is an empty string. */
static bool is_null(const struct reader *r)
{
    struct text t = scalar(r);
    return t.len == 0 || (is_plain(r) && (text_is(t, "~") || text_eq_nocase(t, T("null"))));
}

/* What YAML takes for something else than text: true, 12, 1.5 */
static const char *other_type(const struct reader *r)
{
    struct text t = scalar(r);
    if (!is_plain(r))
        return NULL;
    if (text_eq_nocase(t, T("true")) || text_eq_nocase(t, T("false")))
        return "true or false";
    bool digits = false;
    for (size_t i = 0; i < t.len; i++) {
        if (!ascii_is_digit(t.ptr[i]) && t.ptr[i] != '.' && !(i == 0 && strchr("+-", t.ptr[i])))
            return NULL;
        digits |= ascii_is_digit(t.ptr[i]);
    }
    return digits ? "a number" : NULL;
}

static bool is_text_fit(struct reader *r, const char *key)
{
    struct text t = scalar(r);
    for (size_t i = 0; i < t.len; i++) {
        if ((unsigned char)t.ptr[i] < 0x20 || t.ptr[i] == 0x7f) {
            FAULT(r, "%s has a control character or a line break in its value", key);
            return false;
        }
    }
    return true;
}

static bool wants_text(enum setting_kind kind)
{
    return kind == SETTING_STRING || kind == SETTING_PATH || kind == SETTING_FOLDERS;
}

static void assign(struct reader *r, size_t line, size_t column, const struct setting *setting,
                   struct setting_value *v)
{
    struct err err cleanup_err = ERR_INIT;
    v->syntax = SYNTAX_YAML;
    v->from = setting->key;
    v->origin = arena_printf(&r->names, "%s:%zu: %s", r->file, line + 1, setting->key);
    if (setting_assign(r->out, setting, v, &err) < 0)
        fault(r, line, column, "%s", err.text);
}

static bool read_list(struct reader *r, const struct setting *setting)
{
    struct strings items cleanup_strings = {0};
    size_t line = r->event.start_mark.line, column = r->event.start_mark.column;
    for (;;) {
        if (!next(r))
            return false;
        if (r->event.type == YAML_SEQUENCE_END_EVENT)
            break;
        const char *other;
        if (r->event.type != YAML_SCALAR_EVENT) {
            FAULT(r, "an item of %s has to be text; quote it when it has a colon or brackets in it",
                  setting->key);
            if (!skip(r))
                return false;
        } else if (is_null(r)) {
            FAULT(r, "an item of %s is empty", setting->key);
        } else if ((other = other_type(r))) {
            FAULT(r, "an item of %s has to be text, and %.*s is %s; quote it when it is meant", setting->key,
                  TEXT_ARG(scalar(r)), other);
        } else if (items.count == MOST_ITEMS) {
            FAULT(r, "%s has more than %d items", setting->key, MOST_ITEMS);
            return false;
        } else if (is_text_fit(r, setting->key)) {
            array_push(&items, text_dup(&r->names, scalar(r)));
        }
    }
    struct setting_value v = {.items = &items};
    assign(r, line, column, setting, &v);
    return true;
}

static bool read_value(struct reader *r, const struct setting *setting)
{
    if (r->event.type == YAML_SEQUENCE_START_EVENT)
        return read_list(r, setting);
    if (r->event.type == YAML_ALIAS_EVENT)
        return true;
    if (r->event.type != YAML_SCALAR_EVENT) {
        FAULT(r, "%s has to be a value, not keys of its own", setting->key);
        return skip(r);
    }
    const char *other;
    if (is_null(r) || !is_text_fit(r, setting->key))
        return true;
    if (wants_text(setting->kind) && (other = other_type(r))) {
        FAULT(r, "%s has to be text, and %.*s is %s; quote it when it is meant", setting->key,
              TEXT_ARG(scalar(r)), other);
        return true;
    }
    struct setting_value v = {.text = scalar(r)};
    assign(r, r->event.start_mark.line, r->event.start_mark.column, setting, &v);
    return true;
}

static void unknown_key(struct reader *r, const char *prefix, const char *key)
{
    const struct setting *written = *prefix ? NULL : setting_by_key(text_of(key));
    if (written) {
        const char *dot = strchr(key, '.');
        FAULT(r, "there is no key \"%s\"; write \"%.*s:\" on a line, and \"%s:\" indented beneath it", key,
              (int)(dot - key), key, dot + 1);
        return;
    }
    const char *best = NULL;
    size_t best_distance = 0;
    for (size_t i = 0; i < setting_count + GROUPS; i++) {
        const char *name = i < setting_count ? setting_table[i].key : groups[i - setting_count];
        if (strncmp(name, prefix, strlen(prefix)) != 0 || strchr(name + strlen(prefix), '.'))
            continue;
        size_t distance = nearest_distance(text_of(key), text_of(name + strlen(prefix)));
        if (!best || distance < best_distance) {
            best = name;
            best_distance = distance;
        }
    }
    /* "url" alone is index.url: the last part of a key is what people remember. */
    for (size_t i = 0; i < setting_count && best_distance; i++) {
        const char *dot = strchr(setting_table[i].key, '.');
        if (dot && strcmp(dot + 1, key) == 0) {
            best = setting_table[i].key;
            best_distance = 0;
        }
    }
    FAULT(r, "there is no key \"%s%s\"; the nearest is \"%s\"", prefix, key, best);
}

static bool take_key(struct reader *r, bool *seen, const char *key)
{
    if (*seen)
        FAULT(r, "%s stands here a second time; the first one counts", key);
    bool first = !*seen;
    *seen = true;
    return first;
}

static bool read_mapping(struct reader *r, const char *prefix);

static bool read_group(struct reader *r, size_t group)
{
    const char *name = groups[group];
    bool first = take_key(r, &r->seen[setting_count + group], name);
    if (!next(r))
        return false;
    if (first && r->event.type == YAML_MAPPING_START_EVENT)
        return read_mapping(r, arena_printf(&r->names, "%s.", name));
    if (first && !(r->event.type == YAML_SCALAR_EVENT && is_null(r)))
        FAULT(r, "%s has keys of its own, indented beneath it", name);
    return skip(r);
}

static bool read_pair(struct reader *r, const char *prefix)
{
    if (r->event.type != YAML_SCALAR_EVENT) {
        FAULT(r, "a key has to be text");
        return skip(r) && next(r) && skip(r);
    }
    const char *key = text_dup(&r->names, text_first(scalar(r), 200));
    for (size_t i = 0; i < GROUPS && !*prefix; i++)
        if (strcmp(key, groups[i]) == 0)
            return read_group(r, i);
    const char *full = arena_printf(&r->names, "%s%s", prefix, key);
    const struct setting *setting = setting_by_key(text_of(full));
    if (!setting || (!*prefix && strchr(key, '.'))) {
        unknown_key(r, prefix, key);
        return next(r) && skip(r);
    }
    bool first = take_key(r, &r->seen[setting - setting_table], full);
    return next(r) && (first ? read_value(r, setting) : skip(r));
}

static bool read_mapping(struct reader *r, const char *prefix)
{
    for (;;) {
        if (!next(r))
            return false;
        if (r->event.type == YAML_MAPPING_END_EVENT)
            return true;
        if (!read_pair(r, prefix))
            return false;
    }
}

static void read_stream(struct reader *r)
{
    if (!next(r) || !next(r) || r->event.type == YAML_STREAM_END_EVENT)
        return;
    if (!next(r)) /* past the start of the document */
        return;
    if (r->event.type == YAML_MAPPING_START_EVENT) {
        if (!read_mapping(r, ""))
            return;
    } else {
        if (r->event.type != YAML_SCALAR_EVENT || !is_null(r))
            FAULT(r, "settings are lines of the form \"key: value\"");
        if (!skip(r))
            return;
    }
    if (next(r) && next(r) && r->event.type != YAML_STREAM_END_EVENT)
        FAULT(r, "a second document (---) begins here; only the first one counts");
}

int extensions_yaml_parse(struct text bytes, const char *file, struct settings *out, struct err *err)
{
    struct reader r = {.file = file, .bytes = bytes, .out = out};
    r.seen = arena_array(&r.names, setting_count + GROUPS, sizeof *r.seen);
    if (!yaml_parser_initialize(&r.parser)) {
        arena_free(&r.names);
        return err_set(err, ERR_SYSTEM, "out of memory while reading %s", file);
    }
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)(bytes.len ? bytes.ptr : ""), bytes.len);
    read_stream(&r);
    if (r.has_event)
        yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    if (r.fault_count > MOST_FAULTS)
        buf_printf(&r.faults, "\n%s: and %zu more", file, r.fault_count - MOST_FAULTS);
    int result = r.fault_count ? err_set(err, ERR_USAGE, "%s", buf_cstr(&r.faults)) : 0;
    buf_free(&r.faults);
    arena_free(&r.names);
    return result;
}
