/* SPDX-License-Identifier: Apache-2.0 */
#include "cases.h"
#include "python/record.h"

/* Entries as "PATH|ALGORITHM|DIGEST|SIZE" with ";" between. */
static char *summary(struct arena *a, const struct record *r)
{
    struct buf b cleanup_buf = BUF_INIT;
    for (size_t i = 0; i < r->count; i++) {
        const struct record_entry *e = &r->entries[i];
        assert_int_equal(!e->algorithm, !e->digest);
        buf_printf(&b, "%s%s|%s|%s|%lld", i ? ";" : "", e->path, e->algorithm ? e->algorithm : "",
                   e->digest ? e->digest : "", e->size);
    }
    return arena_strdup(a, buf_cstr(&b));
}

static void test_table(void **state)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct cases c;
    (void)state;
    cases_open(&c, "python/record.txt");
    while (cases_next(&c)) {
        struct record r;
        struct err err cleanup_err = ERR_INIT;
        char *expected = text_dup(&a, c.expected);
        if (record_parse(&a, c.input, &r, &err) < 0) {
            assert_int_equal(err.kind, ERR_INPUT);
            if (!text_starts(c.expected, T("error: ")) || !strstr(err.text, expected + strlen("error: ")))
                fail_msg("line %zu: %s", c.line, err.text);
        } else if (strcmp(summary(&a, &r), expected) != 0) {
            fail_msg("line %zu: %s", c.line, summary(&a, &r));
        }
    }
    cases_close(&c);
}

static void test_what_is_written_is_read(void **state)
{
    struct record_entry entries[] = {
        {"a.py", "sha256", "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU", 0},
        {"a, \"b\".py", "sha256", "x", 1},
        {"line\nfeed", NULL, NULL, -1},
        {"cr\rhere", NULL, NULL, 7},
        {"\"quoted\"", NULL, NULL, -1},
        {"d/RECORD", NULL, NULL, -1},
    };
    struct arena a cleanup_arena = ARENA_INIT;
    struct buf text cleanup_buf = BUF_INIT;
    struct record before = {entries, sizeof entries / sizeof *entries}, after;
    (void)state;
    for (size_t i = 0; i < before.count; i++)
        record_write(&text, &entries[i]);
    assert_true(text_starts(buf_view(&text), T("a.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n"
                                               "\"a, \"\"b\"\".py\",sha256=x,1\n")));
    assert_int_equal(record_parse(&a, buf_view(&text), &after, NULL), 0);
    assert_string_equal(summary(&a, &after), summary(&a, &before));
}

static void test_base64(void **state)
{
    static const struct {
        const char *raw;
        size_t n;
        const char *encoded;
    } rows[] = {{"", 0, ""},
                {"f", 1, "Zg"},
                {"fo", 2, "Zm8"},
                {"foo", 3, "Zm9v"},
                {"foob", 4, "Zm9vYg"},
                {"\xfb\xff\xbf", 3, "-_-_"},
                {"\0\0\0\0", 4, "AAAAAA"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[16];
        memset(out, '!', sizeof out);
        record_base64((const unsigned char *)rows[i].raw, rows[i].n, out);
        assert_string_equal(out, rows[i].encoded);
        assert_int_equal(out[(rows[i].n * 4 + 2) / 3 + 1], '!');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_base64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
