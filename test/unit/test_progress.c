/* SPDX-License-Identifier: Apache-2.0 */
#include "base/progress.h"
#include "test.h"

static void check_fit(const char *line, size_t columns, const char *expected)
{
    struct buf out cleanup_buf = BUF_INIT;
    progress_fit(&out, text_of(line), columns);
    assert_string_equal(buf_cstr(&out), expected);
}

static void test_a_line_is_cut_where_the_terminal_ends(void **state)
{
    (void)state;
    check_fit("downloading", 11, "downloading");
    check_fit("downloading", 10, "download…");
    check_fit("downloading", 3, "d…");
    check_fit("downloading", 2, "…");
    check_fit("downloading", 1, "");
    check_fit("downloading", 0, "");
    check_fit("", 10, "");
    /* whatever is not ASCII counts as two columns, and is never cut in its middle */
    check_fit("äöü", 6, "äöü");
    check_fit("äöü", 5, "ä…");
    check_fit("a日本", 4, "a…");
    check_fit("a日本", 5, "a日本");
}

static void test_a_line_is_one_line_without_controls_and_secrets(void **state)
{
    (void)state;
    check_fit("a\033[2Jb", 80, "a\\x1b[2Jb");
    check_fit("a\rb\nc", 80, "a\\x0db   c");
    check_fit("a\xff", 80, "a\\xff");
    check_fit("from https://user:secret@host/x", 80, "from https://user:****@host/x");
    check_fit("from https://user:secret@host/x", 20, "from https://user:…");
}

static void test_a_rate_follows_and_falls(void **state)
{
    struct progress_rate r = {0};
    (void)state;
    assert_true(progress_rate(&r, 1000, 0) == 0);
    assert_true(progress_rate(&r, 1000, 500) == 0); /* no time has passed */
    assert_true(progress_rate(&r, 1100, 1000) == 10000);
    assert_true(progress_rate(&r, 1200, 2000) == 10000);
    double falling = progress_rate(&r, 1700, 2000);
    assert_true(falling > 0 && falling < 10000);
    assert_true(progress_rate(&r, 2800, 2000) == 0);
    assert_true(progress_rate(&r, 2900, 0) == 0); /* a download that begins anew moves nothing backwards */
    assert_true(progress_rate(&r, 3000, 1000) == 10000);
}

/* Standard error of this test may be a terminal: nothing is drawn before progress_open. */
static void never_called(void *context, struct buf *to)
{
    (void)context;
    (void)to;
    fail_msg("described without anybody who looks");
}

static void test_nothing_is_due_where_nobody_looks(void **state)
{
    struct progress p = {.describe = never_called}, inner = p;
    (void)state;
    progress_begin(&p);
    progress_begin(&inner);
    assert_int_equal(progress_due_ms(), -1);
    progress_tick();
    progress_end(&inner);
    progress_end(&p);
    progress_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line_is_cut_where_the_terminal_ends),
        cmocka_unit_test(test_a_line_is_one_line_without_controls_and_secrets),
        cmocka_unit_test(test_a_rate_follows_and_falls),
        cmocka_unit_test(test_nothing_is_due_where_nobody_looks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
