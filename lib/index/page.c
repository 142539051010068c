/* SPDX-License-Identifier: Apache-2.0 */
#include "index/page.h"

#include "base/log.h"

#include <strings.h>

void page_link_digest(struct arena *strings, struct page_link *link, struct text algorithm, struct text hex)
{
    /* Strongest first. */
    static const struct {
        const char *name;
        size_t digits;
    } known[] = {{"sha512", 128}, {"sha384", 96}, {"sha256", 64}, {"sha224", 56}, {"sha1", 40}, {"md5", 32}};
    size_t at = 0, had = 0, n = sizeof known / sizeof *known;
    while (at < n && !text_eq_nocase(algorithm, text_of(known[at].name)))
        at++;
    if (at == n)
        return;
    char *digits = text_dup(strings, hex);
    bool good = hex.len == known[at].digits;
    for (char *c = digits; good && *c; c++) {
        *c = ascii_lower(*c);
        good = ascii_is_digit(*c) || (*c >= 'a' && *c <= 'f');
    }
    if (!good) {
        link->broken_digest = true;
        return;
    }
    if (at == 2)
        link->sha256 = digits;
    while (had < n && (!link->hash_algorithm || strcmp(link->hash_algorithm, known[had].name) != 0))
        had++;
    if (at < had) {
        link->hash_algorithm = known[at].name;
        link->hash = digits;
    }
}

int page_version_check(const struct page_visitor *v, struct text version, struct err *err)
{
    unsigned long long major;
    version = text_trim(version);
    if (version.len == 0)
        return 0;
    if (!text_u64(text_first(version, text_find(version, '.')), &major))
        return err_set(err, ERR_INPUT, "%s says that it is of API version '%.*s', which is none", v->page,
                       TEXT_ARG(version));
    if (major > 1)
        return err_set(err, ERR_INPUT, "%s is of API version %.*s, which is newer than this program", v->page,
                       TEXT_ARG(version));
    return 0;
}

/* The fragment's ALGORITHM=HEX, among other things between &. */
static void digest_of_fragment(struct arena *strings, struct page_link *link, struct text fragment)
{
    struct text piece;
    while (fragment.len && text_cut(&fragment, '&', &piece)) {
        size_t equals = text_find(piece, '=');
        if (equals < piece.len)
            page_link_digest(strings, link, text_first(piece, equals), text_from(piece, equals + 1));
    }
}

static const char *keep(struct arena *a, const char *s)
{
    return s && *s ? arena_strdup(a, s) : NULL;
}

/* Files of this machine only where the page is of this machine too: a server must not make us open them. What
 * an encrypted page says without a digest must not come unencrypted. */
static const char *refused_scheme(const struct page_visitor *v, const char *url, const struct page_link *link)
{
    struct text page = text_of(v->page), to = text_of(url);
    if (url_is_file(to))
        return url_is_file(page) ? NULL : "is a link from the network to a file of this machine";
    if (!url_is_network(to))
        return "is no http, https or file URL";
    if (strncasecmp(v->page, "https:", 6) == 0 && strncasecmp(url, "http:", 5) == 0 && !link->hash)
        return "leads from an encrypted page to an unencrypted file without a digest";
    return NULL;
}

/* As url_file_name takes them. */
static bool is_file_name(const char *name)
{
    if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strpbrk(name, "/\\\177"))
        return false;
    while ((unsigned char)*name >= ' ')
        name++;
    return *name == 0;
}

static void link_visit(struct page_visitor *v, struct page_link *link)
{
    struct arena *a = v->strings;
    const char *fragment, *name = link->name;
    const char *url = url_join(a, v->base, link->href, &fragment);
    struct err err cleanup_err = ERR_INIT;
    if (*fragment)
        digest_of_fragment(a, link, text_of(fragment));
    if (!name) {
        size_t len = strcspn(url, "?");
        if (len && url[len - 1] == '/')
            return; /* a folder: "../", or a directory listing's */
        name = url_file_name(a, url, &err);
    } else if (!is_file_name(name)) {
        name = NULL;
    }
    if (!name) {
        log_debug("%s: passed over a link that names no file", v->page);
        return;
    }
    const char *refused = link->broken_digest ? "has a malformed digest" : refused_scheme(v, url, link);
    if (refused) {
        log_debug("%s: passed over %s, which %s", v->page, name, refused);
        return;
    }
    struct index_file file = {.name = name,
                              .index_url = v->page,
                              .requires_python = keep(a, link->requires_python),
                              .yanked = link->yanked,
                              .yanked_reason = keep(a, link->yanked_reason),
                              .size = link->size};
    if (!v->wanted || v->wanted(v->ctx, name)) {
        file.name = name == link->name ? arena_strdup(a, name) : name;
        file.url = url_with_credentials_of(a, url, v->base);
        file.hash_algorithm = link->hash_algorithm;
        file.hash = link->hash;
        file.sha256 = link->sha256;
        file.has_metadata = link->has_metadata;
        file.metadata_hash = link->metadata_hash;
    }
    v->file(v->ctx, &file);
}

int page_link_add(struct page_visitor *v, struct page_link *link, struct err *err)
{
    if (++v->links > PAGE_LINKS_LIMIT)
        return err_set(err, ERR_INPUT, "%s has more than %d links, which is more than can be right", v->page,
                       PAGE_LINKS_LIMIT);
    link_visit(v, link);
    return v->check ? v->check(v->ctx, err) : 0;
}

static bool begins_like_json(struct text body)
{
    body = text_trim(body);
    return body.len && body.ptr[0] == '{';
}

int page_visit(struct page_visitor *v, const char *content_type, struct text body, struct err *err)
{
    struct text type = text_trim(text_first(text_of(content_type), text_find(text_of(content_type), ';')));
    if (body.len > PAGE_LIMIT)
        return err_set(err, ERR_INPUT, "%s is larger than %s", v->page, text_size(PAGE_LIMIT).s);
    v->links = 0;
    static const struct text prefix = {"application/vnd.pypi.simple.", 28};
    bool simple = text_eq_nocase(text_first(type, prefix.len), prefix);
    if ((simple && text_ends(type, T("+json"))) ||
        ((type.len == 0 || text_eq_nocase(type, T("application/json"))) && begins_like_json(body)))
        return page_json_visit(v, body, err);
    if (simple || type.len == 0 || text_eq_nocase(type, T("text/html")) ||
        text_eq_nocase(type, T("application/xhtml+xml")))
        return page_html_visit(v, body, err);
    return err_set(err, ERR_INPUT,
                   "%s is no page of a package index, but of type %.*s; check the URL of the index", v->page,
                   TEXT_ARG(type));
}

static void keep_file(void *ctx, const struct index_file *file)
{
    struct index_files *files = ctx;
    array_push(files, *file)->source = "index";
}

int index_page_parse(struct arena *a, const char *url, const char *content_type, struct text body,
                     struct index_files *files, struct err *err)
{
    struct page_visitor v = {.strings = a, .file = keep_file, .ctx = files, .base = url};
    v.page = url_without_credentials(a, url);
    return page_visit(&v, content_type, body, err);
}
