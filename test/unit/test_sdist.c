/* SPDX-License-Identifier: Apache-2.0 */
#include "build/sdist.h"

#include "cases.h"
#include "files.h"
#include "tar_bytes.h"

#include <zip.h>

/* "FOLDER STATIC|WHY_NOT", or the kind of the error and its message. */
static void read_into(struct text archive, const char *name, struct buf *to)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct sdist_info info;
    assert_int_equal(fs_write(AT_FDCWD, at("archive"), archive, 0644, false, NULL), 0);
    cleanup_close int fd = open(at("archive"), O_RDONLY | O_CLOEXEC);
    lseek(fd, 3, SEEK_SET);
    if (sdist_read(&a, fd, name, &info, &err) < 0) {
        assert_true(err.kind == ERR_INPUT || err.kind == ERR_NOT_FOUND);
        assert_true(text_starts(text_of(err.text), text_of(name)));
        buf_printf(to, "%s%s", err.kind == ERR_INPUT ? "error" : "build", err.text + strlen(name));
        return;
    }
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 3);
    assert_true(info.is_static == !info.why_not);
    buf_printf(to, "%s %s %s: %s", info.folder, info.metadata.normalized, info.metadata.version.text,
               info.is_static ? "static" : info.why_not);
}

/* The name of the file, a blank, its members. */
static void test_tar_table(void **state)
{
    struct cases c;
    (void)state;
    cases_open(&c, "build/sdist.txt");
    while (cases_next(&c)) {
        struct buf tar cleanup_buf = BUF_INIT, packed cleanup_buf = BUF_INIT, got cleanup_buf = BUF_INIT;
        struct text spec = c.input, name;
        text_cut(&spec, ' ', &name);
        tar_make(&tar, spec);
        gzip_make(&packed, buf_view(&tar));
        read_into(buf_view(&packed), text_dup(&files_memory, name), &got);
        if (!text_eq(buf_view(&got), c.expected))
            fail_msg("line %zu: %s", c.line, got.ptr);
    }
    cases_close(&c);
}

#define INFO_22 "Metadata-Version: 2.2\nName: foo\nVersion: 1.0\n"

