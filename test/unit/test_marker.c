/* SPDX-License-Identifier: Apache-2.0 */
#include "python/marker.h"
#include "cpython.h"
#include "facts.h"

static bool evaluate(const char *text, const struct marker_environment *env, const char *extra)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct marker *m;
    if (marker_parse(&a, text_of(text), &m, &err) < 0)
        fail_msg("%s", err.text);
    return marker_evaluate(m, env, extra);
}

static void check_value(const struct fact *fact, void *ctx)
{
    (void)ctx;
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct marker *m;
    assert_int_equal(fact->count, 3);
    if (marker_parse(&a, fact->fields[0], &m, &err) < 0)
        fact_error(fact, "%s", err.text);
    bool value = marker_evaluate(m, &cpython_markers, text_dup(&a, fact->fields[1]));
    if (!text_is(fact->fields[2], value ? "true" : "false"))
        fact_error(fact, "is %s", value ? "true" : "false");
    /* What is printed means the same. */
    struct marker *again;
    if (marker_parse(&a, text_of(marker_text(&a, m)), &again, &err) < 0)
        fact_error(fact, "as printed: %s", err.text);
    if (marker_evaluate(again, &cpython_markers, text_dup(&a, fact->fields[1])) != value)
        fact_error(fact, "as printed it is another value: %s", marker_text(&a, m));
}

static void test_values(void **state)
{
    (void)state;
    assert_true(each_fact("markers.data", check_value, NULL) > 50);
}

static void check_text(const struct fact *fact, void *ctx)
{
    (void)ctx;
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct marker *m;
    if (marker_parse(&a, fact->fields[0], &m, &err) < 0)
        fact_error(fact, "%s", err.text);
    if (!text_is(fact->fields[1], marker_text(&a, m)))
        fact_error(fact, "is printed %s", marker_text(&a, m));
    if (marker_uses_extra(m) != text_is(fact->fields[2], "yes"))
        fact_error(fact, "uses_extra is %d", marker_uses_extra(m));
}

static void test_text_and_use_of_extra(void **state)
{
    (void)state;
    assert_true(each_fact("markers_text.data", check_text, NULL) > 8);
}

static void check_bad(const struct fact *fact, void *ctx)
{
    (void)ctx;
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct marker *m;
    if (marker_parse(&a, fact->fields[0], &m, &err) == 0)
        fact_error(fact, "was taken for %s", marker_text(&a, m));
    assert_null(m);
    assert_int_equal(err.kind, ERR_INPUT);
    const char *start = arena_printf(&a, "\"%.*s\" is not a marker: %.*s", TEXT_ARG(fact->fields[0]),
                                     TEXT_ARG(fact->fields[1]));
    if (!text_starts(text_of(err.text), text_of(start)))
        fact_error(fact, "the message is: %s", err.text);
}

static void test_refused_with_the_column(void **state)
{
    (void)state;
    assert_true(each_fact("markers_bad.data", check_bad, NULL) > 20);
}

static char extra_foo[] = "foo-bar", extra_test[] = "test", group_dev[] = "dev";
static char *const some_extras[] = {extra_foo, extra_test}, *const some_groups[] = {group_dev};
static const struct marker_choice choice = {some_extras, 2, some_groups, 1};

static void check_lock(const struct fact *fact, void *ctx)
{
    (void)ctx;
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct marker *m;
    assert_int_equal(fact->count, 3);
    if (marker_parse_lock(&a, fact->fields[0], &m, &err) < 0)
        fact_error(fact, "%s", err.text);
    bool value = marker_evaluate_lock(m, &cpython_markers, &choice);
    if (!text_is(fact->fields[1], value ? "true" : "false"))
        fact_error(fact, "is %s", value ? "true" : "false");
    if (!text_is(fact->fields[2], marker_text(&a, m)))
        fact_error(fact, "is printed %s", marker_text(&a, m));
}

static void test_lock_files(void **state)
{
    (void)state;
    assert_true(each_fact("markers_lock.data", check_lock, NULL) > 12);
    assert_true(marker_evaluate_lock(NULL, &cpython_markers, &choice));
}

static void test_lock_files_that_choose_nothing(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    struct marker *m;
    assert_int_equal(marker_parse_lock(&a, T("'test' in extras or 'dev' in dependency_groups"), &m, NULL), 0);
    assert_false(marker_evaluate_lock(m, &cpython_markers, &(struct marker_choice){0}));
    assert_false(marker_uses_extra(m));
}

