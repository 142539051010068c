/* SPDX-License-Identifier: Apache-2.0 */
#include "index/page.h"

#include "base/log.h"
#include "index/page_files.h"

#include <strings.h>

void page_link_digest(struct arena *strings, struct page_link *link, struct text algorithm, struct text hex)
{
    const struct page_algorithm *known = page_algorithms;
    size_t at = 0, had = 0;
    while (at < PAGE_ALGORITHMS && !text_eq_nocase(algorithm, text_of(known[at].name)))
        at++;
    if (at == PAGE_ALGORITHMS)
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
    if (strcmp(known[at].name, "sha256") == 0)
        link->sha256 = digits;
    while (had < PAGE_ALGORITHMS &&
           (!link->hash_algorithm || strcmp(link->hash_algorithm, known[had].name) != 0))
        had++;
    if (at < had) {
        link->hash_algorithm = known[at].name;
        link->hash = digits;
    }
}

int page_version_check(const struct page_parser *p, struct text version, struct err *err)
{
    unsigned long long major;
    version = text_trim(version);
    if (version.len == 0)
        return 0;
    if (!text_u64(text_first(version, text_find(version, '.')), &major))
        return err_set(err, ERR_INPUT, "%s says that it is of API version '%.*s', which is none", p->page,
                       TEXT_ARG(version));
    if (major > 1)
        return err_set(err, ERR_INPUT, "%s is of API version %.*s, which is newer than this program", p->page,
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

static const char *not_empty(const char *s)
{
    return s && *s ? s : NULL;
}

static void link_parse(struct page_parser *p, struct page_link *link)
{
    struct arena *a = &p->scratch;
    const char *fragment, *name = link->name;
    const char *url = url_join(a, p->base, link->href, &fragment);
    struct err err cleanup_err = ERR_INIT;
    if (*fragment)
        digest_of_fragment(a, link, text_of(fragment));
    if (!name) {
        size_t len = strcspn(url, "?");
        if (len && url[len - 1] == '/')
            return; /* a folder: "../", or a directory listing's */
        name = url_file_name(a, url, &err);
    }
    if (!name || !page_file_name_is_good(name)) {
        log_debug("%s: passed over a link that names no file", p->page);
        return;
    }
    if (link->broken_digest) {
        log_debug("%s: passed over %s, which has a malformed digest", p->page, name);
        return;
    }
    page_files_add(p->files, &(struct index_file){.name = name,
                                                  .url = url,
                                                  .hash_algorithm = link->hash_algorithm,
                                                  .hash = link->hash,
                                                  .sha256 = link->sha256,
                                                  .requires_python = not_empty(link->requires_python),
                                                  .yanked = link->yanked,
                                                  .yanked_reason = not_empty(link->yanked_reason),
                                                  .has_metadata = link->has_metadata,
                                                  .metadata_hash = link->metadata_hash,
                                                  .size = link->size});
}

int page_too_large(const char *page, struct err *err)
{
    return err_set(err, ERR_INPUT, "%s lists more than %s of files, which is more than can be right", page,
                   text_size(PAGE_MEMORY).s);
}

int page_link_add(struct page_parser *p, struct page_link *link, struct err *err)
{
    if (++p->links > PAGE_LINKS_LIMIT)
        return err_set(err, ERR_INPUT, "%s has more than %d links, which is more than can be right", p->page,
                       PAGE_LINKS_LIMIT);
    link_parse(p, link);
    arena_free(&p->scratch);
    return p->files->len > PAGE_MEMORY ? page_too_large(p->page, err) : 0;
}

/* Files of this machine only where the page is of this machine too: a server must not make us open them. What
 * an encrypted page says without a digest must not come unencrypted. */
static const char *refused_scheme(const char *page, const struct index_file *file)
{
    struct text to = text_of(file->url);
    if (url_is_file(to))
        return url_is_file(text_of(page)) ? NULL : "is a link from the network to a file of this machine";
    if (!url_is_network(to))
        return "is no http, https or file URL";
    if (strncasecmp(page, "https:", 6) == 0 && strncasecmp(file->url, "http:", 5) == 0 && !file->hash)
        return "leads from an encrypted page to an unencrypted file without a digest";
    return NULL;
}

static void file_visit(const struct page_visitor *v, struct index_file *file)
{
    const char *refused = refused_scheme(v->page, file);
    if (refused) {
        log_debug("%s: passed over %s, which %s", v->page, file->name, refused);
        return;
    }
    file->index_url = v->page;
    file->url = url_with_credentials_of(v->strings, file->url, v->base);
    v->file(v->ctx, file);
}

int page_visit(const struct page_visitor *v, struct text files, struct err *err)
{
    struct index_file file;
    int result;
    while ((result = page_files_next(&files, &file, err)) > 0) {
        file_visit(v, &file);
        if (v->check && v->check(v->ctx, err) < 0)
            return PAGE_TOO_MUCH;
    }
    return result < 0 ? PAGE_ODD : 0;
}

static bool begins_like_json(struct text body)
{
    body = text_trim(body);
    return body.len && body.ptr[0] == '{';
}

static int parse(struct page_parser *p, const char *content_type, struct text body, struct err *err)
{
    struct text type = text_trim(text_first(text_of(content_type), text_find(text_of(content_type), ';')));
    if (body.len > PAGE_LIMIT)
        return err_set(err, ERR_INPUT, "%s is larger than %s", p->page, text_size(PAGE_LIMIT).s);
    static const struct text prefix = {"application/vnd.pypi.simple.", 28};
    bool simple = text_eq_nocase(text_first(type, prefix.len), prefix);
    if ((simple && text_ends(type, T("+json"))) ||
        ((type.len == 0 || text_eq_nocase(type, T("application/json"))) && begins_like_json(body)))
        return page_json_parse(p, body, err);
    if (simple || type.len == 0 || text_eq_nocase(type, T("text/html")) ||
        text_eq_nocase(type, T("application/xhtml+xml")))
        return page_html_parse(p, body, err);
    return err_set(err, ERR_INPUT,
                   "%s is no page of a package index, but of type %.*s; check the URL of the index", p->page,
                   TEXT_ARG(type));
}

int page_parse(const char *page, const char *base, const char *content_type, struct text body,
               struct buf *files, struct err *err)
{
    struct page_parser p = {.page = page, .base = base, .files = files};
    int result = parse(&p, content_type, body, err);
    arena_free(&p.scratch);
    arena_free(&p.strings);
    return result;
}

static void keep_file(void *ctx, const struct index_file *file)
{
    struct index_files *files = ctx;
    array_push(files, *file)->source = "index";
}

int index_page_parse(struct arena *a, const char *url, const char *content_type, struct text body,
                     struct index_files *files, struct err *err)
{
    struct buf parsed cleanup_buf = BUF_INIT;
    struct page_visitor v = {.strings = a, .file = keep_file, .ctx = files, .base = url};
    v.page = url_without_credentials(a, url);
    if (page_parse(v.page, v.page, content_type, body, &parsed, err) < 0)
        return -1;
    char *bytes = arena_alloc(a, parsed.len);
    if (parsed.len)
        memcpy(bytes, parsed.ptr, parsed.len);
    return page_visit(&v, (struct text){bytes, parsed.len}, err);
}
