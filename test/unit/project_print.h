/* SPDX-License-Identifier: Apache-2.0 */
/* A project as text, as test/data/projects has it; its folder is written as FOLDER. */
#pragma once
#include "dev/project.h"

static inline void print_field(struct buf *to, const char *name, const char *value)
{
    if (value)
        buf_printf(to, "%s: %s\n", name, value);
}

static inline void print_list(struct buf *to, const char *name, const struct strings *list)
{
    array_each (list, item)
        print_field(to, name, *item);
}

static inline void print_block(struct buf *to, const char *name, struct text text)
{
    struct text line;
    buf_printf(to, "%s:%s\n", name, text.len ? "" : " none");
    while (text_line(&text, &line)) {
        buf_str(to, line.len ? "    " : "");
        buf_text(to, line);
        buf_char(to, '\n');
    }
}

static inline void print_layout(struct buf *to, const struct project_layout *layout)
{
    array_each (&layout->parts, part)
        buf_printf(to, "part: %s is %s\n", part->path, part->place);
    if (layout->search)
        buf_printf(to, "search: %s\n", layout->regular_only ? "regular packages" : "all");
    print_list(to, "where", &layout->where);
    print_list(to, "include", &layout->include);
    print_list(to, "exclude", &layout->exclude);
    print_field(to, "only", layout->only);
    print_list(to, "top_level", &layout->top_level);
}

static inline void print_looked_at(struct buf *to, const struct project *p)
{
    array_each (&p->files, file)
        buf_printf(to, "reads: %s%s\n", file->path,
                   strcmp(file->fact, "-") == 0 ? ", which is not there" : "");
    print_list(to, "looks in", &p->folders);
}

/* With the folder's own path taken out. */
static inline void print_project(struct buf *to, const struct project *p)
{
    struct buf all cleanup_buf = BUF_INIT;
    size_t folder = strlen(p->folder);
    print_field(&all, "error", p->error.text);
    if (!p->error.text) {
        print_field(&all, "name", p->name);
        print_field(&all, "backend", p->backend);
        print_field(&all, "why_not", p->why_not);
        print_field(&all, "egg_info", p->egg_info);
        print_field(&all, "plux", p->plux ? "yes" : NULL);
        print_block(&all, "METADATA", p->metadata);
        print_block(&all, "entry_points.txt", p->entry_points);
        print_layout(&all, &p->layout);
    }
    print_list(&all, "warning", &p->warnings);
    print_looked_at(&all, p);
    for (struct text rest = buf_view(&all); rest.len;) {
        bool is_folder = text_starts(rest, (struct text){p->folder, folder});
        buf_text(to, is_folder ? T("FOLDER") : text_first(rest, 1));
        rest = text_from(rest, is_folder ? folder : 1);
    }
}
