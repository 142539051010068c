/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"
#include "cases.h"
#include "config/pip_conf.h"
#include "test.h"

static void render(struct text bytes, struct buf *out)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct pip_conf conf cleanup_pip_conf = {0};
    if (pip_conf_parse(&a, bytes, "F", &conf, &err) < 0) {
        assert_int_equal(err.kind, ERR_INPUT);
        assert_int_equal(conf.count, 0);
        buf_str(out, err.text + 1);
        return;
    }
    array_each (&conf, item) {
        buf_printf(out, "%s%s.%s=", out->len ? "|" : "", item->section, item->option);
        for (const char *c = item->value; *c; c++)
            buf_char(out, *c == '\n' ? '/' : *c);
    }
}

static void test_table(void **state)
{
    (void)state;
    struct cases cases;
    cases_open(&cases, "config/pip-conf.txt");
    while (cases_next(&cases)) {
        struct buf got cleanup_buf = BUF_INIT;
        render(cases.input, &got);
        if (!text_starts(buf_view(&got), cases.expected) ||
            (!text_starts(cases.expected, T(":")) && got.len != cases.expected.len))
            fail_msg("line %zu: %s instead of %.*s", cases.line, buf_cstr(&got), TEXT_ARG(cases.expected));
    }
    cases_close(&cases);
}

static void test_lines_are_counted(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct pip_conf conf cleanup_pip_conf = {0};
    assert_int_equal(pip_conf_parse(&a, T("# x\r\n[global]\n\na = 1\n  2\nb = 3"), "F", &conf, &err), 0);
    assert_int_equal(conf.count, 2);
    assert_int_equal(conf.items[0].line, 4);
    assert_int_equal(conf.items[1].line, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_lines_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
