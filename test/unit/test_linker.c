/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"
#include "venv/linker.h"

#include "files.h"

#include <errno.h>

enum { FOLDERS = 12, FILES = 16 };

static const char *numbered(const char *what, int folder, int file)
{
    return file < 0 ? arena_printf(&files_memory, "%s/%d", what, folder)
                    : arena_printf(&files_memory, "%s/%d/%d.py", what, folder, file);
}

static int open_at(const char *path)
{
    int fd = open(at(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* Copies of files of this size take long enough for threads to be asked in. */
static char *big(int folder, int file)
{
    enum { SIZE = 1 << 18 };
    char *bytes = arena_alloc(&files_memory, SIZE + 1);
    memset(bytes, 'a' + (folder + file) % 26, SIZE);
    return bytes;
}

static void fill(void)
{
    for (int i = 0; i < FOLDERS; i++) {
        make_dir(numbered("to", i, -1));
        for (int k = 0; k < FILES; k++)
            make_file(numbered("from", i, k), big(i, k));
    }
}

/* `expected`: of every file, or NULL. */
static void add_folder(struct linker *l, int i, enum linker_found found, const struct unpacked_file *expected)
{
    cleanup_close int from = open_at(numbered("from", i, -1)), to = open_at(numbered("to", i, -1));
    const struct linker_folder folder = {from, to, numbered("to", i, -1), found, (size_t)i};
    assert_int_equal(linker_enter(l, &folder, NULL), 0);
    for (int k = 0; k < FILES; k++) {
        const char *name = arena_printf(&files_memory, "%d.py", k);
        linker_add(l, name, name, expected);
    }
    /* What was to be done at once is done; what waits has descriptors of its own. */
    if (i % 3 == 2)
        assert_int_equal(linker_enter(l, &folder, NULL), 0);
}

static void test_each_way(void **state)
{
    (void)state;
    fill();
    for (enum fs_way way = FS_HARDLINK; way <= FS_COPY; way++) {
        struct linker *l cleanup_linker = linker_new(way);
        for (int i = 0; i < FOLDERS; i++)
            add_folder(l, i, LINKER_REFUSE, NULL);
        assert_int_equal(linker_wait(l, NULL, NULL), 0);
        for (int i = 0; i < FOLDERS; i++)
            for (int k = 0; k < FILES; k++) {
                assert_string_equal(content(numbered("to", i, k)), big(i, k));
                assert_int_equal(unlink(at(numbered("to", i, k))), 0);
            }
    }
}

/* The first that fails is reported, however many do, and whichever thread comes upon one first. */
static void test_first_failure(void **state)
{
    (void)state;
    for (enum fs_way way = FS_HARDLINK; way <= FS_COPY; way++) {
        fill();
        make_file("to/5/3.py", "of nobody");
        make_file("to/9/0.py", "of nobody");
        struct err err cleanup_err = ERR_INIT;
        struct linker *l cleanup_linker = linker_new(way);
        size_t owner = 100;
        for (int i = 0; i < FOLDERS; i++)
            add_folder(l, i, i < 5 ? LINKER_REPLACE : LINKER_REFUSE, NULL);
        assert_int_equal(linker_wait(l, &owner, &err), -1);
        assert_int_equal(owner, 5);
        assert_non_null(strstr(err.text, "it would overwrite to/5/3.py, which is there already"));
        assert_string_equal(content("to/5/3.py"), "of nobody");
        /* It is ready for more. */
        add_folder(l, 9, LINKER_REPLACE, NULL);
        assert_int_equal(linker_wait(l, &owner, &err), 0);
        assert_string_equal(content("to/9/0.py"), big(9, 0));
        assert_int_equal(fs_remove_tree(AT_FDCWD, at("to"), NULL), 0);
    }
}

static void test_what_is_there(void **state)
{
    (void)state;
    fill();
    make_file("to/0/1.py", "older");
    struct linker *l cleanup_linker = linker_new(FS_HARDLINK);
    add_folder(l, 0, LINKER_KEEP, NULL);
    assert_int_equal(linker_wait(l, NULL, NULL), 0);
    assert_string_equal(content("to/0/1.py"), "older");
    add_folder(l, 0, LINKER_REPLACE, NULL);
    assert_int_equal(linker_wait(l, NULL, NULL), 0);
    assert_string_equal(content("to/0/1.py"), big(0, 1));
}

static void test_a_file_that_changed(void **state)
{
    (void)state;
    fill();
    struct err err cleanup_err = ERR_INIT;
    struct stat st;
    assert_int_equal(stat(at("from/0/0.py"), &st), 0);
    struct unpacked_file expected = {.path = "0.py",
                                     .size = st.st_size + 1,
                                     .mtime_ns = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec,
                                     .mode = st.st_mode & 07777};
    struct linker *l cleanup_linker = linker_new(FS_HARDLINK);
    add_folder(l, 0, LINKER_REFUSE, &expected);
    assert_int_equal(linker_wait(l, NULL, &err), -1);
    assert_string_equal(err.text, "0.py has another size");
    assert_false(is_there("to/0/0.py"));
}

/* Big ones take long enough to remove for threads to be asked in. */
static void test_removing_a_tree(void **state)
{
    (void)state;
    struct err err cleanup_err = ERR_INIT;
    fill();
    make_file("from/0/deep/er/x.py", "");
    make_link("/", "from/0/link");
    assert_int_equal(chmod(at("from/0/deep"), 0), 0);
    if (fs_remove_tree(AT_FDCWD, at("from"), &err) < 0)
        fail_msg("%s", err.text);
    assert_false(is_there("from"));
    assert_true(access("/", F_OK) == 0 && is_there("to"));
    assert_int_equal(fs_remove_tree(AT_FDCWD, at("from"), NULL), 0);
}

#define linker_test(f) cmocka_unit_test_setup_teardown(f, files_setup, files_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        linker_test(test_each_way),        linker_test(test_first_failure),
        linker_test(test_what_is_there),   linker_test(test_a_file_that_changed),
        linker_test(test_removing_a_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
