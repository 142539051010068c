/* SPDX-License-Identifier: Apache-2.0 */
#include "python/lock.h"

#include "base/digest.h"
#include "python/name.h"

#include <jansson.h>
#include <stdint.h>

struct reader {
    struct arena *a;
    struct lock *out;
    const json_t *lines;  /* of the [[packages]] tables; NULL where they are not known */
    const char *where;    /* FILE, or FILE:LINE of the package */
    const char *context;  /* "", or "package NAME: " */
    struct strings found; /* unknown keys */
    struct err *err;
};

static int wrong(const struct reader *r, const char *key, const char *why)
{
    return err_set(r->err, ERR_INPUT, "%s: %s%s %s", r->where, r->context, key, why);
}

/* With what the parser of a value said. */
static int malformed(const struct reader *r, const char *key, struct err *why)
{
    err_wrap(why, "%s: %s%s", r->where, r->context, key);
    return err_move(r->err, why);
}

/* ---- values */

enum presence { REQUIRED, OPTIONAL };

/* NULL in *out where it is absent. Texts with line breaks or control characters belong to no key. */
static int get_text(const struct reader *r, const json_t *table, const char *key, enum presence presence,
                    const char **out)
{
    const json_t *value = json_object_get(table, key);
    *out = NULL;
    if (!value)
        return presence == OPTIONAL ? 0 : wrong(r, key, "is missing");
    if (!json_is_string(value))
        return wrong(r, key, "has to be a text in quotation marks");
    *out = json_string_value(value);
    for (const char *c = *out; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127)
            return wrong(r, key, "holds a control character");
    *out = arena_strdup(r->a, *out);
    return 0;
}

/* An array of which every item is of one type; NULL where it is absent. */
static int get_array(const struct reader *r, const json_t *table, const char *key, json_type type,
                     const json_t **out)
{
    size_t i;
    const json_t *item;
    *out = json_object_get(table, key);
    if (!*out)
        return 0;
    if (!json_is_array(*out))
        return wrong(r, key, "has to be an array");
    json_array_foreach(*out, i, item) if (json_typeof(item) != type) return wrong(
        r, arena_printf(r->a, "%s[%zu]", key, i),
        type == JSON_STRING ? "has to be a text in quotation marks" : "has to be a table");
    return 0;
}

static int get_table(const struct reader *r, const json_t *table, const char *key, const json_t **out)
{
    *out = json_object_get(table, key);
    return !*out || json_is_object(*out) ? 0 : wrong(r, key, "has to be a table");
}

/* Names of groups, normalised; `strict`: of extras, which have to be so. */
static int get_names(const struct reader *r, const json_t *table, const char *key, bool strict, char ***out,
                     size_t *count)
{
    const json_t *list;
    if (get_array(r, table, key, JSON_STRING, &list) < 0)
        return -1;
    *count = json_array_size(list);
    *out = arena_array(r->a, *count, sizeof **out);
    for (size_t i = 0; i < *count; i++) {
        struct text name = text_of(json_string_value(json_array_get(list, i)));
        (*out)[i] = name_normalize(r->a, name);
        if (strict && (!name_is_valid(name) || !text_is(name, (*out)[i])))
            return wrong(r, arena_printf(r->a, "%s[%zu]", key, i), "is not a normalised name");
    }
    return 0;
}

static int get_specifiers(const struct reader *r, const json_t *table, struct specifier_set *out)
{
    struct err why cleanup_err = ERR_INIT;
    const char *text;
    if (get_text(r, table, "requires-python", OPTIONAL, &text) < 0)
        return -1;
    if (specifier_set_parse(r->a, text_of(text ? text : ""), out, &why) < 0)
        return malformed(r, "requires-python", &why);
    return 0;
}

/* `known`: the specification's keys, each between blanks. `at`: which table it is, "" or "wheels[0].". */
static void note_unknown(struct reader *r, const json_t *table, const char *known, const char *at)
{
    const char *key;
    const json_t *value;
    json_object_foreach((json_t *)(uintptr_t)table, key, value)
    {
        struct arena scratch cleanup_arena = ARENA_INIT;
        if (!strstr(known, arena_printf(&scratch, " %s ", key)))
            array_push(&r->found, arena_printf(r->a, "%s: %s%s%s", r->where, r->context, at, key));
    }
}

