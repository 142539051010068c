/* SPDX-License-Identifier: Apache-2.0 */
#include "python/version.h"
#include "base/array.h"
#include "facts.h"

struct ranked {
    struct version version;
    size_t rank;
};

struct ranking {
    struct arena arena;
    struct ranked_list ARRAY(struct ranked) items;
    size_t rank;
};

static void add_rank(const struct fact *fact, void *ctx)
{
    struct ranking *r = ctx;
    for (size_t i = 0; i < fact->count; i++) {
        struct err err cleanup_err = ERR_INIT;
        struct ranked item = {.rank = r->rank};
        if (version_parse(&r->arena, fact->fields[i], &item.version, &err) < 0)
            fact_error(fact, "%s", err.text);
        array_push(&r->items, item);
    }
    r->rank++;
}

static void test_order_is_total(void **state)
{
    (void)state;
    struct ranking r = {.rank = 0};
    assert_true(each_fact("versions_order.data", add_rank, &r) > 50);
    array_each (&r.items, x) {
        array_each (&r.items, y) {
            int wanted = (x->rank > y->rank) - (x->rank < y->rank);
            if (version_cmp(&x->version, &y->version) != wanted)
                fail_msg("%s against %s is %d", x->version.text, y->version.text,
                         version_cmp(&x->version, &y->version));
        }
    }
    array_free(&r.items);
    arena_free(&r.arena);
}

static void check_normal(const struct fact *fact, void *ctx)
{
    (void)ctx;
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct version v, again;
    if (version_parse(&a, fact->fields[0], &v, &err) < 0)
        fact_error(fact, "%s", err.text);
    if (!text_is(fact->fields[1], v.text))
        fact_error(fact, "normalised to %s", v.text);
    const char *flags = arena_printf(&a, "%s%s%s%s", v.is_pre ? " pre" : "", v.is_post ? " post" : "",
                                     v.is_dev ? " dev" : "", v.has_local ? " local" : "");
    if (!text_eq(fact->fields[2], text_trim(text_of(flags))))
        fact_error(fact, "the flags are%s", flags);
    if (version_parse(&a, text_of(v.text), &again, &err) < 0 || strcmp(again.text, v.text) != 0 ||
        version_cmp(&v, &again) != 0)
        fact_error(fact, "what is normalised once is another thing the second time");
}

static void test_normal_form_and_flags(void **state)
{
    (void)state;
    assert_true(each_fact("versions_normal.data", check_normal, NULL) > 20);
}

static void check_bad(const struct fact *fact, void *ctx)
{
    (void)ctx;
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct version v;
    if (version_parse(&a, fact->fields[0], &v, &err) == 0)
        fact_error(fact, "was taken for %s", v.text);
    assert_int_equal(err.kind, ERR_INPUT);
    if (!strstr(err.text, text_dup(&a, fact->fields[0])))
        fact_error(fact, "is not quoted by: %s", err.text);
}

static void test_refused(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    struct version v;
    assert_true(each_fact("versions_bad.data", check_bad, NULL) > 20);
    assert_int_equal(version_parse(&a, (struct text){0}, &v, NULL), -1);
    assert_int_equal(version_parse(&a, T(" \t\n"), &v, NULL), -1);
    assert_int_equal(version_parse(&a, (struct text){"1.0\0", 4}, &v, NULL), -1);
}

static void test_white_space_around_is_cut(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    struct version v;
    assert_int_equal(version_parse(&a, T("\t\n\v\f\r 1.0a1 \n"), &v, NULL), 0);
    assert_string_equal(v.text, "1.0a1");
}

static void test_public_key_leaves_the_local_label_out(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    struct version v, w;
    assert_int_equal(version_parse(&a, T("1.0rc1+a.1"), &v, NULL), 0);
    assert_int_equal(version_parse(&a, T("1.0rc1"), &w, NULL), 0);
    assert_true(text_eq(v.public_key, w.key));
    assert_true(text_eq(w.public_key, w.key));
    assert_false(text_eq(v.key, w.key));
}

/* "1.1.1…" or the like, of `len` bytes. */
static struct text repeated(struct arena *a, const char *first, const char *more, size_t len)
{
    char *s = arena_alloc(a, len + 1);
    size_t n = strlen(first), m = strlen(more);
    memcpy(s, first, n);
    for (size_t i = n; i < len; i++)
        s[i] = more[(i - n) % m];
    return (struct text){s, len};
}

static void test_length_is_bounded(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct version v;
    assert_int_equal(version_parse(&a, repeated(&a, "1", "0", 1000), &v, &err), 0);
    assert_int_equal(strlen(v.text), 1000);
    assert_int_equal(version_parse(&a, repeated(&a, "1", "0", 1001), &v, &err), -1);
    assert_non_null(strstr(err.text, "1001 bytes"));
}

/* What takes the most room in the key and in the normal form. */
static void test_longest_keys_are_whole(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    struct version v, w;
    assert_int_equal(version_parse(&a, repeated(&a, "1r+a", ".a", 1000), &v, NULL), 0);
    assert_int_equal(strlen(v.text), strlen("1.post0+a") + 996);
    assert_int_equal(version_parse(&a, repeated(&a, "1r+a", ".a", 998), &w, NULL), 0);
    assert_int_equal(version_cmp(&w, &v), -1);
    assert_int_equal(version_parse(&a, repeated(&a, "1+1", ".1", 999), &v, NULL), 0);
    assert_int_equal(version_parse(&a, repeated(&a, "1+1", ".1", 997), &w, NULL), 0);
    assert_int_equal(version_cmp(&w, &v), -1);
}

/* Around the lengths at which the key writes a count of digits differently. */
static void test_long_numbers_are_ordered(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    static const size_t lengths[] = {1, 2, 198, 199, 200, 201, 254, 255, 256, 257, 511, 512, 999};
    struct version last = {0}, v;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        for (const char *digit = "123456789"; *digit; digit++) {
            char first[2] = {*digit, 0};
            assert_int_equal(version_parse(&a, repeated(&a, first, "0", lengths[i]), &v, NULL), 0);
            if (last.text && version_cmp(&last, &v) != -1)
                fail_msg("%zu digits, %s", lengths[i], digit);
            last = v;
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_is_total),
        cmocka_unit_test(test_normal_form_and_flags),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_white_space_around_is_cut),
        cmocka_unit_test(test_public_key_leaves_the_local_label_out),
        cmocka_unit_test(test_length_is_bounded),
        cmocka_unit_test(test_longest_keys_are_whole),
        cmocka_unit_test(test_long_numbers_are_ordered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
