/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each specifier but === is one stretch of the line of versions, from a key (inclusive) to another
 * (exclusive), or all that is outside of it: to check a version is to compare byte strings.
 */
#include "python/specifier.h"
#include "base/array.h"
#include "python/decode.h"
#include "python/version_parts.h"

enum operation {
    OP_ARBITRARY,
    OP_COMPATIBLE,
    OP_EQUAL,
    OP_NOT_EQUAL,
    OP_AT_MOST,
    OP_AT_LEAST,
    OP_LESS,
    OP_MORE
};

/* In the order in which they have to be tried. */
static const char *const operators[] = {"===", "~=", "==", "!=", "<=", ">=", "<", ">"};

struct specifier {
    enum operation op;
    bool negated;       /* met outside of the stretch */
    bool wildcard;      /* .* behind the version */
    bool is_pre;        /* the version named is a pre-release */
    bool bounded;       /* the stretch has an end */
    struct text from;   /* first key that belongs to it; "" is before every version */
    struct text to;     /* first key that does not belong to it any more */
    struct text text;   /* as written, without blanks */
    struct text given;  /* its version */
    struct text sameas; /* the version in a form that is equal where the versions are */
    size_t numbers;     /* of a compatible release: ~=1.0 is another thing than ~=1.0.0 */
};

static bool has_operator(struct text t)
{
    return t.len && memchr("<>=!~", t.ptr[0], 5);
}

/* What is wrong with a text that begins with no operator that there is. */
static int no_operator(struct text t, struct err *err)
{
    static const char *const typos[][2] = {
        {"=>", ">="}, {"=<", "<="}, {"=!", "!="}, {"=~", "~="}, {"<>", "!="}};
    for (size_t i = 0; i < sizeof typos / sizeof *typos; i++)
        if (text_starts(t, text_of(typos[i][0])))
            return err_set(err, ERR_INPUT, "there is no operator \"%s\"; did you mean \"%s\"?", typos[i][0],
                           typos[i][1]);
    if (t.len && t.ptr[0] == '=')
        return err_set(err, ERR_INPUT, "there is no operator \"=\"; did you mean \"=%.*s\"?", TEXT_ARG(t));
    if (t.len && ascii_is_digit(t.ptr[0]))
        return err_set(err, ERR_INPUT, "an operator is missing before the version; did you mean \"==%.*s\"?",
                       TEXT_ARG(t));
    return err_set(err, ERR_INPUT, "it has to begin with one of === == != ~= <= >= < >");
}

static int bad_version(const struct specifier *s, struct err *err)
{
    struct version_parts parts;
    const char *op = operators[s->op];
    size_t n = version_scan(s->given, &parts);
    struct text rest = decode_trim(text_from(s->given, n));
    if (s->given.len == 0)
        return err_set(err, ERR_INPUT, "a version is missing after \"%s\"", op);
    if (n && has_operator(rest))
        return err_set(err, ERR_INPUT, "a comma is missing before \"%.*s\"", TEXT_ARG(rest));
    if (has_operator(s->given))
        return err_set(err, ERR_INPUT, "there is no operator \"%s%c\"", op, s->given.ptr[0]);
    if (n && text_is(rest, ".*"))
        return err_set(err, ERR_INPUT,
                       s->op == OP_EQUAL || s->op == OP_NOT_EQUAL
                           ? "\".*\" goes with plain release numbers alone, such as 1.2.*"
                           : "\".*\" goes with == and != alone");
    return err_set(err, ERR_INPUT, "\"%.*s\" is not a version as PEP 440 writes them (such as 1.2.3)",
                   TEXT_ARG(s->given));
}

/* The digits with one added. */
static struct text plus_one(struct arena *a, struct text digits)
{
    char *sum = arena_alloc(a, digits.len + 2);
    sum[0] = '0';
    if (digits.len)
        memcpy(sum + 1, digits.ptr, digits.len);
    size_t i = digits.len;
    while (sum[i] == '9')
        sum[i--] = '0';
    sum[i]++;
    return (struct text){sum, digits.len + 1};
}

/* The first version that has epoch and release and nothing else: its .dev0. `drop` of the release's numbers
 * are left out first; `next`: the last one left gets one added. */
static struct text family_start(struct arena *a, const struct version_parts *of, size_t drop, bool next)
{
    struct version_parts parts = {.epoch = of->epoch, .release = of->release, .has_dev = true};
    size_t dot = parts.release.len;
    for (;;) {
        while (dot && parts.release.ptr[dot - 1] != '.')
            dot--;
        if (drop-- == 0)
            break;
        parts.release = text_first(parts.release, --dot);
    }
    if (next) {
        struct text last = plus_one(a, text_from(parts.release, dot));
        char *release = arena_alloc(a, dot + last.len + 1);
        memcpy(release, parts.release.ptr, dot);
        memcpy(release + dot, last.ptr, last.len);
        parts.release = (struct text){release, dot + last.len};
    }
    return version_point(a, &parts, VERSION_ITSELF);
}

