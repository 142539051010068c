/* SPDX-License-Identifier: Apache-2.0 */
#include "dev/project_private.h"

#include "base/fs.h"
#include "python/name.h"

#define VERSION_UNKNOWN "0+unknown"

/* What is put together for one project, out of its files and its egg-info. */
struct maker {
    struct arena *arena;
    struct project *project;
    const struct project_answer *answer;
    const struct project_egg_info *egg;
    const struct metadata *info; /* the egg-info's, NULL for none */
};

/* Whether the egg-info has to tell a field. */
static bool asks_egg_info(const struct maker *m, const char *field)
{
    return m->info && project_answer_unknown(m->answer, field);
}

static bool stays_unknown(const struct maker *m, const char *field)
{
    return !m->info && project_answer_unknown(m->answer, field);
}

/* ---- METADATA */

/* Headers are lines: what breaks one is a blank in it. */
static void add_header(struct buf *to, const char *name, const char *value)
{
    buf_printf(to, "%s: ", name);
    for (const char *c = value; *c; c++)
        buf_char(to, (unsigned char)*c < ' ' || *c == 0x7f ? ' ' : *c);
    buf_char(to, '\n');
}

/* FOLDER/FILE line N, or as much of it as is known. */
static const char *place_of(const struct maker *m, const char *file, unsigned line)
{
    const char *path = *file ? path_join(m->arena, m->project->folder, file) : m->project->folder;
    return line ? arena_printf(m->arena, "%s line %u", path, line) : path;
}

static int add_own_requirements(const struct maker *m, bool of_extras, struct buf *to)
{
    array_each (&m->answer->requires, r) {
        struct err err cleanup_err = ERR_INIT;
        struct requirement parsed;
        if (requirement_parse(m->arena, text_of(r->text), &parsed, &err) < 0)
            return err_set(&m->project->error, ERR_INPUT, "%s: %s; " PROJECT_CORRECT,
                           place_of(m, r->file, r->line), err.text);
        if (marker_uses_extra(parsed.marker) == of_extras)
            add_header(to, "Requires-Dist", r->text);
    }
    return 0;
}

static void add_egg_requirements(const struct maker *m, bool of_extras, struct buf *to)
{
    for (size_t i = 0; i < m->info->requires_count; i++)
        if (marker_uses_extra(m->info->requires_dist[i].marker) == of_extras)
            add_header(to, "Requires-Dist", m->info->requires_dist[i].text);
}

static int add_requirements(const struct maker *m, bool of_extras, struct buf *to)
{
    if (!asks_egg_info(m, of_extras ? "optional-dependencies" : "dependencies"))
        return add_own_requirements(m, of_extras, to);
    add_egg_requirements(m, of_extras, to);
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_extras(const struct maker *m, struct buf *to)
{
    struct strings all cleanup_strings = {0};
    if (asks_egg_info(m, "optional-dependencies"))
        for (size_t i = 0; i < m->info->extra_count; i++)
            array_push(&all, m->info->provides_extra[i]);
    else
        array_each (&m->answer->extras, extra)
            array_push(&all, *extra);
    if (all.count)
        qsort(all.items, all.count, sizeof *all.items, by_text);
    for (size_t i = 0; i < all.count; i++) {
        if (!name_is_valid(text_of(all.items[i])))
            return err_set(&m->project->error, ERR_INPUT,
                           "%s: \"%s\" is no name of an extra: letters, digits and - are; " PROJECT_CORRECT,
                           m->project->folder, all.items[i]);
        if (i == 0 || strcmp(all.items[i], all.items[i - 1]) != 0)
            add_header(to, "Provides-Extra", all.items[i]);
    }
    return 0;
}

/* The version as PEP 440 writes it. */
static int find_version(const struct maker *m, const char **out)
{
    struct err err cleanup_err = ERR_INIT;
    struct version version;
    *out = VERSION_UNKNOWN;
    if (asks_egg_info(m, "version"))
        *out = m->info->version.text;
    if (project_answer_unknown(m->answer, "version"))
        return 0;
    if (!m->answer->version || version_parse(m->arena, text_of(m->answer->version), &version, &err) < 0)
        return err_set(
            &m->project->error, ERR_INPUT, "%s: its version is not valid: %s; " PROJECT_CORRECT,
            place_of(m, m->answer->version ? m->answer->version_file : "", m->answer->version_line),
            m->answer->version ? err.text : "there is none");
    *out = version.text;
    return 0;
}

static int find_name(const struct maker *m)
{
    struct project *p = m->project;
    if (!p->given && m->info)
        p->given = m->info->name;
    if (!p->given)
        return 0;
    if (!name_is_valid(text_of(p->given)))
        return err_set(&p->error, ERR_INPUT,
                       "%s: \"%s\" is no name of a project: letters, digits, and between them . - _ "
                       "are; " PROJECT_CORRECT,
                       p->folder, p->given);
    p->name = name_normalize(m->arena, text_of(p->given));
    return 0;
}

static int make_metadata(const struct maker *m)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    const char *version, *python = m->answer->requires_python, *summary = m->answer->summary;
    if (find_name(m) < 0 || find_version(m, &version) < 0)
        return -1;
    if (asks_egg_info(m, "requires-python"))
        python = m->info->requires_python_text;
    if (!summary && m->info)
        summary = m->info->summary;
    buf_str(&bytes, "Metadata-Version: 2.1\n");
    add_header(&bytes, "Name", m->project->given ? m->project->given : "");
    add_header(&bytes, "Version", version);
    if (summary && *summary)
        add_header(&bytes, "Summary", arena_strndup(m->arena, summary, strcspn(summary, "\r\n")));
    if (python && *python)
        add_header(&bytes, "Requires-Python", python);
    if (add_extras(m, &bytes) < 0 || add_requirements(m, false, &bytes) < 0 ||
        add_requirements(m, true, &bytes) < 0)
        return -1;
    if (m->project->given && !stays_unknown(m, "dependencies") &&
        !stays_unknown(m, "optional-dependencies") && !stays_unknown(m, "requires-python"))
        m->project->metadata = text_of(text_dup(m->arena, buf_view(&bytes)));
    return 0;
}

