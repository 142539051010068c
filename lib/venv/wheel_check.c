/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/wheel_check.h"

#include "base/cleanup.h"
#include "base/strmap.h"
#include "python/metadata.h"
#include "python/name.h"
#include "venv/wheel_path.h"

enum { METADATA_LIMIT = 16 << 20 }; /* of METADATA, WHEEL and RECORD, which are held in memory */

static const char dist_info_suffix[] = ".dist-info", data_suffix[] = ".data";

struct check {
    struct arena *a;
    const struct archive *archive;
    struct archive_reader *reader;
    struct wheel_name name;
    struct strmap recorded; /* path -> struct record_entry */
    size_t matched;         /* entries of RECORD that a file was found for */
    struct wheel_contents *out;
};

static int refuse(struct text path, struct err *err, const char *what)
{
    cleanup_free char *quoted = wheel_path_quote(path);
    return err_set(err, ERR_INPUT, "%s %s", quoted, what);
}

static struct text top_folder(const char *path)
{
    struct text t = text_of(path);
    size_t slash = text_find(t, '/');
    return slash < t.len ? text_first(t, slash) : (struct text){0};
}

static bool ends_nocase(struct text t, const char *suffix)
{
    size_t n = strlen(suffix);
    return t.len >= n && text_eq_nocase(text_from(t, t.len - n), text_of(suffix));
}

bool wheel_info_is(struct arena *a, struct text folder, const struct wheel_name *expected)
{
    struct text name, rest = folder;
    struct version version;
    while (rest.len && rest.ptr[rest.len - 1] != '.') /* the suffix */
        rest.len--;
    rest.len -= rest.len ? 1 : 0;
    if (!text_cut(&rest, '-', &name) || !rest.ptr || !name_is_valid(name))
        return false;
    return strcmp(name_normalize(a, name), expected->name) == 0 &&
           version_parse(a, rest, &version, NULL) == 0 && version_cmp(&version, &expected->version) == 0;
}

/* The folders at the top that have a meaning: one .dist-info, at most one .data, both this distribution's. */
static int find_info(struct check *c, struct err *err)
{
    struct text info = {0}, data = {0}, last = {0};
    for (size_t i = 0; i < c->archive->count; i++) {
        struct text top = top_folder(c->archive->members[i].path);
        if (text_eq(top, last))
            continue;
        last = top;
        bool is_info = ends_nocase(top, dist_info_suffix);
        if (!is_info && !ends_nocase(top, data_suffix))
            continue;
        struct text *seen = is_info ? &info : &data;
        if (text_eq(*seen, top))
            continue;
        if (seen->len)
            return refuse(top, err, "is one folder of its kind too many: a wheel is one distribution");
        if (!wheel_info_is(c->a, top, &c->name))
            return refuse(top, err, "is not of the distribution and version that the file name says");
        *seen = top;
    }
    if (!text_ends(info, text_of(dist_info_suffix)))
        return err_set(err, ERR_INPUT, "it has no .dist-info folder, so it is no wheel");
    c->out->dist_info = text_dup(c->a, info);
    c->out->data_dir = data.len ? text_dup(c->a, data) : wheel_data_dir(c->a, c->out->dist_info);
    return 0;
}

char *wheel_data_dir(struct arena *a, const char *dist_info)
{
    size_t n = strlen(dist_info) - (sizeof dist_info_suffix - 1);
    return arena_printf(a, "%.*s%s", (int)n, dist_info, data_suffix);
}

/* A file of the .dist-info. */
static int read_info(struct check *c, const char *name, struct buf *out, struct err *err)
{
    size_t n = strlen(c->out->dist_info);
    for (size_t i = 0; i < c->archive->count; i++) {
        const struct archive_member *m = &c->archive->members[i];
        if (!m->is_folder && strncmp(m->path, c->out->dist_info, n) == 0 && m->path[n] == '/' &&
            strcmp(m->path + n + 1, name) == 0)
            return archive_read(c->reader, m, METADATA_LIMIT, out, err);
    }
    return err_set(err, ERR_INPUT, "%s/%s is missing", c->out->dist_info, name);
}

