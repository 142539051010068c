/* SPDX-License-Identifier: Apache-2.0 */
#include "cases.h"
#include "python/requirements_file.h"

static const char *variable(void *ctx, const char *name)
{
    (void)ctx;
    return strcmp(name, "NAME") == 0    ? "expanded"
           : strcmp(name, "TOKEN") == 0 ? "a b#c"
           : strcmp(name, "EMPTY") == 0 ? ""
                                        : NULL;
}

static void describe(struct buf *to, const struct requirements_line *l)
{
    buf_printf(to, "%s%u ", to->len ? " ~ " : "", l->line);
    assert_non_null(l->text);
    assert_non_null(l->name);
    switch (l->kind) {
    case LINE_REQUIREMENT:
        buf_str(to, l->value);
        break;
    case LINE_INCLUDE:
        buf_printf(to, "-r %s", l->value);
        break;
    case LINE_CONSTRAINT:
        buf_printf(to, "-c %s", l->value);
        break;
    case LINE_OPTION:
        buf_printf(to, "%s=%s", l->name, l->value);
        break;
    case LINE_ERROR:
        buf_printf(to, "error: %s", l->value);
    }
    if (l->options[0])
        buf_printf(to, " {%s}", l->options);
}

/* The expected side of a row has the escapes of its input side. */
static void escape(struct buf *to, struct text from)
{
    for (size_t i = 0; i < from.len; i++)
        if (from.ptr[i] == '\\')
            buf_str(to, "\\\\");
        else if (from.ptr[i] == '\t')
            buf_str(to, "\\t");
        else
            buf_char(to, from.ptr[i]);
}

static void check(const struct cases *c, const struct buf *got)
{
    struct buf escaped cleanup_buf = BUF_INIT, plain cleanup_buf = BUF_INIT;
    escape(&escaped, buf_view(got));
    buf_text(&plain, buf_view(got));
    if (!text_eq(buf_view(&escaped), c->expected) && !text_eq(buf_view(&plain), c->expected))
        fail_msg("line %zu: %s", c->line, buf_cstr(&escaped));
}

static void test_files(void **state)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct cases c;
    (void)state;
    cases_open(&c, "python/requirements-file.txt");
    while (cases_next(&c)) {
        struct requirements_lines lines = {0};
        struct err err cleanup_err = ERR_INIT;
        struct buf got cleanup_buf = BUF_INIT;
        if (requirements_file_parse(&a, c.input, variable, NULL, &lines, &err) < 0) {
            assert_int_equal(err.kind, ERR_INPUT);
            if (!text_starts(c.expected, T("error: ")) ||
                !strstr(err.text, text_dup(&a, text_from(c.expected, 7))))
                fail_msg("line %zu: %s", c.line, err.text);
        } else {
            array_each (&lines, line)
                describe(&got, line);
            check(&c, &got);
        }
        array_free(&lines);
    }
    cases_close(&c);
}

static void test_lists(void **state)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct cases c;
    (void)state;
    cases_open(&c, "python/requirements-list.txt");
    while (cases_next(&c)) {
        struct strings items cleanup_strings = {0};
        struct buf got cleanup_buf = BUF_INIT;
        requirements_list_split(&a, c.input, &items);
        array_each (&items, item)
            buf_printf(&got, "%s%s", got.len ? " ~ " : "", *item);
        check(&c, &got);
    }
    cases_close(&c);
}

static void test_encodings(void **state)
{
#define BYTES(literal)                                                                                       \
    {                                                                                                        \
        literal, sizeof(literal) - 1                                                                         \
    }
    static const struct {
        struct text bytes;
        const char *got; /* the first requirement, or the message */
    } rows[] = {
        {BYTES("\xff\xfe"
               "f\0\xfc\0\n\0"),
         "f\xc3\xbc"},
        {BYTES("\xfe\xff"
               "\0f\0\xfc\0\n"),
         "f\xc3\xbc"},
        {BYTES("\xff\xfe"
               "f\0\x3d\xd8\x00\xde"),
         "f\xf0\x9f\x98\x80"},
        {BYTES("\xff\xfe\0\0"
               "f\0\0\0\x00\xf6\x01\0"),
         "f\xf0\x9f\x98\x80"},
        {BYTES("\0\0\xfe\xff"
               "\0\0\0f\0\0\x20\xac"),
         "f\xe2\x82\xac"},
        {BYTES("# coding: latin-1\nf\xfc\n"), "f\xc3\xbc"},
        {BYTES("\n# coding=Latin_1\nf\xfc\n"), "f\xc3\xbc"},
        {BYTES("\xef\xbb\xbf# coding: latin-1\nf\xc3\xbc\n"), "f\xc3\xbc"}, /* the mark wins */
        {BYTES("foo\nb\xfc\n"), "line 2: bytes that are no UTF-8"},
        {BYTES("foo\n\xc0\xaf\n"), "line 2: bytes that are no UTF-8"},
        {BYTES("\xed\xa0\x80"), "line 1: bytes that are no UTF-8"},
        {BYTES("\xf4\x90\x80\x80"), "line 1: bytes that are no UTF-8"},
        {BYTES("foo\xe2\x82"), "line 1: bytes that are no UTF-8"},
        {BYTES("\xff\xfe"
               "f\0\n\0\x00\xde"),
         "line 2: bytes that are no UTF-16"},
        {BYTES("\xff\xfe"
               "f\0\x3d\xd8"),
         "line 1: bytes that are no UTF-16"},
        {BYTES("\xff\xfe"
               "f\0\x3d\xd8"
               "f\0"),
         "line 1: bytes that are no UTF-16"},
        {BYTES("\xff\xfe"
               "f\0f"),
         "line 1: bytes that are no UTF-16"},
        {BYTES("\xff\xfe"
               "f\0\0\0"),
         "line 1: a NUL byte"},
        {BYTES("\xff\xfe\0\0"
               "f\0\0\0\0\0\x11\0"),
         "line 1: bytes that are no UTF-32"},
    };
    struct arena a cleanup_arena = ARENA_INIT;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct requirements_lines lines = {0};
        struct err err cleanup_err = ERR_INIT;
        int result = requirements_file_parse(&a, rows[i].bytes, NULL, NULL, &lines, &err);
        const char *got = result < 0 ? err.text : lines.count ? lines.items[0].value : "";
        if (result < 0 ? strncmp(got, rows[i].got, strlen(rows[i].got)) != 0 : strcmp(got, rows[i].got) != 0)
            fail_msg("row %zu: %s", i, got);
        array_free(&lines);
    }
}

