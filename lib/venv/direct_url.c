/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/direct_url.h"

#include "base/text.h"

#include <jansson.h>
#include <string.h>

/* Takes "${NAME}" off the beginning. */
static bool take_variable(struct text *t)
{
    size_t end = text_find(*t, '}');
    if (!text_starts(*t, T("${")) || end == t->len || end == 2)
        return false;
    for (size_t i = 2; i < end; i++)
        if (!ascii_is_alnum(t->ptr[i]) && t->ptr[i] != '-' && t->ptr[i] != '_')
            return false;
    *t = text_from(*t, end + 1);
    return true;
}

/* PEP 610: only git's user, who is the same everywhere, and names of variables may stand in a file. */
static bool is_no_secret(struct text user)
{
    if (text_is(user, "git"))
        return true;
    if (!take_variable(&user))
        return false;
    if (user.len == 0)
        return true;
    bool password = user.ptr[0] == ':';
    user = text_from(user, 1);
    return password && take_variable(&user) && user.len == 0;
}

char *direct_url_clean(struct arena *a, const char *url)
{
    const char *host = strstr(url, "://");
    if (!host)
        return arena_strdup(a, url);
    host += 3;
    size_t authority = strcspn(host, "/?#");
    const char *at = memrchr(host, '@', authority);
    if (!at)
        return arena_strdup(a, url);
    if (is_no_secret((struct text){host, (size_t)(at - host)}))
        return arena_strdup(a, url);
    return arena_printf(a, "%.*s%s", (int)(host - url), url, at + 1);
}

int direct_url_parse(struct arena *a, const char *json, struct direct_url *out, struct err *err)
{
    *out = (struct direct_url){0};
    json_error_t problem;
    json_t *root = json_loads(json, JSON_REJECT_DUPLICATES, &problem);
    const char *url = json_string_value(json_object_get(root, "url"));
    json_t *archive = json_object_get(root, "archive_info");
    const char *sha256 = json_string_value(json_object_get(json_object_get(archive, "hashes"), "sha256"));
    const char *old =
        json_string_value(json_object_get(archive, "hash")); /* the form before hashes: ALGORITHM=HEX */
    if (!sha256 && old && strncmp(old, "sha256=", 7) == 0)
        sha256 = old + 7;
    out->editable = json_is_true(json_object_get(json_object_get(root, "dir_info"), "editable"));
    if (url)
        out->url = arena_strdup(a, url);
    if (sha256)
        out->sha256 = arena_strdup(a, sha256);
    json_decref(root);
    return url ? 0 : err_set(err, ERR_INPUT, "direct_url.json has no url");
}

char *direct_url_archive(struct arena *a, const char *url, const char *sha256)
{
    json_t *root = json_pack("{s:s, s:{s:{s:s}, s:o}}", "url", direct_url_clean(a, url), "archive_info",
                             "hashes", "sha256", sha256, "hash", json_sprintf("sha256=%s", sha256));
    char *text = json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS);
    char *kept = arena_strdup(a, text ? text : "{}");
    free(text);
    json_decref(root);
    return kept;
}