static void test_names_of_files(void **state)
{
    static const struct {
        const char *file, *name, *version;
        bool fits;
    } rows[] = {
        {"foo-1.0.tar.gz", "foo", "1.0", true},
        {"foo-1.0.tgz", "Foo", "1", true},
        {"Foo.Bar-1.0rc1.tar.gz", "foo_bar", "1.0-RC.1", true},
        {"foo-bar-1.0.tar.gz", "foo-bar", "1.0", true},
        {"foo-1.0-1.tar.gz", "foo", "1.0.post1", true},
        {"bar-1.0.tgz", "foo", "1.0", false},
        {"foo-1.0.tar.gz", "foo", "1.1", false},
        {"foo-1.0.tar.gz", "bar", "1.0", false},
        {"foo-1.0.tar.gz", "foo", "1.0+local", false},
        {"foo-bar-1.0.tar.gz", "foo", "1.0", false},
        {"foo-bar-1.0.tar.gz", "bar", "1.0", false},
        /* These say nothing. */
        {"v1.0.tar.gz", "foo", "1.0", true},
        {"_-1.0.tar.gz", "foo", "1.0", true},
        {"foo-main.tar.gz", "bar", "1.0", true},
        {"download.tgz", "foo", "1.0", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf spec cleanup_buf = BUF_INIT, tar cleanup_buf = BUF_INIT, packed cleanup_buf = BUF_INIT,
                        got cleanup_buf = BUF_INIT;
        buf_printf(&spec, "0 foo/PKG-INFO =Metadata-Version: 2.2\nName: %s\nVersion: %s\n", rows[i].name,
                   rows[i].version);
        tar_make(&tar, buf_view(&spec));
        gzip_make(&packed, buf_view(&tar));
        read_into(buf_view(&packed), rows[i].file, &got);
        if ((text_ends(buf_view(&got), T("static")) != 0) != rows[i].fits)
            fail_msg("%s: %s", rows[i].file, got.ptr);
        if (!rows[i].fits)
            assert_non_null(strstr(got.ptr, "error: its PKG-INFO is that of "));
    }
}

/* Nothing is looked at behind PKG-INFO: a fault there, or the lack of an end, costs nothing. */
static void test_early_end(void **state)
{
    struct buf tar cleanup_buf = BUF_INIT, packed cleanup_buf = BUF_INIT, got cleanup_buf = BUF_INIT;
    (void)state;
    tar_make(&tar, T("0 foo-1.0/PKG-INFO =" INFO_22 "|0 foo-1.0/rest +9000000"));
    gzip_make(&packed, buf_view(&tar));
    read_into(text_first(buf_view(&packed), packed.len / 2), "foo-1.0.tar.gz", &got);
    assert_string_equal(got.ptr, "foo-1.0 foo 1.0: static");
}

/* So many MiB before PKG-INFO, in gzip members of one each, some of whose bytes do not compress. */
static void read_behind(size_t count, size_t random_bytes, struct buf *got)
{
    enum { MIB = 1 << 20 };
    struct buf tar cleanup_buf = BUF_INIT, block cleanup_buf = BUF_INIT, packed cleanup_buf = BUF_INIT,
                   member cleanup_buf = BUF_INIT;
    uint32_t x = 1;
    memset(buf_reserve(&block, MIB), 0, MIB);
    block.len = MIB;
    for (size_t i = 0; i < random_bytes; i++, x = x * 1664525 + 1013904223)
        block.ptr[i] = (char)(x >> 24);
    gzip_make(&member, buf_view(&block));

    char *spec = arena_printf(&files_memory, "0 foo-1.0/a|size 00%09zo", count * MIB);
    tar_make(&tar, text_of(spec));
    gzip_make(&packed, buf_view(&tar));
    for (size_t i = 0; i < count; i++)
        buf_text(&packed, buf_view(&member));
    buf_clear(&tar);
    tar_make(&tar, T("0 foo-1.0/PKG-INFO =" INFO_22));
    gzip_make(&packed, buf_view(&tar));
    read_into(buf_view(&packed), "foo-1.0.tar.gz", got);
}

static void test_limits(void **state)
{
    static const struct {
        size_t count, random_bytes;
        const char *expected;
    } rows[] = {
        {255, 0, "foo-1.0 foo 1.0: static"},
        {257, 0, "error: it unpacks to more than 200 times its size, which no honest archive does"},
        {257, 10000, "build: it has no PKG-INFO in its first 256 MiB, and has to be built to be known"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf got cleanup_buf = BUF_INIT;
        read_behind(rows[i].count, rows[i].random_bytes, &got);
        assert_string_equal(got.ptr, rows[i].expected);
    }
}

static void test_large_info(void **state)
{
    static const struct {
        size_t size;
        const char *expected;
    } rows[] = {
        {16 << 20, "foo-1.0 foo 1.0: static"},
        {(16 << 20) + 1, "error: PKG-INFO: it is larger than 16 MiB"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf spec cleanup_buf = BUF_INIT, tar cleanup_buf = BUF_INIT, packed cleanup_buf = BUF_INIT,
                        got cleanup_buf = BUF_INIT;
        buf_str(&spec, "0 foo-1.0/PKG-INFO =" INFO_22 "\n");
        size_t filling = rows[i].size - strlen(INFO_22 "\n");
        memset(buf_reserve(&spec, filling), 'x', filling);
        spec.len += filling;
        tar_make(&tar, buf_view(&spec));
        gzip_make(&packed, buf_view(&tar));
        read_into(buf_view(&packed), "foo-1.0.tar.gz", &got);
        assert_string_equal(got.ptr, rows[i].expected);
    }
}

static void test_zip(void **state)
{
    enum { MOST_FILES = 3 };
    static const struct {
        const char *files[MOST_FILES], *expected;
    } rows[] = {
        {{"foo-1.0/setup.py", "foo-1.0/PKG-INFO", "foo-1.0/foo.egg-info/PKG-INFO"},
         "foo-1.0 foo 1.0: static"},
        {{"foo-1.0/", "foo-1.0/a", NULL},
         "build: it has no PKG-INFO in its top folder, and has to be built to "
         "be known"},
        {{"PKG-INFO", "foo.egg-info/PKG-INFO", "foo/PKG-INFO/x"},
         "build: it has no PKG-INFO in its top folder, and has to be built to be known"},
        {{"foo-1.0/PKG-INFO/", "foo-1.0/a", NULL},
         "build: it has no PKG-INFO in its top folder, and has to be built to be known"},
        {{"foo-1.0/PKG-INFO", "bar/PKG-INFO", NULL}, "error: it has a PKG-INFO in two top folders"},
        {{"foo-1.0/../PKG-INFO", NULL, NULL},
         "error: the entry \"foo-1.0/../PKG-INFO\" leads out of its folder"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf bytes cleanup_buf = BUF_INIT, got cleanup_buf = BUF_INIT;
        zip_t *zip = zip_open(at("made.zip"), ZIP_CREATE | ZIP_TRUNCATE, NULL);
        for (size_t f = 0; f < MOST_FILES && rows[i].files[f]; f++) {
            const char *path = rows[i].files[f];
            if (text_ends(text_of(path), T("/")))
                assert_true(zip_dir_add(zip, path, 0) >= 0);
            else
                assert_true(zip_file_add(zip, path, zip_source_buffer(zip, INFO_22, strlen(INFO_22), 0), 0) >=
                            0);
        }
        assert_int_equal(zip_close(zip), 0);
        assert_int_equal(fs_read(AT_FDCWD, at("made.zip"), 1 << 20, &bytes, NULL), 0);
        read_into(buf_view(&bytes), "foo-1.0.zip", &got);
        assert_string_equal(got.ptr, rows[i].expected);
    }
}

static void test_other_forms(void **state)
{
    static const char *const names[] = {"foo-1.0.tar", "foo-1.0.tar.bz2", "foo-1.0.tar.xz", "foo-1.0.gz",
                                        "foo"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct buf got cleanup_buf = BUF_INIT;
        read_into(T(""), names[i], &got);
        assert_string_equal(got.ptr, "build: an archive of this form has to be built to be known");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        files_test(test_tar_table),   files_test(test_names_of_files), files_test(test_early_end),
        files_test(test_limits),      files_test(test_large_info),     files_test(test_zip),
        files_test(test_other_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
