/* SPDX-License-Identifier: Apache-2.0 */
#include "python/entry_points.h"

#include "base/array.h"
#include "base/strmap.h"
#include "python/decode.h"

struct points ARRAY(struct entry_point);

struct parser {
    struct arena *arena;
    struct points points;
    struct strmap index; /* "GROUP\nNAME" to place in points + 1: the last one of a name wins */
    const char *group;   /* NULL before the first section */
    struct text name;    /* of the entry that a continuation would belong to; ptr NULL for none */
    struct buf value;    /* its value so far */
    size_t indent;       /* of its first line */
    size_t line;         /* of its first line */
};

static int bad(size_t line, struct err *err, const char *what)
{
    return err_set(err, ERR_INPUT, "entry_points.txt line %zu: %s", line, what);
}

static bool is_word(char c)
{
    return ascii_is_alnum(c) || c == '_' || c == '.' || (unsigned char)c >= 0x80;
}

static struct text take_word(struct text *rest)
{
    size_t n = 0;
    while (n < rest->len && is_word(rest->ptr[n]))
        n++;
    struct text word = text_first(*rest, n);
    *rest = text_trim(text_from(*rest, n));
    return word;
}

/* MODULE, MODULE:ATTRIBUTE, either with [EXTRAS] behind it. */
static bool split_reference(struct text value, struct text *module, struct text *attribute)
{
    *module = take_word(&value);
    *attribute = text_first(value, 0);
    if (module->len == 0)
        return false;
    if (value.len && value.ptr[0] == ':') {
        value = text_trim(text_from(value, 1));
        *attribute = take_word(&value);
        if (attribute->len == 0)
            return false;
    }
    return value.len == 0 || (value.ptr[0] == '[' && value.ptr[value.len - 1] == ']');
}

/* Ends the entry that was open. */
static int finish_entry(struct parser *p, struct err *err)
{
    struct text value = text_trim(buf_view(&p->value)), module, attribute;
    struct buf key cleanup_buf = BUF_INIT;
    if (!p->name.ptr)
        return 0;
    if (!split_reference(value, &module, &attribute)) {
        /* Other groups may mean something of their own by their values, and nobody here runs them. */
        if (strcmp(p->group, "console_scripts") == 0 || strcmp(p->group, "gui_scripts") == 0)
            return bad(p->line, err, "a script is of the form NAME = MODULE:ATTRIBUTE");
        module = value;
        attribute = text_first(value, 0);
    }
    struct entry_point point = {p->group, text_dup(p->arena, p->name), text_dup(p->arena, module),
                                text_dup(p->arena, attribute)};
    p->name = (struct text){0};
    buf_printf(&key, "%s\n%s", point.group, point.name);
    void **place = strmap_place(&p->index, buf_view(&key));
    if (*place) {
        p->points.items[(size_t)*place - 1] = point;
    } else {
        array_push(&p->points, point);
        *place = (void *)p->points.count;
    }
    return 0;
}

static int begin_group(struct parser *p, struct text line, size_t number, struct err *err)
{
    size_t end = text_find(line, ']');
    struct text name = text_trim(text_from(text_first(line, end), 1));
    if (end == line.len || name.len == 0)
        return bad(number, err, "the name of a group is not closed with ], or empty");
    /* configparser and importlib.metadata differ about these: to one of them "[[console_scripts]" has
     * scripts. */
    if (text_find(name, '[') < name.len || text_find(text_from(line, end + 1), ']') < line.len - end - 1)
        return bad(number, err, "the name of a group has brackets in it");
    p->group = text_dup(p->arena, name);
    return 0;
}

static int begin_entry(struct parser *p, struct text line, size_t number, struct err *err)
{
    size_t equals = text_find(line, '=');
    struct text name = text_trim(text_first(line, equals));
    if (!p->group)
        return bad(number, err, "an entry before the first [GROUP]");
    if (equals == line.len)
        return bad(number, err, "NAME = MODULE:ATTRIBUTE is expected");
    if (name.len == 0)
        return bad(number, err, "the name before = is empty");
    p->name = name;
    p->line = number;
    buf_clear(&p->value);
    buf_text(&p->value, text_trim(text_from(line, equals + 1)));
    return 0;
}