/* What is cut off is the rest of a password, too: the log would not know it for one any more. */
static void test_a_long_line_shows_no_password(void **state)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct requirements_lines lines = {0};
    struct err err cleanup_err = ERR_INIT;
    struct buf text cleanup_buf = BUF_INIT;
    (void)state;
    buf_str(&text, "--index-url https://user:secretsecretsecretsecretsecretsecretsecret@index.example/ ");
    memset(buf_reserve(&text, 2 << 20), 'x', 2 << 20);
    text.len += 2 << 20;
    assert_int_equal(requirements_file_parse(&a, buf_view(&text), NULL, NULL, &lines, &err), 0);
    assert_int_equal(lines.count, 1);
    assert_null(strstr(lines.items[0].text, "secret"));
    array_free(&lines);
}

/* The line at `index`, which begins at line `number` of the text, and no other. */
static void assert_too_long(struct arena *a, const struct buf *text, size_t index, unsigned number)
{
    struct requirements_lines lines = {0};
    struct err err cleanup_err = ERR_INIT;
    assert_int_equal(requirements_file_parse(a, buf_view(text), variable, NULL, &lines, &err), 0);
    assert_int_equal(lines.count, 3);
    for (size_t i = 0; i < lines.count; i++)
        assert_int_equal(lines.items[i].kind, i == index ? LINE_ERROR : LINE_REQUIREMENT);
    assert_int_equal(lines.items[index].line, number);
    assert_string_equal(lines.items[index].value, "the line is longer than 1 MiB");
    assert_true(strlen(lines.items[index].text) < 70);
    assert_string_equal(lines.items[2].value, "bar");
    array_free(&lines);
}

static void test_lines_of_a_mebibyte(void **state)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct requirements_lines lines = {0};
    struct err err cleanup_err = ERR_INIT;
    struct buf text cleanup_buf = BUF_INIT;
    (void)state;
    buf_str(&text, "foo\n");
    for (size_t i = 0; i < 1024 * 1024; i++)
        buf_char(&text, 'x');
    assert_int_equal(requirements_file_parse(&a, buf_view(&text), NULL, NULL, &lines, &err), 0);
    assert_int_equal(lines.count, 2);
    array_free(&lines);

    buf_str(&text, "x\nbar\n");
    assert_too_long(&a, &text, 1, 2);

    buf_clear(&text); /* the same by continuation */
    buf_str(&text, "foo\n");
    for (size_t i = 0; i < 100000; i++)
        buf_str(&text, "xxxxxxxxxxxxxxxx\\\n");
    buf_str(&text, "x\nbar\n");
    assert_too_long(&a, &text, 1, 2);

    buf_clear(&text); /* and by variables */
    buf_str(&text, "foo\n");
    for (size_t i = 0; i < 140000; i++)
        buf_str(&text, "${NAME}");
    buf_str(&text, "\nbar\n");
    assert_too_long(&a, &text, 1, 2);

    buf_clear(&text); /* what is cut off does not count */
    buf_str(&text, "foo #");
    for (size_t i = 0; i < 2 * 1024 * 1024; i++)
        buf_char(&text, '#');
    assert_int_equal(requirements_file_parse(&a, buf_view(&text), NULL, NULL, &lines, &err), 0);
    assert_int_equal(lines.count, 1);
    assert_string_equal(lines.items[0].value, "foo");
    array_free(&lines);
}

/* Each of these takes minutes where some step looks at everything before it again. */
static void test_large_inputs(void **state)
{
    static const char *const pieces[] = {"[", "(", "'", "\"", "[(", ",", ", ", "a,", "[a],", " #", "\\ "};
    struct arena a cleanup_arena = ARENA_INIT;
    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        struct buf text cleanup_buf = BUF_INIT;
        struct strings items cleanup_strings = {0};
        struct requirements_lines lines = {0};
        for (size_t j = 0; j < 300000; j++)
            buf_str(&text, pieces[i]);
        requirements_list_split(&a, buf_view(&text), &items);
        requirements_file_parse(&a, buf_view(&text), variable, NULL, &lines, NULL);
        array_free(&lines);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_encodings),    cmocka_unit_test(test_lines_of_a_mebibyte),
        cmocka_unit_test(test_large_inputs), cmocka_unit_test(test_a_long_line_shows_no_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
