/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"
#include "reconcile/output.h"
#include "reconcile/report.h"

enum { MOST_COLUMNS = 16, WIDEST = 48 };

/* One line of text, whatever the value is. */
static void add_cell(struct buf *to, const json_t *value)
{
    size_t start = to->len;
    if (json_is_string(value))
        log_escape(to, text_of(json_string_value(value)));
    else if (json_is_integer(value))
        buf_printf(to, "%lld", (long long)json_integer_value(value));
    else
        buf_str(to, json_is_true(value) ? "yes" : json_is_false(value) ? "no" : "-");
    for (size_t i = start; i < to->len; i++)
        if (to->ptr[i] == '\n')
            to->ptr[i] = ' ';
}

static void pad(struct buf *to, size_t start, size_t width)
{
    while (to->len - start < width + 2)
        buf_char(to, ' ');
}

static void add_object(struct buf *to, json_t *object)
{
    const char *key;
    json_t *value;
    size_t width = 0;
    json_object_foreach(object, key, value) width = strlen(key) > width ? strlen(key) : width;
    json_object_foreach(object, key, value)
    {
        size_t start = to->len;
        buf_printf(to, "  %s", key);
        pad(to, start, width + 2);
        add_cell(to, value);
        buf_char(to, '\n');
    }
}

/* The widths of the columns, but for the last, which needs none. */
static size_t measure(json_t *rows, size_t widths[MOST_COLUMNS])
{
    size_t i, columns = 0;
    json_t *row, *value;
    const char *key;
    json_array_foreach(rows, i, row)
    {
        columns = 0;
        json_object_foreach(row, key, value)
        {
            struct buf cell cleanup_buf = BUF_INIT;
            add_cell(&cell, value);
            size_t wide = cell.len > strlen(key) ? cell.len : strlen(key);
            wide = wide < WIDEST ? wide : WIDEST;
            if (columns == MOST_COLUMNS)
                break;
            widths[columns] = wide > widths[columns] ? wide : widths[columns];
            columns++;
        }
    }
    if (columns)
        widths[columns - 1] = 0;
    return columns;
}

static void add_row(struct buf *to, json_t *row, bool header, const size_t widths[MOST_COLUMNS],
                    size_t columns)
{
    const char *key;
    json_t *value;
    size_t column = 0;
    buf_str(to, "  ");
    json_object_foreach(row, key, value)
    {
        size_t start = to->len;
        if (header)
            buf_str(to, key);
        else
            add_cell(to, value);
        if (++column == columns)
            break;
        pad(to, start, widths[column - 1]);
        if (to->len - start > widths[column - 1] + 2)
            buf_str(to, "  ");
    }
    buf_char(to, '\n');
}

static void add_list(struct buf *to, json_t *list)
{
    size_t widths[MOST_COLUMNS] = {0}, columns = measure(list, widths), i;
    json_t *item;
    if (!json_array_size(list))
        buf_str(to, "  none\n");
    json_array_foreach(list, i, item)
    {
        if (!json_is_object(item)) {
            buf_str(to, "  - ");
            add_cell(to, item);
            buf_char(to, '\n');
            continue;
        }
        if (i == 0)
            add_row(to, item, true, widths, columns);
        add_row(to, item, false, widths, columns);
    }
}

static void add_section(struct buf *to, const char *key, json_t *value)
{
    bool whole = json_is_object(value) || json_is_array(value);
    for (const char *c = key; *c; c++)
        buf_char(to, *c == '-' ? ' ' : *c);
    if (strcmp(key, "syncs") == 0)
        buf_str(to, " (the newest last; a boot that finds nothing changed leaves no line)");
    buf_str(to, whole ? "\n" : ": ");
    if (json_is_object(value))
        add_object(to, value);
    else if (json_is_array(value))
        add_list(to, value);
    else
        add_cell(to, value);
    buf_str(to, whole ? "\n" : "\n\n");
}

int command_doctor(struct session *s, struct err *err)
{
    struct report report cleanup_report = {0};
    struct buf text cleanup_buf = BUF_INIT;
    const char *key;
    json_t *value;
    doctor_examine(&report, s, s->settings_fault);
    int status = json_array_size(report.problems) ? 1 : 0;
    if (s->options->json)
        return output_json(json_incref(report.root), err) < 0 ? -1 : status;
    json_object_foreach(report.root, key, value) add_section(&text, key, value);
    text.len--; /* the blank line behind the last section */
    return output_text(&text, err) < 0 ? -1 : status;
}
