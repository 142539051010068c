/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/stage.h"

#include "base/log.h"
#include "files.h"

#define SITE "lib/python3.11/site-packages"
#define OLD "old/" SITE

static struct installed_set old;
static struct strmap owners;

static void distribution(const char *site, const char *name, const char *record)
{
    make_file(arena_printf(&files_memory, "old/%s/%s-1.dist-info/RECORD", site, name), record);
    make_file(arena_printf(&files_memory, "old/%s/%s-1.dist-info/extra", site, name), "");
}

static void make_old(void)
{
    make_file(OLD "/goes/__init__.py", "goes");
    make_file(OLD "/goes/sub/deep.py", "goes");
    make_file(OLD "/goes/__pycache__/__init__.cpython-311.pyc", "");
    make_file(OLD "/goes/sub/__pycache__/deep.cpython-311.opt-1.pyc", "");
    make_file(OLD "/shared/a.py", "goes");
    make_file(OLD "/shared/b.py", "stays");
    make_file(OLD "/shared/common.py", "both");
    make_file(OLD "/shared/__pycache__/a.cpython-311.pyc", "");
    make_file(OLD "/shared/__pycache__/b.cpython-311.pyc", "");
    make_file(OLD "/byhand.txt", "nobody's");
    make_file(OLD "/localstack-venv.pth", "old base");
    make_file("old/bin/goes", "script");
    make_file("old/bin/stays", "script");
    make_file("old/bin/mine", "nobody's");
    make_file("old/bin/pip", "old pip");
    make_file("old/pip.conf", "[global]");
    make_file("old/pyvenv.cfg", "old");
    distribution(
        SITE, "goes",
        "goes/__init__.py,,\ngoes/sub/deep.py,,\nshared/a.py,,\nshared/common.py,,\n../../../bin/goes,,\n"
        "../../../../../../../../etc/passwd,,\n/etc/hosts,,\ngoes-1.dist-info/RECORD,,\n");
    distribution(SITE, "stays",
                 "shared/b.py,,\nshared/common.py,,\n../../../bin/stays,,\nstays-1.dist-info/RECORD,,\n");
    make_link("shared/b.py", OLD "/link.py");
    make_link("/nowhere", "old/dangling");
    make_dir("old/empty/folder");
    make_dir("new/bin");
    make_dir("new/" SITE);
    make_file("new/bin/pip", "new pip");
    make_file("new/" SITE "/localstack-venv.pth", "new base");
}

