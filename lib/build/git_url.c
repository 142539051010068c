/* SPDX-License-Identifier: Apache-2.0 */
#include "build/git.h"

#include "base/text.h"
#include "index/url.h"
#include "python/name.h"
#include "venv/direct_url.h"

#include <string.h>

static const char *const transports[] = {"https", "http", "ssh", "file", "git"};

struct reading {
    struct arena *a;
    const char *shown; /* the whole, for messages */
    struct err *err;
    struct text transport, authority, path, query;
};

static const char *other_system(struct text scheme)
{
    static const char *const systems[][2] = {{"hg", "Mercurial"}, {"svn", "Subversion"}, {"bzr", "Bazaar"}};
    struct text name = text_first(scheme, text_find(scheme, '+'));
    for (size_t i = 0; i < sizeof systems / sizeof *systems; i++)
        if (text_eq_nocase(name, text_of(systems[i][0])))
            return systems[i][1];
    return NULL;
}

/* For messages. What is no URL can have credentials all the same. */
static const char *redacted(struct arena *a, const char *text)
{
    const char *at = strrchr(text, '@'), *plus = strchr(text, '+');
    if (strstr(text, ":/") || !at || !plus || plus > at || strncmp(plus, "+git@", 5) == 0)
        return url_redacted(a, text);
    return arena_printf(a, "%.*s+****%s", (int)(plus - text), text, at);
}

/* Of what stands behind "git+" without being a URL. */
static int refuse_form(struct reading *r, struct text t)
{
    size_t at = text_find(t, '@');
    struct text place = at < t.len ? text_from(t, at + 1) : t;
    size_t colon = text_find(place, ':');
    if (text_eq_nocase(text_first(t, 5), T("file:")))
        return err_set(r->err, ERR_INPUT, "%s is no URL of a repository: git+file:///PATH has three slashes",
                       r->shown);
    if (at < t.len && colon < place.len)
        return err_set(r->err, ERR_INPUT,
                       "%s is an address of ssh and no URL: write git+ssh://%s@%.*s/%.*s instead", r->shown,
                       at == 3 && text_starts(t, T("git")) ? "git" : "USER",
                       TEXT_ARG(text_first(place, colon)), TEXT_ARG(text_from(place, colon + 1)));
    return err_set(r->err, ERR_INPUT, "%s is no URL of a repository: write git+https://HOST/PATH", r->shown);
}

static int read_transport(struct reading *r, struct text *t)
{
    struct text scheme = text_first(*t, text_find(*t, ':'));
    const char *other = other_system(scheme);
    if (other)
        return err_set(
            r->err, ERR_INPUT,
            "%s is a %s repository, and only git's can be used; name a release, a wheel or an archive",
            r->shown, other);
    if (!text_eq_nocase(text_first(*t, 4), T("git+")))
        return err_set(r->err, ERR_INPUT,
                       "%s is no URL of a repository: those begin with git+https:, git+http:, git+ssh:, "
                       "git+file: or git+git:",
                       r->shown);
    *t = text_from(*t, 4);
    scheme = text_first(*t, text_find(*t, ':'));
    if (!text_starts(text_from(*t, scheme.len), T("://")))
        return refuse_form(r, *t);
    for (size_t i = 0; i < sizeof transports / sizeof *transports; i++)
        if (text_eq_nocase(scheme, text_of(transports[i])))
            r->transport = text_of(transports[i]);
    if (!r->transport.ptr)
        return err_set(r->err, ERR_INPUT,
                       "%s cannot be fetched: git+https:, git+http:, git+ssh:, git+file: and git+git: can",
                       r->shown);
    *t = text_from(*t, scheme.len + 3);
    return 0;
}

static size_t last_at(struct text t)
{
    const char *at = t.len ? memrchr(t.ptr, '@', t.len) : NULL;
    return at ? (size_t)(at - t.ptr) : t.len;
}

/* To git and ssh such a name would be an option. */
static bool is_option(struct text t)
{
    return text_starts(t, T("-")) || text_eq_nocase(text_first(t, 3), T("%2d"));
}

static bool has_control(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < ' ' || *s == 0x7f)
            return true;
    return false;
}

static int check_ssh(struct reading *r, struct text user, struct text host)
{
    struct text port = text_from(host, text_find(host, ':') + 1);
    if (text_find(user, ':') < user.len)
        return err_set(r->err, ERR_INPUT, "%s has a password, which ssh takes from no URL: use a key",
                       r->shown);
    for (size_t i = 0; host.ptr[0] != '[' && i < port.len; i++)
        if (!ascii_is_digit(port.ptr[i]))
            return err_set(r->err, ERR_INPUT,
                           "%s has a colon where a slash has to be: write git+ssh://HOST/PATH", r->shown);
    return 0;
}

