/* SPDX-License-Identifier: Apache-2.0 */
#include "cases.h"
#include "python/metadata.h"

static void test_headers(void **state)
{
    struct cases c;
    (void)state;
    cases_open(&c, "python/headers.txt");
    while (cases_next(&c)) {
        struct text value;
        struct buf got cleanup_buf = BUF_INIT;
        if (headers_get(c.input, "Name", &value)) {
            buf_char(&got, '"');
            for (size_t i = 0; i < value.len; i++) {
                const char *name = strchr("\nn\rr\tt", value.ptr[i]);
                if (name && strchr("\n\r\t", value.ptr[i]))
                    buf_printf(&got, "\\%c", name[1]);
                else
                    buf_char(&got, value.ptr[i]);
            }
            buf_char(&got, '"');
        } else {
            assert_null(value.ptr);
            buf_str(&got, "none");
        }
        if (!text_eq(buf_view(&got), c.expected))
            fail_msg("line %zu: %s", c.line, got.ptr);
    }
    cases_close(&c);
}

static void add_list(struct buf *to, const char *key, char *const *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_printf(to, "%s%s", i ? " " : key, items[i]);
}

static void describe(struct buf *to, const struct metadata *m)
{
    buf_printf(to, "%s %s %s", m->metadata_version, m->normalized, m->version.text);
    if (m->requires_python_text)
        buf_printf(to, "|python=%s", m->requires_python_text);
    for (size_t i = 0; i < m->requires_count; i++)
        buf_printf(to, "%s%s", i ? " " : "|requires=", m->requires_dist[i].name);
    add_list(to, "|extras=", m->provides_extra, m->extra_count);
    add_list(to, "|imports=", m->import_names, m->import_count);
    add_list(to, "|dynamic=", m->dynamic, m->dynamic_count);
    if (m->summary)
        buf_printf(to, "|summary=%s", m->summary);
    if (m->warning_count)
        buf_printf(to, "|warnings=%zu", m->warning_count);
}

static void test_table(void **state)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct cases c;
    (void)state;
    cases_open(&c, "python/metadata.txt");
    while (cases_next(&c)) {
        struct metadata m;
        struct err err cleanup_err = ERR_INIT;
        struct buf got cleanup_buf = BUF_INIT;
        char *expected = text_dup(&a, c.expected);
        if (metadata_parse(&a, c.input, &m, &err) < 0) {
            assert_int_equal(err.kind, ERR_INPUT);
            if (!text_starts(c.expected, T("error: ")) || !strstr(err.text, expected + strlen("error: ")))
                fail_msg("line %zu: %s", c.line, err.text);
            continue;
        }
        describe(&got, &m);
        assert_true(text_starts(text_of(m.metadata_version),
                                text_of(arena_printf(&a, "%llu.%llu", m.major, m.minor))));
        if (strcmp(buf_cstr(&got), expected) != 0)
            fail_msg("line %zu: %s", c.line, got.ptr);
    }
    cases_close(&c);
}

static void test_what_is_behind_the_names(void **state)
{
    static const char text[] =
        "Metadata-Version: 2.1\nName: Foo_Bar\nVersion: 1.0\nRequires-Python: >=3.8,<4\n"
        "Requires-Dist: Baz[c,a] >=1; python_version < '3.13'\nProvides-Extra: x\n";
    struct arena a cleanup_arena = ARENA_INIT;
    struct metadata m;
    struct version old, now;
    (void)state;
    assert_int_equal(metadata_parse(&a, text_of(text), &m, NULL), 0);
    assert_string_equal(m.name, "Foo_Bar");
    assert_int_equal(version_parse(&a, T("3.7"), &old, NULL), 0);
    assert_int_equal(version_parse(&a, T("3.13"), &now, NULL), 0);
    assert_true(specifier_set_contains(&m.requires_python, &now));
    assert_false(specifier_set_contains(&m.requires_python, &old));
    assert_string_equal(m.requires_dist[0].given, "Baz");
    assert_int_equal(m.requires_dist[0].extra_count, 2);
    assert_non_null(m.requires_dist[0].marker);

    /* One that asks for nothing, absent or not understood, is met by every version. */
    assert_int_equal(metadata_parse(&a, T("Name: f\nVersion: 1\nRequires-Python: no\n"), &m, NULL), 0);
    assert_true(specifier_set_contains(&m.requires_python, &old));
    assert_int_equal(metadata_parse(&a, T("Name: f\nVersion: 1\n"), &m, NULL), 0);
    assert_true(specifier_set_contains(&m.requires_python, &old));
}

static void test_dynamic(void **state)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct metadata m;
    (void)state;
    assert_int_equal(metadata_parse(&a, T("Name: f\nVersion: 1\nDynamic: Requires-Dist\n"), &m, NULL), 0);
    assert_true(metadata_is_dynamic(&m, "requires-dist"));
    assert_false(metadata_is_dynamic(&m, "requires-python"));
}

static void test_many_headers(void **state)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct buf text cleanup_buf = BUF_INIT;
    struct metadata m;
    (void)state;
    buf_str(&text, "Metadata-Version: 2.1\nName: foo\nVersion: 1\n");
    for (int i = 0; i < 20000; i++)
        buf_printf(&text, "Requires-Dist: d%d; extra == 'e'\nX: y\n \n  z\n", i);
    assert_int_equal(metadata_parse(&a, buf_view(&text), &m, NULL), 0);
    assert_int_equal(m.requires_count, 20000);
    assert_string_equal(m.requires_dist[19999].name, "d19999");
}

static void test_wheel_file(void **state)
{
    static const struct {
        const char *text, *version, *message;
        bool pure;
    } rows[] = {
        {"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n", "1.0", NULL, true},
        {"wheel-version: 1.0\r\nroot-is-purelib: TRUE\r\n", "1.0", NULL, true},
        {"Wheel-Version: 1.0\nRoot-Is-Purelib: false\n", "1.0", NULL, false},
        {"Wheel-Version: 1.0\n", "1.0", NULL, false},
        {"Wheel-Version: 1.0\n\nRoot-Is-Purelib: true\n", "1.0", NULL, false},
        {"Wheel-Version: 1.9\nRoot-Is-Purelib: true\n", "1.9", NULL, true},
        {"Wheel-Version: 1\nRoot-Is-Purelib: true\n", "1", NULL, true},
        {"Wheel-Version: 2.0\n", NULL, "newer than this program", false},
        {"Wheel-Version: 99999999999999999999.0\n", NULL, "is no version", false},
        {"Wheel-Version: one\n", NULL, "is no version", false},
        {"Wheel-Version:\n", NULL, "is no version", false},
        {"Root-Is-Purelib: true\n", NULL, "no Wheel-Version", false},
        {"", NULL, "no Wheel-Version", false},
    };
    struct arena a cleanup_arena = ARENA_INIT;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct wheel_file w;
        struct err err cleanup_err = ERR_INIT;
        if (wheel_file_parse(&a, text_of(rows[i].text), &w, &err) < 0) {
            assert_non_null(rows[i].message);
            assert_non_null(strstr(err.text, rows[i].message));
            continue;
        }
        assert_null(rows[i].message);
        assert_string_equal(w.wheel_version, rows[i].version);
        assert_int_equal(w.root_is_purelib, rows[i].pure);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_what_is_behind_the_names),
        cmocka_unit_test(test_dynamic),
        cmocka_unit_test(test_many_headers),
        cmocka_unit_test(test_wheel_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
