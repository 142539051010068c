/* SPDX-License-Identifier: Apache-2.0 */
#include "python/marker.h"
#include "python/cursor.h"
#include "python/decode.h"
#include "python/name.h"
#include "python/specifier.h"

#include <stddef.h>

enum { NESTING_LIMIT = 64 };

enum variable {
    IMPLEMENTATION_NAME,
    IMPLEMENTATION_VERSION,
    OS_NAME,
    PLATFORM_MACHINE,
    PLATFORM_RELEASE,
    PLATFORM_SYSTEM,
    PLATFORM_VERSION,
    PYTHON_FULL_VERSION,
    PLATFORM_PYTHON_IMPLEMENTATION,
    PYTHON_VERSION,
    SYS_PLATFORM,
    EXTRA,
    EXTRAS, /* these two in lock files alone */
    DEPENDENCY_GROUPS,
};

#define FIELD(name) offsetof(struct marker_environment, name)
static const struct {
    const char *name;
    size_t field; /* in struct marker_environment */
    bool version; /* compared as a version */
} variables[] = {
    [IMPLEMENTATION_NAME] = {"implementation_name", FIELD(implementation_name), false},
    [IMPLEMENTATION_VERSION] = {"implementation_version", FIELD(implementation_version), true},
    [OS_NAME] = {"os_name", FIELD(os_name), false},
    [PLATFORM_MACHINE] = {"platform_machine", FIELD(platform_machine), false},
    [PLATFORM_RELEASE] = {"platform_release", FIELD(platform_release), true},
    [PLATFORM_SYSTEM] = {"platform_system", FIELD(platform_system), false},
    [PLATFORM_VERSION] = {"platform_version", FIELD(platform_version), false},
    [PYTHON_FULL_VERSION] = {"python_full_version", FIELD(python_full_version), true},
    [PLATFORM_PYTHON_IMPLEMENTATION] = {"platform_python_implementation",
                                        FIELD(platform_python_implementation), false},
    [PYTHON_VERSION] = {"python_version", FIELD(python_version), true},
    [SYS_PLATFORM] = {"sys_platform", FIELD(sys_platform), false},
    [EXTRA] = {"extra", 0, false},
    [EXTRAS] = {"extras", 0, false},
    [DEPENDENCY_GROUPS] = {"dependency_groups", 0, false},
};

/* As they may be written, older spellings too. */
static const struct {
    const char *name;
    enum variable variable;
} spellings[] = {
    {"implementation_name", IMPLEMENTATION_NAME},
    {"implementation_version", IMPLEMENTATION_VERSION},
    {"os_name", OS_NAME},
    {"os.name", OS_NAME},
    {"platform_machine", PLATFORM_MACHINE},
    {"platform.machine", PLATFORM_MACHINE},
    {"platform_release", PLATFORM_RELEASE},
    {"platform_system", PLATFORM_SYSTEM},
    {"platform_version", PLATFORM_VERSION},
    {"platform.version", PLATFORM_VERSION},
    {"python_full_version", PYTHON_FULL_VERSION},
    {"platform_python_implementation", PLATFORM_PYTHON_IMPLEMENTATION},
    {"platform.python_implementation", PLATFORM_PYTHON_IMPLEMENTATION},
    {"python_implementation", PLATFORM_PYTHON_IMPLEMENTATION},
    {"python_version", PYTHON_VERSION},
    {"sys_platform", SYS_PLATFORM},
    {"sys.platform", SYS_PLATFORM},
    {"extra", EXTRA},
    {"extras", EXTRAS},
    {"dependency_groups", DEPENDENCY_GROUPS},
};

enum comparison { IN, NOT_IN, ARBITRARY, COMPATIBLE, EQUAL, NOT_EQUAL, AT_MOST, AT_LEAST, LESS, MORE };
static const char *const comparisons[] = {
    [IN] = "in",        [NOT_IN] = "not in", [ARBITRARY] = "===", [COMPATIBLE] = "~=", [EQUAL] = "==",
    [NOT_EQUAL] = "!=", [AT_MOST] = "<=",    [AT_LEAST] = ">=",   [LESS] = "<",        [MORE] = ">",
};

