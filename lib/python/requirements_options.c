/* SPDX-License-Identifier: Apache-2.0 */
#include "python/requirements_options.h"

#include "base/log.h"
#include "base/nearest.h"

struct known {
    const char *name;
    char letter; /* of the short form, 0 for none */
    bool takes_value;
    enum requirements_option_scope scope;
    const char *same_as; /* another spelling of this one */
};

static const struct known known[] = {
    {"--index-url", 'i', true, OPTION_FILE, NULL},
    {"--pypi-url", 0, true, OPTION_FILE, "--index-url"},
    {"--extra-index-url", 0, true, OPTION_FILE, NULL},
    {"--no-index", 0, false, OPTION_FILE, NULL},
    {"--constraint", 'c', true, OPTION_FILE, NULL},
    {"--requirement", 'r', true, OPTION_FILE, NULL},
    {"--editable", 'e', true, OPTION_FILE, NULL},
    {"--find-links", 'f', true, OPTION_FILE, NULL},
    {"--no-binary", 0, true, OPTION_CONTROL, NULL},
    {"--only-binary", 0, true, OPTION_CONTROL, NULL},
    {"--prefer-binary", 0, false, OPTION_FILE, NULL},
    {"--require-hashes", 0, false, OPTION_FILE, NULL},
    {"--no-require-hashes", 0, false, OPTION_FILE, NULL},
    {"--pre", 0, false, OPTION_FILE, NULL},
    {"--all-releases", 0, true, OPTION_CONTROL, NULL},
    {"--only-final", 0, true, OPTION_CONTROL, NULL},
    {"--trusted-host", 0, true, OPTION_FILE, NULL},
    {"--use-feature", 0, true, OPTION_FILE, NULL},
    {"--hash", 0, true, OPTION_REQUIREMENT, NULL},
    {"--config-settings", 'C', true, OPTION_REQUIREMENT, NULL},
    {"--global-option", 0, true, OPTION_REQUIREMENT, NULL},
};
enum { KNOWN = sizeof known / sizeof *known, LONGEST_OPTION = 40 };

static int unknown(struct text option, struct err *err)
{
    const char *nearest = NULL;
    size_t best = option.len / 2 + 1;
    for (size_t i = 0; option.len <= LONGEST_OPTION && option.ptr[1] == '-' && i < KNOWN; i++) {
        size_t d = nearest_distance(option, text_of(known[i].name));
        if (d < best) {
            best = d;
            nearest = known[i].name;
        }
    }
    if (nearest)
        return err_set(err, ERR_INPUT, "there is no option %.*s in requirements files; did you mean %s?",
                       TEXT_ARG(option), nearest);
    return err_set(err, ERR_INPUT, "there is no option %.*s in requirements files",
                   TEXT_ARG(text_first(option, 64)));
}

/* The option whose name this is, or of whose name alone this is the beginning. */
static const struct known *find_long(struct text name, struct err *err)
{
    const struct known *found = NULL;
    for (size_t i = 0; i < KNOWN; i++)
        if (text_is(name, known[i].name))
            return &known[i];
    for (size_t i = 0; i < KNOWN; i++) {
        if (!text_starts(text_of(known[i].name), name))
            continue;
        if (found) {
            err_set(err, ERR_INPUT, "the option %.*s may be %s or %s; write it out", TEXT_ARG(name),
                    found->name, known[i].name);
            return NULL;
        }
        found = &known[i];
    }
    if (!found)
        unknown(name, err);
    return found;
}

/* `word` begins with "-" and a letter, which may have several bytes. */
static const struct known *find_short(const char *word, struct err *err)
{
    for (size_t i = 0; i < KNOWN; i++)
        if (known[i].letter == word[1])
            return &known[i];
    size_t n = 2;
    while (((unsigned char)word[n] & 0xc0) == 0x80)
        n++;
    unknown((struct text){word, n}, err);
    return NULL;
}

/* Splits by the rules of Python's shlex in POSIX mode, without comments. */
static int split_words(struct arena *a, struct text in, struct strings *words, struct err *err)
{
    char *to = arena_alloc(a, in.len + 1); /* the words are never longer than the text, NULs included */
    size_t i = 0;
    while (i < in.len) {
        if (strchr(" \t\r\n", in.ptr[i])) {
            i++;
            continue;
        }
        array_push(words, to);
        char quote = 0;
        for (; i < in.len && (quote || !strchr(" \t\r\n", in.ptr[i])); i++) {
            char c = in.ptr[i];
            if (c == '\\' && quote != '\'') {
                if (++i == in.len)
                    return err_set(err, ERR_INPUT, "nothing follows the last backslash");
                if (quote && in.ptr[i] != quote && in.ptr[i] != '\\')
                    *to++ = '\\';
                *to++ = in.ptr[i];
            } else if (quote ? c == quote : c == '\'' || c == '"') {
                quote = quote ? 0 : c;
            } else {
                *to++ = c;
            }
        }
        if (quote)
            return err_set(err, ERR_INPUT, "the quote %c is not closed", quote);
        *to++ = 0;
    }
    return 0;
}

