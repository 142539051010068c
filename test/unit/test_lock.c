/* SPDX-License-Identifier: Apache-2.0 */
#include "cases.h"
#include "cpython.h"
#include "python/lock.h"

static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";

/* The document whole, with the lines of its first two packages. */
static const char *expand(struct arena *a, struct text input)
{
    struct buf out cleanup_buf = BUF_INIT;
    buf_str(&out, "{\"lines\":{\"packages\":[4,9]},\"document\":");
    for (size_t i = 0; i < input.len; i++) {
        char code = input.ptr[i] == '%' && i + 1 < input.len ? input.ptr[i + 1] : 0;
        if (code == 'D')
            buf_str(&out, "\"lock-version\":\"1.0\",\"created-by\":\"t\"");
        else if (code == 'H')
            buf_printf(&out, "{\"sha256\":\"%s\"}", zeros);
        else if (code == 'U')
            buf_str(&out, "https://files.example/");
        else
            buf_char(&out, input.ptr[i]);
        i += code == 'D' || code == 'H' || code == 'U';
    }
    buf_char(&out, '}');
    return text_dup(a, buf_view(&out));
}

static void add(struct buf *to, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct buf *to, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    cleanup_free char *text = xvasprintf(fmt, ap);
    va_end(ap);
    buf_printf(to, "%s%s", to->len ? " " : "", text);
}

static const char *select_all(struct arena *a, const struct lock *lock)
{
    struct buf out cleanup_buf = BUF_INIT, refused cleanup_buf = BUF_INIT;
    struct lock_selection selection cleanup_lock_selection = {0};
    struct version python;
    assert_int_equal(version_parse(a, T("3.13.0"), &python, NULL), 0);
    const struct lock_target target = {&cpython_markers, &python, tags_make(a, &cpython_tags)};
    lock_select(a, lock, &target, &selection);
    array_each (&selection.refusals, r)
        add(&refused, "!%s%s %s", r->package ? " " : "", r->package ? r->package->name : "", r->reason);
    array_each (&selection.packages, p) {
        const char *reason = NULL;
        const struct lock_file *f = lock_source(a, *p, &target, &reason);
        if (f)
            add(&out, "%s %s%s", (*p)->name, f->name, lock_requested(lock, &selection, *p) ? " *" : "");
        else
            add(&refused, "! %s %s", (*p)->name, reason);
    }
    if (refused.len)
        add(&out, "%s", buf_cstr(&refused));
    return text_dup(a, buf_view(&out));
}

static void test_table(void **state)
{
    struct cases c;
    (void)state;
    cases_open(&c, "python/lock.txt");
    while (cases_next(&c)) {
        struct arena a cleanup_arena = ARENA_INIT;
        struct err err cleanup_err = ERR_INIT;
        struct lock lock;
        char *expected = text_dup(&a, c.expected);
        if (lock_parse(&a, expand(&a, c.input), "FILE", &lock, &err) < 0) {
            assert_int_equal(err.kind, ERR_INPUT);
            if (!text_starts(c.expected, T("error: ")) ||
                !text_starts(text_of(err.text), text_from(c.expected, strlen("error: "))))
                fail_msg("line %zu: %s", c.line, err.text);
            continue;
        }
        const char *got = select_all(&a, &lock);
        if (strcmp(got, expected) != 0)
            fail_msg("line %zu: %s", c.line, got);
    }
    cases_close(&c);
}

static void parse(struct arena *a, const char *document, struct lock *out)
{
    struct err err cleanup_err = ERR_INIT;
    if (lock_parse(a, expand(a, text_of(document)), "FILE", out, &err) < 0)
        fail_msg("%s", err.text);
}

static void test_what_is_kept(void **state)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct lock lock;
    (void)state;
    parse(
        &a,
        "{\"lock-version\":\"1.3\",\"created-by\":\"uv\",\"odd\":1,\"packages\":[{\"name\":\"a\",\"colour\":"
        "2,"
        "\"wheels\":[{\"path\":\"a-1-py3-none-any.whl\",\"size\":12,\"upload-time\":\"x\",\"hue\":3,"
        "\"hashes\":"
        "{\"SHA256\":\"AB00000000000000000000000000000000000000000000000000000000000000\",\"md5\":\"x\"}}]}],"
        "\"tool\":{\"other\":{\"x\":1},\"localstack-extensions\":{\"baked\":true,\"found\":[\"a.whl\",7],"
        "\"base\":[{\"name\":\"My."
        "Base\","
        "\"version\":\"1\","
        "\"needed-by\":[\"A\",7]},{\"name\":\"-\",\"version\":\"1\"},8]}}}",
        &lock);
    assert_true(lock.newer);
    assert_string_equal(lock.created_by, "uv");
    assert_int_equal(lock.unknown_count, 3);
    assert_string_equal(lock.unknown[0], "FILE: odd");
    assert_string_equal(lock.unknown[1], "FILE:4: package a: colour");
    assert_string_equal(lock.unknown[2], "FILE:4: package a: wheels[0].hue");
    const struct lock_file *f = lock.packages[0].wheels;
    assert_int_equal(f->size, 12);
    assert_int_equal(f->hash_count, 1);
    assert_string_equal(f->hashes[0].algorithm, "sha256");
    assert_true(text_starts(text_of(f->hashes[0].hex), T("ab00")));
    assert_true(lock.baked);
    assert_int_equal(lock.found_count, 1);
    assert_string_equal(lock.found[0], "a.whl");
    assert_int_equal(lock.base_count, 1);
    assert_string_equal(lock.base[0].name, "my-base");
    assert_int_equal(lock.base[0].needed_count, 1);
    assert_string_equal(lock.base[0].needed_by[0], "a");
}

static void test_unknown_lines(void **state)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct lock lock;
    (void)state;
    assert_int_equal(
        lock_parse(&a,
                   "{\"document\":{\"lock-version\":\"1.0\",\"created-by\":\"t\",\"packages\":[{\"name\":"
                   "\"a\"}]}}",
                   "FILE", &lock, &err),
        -1);
    assert_true(text_starts(text_of(err.text), T("FILE: package a: vcs, ")));
    assert_int_equal(lock_parse(&a, "no json", "FILE", &lock, &err), -1);
}

static void test_file_names(void **state)
{
    (void)state;
    static const char *const good[] = {"pylock.toml", "pylock.x.toml", "pylock.some-name.toml"},
                             *const bad[] = {"pylock.x.y.toml", "pylock..toml", "Pylock.toml", "pylocktoml",
                                             "pylock.toml.bak", "xpylock.toml", ".toml",       ""};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(lock_name_is_valid(text_of(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(lock_name_is_valid(text_of(bad[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_what_is_kept),
        cmocka_unit_test(test_unknown_lines),
        cmocka_unit_test(test_file_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
