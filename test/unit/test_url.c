/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"
#include "index/url.h"
#include "test.h"

/* \xNN in the data file is a byte. */
static struct text unescape(struct arena *a, struct text t)
{
    char *out = arena_alloc(a, t.len + 1), *to = out;
    for (size_t i = 0; i < t.len; i++) {
        if (t.ptr[i] == '\\' && i + 3 < t.len) {
            char hex[3] = {t.ptr[i + 2], t.ptr[i + 3], 0};
            *to++ = (char)strtol(hex, NULL, 16);
            i += 3;
        } else {
            *to++ = t.ptr[i];
        }
    }
    return (struct text){out, (size_t)(to - out)};
}

static void test_join_follows_the_rfc(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct buf table cleanup_buf = BUF_INIT;
    assert_int_equal(fs_read(AT_FDCWD, test_data("index/url_join.txt"), 1 << 20, &table, &err), 0);
    struct text rest = buf_view(&table), line;
    size_t cases = 0;
    while (text_line(&rest, &line)) {
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        struct text field[4] = {{0}};
        for (size_t i = 0; i < 4 && text_cut(&line, '|', &field[i]); i++)
            field[i] = text_trim(field[i]);
        const char *fragment;
        char *got = url_join(&a, text_dup(&a, field[0]), unescape(&a, field[1]), &fragment);
        assert_string_equal(got, text_dup(&a, field[2]));
        assert_string_equal(fragment, field[3].ptr ? text_dup(&a, field[3]) : "");
        cases++;
    }
    assert_true(cases > 40);
}

static void test_target_reads_one_way_or_refuses(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    static const struct {
        const char *url, *host, *user, *password, *bare;
        unsigned port;
    } good[] = {
        {"http://Example.COM", "example.com", NULL, NULL, "http://Example.COM/", 80},
        {"https://h:8443/x?y=1#z", "h", NULL, NULL, "https://h:8443/x?y=1", 8443},
        {"https://u%40x:p%3Aw@h/", "h", "u@x", "p:w", "https://h/", 443},
        {"https://token@h/", "h", "token", "", "https://h/", 443},
        {"https://a@b:c@h/", "h", "a@b", "c", "https://h/", 443},
        {"https://@h/", "h", NULL, NULL, "https://h/", 443},
        {"https://[::1]:81/", "[::1]", NULL, NULL, "https://[::1]:81/", 81},
        {"HTTPS://h", "h", NULL, NULL, "https://h/", 443},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct url_target t;
        assert_int_equal(url_target(&a, good[i].url, &t, NULL), 0);
        assert_string_equal(t.host, good[i].host);
        assert_string_equal(t.bare, good[i].bare);
        assert_int_equal(t.port, good[i].port);
        assert_true((t.user == NULL) == (good[i].user == NULL));
        if (t.user) {
            assert_string_equal(t.user, good[i].user);
            assert_string_equal(t.password, good[i].password);
        }
    }
    static const char *const bad[] = {"",
                                      "ftp://h/",
                                      "http:",
                                      "http://",
                                      "http:///x",
                                      "http://h:0/",
                                      "http://h:65536/",
                                      "http://h:8x/",
                                      "http://h h/",
                                      "http://[::1/",
                                      "http://[x]/",
                                      "http://h%/",
                                      "http://a:b@/",
                                      "https://u:p%00@h/",
                                      "/x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct url_target t;
        struct err err cleanup_err = ERR_INIT;
        assert_int_equal(url_target(&a, bad[i], &t, &err), -1);
        assert_null(strstr(err.text, "p%00"));
    }
}

