/* SPDX-License-Identifier: Apache-2.0 */
#include "dev/project_private.h"

#include "base/fs.h"
#include "venv/ask.h"
#include "venv/scripts.h"

enum { ANSWER_LIMIT = 64 << 20, FILE_LIMIT = 4 << 20 };

/* ---- whether it is one */

/* Whether a text has a section whose name is one of these, or begins with one and a dot. A key at the top is
 * as good: project.name = "demo". */
static bool has_section(struct text bytes, const char *const *names)
{
    struct text line;
    while (text_line(&bytes, &line)) {
        line = text_trim(line);
        if (line.len && line.ptr[0] == '[')
            line = text_trim(text_from(line, 1));
        for (size_t i = 0; names[i]; i++) {
            struct text rest = text_from(line, strlen(names[i]));
            if (text_starts(line, text_of(names[i])) && rest.len && strchr("]. \t", rest.ptr[0]))
                return true;
        }
    }
    return false;
}

static bool file_has_section(struct arena *a, const char *folder, const char *file, const char *const *names)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    struct stat st;
    const char *path = path_join(a, folder, file);
    if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return false;
    /* One that cannot be read shall be told of, not passed over. */
    return fs_read(AT_FDCWD, path, FILE_LIMIT, &bytes, NULL) < 0 || has_section(buf_view(&bytes), names);
}

static bool has_egg_info(struct arena *a, const char *folder)
{
    struct strings names cleanup_strings = {0};
    fs_list(a, AT_FDCWD, folder, &names, NULL);
    array_each (&names, name)
        if (text_ends(text_of(*name), T(".egg-info")))
            return true;
    return false;
}

bool project_is_one(const char *folder)
{
    static const char *const tables[] = {"project",   "build-system", "tool.setuptools", "tool.poetry",
                                         "tool.flit", "tool.hatch",   "tool.pdm",        NULL};
    static const char *const sections[] = {"metadata", "options", NULL};
    struct arena a cleanup_arena = ARENA_INIT;
    return file_has_section(&a, folder, "pyproject.toml", tables) ||
           fs_exists(AT_FDCWD, path_join(&a, folder, "setup.py")) ||
           file_has_section(&a, folder, "setup.cfg", sections) || has_egg_info(&a, folder) ||
           has_egg_info(&a, path_join(&a, folder, "src"));
}

/* ---- reading */

static bool take_one(struct arena *a, const json_t *json, struct project *p)
{
    struct project_answer answer = {0};
    struct project_egg_info egg = {0};
    bool good = project_answer_take(a, json, p, &answer);
    if (good && p->error.kind == ERR_NONE) {
        project_egg_info_find(a, p, &egg);
        p->plux = p->plux && !egg.path;
        project_metadata_make(a, p, &answer, &egg);
    }
    project_answer_free(&answer);
    return good;
}

int project_read(struct arena *a, const char *executable, struct project *projects, size_t count,
                 struct err *err)
{
    struct buf input cleanup_buf = BUF_INIT, text cleanup_buf = BUF_INIT;
    for (size_t i = 0; i < count; i++) {
        projects[i] = (struct project){.folder = projects[i].folder};
        buf_printf(&input, "%zu\n", strlen(projects[i].folder));
        buf_str(&input, projects[i].folder);
    }
    if (count == 0)
        return 0;
    if (ask_python(a, executable, script_project, buf_view(&input), ANSWER_LIMIT, &text, err) < 0)
        return -1;
    json_t *answer = json_loads(buf_cstr(&text), 0, NULL);
    bool good = json_array_size(answer) == count;
    for (size_t i = 0; i < count && good; i++)
        good = take_one(a, json_array_get(answer, i), &projects[i]);
    json_decref(answer);
    if (good)
        return 0;
    for (size_t i = 0; i < count; i++)
        project_free(&projects[i]);
    return err_set(err, ERR_SYSTEM, "the answer of %s about developers' sources cannot be understood",
                   executable);
}

void project_free(struct project *p)
{
    array_free(&p->layout.parts);
    strings_free(&p->layout.where);
    strings_free(&p->layout.include);
    strings_free(&p->layout.exclude);
    strings_free(&p->layout.top_level);
    strings_free(&p->plux_include);
    strings_free(&p->plux_exclude);
    array_free(&p->files);
    strings_free(&p->folders);
    strings_free(&p->warnings);
    err_clear(&p->error);
}
