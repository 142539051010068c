/* SPDX-License-Identifier: Apache-2.0 */
#include "dev/project_private.h"

#include "base/fs.h"

#include <stdint.h>

/* ---- values, each of the type that it has to have */

/* A text or null. */
static bool take_text(struct arena *a, const json_t *json, const char **to)
{
    *to = json_is_string(json) ? arena_strdup(a, json_string_value(json)) : NULL;
    return *to || json_is_null(json);
}

static bool take_flag(const json_t *json, bool *to)
{
    *to = json_is_true(json);
    return json_is_boolean(json);
}

static bool take_strings(struct arena *a, const json_t *json, struct strings *to)
{
    size_t i;
    const json_t *item;
    if (!json_is_array(json))
        return false;
    json_array_foreach(json, i, item)
    {
        if (!json_is_string(item))
            return false;
        array_push(to, arena_strdup(a, json_string_value(item)));
    }
    return true;
}

static unsigned take_line(const json_t *json)
{
    json_int_t line = json_integer_value(json);
    return line > 0 && line < INT32_MAX ? (unsigned)line : 0;
}

static bool take_requirements(struct arena *a, const json_t *json, struct project_requirements *to)
{
    size_t i;
    const json_t *item;
    if (!json_is_array(json))
        return false;
    json_array_foreach(json, i, item)
    {
        struct project_requirement one = {0};
        if (!take_text(a, json_array_get(item, 0), &one.text) ||
            !take_text(a, json_array_get(item, 1), &one.file) || !one.text || !one.file)
            return false;
        one.line = take_line(json_array_get(item, 2));
        array_push(to, one);
    }
    return true;
}

/* ---- its parts */

static bool take_extras(struct arena *a, json_t *json, struct project_answer *to)
{
    const char *extra;
    json_t *rows;
    if (!json_is_object(json))
        return false;
    json_object_foreach(json, extra, rows)
    {
        array_push(&to->extras, arena_strdup(a, extra));
        if (!take_requirements(a, rows, &to->requires))
            return false;
    }
    return true;
}

static bool take_points(struct arena *a, json_t *json, struct project_answer *to)
{
    const char *group, *name;
    json_t *names, *value;
    if (!json_is_object(json))
        return false;
    json_object_foreach(json, group, names)
    {
        if (!json_is_object(names))
            return false;
        json_object_foreach(names, name, value)
        {
            struct project_point point = {arena_strdup(a, group), arena_strdup(a, name), NULL};
            if (!take_text(a, value, &point.value) || !point.value)
                return false;
            array_push(&to->points, point);
        }
    }
    return true;
}

static bool take_unknown(struct arena *a, json_t *json, struct project_answer *to)
{
    const char *field;
    json_t *value;
    if (!json_is_object(json))
        return false;
    json_object_foreach(json, field, value)
    {
        struct project_unknown one = {arena_strdup(a, field), NULL};
        if (!take_text(a, value, &one.why) || !one.why)
            return false;
        array_push(&to->unknown, one);
    }
    return true;
}

static bool take_layout(struct arena *a, const json_t *json, struct project_layout *to)
{
    size_t i;
    const json_t *item, *parts = json_object_get(json, "parts");
    json_array_foreach(parts, i, item)
    {
        struct project_part part = {0};
        if (!take_text(a, json_array_get(item, 0), &part.path) ||
            !take_text(a, json_array_get(item, 1), &part.place) || !part.path || !part.place)
            return false;
        array_push(&to->parts, part);
    }
    return json_is_array(parts) && take_flag(json_object_get(json, "search"), &to->search) &&
           take_flag(json_object_get(json, "regular_only"), &to->regular_only) &&
           take_strings(a, json_object_get(json, "where"), &to->where) &&
           take_strings(a, json_object_get(json, "include"), &to->include) &&
           take_strings(a, json_object_get(json, "exclude"), &to->exclude) &&
           take_text(a, json_object_get(json, "only"), &to->only);
}

static bool take_looked_at(struct arena *a, const json_t *json, struct project *p)
{
    size_t i;
    const char *path;
    json_t *files = json_object_get(json, "files"), *folders = json_object_get(json, "folders"), *value;
    if (!json_is_object(files) || !json_is_array(folders))
        return false;
    json_object_foreach(files, path, value)
    {
        struct project_file file = {path_join(a, p->folder, path), NULL};
        if (!take_text(a, value, &file.fact) || !file.fact)
            return false;
        array_push(&p->files, file);
    }
    json_array_foreach(folders, i, value)
    {
        if (!json_is_string(value))
            return false;
        array_push(&p->folders, path_join(a, p->folder, json_string_value(value)));
    }
    return true;
}

static void take_error(const json_t *json, const char *text, struct project *p)
{
    const char *file = json_string_value(json_object_get(json, "file"));
    const char *quote = json_string_value(json_object_get(json, "quote"));
    unsigned line = take_line(json_object_get(json, "line"));
    struct buf place cleanup_buf = BUF_INIT;
    buf_str(&place, p->folder);
    if (file && *file)
        buf_printf(&place, "/%s", file);
    if (line)
        buf_printf(&place, " line %u", line);
    if (quote && *quote)
        buf_printf(&place, " (%s)", quote);
    err_set(&p->error, ERR_INPUT, "%s: %s; " PROJECT_CORRECT, buf_cstr(&place), text);
}

static bool take_version(struct arena *a, const json_t *json, struct project_answer *to)
{
    const json_t *at = json_object_get(json, "version_at");
    to->version_line = take_line(json_array_get(at, 1));
    return take_text(a, json_object_get(json, "version"), &to->version) &&
           take_text(a, json_array_get(at, 0), &to->version_file) && to->version_file;
}

bool project_answer_take(struct arena *a, const json_t *json, struct project *p,
                         struct project_answer *answer)
{
    const char *error = json_string_value(json_object_get(json, "error"));
    if (!take_looked_at(a, json, p))
        return false;
    if (error) {
        take_error(json, error, p);
        return true;
    }
    return take_text(a, json_object_get(json, "name"), &p->given) &&
           take_text(a, json_object_get(json, "backend"), &p->backend) &&
           take_flag(json_object_get(json, "plux"), &p->plux) &&
           take_strings(a, json_object_get(json, "plux_include"), &p->plux_include) &&
           take_strings(a, json_object_get(json, "plux_exclude"), &p->plux_exclude) &&
           take_strings(a, json_object_get(json, "warnings"), &p->warnings) &&
           take_layout(a, json_object_get(json, "layout"), &p->layout) && take_version(a, json, answer) &&
           take_text(a, json_object_get(json, "summary"), &answer->summary) &&
           take_text(a, json_object_get(json, "requires_python"), &answer->requires_python) &&
           take_requirements(a, json_object_get(json, "requires"), &answer->requires) &&
           take_extras(a, json_object_get(json, "extras"), answer) &&
           take_points(a, json_object_get(json, "entry_points"), answer) &&
           take_unknown(a, json_object_get(json, "unknown"), answer);
}

const char *project_answer_unknown(const struct project_answer *answer, const char *field)
{
    array_each (&answer->unknown, one)
        if (strcmp(one->field, field) == 0)
            return one->why;
    return NULL;
}

void project_answer_free(struct project_answer *answer)
{
    array_free(&answer->requires);
    strings_free(&answer->extras);
    array_free(&answer->points);
    array_free(&answer->unknown);
}
