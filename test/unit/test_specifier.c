/* SPDX-License-Identifier: Apache-2.0 */
#include "python/specifier.h"
#include "facts.h"

static void check_versions(const struct fact *fact, const struct specifier_set *set, struct text versions,
                           bool wanted)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct text version;
    struct version v;
    while (text_cut(&versions, ' ', &version)) {
        if (version.len == 0)
            continue;
        if (specifier_set_contains_text(set, version) != wanted)
            fact_error(fact, "%.*s %s \"%s\"", TEXT_ARG(version), wanted ? "does not meet" : "meets",
                       set->text);
        /* A version that is its own normal form is the same thing parsed. */
        if (version_parse(&a, version, &v, NULL) == 0 && text_is(version, v.text) &&
            specifier_set_contains(set, &v) != wanted)
            fact_error(fact, "%s, parsed, %s \"%s\"", v.text, wanted ? "does not meet" : "meets", set->text);
    }
}

static void check_contains(const struct fact *fact, void *ctx)
{
    (void)ctx;
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct specifier_set set;
    assert_int_equal(fact->count, 3);
    if (specifier_set_parse(&a, fact->fields[0], &set, &err) < 0)
        fact_error(fact, "%s", err.text);
    check_versions(fact, &set, fact->fields[1], true);
    check_versions(fact, &set, fact->fields[2], false);
}

static void test_contains(void **state)
{
    (void)state;
    assert_true(each_fact("specifiers.data", check_contains, NULL) > 30);
}

static void check_text(const struct fact *fact, void *ctx)
{
    (void)ctx;
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct specifier_set set;
    assert_int_equal(fact->count, 3);
    if (specifier_set_parse(&a, fact->fields[0], &set, &err) < 0)
        fact_error(fact, "%s", err.text);
    if (!text_is(fact->fields[1], set.text))
        fact_error(fact, "is written %s", set.text);
    if (set.names_prerelease != text_is(fact->fields[2], "yes"))
        fact_error(fact, "names_prerelease is %d", set.names_prerelease);
}

static void test_text_and_prereleases(void **state)
{
    (void)state;
    assert_true(each_fact("specifiers_text.data", check_text, NULL) > 15);
}

static void check_bad(const struct fact *fact, void *ctx)
{
    (void)ctx;
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct specifier_set set;
    assert_int_equal(fact->count, 2);
    if (specifier_set_parse(&a, fact->fields[0], &set, &err) == 0)
        fact_error(fact, "was taken for %s", set.text);
    assert_int_equal(err.kind, ERR_INPUT);
    if (!strstr(err.text, text_dup(&a, fact->fields[1])))
        fact_error(fact, "the message is: %s", err.text);
}

static void test_refused_with_a_hint(void **state)
{
    (void)state;
    assert_true(each_fact("specifiers_bad.data", check_bad, NULL) > 20);
}

static void test_message_quotes_the_one_at_fault(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct specifier_set set;
    assert_int_equal(specifier_set_parse(&a, T(">=1, <x ,!=3"), &set, &err), -1);
    assert_string_equal(err.text,
                        "\"<x\" is not a version specifier: \"x\" is not a version as PEP 440 writes "
                        "them (such as 1.2.3)");
}

static void test_no_text_is_the_empty_set(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    struct specifier_set set;
    struct version v;
    assert_int_equal(specifier_set_parse(&a, (struct text){0}, &set, NULL), 0);
    assert_int_equal(set.count, 0);
    assert_string_equal(set.text, "");
    assert_int_equal(version_parse(&a, T("1.0a1"), &v, NULL), 0);
    assert_true(specifier_set_contains(&set, &v));
    assert_true(specifier_set_contains_text(&set, T("anything")));
}

static void test_parse_one_separates_nothing(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct specifier_set set;
    assert_int_equal(specifier_parse_one(&a, T(">=1,<2"), &set, &err), -1);
    assert_int_equal(specifier_parse_one(&a, T(""), &set, &err), -1);
    assert_int_equal(specifier_parse_one(&a, T("===1,<2"), &set, &err), 0);
    assert_true(specifier_set_contains_text(&set, T("1,<2")));
    assert_int_equal(specifier_parse_one(&a, T(" >= 1.0a1 "), &set, &err), 0);
    assert_string_equal(set.text, ">=1.0a1");
    assert_int_equal(set.count, 1);
    assert_true(set.names_prerelease);
}

static void test_length_is_bounded(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct specifier_set set;
    char text[1100] = "==";
    memset(text + 2, '9', 1000);
    assert_int_equal(specifier_set_parse(&a, text_of(text), &set, &err), 0);
    memcpy(text + 998, ".9.*", 5); /* the number after it has a digit more */
    assert_int_equal(specifier_set_parse(&a, text_of(text), &set, &err), 0);
    memset(text + 2, '9', 1010);
    assert_int_equal(specifier_set_parse(&a, text_of(text), &set, &err), -1);
    assert_non_null(strstr(err.text, "1010 bytes"));
}

static void test_thousands_of_specifiers(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    struct buf text cleanup_buf = BUF_INIT;
    struct specifier_set set;
    enum { COUNT = 20000 };
    for (int i = 0; i < COUNT; i++)
        buf_printf(&text, "!=1.%d,", i);
    assert_int_equal(specifier_set_parse(&a, buf_view(&text), &set, NULL), 0);
    assert_int_equal(set.count, COUNT);
    assert_false(specifier_set_contains_text(&set, T("1.19999")));
    assert_true(specifier_set_contains_text(&set, T("1.20000")));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contains),
        cmocka_unit_test(test_text_and_prereleases),
        cmocka_unit_test(test_refused_with_a_hint),
        cmocka_unit_test(test_message_quotes_the_one_at_fault),
        cmocka_unit_test(test_no_text_is_the_empty_set),
        cmocka_unit_test(test_parse_one_separates_nothing),
        cmocka_unit_test(test_length_is_bounded),
        cmocka_unit_test(test_thousands_of_specifiers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
