/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/stage.h"

#include "base/array.h"
#include "base/log.h"
#include "venv/clone.h"
#include "venv/commit.h"
#include "venv/layout.h"
#include "venv/placing.h"

#include <errno.h>
#include <stdint.h>

struct carrying {
    const struct stage_options *options;
    struct arena a;
    struct strmap gone; /* paths in the old venv that are not carried over */
    struct err foreign; /* about the first folder that somebody else put into it */
};

/* A RECORD path, relative to site-packages, made relative to the venv; NULL when it leads out of it. */
static const char *in_venv(struct carrying *c, const char *path)
{
    const char *whole =
        path_absolute(&c->a, arena_printf(&c->a, "/%s/%s", c->options->old_site_packages, path));
    return *path == '/' || !whole[1] ? NULL : whole + 1;
}

/* What stands in the place of a damaged distribution's folder is not carried over either. */
static void take_false_folders(struct carrying *c, const char *path, void *value)
{
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        struct stat st;
        const char *folder = arena_strndup(&c->a, path, (size_t)(slash - path));
        if (lstat(path_join(&c->a, c->options->old_dir, folder), &st) < 0 || S_ISDIR(st.st_mode))
            continue;
        *strmap_place(&c->gone, text_of(folder)) = value;
        return;
    }
}

/* Every path of a distribution, into a map; `value` is what they get. */
static int take_record(struct carrying *c, const struct installed *item, struct strmap *map, void *value,
                       struct err *err)
{
    struct record record;
    struct err why cleanup_err = ERR_INIT;
    const char *info = arena_printf(&c->a, "%s/%s", c->options->old_site_packages, path_base(item->info));
    *strmap_place(map, text_of(info)) = value;
    if (installed_record(&c->a, item, &record, &why) < 0) {
        if (why.kind == ERR_SYSTEM && why.sysno != ENOENT)
            return err_move(err, &why);
        log_debug("%s has no list of its files: %s", item->info, why.text);
        return 0;
    }
    for (size_t i = 0; i < record.count; i++) {
        const char *path = in_venv(c, record.entries[i].path);
        if (path)
            *strmap_place(map, text_of(path)) = value;
        if (path && item->damaged && map == &c->gone)
            take_false_folders(c, path, value);
    }
    return 0;
}

static bool is_left(const struct stage_options *o, const struct installed *item)
{
    for (size_t i = 0; i < o->leave_count; i++)
        if (o->leave[i] == item)
            return true;
    return false;
}

/* DIR/__pycache__/STEM.TAG.pyc belongs to DIR/STEM.py. */
static bool is_byte_code_of_gone(struct carrying *c, const char *path)
{
    static const char folder[] = "__pycache__/";
    const char *name = path_base(path);
    size_t dir = (size_t)(name - path);
    const char *dot = strchr(name, '.');
    if (!dot || dir < sizeof folder - 1 ||
        strncmp(name - (sizeof folder - 1), folder, sizeof folder - 1) != 0)
        return false;
    dir -= sizeof folder - 1;
    const char *source = arena_printf(&c->a, "%.*s%.*s.py", (int)dir, path, (int)(dot - name), name);
    return strmap_get(&c->gone, text_of(source)) != NULL;
}

/* lib/pythonX.Y of any Python but the new venv's: with it the venv would be one to rebuild again at the next
 * boot. */
static bool is_other_library(const struct stage_options *o, const char *path)
{
    struct text own = text_of(o->site_packages), folder = text_of(path);
    own.len -= strlen(path_base(o->site_packages)) + 1;
    return text_starts(folder, T("lib/python")) &&
           text_find(text_from(folder, strlen("lib/")), '/') == folder.len - strlen("lib/") &&
           !text_eq(own, folder);
}

static bool skip(void *ctx, const char *path, bool folder);

/* Whether anything of a folder is carried over but the mark of a namespace package. */
static bool holds_more(struct carrying *c, const char *folder)
{
    struct strings names cleanup_strings = {0};
    if (fs_list(&c->a, AT_FDCWD, path_join(&c->a, c->options->old_dir, folder), &names, NULL) < 0)
        return true; /* who goes through it will say what is wrong */
    array_each (&names, name) {
        struct stat st;
        const char *path = path_join(&c->a, folder, *name);
        bool below = lstat(path_join(&c->a, c->options->old_dir, path), &st) == 0 && S_ISDIR(st.st_mode);
        if (strcmp(*name, PLACING_NAMESPACE_MARK) != 0 && !skip(c, path, below) &&
            (!below || holds_more(c, path)))
            return true;
    }
    return false;
}

static bool skip(void *ctx, const char *path, bool folder)
{
    struct carrying *c = ctx;
    const struct stage_options *o = c->options;
    if (folder && o->extensions_dir && !c->foreign.text)
        (void)!commit_may_replace(o->extensions_dir, path_join(&c->a, o->old_dir, path), &c->foreign);
    if (folder && is_other_library(o, path))
        return true;
    if (strmap_get(&c->gone, text_of(path)))
        return !strmap_get(o->owners, text_of(path)); /* some distributions share files, against the rules */
    /* Files of the venv's own are new; pip.conf is the user's, though no wheel may bring one. */
    if (!folder && layout_owns(path, o->old_site_packages))
        return strcmp(path, "pip.conf") != 0;
    if (!o->same_python && strcmp(path, o->old_site_packages) == 0)
        return true;
    /* It goes with the last source that had a link in the folder, where nothing else is left there. */
    if (!folder && path_base(path) > path && strcmp(path_base(path), PLACING_NAMESPACE_MARK) == 0)
        return !holds_more(c, arena_strndup(&c->a, path, (size_t)(path_base(path) - path) - 1));
    return !folder && is_byte_code_of_gone(c, path);
}

int stage_carry_over(const struct stage_options *options, const struct installed_set *old, struct err *err)
{
    struct carrying c = {.options = options};
    int result = 0;
    if (!options->old_site_packages)
        return 0;
    for (size_t i = 0; i < old->count && result == 0; i++) {
        struct installed *item = old->items[i];
        bool gone = !options->same_python || is_left(options, item);
        result = take_record(&c, item, gone ? &c.gone : options->owners, (void *)(uintptr_t)item->name, err);
    }
    if (result == 0) {
        const struct clone clone = {.linker = options->linker, .skip = skip, .ctx = &c};
        cleanup_close int from = open(options->old_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        result = from < 0 ? err_sys(err, errno, "cannot open %s", options->old_dir)
                          : clone_tree(&clone, from, options->to, err);
        if (result == 0)
            result = linker_wait(options->linker, NULL, err);
    }
    if (result == 0 && c.foreign.text)
        result = err_move(err, &c.foreign);
    err_clear(&c.foreign);
    strmap_free(&c.gone);
    arena_free(&c.a);
    return result;
}