/* Only name and version: what else METADATA says has been the solver's business. */
static int check_metadata(struct check *c, struct err *err)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    struct text name, version_text;
    struct version version;
    if (read_info(c, "METADATA", &bytes, err) < 0)
        return -1;
    if (!headers_get(buf_view(&bytes), "Name", &name) ||
        !headers_get(buf_view(&bytes), "Version", &version_text))
        return err_set(err, ERR_INPUT, "METADATA has no Name or no Version");
    if (!name_is_valid(name) || strcmp(name_normalize(c->a, name), c->name.name) != 0)
        return refuse(name, err, "is the Name in METADATA, but not that of the file name");
    if (version_parse(c->a, version_text, &version, err) < 0 || version_cmp(&version, &c->name.version) != 0)
        return refuse(version_text, err, "is the Version in METADATA, but not that of the file name");
    return 0;
}

static int check_wheel_file(struct check *c, struct err *err)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    struct wheel_file wheel;
    if (read_info(c, "WHEEL", &bytes, err) < 0)
        return -1;
    if (wheel_file_parse(c->a, buf_view(&bytes), &wheel, err) < 0)
        return err_wrap(err, "WHEEL");
    c->out->root_is_purelib = wheel.root_is_purelib;
    return 0;
}

/* RECORD and its signatures, which cannot hold their own digests. */
static bool is_record(const struct check *c, const char *path)
{
    size_t n = strlen(c->out->dist_info);
    if (strncmp(path, c->out->dist_info, n) != 0 || path[n] != '/')
        return false;
    path += n + 1;
    return strcmp(path, "RECORD") == 0 || strcmp(path, "RECORD.jws") == 0 || strcmp(path, "RECORD.p7s") == 0;
}

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static int load_record(struct check *c, struct err *err)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    struct record record;
    if (read_info(c, "RECORD", &bytes, err) < 0)
        return -1;
    if (record_parse(c->a, buf_view(&bytes), &record, err) < 0)
        return err_wrap(err, "RECORD");
    for (size_t i = 0; i < record.count; i++) {
        struct record_entry *e = &record.entries[i];
        if (is_record(c, e->path))
            continue;
        void **place = strmap_place(&c->recorded, text_of(e->path));
        const struct record_entry *other = *place;
        if (other && (!same(other->algorithm, e->algorithm) || !same(other->digest, e->digest)))
            return refuse(text_of(e->path), err, "is in RECORD twice, with different digests");
        *place = e;
    }
    return 0;
}

static bool is_strong(const char *algorithm)
{
    return strcmp(algorithm, "sha256") == 0 || strcmp(algorithm, "sha384") == 0 ||
           strcmp(algorithm, "sha512") == 0;
}

static int match_record(struct check *c, struct err *err)
{
    const struct archive *z = c->archive;
    c->out->expected = arena_array(c->a, z->count, sizeof *c->out->expected);
    for (size_t i = 0; i < z->count; i++) {
        const struct archive_member *m = &z->members[i];
        struct text path = text_of(m->path);
        if (m->is_folder || is_record(c, m->path))
            continue;
        const struct record_entry *e = strmap_get(&c->recorded, path);
        if (!e)
            return refuse(path, err, "is in the archive, but not in RECORD");
        if (!e->algorithm || !e->digest)
            return refuse(path, err, "has no digest in RECORD");
        if (!is_strong(e->algorithm))
            return refuse(path, err, "has a digest in RECORD that is none of sha256, sha384 and sha512");
        if (e->size >= 0 && (uint64_t)e->size != m->size)
            return refuse(path, err, "has another size in the archive than in RECORD");
        c->out->expected[i] = e;
        c->matched++;
    }
    if (c->matched == c->recorded.count)
        return 0;
    struct strmap present cleanup_strmap = STRMAP_INIT;
    for (size_t i = 0; i < z->count; i++)
        if (!z->members[i].is_folder)
            *strmap_place(&present, text_of(z->members[i].path)) = &z->members[i];
    for (size_t i = 0; i < c->recorded.room; i++) {
        struct text path = c->recorded.slots[i].key;
        if (path.ptr && !strmap_get(&present, path))
            return refuse(path, err, "is in RECORD, but not in the archive");
    }
    return 0;
}

int wheel_check(struct arena *a, const struct archive *archive, struct archive_reader *reader,
                struct text file_name, struct wheel_contents *out, struct err *err)
{
    struct check c = {.a = a, .archive = archive, .reader = reader, .out = out};
    if (wheel_name_parse(a, file_name, &c.name, err) < 0)
        return -1;
    int result = find_info(&c, err);
    if (result == 0)
        result = check_metadata(&c, err);
    if (result == 0)
        result = check_wheel_file(&c, err);
    if (result == 0)
        result = load_record(&c, err);
    if (result == 0)
        result = match_record(&c, err);
    strmap_free(&c.recorded);
    return result;
}
