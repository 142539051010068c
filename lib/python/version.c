/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key of a version is a byte string whose order is PEP 440's:
 *
 *   epoch          number
 *   release        each number up to the last that is not zero, its first byte one higher; then 0
 *   pre            1 for a bare dev release (before every pre-release), 2 a, 3 b, 4 rc, each with a
 *                  number, 5 where there is none
 *   post           1 where there is none, else 2 and its number
 *   dev            1 and its number, else 2
 *   local          each label: 1, its text, 0; or 2 and its number. Nothing where there is none
 *
 * A number is its count of digits, then the digits. No key without a local label is the beginning of
 * another, and no local label begins with a byte over 2: so a key with 0xff appended lies behind the version
 * with any local label, and before everything else that follows.
 */
#include "python/decode.h"
#include "python/version_parts.h"

/* A text of VERSION_LENGTH_LIMIT bytes gives less than this: at worst three bytes for two in local labels. */
enum { OUT_ROOM = 2 * VERSION_LENGTH_LIMIT };

struct out {
    size_t len;
    char bytes[OUT_ROOM];
};

static void put(struct out *o, int byte)
{
    if (o->len < sizeof o->bytes)
        o->bytes[o->len++] = (char)byte;
}

static void put_text(struct out *o, struct text t)
{
    size_t n = t.len < sizeof o->bytes - o->len ? t.len : sizeof o->bytes - o->len;
    if (n)
        memcpy(o->bytes + o->len, t.ptr, n);
    o->len += n;
}

static struct text without_zeros(struct text digits)
{
    while (digits.len && digits.ptr[0] == '0')
        digits = text_from(digits, 1);
    return digits;
}

static bool is_separator(struct text t, size_t i)
{
    return i < t.len && (t.ptr[i] == '.' || t.ptr[i] == '-' || t.ptr[i] == '_');
}

static bool is_digit(struct text t, size_t i)
{
    return i < t.len && ascii_is_digit(t.ptr[i]);
}

static bool is_alnum(struct text t, size_t i)
{
    return i < t.len && ascii_is_alnum(t.ptr[i]);
}

static size_t digits_end(struct text t, size_t i)
{
    while (is_digit(t, i))
        i++;
    return i;
}

static bool word_at(struct text t, size_t i, const char *word)
{
    size_t n = strlen(word);
    return t.len >= n && i <= t.len - n &&
           text_eq_nocase((struct text){t.ptr + i, n}, (struct text){word, n});
}

/* [SEPARATOR] WORD [SEPARATOR] [DIGITS] at i: returns the index of the word and moves *at behind it all, or
 * returns -1. Of words that begin alike the longer one stands first. */
static int scan_segment(struct text t, size_t *at, const char *const *words, struct text *number)
{
    size_t i = *at + is_separator(t, *at);
    for (int w = 0; words[w]; w++) {
        if (!word_at(t, i, words[w]))
            continue;
        i += strlen(words[w]);
        i += is_separator(t, i);
        *at = digits_end(t, i);
        *number = without_zeros((struct text){t.ptr + i, *at - i});
        return w;
    }
    return -1;
}

static size_t scan_release(struct text t, size_t i, struct version_parts *parts)
{
    size_t start = i;
    i = digits_end(t, i);
    parts->release_count = 1;
    while (i < t.len && t.ptr[i] == '.' && is_digit(t, i + 1)) {
        i = digits_end(t, i + 1);
        parts->release_count++;
    }
    parts->release = (struct text){t.ptr + start, i - start};
    return i;
}

static size_t scan_local(struct text t, size_t i, struct version_parts *parts)
{
    if (i >= t.len || t.ptr[i] != '+' || !is_alnum(t, i + 1))
        return i;
    size_t start = ++i;
    while (is_alnum(t, i) || (is_separator(t, i) && is_alnum(t, i + 1)))
        i++;
    parts->local = (struct text){t.ptr + start, i - start};
    return i;
}

size_t version_scan(struct text t, struct version_parts *parts)
{
    static const char *const pre_words[] = {"alpha", "a", "beta", "b", "preview", "pre", "c", "rc", NULL};
    static const char pre_letters[] = "aabbrrrr";
    static const char *const post_words[] = {"post", "rev", "r", NULL};
    static const char *const dev_words[] = {"dev", NULL};

    *parts = (struct version_parts){0};
    size_t i = word_at(t, 0, "v");
    size_t end = digits_end(t, i);
    if (end > i && end < t.len && t.ptr[end] == '!') {
        parts->epoch = without_zeros((struct text){t.ptr + i, end - i});
        i = end + 1;
    }
    if (!is_digit(t, i))
        return 0;
    i = scan_release(t, i, parts);
    int pre = scan_segment(t, &i, pre_words, &parts->pre_number);
    if (pre >= 0)
        parts->pre = pre_letters[pre];
    if (i < t.len && t.ptr[i] == '-' && is_digit(t, i + 1)) {
        end = digits_end(t, i + 1);
        parts->post = without_zeros((struct text){t.ptr + i + 1, end - i - 1});
        parts->has_post = true;
        i = end;
    } else {
        parts->has_post = scan_segment(t, &i, post_words, &parts->post) >= 0;
    }
    parts->has_dev = scan_segment(t, &i, dev_words, &parts->dev) >= 0;
    return scan_local(t, i, parts);
}

/* The count of digits takes one byte below 200, else two; `base` leaves room for smaller first bytes. */
static void key_number(struct out *o, int base, struct text digits)
{
    if (digits.len < 200) {
        put(o, base + (int)digits.len);
    } else {
        put(o, base + 200 + (int)(digits.len >> 8));
        put(o, (int)(digits.len & 0xff));
    }
    put_text(o, digits);
}

