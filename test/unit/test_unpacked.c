/* SPDX-License-Identifier: Apache-2.0 */
#include "cases.h"
#include "venv/archive.h"
#include "venv/archive_bytes.h"
#include "venv/tree.h"
#include "venv/unpacked.h"
#include "venv/unpacked_list.h"
#include "venv/wheel_check.h"
#include "venv/wheel_path.h"
#include "wheel_zip.h"

#include <errno.h>
#include <sys/mman.h>

static const struct payload small[] = {
    {"demo/__init__.py", "x = 1\n"}, {"demo/sub/a.py", ""}, {"demo.py", "y\n"}, {0}};

static void test_paths(void **state)
{
    (void)state;
    struct cases c;
    cases_open(&c, "wheel-paths.txt");
    while (cases_next(&c)) {
        const char *fault = wheel_path_fault(c.input);
        if (!text_is(c.expected, fault ? fault : "ok"))
            fail_msg("line %zu: %s", c.line, fault ? fault : "ok");
    }
    cases_close(&c);
}

static void test_paths_that_are_no_utf8(void **state)
{
    (void)state;
    static const char *const bad[] = {"a\x80",        "a\xc0\xae",        "a\xc1\xbf",        "\xe0\x80\xaf",
                                      "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "a\xc3",
                                      "a\xe2\x82",    "a\xf0\x9f\x98"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_string_equal(wheel_path_fault(text_of(bad[i])), "is not UTF-8");
    assert_string_equal(wheel_path_fault(T("a\xc2\x9b")), "has a control character in it");
    assert_null(wheel_path_fault(T("a\xc2\xa0")));
}

static void test_quotes_fit_one_line(void **state)
{
    (void)state;
    char many[400];
    memset(many, 'x', sizeof many);
    cleanup_free char *odd = wheel_path_quote((struct text){"a\nb\0\x1b", 5});
    cleanup_free char *cut = wheel_path_quote((struct text){many, sizeof many});
    assert_string_equal(odd, "\"a\\x0ab\\x00\\x1b\"");
    assert_int_equal(strlen(cut), 200 + strlen("\"…\""));
}

static void test_extra_fields(void **state)
{
    (void)state;
    struct text field;
    const struct text two = T("\1\0\2\0ab\x75\x70\1\0c\0\0\0");
    assert_int_equal(archive_extra(two, 1, &field), 1);
    assert_true(text_is(field, "ab"));
    assert_int_equal(archive_extra(two, 0x7075, &field), 1);
    assert_true(text_is(field, "c"));
    assert_int_equal(archive_extra(two, 2, &field), 0);
    assert_int_equal(archive_extra(T("\1\0\0\0\1\0\0\0"), 1, &field), -1);
    assert_int_equal(archive_extra(T("\1\0\3\0ab"), 2, &field), -1);
}

static void test_data_dir(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    struct wheel_name name;
    assert_string_equal(wheel_data_dir(&a, "Flask-3.1.3.dist-info"), "Flask-3.1.3.data");
    assert_int_equal(wheel_name_parse(&a, T("foo_bar-1.0-py3-none-any.whl"), &name, NULL), 0);
    assert_true(wheel_info_is(&a, T("Foo.Bar-1.dist-info"), &name));
    assert_true(wheel_info_is(&a, T("foo_bar-1.0.0.data"), &name));
    assert_false(wheel_info_is(&a, T("foo_bar-1.1.dist-info"), &name));
    assert_false(wheel_info_is(&a, T("foo-1.0.dist-info"), &name));
    assert_false(wheel_info_is(&a, T("foo_bar.dist-info"), &name));
    assert_false(wheel_info_is(&a, T(""), &name));
}

/* ---- the list */

static struct unpacked_file listed[] = {
    {"demo/a b.py", 12, 1700000000123456789LL, false, 0644, "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"},
    {"demo/x", 0, 5, true, 0755, "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"},
};

static void write_list(struct buf *to, struct unpacked_file *files, size_t count)
{
    const struct unpacked u = {.sha256 = "abc",
                               .dist_info = WHEEL_INFO,
                               .data_dir = "demo-1.0.data",
                               .root_is_purelib = true,
                               .files = files,
                               .count = count};
    assert_int_equal(unpacked_list_write(to, &u, NULL), 0);
}

static int parse_list(struct arena *a, const char *bytes, size_t len, struct unpacked *out)
{
    return unpacked_list_parse(a, text_dup(a, (struct text){bytes, len}), len, out, NULL);
}

static void test_list_comes_back(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    struct buf list cleanup_buf = BUF_INIT;
    struct unpacked u;
    write_list(&list, listed, 2);
    assert_int_equal(parse_list(&a, list.ptr, list.len, &u), 0);
    assert_string_equal(u.sha256, "abc");
    assert_string_equal(u.dist_info, WHEEL_INFO);
    assert_string_equal(u.data_dir, "demo-1.0.data");
    assert_true(u.root_is_purelib);
    assert_int_equal(u.count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(u.files[i].path, listed[i].path);
        assert_string_equal(u.files[i].sha256, listed[i].sha256);
        assert_int_equal(u.files[i].size, listed[i].size);
        assert_int_equal(u.files[i].mtime_ns, listed[i].mtime_ns);
        assert_int_equal(u.files[i].mode, listed[i].mode);
        assert_int_equal(u.files[i].executable, listed[i].executable);
    }
}

static void test_list_that_is_damaged(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    struct buf list cleanup_buf = BUF_INIT;
    struct unpacked u;
    write_list(&list, listed, 2);
    for (size_t n = 0; n < list.len; n++) /* cut anywhere */
        assert_int_equal(parse_list(&a, list.ptr, n, &u), -1);
    for (size_t i = 0; i < list.len - 1; i++) { /* any one byte another */
        char was = list.ptr[i];
        list.ptr[i] = was == 'x' ? 'y' : 'x';
        assert_int_equal(parse_list(&a, list.ptr, list.len, &u), -1);
        list.ptr[i] = was;
    }
}

/* Sealed, but not what is ever written. */
static void test_list_that_lies(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    struct unpacked u;
    struct unpacked_file wrong[] = {listed[1], listed[0]}, outside[] = {listed[0]},
                         twice[] = {listed[0], listed[0]}, digest[] = {listed[0]};
    outside[0].path = "../demo";
    digest[0].sha256 = "short";
    struct {
        struct unpacked_file *files;
        size_t count;
    } lies[] = {{wrong, 2}, {outside, 1}, {twice, 2}, {digest, 1}};
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct buf list cleanup_buf = BUF_INIT;
        write_list(&list, lies[i].files, lies[i].count);
        assert_int_equal(parse_list(&a, list.ptr, list.len, &u), -1);
    }
}

