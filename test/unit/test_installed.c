/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/installed.h"

#include "base/log.h"
#include "files.h"

static struct installed_set set;

static void scan(const char *one, const char *two)
{
    char *folders[] = {at(one), two ? at(two) : NULL};
    struct err err cleanup_err = ERR_INIT;
    assert_int_equal(installed_scan(folders, two ? 2 : 1, &set, &err), 0);
}

/* "name version info" lines */
static const char *listing(void)
{
    struct buf all cleanup_buf = BUF_INIT;
    for (size_t i = 0; i < set.count; i++)
        buf_printf(&all, "%s %s %s\n", set.items[i]->name, set.items[i]->version.text, set.items[i]->info);
    return text_dup(&files_memory, buf_view(&all));
}

static void test_names_come_from_folders(void **state)
{
    (void)state;
    make_dir("s/Flask_Cors-1.0.RC1.dist-info");
    make_dir("s/ruamel.yaml-0.18.6.dist-info");
    make_dir("s/a-1.0-py3.11.egg-info");
    make_dir("s/b-2-py2.7.egg-info");
    make_file("s/c-3.egg-info", "");
    make_dir("s/~lask-1.0.dist-info");
    make_dir("s/flask");
    make_dir("s/.dist-info");
    scan("s", NULL);
    assert_string_equal(listing(), "a 1.0 a-1.0-py3.11.egg-info\n"
                                   "b 2 b-2-py2.7.egg-info\n"
                                   "c 3 c-3.egg-info\n"
                                   "flask-cors 1.0rc1 Flask_Cors-1.0.RC1.dist-info\n"
                                   "ruamel-yaml 0.18.6 ruamel.yaml-0.18.6.dist-info\n");
    assert_string_equal(installed_find(&set, "flask-cors")->given, "Flask_Cors");
    assert_null(installed_find(&set, "flask"));
    installed_free(&set);
}

static void test_metadata_says_where_names_do_not(void **state)
{
    (void)state;
    make_file("s/my-dashed-name-1.0.dist-info/METADATA",
              "Metadata-Version: 2.1\nName: my-dashed-name\nVersion: 1.0\n");
    make_file("s/dev.egg-info/PKG-INFO", "Metadata-Version: 2.1\nName: Dev.Tool\nVersion: 0.1.dev0\n");
    make_file("s/old-wat.egg-info", "Metadata-Version: 1.0\nName: old\nVersion: 7\n");
    make_file("s/noname.dist-info/METADATA", "Metadata-Version: 2.1\nVersion: 1.0\n");
    make_file("s/badversion.egg-info/PKG-INFO", "Name: badversion\nVersion: one\n");
    make_dir("s/empty.dist-info");
    log_set_level(LOG_ERROR);
    scan("s", NULL);
    assert_string_equal(listing(), "dev-tool 0.1.dev0 dev.egg-info\n"
                                   "my-dashed-name 1.0 my-dashed-name-1.0.dist-info\n"
                                   "old 7 old-wat.egg-info\n");
    installed_free(&set);
}

static void test_first_folder_wins(void **state)
{
    (void)state;
    make_dir("one/x-1.dist-info");
    make_dir("two/X-2.dist-info");
    make_dir("two/y-1.dist-info");
    make_dir("two/y.egg-info");
    scan("one", "two");
    assert_string_equal(listing(), "x 1 x-1.dist-info\ny 1 y-1.dist-info\n");
    assert_string_equal(installed_find(&set, "x")->folder, at("one"));
    installed_free(&set);
    scan("absent", "two");
    assert_string_equal(listing(), "x 2 X-2.dist-info\ny 1 y-1.dist-info\n");
    installed_free(&set);
}

static void test_details(void **state)
{
    (void)state;
    struct err err cleanup_err = ERR_INIT;
    make_file("s/x-1.dist-info/INSTALLER", "pip\n");
    make_file("s/x-1.dist-info/REQUESTED", "");
    make_file("s/x-1.dist-info/direct_url.json", "{\"url\": \"file:///x\"}");
    make_dir("s/y-1.dist-info");
    scan("s", NULL);
    struct installed *x = installed_find(&set, "x"), *y = installed_find(&set, "y");
    assert_int_equal(installed_details(&set, x, &err), 0);
    assert_int_equal(installed_details(&set, y, &err), 0);
    assert_string_equal(x->installer, "pip");
    assert_true(x->requested);
    assert_string_equal(x->direct_url, "{\"url\": \"file:///x\"}");
    assert_string_equal(y->installer, "");
    assert_false(y->requested);
    assert_null(y->direct_url);
    installed_free(&set);
}