static void set_end(struct specifier *s, struct text to)
{
    s->to = to;
    s->bounded = true;
}

/* PEP 440: >V takes neither V's local versions, nor its post-releases unless V is one (nor does a dev
 * release have any). */
static struct text behind(struct arena *a, const struct version_parts *v)
{
    bool posts = !v->has_dev && !v->has_post;
    return version_point(a, v, posts ? VERSION_BEHIND_POSTS : VERSION_BEHIND_LOCALS);
}

/* PEP 440: <V takes no pre-release of V, unless V is one. */
static struct text before(struct arena *a, const struct version_parts *v)
{
    struct version_parts first = *v;
    if (!v->pre && !v->has_dev)
        first.has_dev = true;
    return version_point(a, &first, VERSION_ITSELF);
}

static void set_stretch(struct arena *a, struct specifier *s, const struct version_parts *v)
{
    struct text itself = version_point(a, v, VERSION_ITSELF);
    s->sameas = itself;
    switch (s->op) {
    case OP_ARBITRARY:
        break;
    case OP_COMPATIBLE:
        s->numbers = v->release_count;
        s->from = itself;
        set_end(s, family_start(a, v, 1, true));
        break;
    case OP_NOT_EQUAL:
        s->negated = true;
        __attribute__((fallthrough));
    case OP_EQUAL:
        if (s->wildcard) {
            s->sameas = s->given;
            s->from = family_start(a, v, 0, false);
            set_end(s, family_start(a, v, 0, true));
        } else {
            s->from = itself;
            set_end(s, version_point(a, v, v->local.ptr ? VERSION_BEHIND : VERSION_BEHIND_LOCALS));
        }
        break;
    case OP_AT_MOST:
        set_end(s, version_point(a, v, VERSION_BEHIND_LOCALS));
        break;
    case OP_AT_LEAST:
        s->from = itself;
        break;
    case OP_LESS:
        set_end(s, before(a, v));
        break;
    case OP_MORE:
        s->from = behind(a, v);
        break;
    }
}

/* The text after ===: it is compared, not understood. */
static int parse_arbitrary(struct arena *a, struct specifier *s, struct err *err)
{
    struct version version;
    for (size_t i = 0; i < s->given.len; i++)
        if ((unsigned char)s->given.ptr[i] <= ' ' || strchr(";)\177", s->given.ptr[i]) ||
            decode_space(text_from(s->given, i)))
            return err_set(
                err, ERR_INPUT,
                "blanks, control characters, \";\" and \")\" cannot stand in what follows \"===\"");
    s->is_pre = version_parse(a, s->given, &version, NULL) == 0 && version.is_pre;
    s->sameas = s->given;
    return 0;
}

static int parse_version(struct arena *a, struct specifier *s, struct err *err)
{
    struct version_parts v;
    struct text text = s->given;
    bool equality = s->op == OP_EQUAL || s->op == OP_NOT_EQUAL;
    if (text.len > VERSION_LENGTH_LIMIT)
        return err_set(err, ERR_INPUT, "the version has %zu bytes, more than %d", text.len,
                       VERSION_LENGTH_LIMIT);
    s->wildcard = equality && text_ends(text, T(".*"));
    if (s->wildcard)
        text.len -= 2;
    if (text.len == 0 || version_scan(text, &v) != text.len)
        return bad_version(s, err);
    if (s->wildcard && (v.pre || v.has_post || v.has_dev || v.local.ptr))
        return bad_version(s, err);
    if (v.local.ptr && !equality)
        return err_set(err, ERR_INPUT, "a local version label (\"+%.*s\") goes with == and != alone",
                       TEXT_ARG(v.local));
    if (s->op == OP_COMPATIBLE && v.release_count < 2)
        return err_set(err, ERR_INPUT, "\"~=\" needs two release numbers or more, such as ~=1.2");
    s->is_pre = v.pre || v.has_dev;
    set_stretch(a, s, &v);
    return 0;
}

static struct text join(struct arena *a, const char *op, struct text version)
{
    size_t n = strlen(op);
    char *joined = arena_alloc(a, n + version.len + 1);
    memcpy(joined, op, n);
    if (version.len)
        memcpy(joined + n, version.ptr, version.len);
    return (struct text){joined, n + version.len};
}

static int parse_specifier(struct arena *a, struct text text, struct specifier *out, struct err *err)
{
    text = decode_trim(text);
    for (size_t op = 0; op < sizeof operators / sizeof *operators; op++) {
        if (!text_starts(text, text_of(operators[op])))
            continue;
        struct text version = decode_trim(text_from(text, strlen(operators[op])));
        if (text_starts(text, T("<>")))
            break; /* there is a better explanation for it */
        *out = (struct specifier){.op = (enum operation)op, .text = join(a, operators[op], version)};
        out->given = text_from(out->text, strlen(operators[op]));
        return op == OP_ARBITRARY ? parse_arbitrary(a, out, err) : parse_version(a, out, err);
    }
    return no_operator(text, err);
}