struct side {
    bool is_variable;
    enum variable variable;
    struct text text; /* the literal; of a variable, its name */
};

/* A list is alternatives of conjunctions, as written: items up to the next `or` belong together. */
struct marker {
    struct marker *next;
    bool begins_alternative; /* `or` stands before it */
    struct marker *group;    /* the first item of what stands in parentheses; NULL: a comparison */
    struct side left, right;
    enum comparison comparison;
    struct specifier_set *specifier; /* of `VARIABLE OPERATOR "VERSION"`; NULL where it is none */
};

/* ---- parsing */

static void skip_blanks(struct cursor *c)
{
    while (c->at < c->text.len && (c->text.ptr[c->at] == ' ' || c->text.ptr[c->at] == '\t'))
        c->at++;
}

static bool is_word(char c)
{
    return ascii_is_alnum(c) || c == '_' || (unsigned char)c >= 0x80;
}

/* Takes a word that does not go on behind it. */
static bool take_word(struct cursor *c, const char *word)
{
    struct text rest = cursor_rest(c);
    size_t n = strlen(word);
    if (!text_starts(rest, text_of(word)) || (rest.len > n && is_word(rest.ptr[n])))
        return false;
    c->at += n;
    return true;
}

static bool take_char(struct cursor *c, char wanted)
{
    if (c->at >= c->text.len || c->text.ptr[c->at] != wanted)
        return false;
    c->at++;
    return true;
}

static int parse_literal(struct cursor *c, struct side *out)
{
    size_t start = c->at;
    char quote = c->text.ptr[c->at++];
    struct text rest = cursor_rest(c), value = text_first(rest, text_find(rest, quote));
    if (value.len == rest.len)
        return err_set(c->err, ERR_INPUT, "column %u: the quotation mark %c is never closed",
                       cursor_column(c, start), quote);
    for (size_t i = 0; i < value.len; i++) {
        if (!strchr("\\\r\n", value.ptr[i])) /* finds NUL as well */
            continue;
        return err_set(c->err, ERR_INPUT,
                       "column %u: backslashes and line breaks cannot stand in a marker's text",
                       cursor_column(c, c->at + i));
    }
    c->at += value.len + 1;
    *out = (struct side){.text = value};
    return 0;
}

/* Neither variable nor text: why, for the two slips that are seen most. */
static int no_side(struct cursor *c)
{
    struct text rest = cursor_rest(c);
    size_t n = 0;
    while (n < rest.len && (is_word(rest.ptr[n]) || memchr(".-+*", rest.ptr[n], 4)))
        n++;
    if (text_starts(rest, T("\xe2\x80\x9c")) || text_starts(rest, T("\xe2\x80\x9d")) ||
        text_starts(rest, T("\xe2\x80\x98")) || text_starts(rest, T("\xe2\x80\x99")))
        return err_set(c->err, ERR_INPUT, "column %u: only straight quotation marks (\" or ') count",
                       cursor_column(c, c->at));
    if (n == 0)
        return cursor_expected(c, "a variable such as python_version, or a text in quotation marks");
    struct text word = text_first(rest, n);
    return err_set(
        c->err, ERR_INPUT,
        "column %u: \"%.*s\" is no variable of markers; if it is a text, put it in quotation marks",
        cursor_column(c, c->at), TEXT_ARG(word));
}

/* Lists of names, where the others are texts. */
static bool is_list(const struct side *s)
{
    return s->is_variable && (s->variable == EXTRAS || s->variable == DEPENDENCY_GROUPS);
}

/* What has a value where, as packaging evaluates metadata and lock files. */
static int check_place(const struct cursor *c, size_t start, const struct side *s)
{
    if (is_list(s) && !c->in_lock)
        return err_set(c->err, ERR_INPUT, "column %u: the variable %s belongs into lock files alone",
                       cursor_column(c, start), variables[s->variable].name);
    if (s->variable == EXTRA && c->in_lock)
        return err_set(c->err, ERR_INPUT,
                       "column %u: the variable extra has no value in a lock file, which asks for "
                       "\"NAME\" in extras",
                       cursor_column(c, start));
    return 0;
}

