/* SPDX-License-Identifier: Apache-2.0 */
#include "index/index.h"
#include "test.h"

#include <time.h>

#define S256 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct page {
    struct arena a;
    struct index_files files;
    struct err err;
};

static void parse(struct page *p, const char *url, const char *type, const char *body)
{
    memset(p, 0, sizeof *p);
    index_page_parse(&p->a, url, type, text_of(body), &p->files, &p->err);
}

static void done(struct page *p)
{
    array_free(&p->files);
    arena_free(&p->a);
    err_clear(&p->err);
}

static const char json_type[] = "application/vnd.pypi.simple.v1+json";

static void test_json_file_in_full(void **state)
{
    (void)state;
    struct page p;
    parse(&p, "https://u:p@h/simple/a/", json_type,
          "{\"meta\": {\"api-version\": \"1.3\"}, \"files\": [{\"filename\": \"a-1-py3-none-any.whl\", "
          "\"url\": \"../../f/a-1-py3-none-any.whl\", \"hashes\": {\"md5\": \"00\", \"sha256\": \"" S256
          "\"}}, "
          "{\"filename\": \"a-2-py3-none-any.whl\", \"url\": \"https://cdn/a-2-py3-none-any.whl\", "
          "\"hashes\": {\"sha256\": \"0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef\"}, "
          "\"requires-python\": \">=3.9\", \"yanked\": \"bad\", \"size\": 12, "
          "\"core-metadata\": {\"sha256\": \"" S256 "\"}, \"dist-info-metadata\": false, \"x\": [[[{}]]]}]}");
    assert_null(p.err.text);
    assert_int_equal(p.files.count, 1); /* the first has a digest that nothing can meet */
    const struct index_file *f = &p.files.items[0];
    assert_string_equal(f->name, "a-2-py3-none-any.whl");
    assert_string_equal(f->url, "https://cdn/a-2-py3-none-any.whl");
    assert_string_equal(f->hash_algorithm, "sha256");
    assert_string_equal(f->hash, S256);
    assert_string_equal(f->requires_python, ">=3.9");
    assert_true(f->yanked);
    assert_string_equal(f->yanked_reason, "bad");
    assert_int_equal(f->size, 12);
    assert_true(f->has_metadata);
    assert_string_equal(f->metadata_hash, S256);
    assert_string_equal(f->index_url, "https://h/simple/a/");
    done(&p);
}

static void test_html_link_in_full(void **state)
{
    (void)state;
    struct page p;
    parse(&p, "https://u:p@h/simple/a/", "text/html; charset=utf-8",
          "\xef\xbb\xbf<!DOCTYPE html><html><head><meta name='pypi:repository-version' content='1.1'>"
          "<title>Links <a href='t.whl'></title><base HREF='/files/'></head><body><!-- <a href='c.whl'> -->"
          "<script>'<a href=\"s.whl\">'</script><p><A\n HREF = \"a-1-py3-none-any.whl#sha256=" S256 "\" "
          "data-requires-python='&gt;=3.9,&lt;4' data-yanked data-core-metadata='sha256=" S256 "'>a > b</a>"
          "<a href=a-2-py3-none-any.whl?k=&#49;&amp;l title='>'>x<b><i><a>no<a href=''>no<a href=../>");
    assert_null(p.err.text);
    assert_int_equal(p.files.count, 2);
    const struct index_file *f = &p.files.items[0];
    assert_string_equal(f->name, "a-1-py3-none-any.whl");
    assert_string_equal(f->url, "https://u:p@h/files/a-1-py3-none-any.whl");
    assert_string_equal(f->hash, S256);
    assert_string_equal(f->sha256, S256);
    assert_string_equal(f->requires_python, ">=3.9,<4");
    assert_true(f->yanked);
    assert_null(f->yanked_reason);
    assert_true(f->has_metadata);
    assert_string_equal(f->metadata_hash, S256);
    assert_string_equal(f[1].name, "a-2-py3-none-any.whl");
    assert_string_equal(f[1].url, "https://u:p@h/files/a-2-py3-none-any.whl?k=1&l");
    assert_false(f[1].yanked);
    assert_false(f[1].has_metadata);
    assert_int_equal(f[1].size, -1);
    done(&p);
}

static void test_the_strongest_digest_counts(void **state)
{
    (void)state;
    static const char *const table[][3] = {
        {"sha1=0123456789abcdef0123456789abcdef01234567&md5=0123456789abcdef0123456789abcdef", "sha1", ""},
        {"md5=0123456789abcdef0123456789abcdef&sha256=" S256, "sha256", S256},
        {"sha256=" S256 "&sha512=" S256 S256, "sha512", S256},
        {"sha512=" S256 S256 "&sha256=" S256, "sha512", S256},
        {"blake2b=" S256 "&egg=a", "", ""},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct page p;
        char html[1024];
        snprintf(html, sizeof html, "<a href='a-1.whl#%s'>", table[i][0]);
        parse(&p, "https://h/", "text/html", html);
        assert_int_equal(p.files.count, 1);
        const struct index_file *f = p.files.items;
        assert_string_equal(f->hash_algorithm ? f->hash_algorithm : "", table[i][1]);
        assert_string_equal(f->sha256 ? f->sha256 : "", table[i][2]);
        done(&p);
    }
}