static int check_value(const char *name, const char *value, struct err *err)
{
    struct buf shown cleanup_buf = BUF_INIT; /* before it is cut: the rest of a password would be shown */
    log_redact(&shown, text_of(value));
    if (strcmp(name, "--hash") == 0 && !text_starts(text_of(value), T("sha256:")) &&
        !text_starts(text_of(value), T("sha384:")) && !text_starts(text_of(value), T("sha512:")))
        return err_set(err, ERR_INPUT,
                       "--hash takes sha256:, sha384: or sha512: and the digest, not \"%.200s\"",
                       buf_cstr(&shown));
    if (strcmp(name, "--config-settings") == 0 && !strchr(value, '='))
        return err_set(err, ERR_INPUT, "--config-settings takes KEY=VALUE, not \"%.200s\"", buf_cstr(&shown));
    return 0;
}

static int add_option(const struct known *k, const char *value, struct requirements_options *out,
                      struct err *err)
{
    struct requirements_option option = {k->same_as ? k->same_as : k->name, value, k->scope};
    array_push(out, option);
    return check_value(option.name, value, err);
}

static int no_value(const char *option, struct err *err)
{
    return err_set(err, ERR_INPUT, "the option %.64s needs a value", option);
}

/* --NAME, --NAME=VALUE or --NAME VALUE; *i is the index of the last word taken. */
static int read_long(const struct strings *words, size_t *i, struct requirements_options *out,
                     struct err *err)
{
    const char *word = words->items[*i], *equals = strchr(word, '=');
    struct text name = equals ? (struct text){word, (size_t)(equals - word)} : text_of(word);
    const struct known *k = find_long(name, err);
    if (!k)
        return -1;
    if (!k->takes_value)
        return equals ? err_set(err, ERR_INPUT, "the option %s takes no value", k->name)
                      : add_option(k, "", out, err);
    if (equals)
        return add_option(k, equals + 1, out, err);
    if (*i + 1 == words->count)
        return no_value(k->name, err);
    return add_option(k, words->items[++*i], out, err);
}

/* -xVALUE or -x VALUE: every short option takes a value. */
static int read_short(const struct strings *words, size_t *i, struct requirements_options *out,
                      struct err *err)
{
    const char *word = words->items[*i];
    const struct known *k = find_short(word, err);
    if (!k)
        return -1;
    if (word[2])
        return add_option(k, word + 2, out, err);
    if (*i + 1 == words->count)
        return no_value(word, err);
    return add_option(k, words->items[++*i], out, err);
}

int requirements_options_parse(struct arena *a, struct text text, struct requirements_options *out,
                               const char **leftover, struct err *err)
{
    struct strings words cleanup_strings = {0};
    bool all_done = false; /* after a lone -- */
    *leftover = NULL;
    if (split_words(a, text, &words, err) < 0)
        return -1;
    for (size_t i = 0; i < words.count; i++) {
        const char *word = words.items[i];
        int result = 0;
        if (!all_done && strcmp(word, "--") == 0)
            all_done = true;
        else if (!all_done && text_starts(text_of(word), T("--")))
            result = read_long(&words, &i, out, err);
        else if (!all_done && word[0] == '-' && word[1])
            result = read_short(&words, &i, out, err);
        else if (!*leftover)
            *leftover = word;
        if (result < 0)
            return -1;
    }
    return 0;
}

static bool is_plain(const char *value)
{
    for (; *value; value++)
        if (!ascii_is_alnum(*value) && !strchr("-_.:/=+,@%~!<>[]", *value))
            return false;
    return true;
}

void requirements_option_write(struct buf *to, const struct requirements_option *option)
{
    buf_str(to, option->name);
    for (size_t i = 0; i < KNOWN; i++)
        if (strcmp(option->name, known[i].name) == 0 && !known[i].takes_value)
            return;
    buf_char(to, '=');
    if (is_plain(option->value)) {
        buf_str(to, option->value);
        return;
    }
    buf_char(to, '\'');
    for (const char *p = option->value; *p; p++) {
        if (*p == '\'')
            buf_str(to, "'\"'\"'");
        else
            buf_char(to, *p);
    }
    buf_char(to, '\'');
}
