/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/layout.h"

#include "base/array.h"
#include "venv/pyvenv_cfg.h"

#include <errno.h>

enum { SCRIPT_LIMIT = 1 << 20 };

struct check {
    struct arena *a;
    const char *dir;
    const struct interpreter *py;
    bool ours; /* made by a sync: its pyvenv.cfg has a number */
};

static const char *at(struct check *c, const char *path)
{
    return path_join(c->a, c->dir, path);
}

static bool load(struct check *c, const char *path, struct buf *to)
{
    return fs_read(AT_FDCWD, at(c, path), SCRIPT_LIMIT, to, NULL) == 0;
}

static const char *check_folder(struct check *c)
{
    struct stat st;
    if (lstat(c->dir, &st) < 0)
        return errno == ENOENT ? "it does not exist" : "it cannot be looked at";
    if (S_ISLNK(st.st_mode))
        return "it is a link";
    return S_ISDIR(st.st_mode) ? NULL : "it is not a folder";
}

static const char *check_cfg(struct check *c)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    if (!load(c, "pyvenv.cfg", &bytes))
        return "it was never finished: pyvenv.cfg is missing";
    struct text cfg = buf_view(&bytes);
    unsigned long long number;
    c->ours = text_u64(pyvenv_cfg_get(cfg, "localstack-sync"), &number);
    struct text version = pyvenv_cfg_get(cfg, "version");
    if (!text_is(version, c->py->version_text))
        return version.len ? arena_printf(c->a, "it was made for Python %.*s, and this is Python %s",
                                          TEXT_ARG(text_first(version, 40)), c->py->version_text)
                           : "its pyvenv.cfg names no version of Python";
    if (!text_is(pyvenv_cfg_get(cfg, "home"), c->py->home))
        return arena_printf(c->a, "it was made from another interpreter than the one in %s", c->py->home);
    struct text system = pyvenv_cfg_get(cfg, "include-system-site-packages");
    if (text_eq_nocase(system, T("true")))
        return "it includes the system's site-packages";
    struct text command = pyvenv_cfg_get(cfg, "command");
    if (command.len && !text_ends(command, text_of(arena_printf(c->a, " %s", c->dir))))
        return "its pyvenv.cfg names another path than its own";
    return NULL;
}

static const char *check_python(struct check *c)
{
    static const char *const names[] = {"bin/python", "bin/python3"};
    struct stat base, st;
    if (stat(c->py->base_executable, &base) < 0)
        return arena_printf(c->a, "its interpreter %s is gone", c->py->base_executable);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *path = at(c, names[i]);
        if (lstat(path, &st) < 0)
            return arena_printf(c->a, "%s is missing", names[i]);
        bool is_link = S_ISLNK(st.st_mode);
        cleanup_free char *real = realpath(path, NULL);
        if (!real)
            return arena_printf(c->a, "%s is a link to nothing", names[i]);
        /* A volume without links has copies. */
        if (is_link ? strcmp(real, c->py->base_executable) != 0 : st.st_size != base.st_size)
            return arena_printf(c->a, "%s is another interpreter than the base's", names[i]);
    }
    return NULL;
}

static const char *check_library(struct check *c)
{
    struct stat st;
    struct strings names cleanup_strings = {0};
    if (stat(at(c, c->py->site_packages), &st) < 0 || !S_ISDIR(st.st_mode))
        return arena_printf(c->a, "it was never finished: %s is missing", c->py->site_packages);
    const char *own = arena_strndup(c->a, c->py->site_packages + 4, strcspn(c->py->site_packages + 4, "/"));
    if (fs_list(c->a, AT_FDCWD, at(c, "lib"), &names, NULL) < 0)
        return "its lib cannot be read";
    array_each (&names, name)
        if (strncmp(*name, "python", 6) == 0 && strcmp(*name, own) != 0)
            return arena_printf(c->a, "it also holds lib/%s of another Python", *name);
    return NULL;
}

/* The value as CPython's scripts of all ages, and ours, write it. */
static bool is_own_path(struct check *c, struct text value)
{
    struct buf quoted cleanup_buf = BUF_INIT;
    buf_char(&quoted, '\'');
    for (const char *s = c->dir; *s; s++)
        if (*s == '\'')
            buf_str(&quoted, "'\\''");
        else
            buf_char(&quoted, *s);
    buf_char(&quoted, '\'');
    return text_is(value, c->dir) || text_eq(value, buf_view(&quoted)) ||
           text_is(value, arena_printf(c->a, "\"%s\"", c->dir));
}

static const char *check_activate(struct check *c)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    if (!load(c, "bin/activate", &bytes))
        return "bin/activate is missing";
    bool seen = false;
    struct text rest = buf_view(&bytes), line;
    while (text_line(&rest, &line)) {
        line = text_trim(line);
        if (text_starts(line, T("export ")))
            line = text_trim(text_from(line, 7));
        if (!text_starts(line, T("VIRTUAL_ENV=")))
            continue;
        line = text_from(line, 12);
        if (text_starts(line, T("$("))) /* the branch for Windows' shells */
            continue;
        if (!is_own_path(c, line))
            return "its bin/activate names another path than its own";
        seen = true;
    }
    return seen ? NULL : "its bin/activate is damaged";
}