static int by_text(const void *a, const void *b)
{
    const struct specifier *const *x = a, *const *y = b;
    return text_cmp((*x)->text, (*y)->text);
}

/* Zero where packaging takes two specifiers for the same. */
static int difference(const struct specifier *x, const struct specifier *y)
{
    if (x->op != y->op)
        return x->op < y->op ? -1 : 1;
    if (x->wildcard != y->wildcard)
        return x->wildcard ? 1 : -1;
    if (x->numbers != y->numbers)
        return x->numbers < y->numbers ? -1 : 1;
    return text_cmp(x->sameas, y->sameas);
}

static int by_meaning(const void *a, const void *b)
{
    const struct specifier *const *x = a, *const *y = b;
    int order = difference(*x, *y);
    return order ? order : by_text(a, b);
}

/* Sorted by text, equal ones once, the way packaging writes a set. */
static const char *set_text(struct arena *a, const struct specifier *items, size_t count)
{
    const struct specifier **sorted = arena_array(a, count, sizeof *sorted);
    size_t kept = 0, len = 1;
    for (size_t i = 0; i < count; i++)
        sorted[i] = &items[i];
    qsort(sorted, count, sizeof *sorted, by_meaning);
    for (size_t i = 0; i < count; i++) {
        if (kept && difference(sorted[kept - 1], sorted[i]) == 0)
            continue;
        len += sorted[i]->text.len + 1;
        sorted[kept++] = sorted[i];
    }
    qsort(sorted, kept, sizeof *sorted, by_text);
    char *text = arena_alloc(a, len), *at = text;
    for (size_t i = 0; i < kept; i++) {
        if (i)
            *at++ = ',';
        memcpy(at, sorted[i]->text.ptr, sorted[i]->text.len);
        at += sorted[i]->text.len;
    }
    return text;
}

/* By the rule of packaging: != and wildcards name none. */
static bool names_prerelease(const struct specifier *s)
{
    return s->is_pre && s->op != OP_NOT_EQUAL && !s->wildcard;
}

static void finish_set(struct arena *a, struct specifier_set *set)
{
    if (set->count == 1)
        set->text = set->items->text.ptr;
    else if (set->count)
        set->text = set_text(a, set->items, set->count);
    for (size_t i = 0; i < set->count; i++)
        set->names_prerelease = set->names_prerelease || names_prerelease(&set->items[i]);
}

int specifier_parse_one(struct arena *a, struct text text, struct specifier_set *out, struct err *err)
{
    *out = (struct specifier_set){.text = ""};
    struct specifier *item = arena_new(a, struct specifier);
    if (parse_specifier(a, text, item, err) < 0)
        return -1;
    out->items = item;
    out->count = 1;
    finish_set(a, out);
    return 0;
}

int specifier_set_parse(struct arena *a, struct text text, struct specifier_set *out, struct err *err)
{
    struct specifiers ARRAY(struct specifier) items = {0};
    struct text rest = text.ptr ? text : T(""), piece;
    int status = 0;
    *out = (struct specifier_set){.text = ""};
    while (status == 0 && text_cut(&rest, ',', &piece)) {
        struct specifier item;
        piece = decode_trim(piece);
        if (piece.len == 0)
            continue;
        status = parse_specifier(a, piece, &item, err);
        if (status < 0)
            err_wrap(err, "\"%.*s\" is not a version specifier", TEXT_ARG(piece));
        else
            array_push(&items, item);
    }
    if (status == 0 && items.count) {
        out->items = arena_array(a, items.count, sizeof *out->items);
        memcpy(out->items, items.items, items.count * sizeof *out->items);
        out->count = items.count;
        finish_set(a, out);
    }
    array_free(&items);
    return status;
}

static bool in_stretch(const struct specifier *s, const struct version *v)
{
    return text_cmp(v->key, s->from) >= 0 && (!s->bounded || text_cmp(v->key, s->to) < 0);
}

bool specifier_set_contains(const struct specifier_set *set, const struct version *v)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct specifier *s = &set->items[i];
        bool met = s->op == OP_ARBITRARY ? text_eq_nocase(s->given, text_of(v->text))
                                         : in_stretch(s, v) != s->negated;
        if (!met)
            return false;
    }
    return true;
}

bool specifier_set_contains_text(const struct specifier_set *set, struct text version)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct version v;
    bool parsed = version_parse(&a, version, &v, NULL) == 0;
    for (size_t i = 0; i < set->count; i++) {
        const struct specifier *s = &set->items[i];
        bool met = s->op == OP_ARBITRARY ? text_eq_nocase(s->given, version)
                                         : parsed && in_stretch(s, &v) != s->negated;
        if (!met)
            return false;
    }
    return true;
}