static void check_bad_lock(const struct fact *fact, void *ctx)
{
    (void)ctx;
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct marker *m;
    if (marker_parse_lock(&a, fact->fields[0], &m, &err) == 0)
        fact_error(fact, "was taken for %s", marker_text(&a, m));
    assert_null(m);
    const char *start = arena_printf(&a, "\"%.*s\" is not a marker: %.*s", TEXT_ARG(fact->fields[0]),
                                     TEXT_ARG(fact->fields[1]));
    if (!text_starts(text_of(err.text), text_of(start)))
        fact_error(fact, "the message is: %s", err.text);
}

static void test_refused_in_lock_files(void **state)
{
    (void)state;
    assert_true(each_fact("markers_lock_bad.data", check_bad_lock, NULL) > 8);
}

static void test_no_marker_holds(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    assert_true(marker_evaluate(NULL, &cpython_markers, NULL));
    assert_false(marker_uses_extra(NULL));
    assert_string_equal(marker_text(&a, NULL), "");
}

static void test_no_extra_is_the_empty_one(void **state)
{
    (void)state;
    assert_true(evaluate("extra == ''", &cpython_markers, NULL));
    assert_true(evaluate("extra != 'test'", &cpython_markers, NULL));
    assert_false(evaluate("extra == 'test'", &cpython_markers, NULL));
}

/* An interpreter built from a checkout adds a plus sign; what a variable lacks is the empty text. */
static void test_odd_environments(void **state)
{
    (void)state;
    struct marker_environment env = cpython_markers;
    env.python_full_version = "3.14.0a1+";
    assert_true(evaluate("python_full_version >= '3.14.0a1'", &env, NULL));
    assert_true(evaluate("python_full_version == '3.14.0a1'", &env, NULL));
    assert_true(evaluate("python_full_version == '3.14.0a1+local'", &env, NULL));
    assert_false(evaluate("python_full_version < '3.14.0a1'", &env, NULL));
    env.platform_release = NULL;
    assert_true(evaluate("platform_release == ''", &env, NULL));
    assert_false(evaluate("platform_release >= '1'", &env, NULL));
    assert_false(evaluate("'1.0' ~= platform_release", &env, NULL));
}

static void test_tail_of_a_longer_text(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct marker *m;
    assert_int_equal(marker_parse_tail(&a, T("foo; os_name == 'posix'"), 4, &m, &err), 0);
    assert_true(marker_evaluate(m, &cpython_markers, NULL));
    assert_int_equal(marker_parse_tail(&a, T("foo; os_nam == 'posix'"), 4, &m, &err), -1);
    assert_true(text_starts(text_of(err.text), T("column 6: \"os_nam\" is no variable of markers")));
}

static void nested(struct buf *out, int depth)
{
    for (int i = 0; i < depth; i++)
        buf_char(out, '(');
    buf_str(out, "os_name == 'posix'");
    for (int i = 0; i < depth; i++)
        buf_char(out, ')');
}

static void test_nesting_is_bounded(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct buf deep cleanup_buf = BUF_INIT, deeper cleanup_buf = BUF_INIT;
    struct marker *m;
    nested(&deep, 64);
    assert_int_equal(marker_parse(&a, buf_view(&deep), &m, &err), 0);
    assert_string_equal(marker_text(&a, m), "os_name == \"posix\"");
    nested(&deeper, 65);
    assert_int_equal(marker_parse(&a, buf_view(&deeper), &m, &err), -1);
    assert_non_null(strstr(err.text, "column 65: parentheses more than 64 deep"));
    buf_str(&deep, " and ");
    nested(&deep, 64); /* one after the other counts anew */
    assert_int_equal(marker_parse(&a, buf_view(&deep), &m, &err), 0);
}

static void test_control_bytes_are_refused(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    struct marker *m;
    assert_int_equal(marker_parse(&a, T("os_name == 'a\0b'"), &m, NULL), -1);
    assert_int_equal(marker_parse(&a, T("os_name == 'a\nb'"), &m, NULL), -1);
    assert_int_equal(marker_parse(&a, T("os_name\n== 'a'"), &m, NULL), -1);
    assert_int_equal(marker_parse(&a, T("os_name == 'a'\0"), &m, NULL), -1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_text_and_use_of_extra),
        cmocka_unit_test(test_refused_with_the_column),
        cmocka_unit_test(test_lock_files),
        cmocka_unit_test(test_lock_files_that_choose_nothing),
        cmocka_unit_test(test_refused_in_lock_files),
        cmocka_unit_test(test_no_marker_holds),
        cmocka_unit_test(test_no_extra_is_the_empty_one),
        cmocka_unit_test(test_odd_environments),
        cmocka_unit_test(test_tail_of_a_longer_text),
        cmocka_unit_test(test_nesting_is_bounded),
        cmocka_unit_test(test_control_bytes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
