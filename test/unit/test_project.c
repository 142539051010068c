/* SPDX-License-Identifier: Apache-2.0 */
/* Projects as test/data/projects has them, a file each: their files behind lines with === and a path, and
 * what is to be read out of them behind === EXPECT. All are read in one call, by the machine's Python. */
#include "dev/project.h"

#include "base/process.h"
#include "files.h"
#include "project_print.h"

#include <signal.h>

static const char *python;

static int setup(void **state)
{
    signal(SIGPIPE, SIG_IGN); /* as the program does: a child may end without reading */
    if (files_setup(state) < 0)
        return -1;
    const char *const argv[] = {"python3", "-I", "-c", "import sys; print(end=sys.executable)", NULL};
    const struct process p = {.argv = argv};
    struct process_result r cleanup_process_result = PROCESS_RESULT_INIT;
    if (process_run(&p, &r, NULL) < 0 || r.status != 0)
        return -1;
    python = text_dup(&files_memory, buf_view(&r.out));
    return 0;
}

/* ---- the stories */

/* Writes the files of a story below `folder`; returns what stands behind === EXPECT. */
static struct text unpack(const char *folder, struct text story)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    const char *path = NULL;
    struct text line;
    while (text_line(&story, &line)) {
        bool is_head = text_starts(line, T("=== "));
        if (is_head && path)
            make_file(path, buf_cstr(&bytes));
        if (is_head && text_is(line, "=== EXPECT"))
            return story;
        if (is_head) {
            path = path_join(&files_memory, folder, text_dup(&files_memory, text_from(line, 4)));
            buf_clear(&bytes);
        } else {
            buf_text(&bytes, line);
            buf_char(&bytes, '\n');
        }
    }
    fail_msg("%s: no EXPECT", folder);
    return story;
}

static void test_stories(void **state)
{
    struct strings names cleanup_strings = {0};
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    char *data = arena_strdup(&a, test_data("projects"));
    (void)state;
    assert_int_equal(fs_list(&a, AT_FDCWD, data, &names, NULL), 0);
    assert_true(names.count > 40);
    struct project *projects = arena_array(&a, names.count, sizeof *projects);
    struct text *expected = arena_array(&a, names.count, sizeof *expected);
    for (size_t i = 0; i < names.count; i++) {
        struct buf bytes cleanup_buf = BUF_INIT;
        assert_int_equal(fs_read(AT_FDCWD, path_join(&a, data, names.items[i]), 1 << 20, &bytes, NULL), 0);
        projects[i].folder = at(arena_concat(&a, "stories/", names.items[i]));
        expected[i] =
            unpack(arena_concat(&a, "stories/", names.items[i]), text_of(text_dup(&a, buf_view(&bytes))));
    }
    if (project_read(&a, python, projects, names.count, &err) < 0)
        fail_msg("%s", err.text);
    size_t failures = 0;
    for (size_t i = 0; i < names.count; i++) {
        struct buf text cleanup_buf = BUF_INIT;
        print_project(&text, &projects[i]);
        if (!text_eq(buf_view(&text), expected[i])) {
            failures++;
            print_error("%s\n--- expected\n%.*s--- was\n%s", names.items[i], (int)expected[i].len,
                        expected[i].ptr, buf_cstr(&text));
        }
        assert_true(projects[i].error.kind == ERR_NONE || projects[i].error.kind == ERR_INPUT);
        project_free(&projects[i]);
    }
    assert_int_equal(failures, 0);
}

/* ---- what is a project */

static void test_is_one(void **state)
{
    static const struct {
        const char *file, *content;
        bool is_one;
    } rows[] = {
        {"pyproject.toml", "[project]\nname = 'a'\n", true},
        {"pyproject.toml", "# x\n [ build-system ]\n", true},
        {"pyproject.toml", "[project.scripts]\n", true},
        {"pyproject.toml", "project.name = 'a'\n", true},
        {"pyproject.toml", "[tool.poetry]\n", true},
        {"pyproject.toml", "[tool.poetry.dependencies]\n", true},
        {"pyproject.toml", "[tool.ruff]\nline-length = 100\n", false},
        {"pyproject.toml", "[projects]\n", false},
        {"pyproject.toml", "", false},
        {"setup.cfg", "[metadata]\nname = a\n", true},
        {"setup.cfg", "[options]\n", true},
        {"setup.cfg", "[flake8]\n", false},
        {"setup.py", "", true},
        {"a.egg-info/PKG-INFO", "", true},
        {"src/a.egg-info/PKG-INFO", "", true},
        {"README.md", "[project]", false},
        {"src/a.py", "", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *folder = arena_printf(&files_memory, "is-one/%zu", i);
        make_file(arena_printf(&files_memory, "%s/%s", folder, rows[i].file), rows[i].content);
        if (project_is_one(at(folder)) != rows[i].is_one)
            fail_msg("%s: %s", rows[i].file, rows[i].content);
    }
    assert_false(project_is_one(at("is-one/none")));
}

/* ---- files that are none, are too large, or take too long */

static void assert_error(const char *folder, const char *part)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct project p = {.folder = at(folder)};
    if (project_read(&a, python, &p, 1, &err) < 0)
        fail_msg("%s", err.text);
    if (!p.error.text || !strstr(p.error.text, part))
        fail_msg("%s: %s", folder, p.error.text ? p.error.text : "no error");
    project_free(&p);
}