static const struct metadata *metadata_of(const char *name)
{
    struct err err cleanup_err = ERR_INIT;
    const struct metadata *m = NULL;
    if (installed_metadata(&set, installed_find(&set, name), &m, &err) < 0)
        fail_msg("%s", err.text);
    return m;
}

static void test_metadata(void **state)
{
    (void)state;
    struct err err cleanup_err = ERR_INIT;
    const struct metadata *m;
    make_file("s/Foo-1.dist-info/METADATA",
              "Metadata-Version: 2.1\nName: Foo.Bar\nVersion: 1\nRequires-Dist: a>=1\n\nRequires-Dist: no\n");
    make_file("s/bad-1.dist-info/METADATA",
              "Metadata-Version: 2.1\nName: bad\nVersion: 1\nRequires-Dist: ???\n");
    make_dir("s/none-1.dist-info");
    scan("s", NULL);
    m = metadata_of("foo");
    assert_int_equal(m->requires_count, 1);
    assert_string_equal(installed_find(&set, "foo")->given, "Foo.Bar");
    assert_ptr_equal(metadata_of("foo"), m);
    assert_int_equal(installed_metadata(&set, installed_find(&set, "bad"), &m, &err), -1);
    assert_int_equal(err.kind, ERR_INPUT);
    assert_non_null(strstr(err.text, at("s/bad-1.dist-info/METADATA")));
    assert_int_equal(installed_metadata(&set, installed_find(&set, "none"), &m, &err), -1);
    assert_non_null(strstr(err.text, "none-1.dist-info/METADATA"));
    installed_free(&set);
}

static void test_egg_info_requires(void **state)
{
    (void)state;
    make_file("s/e.egg-info/PKG-INFO", "Metadata-Version: 1.2\nName: e\nVersion: 1\n\nDescription: x\n");
    make_file("s/e.egg-info/requires.txt",
              "a>=1\n\n[:python_version < \"3\"]\nb\n\n[web]\nc[x]\n\n[web:sys_platform == \"linux\" or "
              "os_name == \"nt\"]\nd\n");
    make_file("s/f.egg-info/PKG-INFO", "Metadata-Version: 2.1\nName: f\nVersion: 1\nRequires-Dist: only\n");
    make_file("s/f.egg-info/requires.txt", "other\n");
    scan("s", NULL);
    const struct metadata *m = metadata_of("e");
    static const struct marker_environment env = {"cpython", "3.11",   "posix",   "x86_64", "6",    "Linux",
                                                  "1",       "3.11.2", "CPython", "3.11",   "linux"};
    static const bool plain[] = {true, false, false, false}, web[] = {true, false, true, true};
    assert_int_equal(m->requires_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(m->requires_dist[i].name, ((const char *[]){"a", "b", "c", "d"})[i]);
        assert_int_equal(marker_evaluate(m->requires_dist[i].marker, &env, ""), plain[i]);
        assert_int_equal(marker_evaluate(m->requires_dist[i].marker, &env, "web"), web[i]);
    }
    m = metadata_of("f");
    assert_int_equal(m->requires_count, 1);
    assert_string_equal(m->requires_dist[0].name, "only");
    installed_free(&set);
}

static void test_record(void **state)
{
    (void)state;
    struct err err cleanup_err = ERR_INIT;
    struct record record;
    make_file("s/x-1.dist-info/RECORD", "x.py,sha256=abc,3\n\"a,b.py\",,\n");
    make_dir("s/y-1.dist-info");
    make_file("s/z-1.dist-info/RECORD", "\"open,,\n");
    scan("s", NULL);
    assert_int_equal(installed_record(&files_memory, installed_find(&set, "x"), &record, &err), 0);
    assert_int_equal(record.count, 2);
    assert_string_equal(record.entries[1].path, "a,b.py");
    assert_int_equal(installed_record(&files_memory, installed_find(&set, "y"), &record, &err), -1);
    assert_int_equal(err.kind, ERR_NOT_FOUND);
    assert_int_equal(installed_record(&files_memory, installed_find(&set, "z"), &record, &err), -1);
    assert_int_equal(err.kind, ERR_INPUT);
    installed_free(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        files_test(test_names_come_from_folders),
        files_test(test_metadata_says_where_names_do_not),
        files_test(test_first_folder_wins),
        files_test(test_details),
        files_test(test_metadata),
        files_test(test_egg_info_requires),
        files_test(test_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