/* ---- entry_points.txt */

static int by_group_and_name(const void *a, const void *b)
{
    const struct project_point *x = a, *y = b;
    int order = strcmp(x->group, y->group);
    return order ? order : strcmp(x->name, y->name);
}

static bool has_control(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return true;
    return false;
}

/* As a section of its own it has to be what every reader takes it for. */
static int check_point(const struct maker *m, const struct project_point *point)
{
    struct err err cleanup_err = ERR_INIT;
    struct entry_points parsed = {0};
    const char *text = arena_printf(m->arena, "[%s]\n%s = %s\n", point->group, point->name, point->value);
    if (!has_control(point->group) && !has_control(point->name) && !has_control(point->value) &&
        entry_points_parse(m->arena, text_of(text), &parsed, &err) == 0 && parsed.count == 1 &&
        strcmp(parsed.items[0].group, point->group) == 0 && strcmp(parsed.items[0].name, point->name) == 0)
        return 0;
    return err_set(&m->project->error, ERR_INPUT,
                   "%s: the entry point %s = %s of the group %s is not of the form NAME = "
                   "MODULE:ATTRIBUTE; " PROJECT_CORRECT,
                   m->project->folder, point->name, point->value, point->group);
}

static bool is_own(const struct maker *m, const char *group, const char *name)
{
    array_each (&m->answer->points, point)
        if (strcmp(point->group, group) == 0 && strcmp(point->name, name) == 0)
            return true;
    return false;
}

static int make_entry_points(const struct maker *m)
{
    struct project_points all = {0};
    struct buf bytes cleanup_buf = BUF_INIT;
    int result = 0;
    array_each (&m->answer->points, point) {
        array_push(&all, *point);
        if ((result = check_point(m, point)) < 0)
            break;
    }
    for (size_t i = 0; i < m->egg->points.count; i++) {
        const struct entry_point *e = &m->egg->points.items[i];
        const char *value =
            e->attribute[0] ? arena_concat(m->arena, e->module, ":", e->attribute) : e->module;
        if (!is_own(m, e->group, e->name))
            array_push(&all, (struct project_point){e->group, e->name, value});
    }
    if (all.count)
        qsort(all.items, all.count, sizeof *all.items, by_group_and_name);
    for (size_t i = 0; i < all.count; i++) {
        if (i == 0 || strcmp(all.items[i].group, all.items[i - 1].group) != 0)
            buf_printf(&bytes, "%s[%s]\n", i ? "\n" : "", all.items[i].group);
        buf_printf(&bytes, "%s = %s\n", all.items[i].name, all.items[i].value);
    }
    array_free(&all);
    m->project->entry_points = text_of(text_dup(m->arena, buf_view(&bytes)));
    return result;
}

/* ---- what only a build can tell */

/* One reason is enough for a sentence: that of the field that matters most. */
static void explain(const struct maker *m)
{
    static const char *const fields[] = {
        "name",         "dependencies", "optional-dependencies", "requires-python", "version",
        "entry-points", "packages"};
    for (size_t i = 0; i < sizeof fields / sizeof *fields && !m->info && !m->project->why_not; i++)
        m->project->why_not = project_answer_unknown(m->answer, fields[i]);
}

void project_metadata_make(struct arena *a, struct project *p, const struct project_answer *answer,
                           const struct project_egg_info *egg)
{
    const struct maker m = {a, p, answer, egg, egg->path ? &egg->metadata : NULL};
    if (make_metadata(&m) < 0 || make_entry_points(&m) < 0)
        p->metadata = p->entry_points = (struct text){0};
    else
        explain(&m);
}