static void carry(const char *site, const char *old_site, bool same, const char *leave_name)
{
    struct err err cleanup_err = ERR_INIT;
    char *folder = at(arena_printf(&files_memory, "old/%s", old_site));
    assert_int_equal(installed_scan(&folder, 1, &old, &err), 0);
    struct installed *leave[1] = {leave_name ? installed_find(&old, leave_name) : NULL};
    struct linker *linker cleanup_linker = linker_new(FS_HARDLINK);
    cleanup_close int to = open(at("new"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const struct stage_options options = {
        .old_dir = at("old"),
        .to = to,
        .site_packages = site,
        .old_site_packages = old_site,
        .same_python = same,
        .leave = leave,
        .leave_count = leave[0] ? 1 : 0,
        .linker = linker,
        .owners = &owners,
    };
    if (stage_carry_over(&options, &old, &err) < 0)
        fail_msg("%s", err.text);
}

static int teardown(void **state)
{
    installed_free(&old);
    strmap_free(&owners);
    owners = (struct strmap)STRMAP_INIT;
    return files_teardown(state);
}

static void test_what_goes_and_what_stays(void **state)
{
    (void)state;
    make_old();
    carry(SITE, SITE, true, "goes");
    assert_string_equal(names_in("new/" SITE),
                        "byhand.txt link.py localstack-venv.pth shared stays-1.dist-info");
    assert_string_equal(names_in("new/" SITE "/shared"), "__pycache__ b.py common.py");
    assert_string_equal(names_in("new/" SITE "/shared/__pycache__"), "b.cpython-311.pyc");
    assert_string_equal(names_in("new/" SITE "/stays-1.dist-info"), "RECORD extra");
    assert_string_equal(names_in("new/bin"), "mine pip stays");
    assert_string_equal(names_in("new"), "bin dangling empty lib pip.conf");
    assert_string_equal(names_in("new/empty"), "folder");
    assert_string_equal(content("new/bin/pip"), "new pip");
    assert_string_equal(content("new/" SITE "/localstack-venv.pth"), "new base");
    assert_string_equal(fs_readlink(&files_memory, AT_FDCWD, at("new/dangling"), NULL), "/nowhere");
    struct stat a, b;
    assert_int_equal(stat(at(OLD "/shared/b.py"), &a) | stat(at("new/" SITE "/shared/b.py"), &b), 0);
    assert_true(a.st_ino == b.st_ino);
}

static void test_owners(void **state)
{
    (void)state;
    make_old();
    carry(SITE, SITE, true, "goes");
    assert_string_equal(strmap_get(&owners, T(SITE "/shared/b.py")), "stays");
    assert_string_equal(strmap_get(&owners, T("bin/stays")), "stays");
    assert_null(strmap_get(&owners, T("bin/goes")));
    assert_null(strmap_get(&owners, T(SITE "/goes/__init__.py")));
}

static void test_nothing_leaves(void **state)
{
    (void)state;
    make_old();
    carry(SITE, SITE, true, NULL);
    assert_string_equal(names_in("new/" SITE "/goes"), "__init__.py __pycache__ sub");
    assert_string_equal(names_in("new/" SITE "/shared/__pycache__"), "a.cpython-311.pyc b.cpython-311.pyc");
}

static void test_a_rebuild_keeps_what_is_nobodys(void **state)
{
    (void)state;
    make_old();
    make_file("old/bin/python3.10", "");
    carry("lib/python3.12/site-packages", SITE, false, NULL);
    assert_string_equal(names_in("new"), "bin dangling empty lib pip.conf");
    assert_string_equal(names_in("new/bin"), "mine pip");
    assert_string_equal(names_in("new/" SITE), "localstack-venv.pth"); /* the test's own */
}

/* Or layout_check would ask for a rebuild at every boot. */
static void test_libraries_of_other_pythons_go(void **state)
{
    (void)state;
    make_old();
    make_file("old/lib/python3.9/site-packages/x.py", "");
    make_file("old/lib/mine/x", "");
    carry(SITE, SITE, true, NULL);
    assert_string_equal(names_in("new/lib"), "mine python3.11");
}

static void test_special_files_are_left(void **state)
{
    (void)state;
    make_old();
    assert_int_equal(mkfifo(at("old/bin/fifo"), 0600), 0);
    log_set_level(LOG_ERROR);
    carry(SITE, SITE, true, "goes");
    assert_false(is_there("new/bin/fifo"));
}

static void test_what_has_no_record_stays(void **state)
{
    (void)state;
    make_file(OLD "/egg.egg-info/PKG-INFO", "Name: egg\nVersion: 1\n");
    make_file(OLD "/egg.py", "");
    make_dir("new");
    log_set_level(LOG_ERROR);
    carry(SITE, SITE, true, "egg");
    assert_string_equal(names_in("new/" SITE), "egg.py");
}

static void test_too_deep(void **state)
{
    (void)state;
    struct err err cleanup_err = ERR_INIT;
    struct buf path cleanup_buf = BUF_INIT;
    buf_str(&path, OLD);
    for (int i = 0; i < 300; i++)
        buf_str(&path, "/d");
    make_dir(buf_cstr(&path));
    make_dir("new");
    char *folder = at(OLD);
    assert_int_equal(installed_scan(&folder, 1, &old, &err), 0);
    struct linker *linker cleanup_linker = linker_new(FS_HARDLINK);
    cleanup_close int to = open(at("new"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const struct stage_options options = {.old_dir = at("old"),
                                          .to = to,
                                          .site_packages = SITE,
                                          .old_site_packages = SITE,
                                          .same_python = true,
                                          .linker = linker,
                                          .owners = &owners};
    assert_int_equal(stage_carry_over(&options, &old, &err), -1);
    assert_non_null(strstr(err.text, "too deep"));
}

#define stage_test(f) cmocka_unit_test_setup_teardown(f, files_setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        stage_test(test_what_goes_and_what_stays),
        stage_test(test_owners),
        stage_test(test_nothing_leaves),
        stage_test(test_a_rebuild_keeps_what_is_nobodys),
        stage_test(test_libraries_of_other_pythons_go),
        stage_test(test_special_files_are_left),
        stage_test(test_what_has_no_record_stays),
        stage_test(test_too_deep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
