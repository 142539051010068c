/* SPDX-License-Identifier: Apache-2.0 */
#include "python/requirements_file.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "python/decode.h"
#include "python/requirements_options.h"

enum { LONGEST_LINE = 1024 * 1024 };

struct parser {
    struct arena *arena;
    const char *(*variable)(void *ctx, const char *name);
    void *ctx;
    struct requirements_lines *out;
};

/* The length of the line end at the start, 0 for none: those at which Python's str.splitlines splits. */
static size_t line_end(struct text t)
{
    unsigned char c = (unsigned char)t.ptr[0];
    if (c == '\r')
        return t.len > 1 && t.ptr[1] == '\n' ? 2 : 1;
    if ((c >= '\n' && c <= '\f') || (c >= 0x1c && c <= 0x1e))
        return 1;
    if (text_starts(t, T("\xc2\x85")))
        return 2;
    return text_starts(t, T("\xe2\x80\xa8")) || text_starts(t, T("\xe2\x80\xa9")) ? 3 : 0;
}

static bool next_line(struct text *rest, struct text *line)
{
    size_t i = 0, end = 0;
    if (rest->len == 0)
        return false;
    while (i < rest->len && !(end = line_end(text_from(*rest, i))))
        i++;
    *line = text_first(*rest, i);
    *rest = text_from(*rest, i + end);
    return true;
}

/* Without the white space around it, that beyond ASCII included. */
static struct text trim(struct text t)
{
    size_t n;
    while ((n = decode_space(t)))
        t = text_from(t, n);
    size_t end = 0;
    for (size_t i = 0; i < t.len; i += n ? n : 1)
        if ((n = decode_space(text_from(t, i))) == 0)
            end = i + 1;
    return text_first(t, end);
}

static bool is_comment(struct text line)
{
    struct text t = trim(line);
    return t.len && t.ptr[0] == '#';
}

/* What stands before a # at the beginning or after white space. */
static struct text without_comment(struct text line)
{
    size_t blanks = 0; /* where the white space before i begins; i when there is none */
    for (size_t i = 0, n; i < line.len; i += n ? n : 1) {
        n = decode_space(text_from(line, i));
        if (line.ptr[i] == '#' && (i == 0 || blanks < i))
            return text_first(line, blanks);
        if (n == 0)
            blanks = i + 1;
    }
    return line;
}

static struct text without_backslashes(struct text line)
{
    while (line.len && line.ptr[0] == '\\')
        line = text_from(line, 1);
    while (line.len && line.ptr[line.len - 1] == '\\')
        line.len--;
    return line;
}

/* The length of "${NAME}" at the start, NAME of upper-case letters, digits and _; else 0. */
static size_t variable_length(struct text t)
{
    if (!text_starts(t, T("${")))
        return 0;
    size_t i = 2;
    while (i < t.len && ((t.ptr[i] >= 'A' && t.ptr[i] <= 'Z') || ascii_is_digit(t.ptr[i]) || t.ptr[i] == '_'))
        i++;
    return i > 2 && i < t.len && t.ptr[i] == '}' ? i + 1 : 0;
}

static struct text expand(const struct parser *p, struct text line)
{
    struct buf done cleanup_buf = BUF_INIT;
    if (!p->variable || text_find(line, '$') == line.len)
        return line;
    for (size_t i = 0; i < line.len && done.len <= LONGEST_LINE;) {
        size_t n = variable_length(text_from(line, i));
        const char *value = NULL;
        if (n) {
            struct text name = {line.ptr + i + 2, n - 3};
            value = p->variable(p->ctx, text_dup(p->arena, name));
        }
        if (value && *value)
            buf_str(&done, value);
        else
            buf_text(&done, text_first(text_from(line, i), n ? n : 1));
        i += n ? n : 1;
    }
    return (struct text){text_dup(p->arena, buf_view(&done)), done.len};
}

/* Where the options of a line begin: at a word, between blanks, that begins with "-". Tabs do not separate:
 * pip's rule. */
static size_t options_start(struct text line)
{
    for (size_t i = 0; i < line.len; i++)
        if (line.ptr[i] == '-' && (i == 0 || line.ptr[i - 1] == ' '))
            return i;
    return line.len;
}