static int read_line(struct parser *p, struct text raw, size_t number, struct err *err)
{
    struct text line = text_trim(raw);
    if (line.len == 0 || line.ptr[0] == '#' || line.ptr[0] == ';')
        return 0;
    size_t indent = (size_t)(line.ptr - raw.ptr);
    /* Deeper than its entry a line continues the value, as configparser has it; one with a "=" is an entry of
     * its own all the same, as importlib.metadata has it: no reference holds one. */
    if (p->name.ptr && indent > p->indent && line.ptr[0] != '[' && text_find(line, '=') == line.len) {
        buf_char(&p->value, ' ');
        buf_text(&p->value, line);
        return 0;
    }
    if (finish_entry(p, err) < 0)
        return -1;
    p->indent = indent;
    return line.ptr[0] == '[' ? begin_group(p, line, number, err) : begin_entry(p, line, number, err);
}

static int read_lines(struct parser *p, struct text rest, struct err *err)
{
    struct text line;
    for (size_t number = 1; decode_line(&rest, &line); number++) {
        if (text_find(line, 0) < line.len)
            return bad(number, err, "a NUL byte");
        if (read_line(p, line, number, err) < 0)
            return -1;
    }
    return finish_entry(p, err);
}

int entry_points_parse(struct arena *a, struct text bytes, struct entry_points *out, struct err *err)
{
    struct parser p = {.arena = a};
    *out = (struct entry_points){0};
    int result = read_lines(&p, text_starts(bytes, T("\xef\xbb\xbf")) ? text_from(bytes, 3) : bytes, err);
    if (result == 0) {
        out->items = arena_array(a, p.points.count, sizeof *out->items);
        out->count = p.points.count;
        if (out->count)
            memcpy(out->items, p.points.items, out->count * sizeof *out->items);
    }
    array_free(&p.points);
    strmap_free(&p.index);
    buf_free(&p.value);
    return result;
}

/* ---- the union of two */

static int by_name(const void *a, const void *b)
{
    const struct entry_point *x = a, *y = b;
    int order = strcmp(x->group, y->group);
    return order ? order : strcmp(x->name, y->name);
}

static bool has(const struct entry_points *points, size_t count, const struct entry_point *wanted)
{
    for (size_t i = 0; i < count; i++)
        if (by_name(&points->items[i], wanted) == 0)
            return true;
    return false;
}

int entry_points_union(struct arena *a, struct text first, struct text second, struct text *out,
                       struct err *err)
{
    struct entry_points one, other, all;
    struct buf text cleanup_buf = BUF_INIT;
    if (entry_points_parse(a, first, &one, err) < 0 || entry_points_parse(a, second, &other, err) < 0)
        return -1;
    all = (struct entry_points){arena_array(a, one.count + other.count, sizeof *all.items), one.count};
    if (one.count)
        memcpy(all.items, one.items, one.count * sizeof *all.items);
    for (size_t i = 0; i < other.count; i++)
        if (!has(&one, one.count, &other.items[i]))
            all.items[all.count++] = other.items[i];
    if (all.count)
        qsort(all.items, all.count, sizeof *all.items, by_name);
    for (size_t i = 0; i < all.count; i++) {
        const struct entry_point *p = &all.items[i];
        if (i == 0 || strcmp(p->group, all.items[i - 1].group) != 0)
            buf_printf(&text, "%s[%s]\n", i ? "\n" : "", p->group);
        buf_printf(&text, "%s = %s%s%s\n", p->name, p->module, *p->attribute ? ":" : "", p->attribute);
    }
    *out = text_of(text_dup(a, buf_view(&text)));
    return 0;
}
