/* SPDX-License-Identifier: Apache-2.0 */
#include "python/name.h"
#include "test.h"

static void test_validity(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "0", "foo", "Foo.Bar", "a-_.b", "zope.interface", "3to2", NULL};
    static const char *const bad[] = {
        "",     "-", "foo-", "-foo", "foo_", ".foo", "fo o", "f/o", "f\n", "foo[x]", "gr\xc3\xbc\xc3\x9f",
        "foo.", NULL};
    for (size_t i = 0; good[i]; i++)
        if (!name_is_valid(text_of(good[i])))
            fail_msg("%s is a name", good[i]);
    for (size_t i = 0; bad[i]; i++)
        if (name_is_valid(text_of(bad[i])))
            fail_msg("%s is no name", bad[i]);
    assert_false(name_is_valid((struct text){"a\0b", 3}));
}

static void test_normal_form(void **state)
{
    (void)state;
    static const char *const table[][2] = {
        {"foo", "foo"},          {"Foo", "foo"},    {"foo.bar", "foo-bar"},
        {"FOO__bar", "foo-bar"}, {"a-_.-b", "a-b"}, {"zope.interface", "zope-interface"},
        {"_x.", "-x-"},          {"", ""},
    };
    struct arena a cleanup_arena = ARENA_INIT;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        assert_string_equal(name_normalize(&a, text_of(table[i][0])), table[i][1]);
}

static void test_file_name_form(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    assert_string_equal(name_escape(&a, T("zope-interface")), "zope_interface");
    assert_string_equal(name_escape(&a, T("foo")), "foo");
    assert_string_equal(name_escape(&a, (struct text){0}), "");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_validity),
        cmocka_unit_test(test_normal_form),
        cmocka_unit_test(test_file_name_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
