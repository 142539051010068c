/* SPDX-License-Identifier: Apache-2.0 */
/* test/data/build-failures.txt: "=== KIND [offline]", the reason, "--- tail", lines, "--- output", lines. */
#include "base/fs.h"
#include "build/failure.h"
#include "test.h"

static struct arena memory;

static const char *const kinds[] = {
    [ERR_SYSTEM] = "system", [ERR_INPUT] = "input", [ERR_UNAVAILABLE] = "unavailable"};

/* What stands before `mark`, which is cut off with it. */
static struct text before(struct text *rest, const char *mark)
{
    const char *at = memmem(rest->ptr, rest->len, mark, strlen(mark));
    assert_non_null(at);
    struct text piece = {rest->ptr, (size_t)(at - rest->ptr)};
    *rest = text_from(*rest, piece.len + strlen(mark));
    return piece;
}

static void check(struct text one)
{
    struct failure f;
    struct text head, reason;
    assert_true(text_line(&one, &head));
    bool offline = text_ends(head, T(" offline"));
    assert_true(text_line(&one, &reason));
    before(&one, "--- tail\n");
    struct text tail = before(&one, "--- output\n");
    failure_read(&memory, one, offline, &f);
    assert_string_equal(f.reason, text_dup(&memory, reason));
    assert_string_equal(f.tail, text_dup(&memory, tail));
    assert_true(text_starts(head, text_of(kinds[f.kind])));
}

static void test_each_failure_is_understood(void **state)
{
    (void)state;
    struct buf all cleanup_buf = BUF_INIT;
    size_t count = 0;
    assert_int_equal(fs_read(AT_FDCWD, test_data("build-failures.txt"), 1 << 20, &all, NULL), 0);
    struct text rest = buf_view(&all);
    before(&rest, "=== ");
    while (rest.len) {
        const char *next = memmem(rest.ptr, rest.len, "\n=== ", 5);
        size_t len = next ? (size_t)(next - rest.ptr) + 1 : rest.len;
        check(text_first(rest, len));
        rest = text_from(rest, next ? len + 4 : len);
        count++;
    }
    assert_true(count > 20);
}

static void test_lines_are_fit_for_a_message(void **state)
{
    (void)state;
    assert_string_equal(failure_tail(&memory, T("a\033[31mred\033[0m\tb\001\n\n   \nold\rnew\r\n")),
                        "ared b\nnew\n");
    char line[1000];
    memset(line, 'x', 298);
    memcpy(line + 298, "\xe2\x82\xac\xe2\x82\xac", 6);
    const char *cut = failure_tail(&memory, (struct text){line, 304});
    assert_int_equal(strlen(cut), 299); /* no half of a character */
    assert_string_equal(failure_tail(&memory, T("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n")),
                        "2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n");
}

static int free_memory(void **state)
{
    (void)state;
    arena_free(&memory);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_failure_is_understood),
        cmocka_unit_test(test_lines_are_fit_for_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, free_memory);
}