static void test_hostile_files(void **state)
{
    struct buf large cleanup_buf = BUF_INIT, deep cleanup_buf = BUF_INIT;
    (void)state;
    for (int i = 0; i < (4 << 20) + 1; i++)
        buf_char(&large, '#');
    make_file("large/pyproject.toml", buf_cstr(&large));
    assert_error("large", "larger than 4 MiB");

    buf_str(&deep, "a = ");
    for (int i = 0; i < 5000; i++)
        buf_char(&deep, '[');
    make_file("deep/pyproject.toml", buf_cstr(&deep));
    assert_error("deep", "deep");

    make_dir("fifo");
    assert_int_equal(mkfifo(at("fifo/pyproject.toml"), 0600), 0);
    assert_error("fifo", "no regular file");

    make_file("secret/VERSION", "1.0");
    make_file("link/setup.cfg", "[metadata]\nname = a\nversion = file: VERSION\n");
    make_link("../secret/VERSION", "link/VERSION");
    assert_error("link", "outside of the project's folder");

    make_file("bytes/pyproject.toml", "[project]\n# \xff\n");
    assert_error("bytes", "pyproject.toml line 2");

    make_file("pattern/pyproject.toml", "[build-system]\nrequires = []\nbuild-backend = 'hatchling.build'\n"
                                        "[project]\nname = 'a'\ndynamic = ['version']\n[tool.hatch.version]\n"
                                        "path = 'v'\npattern = '(a+)+b'\n");
    make_file("pattern/v", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    assert_error("pattern", "could not be read within");
}

/* Nothing of a project runs, whatever it looks like. */
static void test_nothing_runs(void **state)
{
    struct arena a cleanup_arena = ARENA_INIT;
    const char *code = arena_printf(&a, "open('%s', 'w')\n", at("ran"));
    struct project p = {.folder = at("runs")};
    (void)state;
    make_file("runs/pyproject.toml",
              "[project]\nname = 'a'\ndynamic = ['version']\n[tool.setuptools.dynamic]\n"
              "version = {attr = 'tomllib.VERSION'}\n");
    make_file("runs/setup.py", code);
    make_file("runs/tomllib.py", code);
    make_file("runs/json.py", code);
    make_file("runs/sitecustomize.py", code);
    assert_int_equal(project_read(&a, python, &p, 1, NULL), 0);
    assert_null(p.error.text);
    assert_non_null(strstr(p.why_not, "tomllib.VERSION"));
    assert_false(is_there("ran"));
    assert_false(is_there("runs/__pycache__"));
    project_free(&p);
}

/* ---- interpreters that answer something else */

static void assert_fails(const char *answer, const char *part)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct project p = {.folder = at("")};
    make_file("liar",
              arena_printf(&files_memory, "#!/bin/sh\nprintf '\\n@localstack-extensions-probe\\n%%s' '%s'\n",
                           answer));
    assert_int_equal(chmod(at("liar"), 0755), 0);
    assert_int_equal(project_read(&a, at("liar"), &p, 1, &err), -1);
    assert_int_equal(err.kind, ERR_SYSTEM);
    if (!strstr(err.text, part))
        fail_msg("%s", err.text);
}

#define ANSWER(extras, points, parts)                                                                        \
    "[{\"files\":{},\"folders\":[],"                                                                         \
    "\"name\":\"a\",\"backend\":null,\"plux\":false,\"plux_include\":[],\"plux_exclude\":[],\"warnings\":"   \
    "[],\"version\":\"1\",\"version_at\":["                                                                  \
    "\"\",0],"                                                                                               \
    "\"summary\":null,\"requires_python\":null,\"requires\":[[\"x\",\"f\",1]],\"unknown\":{},"               \
    "\"extras\":" extras ",\"entry_points\":" points ",\"layout\":{\"parts\":" parts                         \
    ",\"search\":true,\"regular_only\":false,\"where\":[],\"include\":[],\"exclude\":[],\"only\":null}}]"

#define LOOKED_AT(files, folders) "[{\"error\":\"why\",\"files\":" files ",\"folders\":" folders "}]"

static void test_liars(void **state)
{
    static const char *const answers[] = {
        "",
        "[",
        "[]",
        "{}",
        "[1]",
        "[null]",
        "[{}]",
        "[{},{}]",
        "[{\"name\":1}]",
        ANSWER("[]", "{}", "[]"),
        ANSWER("{\"e\":[[1,\"f\",1]]}", "{}", "[]"),
        ANSWER("{\"e\":[[\"x\"]]}", "{}", "[]"),
        ANSWER("{}", "{\"g\":[]}", "[]"),
        ANSWER("{}", "{\"g\":{\"n\":null}}", "[]"),
        ANSWER("{}", "{}", "[[\"a\"]]"),
        ANSWER("{}", "{}", "[{}]"),
        ANSWER("{}", "{}", "{}"),
        "[{\"error\":\"why\"}]",
        LOOKED_AT("[]", "[]"),
        LOOKED_AT("{\"a\":null}", "[]"),
        LOOKED_AT("{\"a\":1}", "[]"),
        LOOKED_AT("{}", "{}"),
        LOOKED_AT("{}", "[1]"),
    };
    struct arena a cleanup_arena = ARENA_INIT;
    struct project p = {.folder = at("")};
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        assert_fails(answers[i], "cannot be understood");
    make_file("liar",
              "#!/bin/sh\nprintf '\\n@localstack-extensions-probe\\n%s' '" ANSWER("{}", "{}", "[]") "'\n");
    assert_int_equal(chmod(at("liar"), 0755), 0);
    assert_int_equal(project_read(&a, at("liar"), &p, 1, NULL), 0);
    assert_string_equal(p.name, "a");
    project_free(&p);
    assert_int_equal(project_read(&a, at("liar"), NULL, 0, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stories),       cmocka_unit_test(test_is_one),
        cmocka_unit_test(test_hostile_files), cmocka_unit_test(test_nothing_runs),
        cmocka_unit_test(test_liars),
    };
    return cmocka_run_group_tests(tests, setup, files_teardown);
}
