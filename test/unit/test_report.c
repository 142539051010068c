/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/report.h"
#include "test.h"

static void check(json_t *value, const char *expected)
{
    assert_true(json_is_string(value));
    assert_string_equal(json_string_value(value), expected);
    json_decref(value);
}

static void test_no_text_has_a_secret(void **state)
{
    static const char *const table[][2] = {
        {"", ""},
        {"nothing  to (see) here, at 12:30@noon/x", "nothing  to (see) here, at 12:****@noon/x"},
        {"https://user:secret@host/simple", "https://user:****@host/simple"},
        {"https://secret@host/simple", "https://****@host/simple"},
        {"x @ https://host/x.whl?token=secret#sha256=1", "x @ https://host/x.whl?****#sha256=1"},
        {"(https://host/?a=secret): and more?", "(https://host/?****): and more?"},
        {"user:secret@proxy:3128", "user:****@proxy:3128"},
        {"git+ssh://git@host/x", "git+ssh://git@host/x"},
        {"/srv/http:/user:secret@host/x", "/srv/http:/user:****@host/x"},
        {"/etc/conf.d/a@b:3: what?", "/etc/conf.d/a@b:3: what?"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        check(report_text(table[i][0]), table[i][1]);
    json_t *none = report_text(NULL);
    assert_true(json_is_null(none));
    json_decref(none);
}

static void test_a_url_may_be_malformed(void **state)
{
    static const char *const table[][2] = {
        {"https://host/simple", "https://host/simple"},
        {"https://user:sec/ret@host/simple", "https://****@host/simple"},
        {"https://user:sec ret@host/simple", "https://****@host/simple"},
        {"user:sec/ret@host:1", "****@host:1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        check(report_url(table[i][0]), table[i][1]);
}

static void test_a_problem_stands_there_once(void **state)
{
    struct report r = {.root = json_object(), .problems = json_array()};
    (void)state;
    json_object_set_new(r.root, "problems", r.problems);
    report_problem(&r, "%s is wrong", "one");
    report_problem(&r, "two are wrong");
    report_problem(&r, "%s is wrong", "one");
    assert_int_equal(json_array_size(r.problems), 2);
    report_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_text_has_a_secret),
        cmocka_unit_test(test_a_url_may_be_malformed),
        cmocka_unit_test(test_a_problem_stands_there_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