static int check_authority(struct reading *r)
{
    size_t at = last_at(r->authority);
    bool has_user = at < r->authority.len;
    struct text user = has_user ? text_first(r->authority, at) : (struct text){"", 0};
    struct text host = has_user ? text_from(r->authority, at + 1) : r->authority;
    if (text_is(r->transport, "file")) {
        if (r->authority.len && !text_eq_nocase(r->authority, T("localhost")))
            return err_set(r->err, ERR_INPUT, "%s names a host, which file: has not: write git+file:///PATH",
                           r->shown);
        r->authority = (struct text){"", 0};
    } else if (host.len == 0 && !text_starts(r->transport, T("http"))) { /* of those url_target says more */
        return err_set(r->err, ERR_INPUT, "%s names no host", r->shown);
    } else if (is_option(user) || is_option(host)) {
        return err_set(r->err, ERR_INPUT, "%s names a host or user that begins with a dash", r->shown);
    } else if (text_find(user, ' ') < user.len) {
        return err_set(r->err, ERR_INPUT,
                       "%s has a blank in its user name or password, which is written %%20", r->shown);
    } else if (text_find(host, ' ') < host.len) {
        return err_set(r->err, ERR_INPUT, "%s has a blank in its host", r->shown);
    }
    const char *decoded = url_decode(r->a, user);
    if (!decoded || has_control(decoded))
        return err_set(r->err, ERR_INPUT, "%s has credentials with a control character", r->shown);
    return text_is(r->transport, "ssh") ? check_ssh(r, user, host) : 0;
}

/* What follows "#NAME=" or "&NAME=", up to the next "&"; pip does not insist on a "#" before it. NULL: not
 * there.
 */
static char *parameter(struct arena *a, const char *text, const char *name)
{
    size_t n = strlen(name);
    for (const char *c = text; (c = strpbrk(c, "#&")); c++)
        if (strncmp(c + 1, name, n) == 0 && c[n + 1] == '=')
            return arena_strndup(a, c + n + 2, strcspn(c + n + 2, "&"));
    return NULL;
}

static bool is_name_with_extras(struct text egg)
{
    size_t open = text_find(egg, '[');
    struct text extras = text_from(egg, open + 1), extra;
    if (!name_is_valid(text_first(egg, open)))
        return false;
    if (open == egg.len)
        return true;
    if (!text_ends(extras, T("]")))
        return false;
    extras = text_first(extras, extras.len - 1);
    while (text_cut(&extras, ',', &extra))
        if (!name_is_valid(text_trim(extra)))
            return false;
    return true;
}

static bool leads_out(struct text path)
{
    struct text part;
    if (text_starts(path, T("/")))
        return true;
    while (text_cut(&path, '/', &part))
        if (text_is(part, ".."))
            return true;
    return false;
}

static int read_parameters(struct reading *r, const char *text, struct git_url *out)
{
    out->egg = parameter(r->a, text, "egg");
    if (out->egg && !is_name_with_extras(text_of(out->egg)))
        return err_set(r->err, ERR_INPUT, "%s has an egg= that is no name of a distribution", r->shown);
    out->subdirectory = parameter(r->a, text, "subdirectory");
    if (out->subdirectory && leads_out(text_of(out->subdirectory)))
        return err_set(r->err, ERR_INPUT, "%s has a subdirectory= that leads out of the repository",
                       r->shown);
    if (out->subdirectory && !*out->subdirectory)
        out->subdirectory = NULL;
    return 0;
}

static int read_ref(struct reading *r, struct git_url *out)
{
    size_t at = last_at(r->path);
    if (at == r->path.len)
        return 0;
    out->ref = url_decode(r->a, text_from(r->path, at + 1));
    r->path = text_first(r->path, at);
    if (!out->ref || has_control(out->ref) || is_option(text_of(out->ref)))
        return err_set(r->err, ERR_INPUT, "%s names a branch, tag or commit that git cannot have", r->shown);
    if (!*out->ref)
        return err_set(r->err, ERR_INPUT, "%s names no branch, tag or commit behind its @", r->shown);
    return 0;
}

int git_url_parse(struct arena *a, const char *text, struct git_url *out, struct err *err)
{
    struct reading r = {.a = a, .shown = redacted(a, text), .err = err};
    struct text rest = text_of(text);
    *out = (struct git_url){0};
    if (has_control(text))
        return err_set(err, ERR_INPUT, "%s has a control character in it", r.shown);
    if (read_transport(&r, &rest) < 0)
        return -1;
    rest = text_first(rest, text_find(rest, '#'));
    r.path = text_first(rest, text_find(rest, '?'));
    r.query = text_from(rest, r.path.len + 1);
    size_t slash = text_find(r.path, '/');
    r.authority = text_first(r.path, slash);
    r.path = text_from(r.path, slash);
    if (check_authority(&r) < 0)
        return -1;
    /* The whole of it: what is cut off below may be the end of a password, whose beginning would be shown. */
    const char *whole = text + strlen("git+");
    struct url_target target;
    if (url_is_network(text_of(whole)) && url_target(a, whole, &target, err) < 0)
        return -1;
    if (read_ref(&r, out) < 0 || read_parameters(&r, text, out) < 0)
        return -1;
    if (r.path.len < 2)
        return err_set(err, ERR_INPUT, "%s names no repository", r.shown);
    struct buf url cleanup_buf = BUF_INIT;
    buf_text(&url, r.transport);
    buf_str(&url, "://");
    buf_text(&url, r.authority);
    buf_text(&url, r.path);
    if (r.query.len) {
        buf_char(&url, '?');
        buf_text(&url, r.query);
    }
    out->url = text_dup(a, buf_view(&url));
    out->shown = direct_url_clean(a, out->url);
    return 0;
}

bool git_is_commit(const char *ref)
{
    size_t digits = strspn(ref, "0123456789abcdefABCDEF");
    return !ref[digits] && (digits == 40 || digits == 64);
}