/* ---- trees */

static void test_walk_opens_each_folder_once(void **state)
{
    (void)state;
    struct workshop w;
    struct err err cleanup_err = ERR_INIT;
    struct tree_walk walk;
    const char *name;
    workshop_open(&w);
    cleanup_close int root = open(w.dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    tree_walk_init(&walk, root, true);
    assert_int_equal(tree_walk_to(&walk, "top", &name, &err), root);
    assert_string_equal(name, "top");
    int deep = tree_walk_to(&walk, "a/b/c/file", &name, &err);
    assert_true(deep >= 0);
    assert_int_equal(tree_walk_to(&walk, "a/b/c/other", &name, &err), deep);
    assert_string_equal(name, "other");
    assert_true(tree_walk_to(&walk, "a/bb/x", &name, &err) >= 0); /* "a/b" is no folder of it */
    assert_true(tree_walk_to(&walk, "a/y", &name, &err) >= 0);
    assert_int_equal(walk.depth, 1);
    assert_int_equal(faccessat(root, "a/b/c", F_OK, 0) | faccessat(root, "a/bb", F_OK, 0), 0);
    assert_int_equal(symlinkat("/etc", root, "link"), 0);
    assert_int_equal(tree_walk_to(&walk, "link/passwd", &name, &err), -1);
    assert_int_equal(err.kind, ERR_INPUT);
    tree_walk_free(&walk);
    tree_walk_init(&walk, root, false);
    assert_int_equal(tree_walk_to(&walk, "nothing/x", &name, &err), -1);
    assert_int_equal(err.sysno, ENOENT);
    tree_walk_free(&walk);
    workshop_close(&w);
}

static void test_mode_whatever_the_umask(void **state)
{
    (void)state;
    struct workshop w;
    struct stat st;
    workshop_open(&w);
    cleanup_close int root = open(w.dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    mode_t before = umask(0077);
    int result = tree_write(root, "x", T("x"), true, NULL) | tree_write(root, "y", T("y"), false, NULL);
    umask(before);
    assert_int_equal(result, 0);
    assert_int_equal(fstatat(root, "x", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
    assert_int_equal(fstatat(root, "y", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
    assert_int_equal(tree_write(root, "x", T("again"), true, NULL), -1);
    workshop_close(&w);
}

/* ---- entries */

static void test_make_open_and_verify(void **state)
{
    (void)state;
    struct workshop w;
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct unpacked u, again;
    workshop_open(&w);
    workshop_wheel(&w, small);
    assert_int_equal(unpacked_open(&a, w.cache, w.key, true, &u, &err), -1);
    assert_int_equal(err.kind, ERR_NOT_FOUND);
    if (unpacked_make(&a, w.cache, w.key, w.fd, WHEEL_NAME, &u, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(u.count, 6);
    assert_string_equal(u.files[0].path, WHEEL_INFO "/METADATA");
    assert_string_equal(u.files[3].path, "demo.py");
    assert_string_equal(u.files[4].path, "demo/__init__.py");
    assert_int_equal(u.files[4].size, 6);
    assert_string_equal(u.dist_info, WHEEL_INFO);
    assert_int_equal(unpacked_open(&a, w.cache, w.key, true, &again, &err), 0);
    assert_int_equal(again.count, 6);
    assert_true(unpacked_is(&again, WHEEL_NAME));
    assert_false(unpacked_is(&again, "other-1.0-py3-none-any.whl"));

    char *file = arena_printf(&a, "%s/tree/demo.py", u.dir);
    assert_int_equal(truncate(file, 1), 0);
    assert_int_equal(unpacked_open(&a, w.cache, w.key, false, &again, &err), 0);
    assert_int_equal(unpacked_open(&a, w.cache, w.key, true, &again, &err), -1);
    assert_int_equal(err.kind, ERR_NOT_FOUND);
    assert_int_equal(access(u.dir, F_OK), -1);
    workshop_close(&w);
}

/* What a kubelet does to a volume for fsGroup is no difference; anything else is. */
static void test_modes_are_compared(void **state)
{
    (void)state;
    struct workshop w;
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct unpacked u;
    static const mode_t others[] = {0600, 0640, 0654, 0666, 0764, 04644};
    workshop_open(&w);
    workshop_wheel(&w, small);
    assert_int_equal(unpacked_make(&a, w.cache, w.key, w.fd, WHEEL_NAME, &u, &err), 0);
    assert_int_equal(chmod(arena_printf(&a, "%s/tree/demo.py", u.dir), 0664), 0);
    assert_int_equal(unpacked_open(&a, w.cache, w.key, true, &u, &err), 0);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_int_equal(unpacked_make(&a, w.cache, w.key, w.fd, WHEEL_NAME, &u, &err), 0);
        assert_int_equal(chmod(arena_printf(&a, "%s/tree/demo.py", u.dir), others[i]), 0);
        assert_int_equal(unpacked_open(&a, w.cache, w.key, true, &u, &err), -1);
        assert_int_equal(err.kind, ERR_NOT_FOUND);
        assert_int_equal(access(arena_printf(&a, "%s/unpacked/%s", w.cache, w.key), F_OK), -1);
    }
    workshop_close(&w);
}

/* Other bytes of the same size at the same time, as a disk that forgets, or an editor that puts times back,
 * leaves them. */
static void test_bytes_are_compared(void **state)
{
    (void)state;
    struct workshop w;
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct unpacked u, again;
    struct stat st;
    workshop_open(&w);
    workshop_wheel(&w, small);
    assert_int_equal(unpacked_make(&a, w.cache, w.key, w.fd, WHEEL_NAME, &u, &err), 0);
    assert_int_equal(unpacked_verify(w.cache, &u, &err), 0);
    char *file = arena_printf(&a, "%s/tree/demo.py", u.dir);
    assert_int_equal(stat(file, &st), 0);
    cleanup_close int fd = open(file, O_WRONLY | O_CLOEXEC);
    assert_int_equal(write(fd, "z", 1), 1);
    const struct timespec times[2] = {st.st_atim, st.st_mtim};
    assert_int_equal(futimens(fd, times), 0);
    assert_int_equal(unpacked_open(&a, w.cache, w.key, true, &again, &err), 0);
    assert_int_equal(unpacked_verify(w.cache, &again, &err), -1);
    assert_int_equal(err.kind, ERR_NOT_FOUND);
    assert_int_equal(access(u.dir, F_OK), -1);
    workshop_close(&w);
}

static void test_key_is_no_path(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct unpacked u;
    static const char *const keys[] = {"", "..", "../../x", "ABC",
                                       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        assert_int_equal(unpacked_open(&a, "/nowhere", keys[i], true, &u, &err), -1);
        assert_int_equal(err.kind, ERR_INPUT);
    }
}

/* Cut anywhere, it is refused before anything is read from it. */
static void test_archive_cut_anywhere(void **state)
{
    (void)state;
    struct workshop w;
    struct buf whole cleanup_buf = BUF_INIT;
    workshop_open(&w);
    workshop_wheel(&w, small);
    assert_int_equal(fs_read(AT_FDCWD, w.wheel, 1 << 20, &whole, NULL), 0);
    for (size_t i = 0; i < whole.len; i++) {
        struct arena a cleanup_arena = ARENA_INIT;
        struct err err cleanup_err = ERR_INIT;
        struct archive z;
        cleanup_close int fd = memfd_create("cut", MFD_CLOEXEC);
        assert_int_equal(fs_write_fd(fd, text_first(buf_view(&whole), i), "cut", &err), 0);
        assert_int_equal(archive_open(&a, fd, &z, &err), -1);
        assert_int_equal(err.kind, ERR_INPUT);
    }
    workshop_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_paths_that_are_no_utf8),
        cmocka_unit_test(test_quotes_fit_one_line),
        cmocka_unit_test(test_extra_fields),
        cmocka_unit_test(test_data_dir),
        cmocka_unit_test(test_list_comes_back),
        cmocka_unit_test(test_list_that_is_damaged),
        cmocka_unit_test(test_list_that_lies),
        cmocka_unit_test(test_walk_opens_each_folder_once),
        cmocka_unit_test(test_mode_whatever_the_umask),
        cmocka_unit_test(test_make_open_and_verify),
        cmocka_unit_test(test_modes_are_compared),
        cmocka_unit_test(test_bytes_are_compared),
        cmocka_unit_test(test_key_is_no_path),
        cmocka_unit_test(test_archive_cut_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