static int parse_side(struct cursor *c, struct side *out)
{
    if (c->at < c->text.len && (c->text.ptr[c->at] == '"' || c->text.ptr[c->at] == '\''))
        return parse_literal(c, out);
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
        size_t start = c->at;
        if (!take_word(c, spellings[i].name))
            continue;
        *out = (struct side){.is_variable = true, .variable = spellings[i].variable};
        out->text = text_of(variables[out->variable].name);
        return check_place(c, start, out);
    }
    return no_side(c);
}

static int parse_comparison(struct cursor *c, enum comparison *out)
{
    if (take_word(c, "in")) {
        *out = IN;
        return 0;
    }
    if (take_word(c, "not")) {
        size_t end = c->at;
        skip_blanks(c);
        *out = NOT_IN;
        return c->at > end && take_word(c, "in") ? 0 : cursor_expected(c, "\"in\" after \"not\"");
    }
    for (enum comparison op = ARBITRARY; op <= MORE; op++) {
        if (!text_starts(cursor_rest(c), text_of(comparisons[op])))
            continue;
        c->at += strlen(comparisons[op]);
        *out = op;
        return 0;
    }
    if (c->at < c->text.len && c->text.ptr[c->at] == '=')
        return err_set(c->err, ERR_INPUT, "column %u: there is no operator \"=\"; did you mean \"==\"?",
                       cursor_column(c, c->at));
    return cursor_expected(c, "one of == != <= >= < > ~= === in, not in");
}

static struct text copied(struct arena *a, struct text t)
{
    return (struct text){text_dup(a, t), t.len};
}

static struct text normalized(struct arena *a, struct text t)
{
    return text_of(name_normalize(a, t));
}

/* The specifier that an operator and a text make, as packaging puts it together; NULL when it is none. */
static struct specifier_set *make_specifier(struct arena *a, enum comparison op, struct text version)
{
    struct buf text cleanup_buf = BUF_INIT;
    struct specifier_set *set = arena_new(a, struct specifier_set);
    buf_str(&text, comparisons[op]);
    buf_text(&text, version);
    return specifier_parse_one(a, buf_view(&text), set, NULL) == 0 ? set : NULL;
}

/* The variable by whose kind a comparison goes. */
static enum variable key_of(const struct marker *m)
{
    return m->left.is_variable ? m->left.variable : m->right.variable;
}

static enum variable list_of(const struct marker *m)
{
    return is_list(&m->left) ? m->left.variable : m->right.variable;
}

static int check_meaning(struct cursor *c, struct marker *m, size_t start)
{
    enum comparison op = m->comparison;
    bool version = variables[key_of(m)].version;
    if (!m->left.is_variable && !m->right.is_variable)
        return err_set(c->err, ERR_INPUT, "column %u: two texts are compared; one side has to be a variable",
                       cursor_column(c, start));
    if (is_list(&m->left) || (is_list(&m->right) && (m->left.is_variable || op > NOT_IN)))
        return err_set(c->err, ERR_INPUT, "column %u: %s is a list of names, and asked by \"NAME\" in %s",
                       cursor_column(c, start), variables[list_of(m)].name, variables[list_of(m)].name);
    if (version && m->left.is_variable && op > NOT_IN)
        m->specifier = make_specifier(c->arena, op, m->right.text);
    if (op != ARBITRARY && op != COMPATIBLE)
        return 0;
    if (!version)
        return err_set(c->err, ERR_INPUT, "column %u: \"%s\" compares versions, and %s is none",
                       cursor_column(c, start), comparisons[op], variables[key_of(m)].name);
    if (m->left.is_variable && !m->specifier)
        return err_set(c->err, ERR_INPUT, "column %u: \"%s%.*s\" is not a version specifier",
                       cursor_column(c, start), comparisons[op], TEXT_ARG(m->right.text));
    return 0;
}

