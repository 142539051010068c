/* SPDX-License-Identifier: Apache-2.0 */
#include "python/wheel_name.h"

#include "python/name.h"

enum { LONGEST_FILE = 1000, MOST_PARTS = 6 };

static int bad(struct text file, struct err *err, const char *what)
{
    return err_set(err, ERR_INPUT, "\"%.*s\" is no name of a wheel: %s", TEXT_ARG(text_first(file, 255)),
                   what);
}

/* One of the three parts of a tag: names between dots, none of them empty. */
static bool is_tag_part(struct text part, bool identifiers)
{
    struct text piece;
    while (text_cut(&part, '.', &piece)) {
        if (piece.len == 0 || (identifiers && ascii_is_digit(piece.ptr[0])))
            return false;
        for (size_t i = 0; i < piece.len; i++)
            if (!ascii_is_alnum(piece.ptr[i]) && piece.ptr[i] != '_' &&
                (identifiers || (unsigned char)piece.ptr[i] <= ' ' || piece.ptr[i] == 0x7f ||
                 piece.ptr[i] == '/'))
                return false;
    }
    return true;
}

static int read_build(struct arena *a, struct text file, struct text part, struct wheel_name *out,
                      struct err *err)
{
    size_t digits = 0;
    while (digits < part.len && ascii_is_digit(part.ptr[digits]))
        digits++;
    if (digits == 0)
        return bad(file, err, "its build tag does not begin with a digit");
    if (!text_u64(text_first(part, digits), &out->build))
        return bad(file, err, "the number of its build tag is too large");
    out->build_rest = text_dup(a, text_from(part, digits));
    out->has_build = true;
    return 0;
}

static bool has_double_underscore(struct text name)
{
    for (size_t i = 1; i < name.len; i++)
        if (name.ptr[i] == '_' && name.ptr[i - 1] == '_')
            return true;
    return false;
}

int wheel_name_parse(struct arena *a, struct text file, struct wheel_name *out, struct err *err)
{
    *out = (struct wheel_name){.build_rest = ""};
    if (file.len > LONGEST_FILE)
        return bad(file, err, "it is too long");
    if (!text_ends(file, T(".whl")))
        return bad(file, err, "it does not end in .whl");
    struct text parts[MOST_PARTS], rest = text_first(file, file.len - strlen(".whl"));
    size_t n = 0;
    while (n < MOST_PARTS && text_cut(&rest, '-', &parts[n]))
        n++;
    if (n < MOST_PARTS - 1 || rest.ptr)
        return bad(file, err, "NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl is expected");

    if (!name_is_valid(parts[0]) || has_double_underscore(parts[0]))
        return bad(file, err, "its first part is no name of a project");
    struct err why cleanup_err = ERR_INIT;
    if (version_parse(a, parts[1], &out->version, &why) < 0)
        return bad(file, err, "its second part is no version");
    if (n == MOST_PARTS && read_build(a, file, parts[2], out, err) < 0)
        return -1;
    const struct text *tags = &parts[n - 3];
    if (!is_tag_part(tags[0], true) || !is_tag_part(tags[1], false) || !is_tag_part(tags[2], false))
        return bad(file, err, "its last three parts are no compatibility tag");
    out->name = name_normalize(a, parts[0]);
    out->tags = text_dup(a, (struct text){tags[0].ptr, tags[0].len + tags[1].len + tags[2].len + 2});
    return 0;
}

int wheel_build_cmp(const struct wheel_name *a, const struct wheel_name *b)
{
    if (a->has_build != b->has_build)
        return a->has_build ? 1 : -1;
    if (a->build != b->build)
        return a->build > b->build ? 1 : -1;
    return strcmp(a->build_rest, b->build_rest);
}

static bool is_separator(char c)
{
    return c == '-' || c == '_' || c == '.';
}

/* The length of what in `stem` normalises to the project's name, when a "-" follows; else 0. */
static size_t project_length(struct text stem, struct text project)
{
    size_t i = 0, j = 0;
    while (j < project.len && i < stem.len) {
        if (project.ptr[j] == '-') {
            if (!is_separator(stem.ptr[i]))
                return 0;
            while (i < stem.len && is_separator(stem.ptr[i]))
                i++;
        } else if (ascii_lower(stem.ptr[i++]) != project.ptr[j]) {
            return 0;
        }
        j++;
    }
    return j == project.len && i < stem.len && stem.ptr[i] == '-' ? i : 0;
}

/* The file's name less what says its form; empty where that is none that pip unpacks. */
static struct text sdist_stem(struct text file, bool any_case)
{
    static const char *const extensions[] = {".tar.gz", ".zip", ".tgz", ".tar",    ".tar.bz2", ".tbz",
                                             ".tar.xz", ".txz", ".tlz", ".tar.lz", ".tar.lzma"};
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions && file.len <= LONGEST_FILE; i++) {
        struct text end = text_of(extensions[i]);
        if (any_case ? file.len > end.len && text_eq_nocase(text_from(file, file.len - end.len), end)
                     : text_ends(file, end))
            return text_first(file, file.len - end.len);
    }
    return (struct text){0};
}

bool sdist_name_parse(struct arena *a, struct text file, const char *project, struct version *out)
{
    struct text stem = sdist_stem(file, false);
    size_t name = project_length(stem, text_of(project));
    return name > 0 && version_parse(a, text_from(stem, name + 1), out, NULL) == 0;
}

const char *sdist_name_project(struct arena *a, struct text file)
{
    struct version version;
    struct text stem = sdist_stem(file, true);
    size_t dash = stem.len;
    while (dash && stem.ptr[dash - 1] != '-')
        dash--;
    if (dash && name_is_valid(text_first(stem, dash - 1)) &&
        version_parse(a, text_from(stem, dash), &version, NULL) == 0)
        return name_normalize(a, text_first(stem, dash - 1));
    for (size_t i = 1; i + 1 < stem.len; i++)
        if (stem.ptr[i] == '-' && ascii_is_digit(stem.ptr[i + 1]) && name_is_valid(text_first(stem, i)))
            return name_normalize(a, text_first(stem, i));
    return NULL;
}

bool sdist_name_is_archive(struct text file)
{
    return sdist_stem(file, true).len > 0;
}