static void key_release(struct out *o, struct text release)
{
    struct text rest = release, number;
    size_t end = o->len; /* behind the last number that is not zero: 1.0.0 is 1 */
    while (text_cut(&rest, '.', &number)) {
        number = without_zeros(number);
        key_number(o, 1, number);
        if (number.len)
            end = o->len;
    }
    o->len = end;
    put(o, 0);
}

static void key_pre(struct out *o, const struct version_parts *p)
{
    if (p->pre) {
        put(o, p->pre == 'a' ? 2 : p->pre == 'b' ? 3 : 4);
        key_number(o, 0, p->pre_number);
    } else {
        put(o, p->has_dev && !p->has_post ? 1 : 5);
    }
}

static void key_public(struct out *o, const struct version_parts *p)
{
    key_number(o, 0, p->epoch);
    key_release(o, p->release);
    key_pre(o, p);
    put(o, p->has_post ? 2 : 1);
    if (p->has_post)
        key_number(o, 0, p->post);
    put(o, p->has_dev ? 1 : 2);
    if (p->has_dev)
        key_number(o, 0, p->dev);
}

/* The next label of *rest, in whatever way they are separated. */
static bool next_label(struct text *rest, struct text *label, bool *numeric)
{
    if (rest->len == 0)
        return false;
    size_t n = 0;
    *numeric = true;
    while (is_alnum(*rest, n)) {
        *numeric = *numeric && is_digit(*rest, n);
        n++;
    }
    *label = text_first(*rest, n);
    *rest = text_from(*rest, n + 1);
    return true;
}

static void put_lower(struct out *o, struct text t)
{
    for (size_t i = 0; i < t.len; i++)
        put(o, ascii_lower(t.ptr[i]));
}

static void key_local(struct out *o, struct text local)
{
    struct text label;
    bool numeric;
    while (next_label(&local, &label, &numeric)) {
        if (numeric) {
            put(o, 2);
            key_number(o, 0, without_zeros(label));
        } else {
            put(o, 1);
            put_lower(o, label);
            put(o, 0);
        }
    }
}

static struct text keep(struct arena *a, const struct out *o)
{
    return (struct text){text_dup(a, (struct text){o->bytes, o->len}), o->len};
}

struct text version_point(struct arena *a, const struct version_parts *parts, enum version_point point)
{
    struct out key;
    key.len = 0;
    if (point == VERSION_BEHIND_POSTS) {
        key_number(&key, 0, parts->epoch);
        key_release(&key, parts->release);
        key_pre(&key, parts);
        put(&key, 0xff);
        return keep(a, &key);
    }
    key_public(&key, parts);
    if (point == VERSION_BEHIND_LOCALS) {
        put(&key, 0xff);
        return keep(a, &key);
    }
    key_local(&key, parts->local);
    if (point == VERSION_BEHIND)
        put(&key, 0);
    return keep(a, &key);
}

static void normal_number(struct out *o, struct text digits)
{
    put_text(o, digits.len ? digits : T("0"));
}

static const char *normal_text(struct arena *a, const struct version_parts *p)
{
    struct out o;
    o.len = 0;
    if (p->epoch.len) {
        put_text(&o, p->epoch);
        put(&o, '!');
    }
    struct text rest = p->release, label;
    for (const char *dot = ""; text_cut(&rest, '.', &label); dot = ".") {
        put_text(&o, text_of(dot));
        normal_number(&o, without_zeros(label));
    }
    if (p->pre) {
        put_text(&o, p->pre == 'a' ? T("a") : p->pre == 'b' ? T("b") : T("rc"));
        normal_number(&o, p->pre_number);
    }
    if (p->has_post) {
        put_text(&o, T(".post"));
        normal_number(&o, p->post);
    }
    if (p->has_dev) {
        put_text(&o, T(".dev"));
        normal_number(&o, p->dev);
    }
    rest = p->local;
    bool numeric;
    for (char sep = '+'; next_label(&rest, &label, &numeric); sep = '.') {
        put(&o, sep);
        if (numeric)
            normal_number(&o, without_zeros(label));
        else
            put_lower(&o, label);
    }
    return text_dup(a, (struct text){o.bytes, o.len});
}

int version_parse(struct arena *a, struct text text, struct version *out, struct err *err)
{
    struct version_parts parts;
    text = decode_trim(text);
    if (text.len > VERSION_LENGTH_LIMIT)
        return err_set(err, ERR_INPUT, "a version has %zu bytes, more than %d: \"%.60s...\"", text.len,
                       VERSION_LENGTH_LIMIT, text.ptr);
    if (text.len == 0 || version_scan(text, &parts) != text.len)
        return err_set(err, ERR_INPUT, "\"%.*s\" is not a version as PEP 440 writes them (such as 1.2.3)",
                       TEXT_ARG(text));
    struct out key;
    key.len = 0;
    key_public(&key, &parts);
    size_t public_len = key.len;
    key_local(&key, parts.local);
    out->key = keep(a, &key);
    out->public_key = text_first(out->key, public_len);
    out->text = normal_text(a, &parts);
    out->is_dev = parts.has_dev;
    out->is_post = parts.has_post;
    out->is_pre = parts.pre || parts.has_dev;
    out->has_local = parts.local.ptr != NULL;
    return 0;
}

int version_cmp(const struct version *a, const struct version *b)
{
    int order = text_cmp(a->key, b->key);
    return (order > 0) - (order < 0);
}