/* ---- files */

static const struct {
    const char *name;
    size_t size; /* of the digest */
} algorithms[] = {
    {"sha256", 32},   {"sha384", 48},   {"sha512", 64},  {"sha3_256", 32},
    {"sha3_384", 48}, {"sha3_512", 64}, {"blake2b", 64}, {"blake2s", 32},
};

/* The size of a strong algorithm's digest; 0 for all others. */
static size_t digest_size(const char *algorithm)
{
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++)
        if (strcmp(algorithms[i].name, algorithm) == 0)
            return algorithms[i].size;
    return 0;
}

static int get_hashes(const struct reader *r, const json_t *table, const char *at, struct lock_file *out)
{
    const char *key = arena_printf(r->a, "%s.hashes", at), *algorithm;
    const json_t *hashes = json_object_get(table, "hashes"), *value;
    if (!json_object_size(hashes))
        return wrong(r, key, hashes ? "has to be a table with at least one digest" : "is missing");
    out->hashes = arena_array(r->a, json_object_size(hashes), sizeof *out->hashes);
    json_object_foreach((json_t *)(uintptr_t)hashes, algorithm, value)
    {
        unsigned char raw[64];
        char hex[2 * sizeof raw + 1];
        char *lower = arena_strdup(r->a, algorithm);
        for (char *c = lower; *c; c++)
            *c = ascii_lower(*c);
        const char *one = arena_printf(r->a, "%s.%s", key, lower);
        size_t size = digest_size(lower);
        if (!json_is_string(value))
            return wrong(r, one, "has to be a text in quotation marks");
        if (!size)
            continue; /* md5, sha1 and what nobody knows prove nothing */
        if (!hex_decode(text_of(json_string_value(value)), raw, size))
            return wrong(r, one, arena_printf(r->a, "has to be %zu digits in hex", 2 * size));
        hex_encode(raw, size, hex);
        out->hashes[out->hash_count++] = (struct lock_hash){lower, arena_strdup(r->a, hex)};
    }
    return 0;
}

static bool hex_value(char c, unsigned *value)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, ascii_lower(c)) : NULL;
    *value = at ? (unsigned)(at - digits) : 0;
    return at != NULL;
}

/* The last component: of a path as it stands (Windows' separators are allowed too), of a URL decoded. */
static const char *last_component(struct arena *a, const char *path, const char *url)
{
    struct text t = text_of(path ? path : url);
    if (!path) {
        t = text_first(t, text_find(t, '#'));
        t = text_first(t, text_find(t, '?'));
    }
    char separator = text_find(t, '/') == t.len && path ? '\\' : '/';
    for (size_t i; (i = text_find(t, separator)) < t.len;)
        t = text_from(t, i + 1);
    char *out = arena_alloc(a, t.len + 1), *to = out;
    for (size_t i = 0; i < t.len; i++) {
        unsigned high, low;
        bool coded = !path && t.ptr[i] == '%' && i + 2 < t.len && hex_value(t.ptr[i + 1], &high) &&
                     hex_value(t.ptr[i + 2], &low) && (high || low);
        *to++ = coded ? (char)(high * 16 + low) : t.ptr[i];
        i += coded ? 2 : 0;
    }
    return out;
}

