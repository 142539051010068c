/* SPDX-License-Identifier: Apache-2.0 */
#include "python/requirement.h"
#include "base/array.h"
#include "python/cursor.h"
#include "python/decode.h"
#include "python/name.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void skip_blanks(struct cursor *c)
{
    while (c->at < c->text.len && is_blank(c->text.ptr[c->at]))
        c->at++;
}

static bool next_is(const struct cursor *c, char wanted)
{
    return c->at < c->text.len && c->text.ptr[c->at] == wanted;
}

static struct text trim_blanks(struct text t)
{
    while (t.len && is_blank(t.ptr[0]))
        t = text_from(t, 1);
    while (t.len && is_blank(t.ptr[t.len - 1]))
        t.len--;
    return t;
}

static struct text identifier(const struct cursor *c)
{
    struct text rest = cursor_rest(c);
    size_t n = 0;
    while (n < rest.len && (ascii_is_alnum(rest.ptr[n]) || memchr("-_.", rest.ptr[n], 3)))
        n++;
    return text_first(rest, n);
}

/* Takes a name; `what` says which. */
static int parse_name(struct cursor *c, const char *what, struct text *name)
{
    *name = identifier(c);
    if (name->len == 0 || !ascii_is_alnum(name->ptr[0]))
        return cursor_expected(c, what);
    if (!name_is_valid(*name))
        return err_set(c->err, ERR_INPUT, "column %u: the name \"%.*s\" has to end with a letter or a digit",
                       cursor_column(c, c->at), TEXT_ARG(*name));
    c->at += name->len;
    return 0;
}

/* A path or URL where a name should be is the most frequent slip of all. */
static int parse_project(struct cursor *c, struct requirement *out)
{
    struct text name, all = c->text;
    size_t scheme = 0;
    while (scheme < all.len && (ascii_is_alnum(all.ptr[scheme]) || memchr("+.-", all.ptr[scheme], 3)))
        scheme++;
    if (scheme && text_starts(text_from(all, scheme), T("://")))
        return err_set(c->err, ERR_INPUT,
                       "column 1: a URL needs the distribution's name before it: "
                       "\"NAME @ URL\"");
    if (all.len && memchr("./~", all.ptr[0], 3))
        return err_set(c->err, ERR_INPUT,
                       "column 1: a path needs the distribution's name before it: "
                       "\"NAME @ file:///PATH\"");
    if (parse_name(c, "the name of a distribution", &name) < 0)
        return -1;
    out->given = text_dup(c->arena, name);
    out->name = name_normalize(c->arena, name);
    return 0;
}