static int parse_item(struct cursor *c, struct marker *m)
{
    size_t start = c->at;
    if (parse_side(c, &m->left) < 0)
        return -1;
    skip_blanks(c);
    if (parse_comparison(c, &m->comparison) < 0)
        return -1;
    skip_blanks(c);
    if (parse_side(c, &m->right) < 0)
        return -1;
    if (!m->left.is_variable)
        m->left.text = copied(c->arena, m->left.text);
    if (!m->right.is_variable)
        m->right.text = copied(c->arena, m->right.text);
    if (m->left.is_variable && m->left.variable == EXTRA && !m->right.is_variable)
        m->right.text = normalized(c->arena, m->right.text);
    if (m->right.is_variable && m->right.variable >= EXTRA && !m->left.is_variable)
        m->left.text = normalized(c->arena, m->left.text);
    return check_meaning(c, m, start);
}

static int parse_list(struct cursor *c, struct marker **out);

static int parse_group(struct cursor *c, struct marker *m)
{
    size_t start = c->at++;
    if (++c->depth > NESTING_LIMIT)
        return err_set(c->err, ERR_INPUT, "column %u: parentheses more than %d deep", cursor_column(c, start),
                       NESTING_LIMIT);
    if (parse_list(c, &m->group) < 0)
        return -1;
    c->depth--;
    return take_char(c, ')') ? 0 : cursor_expected(c, "\"and\", \"or\" or \")\"");
}

static int parse_list(struct cursor *c, struct marker **out)
{
    struct marker **place = out;
    bool begins_alternative = false;
    for (;;) {
        struct marker *m = arena_new(c->arena, struct marker);
        m->begins_alternative = begins_alternative;
        skip_blanks(c);
        bool group = c->at < c->text.len && c->text.ptr[c->at] == '(';
        if ((group ? parse_group(c, m) : parse_item(c, m)) < 0)
            return -1;
        *place = m;
        place = &m->next;
        skip_blanks(c);
        begins_alternative = take_word(c, "or");
        if (!begins_alternative && !take_word(c, "and"))
            return 0;
    }
}

static int parse_to_end(struct cursor *c, struct marker **out)
{
    *out = NULL;
    struct marker *m = NULL;
    if (parse_list(c, &m) < 0)
        return -1;
    if (c->at < c->text.len)
        return cursor_expected(c, "\"and\", \"or\" or the end");
    *out = m;
    return 0;
}

int marker_parse_tail(struct arena *a, struct text text, size_t start, struct marker **out, struct err *err)
{
    struct cursor c = {.arena = a, .text = text, .at = start, .err = err};
    return parse_to_end(&c, out);
}

static int parse_whole(struct cursor c, struct marker **out)
{
    c.text = decode_trim(c.text);
    if (parse_to_end(&c, out) < 0)
        return err_wrap(c.err, "\"%.*s\" is not a marker", TEXT_ARG(c.text));
    return 0;
}

int marker_parse(struct arena *a, struct text text, struct marker **out, struct err *err)
{
    return parse_whole((struct cursor){.arena = a, .text = text, .err = err}, out);
}

int marker_parse_lock(struct arena *a, struct text text, struct marker **out, struct err *err)
{
    return parse_whole((struct cursor){.arena = a, .text = text, .err = err, .in_lock = true}, out);
}

/* ---- evaluating */

struct evaluation {
    const struct marker_environment *env;
    const char *extra;
    struct marker_choice choice;
};

static bool is_chosen(const struct evaluation *e, enum variable list, struct text name)
{
    char *const *names = list == EXTRAS ? e->choice.extras : e->choice.groups;
    size_t count = list == EXTRAS ? e->choice.extra_count : e->choice.group_count;
    for (size_t i = 0; i < count; i++)
        if (text_is(name, names[i]))
            return true;
    return false;
}

static struct text value_of(const struct evaluation *e, enum variable v, struct buf *repaired)
{
    if (v == EXTRA)
        return text_of(e->extra ? e->extra : "");
    const char *value;
    memcpy(&value, (const char *)e->env + variables[v].field, sizeof value);
    struct text text = text_of(value ? value : "");
    if (v != PYTHON_FULL_VERSION || !text_ends(text, T("+")))
        return text;
    buf_text(repaired, text); /* "3.14.0a1+", as an interpreter built from a checkout calls itself */
    buf_str(repaired, "local");
    return buf_view(repaired);
}

