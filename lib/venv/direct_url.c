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

struct direct_url *direct_url_archive(struct arena *a, const char *url)
{
    struct direct_url *out = arena_new(a, struct direct_url);
    *out = (struct direct_url){.kind = DIRECT_ARCHIVE, .url = url};
    return out;
}

static const char *keep(struct arena *a, json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value ? arena_strdup(a, value) : NULL;
}

static void parse_archive(struct arena *a, json_t *info, struct direct_url *out)
{
    out->sha256 = keep(a, json_object_get(info, "hashes"), "sha256");
    const char *old = json_string_value(json_object_get(info, "hash")); /* before hashes: ALGORITHM=HEX */
    if (!out->sha256 && old && strncmp(old, "sha256=", 7) == 0)
        out->sha256 = arena_strdup(a, old + 7);
}

int direct_url_parse(struct arena *a, const char *json, struct direct_url *out, struct err *err)
{
    *out = (struct direct_url){0};
    json_error_t problem;
    json_t *root = json_loads(json, JSON_REJECT_DUPLICATES, &problem);
    json_t *folder = json_object_get(root, "dir_info"), *vcs = json_object_get(root, "vcs_info");
    out->url = keep(a, root, "url");
    out->subdirectory = keep(a, root, "subdirectory");
    if (json_is_object(vcs)) {
        out->kind = DIRECT_REPOSITORY;
        out->vcs = keep(a, vcs, "vcs");
        out->revision = keep(a, vcs, "requested_revision");
        out->commit = keep(a, vcs, "commit_id");
    } else if (json_is_object(folder)) {
        out->kind = DIRECT_FOLDER;
        out->editable = json_is_true(json_object_get(folder, "editable"));
    } else {
        parse_archive(a, json_object_get(root, "archive_info"), out);
    }
    json_decref(root);
    return out->url ? 0 : err_set(err, ERR_INPUT, "direct_url.json has no url");
}

static json_t *info_of(const struct direct_url *from)
{
    switch (from->kind) {
    case DIRECT_FOLDER:
        return from->editable ? json_pack("{s:b}", "editable", true) : json_object();
    case DIRECT_REPOSITORY:
        return json_pack("{s:s, s:s*, s:s*}", "vcs", from->vcs, "requested_revision", from->revision,
                         "commit_id", from->commit);
    case DIRECT_ARCHIVE:
        break;
    }
    if (!from->sha256)
        return json_object();
    return json_pack("{s:{s:s}, s:o}", "hashes", "sha256", from->sha256, "hash",
                     json_sprintf("sha256=%s", from->sha256));
}

char *direct_url_write(struct arena *a, const struct direct_url *from)
{
    static const char *const keys[] = {
        [DIRECT_ARCHIVE] = "archive_info", [DIRECT_FOLDER] = "dir_info", [DIRECT_REPOSITORY] = "vcs_info"};
    json_t *root = json_pack("{s:s, s:o, s:s*}", "url", direct_url_clean(a, from->url), keys[from->kind],
                             info_of(from), "subdirectory", from->subdirectory);
    char *text = json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS);
    char *kept = arena_strdup(a, text ? text : "{}");
    free(text);
    json_decref(root);
    return kept;
}

char *direct_url_reference(struct arena *a, const struct direct_url *from)
{
    const char *clean = direct_url_clean(a, from->url);
    const char *fragment = from->subdirectory ? arena_concat(a, "#subdirectory=", from->subdirectory) : "";
    if (from->kind != DIRECT_REPOSITORY)
        return arena_concat(a, clean, fragment);
    return arena_concat(a, from->vcs ? from->vcs : "git", "+", clean, from->commit ? "@" : "",
                        from->commit ? from->commit : "", fragment);
}
