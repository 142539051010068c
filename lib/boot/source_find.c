/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"
#include "boot/fact.h"
#include "boot/sources_private.h"
#include "boot/state.h"
#include "config/setting.h"

#include <errno.h>

enum { LARGEST_PROJECT_FILE = 4 << 20, MOST_CHILDREN = 1000 };

struct finder {
    struct arena *a;
    const struct boot_paths *paths;
    const struct places *ours;
    struct founds *out;
    struct strings *warnings;
    const char *setting; /* who names the folder; NULL: it stands in the folder of sources */
};

/* ---- what makes a project */

/* What a table's header (or a key outside of all tables) is called, up to its second dot. */
static bool is_project_table(struct text name)
{
    static const char *const tables[] = {"project", "build-system", "tool.poetry", "tool.flit"};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        struct text table = text_of(tables[i]), rest = text_from(name, table.len);
        if (text_starts(name, table) && (rest.len == 0 || strchr(".=] \t", rest.ptr[0])))
            return true;
    }
    return false;
}

/* Many a repository has one in which its tools alone are configured. */
static bool pyproject_has_project(struct text bytes)
{
    struct text line;
    bool in_table = false;
    while (text_line(&bytes, &line)) {
        line = text_trim(line);
        bool header = text_starts(line, T("["));
        in_table |= header;
        if ((header || !in_table) && is_project_table(header ? text_trim(text_from(line, 1)) : line))
            return true;
    }
    return false;
}

static bool setup_cfg_has_project(struct text bytes)
{
    struct text line;
    while (text_line(&bytes, &line))
        if (text_starts(line, T("[metadata]")) || text_starts(line, T("[options]")) ||
            text_starts(line, T("[options.")))
            return true;
    return false;
}

/* One that cannot be read counts: whoever reads it next says why. */
static bool says(struct finder *f, const char *folder, const char *name, bool (*has_project)(struct text))
{
    struct buf bytes cleanup_buf = BUF_INIT;
    int sysno = fact_read(path_join(f->a, folder, name), LARGEST_PROJECT_FILE, &bytes);
    return sysno || has_project(buf_view(&bytes));
}

static bool has_egg_info(const struct strings *names)
{
    array_each (names, name)
        if (text_ends(text_of(*name), T(".egg-info")))
            return true;
    return false;
}

static bool has(const struct strings *names, const char *wanted)
{
    array_each (names, name)
        if (strcmp(*name, wanted) == 0)
            return true;
    return false;
}

static bool is_project(struct finder *f, const char *folder, const struct strings *names)
{
    struct strings inner cleanup_strings = {0};
    return has(names, "setup.py") ||
           (has(names, "pyproject.toml") && says(f, folder, "pyproject.toml", pyproject_has_project)) ||
           (has(names, "setup.cfg") && says(f, folder, "setup.cfg", setup_cfg_has_project)) ||
           has_egg_info(names) ||
           (has(names, "src") && fs_list(f->a, AT_FDCWD, path_join(f->a, folder, "src"), &inner, NULL) == 0 &&
            has_egg_info(&inner));
}

/* ---- which folders */

static bool is_passed_over(const char *name)
{
    return *name == '.' || strcmp(name, "node_modules") == 0 || strcmp(name, "build") == 0 ||
           strcmp(name, "dist") == 0 || strcmp(name, "__pycache__") == 0;
}

static bool stands_there(const struct finder *f, const char *folder)
{
    size_t n = strlen(f->paths->sources);
    return strncmp(folder, f->paths->sources, n) == 0 && folder[n] == '/';
}

static void add(struct finder *f, const char *folder, const char *name)
{
    struct stat st;
    if (stat(folder, &st) < 0)
        return;
    array_each (f->out, known)
        if (known->device == st.st_dev && known->inode == st.st_ino)
            return;
    array_push(f->out, (struct found){.folder = folder,
                                      .device = st.st_dev,
                                      .inode = st.st_ino,
                                      .name = *name && !stands_there(f, folder) ? name : NULL});
}

/* The one of our places that a folder is; NULL when it is none. */
static const struct place *own_place(const struct finder *f, const char *folder)
{
    const char *name = path_base(folder);
    const struct place *place = stands_there(f, folder) ? places_find(f->ours, name) : NULL;
    bool direct = place && (size_t)(name - folder) == strlen(f->paths->sources) + 1;
    return direct && place_is_ours(place) ? place : NULL;
}