static int by_string(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void keep_extras(struct cursor *c, struct strings *extras, struct requirement *out)
{
    if (extras->count == 0)
        return;
    qsort(extras->items, extras->count, sizeof *extras->items, by_string);
    out->extras = arena_array(c->arena, extras->count, sizeof *out->extras);
    array_each (extras, extra)
        if (out->extra_count == 0 || strcmp(*extra, out->extras[out->extra_count - 1]) != 0)
            out->extras[out->extra_count++] = *extra;
}

static int parse_extras(struct cursor *c, struct requirement *out)
{
    struct strings extras cleanup_strings = {0};
    struct text extra;
    if (!next_is(c, '['))
        return 0;
    c->at++;
    skip_blanks(c);
    while (!next_is(c, ']')) {
        if (parse_name(c, extras.count ? "the name of an extra" : "the name of an extra, or \"]\"", &extra) <
            0)
            return -1;
        array_push(&extras, name_normalize(c->arena, extra));
        skip_blanks(c);
        if (next_is(c, ']'))
            break;
        if (!next_is(c, ','))
            return cursor_expected(c, "\",\" or \"]\" after the name of an extra");
        c->at++;
        skip_blanks(c);
        if (next_is(c, ']'))
            return cursor_expected(c, "the name of an extra after \",\"");
    }
    c->at++;
    keep_extras(c, &extras, out);
    return 0;
}

static int parse_url(struct cursor *c, struct requirement *out)
{
    c->at++;
    skip_blanks(c);
    size_t start = c->at;
    for (; c->at < c->text.len && !is_blank(c->text.ptr[c->at]); c->at++)
        if ((unsigned char)c->text.ptr[c->at] < ' ' || c->text.ptr[c->at] == 127)
            return err_set(c->err, ERR_INPUT, "column %u: a control character in the URL",
                           cursor_column(c, c->at));
    if (c->at == start)
        return cursor_expected(c, "a URL after \"@\"");
    out->url = text_dup(c->arena, (struct text){c->text.ptr + start, c->at - start});
    skip_blanks(c);
    /* What is quoted from here on would be the rest of a password. */
    if (text_find(cursor_rest(c), '@') < cursor_rest(c).len && !next_is(c, ';'))
        return err_set(
            c->err, ERR_INPUT,
            "column %u: a blank ends the URL, and behind it comes an @: in a user name or password "
            "a blank is written %%20",
            cursor_column(c, c->at));
    return c->at == c->text.len || next_is(c, ';')
               ? 0
               : cursor_expected(c, "\";\" and a marker after the URL, or the end");
}

/* What cannot be a specifier at all. */
static int bad_piece(struct cursor *c, struct text piece)
{
    c->at = (size_t)(piece.ptr - c->text.ptr);
    if (piece.len == 0)
        return cursor_expected(c, "a version specifier before the comma");
    if (ascii_is_digit(piece.ptr[0]))
        return err_set(c->err, ERR_INPUT,
                       "column %u: an operator is missing before the version; did you mean \"==%.*s\"?",
                       cursor_column(c, c->at), TEXT_ARG(piece));
    cursor_expected(c, "a version specifier such as \">=1.0\", \";\" and a marker, or the end");
    if (name_is_valid(identifier(c)) && c->err) {
        char *text = xasprintf("%s (a second requirement belongs on a line of its own)", c->err->text);
        err_set(c->err, ERR_INPUT, "%s", text);
        free(text);
    }
    return -1;
}

/* The specifiers between commas; behind the last comma there may be none. */
static int check_pieces(struct cursor *c, struct text list)
{
    struct text rest = list, piece;
    while (text_cut(&rest, ',', &piece)) {
        piece = trim_blanks(piece);
        if (piece.len == 0 && rest.ptr == NULL)
            break;
        if (piece.len == 0 || !memchr("<>=!~", piece.ptr[0], 5))
            return bad_piece(c, piece);
        size_t len = decode_trim(piece).len;
        if (len < piece.len)
            return err_set(c->err, ERR_INPUT,
                           "column %u: a blank of another kind; only spaces and tabs separate here",
                           cursor_column(c, (size_t)(piece.ptr - c->text.ptr) + len));
    }
    return 0;
}

/* Which one of them it was that could not be parsed, and why. */
static int bad_specifier(struct cursor *c, struct text list)
{
    struct arena scratch cleanup_arena = ARENA_INIT;
    struct text rest = list, piece;
    struct specifier_set one;
    while (text_cut(&rest, ',', &piece)) {
        piece = trim_blanks(piece);
        if (piece.len && specifier_parse_one(&scratch, piece, &one, c->err) < 0)
            return err_wrap(c->err, "column %u", cursor_column(c, (size_t)(piece.ptr - c->text.ptr)));
    }
    return -1;
}

static int parse_specifiers(struct cursor *c, struct requirement *out)
{
    bool enclosed = next_is(c, '(');
    size_t open = c->at;
    c->at += enclosed;
    struct text rest = cursor_rest(c), list = text_first(rest, text_find(rest, enclosed ? ')' : ';'));
    if (enclosed && list.len == rest.len)
        return err_set(c->err, ERR_INPUT, "column %u: the parenthesis is never closed",
                       cursor_column(c, open));
    if (trim_blanks(list).len && check_pieces(c, list) < 0)
        return -1;
    if (specifier_set_parse(c->arena, list, &out->specifiers, NULL) < 0)
        return bad_specifier(c, list);
    c->at += list.len + enclosed;
    skip_blanks(c);
    return c->at == c->text.len || next_is(c, ';') ? 0 : cursor_expected(c, "\";\" and a marker, or the end");
}

static int parse(struct cursor *c, struct requirement *out)
{
    if (parse_project(c, out) < 0)
        return -1;
    skip_blanks(c);
    if (parse_extras(c, out) < 0)
        return -1;
    skip_blanks(c);
    if ((next_is(c, '@') ? parse_url(c, out) : parse_specifiers(c, out)) < 0)
        return -1;
    if (c->at == c->text.len)
        return 0;
    return marker_parse_tail(c->arena, c->text, c->at + 1, &out->marker, c->err);
}

int requirement_parse(struct arena *a, struct text text, struct requirement *out, struct err *err)
{
    text = decode_trim(text);
    struct cursor c = {.arena = a, .text = text, .err = err};
    *out = (struct requirement){.specifiers.text = "", .text = text_dup(a, text)};
    if (parse(&c, out) < 0)
        return err_wrap(err, "\"%.*s\" is not a requirement", TEXT_ARG(text));
    return 0;
}