static const char *own_options(struct arena *a, const struct requirements_options *options, bool with_file)
{
    struct buf text cleanup_buf = BUF_INIT;
    array_each (options, option) {
        if (option->scope == OPTION_CONTROL || (option->scope == OPTION_FILE && !with_file))
            continue;
        if (text.len)
            buf_char(&text, ' ');
        requirements_option_write(&text, option);
    }
    return arena_strdup(a, buf_cstr(&text));
}

static void add_error(const struct parser *p, struct requirements_line line, const char *why)
{
    line.kind = LINE_ERROR;
    line.value = arena_strdup(p->arena, why);
    array_push(p->out, line);
}

/* The options of a line that holds nothing else. */
static void add_options(const struct parser *p, struct requirements_line line,
                        const struct requirements_options *options, const char *leftover)
{
    bool editable = false, alone = false;
    array_each (options, option)
        editable |= strcmp(option->name, "--editable") == 0;
    /* An --index-url counts before an --extra-index-url of its line, wherever it stands. */
    for (int pass = 0; pass < 2; pass++)
        array_each (options, option) {
            if ((strcmp(option->name, "--index-url") == 0) != (pass == 0))
                continue;
            if (option->scope == OPTION_REQUIREMENT) {
                alone |= !editable;
                continue;
            }
            bool is_editable = strcmp(option->name, "--editable") == 0;
            line.kind = strcmp(option->name, "--requirement") == 0  ? LINE_INCLUDE
                        : strcmp(option->name, "--constraint") == 0 ? LINE_CONSTRAINT
                                                                    : LINE_OPTION;
            line.name = option->name;
            line.value = option->value;
            line.options = is_editable ? own_options(p->arena, options, false) : "";
            array_push(p->out, line);
        }
    line.name = line.options = "";
    if (alone)
        add_error(p, line,
                  "an option of a requirement without a requirement; is a backslash missing at the end of "
                  "the line before?");
    else if (leftover && !editable) { /* behind -e pip passes over it */
        if (strchr(leftover, '@')) {
            add_error(p, line,
                      "a blank ends the value of the option, and behind it comes an @: in the user name or "
                      "password of a URL a blank is written %20");
            return;
        }
        struct buf clean cleanup_buf = BUF_INIT; /* or a cut password would be seen */
        log_redact(&clean, text_of(leftover));
        add_error(p, line,
                  arena_printf(p->arena,
                               "\"%.200s\" is no option, and requirements stand on lines of "
                               "their own",
                               buf_cstr(&clean)));
    }
}

/* A logical line, not empty: into one requirement, or into as many lines as it has options. */
static void add_line(const struct parser *p, unsigned number, struct text text)
{
    struct requirements_options options = {0};
    struct err why cleanup_err = ERR_INIT;
    struct requirements_line line = {
        .line = number, .text = text_dup(p->arena, text), .name = "", .value = "", .options = ""};
    const char *leftover;
    size_t start = options_start(text);
    struct text requirement = trim(text_first(text, start));

    if (requirements_options_parse(p->arena, text_from(text, start), &options, &leftover, &why) < 0) {
        add_error(p, line, why.text);
    } else if (requirement.len == 0) {
        add_options(p, line, &options, leftover ? leftover : options.count ? NULL : line.text);
    } else {
        line.kind = LINE_REQUIREMENT;
        line.value = text_dup(p->arena, requirement);
        line.options = own_options(p->arena, &options, true);
        array_push(p->out, line);
        array_each (&options, option) {
            if (option->scope != OPTION_CONTROL)
                continue;
            line.kind = LINE_OPTION;
            line.name = option->name;
            line.value = option->value;
            line.options = "";
            array_push(p->out, line);
        }
    }
    array_free(&options);
}

/* Its beginning has to do for messages, without what is cut off from the URL that it is the password of. */
static void add_too_long(const struct parser *p, unsigned number, struct text line)
{
    enum { SHOWN = 60, LOOKED_AT = 8192 };
    struct buf clean cleanup_buf = BUF_INIT;
    log_redact(&clean, text_first(line, LOOKED_AT));
    size_t shown = clean.len < SHOWN ? clean.len : SHOWN;
    while (shown && ((unsigned char)clean.ptr[shown] & 0xc0) == 0x80) /* not amid a letter */
        shown--;
    add_error(p,
              (struct requirements_line){.line = number,
                                         .text = arena_printf(p->arena, "%.*s…", (int)shown, clean.ptr),
                                         .name = "",
                                         .options = ""},
              "the line is longer than 1 MiB");
}

