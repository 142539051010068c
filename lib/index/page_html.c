/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTML pages. What counts in one are a few start tags (<a>, <base>, <meta>), as for pip. A scan finds where
 * they stand, and gumbo reads them, some at a time and flat: no page, however nested, can make it build a
 * deep or a large tree, for which it knows no bound.
 */
#include "index/page.h"

#include <gumbo.h>
#include <strings.h>

enum {
    CHUNK = 32 * 1024,    /* tags are handed to gumbo when they come to so many bytes */
    TAG_LIMIT = 8 * 1024, /* of one tag: longer ones are passed over */
    ATTRIBUTE_LIMIT = 64, /* gumbo compares each attribute of a tag with all before it */
};

struct tag {
    struct text name, whole; /* "a"; "<a href='…'>" */
    bool opening;
    unsigned attributes;
};

static bool is_in(struct text name, const char *const *names)
{
    for (; *names; names++)
        if (text_eq_nocase(name, text_of(*names)))
            return true;
    return false;
}

static size_t skip_space(struct text t, size_t i)
{
    while (i < t.len && ascii_is_space(t.ptr[i]))
        i++;
    return i;
}

/* The index after the > that ends the tag at the beginning of `t`, quotes respected where HTML has them:
 * around values alone. 0 when the text ends before. */
static size_t tag_end(struct text t, size_t i, unsigned *attributes)
{
    for (;;) {
        while (i < t.len && (ascii_is_space(t.ptr[i]) || t.ptr[i] == '/'))
            i++;
        if (i == t.len)
            return 0;
        if (t.ptr[i] == '>')
            return i + 1;
        ++*attributes;
        i++; /* a name may begin with = */
        while (i < t.len && !ascii_is_space(t.ptr[i]) && !strchr("/>=", t.ptr[i]))
            i++;
        size_t equals = skip_space(t, i);
        if (equals == t.len || t.ptr[equals] != '=')
            continue;
        i = skip_space(t, equals + 1);
        if (i < t.len && (t.ptr[i] == '"' || t.ptr[i] == '\'')) {
            struct text value = text_from(t, i + 1);
            size_t end = text_find(value, t.ptr[i]);
            if (end == value.len)
                return 0;
            i += end + 2;
        } else {
            while (i < t.len && !ascii_is_space(t.ptr[i]) && t.ptr[i] != '>')
                i++;
        }
    }
}

/* Cuts *rest after the next C string `end`; all of it where there is none. */
static void skip_past(struct text *rest, const char *end)
{
    const char *at = memmem(rest->ptr, rest->len, end, strlen(end));
    *rest = at ? text_from(*rest, (size_t)(at - rest->ptr) + strlen(end)) : text_from(*rest, rest->len);
}

/* The contents of <script> and the like are text up to their end tag. */
static void skip_raw_text(struct text *rest, struct text name)
{
    size_t lt;
    while ((lt = text_find(*rest, '<')) < rest->len) {
        *rest = text_from(*rest, lt);
        if (rest->len > name.len + 1 && rest->ptr[1] == '/' &&
            text_eq_nocase(text_first(text_from(*rest, 2), name.len), name))
            return;
        *rest = text_from(*rest, 1);
    }
    *rest = text_from(*rest, rest->len);
}

static bool next_tag(struct text *rest, struct tag *tag)
{
    static const char *const raw[] = {"script", "style",   "title",    "textarea", "xmp",
                                      "iframe", "noembed", "noframes", NULL};
    size_t lt;
    while ((lt = text_find(*rest, '<')) < rest->len) {
        *rest = text_from(*rest, lt);
        size_t name = rest->len > 1 && rest->ptr[1] == '/' ? 2 : 1;
        char first = name < rest->len ? rest->ptr[name] : 0;
        if (text_starts(*rest, T("<!--"))) {
            *rest = text_from(*rest, 2);
            skip_past(rest, "-->");
            continue;
        }
        if (!ascii_is_alpha(first)) {
            if (name == 2 || first == '!' || first == '?')
                skip_past(rest, ">");
            else
                *rest = text_from(*rest, 1);
            continue;
        }
        size_t end = name;
        while (end < rest->len && !ascii_is_space(rest->ptr[end]) && !strchr("/>", rest->ptr[end]))
            end++;
        *tag = (struct tag){.name = text_first(text_from(*rest, name), end - name), .opening = name == 1};
        end = tag_end(*rest, end, &tag->attributes);
        if (end == 0)
            return false;
        tag->whole = text_first(*rest, end);
        *rest = text_from(*rest, end);
        if (tag->opening && is_in(tag->name, raw))
            skip_raw_text(rest, tag->name);
        return true;
    }
    return false;
}

