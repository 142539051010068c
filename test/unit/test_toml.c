/* SPDX-License-Identifier: Apache-2.0 */
/* With the machine's Python, and with programs that answer something else. */
#include "venv/toml.h"

#include "base/process.h"
#include "files.h"

#include <signal.h>

static const char *python;

static int setup(void **state)
{
    signal(SIGPIPE, SIG_IGN); /* as the program does: a child may end without reading */
    if (files_setup(state) < 0)
        return -1;
    const char *const argv[] = {"python3", "-I", "-c", "import sys; print(end=sys.executable)", NULL};
    const struct process p = {.argv = argv};
    struct process_result r cleanup_process_result = PROCESS_RESULT_INIT;
    if (process_run(&p, &r, NULL) < 0 || r.status != 0)
        return -1;
    python = text_dup(&files_memory, buf_view(&r.out));
    return 0;
}

static void test_documents(void **state)
{
    static const struct {
        const char *toml, *json; /* json: a part of it */
        const char *error;
        unsigned line;
    } rows[] = {
        {"a = 1\r\nb = 'x'\n", "{\"a\":1,\"b\":\"x\"}", NULL, 0},
        {"", "\"document\":{}", NULL, 0},
        {"a = 1\nb =\n", NULL, "Invalid value", 2},
        {"a = [1,\n\n", NULL, "", 3},
        {"a = 1\na = 2\n", NULL, "Cannot overwrite a value", 2},
        {"d = 2024-02-03T04:05:06Z\nt = 04:05:06\nl = 2024-02-03\n", "\"2024-02-03T04:05:06+00:00\"", NULL,
         0},
        {"i = 99999999999999999999\nf = inf\nn = nan\n", "\"99999999999999999999\"", NULL, 0},
        {"s = \"\\u0000\"\n", NULL, "NUL", 0},
        {"s = \"\\U0001F600 \xc3\xa9\"\n", "\xf0\x9f\x98\x80 \xc3\xa9", NULL, 0},
        {"\n# \xff\n", NULL, "not UTF-8", 2},
        {"[[p]]\na = 1\n[p.b]\n [[ p ]]\n[[q.r]]\n", "\"lines\":{\"p\":[1,4]}", NULL, 0},
        {"s = '''\n[[p]]\n'''\n[[p]]\n", "\"lines\":{}", NULL, 0},
    };
    enum { COUNT = sizeof rows / sizeof *rows };
    struct toml_document documents[COUNT];
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        documents[i].bytes = text_of(rows[i].toml);
    if (toml_read(&a, python, documents, COUNT, &err) < 0)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < COUNT; i++) {
        const struct toml_document *d = &documents[i];
        if (rows[i].json && (!d->json || !strstr(d->json, rows[i].json)))
            fail_msg("%s: %s", rows[i].toml, d->json ? d->json : d->error);
        if (rows[i].error && (d->json || !strstr(d->error, rows[i].error) || d->line != rows[i].line))
            fail_msg("%s: %s (%u)", rows[i].toml, d->json ? d->json : d->error, d->line);
    }
}

static void test_depth(void **state)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct buf deep cleanup_buf = BUF_INIT, keys cleanup_buf = BUF_INIT;
    (void)state;
    buf_str(&deep, "a = ");
    for (int i = 0; i < 3000; i++) {
        buf_char(&deep, '[');
        buf_str(&keys, i ? ".a" : "a");
    }
    buf_str(&keys, " = 1");
    struct toml_document documents[] = {{.bytes = buf_view(&deep)}, {.bytes = buf_view(&keys)}};
    assert_int_equal(toml_read(&a, python, documents, 2, NULL), 0);
    for (size_t i = 0; i < 2; i++) {
        assert_null(documents[i].json);
        assert_non_null(strstr(documents[i].error, "deep"));
    }
}

static void assert_fails(const char *body, const char *part)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct toml_document document = {.bytes = T("a = 1")};
    make_file("liar", arena_printf(&files_memory, "#!/bin/sh\n%s\n", body));
    assert_int_equal(chmod(at("liar"), 0755), 0);
    assert_int_equal(toml_read(&a, at("liar"), &document, 1, &err), -1);
    assert_int_equal(err.kind, ERR_SYSTEM);
    if (!strstr(err.text, part))
        fail_msg("%s", err.text);
}

static void test_liars(void **state)
{
    (void)state;
    assert_fails("exit 3", "exit status 3");
    assert_fails("true", "cannot be understood");
    assert_fails("echo; echo @localstack-extensions-probe; echo '[]'", "cannot be understood");
    assert_fails("echo; echo @localstack-extensions-probe; echo '[{}]'", "cannot be understood");
    assert_fails("echo; echo @localstack-extensions-probe; echo '['", "cannot be understood");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_liars),
    };
    return cmocka_run_group_tests(tests, setup, files_teardown);
}