static void finish_line(const struct parser *p, unsigned number, struct text joined)
{
    struct text line = trim(without_comment(joined));
    if (line.len && line.len <= LONGEST_LINE)
        line = trim(expand(p, line));
    if (line.len > LONGEST_LINE)
        add_too_long(p, number, line);
    else if (line.len)
        add_line(p, number, line);
}

static void parse_lines(const struct parser *p, struct text rest)
{
    struct buf joined cleanup_buf = BUF_INIT;
    struct text line;
    bool open = false; /* the line before ended in a backslash */
    unsigned number = 0, first = 0;
    while (next_line(&rest, &line)) {
        bool comment = is_comment(line), more = !comment && text_ends(line, T("\\"));
        number++;
        if (!open) {
            first = number;
            buf_clear(&joined);
        }
        if (comment)
            buf_char(&joined, ' ');     /* or its # would not be seen behind what it is joined to */
        if (joined.len <= LONGEST_LINE) /* or it is too long already, whatever follows */
            buf_text(&joined, more ? without_backslashes(line) : line);
        open = more;
        if (!open)
            finish_line(p, first, buf_view(&joined));
    }
    if (open)
        finish_line(p, first, buf_view(&joined));
}

int requirements_file_parse(struct arena *a, struct text bytes,
                            const char *(*variable)(void *ctx, const char *name), void *ctx,
                            struct requirements_lines *out, struct err *err)
{
    struct parser p = {.arena = a, .variable = variable, .ctx = ctx, .out = out};
    struct buf text cleanup_buf = BUF_INIT;
    if (decode_text(bytes, &text, err) < 0)
        return -1;
    parse_lines(&p, buf_view(&text));
    return 0;
}

/* For each byte that opens a bracket or quote which is closed again, where that is; else 0. One that is not
 * closed is a letter like any other, so that it takes no other item with it. */
static size_t *find_pairs(struct text list)
{
    size_t *pair = xcalloc(list.len + 1, sizeof *pair), *open = xcalloc(list.len + 1, sizeof *open);
    static const char brackets[] = "()[]";
    for (size_t kind = 0; kind < 2; kind++) {
        size_t depth = 0;
        for (size_t i = 0; i < list.len; i++) {
            if (list.ptr[i] == brackets[2 * kind])
                open[depth++] = i;
            else if (list.ptr[i] == brackets[2 * kind + 1] && depth)
                pair[open[--depth]] = i;
        }
    }
    for (const char *quote = "'\""; *quote; quote++)
        for (size_t i = text_find(list, *quote); i < list.len;) {
            size_t end = i + 1 + text_find(text_from(list, i + 1), *quote);
            if (end >= list.len)
                break;
            pair[i] = end;
            i = end + 1 + text_find(text_from(list, end + 1), *quote);
        }
    free(open);
    return pair;
}

static void add_item(struct arena *a, struct text item, struct strings *out)
{
    item = text_trim(item);
    if (item.len)
        array_push(out, text_dup(a, item));
}

void requirements_list_split(struct arena *a, struct text list, struct strings *out)
{
    size_t *pair cleanup_free = find_pairs(list);
    size_t start = 0;
    for (size_t i = 0; i < list.len; i++) {
        if (pair[i])
            i = pair[i];
        if (list.ptr[i] != ',')
            continue;
        size_t next = i + 1;
        while (next < list.len && (list.ptr[next] == ',' || ascii_is_space(list.ptr[next])))
            next++;
        char c = next < list.len ? list.ptr[next] : '.';
        if (ascii_is_alnum(c) || c == '.' || c == '/' ||
            text_trim(text_from(text_first(list, i), start)).len == 0) {
            add_item(a, text_from(text_first(list, i), start), out);
            start = next;
        }
        i = next - 1;
    }
    add_item(a, text_from(list, start), out);
}
