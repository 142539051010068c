/* SPDX-License-Identifier: Apache-2.0 */
#include "index/page.h"

#include <jansson.h>

static void release(json_t **value)
{
    json_decref(*value);
}

static const char *string_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void read_digests(struct arena *a, const json_t *hashes, struct page_link *link)
{
    /* By name, not by walking: an object may hold any number of others. */
    static const char *const names[] = {"sha512", "sha384", "sha256", "sha224", "sha1", "md5"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const json_t *value = json_object_get(hashes, names[i]);
        if (json_is_string(value))
            page_link_digest(a, link, text_of(names[i]), text_of(json_string_value(value)));
        else if (value)
            link->broken_digest = true;
    }
}

/* PEP 714: core-metadata counts where it stands, whatever the key of PEP 658 says. True, or an object of
 * digests. */
static void read_metadata(struct arena *a, const json_t *file, struct page_link *link)
{
    const json_t *value = json_object_get(file, "core-metadata");
    if (!value || json_is_null(value))
        value = json_object_get(file, "dist-info-metadata");
    struct page_link digests = {0};
    if (json_is_object(value))
        read_digests(a, value, &digests);
    link->has_metadata = (json_is_true(value) || json_is_object(value)) && !digests.broken_digest;
    link->metadata_hash = digests.sha256;
}

static int read_file(struct page_parser *p, const json_t *file, struct err *err)
{
    const char *url = string_of(file, "url");
    if (!url)
        return 0;
    const json_t *yanked = json_object_get(file, "yanked"), *size = json_object_get(file, "size");
    struct page_link link = {
        .href = text_of(url),
        .name = string_of(file, "filename"),
        .requires_python = string_of(file, "requires-python"),
        .yanked = json_is_true(yanked) || (json_is_string(yanked) && json_string_length(yanked)),
        .yanked_reason = json_string_value(yanked),
        .size = json_is_integer(size) && json_integer_value(size) >= 0 ? json_integer_value(size) : -1,
    };
    read_digests(&p->scratch, json_object_get(file, "hashes"), &link);
    read_metadata(&p->scratch, file, &link);
    return page_link_add(p, &link, err);
}

/*
 * A page can hold thousands of files, and its tree would take many times the room of its text. So the outer
 * object and its list of files are walked here, and everything inside them is handed to jansson one by one.
 */
struct cursor {
    const struct page_parser *p;
    struct text whole, rest;
    struct err *err;
};

static int broken(struct cursor *c, const char *why)
{
    return err_set(c->err, ERR_INPUT, "%s is no JSON (at byte %zu: %s)", c->p->page,
                   (size_t)(c->rest.ptr - c->whole.ptr), why);
}

static char peek(struct cursor *c)
{
    size_t i = 0;
    while (i < c->rest.len && strchr(" \t\r\n", c->rest.ptr[i]) && c->rest.ptr[i])
        i++;
    c->rest = text_from(c->rest, i);
    return c->rest.len ? *c->rest.ptr : 0;
}

static bool take(struct cursor *c, char wanted)
{
    if (peek(c) != wanted)
        return false;
    c->rest = text_from(c->rest, 1);
    return true;
}

static void refuse_value(struct cursor *c, struct text shown, const json_error_t *why)
{
    if (shown.len < c->rest.len && json_error_code(why) == json_error_premature_end_of_input)
        err_set(c->err, ERR_INPUT,
                "%s holds a value larger than %s (at byte %zu), which is more than can be right", c->p->page,
                text_size(PAGE_VALUE_LIMIT).s, (size_t)(c->rest.ptr - c->whole.ptr));
    else
        broken(c, why->text);
}

/* No more of the rest than a value may have is shown to jansson, so that no larger one can be built. */
static json_t *take_value(struct cursor *c)
{
    json_error_t why;
    peek(c);
    struct text most = text_first(c->rest, PAGE_VALUE_LIMIT);
    json_t *value = json_loadb(most.ptr, most.len, JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &why);
    if (value)
        c->rest = text_from(c->rest, (size_t)why.position);
    else
        refuse_value(c, most, &why);
    return value;
}

static int walk_files(struct cursor *c, struct page_parser *p)
{
    if (!take(c, '['))
        return err_set(c->err, ERR_INPUT, "%s is no page of a package index: its 'files' is no list",
                       p->page);
    for (bool first = true; !take(c, ']'); first = false) {
        if (!first && !take(c, ','))
            return broken(c, "',' or ']' expected");
        json_t *file __attribute__((cleanup(release))) = take_value(c);
        if (!file)
            return -1;
        if (read_file(p, file, c->err) < 0)
            return -1;
    }
    return 0;
}

int page_json_parse(struct page_parser *p, struct text body, struct err *err)
{
    struct cursor c = {p, body, body, err};
    bool files = false;
    if (!take(&c, '{'))
        return err_set(err, ERR_INPUT, "%s is no page of a package index: it is no JSON object", p->page);
    for (bool first = true; !take(&c, '}'); first = false) {
        if (!first && !take(&c, ','))
            return broken(&c, "',' or '}' expected");
        json_t *key __attribute__((cleanup(release))) = take_value(&c);
        if (!key)
            return -1;
        if (!json_is_string(key) || !take(&c, ':'))
            return broken(&c, "a key and ':' expected");
        if (strcmp(json_string_value(key), "files") == 0) {
            files = true;
            if (walk_files(&c, p) < 0)
                return -1;
            continue;
        }
        json_t *value __attribute__((cleanup(release))) = take_value(&c);
        if (!value)
            return -1;
        const char *version = string_of(value, "api-version");
        if (strcmp(json_string_value(key), "meta") == 0 && version &&
            page_version_check(p, text_of(version), err) < 0)
            return -1;
    }
    if (peek(&c) || c.rest.len)
        return broken(&c, "the end expected");
    return files ? 0
                 : err_set(err, ERR_INPUT,
                           "%s is JSON, but no page of a package index: it has no list 'files'", p->page);
}