static void test_refusals_say_what_to_encode(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    static const char *const table[][2] = {
        {"https://u:a#b@h/x", "https://u:****@h/x names no host that can be understood: in a user name or "
                              "password # is written %23"},
        {"https://u:a/b@h/x", "https://u:****@h/x names no host that can be understood: in a user name or "
                              "password / is written %2F"},
        {"https://u:1#b@h/x", "https://u:****@h/x names no host that can be understood: in a user name or "
                              "password # is written %23"},
        {"https://h:x/y",
         "https://h:****/y names no host that can be understood: behind its colon stands no port"},
        {"u:a b@h/x", "****@h/x is no http or https URL"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct url_target t;
        struct err err cleanup_err = ERR_INIT;
        assert_int_equal(url_target(&a, table[i][0], &t, &err), -1);
        assert_string_equal(err.text, table[i][1]);
    }
}

static void test_credentials_stay_with_their_origin(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    const char *index = "https://u:p@h/simple/";
    assert_string_equal(url_with_credentials_of(&a, "https://h/f", index), "https://u:p@h/f");
    assert_string_equal(url_with_credentials_of(&a, "https://H:443/f", index), "https://u:p@H:443/f");
    static const char *const others[] = {"https://g/f",   "http://h/f",       "https://h:444/f",
                                         "https://x@h/f", "https://h.evil/f", "file:///h/f"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_string_equal(url_with_credentials_of(&a, others[i], index), others[i]);
    assert_string_equal(url_without_credentials(&a, "https://u:p@h/a@b"), "https://h/a@b");
    assert_string_equal(url_without_credentials(&a, "https://h/a@b"), "https://h/a@b");
    assert_string_equal(url_without_credentials(&a, "file:///a@b"), "file:///a@b");
    assert_string_equal(url_without_credentials(&a, "https://u:p#x@h/a"), "https://h/a");
    assert_string_equal(url_without_credentials(&a, "https://u:p@/x@h/a"), "https://h/a");
    assert_string_equal(url_redacted(&a, "https://u:p@h/a"), "https://u:****@h/a");
}

static void test_suffix_goes_before_the_query(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    assert_string_equal(url_with_suffix(&a, "https://h/a.whl", ".metadata"), "https://h/a.whl.metadata");
    assert_string_equal(url_with_suffix(&a, "https://h/a.whl?k=1#f", ".metadata"),
                        "https://h/a.whl.metadata?k=1");
}

static void test_file_names_stay_in_their_folder(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    static const char *const table[][2] = {
        {"https://h/x/a-1.0%2Blocal.whl?k=v#f", "a-1.0+local.whl"},
        {"https://h/a%zz", "a%zz"},
        {"https://h/x/", NULL},
        {"https://h/..", NULL},
        {"https://h/%2e%2e", NULL},
        {"https://h/a%2Fb", NULL},
        {"https://h/a%5Cb", NULL},
        {"https://h/a%00b", NULL},
        {"https://h/a%0Ab", NULL},
        {"https://h", NULL},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct err err cleanup_err = ERR_INIT;
        char *name = url_file_name(&a, table[i][0], &err);
        if (table[i][1])
            assert_string_equal(name, table[i][1]);
        else
            assert_null(name);
    }
}

static void test_paths_and_file_urls(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    assert_string_equal(url_from_path(&a, "/a b/c+d%.whl"), "file:///a%20b/c%2Bd%25.whl");
    assert_string_equal(url_to_path(&a, "file:///a%20b/c%2Bd%25.whl"), "/a b/c+d%.whl");
    assert_string_equal(url_to_path(&a, "FILE://localhost/x#f"), "/x");
    assert_string_equal(url_to_path(&a, "file:/x"), "/x");
    assert_null(url_to_path(&a, "file://host/x"));
    assert_null(url_to_path(&a, "file:x"));
    assert_null(url_to_path(&a, "file:///x%00y"));
    assert_null(url_to_path(&a, "http://h/x"));
}

static void test_values_in_the_fragment(void **state)
{
    static const struct {
        const char *url, *value; /* of "a" */
    } cases[] = {
        {"https://h.example/x", NULL},     {"https://h.example/x#", NULL},
        {"https://h.example/x?a=1", NULL}, {"https://h.example/x#a", NULL},
        {"https://h.example/x#a=", NULL},  {"https://h.example/x#aa=1", NULL},
        {"https://h.example/x#a=1", "1"},  {"file:///x#b=2&a=1/c=d", "1/c=d"},
        {"file:///x#a=1&a=2", "1"},        {"file:///x#b&a=1", "1"},
    };
    struct arena a cleanup_arena = ARENA_INIT;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *value = url_fragment_value(&a, cases[i].url, "a");
        if (!text_same(value, cases[i].value))
            fail_msg("%s: %s", cases[i].url, value ? value : "nothing");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_join_follows_the_rfc),
        cmocka_unit_test(test_target_reads_one_way_or_refuses),
        cmocka_unit_test(test_refusals_say_what_to_encode),
        cmocka_unit_test(test_credentials_stay_with_their_origin),
        cmocka_unit_test(test_suffix_goes_before_the_query),
        cmocka_unit_test(test_file_names_stay_in_their_folder),
        cmocka_unit_test(test_paths_and_file_urls),
        cmocka_unit_test(test_values_in_the_fragment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
