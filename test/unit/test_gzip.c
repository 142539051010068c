/* SPDX-License-Identifier: Apache-2.0 */
#include "build/gzip.h"

#include "files.h"
#include "tar_bytes.h"

/* Bytes that compress badly, so that pieces of the input end in every place. */
static void noise(struct buf *to, size_t n)
{
    uint32_t x = 1;
    char *at = buf_reserve(to, n);
    for (size_t i = 0; i < n; i++, x = x * 1664525 + 1013904223)
        at[i] = (char)(x >> 29);
    to->len += n;
}

/* All that comes out; the message of the fault, "" where there is none. */
static const char *unpack(struct text packed, struct buf *out)
{
    struct err err cleanup_err = ERR_INIT;
    struct text piece;
    int result;
    assert_int_equal(fs_write(AT_FDCWD, at("file.gz"), packed, 0644, false, NULL), 0);
    cleanup_close int fd = open(at("file.gz"), O_RDONLY | O_CLOEXEC);
    struct gzip *g cleanup_gzip = gzip_new(fd);
    lseek(fd, 5, SEEK_SET);
    while ((result = gzip_next(g, &piece, &err)) == 1) {
        assert_true(piece.len > 0);
        buf_text(out, piece);
    }
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 5);
    if (result == 0) {
        assert_int_equal(gzip_next(g, &piece, &err), 0);
        return "";
    }
    assert_int_equal(err.kind, ERR_INPUT);
    return text_dup(&files_memory, text_of(err.text));
}

static void assert_unpacks(struct text packed, struct text bytes, const char *fault)
{
    struct buf out cleanup_buf = BUF_INIT;
    assert_string_equal(unpack(packed, &out), fault);
    assert_int_equal(out.len, bytes.len);
    assert_true(text_eq(buf_view(&out), bytes));
}

static void test_sizes(void **state)
{
    static const size_t sizes[] = {0,      1,       131071,  131072,   131073,
                                   262144, 1000000, 5000000, 31 << 20, 33 << 20};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct buf bytes cleanup_buf = BUF_INIT, packed cleanup_buf = BUF_INIT;
        if (sizes[i] > 5000000) {
            memset(buf_reserve(&bytes, sizes[i]), 'x', sizes[i]);
            bytes.len = sizes[i];
        } else {
            noise(&bytes, sizes[i]);
        }
        gzip_make(&packed, buf_view(&bytes));
        assert_unpacks(buf_view(&packed), buf_view(&bytes), "");
    }
}

static void test_members(void **state)
{
    static const size_t sizes[] = {1, 131072, 400000};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct buf bytes cleanup_buf = BUF_INIT, packed cleanup_buf = BUF_INIT;
        noise(&bytes, sizes[i]);
        gzip_make(&packed, buf_view(&bytes));
        gzip_make(&packed, T(""));
        gzip_make(&packed, T("the end"));
        buf_str(&bytes, "the end");
        assert_unpacks(buf_view(&packed), buf_view(&bytes), "");
        memset(buf_reserve(&packed, 100000), 0, 100000);
        packed.len += 100000;
        assert_unpacks(buf_view(&packed), buf_view(&bytes), "");
        buf_str(&packed, "more");
        assert_unpacks(buf_view(&packed), buf_view(&bytes), "it is no gzip archive, or damaged");
    }
}

/* The size at the end of the file is that of the first of them as well. */
static void test_members_of_one_size(void **state)
{
    struct buf bytes cleanup_buf = BUF_INIT, packed cleanup_buf = BUF_INIT;
    (void)state;
    noise(&bytes, 400000);
    gzip_make(&packed, buf_view(&bytes));
    gzip_make(&packed, buf_view(&bytes));
    noise(&bytes, 400000);
    assert_unpacks(buf_view(&packed), buf_view(&bytes), "");
}

/* What comes before a fault is handed out. */
static void test_faults(void **state)
{
    enum { SIZE = 400000, KEPT = 100000 };
    struct buf bytes cleanup_buf = BUF_INIT, packed cleanup_buf = BUF_INIT, out cleanup_buf = BUF_INIT;
    (void)state;
    noise(&bytes, SIZE);
    gzip_make(&packed, buf_view(&bytes));
    assert_string_equal(unpack(text_first(buf_view(&packed), packed.len / 2), &out),
                        "the archive is cut short");
    assert_true(out.len > KEPT && out.len < SIZE && memcmp(out.ptr, bytes.ptr, out.len) == 0);
    for (size_t cut = 1; cut <= 8; cut++)
        assert_unpacks(text_first(buf_view(&packed), packed.len - cut), buf_view(&bytes),
                       "the archive is cut short");
    for (size_t at_end = 1; at_end <= 8; at_end++) { /* of the checksum and the size */
        packed.ptr[packed.len - at_end] ^= 1;
        assert_unpacks(buf_view(&packed), buf_view(&bytes), "it is no gzip archive, or damaged");
        packed.ptr[packed.len - at_end] ^= 1;
    }
    assert_unpacks(T(""), T(""), "the archive is cut short");
    assert_unpacks(T("\x1f"), T(""), "the archive is cut short");
    assert_unpacks(T("PK\3\4 and so on"), T(""), "it is no gzip archive, or damaged");
    assert_unpacks(T("\0\0\0\0"), T(""), "it is no gzip archive, or damaged");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        files_test(test_sizes),
        files_test(test_members),
        files_test(test_members_of_one_size),
        files_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