/* The projects in a folder that is none itself. */
static size_t add_children(struct finder *f, const char *folder, const struct strings *names)
{
    size_t count = 0, tried = 0;
    array_each (names, name) {
        struct strings inner cleanup_strings = {0};
        const char *child = path_join(f->a, folder, *name);
        if (is_passed_over(*name) || own_place(f, child) || fs_list(f->a, AT_FDCWD, child, &inner, NULL) < 0)
            continue;
        if (is_project(f, child, &inner)) {
            add(f, child, arena_printf(f->a, "%s-%s", path_base(folder), *name));
            count++;
        }
        if (++tried == MOST_CHILDREN)
            break;
    }
    return count;
}

static void warn(struct finder *f, char *sentence)
{
    array_push(f->warnings, sentence);
}

static void warn_unreadable(struct finder *f, const char *folder, int sysno)
{
    const char *where = f->setting ? f->setting : f->paths->sources;
    if (f->setting && sysno == ENOENT)
        warn(f, arena_printf(f->a,
                             "%s names %s, and there is no such folder: mount it into the container, or take "
                             "it out there",
                             where, folder));
    else if (f->setting && sysno == ENOTDIR)
        warn(f, arena_printf(f->a,
                             "%s names %s, which is no folder: name the folder that the extension's project "
                             "file is in",
                             where, folder));
    else if (sysno == ENOENT)
        warn(f, arena_printf(f->a,
                             "%s is a link that leads nowhere, so that no extension is used from it: mount "
                             "what it leads to into the container, or remove it",
                             folder));
    else if (sysno != ENOTDIR)
        warn(f, arena_printf(f->a,
                             "%s cannot be read (%s), so that no extension is used from it: let user %lu "
                             "read it, or take it out of %s",
                             folder, strerror(sysno), (unsigned long)geteuid(), where));
}

static void add_folder(struct finder *f, const char *folder)
{
    struct strings names cleanup_strings = {0};
    struct err err cleanup_err = ERR_INIT;
    const char *name = path_base(folder);
    if (fs_list(f->a, AT_FDCWD, folder, &names, &err) < 0)
        warn_unreadable(f, folder, err.sysno);
    else if (is_project(f, folder, &names))
        add(f, folder, name);
    else if ((!f->setting && is_passed_over(name)) || add_children(f, folder, &names) > 0)
        return;
    else
        warn(f, arena_printf(
                    f->a,
                    "%s holds no extension, as neither it nor a folder in it has a pyproject.toml with a "
                    "[project] table, a setup.cfg, a setup.py or an egg-info: name the folder that has one, "
                    "or take this one out of %s",
                    folder, f->setting ? f->setting : f->paths->sources));
}

static void search_named(struct finder *f, const struct settings *s)
{
    struct text rest = text_of(s->dev_sources), piece;
    const char *origin = setting_origin(s, setting_by_key(T("dev.sources")));
    f->setting = origin ? origin : "EXTENSION_DEV_SOURCES";
    while (text_cut(&rest, ':', &piece)) {
        if (piece.len == 0)
            continue;
        const char *folder = path_absolute(f->a, text_dup(f->a, piece));
        if (!own_place(f, folder))
            add_folder(f, folder);
    }
}

static void search_folder(struct finder *f)
{
    struct strings names cleanup_strings = {0};
    struct err err cleanup_err = ERR_INIT;
    const char *sources = f->paths->sources;
    f->setting = NULL;
    if (fs_list(f->a, AT_FDCWD, sources, &names, &err) < 0) {
        if (err.sysno != ENOENT)
            warn_unreadable(f, sources, err.sysno);
        return;
    }
    if (has(&names, "pyproject.toml") || has(&names, "setup.py") || has(&names, "setup.cfg"))
        warn(f, arena_printf(f->a,
                             "%s is the folder that extensions' sources stand in, and has a project file "
                             "itself, which is not used: mount the project at %s/NAME",
                             sources, sources));
    array_each (&names, name) {
        const char *folder = path_join(f->a, sources, *name);
        if (**name != '.' && !own_place(f, folder))
            add_folder(f, folder);
    }
}

void sources_search(struct arena *a, const struct boot_paths *paths, const struct settings *s,
                    const struct places *ours, struct founds *out, struct strings *warnings)
{
    struct finder f = {.a = a, .paths = paths, .ours = ours, .out = out, .warnings = warnings};
    if (s->dev_sources && *s->dev_sources)
        search_named(&f, s);
    search_folder(&f);
    if (out->count == 0 && warnings->count == 0)
        warn(&f, arena_printf(a,
                              "EXTENSION_DEV_MODE is on, but there is no source: mount the folder with the "
                              "extension's project file at %s/NAME, or name it in EXTENSION_DEV_SOURCES",
                              paths->sources));
}