/* `at`: the table's key, for messages. */
static int get_file(struct reader *r, const json_t *table, const char *at, struct lock_file *out)
{
    bool archive = strcmp(at, "archive") == 0;
    const char *key[] = {arena_printf(r->a, "%s.size", at), arena_printf(r->a, "%s.name", at)};
    const json_t *size = json_object_get(table, "size");
    *out = (struct lock_file){.size = -1};
    note_unknown(r, table,
                 archive ? " upload-time url path size hashes subdirectory "
                         : " name upload-time url path size hashes ",
                 arena_printf(r->a, "%s.", at));
    if ((!archive && get_text(r, table, "name", OPTIONAL, &out->name) < 0) ||
        get_text(r, table, "url", OPTIONAL, &out->url) < 0 ||
        get_text(r, table, "path", OPTIONAL, &out->path) < 0 || get_hashes(r, table, at, out) < 0)
        return -1;
    if (!(out->path && *out->path) && !(out->url && *out->url))
        return wrong(r, at, "needs a path or a url");
    if (out->path && !*out->path)
        out->path = NULL;
    if (size && (!json_is_integer(size) || json_integer_value(size) < 0))
        return wrong(r, key[0], "has to be a whole number");
    if (size)
        out->size = json_integer_value(size);
    if (!out->name || !*out->name)
        out->name = last_component(r->a, out->path, out->url);
    if (!*out->name || strchr(out->name, '/'))
        return wrong(r, key[1], "is missing, and neither path nor url ends in the name of a file");
    return 0;
}

static int check_name(const struct reader *r, const struct lock_package *p, const char *at, const char *file,
                      const char *name, const struct version *version)
{
    if (name && strcmp(name, p->name) != 0)
        return wrong(r, at, arena_printf(r->a, "is a file of another package: %s", file));
    if (p->has_version && version_cmp(version, &p->version) != 0)
        return wrong(r, at,
                     arena_printf(r->a, "is a file of another version than %s: %s", p->version.text, file));
    return 0;
}

static int get_wheel_name(const struct reader *r, const struct lock_package *p, const char *at,
                          struct lock_file *file)
{
    struct err why cleanup_err = ERR_INIT;
    if (wheel_name_parse(r->a, text_of(file->name), &file->wheel, &why) < 0)
        return malformed(r, at, &why);
    return check_name(r, p, at, file->name, file->wheel.name, &file->wheel.version);
}

static int get_wheels(struct reader *r, const json_t *list, struct lock_package *p)
{
    p->wheel_count = json_array_size(list);
    p->wheels = arena_array(r->a, p->wheel_count, sizeof *p->wheels);
    for (size_t i = 0; i < p->wheel_count; i++) {
        const char *at = arena_printf(r->a, "wheels[%zu]", i);
        if (get_file(r, json_array_get(list, i), at, &p->wheels[i]) < 0 ||
            get_wheel_name(r, p, at, &p->wheels[i]) < 0)
            return -1;
    }
    return 0;
}

static int get_sdist(struct reader *r, const json_t *table, struct lock_package *p)
{
    struct version version;
    p->file = arena_new(r->a, struct lock_file);
    if (get_file(r, table, "sdist", p->file) < 0)
        return -1;
    p->file->is_source = true;
    if (!sdist_name_parse(r->a, text_of(p->file->name), p->name, &version))
        return wrong(r, "sdist",
                     arena_printf(r->a, "is no source distribution of this package: %s", p->file->name));
    p->file->wheel = (struct wheel_name){.name = p->name, .version = version};
    return check_name(r, p, "sdist", p->file->name, NULL, &version);
}

static int get_archive(struct reader *r, const json_t *table, struct lock_package *p)
{
    p->file = arena_new(r->a, struct lock_file);
    if (get_file(r, table, "archive", p->file) < 0 ||
        get_text(r, table, "subdirectory", OPTIONAL, &p->file->subdirectory) < 0)
        return -1;
    p->file->is_source = !text_ends(text_of(p->file->name), T(".whl"));
    if (p->file->is_source) {
        p->file->wheel.name = p->name;
        return 0;
    }
    if (get_wheel_name(r, p, "archive", p->file) < 0)
        return -1;
    p->has_version = true;
    p->version = p->file->wheel.version;
    return 0;
}

static int get_directory(struct reader *r, const json_t *table, struct lock_package *p)
{
    note_unknown(r, table, " path editable subdirectory ", "");
    const json_t *editable = json_object_get(table, "editable");
    const char *ignored;
    if (editable && !json_is_boolean(editable))
        return wrong(r, "editable", "has to be true or false");
    if (get_text(r, table, "subdirectory", OPTIONAL, &ignored) < 0)
        return -1;
    return get_text(r, table, "path", REQUIRED, &p->place);
}