static bool has_within(struct text text, struct text part)
{
    return part.len == 0 || (text.len && memmem(text.ptr, text.len, part.ptr, part.len));
}

static bool compare_texts(struct text left, enum comparison op, struct text right)
{
    switch (op) {
    case IN:
        return has_within(right, left);
    case NOT_IN:
        return !has_within(right, left);
    case EQUAL:
    case AT_MOST:
    case AT_LEAST:
        return text_eq(left, right);
    case NOT_EQUAL:
        return !text_eq(left, right);
    default: /* texts have no order, and the parser leaves no ~= and === here but on versions that are none */
        return false;
    }
}

static bool evaluate_item(const struct marker *m, const struct evaluation *e)
{
    struct buf repaired cleanup_buf = BUF_INIT;
    struct text left = m->left.text, right = m->right.text;
    if (is_list(&m->right))
        return is_chosen(e, m->right.variable, left) == (m->comparison == IN);
    /* As packaging has it: of two variables the right one stands for its own name. */
    if (m->left.is_variable)
        left = value_of(e, m->left.variable, &repaired);
    else
        right = value_of(e, m->right.variable, &repaired);
    if (m->specifier)
        return specifier_set_contains_text(m->specifier, left);
    if (!m->left.is_variable && variables[m->right.variable].version && m->comparison > NOT_IN) {
        struct arena scratch cleanup_arena = ARENA_INIT;
        struct specifier_set *set = make_specifier(&scratch, m->comparison, right);
        if (set)
            return specifier_set_contains_text(set, left);
    }
    return compare_texts(left, m->comparison, right);
}

static bool evaluate_list(const struct marker *m, const struct evaluation *e)
{
    bool all = true;
    for (; m; m = m->next) {
        if (m->begins_alternative) {
            if (all)
                return true;
            all = true;
        }
        if (all)
            all = m->group ? evaluate_list(m->group, e) : evaluate_item(m, e);
    }
    return all;
}

bool marker_evaluate(const struct marker *m, const struct marker_environment *env, const char *extra)
{
    struct evaluation e = {.env = env, .extra = extra};
    return evaluate_list(m, &e);
}

bool marker_evaluate_lock(const struct marker *m, const struct marker_environment *env,
                          const struct marker_choice *choice)
{
    struct evaluation e = {.env = env, .choice = *choice};
    return evaluate_list(m, &e);
}

bool marker_uses_extra(const struct marker *m)
{
    for (; m; m = m->next)
        if (m->group ? marker_uses_extra(m->group)
                     : (m->left.is_variable && m->left.variable == EXTRA) ||
                           (m->right.is_variable && m->right.variable == EXTRA))
            return true;
    return false;
}

/* ---- printing */

static void print_side(struct buf *out, const struct side *s)
{
    const char *quote = s->is_variable ? "" : text_find(s->text, '"') < s->text.len ? "'" : "\"";
    buf_str(out, quote);
    buf_text(out, s->text);
    buf_str(out, quote);
}

static void print_list(struct buf *out, const struct marker *m, bool outermost)
{
    while (m && m->group && !m->next) /* parentheses around a single thing are none */
        m = m->group;
    bool enclosed = m && m->next && !outermost;
    buf_str(out, enclosed ? "(" : "");
    for (const struct marker *item = m; item; item = item->next) {
        if (item != m)
            buf_str(out, item->begins_alternative ? " or " : " and ");
        if (item->group) {
            print_list(out, item->group, false);
            continue;
        }
        print_side(out, &item->left);
        buf_printf(out, " %s ", comparisons[item->comparison]);
        print_side(out, &item->right);
    }
    buf_str(out, enclosed ? ")" : "");
}

char *marker_text(struct arena *a, const struct marker *m)
{
    struct buf out cleanup_buf = BUF_INIT;
    print_list(&out, m, true);
    return text_dup(a, buf_view(&out));
}
