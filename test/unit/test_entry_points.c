/* SPDX-License-Identifier: Apache-2.0 */
#include "cases.h"
#include "python/entry_points.h"

static void test_table(void **state)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct cases c;
    (void)state;
    cases_open(&c, "python/entry-points.txt");
    while (cases_next(&c)) {
        struct entry_points points;
        struct err err cleanup_err = ERR_INIT;
        struct buf got cleanup_buf = BUF_INIT;
        char *expected = text_dup(&a, c.expected);
        if (entry_points_parse(&a, c.input, &points, &err) < 0) {
            assert_int_equal(err.kind, ERR_INPUT);
            if (!text_starts(c.expected, T("error: ")) || !strstr(err.text, expected + strlen("error: ")))
                fail_msg("line %zu: %s", c.line, err.text);
            continue;
        }
        for (size_t i = 0; i < points.count; i++) {
            const struct entry_point *e = &points.items[i];
            buf_printf(&got, "%s%s/%s=%s:%s", i ? " " : "", e->group, e->name, e->module, e->attribute);
        }
        if (strcmp(buf_cstr(&got), expected) != 0)
            fail_msg("line %zu: %s", c.line, got.ptr);
    }
    cases_close(&c);
}

static void test_union(void **state)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct text out;
    (void)state;
    assert_int_equal(entry_points_union(&a, T("[b]\nx = one:X\n[a]\nz = one\n"),
                                        T("[a]\ny = two:Y\nz = two:Z\n[c.d]\nv=two : V\n"), &out, &err),
                     0);
    assert_string_equal(text_dup(&a, out), "[a]\ny = two:Y\nz = one\n\n[b]\nx = one:X\n\n[c.d]\nv = two:V\n");
    assert_int_equal(entry_points_union(&a, T(""), T(""), &out, &err), 0);
    assert_int_equal(out.len, 0);
    assert_true(entry_points_union(&a, T("[a]\nx = b:c\n"), T("no group"), &out, &err) < 0);
    assert_int_equal(err.kind, ERR_INPUT);
}

static void test_many_entries(void **state)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct buf text cleanup_buf = BUF_INIT;
    struct entry_points points;
    (void)state;
    for (int i = 0; i < 50000; i++)
        buf_printf(&text, "[g%d]\nn%d = m:a%d\n continued\n", i % 7, i % 25000, i);
    assert_int_equal(entry_points_parse(&a, buf_view(&text), &points, NULL), 0);
    assert_int_equal(points.count, 50000); /* 25,000 is no multiple of 7: each pair comes once */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_union),
        cmocka_unit_test(test_many_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
