/* SPDX-License-Identifier: Apache-2.0 */
#include "python/metadata.h"

#include "base/array.h"
#include "python/decode.h"
#include "python/name.h"

enum {
    NEWEST_MAJOR = 2,
    NEWEST_MINOR = 6,
    NEWEST_WHEEL_MAJOR = 1,
    COUNT_LIMIT = 20000,     /* of requirements, of extras, of import names, of dynamic fields */
    MEMORY_LIMIT = 32 << 20, /* of all that is read */
};

static bool is_continuation(struct text rest)
{
    return rest.len && (rest.ptr[0] == ' ' || rest.ptr[0] == '\t');
}

/* Where the name of the header in this line ends; -1 when the line is no header: the body begins. */
static ssize_t header_name(struct text line)
{
    for (size_t i = 0; i < line.len; i++) {
        if (line.ptr[i] == ':')
            return (ssize_t)i;
        if ((unsigned char)line.ptr[i] <= ' ' || (unsigned char)line.ptr[i] >= 0x7f)
            return -1;
    }
    return -1;
}

/* The next header, its value trimmed but with the line ends of its continuation lines in it. What
 * email.parser passes over (mbox lines, continuations of nothing, lines without a name) is passed over here.
 */
static bool next_header(struct text *rest, struct text *name, struct text *value)
{
    struct text line;
    while (decode_line(rest, &line)) {
        if (is_continuation(line) || text_starts(line, T("From ")))
            continue;
        ssize_t colon = header_name(line);
        if (colon < 0)
            return false;
        if (colon == 0)
            continue;
        const char *start = line.ptr + colon + 1, *end = line.ptr + line.len;
        *name = text_first(line, (size_t)colon);
        while (is_continuation(*rest) && decode_line(rest, &line))
            end = line.ptr + line.len;
        *value = text_trim((struct text){start, (size_t)(end - start)});
        return true;
    }
    return false;
}

static struct text skip_mark(struct text bytes)
{
    return text_starts(bytes, T("\xef\xbb\xbf")) ? text_from(bytes, 3) : bytes;
}

bool headers_get(struct text bytes, const char *name, struct text *value)
{
    struct text rest = skip_mark(bytes), key;
    while (next_header(&rest, &key, value))
        if (text_eq_nocase(key, text_of(name)))
            return true;
    *value = (struct text){0};
    return false;
}

/* The value on one line: each line end with the blanks around it becomes one blank. */
static char *unfold(struct arena *a, struct text value)
{
    char *s = arena_alloc(a, value.len + 1), *to = s;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] != '\n' && value.ptr[i] != '\r') {
            *to++ = value.ptr[i];
            continue;
        }
        while (i + 1 < value.len && ascii_is_space(value.ptr[i + 1]))
            i++;
        while (to > s && ascii_is_space(to[-1]))
            to--;
        *to++ = ' ';
    }
    *to = 0;
    return s;
}

struct reader {
    struct arena *arena;
    struct metadata *out;
    struct strings extras, imports, dynamic, warnings;
    size_t requires; /* how many Requires-Dist were read so far */
    bool has_python;
    size_t before; /* what the arena had handed out */
};

static void warn(struct reader *r, const char *text)
{
    array_push(&r->warnings, arena_strdup(r->arena, text));
}

static int read_metadata_version(struct reader *r, struct text value, struct err *err)
{
    struct text minor_text = value, major_text;
    if (r->out->metadata_version)
        return 0; /* of a field that stands once, the first counts */
    if (!value.len) {
        warn(r, "the Metadata-Version is empty: read as 1.0");
        return read_metadata_version(r, T("1.0"), err);
    }
    r->out->metadata_version = unfold(r->arena, value);
    text_cut(&minor_text, '.', &major_text);
    if (!text_u64(major_text, &r->out->major) || !text_u64(minor_text, &r->out->minor))
        return err_set(err, ERR_INPUT, "Metadata-Version \"%.*s\" is no version of core metadata",
                       TEXT_ARG(text_first(value, 64)));
    if (r->out->major > NEWEST_MAJOR)
        return err_set(err, ERR_INPUT,
                       "Metadata-Version %.*s is newer than this program, which reads %d.x; use an older "
                       "version of the distribution or a newer one of this program",
                       TEXT_ARG(text_first(value, 64)), NEWEST_MAJOR);
    if (r->out->major == NEWEST_MAJOR && r->out->minor > NEWEST_MINOR)
        warn(r, arena_printf(r->arena,
                             "Metadata-Version %.*s is newer than %d.%d: fields new in it are not read",
                             TEXT_ARG(text_first(value, 64)), NEWEST_MAJOR, NEWEST_MINOR));
    return 0;
}

