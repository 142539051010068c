/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/layout.h"

#include "files.h"

#define SITE "lib/python3.11/site-packages"

static struct interpreter py;
static char *base_path[3];

/* An interpreter that is never run: any file will do. */
static int setup(void **state)
{
    if (files_setup(state) < 0)
        return -1;
    make_file("usr/bin/python3.11", "binary");
    base_path[0] = at("base/" SITE);
    base_path[1] = at("code");
    py = (struct interpreter){
        .base_dir = at("base"),
        .executable = at("base/bin/python3"),
        .home = at("usr/bin"),
        .base_executable = at("usr/bin/python3.11"),
        .version_text = "3.11.2",
        .tags = {.implementation = "cpython", .major = 3, .minor = 11},
        .site_packages = SITE,
        .include = "include/site/python3.11",
        .path = base_path,
        .path_count = 2,
        .pip_version = "23.0",
    };
    return 0;
}

static void create(const char *dir)
{
    struct err err cleanup_err = ERR_INIT;
    make_dir(dir);
    cleanup_close int fd = open(at(dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (layout_create(fd, at(dir), &py, 7, &err) < 0)
        fail_msg("%s", err.text);
}

static const char *reason(void)
{
    return layout_check(&files_memory, at("venv"), &py);
}

static const char *link_text(const char *path)
{
    return fs_readlink(&files_memory, AT_FDCWD, at(path), NULL);
}

static void test_what_is_made(void **state)
{
    (void)state;
    create("venv");
    assert_string_equal(names_in("venv"), ".gitignore bin include lib lib64 pyvenv.cfg");
    assert_string_equal(names_in("venv/bin"),
                        "Activate.ps1 activate activate.csh activate.fish pip pip3 pip3.11 "
                        "python python3 python3.11");
    assert_string_equal(names_in("venv/" SITE), "__pycache__ localstack-venv.pth");
    assert_string_equal(content("venv/" SITE "/localstack-venv.pth"),
                        arena_printf(&files_memory, "%s\n%s\n", base_path[0], base_path[1]));
    assert_string_equal(link_text("venv/lib64"), "lib");
    assert_string_equal(link_text("venv/bin/python"), "python3.11");
    assert_string_equal(link_text("venv/bin/python3"), "python3.11");
    assert_string_equal(link_text("venv/bin/python3.11"), at("usr/bin/python3.11"));
    assert_string_equal(content("venv/pyvenv.cfg"),
                        arena_printf(&files_memory,
                                     "home = %s\ninclude-system-site-packages = false\nversion = 3.11.2\n"
                                     "executable = %s\ncommand = %s -m venv %s\nlocalstack-sync = 7\n",
                                     py.home, py.base_executable, py.base_executable, at("venv")));
    assert_int_equal(layout_number(at("venv")), 7);
    struct stat st;
    assert_int_equal(stat(at("venv/bin/pip3.11"), &st), 0);
    assert_true(st.st_mode & S_IXUSR);
    assert_null(reason());
}

static void test_paths_with_a_meaning(void **state)
{
    (void)state;
    struct err err cleanup_err = ERR_INIT;
    create("it's one!");
    assert_non_null(strstr(content("it's one!/bin/pip"), "#!/bin/sh\n'''exec' \""));
    assert_non_null(strstr(content("it's one!/bin/activate"), "it'\\''s one!'\n"));
    assert_non_null(strstr(content("it's one!/bin/activate.csh"), "it'\\''s one\\!'\n"));
    assert_non_null(strstr(content("it's one!/bin/activate.fish"), "it\\'s one!'\n"));
    assert_non_null(strstr(content("it's one!/bin/Activate.ps1"), "it''s one!'\n"));
    assert_null(layout_check(&files_memory, at("it's one!"), &py));
    static const char *const bad[] = {"/a\nb", "/a\"b", "/a$b", "/a`b", "/a\\b", "/a:b", "/a\x7f"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cleanup_close int fd = open(files_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(layout_create(fd, bad[i], &py, 1, &err), -1);
        assert_int_equal(err.kind, ERR_SYSTEM);
    }
}

static void test_shebang(void **state)
{
    (void)state;
    struct buf b cleanup_buf = BUF_INIT;
    char path[200];
    /* "#!" and "/bin/python" and "\n" make 14 */
    memset(path, 'x', sizeof path);
    path[0] = '/';
    path[113] = 0;
    layout_shebang(&b, path);
    assert_int_equal(b.len, 127);
    path[113] = 'x';
    path[114] = 0;
    buf_clear(&b);
    layout_shebang(&b, path);
    assert_true(text_starts(buf_view(&b), T("#!/bin/sh\n'''exec' \"/xxx")));
    assert_true(text_ends(buf_view(&b), T("/bin/python\" \"$0\" \"$@\"\n' '''\n")));
}

static void remove_it(const char *path)
{
    assert_int_equal(fs_remove_tree(AT_FDCWD, at(path), NULL), 0);
}

static void test_each_damage_is_a_reason(void **state)
{
    (void)state;
    const char *other = at("usr/bin/python3.12");
    make_file("usr/bin/python3.12", "another");
    const struct {
        const char *remove, *write, *text, *reason;
    } table[] = {
        {"venv/pyvenv.cfg", NULL, NULL, "it was never finished: pyvenv.cfg is missing"},
        {NULL, "venv/pyvenv.cfg", "home = x\nversion = 3.12.1\n", "it was made for Python 3.12.1"},
        {NULL, "venv/pyvenv.cfg", "home = x\n", "names no version"},
        {NULL, "venv/pyvenv.cfg", "home = /nowhere\nversion = 3.11.2\n", "another interpreter"},
        {NULL, "venv/pyvenv.cfg",
         arena_printf(&files_memory, "home = %s\nversion = 3.11.2\ncommand = python -m venv /other\n",
                      py.home),
         "pyvenv.cfg names another path"},
        {NULL, "venv/pyvenv.cfg",
         arena_printf(&files_memory, "home = %s\nversion=3.11.2\ninclude-system-site-packages = true\n",
                      py.home),
         "includes the system's"},
        {"venv/" SITE, NULL, NULL, "it was never finished: " SITE " is missing"},
        {NULL, "venv/lib/python3.12/x", "", "lib/python3.12 of another Python"},
        {"venv/bin/python", NULL, NULL, "bin/python is missing"},
        {"venv/bin/python3.11", NULL, NULL, "is a link to nothing"},
        {"venv/bin/activate", NULL, NULL, "bin/activate is missing"},
        {NULL, "venv/bin/activate", "VIRTUAL_ENV=\"/other\"\n", "bin/activate names another path"},
        {NULL, "venv/bin/activate", "", "bin/activate is damaged"},
        {"venv/bin/pip", NULL, NULL, "bin/pip is missing"},
        {NULL, "venv/bin/pip", "#!/usr/bin/python\n", "bin/pip names another path"},
        {"venv/" SITE "/localstack-venv.pth", NULL, NULL, "localstack-venv.pth is missing"},
        {NULL, "venv/" SITE "/localstack-venv.pth", "/other\n", "names another base"},
        {NULL, "venv/" SITE "/localstack-venv.pth", base_path[0], "names another base"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        create("venv");
        if (table[i].remove)
            remove_it(table[i].remove);
        if (table[i].write) {
            make_file(table[i].write, table[i].text);
            chmod(at(table[i].write), 0755);
        }
        const char *got = reason();
        if (!got || !strstr(got, table[i].reason))
            fail_msg("row %zu: \"%s\" instead of \"%s\"", i, got ? got : "kept", table[i].reason);
        remove_it("venv");
    }
    assert_string_equal(reason(), "it does not exist");
    create("real");
    make_link("real", "venv");
    assert_string_equal(reason(), "it is a link");
    remove_it("venv");
    make_file("venv", "");
    assert_string_equal(reason(), "it is not a folder");
    remove_it("venv");
    create("venv");
    remove_it("venv/bin/python3.11");
    assert_int_equal(symlink(other, at("venv/bin/python3.11")), 0);
    assert_string_equal(reason(), "bin/python is another interpreter than the base's");
    remove_it("venv");
    create("venv");
    chmod(at("venv/bin/pip"), 0644);
    assert_string_equal(reason(), "bin/pip cannot be executed");
}

/* What `python -m venv` and today's installer leave, of the ages of Python that there are. */
static void test_others_venvs_are_kept(void **state)
{
    (void)state;
    const char *venv = at("venv"), *lines[] = {"VIRTUAL_ENV=\"%s\"\n", "    export VIRTUAL_ENV=\"%s\"\n",
                                               "        VIRTUAL_ENV=$(cygpath /x)\nexport VIRTUAL_ENV=%s\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        create("venv");
        struct text line = text_of(lines[i]);
        size_t hole = text_find(line, '%');
        make_file("venv/bin/activate",
                  arena_printf(&files_memory, "%.*s%s%s", (int)hole, line.ptr, venv, line.ptr + hole + 2));
        make_file("venv/pyvenv.cfg",
                  arena_printf(&files_memory, "home = %s\nversion = 3.11.2\n%s%s\n", py.home,
                               i ? "command = /usr/bin/python3 -m venv " : "", i ? venv : ""));
        make_file("venv/" SITE "/localstack-venv.pth", base_path[0]);
        make_file("venv/bin/pip", arena_printf(&files_memory, "#!%s/bin/python3.11\n", venv));
        chmod(at("venv/bin/pip"), 0755);
        const char *got = reason();
        if (got)
            fail_msg("row %zu: %s", i, got);
        make_file("venv/" SITE "/localstack-venv.pth", "/other\n");
        assert_non_null(reason());
        make_file("venv/" SITE "/localstack-venv.pth", base_path[1]);
        assert_string_equal(reason(), "its localstack-venv.pth does not name the base");
        remove_it("venv");
    }
}

static void test_no_pip_anywhere(void **state)
{
    (void)state;
    create("venv");
    remove_it("venv/bin/pip");
    py.pip_version = NULL;
    assert_null(reason()); /* a rebuild would not bring it */
}

static void test_what_it_owns(void **state)
{
    (void)state;
    static const char *const own[] = {
        "pyvenv.cfg",
        "pip.conf",
        ".gitignore",
        "lib64",
        "lib64/x",
        "bin/python",
        "bin/python3",
        "bin/python3.13",
        "bin/python3.13t",
        "bin/pip",
        "bin/pip3",
        "bin/pip3.11",
        "bin/activate",
        "bin/activate.fish",
        "bin/activate.csh",
        "bin/Activate.ps1",
        SITE "/localstack-venv.pth",
        "bin",
        "lib",
        SITE,
    };
    static const char *const free_for_all[] = {
        "bin/python-config", "bin/pipx",    "bin/pip-compile",       "bin/activate-global", "bin/x",
        "bin/pip3.1x",       SITE "/x.pth", SITE "/pip/__init__.py", "share/pyvenv.cfg",    "etc/pip.conf",
        "library",
    };
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (!layout_owns(own[i], SITE))
            fail_msg("%s", own[i]);
    for (size_t i = 0; i < sizeof free_for_all / sizeof *free_for_all; i++)
        if (layout_owns(free_for_all[i], SITE))
            fail_msg("%s", free_for_all[i]);
}

static void test_number(void **state)
{
    (void)state;
    static const struct {
        const char *cfg;
        unsigned long long number;
    } table[] = {
        {"localstack-sync = 5\n", 5},   {"LocalStack-Sync=18446744073709551615", 18446744073709551615ull},
        {"localstack-sync = -1\n", 0},  {"localstack-sync = 99999999999999999999\n", 0},
        {"localstack-sync\n", 0},       {"", 0},
        {"x = localstack-sync = 3", 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        make_file("v/pyvenv.cfg", table[i].cfg);
        assert_true(layout_number(at("v")) == table[i].number);
    }
    assert_true(layout_number(at("absent")) == 0);
}

#define layout_test(f) cmocka_unit_test_setup_teardown(f, setup, files_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        layout_test(test_what_is_made),
        layout_test(test_paths_with_a_meaning),
        layout_test(test_shebang),
        layout_test(test_each_damage_is_a_reason),
        layout_test(test_others_venvs_are_kept),
        layout_test(test_no_pip_anywhere),
        layout_test(test_what_it_owns),
        layout_test(test_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