static const char *attribute(const GumboElement *element, const char *name)
{
    const GumboAttribute *found = gumbo_get_attribute(&element->attributes, name);
    return found ? found->value : NULL;
}

struct reader {
    struct page_parser *p;
    bool has_base;
    int result;
    struct err *err;
};

static int read_anchor(struct reader *r, const GumboElement *anchor)
{
    const char *href = attribute(anchor, "href");
    if (!href || !*href)
        return 0;
    const char *metadata = attribute(anchor, "data-core-metadata");
    if (!metadata)
        metadata = attribute(anchor, "data-dist-info-metadata");
    const char *yanked = attribute(anchor, "data-yanked");
    struct page_link digests = {0}, link = {.href = text_of(href),
                                            .requires_python = attribute(anchor, "data-requires-python"),
                                            .yanked = yanked != NULL,
                                            .yanked_reason = yanked,
                                            .size = -1};
    if (metadata) {
        struct text value = text_of(metadata);
        size_t equals = text_find(value, '=');
        if (equals < value.len)
            page_link_digest(&r->p->scratch, &digests, text_first(value, equals),
                             text_from(value, equals + 1));
        link.has_metadata = !digests.broken_digest && strcasecmp(metadata, "false") != 0;
        link.metadata_hash = digests.sha256;
    }
    return page_link_add(r->p, &link, r->err);
}

static void read_element(struct reader *r, const GumboElement *element)
{
    if (r->result < 0)
        return;
    if (element->tag == GUMBO_TAG_A) {
        r->result = read_anchor(r, element);
    } else if (element->tag == GUMBO_TAG_BASE) {
        const char *href = attribute(element, "href");
        if (href && !r->has_base) {
            r->has_base = true;
            r->p->base = url_join(&r->p->strings, r->p->base, text_of(href), NULL);
        }
    } else if (element->tag == GUMBO_TAG_META) {
        const char *name = attribute(element, "name"), *content = attribute(element, "content");
        if (name && content && strcasecmp(name, "pypi:repository-version") == 0)
            r->result = page_version_check(r->p, text_of(content), r->err);
    }
}

/* The tags stand beside each other in the head or the body. */
static void read_chunk(struct reader *r, struct buf *chunk)
{
    if (chunk->len == 0)
        return;
    GumboOutput *tree = gumbo_parse_with_options(&kGumboDefaultOptions, chunk->ptr, chunk->len);
    const GumboVector *parts = &tree->root->v.element.children;
    for (unsigned i = 0; i < parts->length; i++) {
        const GumboNode *part = parts->data[i];
        if (part->type != GUMBO_NODE_ELEMENT)
            continue;
        const GumboVector *children = &part->v.element.children;
        for (unsigned j = 0; j < children->length; j++) {
            const GumboNode *child = children->data[j];
            if (child->type == GUMBO_NODE_ELEMENT)
                read_element(r, &child->v.element);
        }
    }
    gumbo_destroy_output(&kGumboDefaultOptions, tree);
    buf_clear(chunk);
}

static void read_tags(struct reader *r, struct text body, const char *const *names)
{
    struct buf chunk cleanup_buf = BUF_INIT;
    struct tag tag;
    while (r->result == 0 && next_tag(&body, &tag)) {
        if (!tag.opening || !is_in(tag.name, names) || tag.whole.len > TAG_LIMIT ||
            tag.attributes > ATTRIBUTE_LIMIT)
            continue;
        buf_text(&chunk, tag.whole);
        if (text_eq_nocase(tag.name, T("a")))
            buf_str(&chunk, "</a>");
        if (chunk.len >= CHUNK)
            read_chunk(r, &chunk);
    }
    read_chunk(r, &chunk);
}

int page_html_parse(struct page_parser *p, struct text body, struct err *err)
{
    static const char *const head[] = {"base", "meta", NULL}, *const links[] = {"a", NULL};
    struct reader r = {.p = p, .err = err};
    if (body.len >= 3 && memcmp(body.ptr, "\xef\xbb\xbf", 3) == 0)
        body = text_from(body, 3);
    read_tags(&r, body, head); /* first, because <base> counts for all links wherever it stands */
    read_tags(&r, body, links);
    return r.result;
}
