/* SPDX-License-Identifier: Apache-2.0 */
#include "python/record.h"

#include "base/array.h"

struct entries ARRAY(struct record_entry);

enum { FIELDS = 3 };
static const unsigned long long LARGEST = 1ULL << 42; /* 4 TiB: no file of a wheel comes near it */

struct reader {
    struct text rest;
    size_t line;   /* where the current row begins, from 1 */
    size_t breaks; /* line ends inside its quotes */
};

static int bad(const struct reader *r, struct err *err, const char *what)
{
    return err_set(err, ERR_INPUT, "RECORD line %zu: %s", r->line, what);
}

static bool at_row_end(const struct reader *r)
{
    return r->rest.len == 0 || r->rest.ptr[0] == '\n' || r->rest.ptr[0] == '\r';
}

/* Past \n, \r\n or \r, and to the next row. */
static void next_row(struct reader *r)
{
    bool cr = r->rest.len && r->rest.ptr[0] == '\r';
    r->rest = text_from(r->rest, cr);
    r->rest = text_from(r->rest, r->rest.len && r->rest.ptr[0] == '\n');
    r->line += r->breaks + 1;
    r->breaks = 0;
}

/* A field in quotes, doubled ones inside; the opening one is the next byte. */
static int read_quoted(struct arena *a, struct reader *r, struct text *field, struct err *err)
{
    struct text in = text_from(r->rest, 1);
    char *to = NULL;
    size_t n = 0;
    for (int copy = 0; copy < 2; copy++) { /* first the length, then the bytes */
        n = 0;
        size_t i = 0;
        for (; i < in.len; i++, n++) {
            if (in.ptr[i] == '"' && (i + 1 == in.len || in.ptr[i + 1] != '"'))
                break;
            i += in.ptr[i] == '"';
            if (copy)
                to[n] = in.ptr[i];
            else
                r->breaks += in.ptr[i] == '\n';
        }
        if (i == in.len)
            return bad(r, err, "a quote is not closed");
        r->rest = text_from(in, i + 1);
        if (!copy)
            to = arena_alloc(a, n + 1);
    }
    *field = (struct text){to, n};
    if (!at_row_end(r) && r->rest.ptr[0] != ',')
        return bad(r, err, "text after the closing quote of a field");
    return 0;
}

static int read_field(struct arena *a, struct reader *r, struct text *field, struct err *err)
{
    if (r->rest.len && r->rest.ptr[0] == '"')
        return read_quoted(a, r, field, err);
    size_t n = 0;
    while (n < r->rest.len && !strchr(",\r\n", r->rest.ptr[n]))
        n++;
    if (n < r->rest.len && r->rest.ptr[n] == 0)
        return bad(r, err, "a NUL byte");
    *field = text_first(r->rest, n);
    r->rest = text_from(r->rest, n);
    return 0;
}

static int read_row(struct arena *a, struct reader *r, struct text fields[FIELDS], struct err *err)
{
    for (size_t i = 0;; i++) {
        if (i == FIELDS)
            return bad(r, err, "more than path, hash and size");
        if (read_field(a, r, &fields[i], err) < 0)
            return -1;
        if (text_find(fields[i], 0) < fields[i].len)
            return bad(r, err, "a NUL byte");
        if (at_row_end(r))
            return i == FIELDS - 1 ? 0 : bad(r, err, "fewer fields than path, hash and size");
        r->rest = text_from(r->rest, 1); /* the comma */
    }
}

static bool is_base64url(struct text t)
{
    for (size_t i = 0; i < t.len; i++)
        if (!ascii_is_alnum(t.ptr[i]) && t.ptr[i] != '-' && t.ptr[i] != '_')
            return false;
    return t.len > 0;
}

static int read_hash(struct arena *a, const struct reader *r, struct text field, struct record_entry *e,
                     struct err *err)
{
    if (field.len == 0)
        return 0;
    size_t equals = text_find(field, '=');
    struct text algorithm = text_first(field, equals), digest = text_from(field, equals + 1);
    while (digest.len && digest.ptr[digest.len - 1] == '=')
        digest.len--; /* some writers pad */
    if (!is_base64url(algorithm) || !is_base64url(digest))
        return bad(r, err, "the hash is not of the form ALGORITHM=URLSAFE_BASE64");
    char *name = text_dup(a, algorithm);
    for (char *p = name; *p; p++)
        *p = ascii_lower(*p);
    e->algorithm = name;
    e->digest = text_dup(a, digest);
    return 0;
}

static int read_size(const struct reader *r, struct text field, struct record_entry *e, struct err *err)
{
    unsigned long long size;
    e->size = -1;
    if (field.len == 0)
        return 0;
    if (!text_u64(field, &size))
        return bad(r, err, "the size is no number, or one that no file can have");
    if (size > LARGEST)
        return bad(r, err, "a size of more than 4 TiB");
    e->size = (long long)size;
    return 0;
}

int record_parse(struct arena *a, struct text bytes, struct record *out, struct err *err)
{
    struct entries entries = {0};
    struct reader r = {.rest = bytes, .line = 1};
    int result = 0;

    for (; result == 0 && r.rest.len; next_row(&r)) {
        struct text fields[FIELDS];
        struct record_entry e = {0};
        if (at_row_end(&r))
            continue; /* CSV readers pass over empty lines */
        result = read_row(a, &r, fields, err);
        if (result == 0 && fields[0].len == 0)
            result = bad(&r, err, "the path is empty");
        if (result == 0)
            result = read_hash(a, &r, fields[1], &e, err);
        if (result == 0)
            result = read_size(&r, fields[2], &e, err);
        if (result == 0) {
            e.path = text_dup(a, fields[0]);
            array_push(&entries, e);
        }
    }
    if (result == 0) {
        out->count = entries.count;
        out->entries = arena_array(a, entries.count, sizeof *out->entries);
        if (entries.count)
            memcpy(out->entries, entries.items, entries.count * sizeof *entries.items);
    }
    array_free(&entries);
    return result;
}

void record_write(struct buf *to, const struct record_entry *e)
{
    if (strpbrk(e->path, "\",\r\n")) {
        buf_char(to, '"');
        for (const char *p = e->path; *p; p++) {
            if (*p == '"')
                buf_char(to, '"');
            buf_char(to, *p);
        }
        buf_char(to, '"');
    } else {
        buf_str(to, e->path);
    }
    buf_char(to, ',');
    if (e->algorithm) {
        buf_str(to, e->algorithm);
        buf_char(to, '=');
        buf_str(to, e->digest);
    }
    buf_char(to, ',');
    if (e->size >= 0)
        buf_number(to, (unsigned long long)e->size);
    buf_char(to, '\n');
}

void record_base64(const unsigned char *raw, size_t n, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned bits = 0, have = 0;
    for (size_t i = 0; i < n; i++) {
        bits = bits << 8 | raw[i];
        for (have += 8; have >= 6; have -= 6)
            *out++ = digits[bits >> (have - 6) & 63];
    }
    if (have)
        *out++ = digits[bits << (6 - have) & 63];
    *out = 0;
}