bool layout_names_own_python(const char *final_dir, struct text script)
{
    struct arena names cleanup_arena = ARENA_INIT;
    struct text line;
    if (text_starts(script, text_of(arena_printf(&names, "#!%s/bin/python", final_dir))))
        return true;
    const char *shell = arena_printf(&names, "'''exec' \"%s/bin/python", final_dir);
    const char *bare = arena_printf(&names, "'''exec' %s/bin/python", final_dir);
    return text_line(&script, &line) && text_is(line, "#!/bin/sh") && text_line(&script, &line) &&
           (text_starts(line, text_of(shell)) || text_starts(line, text_of(bare)));
}

bool layout_runs_programs(const char *venv_dir)
{
    static const char *const names[] = {"bin/pip", "bin/pip3"};
    struct arena a cleanup_arena = ARENA_INIT;
    bool refused = false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (access(path_join(&a, venv_dir, names[i]), X_OK) == 0)
            return true;
        refused = refused || errno == EACCES;
    }
    return !refused;
}

static const char *check_pip(struct check *c)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    if (access(at(c, "bin/pip"), F_OK) < 0)
        /* Where neither the base nor Python has one, a rebuild would not bring it. */
        return c->ours && !c->py->pip_version ? NULL : "bin/pip is missing";
    /* Where nothing can be executed, it could not in a venv made anew. */
    if (access(at(c, "bin/pip"), X_OK) < 0 && layout_runs_programs(c->dir))
        return "bin/pip cannot be executed";
    if (!load(c, "bin/pip", &bytes))
        return "bin/pip cannot be read";
    if (layout_names_own_python(c->dir, buf_view(&bytes)))
        return NULL;
    return "its bin/pip names another path than its own";
}

/* Exactly the base for a venv of ours; for one by today's installer the base's site-packages and nothing that
 * is not the base. */
static const char *check_pth(struct check *c)
{
    struct buf bytes cleanup_buf = BUF_INIT, wanted cleanup_buf = BUF_INIT;
    if (!load(c, path_join(c->a, c->py->site_packages, LAYOUT_PTH), &bytes))
        return LAYOUT_PTH " is missing";
    layout_pth(&wanted, c->py);
    if (text_eq(buf_view(&bytes), buf_view(&wanted)))
        return NULL;
    if (c->ours)
        return "its " LAYOUT_PTH " names another base";
    struct text rest = buf_view(&bytes), line;
    const char *site = path_join(c->a, c->py->base_dir, c->py->site_packages);
    bool seen = false;
    while (text_line(&rest, &line)) {
        line = text_trim(line);
        bool known = line.len == 0;
        for (size_t i = 0; i < c->py->path_count && !known; i++)
            known = text_is(line, c->py->path[i]);
        if (!known)
            return "its " LAYOUT_PTH " names another base";
        seen = seen || text_is(line, site);
    }
    return seen ? NULL : "its " LAYOUT_PTH " does not name the base";
}

const char *layout_check(struct arena *a, const char *dir, const struct interpreter *py)
{
    static const char *(*const checks[])(struct check *) = {
        check_folder, check_cfg, check_library, check_python, check_activate, check_pip, check_pth,
    };
    struct check c = {a, dir, py, false};
    const char *reason = NULL;
    for (size_t i = 0; i < sizeof checks / sizeof *checks && !reason; i++)
        reason = checks[i](&c);
    return reason;
}

/* ---- what a staging mends by itself */

static void damage(struct check *c, struct layout_faults *out, const char *name, const char *how)
{
    array_push(out, (struct layout_fault){at(c, name), how});
}

/* A copy stands where the volume has no links, and is left to check_python. */
static void damaged_link(struct check *c, struct layout_faults *out, const char *name, const char *wanted)
{
    struct stat st;
    if (lstat(at(c, name), &st) < 0) {
        damage(c, out, name, "is missing");
        return;
    }
    cleanup_free char *real = realpath(at(c, name), NULL), *right = realpath(wanted, NULL);
    if (S_ISLNK(st.st_mode) && (!real || !right || strcmp(real, right) != 0))
        damage(
            c, out, name,
            arena_printf(c->a, "%s %s", real ? "does not lead to" : "leads to nothing, and not to", wanted));
}

static void damaged_lib64(struct check *c, struct layout_faults *out)
{
    struct stat st;
    bool has_links = lstat(at(c, "bin/python"), &st) == 0 && S_ISLNK(st.st_mode);
    if (has_links && lstat(at(c, "lib64"), &st) == 0 && !S_ISLNK(st.st_mode))
        damage(c, out, "lib64", "is no link to lib");
    else if (has_links)
        damaged_link(c, out, "lib64", at(c, "lib"));
}

/* Only of a venv of ours is it known that it had them. */
static void damaged_files(struct check *c, struct layout_faults *out)
{
    static const char *const names[] = {"bin/activate.csh", "bin/activate.fish", "bin/Activate.ps1",
                                        "bin/pip3"};
    bool has_pip = access(at(c, "bin/pip"), F_OK) == 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (access(at(c, names[i]), F_OK) < 0 && (has_pip || strcmp(names[i], "bin/pip3") != 0))
            damage(c, out, names[i], "is missing");
}

void layout_damage(struct arena *a, const char *dir, const struct interpreter *py, struct layout_faults *out)
{
    struct check c = {a, dir, py, layout_number(dir) != 0};
    damaged_link(&c, out, arena_printf(a, "bin/python%d.%d", py->tags.major, py->tags.minor),
                 py->base_executable);
    if (!c.ours)
        return;
    damaged_lib64(&c, out);
    damaged_files(&c, out);
}