static int read_name(struct reader *r, struct text value, struct err *err)
{
    if (r->out->name)
        return 0;
    if (!name_is_valid(value))
        return err_set(err, ERR_INPUT, "Name \"%.*s\" is no name of a distribution",
                       TEXT_ARG(text_first(value, 255)));
    r->out->name = text_dup(r->arena, value);
    r->out->normalized = name_normalize(r->arena, value);
    return 0;
}

/* As pip: a Requires-Python that no reader understands asks for nothing, but it is said. */
static int read_requires_python(struct reader *r, struct text value, struct err *err)
{
    (void)err;
    struct err why cleanup_err = ERR_INIT;
    if (r->has_python)
        return 0;
    r->has_python = true;
    const char *text = unfold(r->arena, value);
    if (specifier_set_parse(r->arena, text_of(text), &r->out->requires_python, &why) < 0) {
        specifier_set_parse(r->arena, T(""), &r->out->requires_python, NULL);
        warn(r, arena_printf(r->arena, "Requires-Python is passed over: %s", why.text));
    }
    r->out->requires_python_text = text;
    return 0;
}

static int read_extra(struct reader *r, struct text value, struct err *err)
{
    (void)err;
    if (name_is_valid(value))
        array_push(&r->extras, name_normalize(r->arena, value));
    else
        warn(r, arena_printf(r->arena, "Provides-Extra \"%.*s\" is no name of an extra: passed over",
                             TEXT_ARG(text_first(value, 255))));
    return 0;
}

/* NAME(.NAME)*, letters beyond ASCII included. */
static bool is_dotted_name(struct text name)
{
    struct text piece;
    while (text_cut(&name, '.', &piece)) {
        if (piece.len == 0 || ascii_is_digit(piece.ptr[0]))
            return false;
        for (size_t i = 0; i < piece.len; i++)
            if (!ascii_is_alnum(piece.ptr[i]) && piece.ptr[i] != '_' && (unsigned char)piece.ptr[i] < 0x80)
                return false;
    }
    return true;
}

/* PEP 794: "NAME", "NAME ; private", or nothing where the distribution brings no import package. */
static int read_import(struct reader *r, struct text value, struct err *err)
{
    (void)err;
    struct text name = text_trim(text_first(value, text_find(value, ';')));
    if (value.len == 0)
        return 0;
    if (is_dotted_name(name))
        array_push(&r->imports, text_dup(r->arena, name));
    else
        warn(r, arena_printf(r->arena, "Import-Name \"%.*s\" is no name of a module: passed over",
                             TEXT_ARG(text_first(value, 255))));
    return 0;
}

static int read_dynamic(struct reader *r, struct text value, struct err *err)
{
    (void)err;
    char *field = text_dup(r->arena, value);
    for (char *c = field; *c; c++)
        *c = ascii_lower(*c);
    if (*field)
        array_push(&r->dynamic, field);
    return 0;
}

static int read_requirement(struct reader *r, struct text value, struct err *err)
{
    struct requirement *place = &r->out->requires_dist[r->requires];
    if (requirement_parse(r->arena, text_of(unfold(r->arena, value)), place, err) < 0)
        return err_wrap(err, "Requires-Dist");
    r->requires ++;
    return 0;
}

static int read_version(struct reader *r, struct text value, struct err *err)
{
    if (r->out->version.text)
        return 0;
    return version_parse(r->arena, value, &r->out->version, err) < 0 ? err_wrap(err, "Version") : 0;
}

static int read_summary(struct reader *r, struct text value, struct err *err)
{
    (void)err;
    if (!r->out->summary && value.len && !text_is(value, "UNKNOWN")) /* what distutils wrote for none */
        r->out->summary = unfold(r->arena, value);
    return 0;
}

static const struct {
    const char *name;
    int (*read)(struct reader *r, struct text value, struct err *err);
} headers[] = {
    {"Metadata-Version", read_metadata_version},
    {"Name", read_name},
    {"Version", read_version},
    {"Requires-Dist", read_requirement},
    {"Requires-Python", read_requires_python},
    {"Provides-Extra", read_extra},
    {"Import-Name", read_import},
    {"Dynamic", read_dynamic},
    {"Summary", read_summary},
};

/* What stands in headers that are not read is nobody's business: old ones are in any encoding. */
static int read_header(struct reader *r, struct text name, struct text value, struct err *err)
{
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        if (!text_eq_nocase(name, text_of(headers[i].name)))
            continue;
        if (text_find(value, 0) < value.len)
            return err_set(err, ERR_INPUT, "the header %s has a NUL byte in it", headers[i].name);
        if (!decode_is_utf8(value))
            return err_set(err, ERR_INPUT, "the header %s has bytes in it that are no UTF-8",
                           headers[i].name);
        return headers[i].read(r, value, err);
    }
    return 0;
}