static void test_metadata_keys_of_pep_714(void **state)
{
    (void)state;
    static const struct {
        const char *keys;
        bool has;
    } table[] = {
        {"\"core-metadata\": true", true},
        {"\"core-metadata\": false, \"dist-info-metadata\": true", false},
        {"\"core-metadata\": null, \"dist-info-metadata\": true", true},
        {"\"dist-info-metadata\": {\"sha256\": \"" S256 "\"}", true},
        {"\"dist-info-metadata\": {}", true},
        {"\"core-metadata\": {\"sha256\": \"00\"}", false},
        {"\"data-dist-info-metadata\": true", false},
        {"\"core-metadata\": \"yes\"", false},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct page p;
        char json[512];
        snprintf(json, sizeof json, "{\"files\": [{\"filename\": \"a.whl\", \"url\": \"a.whl\", %s}]}",
                 table[i].keys);
        parse(&p, "https://h/", json_type, json);
        assert_int_equal(p.files.count, 1);
        assert_int_equal(p.files.items[0].has_metadata, table[i].has);
        done(&p);
    }
}

static void test_links_that_lead_astray_are_passed_over(void **state)
{
    (void)state;
    static const struct {
        const char *page, *link;
        size_t count;
    } table[] = {
        {"https://h/", "file:///etc/a.whl", 0},
        {"file:///srv/", "file:///etc/a.whl", 1},
        {"file:///srv/", "https://h/a.whl", 1},
        {"https://h/", "javascript:a.whl", 0},
        {"https://h/", "http://h/a.whl", 0}, /* unencrypted, and nothing to verify it by */
        {"https://h/", "http://h/a.whl#sha256=" S256, 1},
        {"http://h/", "http://h/a.whl", 1},
        {"https://h/", "a%2fb.whl", 0},
        {"https://h/", "a.whl#sha256=zz", 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct page p;
        char html[512];
        snprintf(html, sizeof html, "<a href='%s'>", table[i].link);
        parse(&p, table[i].page, "text/html", html);
        assert_int_equal(p.files.count, table[i].count);
        done(&p);
    }
}

static void test_content_types(void **state)
{
    (void)state;
    static const struct {
        const char *type, *body, *error;
    } table[] = {
        {"application/vnd.pypi.simple.v1+json", "{\"files\": []}", NULL},
        {"Application/vnd.PyPI.simple.v1+json; charset=utf-8", "{\"files\": []}", NULL},
        {"application/json", " {\"files\": []} ", NULL},
        {"", "{\"files\": []}", NULL},
        {"", "<a>", NULL},
        {"application/vnd.pypi.simple.v1+html", "<a>", NULL},
        {"text/html", "", NULL},
        {"application/json", "[]", "of type application/json"},
        {"application/octet-stream", "<a>", "of type application/octet-stream"},
        {json_type, "<html>", "no JSON object"},
        {json_type, "{\"files\": {}}", "no list"},
        {json_type, "{\"files\": [] \"x\": 1}", "expected"},
        {json_type, "{\"files\": [{}, ]}", "no JSON"},
        {json_type, "{\"files\": [{} {}]}", "expected"},
        {json_type, "{\"files\": []} x", "the end expected"},
        {json_type, "{\"files\": [\"\xff\"]}", "no JSON"},
        {json_type, "{1: 2}", "a key"},
        {json_type, "{\"files\": [], \"meta\": {\"api-version\": \"10.0\"}}", "API version 10.0"},
        {json_type, "{\"files\": [], \"meta\": {\"api-version\": \"x\"}}", "API version 'x'"},
        {"text/html", "<meta content='2.0' name='PyPI:repository-version'>", "API version 2.0"},
        {json_type, "{\"files\": [1, null, {}, {\"url\": 1}, {\"url\": \"\"}], \"meta\": 3}", NULL},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct page p;
        parse(&p, "https://h/", table[i].type, table[i].body);
        if (table[i].error)
            assert_non_null(strstr(p.err.text ? p.err.text : "", table[i].error));
        else
            assert_null(p.err.text);
        done(&p);
    }
}

static double cpu_s(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

/* What makes tree builders quadratic, or deep: some megabytes of each have to be through in no time. */
static void test_hostile_pages_end(void **state)
{
    (void)state;
    static const char *const units[] = {"<div>", "<i a=%d>",        "<p><b c=%d>", "<",    "<!--",
                                        "<a ",   "<a href='x'><i>", "<table><tr>", "</a",  "<script>",
                                        "&amp;", "<a a%d ",         "<![CDATA[",   "<svg>"};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        struct arena a cleanup_arena = ARENA_INIT;
        struct index_files files = {0};
        struct buf body cleanup_buf = BUF_INIT;
        const char *number = strstr(units[i], "%d");
        for (int n = 0; body.len < 2 << 20; n++) {
            buf_text(&body,
                     number ? (struct text){units[i], (size_t)(number - units[i])} : text_of(units[i]));
            if (number)
                buf_printf(&body, "%d%s", n, number + 2);
        }
        double began = cpu_s();
        assert_int_equal(index_page_parse(&a, "https://h/", "text/html", buf_view(&body), &files, NULL), 0);
        assert_true(cpu_s() - began < 5);
        array_free(&files);
    }
    struct arena a cleanup_arena = ARENA_INIT;
    struct index_files files = {0};
    struct buf body cleanup_buf = BUF_INIT;
    buf_str(&body, "{\"files\": ");
    while (body.len < 2 << 20)
        buf_char(&body, '[');
    assert_int_equal(index_page_parse(&a, "https://h/", json_type, buf_view(&body), &files, NULL), -1);
    array_free(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_file_in_full),
        cmocka_unit_test(test_html_link_in_full),
        cmocka_unit_test(test_the_strongest_digest_counts),
        cmocka_unit_test(test_metadata_keys_of_pep_714),
        cmocka_unit_test(test_links_that_lead_astray_are_passed_over),
        cmocka_unit_test(test_content_types),
        cmocka_unit_test(test_hostile_pages_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
