/* SPDX-License-Identifier: Apache-2.0 */
#include "python/requirement.h"
#include "facts.h"

static const char *joined(struct arena *a, const struct requirement *r)
{
    const char *list = "";
    for (size_t i = 0; i < r->extra_count; i++)
        list = arena_printf(a, "%s%s%s", list, i ? "," : "", r->extras[i]);
    return list;
}

static void check_field(const struct fact *fact, size_t field, const char *value)
{
    if (!text_is(fact->fields[field], value))
        fact_error(fact, "field %zu is \"%s\"", field + 1, value);
}

static void check_good(const struct fact *fact, void *ctx)
{
    (void)ctx;
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct requirement r;
    assert_int_equal(fact->count, 6);
    if (requirement_parse(&a, fact->fields[0], &r, &err) < 0)
        fact_error(fact, "%s", err.text);
    check_field(fact, 0, r.text);
    check_field(fact, 1, r.name);
    check_field(fact, 2, joined(&a, &r));
    check_field(fact, 3, r.specifiers.text);
    check_field(fact, 4, r.url ? r.url : "");
    check_field(fact, 5, marker_text(&a, r.marker));
    if (!text_starts(text_of(r.text), text_of(r.given)))
        fact_error(fact, "the name as written is %s", r.given);
}

static void test_parsed(void **state)
{
    (void)state;
    assert_true(each_fact("requirements.data", check_good, NULL) > 20);
}

static void check_bad(const struct fact *fact, void *ctx)
{
    (void)ctx;
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct requirement r;
    if (requirement_parse(&a, fact->fields[0], &r, &err) == 0)
        fact_error(fact, "was taken for %s", r.name);
    assert_int_equal(err.kind, ERR_INPUT);
    const char *start = arena_printf(&a, "\"%.*s\" is not a requirement: %.*s", TEXT_ARG(fact->fields[0]),
                                     TEXT_ARG(fact->fields[1]));
    if (!text_starts(text_of(err.text), text_of(start)))
        fact_error(fact, "the message is: %s", err.text);
}

static void test_refused_with_column_and_hint(void **state)
{
    (void)state;
    assert_true(each_fact("requirements_bad.data", check_bad, NULL) > 30);
}

static void test_text_is_trimmed_and_kept(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    struct requirement r;
    assert_int_equal(requirement_parse(&a, T("\t Foo_Bar >= 1 \r\n"), &r, NULL), 0);
    assert_string_equal(r.text, "Foo_Bar >= 1");
    assert_string_equal(r.given, "Foo_Bar");
    assert_string_equal(r.name, "foo-bar");
    assert_null(r.url);
    assert_null(r.marker);
}

static void test_a_tab_is_a_blank(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    struct requirement r;
    assert_int_equal(requirement_parse(&a, T("foo\t[a\t,\tb]\t>=\t1\t;\tos_name\t==\t'x'"), &r, NULL), 0);
    assert_string_equal(joined(&a, &r), "a,b");
    assert_int_equal(requirement_parse(&a, T("foo\t@\tx:y\t;os_name=='x'"), &r, NULL), 0);
    assert_string_equal(r.url, "x:y");
    assert_non_null(r.marker);
}

static void test_control_bytes_are_refused(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    struct requirement r;
    assert_int_equal(requirement_parse(&a, T("foo\0"), &r, NULL), -1);
    assert_int_equal(requirement_parse(&a, T("foo\nbar"), &r, NULL), -1);
    assert_int_equal(requirement_parse(&a, T("foo[a\0]"), &r, NULL), -1);
    assert_int_equal(requirement_parse(&a, T("foo==1\0"), &r, NULL), -1);
    assert_int_equal(requirement_parse(&a, T("foo @ http://x\0y"), &r, NULL), -1);
    assert_int_equal(requirement_parse(&a, T("foo @ http://x\ny"), &r, NULL), -1);
    assert_int_equal(requirement_parse(&a, T("foo===1\0"), &r, NULL), -1);
}

/* Many words one after the other, each of which could begin a requirement: no recursion over them. */
static void test_long_texts_end(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct buf text cleanup_buf = BUF_INIT;
    struct requirement r;
    for (int i = 0; i < 200000; i++)
        buf_str(&text, "foo ");
    assert_int_equal(requirement_parse(&a, buf_view(&text), &r, &err), -1);
    buf_clear(&text);
    buf_str(&text, "foo[");
    for (int i = 0; i < 20000; i++)
        buf_printf(&text, "%sx%d", i ? "," : "", i % 5000);
    buf_str(&text, "]");
    assert_int_equal(requirement_parse(&a, buf_view(&text), &r, &err), 0);
    assert_int_equal(r.extra_count, 5000);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parsed),
        cmocka_unit_test(test_refused_with_column_and_hint),
        cmocka_unit_test(test_text_is_trimmed_and_kept),
        cmocka_unit_test(test_a_tab_is_a_blank),
        cmocka_unit_test(test_control_bytes_are_refused),
        cmocka_unit_test(test_long_texts_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
