/* SPDX-License-Identifier: Apache-2.0 */
/* The order as a whole is compared with packaging's in test/e2e/test_tags_reference.py. */
#include "base/text.h"
#include "cpython.h"
#include "python/tags.h"
#include "test.h"

static void test_order(void **state)
{
    struct arena a cleanup_arena = ARENA_INIT;
    const struct tags *t = tags_make(&a, &cpython_tags);
    (void)state;
    assert_string_equal(tags_at(t, 0), "cp313-cp313-linux_x86_64");
    assert_string_equal(tags_at(t, 1), "cp313-cp313-manylinux_2_36_x86_64");
    assert_string_equal(tags_at(t, tags_count(t) - 1), "py30-none-any");
    for (size_t i = 0; i < tags_count(t); i++)
        assert_int_equal(tags_rank(t, text_of(tags_at(t, i))), i);
}

static void test_rank(void **state)
{
    static const struct {
        const char *set, *best; /* NULL: none is supported */
    } rows[] = {
        {"py2.py3-none-any", "py3-none-any"},
        {"PY3-None-Any", "py3-none-any"},
        {"cp39-abi3-manylinux_2_28_x86_64.manylinux_2_17_x86_64", "cp39-abi3-manylinux_2_28_x86_64"},
        {"cp39.cp311-abi3-manylinux2014_x86_64", "cp311-abi3-manylinux2014_x86_64"},
        {"cp313-cp313-manylinux1_x86_64", "cp313-cp313-manylinux1_x86_64"},
        {"cp313-cp313-manylinux_2_39_x86_64", NULL},
        {"cp313-cp313t-linux_x86_64", NULL},
        {"cp312-cp312-linux_x86_64", NULL},
        {"cp314-abi3-linux_x86_64", NULL},
        {"py2-none-any", NULL},
        {"py3-none-win_amd64", NULL},
        {"py3-none", NULL},
        {"py3-none-any-", NULL},
        {"py3-none-any-any", NULL},
        {"--", NULL},
        {"", NULL},
        {"..-..-..", NULL},
    };
    struct arena a cleanup_arena = ARENA_INIT;
    const struct tags *t = tags_make(&a, &cpython_tags);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int rank = tags_rank(t, text_of(rows[i].set));
        if ((rank < 0) != !rows[i].best || (rank >= 0 && strcmp(tags_at(t, (size_t)rank), rows[i].best) != 0))
            fail_msg("%s: %s", rows[i].set, rank < 0 ? "none" : tags_at(t, (size_t)rank));
    }
}

static void test_hostile_sets(void **state)
{
    struct arena a cleanup_arena = ARENA_INIT;
    const struct tags *t = tags_make(&a, &cpython_tags);
    struct buf many cleanup_buf = BUF_INIT;
    (void)state;
    for (size_t part = 0; part < 3; part++) { /* some 10^15 combinations */
        for (size_t i = 0; i < 100000; i++)
            buf_str(&many, i ? ".x" : "x");
        buf_str(&many, part < 2 ? "-" : "");
    }
    assert_int_equal(tags_rank(t, buf_view(&many)), -1);
    buf_clear(&many);
    for (size_t i = 0; i < 1000; i++)
        buf_char(&many, 'x');
    buf_str(&many, "-none-any");
    assert_int_equal(tags_rank(t, buf_view(&many)), -1);
}

static void test_environments_that_say_little(void **state)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct tag_environment none = {0}, wild = cpython_tags;
    (void)state;
    assert_true(tags_count(tags_make(&a, &none)) > 0);
    wild.minor = wild.glibc_minor = wild.musl_minor = wild.musl_major = 2000000000;
    wild.glibc_major = -5;
    assert_true(tags_count(tags_make(&a, &wild)) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_rank),
        cmocka_unit_test(test_hostile_sets),
        cmocka_unit_test(test_environments_that_say_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
