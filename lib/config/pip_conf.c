/* SPDX-License-Identifier: Apache-2.0 */
#include "config/pip_conf.h"

#include "base/strmap.h"
#include "python/decode.h"

struct parser {
    struct arena *a;
    const char *file;
    struct pip_conf *items;
    struct strmap seen;     /* SECTION and SECTION\0OPTION */
    struct buf value;       /* of the option that is being read */
    size_t first;           /* the index of that option plus one; 0 for none */
    char *section;          /* NULL before the first header */
    size_t line, indent;    /* indent: of the line that began the option */
    struct strings headers; /* each section once, in order */
    struct err *err;
};

static void finish_value(struct parser *p)
{
    if (p->first)
        p->items->items[p->first - 1].value = text_dup(p->a, text_trim(buf_view(&p->value)));
    p->first = 0;
    buf_clear(&p->value);
}

/* Whether this section or option stands here for the first time. */
static bool is_first(struct parser *p, struct text section, struct text option)
{
    struct buf key cleanup_buf = BUF_INIT;
    buf_text(&key, section);
    if (option.ptr) {
        buf_char(&key, 0);
        buf_text(&key, option);
    }
    void **place = strmap_place(&p->seen, buf_view(&key));
    bool first = !*place;
    *place = p;
    return first;
}

static int read_header(struct parser *p, struct text name)
{
    finish_value(p);
    bool first = is_first(p, name, (struct text){0});
    if (!first && !text_is(name, "DEFAULT"))
        return err_set(p->err, ERR_INPUT, "%s:%zu: section [%.*s] stands there a second time", p->file,
                       p->line, TEXT_ARG(name));
    p->section = text_dup(p->a, name);
    if (first)
        array_push(&p->headers, p->section);
    return 0;
}

/* As pip names it: index-url, index_url and --INDEX-URL are one. */
static char *normal_option(struct arena *a, struct text name)
{
    char *option = text_dup(a, name);
    for (char *c = option; *c; c++)
        *c = *c == '_' ? '-' : ascii_lower(*c);
    return strncmp(option, "--", 2) ? option : option + 2;
}

static int read_option(struct parser *p, struct text line)
{
    finish_value(p);
    size_t at = 0;
    while (at < line.len && line.ptr[at] != '=' && line.ptr[at] != ':')
        at++;
    struct text name = text_trim(text_first(line, at));
    if (at == line.len || name.len == 0)
        return err_set(p->err, ERR_INPUT, "%s:%zu: this line is not of the form \"option = value\"", p->file,
                       p->line);
    char *option = normal_option(p->a, name), *none = text_dup(p->a, T(""));
    if (!is_first(p, text_of(p->section), text_of(option)))
        return err_set(p->err, ERR_INPUT, "%s:%zu: option %s stands in [%s] a second time", p->file, p->line,
                       option, p->section);
    array_push(p->items, (struct pip_conf_item){p->section, option, none, p->line});
    p->first = p->items->count;
    buf_text(&p->value, text_trim(text_from(line, at + 1)));
    return 0;
}

/* Whether lines that are indented further belong to the value: to Python they do not where the option has no
 * name (pip's name of "--"). */
static bool is_open(const struct parser *p)
{
    return p->first && *p->items->items[p->first - 1].option;
}

static int read_line(struct parser *p, struct text line)
{
    struct text value = text_trim(line);
    if (value.len == 0) {
        if (is_open(p))
            buf_char(&p->value, '\n');
        return 0;
    }
    if (value.ptr[0] == '#' || value.ptr[0] == ';')
        return 0;
    size_t indent = (size_t)(value.ptr - line.ptr);
    if (is_open(p) && indent > p->indent) {
        buf_char(&p->value, '\n');
        buf_text(&p->value, value);
        return 0;
    }
    p->indent = indent;
    size_t close = value.len;
    while (close > 2 && value.ptr[close - 1] != ']')
        close--;
    if (value.ptr[0] == '[' && close > 2)
        return read_header(p, text_from(text_first(value, close - 1), 1));
    if (!p->section)
        return err_set(p->err, ERR_INPUT, "%s:%zu: an option stands before the first [section]", p->file,
                       p->line);
    return read_option(p, value);
}

/* What stands in [DEFAULT] is in every section, before the section's own. */
static void spread_defaults(struct parser *p)
{
    struct pip_conf own = *p->items;
    *p->items = (struct pip_conf){0};
    for (size_t pass = 0; pass < 2; pass++) {
        array_each (&own, item) {
            bool is_default = strcmp(item->section, "DEFAULT") == 0;
            if (pass == 1 && !is_default)
                array_push(p->items, *item);
            if (pass == 1 || !is_default)
                continue;
            array_each (&p->headers, header) {
                if (strcmp(*header, "global") == 0 || strcmp(*header, "install") == 0)
                    array_push(p->items,
                               (struct pip_conf_item){*header, item->option, item->value, item->line});
            }
        }
    }
    pip_conf_free(&own);
}

int pip_conf_parse(struct arena *a, struct text bytes, const char *file, struct pip_conf *out,
                   struct err *err)
{
    struct pip_conf items = {0};
    struct parser p = {.a = a, .file = file, .items = &items, .err = err};
    struct text line;
    int result = 0;
    if (bytes.len && memchr(bytes.ptr, 0, bytes.len))
        result = err_set(err, ERR_INPUT, "%s: it holds NUL bytes, so it is no text file", file);
    while (result == 0 && decode_line(&bytes, &line)) {
        p.line++;
        result = read_line(&p, line);
    }
    finish_value(&p);
    if (result == 0) {
        spread_defaults(&p);
        pip_conf_free(out);
        *out = items;
    } else {
        pip_conf_free(&items);
    }
    strmap_free(&p.seen);
    strings_free(&p.headers);
    buf_free(&p.value);
    return result;
}