static int get_vcs(struct reader *r, const json_t *table, struct lock_package *p)
{
    struct lock_vcs *v = &p->vcs;
    const char *ignored;
    note_unknown(r, table, " type url path requested-revision commit-id subdirectory ", "");
    if (get_text(r, table, "type", REQUIRED, &v->type) < 0 ||
        get_text(r, table, "url", OPTIONAL, &v->url) < 0 ||
        get_text(r, table, "path", OPTIONAL, &v->path) < 0 ||
        get_text(r, table, "commit-id", REQUIRED, &v->commit) < 0 ||
        get_text(r, table, "requested-revision", OPTIONAL, &ignored) < 0 ||
        get_text(r, table, "subdirectory", OPTIONAL, &v->subdirectory) < 0)
        return -1;
    if (v->path && !*v->path)
        v->path = NULL;
    if (!v->path && !(v->url && *v->url))
        return wrong(r, "it", "needs a path or a url");
    p->place = arena_printf(r->a, "%s+%s@%s", v->type, v->path ? v->path : v->url, v->commit);
    return 0;
}

/* ---- packages */

static int get_source(struct reader *r, const json_t *table, struct lock_package *p)
{
    static int (*const get[])(struct reader *, const json_t *, struct lock_package *) = {
        [LOCK_SDIST] = get_sdist,
        [LOCK_ARCHIVE] = get_archive,
        [LOCK_DIRECTORY] = get_directory,
        [LOCK_VCS] = get_vcs,
    };
    static const char *const keys[] = {
        [LOCK_SDIST] = "sdist",
        [LOCK_ARCHIVE] = "archive",
        [LOCK_DIRECTORY] = "directory",
        [LOCK_VCS] = "vcs",
    };
    const json_t *wheels, *sources[LOCK_VCS + 1] = {0};
    size_t direct = 0;
    if (get_array(r, table, "wheels", JSON_OBJECT, &wheels) < 0)
        return -1;
    for (enum lock_kind k = LOCK_SDIST; k <= LOCK_VCS; k++) {
        if (get_table(r, table, keys[k], &sources[k]) < 0)
            return -1;
        direct += k != LOCK_SDIST && sources[k];
    }
    bool distributions = json_array_size(wheels) || sources[LOCK_SDIST];
    if (direct + (distributions ? 1 : 0) != 1)
        return wrong(r, "vcs, directory, archive, sdist and wheels:",
                     direct || distributions
                         ? "one kind of source is allowed, sdist and wheels counting as one"
                         : "one of them has to say where the package comes from");
    p->kind = json_array_size(wheels) ? LOCK_WHEELS : LOCK_SDIST;
    if (get_wheels(r, wheels, p) < 0)
        return -1;
    for (enum lock_kind k = LOCK_SDIST; k <= LOCK_VCS; k++) {
        if (!sources[k])
            continue;
        const char *outer = r->context;
        p->kind = k == LOCK_SDIST ? p->kind : k;
        if (k == LOCK_DIRECTORY || k == LOCK_VCS)
            r->context = arena_printf(r->a, "%s%s: ", outer, keys[k]);
        if (get[k](r, sources[k], p) < 0)
            return -1;
        r->context = outer;
    }
    return 0;
}

static int get_dependencies(struct reader *r, const json_t *table, struct lock_package *p)
{
    const json_t *list, *item;
    size_t i;
    if (get_array(r, table, "dependencies", JSON_OBJECT, &list) < 0)
        return -1;
    p->dependencies = arena_array(r->a, json_array_size(list), sizeof *p->dependencies);
    json_array_foreach(list, i, item)
    {
        const char *name = json_string_value(json_object_get(item, "name"));
        if (name && name_is_valid(text_of(name)))
            p->dependencies[p->dependency_count++] = name_normalize(r->a, text_of(name));
    }
    r->out->has_dependencies |= p->dependency_count > 0;
    return 0;
}

static int get_name(struct reader *r, const json_t *table, struct lock_package *p)
{
    if (get_text(r, table, "name", REQUIRED, &p->name) < 0)
        return -1;
    const char *normal = name_is_valid(text_of(p->name)) ? name_normalize(r->a, text_of(p->name)) : NULL;
    if (!normal)
        return wrong(r, "name", arena_printf(r->a, "\"%s\" is no name of a package", p->name));
    if (strcmp(normal, p->name) != 0)
        return wrong(r, "name", arena_printf(r->a, "\"%s\" has to be normalised: \"%s\"", p->name, normal));
    r->context = arena_printf(r->a, "package %s: ", p->name);
    return 0;
}

