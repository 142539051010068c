/* SPDX-License-Identifier: Apache-2.0 */
#include "build/tar.h"

#include "cases.h"
#include "tar_bytes.h"

/* Pieces of a size that no block is a multiple of. */
struct pieces {
    struct text rest;
    size_t size;
};

static int next_piece(void *context, struct text *piece, struct err *err)
{
    struct pieces *p = context;
    (void)err;
    *piece = text_first(p->rest, p->size);
    p->rest = text_from(p->rest, piece->len);
    return piece->len > 0;
}

static void list(struct text bytes, size_t piece, struct buf *to)
{
    static const char *const kinds[] = {[TAR_FILE] = "file", [TAR_FOLDER] = "folder", [TAR_OTHER] = "other"};
    struct pieces p = {bytes, piece};
    struct err err cleanup_err = ERR_INIT;
    struct tar tar cleanup_tar;
    struct tar_member m;
    int result;
    tar_open(&tar, next_piece, &p);
    while ((result = tar_next(&tar, &m, &err)) == 1)
        buf_printf(to, "%s%s %.*s %llu", to->len ? "|" : "", kinds[m.kind], TEXT_ARG(m.path),
                   (unsigned long long)m.size);
    if (result == 0) {
        assert_int_equal(tar_next(&tar, &m, &err), 0);
        return;
    }
    assert_int_equal(err.kind, ERR_INPUT);
    buf_printf(to, "%serror: %s", to->len ? "|" : "", err.text);
}

static void test_table(void **state)
{
    static const size_t sizes[] = {1, 100, 512, 1000, 1 << 20};
    struct cases c;
    (void)state;
    cases_open(&c, "build/tar.txt");
    while (cases_next(&c)) {
        struct buf bytes cleanup_buf = BUF_INIT;
        tar_make(&bytes, c.input);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            struct buf got cleanup_buf = BUF_INIT;
            list(buf_view(&bytes), sizes[i], &got);
            if (!text_eq(buf_view(&got), c.expected))
                fail_msg("line %zu, pieces of %zu: %s", c.line, sizes[i], buf_cstr(&got));
        }
    }
    cases_close(&c);
}

static void test_contents(void **state)
{
    struct buf bytes cleanup_buf = BUF_INIT, got cleanup_buf = BUF_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct tar tar cleanup_tar;
    struct tar_member m;
    (void)state;
    tar_make(&bytes, T("0 a =one|0 b +1000|0 c =|0 d =four|cut 510"));
    struct pieces p = {buf_view(&bytes), 700};
    tar_open(&tar, next_piece, &p);
    assert_int_equal(tar_next(&tar, &m, &err), 1);
    assert_int_equal(tar_read(&tar, 3, &got, &err), 0);
    assert_string_equal(got.ptr, "one");
    assert_int_equal(tar_next(&tar, &m, &err), 1);
    assert_int_equal(tar_read(&tar, 999, &got, &err), -1);
    assert_string_equal(err.text, "it is larger than 999 bytes");
    assert_int_equal(tar_read(&tar, 1000, &got, &err), 0);
    assert_int_equal(got.len, 1003);
    assert_int_equal(tar_next(&tar, &m, &err), 1);
    assert_int_equal(tar_read(&tar, 0, &got, &err), 0);
    assert_int_equal(got.len, 1003);
    assert_int_equal(tar_next(&tar, &m, &err), 1);
    assert_int_equal(tar_read(&tar, 4, &got, &err), -1);
    assert_string_equal(err.text, "the archive is cut short");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_contents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
