/* SPDX-License-Identifier: Apache-2.0 */
#include "build/git.h"
#include "cases.h"

static const char *or_none(const char *s)
{
    return s ? s : "-";
}

static void test_urls(void **state)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct cases c;
    (void)state;
    cases_open(&c, "build/git-urls.txt");
    while (cases_next(&c)) {
        struct git_url u;
        struct err err cleanup_err = ERR_INIT;
        char *expected = text_dup(&a, c.expected);
        if (git_url_parse(&a, text_dup(&a, c.input), &u, &err) < 0) {
            assert_int_equal(err.kind, ERR_INPUT);
            if (!text_starts(c.expected, T("error: ")) || !strstr(err.text, expected + strlen("error: ")))
                fail_msg("line %zu: %s", c.line, err.text);
            continue;
        }
        char *got = arena_printf(&a, "%s %s %s %s %s", u.url, u.shown, or_none(u.ref), or_none(u.egg),
                                 or_none(u.subdirectory));
        if (strcmp(got, expected) != 0)
            fail_msg("line %zu: %s", c.line, got);
    }
    cases_close(&c);
}

static void test_commits(void **state)
{
    (void)state;
    assert_true(git_is_commit("0123456789abcdefABCDEF012345678901234567"));
    assert_true(git_is_commit("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"));
    assert_false(git_is_commit("0123456789abcdef0123456789abcdef0123456"));
    assert_false(git_is_commit("0123456789abcdef0123456789abcdef0123456g"));
    assert_false(git_is_commit("0123456789abcdef0123456789abcdef01234567 "));
    assert_false(git_is_commit("0123456789abcdef0123456789abcdef0123456789"));
    assert_false(git_is_commit(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_commits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