/* Of no use here, but of a form. */
static int get_attestations(struct reader *r, const json_t *table)
{
    const json_t *list, *item;
    const char *ignored;
    size_t i;
    if (get_array(r, table, "attestation-identities", JSON_OBJECT, &list) < 0)
        return -1;
    json_array_foreach(list, i, item) if (get_text(r, item, "kind", REQUIRED, &ignored) < 0) return -1;
    return 0;
}

static int get_package(struct reader *r, const json_t *table, struct lock_package *p)
{
    struct err why cleanup_err = ERR_INIT;
    const char *version, *marker, *index;
    const json_t *ignored;
    p->where = r->where;
    if (get_name(r, table, p) < 0 || get_text(r, table, "version", OPTIONAL, &version) < 0 ||
        get_text(r, table, "marker", OPTIONAL, &marker) < 0 ||
        get_text(r, table, "index", OPTIONAL, &index) < 0 || get_table(r, table, "tool", &ignored) < 0 ||
        get_attestations(r, table) < 0 || get_specifiers(r, table, &p->requires_python) < 0 ||
        get_dependencies(r, table, p) < 0)
        return -1;
    note_unknown(r, table,
                 " name version marker requires-python dependencies vcs directory archive index sdist "
                 "wheels attestation-identities tool ",
                 "");
    if (version && version_parse(r->a, text_of(version), &p->version, &why) < 0)
        return malformed(r, "version", &why);
    p->has_version = version != NULL;
    if (marker && marker_parse_lock(r->a, text_of(marker), &p->marker, &why) < 0)
        return malformed(r, "marker", &why);
    return get_source(r, table, p);
}

static int get_packages(struct reader *r, const json_t *document)
{
    const json_t *list;
    if (get_array(r, document, "packages", JSON_OBJECT, &list) < 0)
        return -1;
    if (!list)
        return wrong(r, "packages", "is missing");
    struct lock *out = r->out;
    out->package_count = json_array_size(list);
    out->packages = arena_array(r->a, out->package_count, sizeof *out->packages);
    for (size_t i = 0; i < out->package_count; i++) {
        json_int_t line = json_integer_value(json_array_get(r->lines, i));
        if (line > 0)
            r->where = arena_printf(r->a, "%s:%lld", out->file, (long long)line);
        r->context = arena_printf(r->a, "packages[%zu]: ", i);
        if (get_package(r, json_array_get(list, i), &out->packages[i]) < 0)
            return -1;
    }
    r->where = out->file;
    r->context = "";
    return 0;
}

/* ---- the whole */

static int get_version(struct reader *r, const json_t *document)
{
    struct err why cleanup_err = ERR_INIT;
    struct version version, first, second;
    if (get_text(r, document, "lock-version", REQUIRED, &r->out->lock_version) < 0)
        return -1;
    if (version_parse(r->a, text_of(r->out->lock_version), &version, &why) < 0)
        return malformed(r, "lock-version", &why);
    version_parse(r->a, T("1"), &first, NULL);
    version_parse(r->a, T("2"), &second, NULL);
    if (version_cmp(&version, &first) < 0 || version_cmp(&version, &second) >= 0)
        return wrong(r, "lock-version",
                     arena_printf(r->a, "is %s; this program reads 1.0", r->out->lock_version));
    r->out->newer = version_cmp(&version, &first) > 0;
    return 0;
}

static int get_environments(struct reader *r, const json_t *document)
{
    struct err why cleanup_err = ERR_INIT;
    const json_t *list;
    struct lock *out = r->out;
    if (get_array(r, document, "environments", JSON_STRING, &list) < 0)
        return -1;
    out->environment_count = json_array_size(list);
    out->environments = arena_array(r->a, out->environment_count, sizeof *out->environments);
    out->environment_texts = arena_array(r->a, out->environment_count, sizeof *out->environment_texts);
    for (size_t i = 0; i < out->environment_count; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (marker_parse(r->a, text_of(text), &out->environments[i], &why) < 0)
            return malformed(r, arena_printf(r->a, "environments[%zu]", i), &why);
        out->environment_texts[i] = arena_strdup(r->a, text);
    }
    return 0;
}

