/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "config/environment.h"
#include "base/nearest.h"
#include "test.h"

/* An environment that is a constant. */
#define ENV(...) ((char *const *)(uintptr_t)(const char *const[]){__VA_ARGS__, NULL})

static void same(char *const *got, const char *const *wanted)
{
    size_t i = 0;
    for (; wanted[i]; i++) {
        assert_non_null(got[i]);
        assert_string_equal(got[i], wanted[i]);
    }
    assert_null(got[i]);
}

static void test_prefix_rule(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    char *const *in =
        ENV("A=1", "LOCALSTACK_B=two\nlines", "C=old", "LOCALSTACK_C='\"=$(x)`y`\\", "LOCALSTACK_HOST=h",
            "LOCALSTACK_HOSTNAME=n", "LOCALSTACK_HOSTED=o", "LOCALSTACK_4566_PORT=p", "LOCALSTACK_=q",
            "LOCALSTACK_D", "no equals sign", "LOCALSTACK_E=", "=odd");
    char **out = environment_strip_prefix(&a, in);
    same(out, (const char *const[]){"A=1", "LOCALSTACK_B=two\nlines", "C='\"=$(x)`y`\\",
                                    "LOCALSTACK_C='\"=$(x)`y`\\", "LOCALSTACK_HOST=h",
                                    "LOCALSTACK_HOSTNAME=n", "LOCALSTACK_HOSTED=o", "LOCALSTACK_4566_PORT=p",
                                    "LOCALSTACK_=q", "LOCALSTACK_D", "no equals sign",
                                    "LOCALSTACK_E=", "=odd", "B=two\nlines", "E=", NULL});
    assert_ptr_equal(out[0], in[0]);
}

static void test_prefix_rule_with_doubles(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    char *const *in = ENV("X=1", "X=2", "LOCALSTACK_X=3", "LOCALSTACK_X=4", "LOCALSTACK_LOCALSTACK_Y=5");
    same(environment_strip_prefix(&a, in),
         (const char *const[]){"X=3", "X=3", "LOCALSTACK_X=3", "LOCALSTACK_X=4", "LOCALSTACK_LOCALSTACK_Y=5",
                               "LOCALSTACK_Y=5", NULL});
    same(environment_strip_prefix(&a, (char *const[]){NULL}), (const char *const[]){NULL});
}

static void test_set_and_get(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    char **env = environment_strip_prefix(&a, ENV("A=1", "AB=2", "A=3"));
    assert_string_equal(environment_get(env, "A"), "1");
    assert_null(environment_get(env, "B"));
    env = environment_set(&a, env, "A", "x=y");
    same(env, (const char *const[]){"A=x=y", "AB=2", NULL});
    env = environment_set(&a, env, "C", "");
    same(env, (const char *const[]){"A=x=y", "AB=2", "C=", NULL});
    env = environment_set(&a, env, "A", NULL);
    env = environment_set(&a, env, "Z", NULL);
    same(env, (const char *const[]){"AB=2", "C=", NULL});
}

static void test_truth(void **state)
{
    (void)state;
    static const char *const yes[] = {"1", "true", "TRUE", "True"};
    static const char *const no[] = {"", "0", "yes", "on", "2", " 1", "false", "truee"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        assert_true(environment_is_true(yes[i]));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        assert_false(environment_is_true(no[i]));
    assert_false(environment_is_true(NULL));
}

static void test_misspelt(void **state)
{
    (void)state;
    static const struct {
        const char *entry, *meant;
    } table[] = {
        {"EXTENSION_AUTO_LOAD=a", "EXTENSION_AUTO_INSTALL"},
        {"EXTENSIONS_AUTO_INSTALL=a", "EXTENSION_AUTO_INSTALL"},
        {"extension_auto_install=a", "EXTENSION_AUTO_INSTALL"},
        {"EXTENSION_AUTOINSTALL=a", "EXTENSION_AUTO_INSTALL"},
        {"EXTENTION_SYNC=never", "EXTENSION_SYNC"},
        {"EXTENSION_DEV_MODUS=1", "EXTENSION_DEV_MODE"},
        {"EXTENSION_INDEX_STRAT=best", "EXTENSION_INDEX_STRATEGY"},
        {"EXTENSION_LOGLEVEL=debug", "EXTENSION_LOG_LEVEL"},
        {"EXTENSION_SYNC_TIME=5", "EXTENSION_SYNC_TIMEOUT"},
        {"EXTENSION_CACHE=/c", "EXTENSION_CACHE_DIR"},
        {"EXTENSION_INSTALL=x", "EXTENSION_AUTO_INSTALL"},
        {"EXTENSION_TIMEOUT=5", "EXTENSION_SYNC_TIMEOUT"},
        {"EXTENSION_TIME=5", NULL},
        {"EXTENSION_=5", NULL},
        {"ENTRYPOINT_MODUS=init", "ENTRYPOINT_MODE"},
        {"EXTENSION_AUTO_INSTALL=a", NULL},
        {"EXTENSION_COLOUR=a", NULL},
        {"LOCALSTACK_EXTENSION_AUTO_LOAD=a", NULL}, /* seen without its prefix */
        {"EDITOR=vi", NULL},
        {"EXTENSION_AUTO_LOAD", "EXTENSION_AUTO_INSTALL"},
        {"ENVIRONMENT=prod", NULL},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct arena a cleanup_arena = ARENA_INIT;
        struct strings warnings cleanup_strings = {0};
        environment_misspelt(&a, ENV(table[i].entry), &warnings);
        if (warnings.count != (table[i].meant != NULL))
            fail_msg("%s: %s", table[i].entry, warnings.count ? warnings.items[0] : "no warning");
        if (table[i].meant) {
            struct text end = text_of(arena_printf(&a, "did you mean %s?", table[i].meant));
            if (!text_ends(text_of(warnings.items[0]), end))
                fail_msg("%s", warnings.items[0]);
        }
    }
}

static void test_distance(void **state)
{
    (void)state;
    assert_int_equal(nearest_distance(T("kitten"), T("sitting")), 3);
    assert_int_equal(nearest_distance(T(""), T("abc")), 3);
    assert_int_equal(nearest_distance(T("ABC"), T("abc")), 0);
    char longer[80] = "";
    assert_int_equal(nearest_distance((struct text){longer, 80}, T("abc")), 64);
}

static void test_print(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    char *const *env = ENV("A=secret", "B=", "C=secret", "D=another");
    const char *print = environment_print(&a, env, "A", "5a17");
    assert_int_equal(strlen(print), 6);
    assert_int_equal(strspn(print, "0123456789abcdef"), 6);
    assert_string_equal(print, environment_print(&a, env, "A", "5a17"));
    assert_string_not_equal(print, environment_print(&a, env, "A", "17a5"));
    assert_string_not_equal(print, environment_print(&a, env, "C", "5a17"));
    assert_string_not_equal(environment_print(&a, env, "D", "5a17"),
                            environment_print(&a, ENV("D=anothes"), "D", "5a17"));
    assert_string_equal(environment_print(&a, env, "B", "5a17"), "-");
    assert_string_equal(environment_print(&a, env, "E", "5a17"), "-");
    assert_string_equal(environment_print(&a, NULL, "A", "5a17"), "-");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prefix_rule), cmocka_unit_test(test_prefix_rule_with_doubles),
        cmocka_unit_test(test_set_and_get), cmocka_unit_test(test_truth),
        cmocka_unit_test(test_misspelt),    cmocka_unit_test(test_distance),
        cmocka_unit_test(test_print),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
