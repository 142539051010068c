/* SPDX-License-Identifier: Apache-2.0 */
#include "cases.h"
#include "python/wheel_name.h"

static void test_wheels(void **state)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct cases c;
    (void)state;
    cases_open(&c, "python/wheel-names.txt");
    while (cases_next(&c)) {
        struct wheel_name w;
        struct err err cleanup_err = ERR_INIT;
        char *expected = text_dup(&a, c.expected);
        if (wheel_name_parse(&a, c.input, &w, &err) < 0) {
            assert_int_equal(err.kind, ERR_INPUT);
            if (!text_starts(c.expected, T("error: ")) || !strstr(err.text, expected + strlen("error: ")))
                fail_msg("line %zu: %s", c.line, err.text);
            continue;
        }
        const char *build = w.has_build ? arena_printf(&a, "%llu|%s", w.build, w.build_rest) : "-";
        char *got = arena_printf(&a, "%s %s %s %s", w.name, w.version.text, build, w.tags);
        if (strcmp(got, expected) != 0)
            fail_msg("line %zu: %s", c.line, got);
    }
    cases_close(&c);
}

static void test_too_long(void **state)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct buf file cleanup_buf = BUF_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct wheel_name w;
    struct version v;
    (void)state;
    for (size_t i = 0; i < 100000; i++)
        buf_char(&file, 'f');
    buf_str(&file, "-1.0-py3-none-any.whl");
    assert_int_equal(wheel_name_parse(&a, buf_view(&file), &w, &err), -1);
    assert_non_null(strstr(err.text, "too long"));
    assert_true(strlen(err.text) < 400);
    assert_false(sdist_name_parse(&a, buf_view(&file), "f", &v));
}

static void test_order_of_builds(void **state)
{
    static const char *const ascending[] = {
        "f-1-py3-none-any.whl",    "f-1-0-py3-none-any.whl",  "f-1-1-py3-none-any.whl",
        "f-1-1a-py3-none-any.whl", "f-1-1b-py3-none-any.whl", "f-1-9-py3-none-any.whl",
        "f-1-10-py3-none-any.whl",
    };
    enum { COUNT = sizeof ascending / sizeof *ascending };
    struct arena a cleanup_arena = ARENA_INIT;
    struct wheel_name w[COUNT];
    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(wheel_name_parse(&a, text_of(ascending[i]), &w[i], NULL), 0);
    for (size_t i = 0; i < COUNT; i++)
        for (size_t j = 0; j < COUNT; j++) {
            int order = wheel_build_cmp(&w[i], &w[j]);
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
}

static void test_sdists(void **state)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct cases c;
    (void)state;
    cases_open(&c, "python/sdist-names.txt");
    while (cases_next(&c)) {
        struct version v;
        struct text file = c.input, project;
        text_cut(&file, ' ', &project);
        bool found = sdist_name_parse(&a, file, text_dup(&a, project), &v);
        if (!text_is(c.expected, found ? v.text : "none"))
            fail_msg("line %zu: %s", c.line, found ? v.text : "none");
    }
    cases_close(&c);
}

static void test_projects_of_sdists(void **state)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct cases c;
    (void)state;
    cases_open(&c, "python/sdist-projects.txt");
    while (cases_next(&c)) {
        const char *name = sdist_name_project(&a, c.input);
        if (name && !sdist_name_is_archive(c.input))
            fail_msg("line %zu: is no archive", c.line);
        if (!text_is(c.expected, name ? name : "none"))
            fail_msg("line %zu: %s", c.line, name ? name : "none");
    }
    cases_close(&c);
    assert_true(sdist_name_is_archive(T("main.ZIP")));
    assert_false(sdist_name_is_archive(T(".zip")));
    assert_false(sdist_name_is_archive(T("foo-1.0-py3-none-any.whl")));
    assert_false(sdist_name_is_archive(T("foo-1.0")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wheels),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_order_of_builds),
        cmocka_unit_test(test_sdists),
        cmocka_unit_test(test_projects_of_sdists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