/* [tool.localstack-extensions] is nobody's obligation: what is odd in it is passed over. */
static void get_tool(struct reader *r, const json_t *document)
{
    const json_t *tool = json_object_get(json_object_get(document, "tool"), "localstack-extensions"),
                 *list = json_object_get(tool, "base"), *item, *by;
    size_t i, j;
    struct lock *out = r->out;
    const json_t *found = json_object_get(tool, "found");
    out->baked = json_is_true(json_object_get(tool, "baked"));
    out->found = arena_array(r->a, json_array_size(found), sizeof *out->found);
    json_array_foreach(found, i, item)
    {
        if (json_is_string(item))
            out->found[out->found_count++] = arena_strdup(r->a, json_string_value(item));
    }
    out->base = arena_array(r->a, json_array_size(list), sizeof *out->base);
    json_array_foreach(list, i, item)
    {
        const char *name = json_string_value(json_object_get(item, "name")),
                   *version = json_string_value(json_object_get(item, "version"));
        const json_t *needed = json_object_get(item, "needed-by");
        if (!name || !version || !name_is_valid(text_of(name)))
            continue;
        struct lock_base *b = &out->base[out->base_count++];
        *b = (struct lock_base){name_normalize(r->a, text_of(name)), arena_strdup(r->a, version), NULL, 0};
        b->needed_by = arena_array(r->a, json_array_size(needed), sizeof *b->needed_by);
        json_array_foreach(needed, j,
                           by) if (json_is_string(by) && name_is_valid(text_of(json_string_value(by))))
            b->needed_by[b->needed_count++] = name_normalize(r->a, text_of(json_string_value(by)));
    }
}

static int get_document(struct reader *r, const json_t *document)
{
    struct lock *out = r->out;
    const json_t *ignored;
    char **names;
    size_t count;
    if (get_version(r, document) < 0 || get_text(r, document, "created-by", REQUIRED, &out->created_by) < 0 ||
        get_environments(r, document) < 0 || get_specifiers(r, document, &out->requires_python) < 0 ||
        get_names(r, document, "extras", true, &names, &count) < 0 ||
        get_names(r, document, "dependency-groups", false, &names, &count) < 0 ||
        get_names(r, document, "default-groups", false, &out->default_groups, &out->default_group_count) <
            0 ||
        get_table(r, document, "tool", &ignored) < 0)
        return -1;
    note_unknown(r, document,
                 " lock-version environments requires-python extras dependency-groups default-groups "
                 "created-by packages tool ",
                 "");
    get_tool(r, document);
    return get_packages(r, document);
}

int lock_parse(struct arena *a, const char *json, const char *file, struct lock *out, struct err *err)
{
    *out = (struct lock){.file = file};
    json_t *root = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
    const json_t *document = json_object_get(root, "document");
    struct reader r = {.a = a, .out = out, .where = file, .context = "", .err = err};
    r.lines = json_object_get(json_object_get(root, "lines"), "packages");
    int result = json_is_object(document) ? get_document(&r, document)
                                          : err_set(err, ERR_INPUT, "%s: this is no document", file);
    if (result == 0) {
        out->unknown_count = r.found.count;
        out->unknown = arena_array(a, r.found.count, sizeof *out->unknown);
        if (r.found.count)
            memcpy(out->unknown, r.found.items, r.found.count * sizeof *out->unknown);
    }
    array_free(&r.found);
    json_decref(root);
    return result;
}

bool lock_name_is_valid(struct text file_name)
{
    if (text_is(file_name, "pylock.toml"))
        return true;
    if (!text_starts(file_name, T("pylock.")) || !text_ends(file_name, T(".toml")) || file_name.len < 13)
        return false;
    struct text name = text_first(text_from(file_name, 7), file_name.len - 12);
    return text_find(name, '.') == name.len;
}