/* What is hostile takes many times the room of its text when it is parsed, and time by the square of it. */
static int check_size(const struct reader *r, struct err *err)
{
    size_t most = r->out->requires_count;
    if (r->extras.count > most)
        most = r->extras.count;
    if (r->imports.count > most)
        most = r->imports.count;
    if (r->dynamic.count > most)
        most = r->dynamic.count;
    if (most > COUNT_LIMIT)
        return err_set(
            err, ERR_INPUT,
            "the metadata has more than %d requirements, extras, import names or dynamic fields, which is "
            "more than can be right",
            COUNT_LIMIT);
    if (r->arena->used - r->before > MEMORY_LIMIT)
        return err_set(err, ERR_INPUT,
                       "the metadata takes more than %s of memory, which is more than can be right",
                       text_size(MEMORY_LIMIT).s);
    return 0;
}

static int read_headers(struct reader *r, struct text bytes, struct err *err)
{
    struct text rest = bytes, name, value;
    while (next_header(&rest, &name, &value))
        r->out->requires_count += text_eq_nocase(name, T("Requires-Dist"));
    if (check_size(r, err) < 0)
        return -1;
    r->out->requires_dist = arena_array(r->arena, r->out->requires_count, sizeof *r->out->requires_dist);

    for (rest = bytes; next_header(&rest, &name, &value);)
        if (read_header(r, name, value, err) < 0 || check_size(r, err) < 0)
            return -1;
    if (!r->out->name)
        return err_set(err, ERR_INPUT, "the metadata has no Name");
    if (!r->out->version.text)
        return err_set(err, ERR_INPUT, "the metadata of %s has no Version", r->out->name);
    if (!r->out->metadata_version) {
        warn(r, "the metadata has no Metadata-Version: read as 1.0");
        return read_metadata_version(r, T("1.0"), err);
    }
    return 0;
}

static char **keep(struct arena *a, const struct strings *list, size_t *count)
{
    char **kept = arena_array(a, list->count, sizeof *kept);
    if (list->count)
        memcpy(kept, list->items, list->count * sizeof *kept);
    *count = list->count;
    return kept;
}

int metadata_parse(struct arena *a, struct text bytes, struct metadata *out, struct err *err)
{
    struct reader r = {.arena = a, .out = out, .before = a->used};
    *out = (struct metadata){0};
    specifier_set_parse(a, T(""), &out->requires_python, NULL);
    int result = read_headers(&r, skip_mark(bytes), err);
    out->provides_extra = keep(a, &r.extras, &out->extra_count);
    out->import_names = keep(a, &r.imports, &out->import_count);
    out->dynamic = keep(a, &r.dynamic, &out->dynamic_count);
    out->warnings = keep(a, &r.warnings, &out->warning_count);
    array_free(&r.extras);
    array_free(&r.imports);
    array_free(&r.dynamic);
    array_free(&r.warnings);
    return result;
}

bool metadata_is_dynamic(const struct metadata *m, const char *field)
{
    for (size_t i = 0; i < m->dynamic_count; i++)
        if (strcmp(m->dynamic[i], field) == 0)
            return true;
    return false;
}

int wheel_file_parse(struct arena *a, struct text bytes, struct wheel_file *out, struct err *err)
{
    struct text version, purelib, piece, rest;
    unsigned long long number, major = 0;
    if (!headers_get(bytes, "Wheel-Version", &version))
        return err_set(err, ERR_INPUT, "WHEEL has no Wheel-Version");
    rest = version;
    for (size_t i = 0; text_cut(&rest, '.', &piece); i++) {
        if (!text_u64(piece, &number))
            return err_set(err, ERR_INPUT, "Wheel-Version \"%.*s\" is no version",
                           TEXT_ARG(text_first(version, 64)));
        if (i == 0)
            major = number;
    }
    if (major > NEWEST_WHEEL_MAJOR)
        return err_set(err, ERR_INPUT,
                       "Wheel-Version %.*s is newer than this program, which installs %d.x; use an older "
                       "version of the distribution or a newer one of this program",
                       TEXT_ARG(text_first(version, 64)), NEWEST_WHEEL_MAJOR);
    out->wheel_version = text_dup(a, version);
    out->root_is_purelib =
        headers_get(bytes, "Root-Is-Purelib", &purelib) && text_eq_nocase(purelib, T("true"));
    return 0;
}
