/* SPDX-License-Identifier: Apache-2.0 */
/* With a real Python behind a shell script that counts how often it is asked, or with one that lies. What the
 * answers are is compared with Python's own in test/e2e/test_venv.py. */
#include "venv/interpreter.h"

#include "base/log.h"
#include "base/process.h"
#include "files.h"

#include <sys/utsname.h>

static const char *real_python;

static void script(const char *path, const char *body)
{
    make_file(path, arena_printf(&files_memory, "#!/bin/sh\n%s\n", body));
    assert_int_equal(chmod(at(path), 0755), 0);
}

/* A base whose bin/python3 writes a line to `asked` and is the machine's python3 otherwise. */
static int setup(void **state)
{
    if (files_setup(state) < 0)
        return -1;
    log_set_level(LOG_ERROR);
    const char *const argv[] = {"python3", "-I", "-c", "import sys; print(end=sys.executable)", NULL};
    const struct process p = {.argv = argv};
    struct process_result r cleanup_process_result = PROCESS_RESULT_INIT;
    if (process_run(&p, &r, NULL) < 0 || r.status != 0)
        return -1;
    real_python = text_dup(&files_memory, buf_view(&r.out));
    const char *const venv[] = {real_python, "-I", "-m", "venv", "--without-pip", at("base"), NULL};
    const struct process make = {.argv = venv, .keep_stderr = true};
    struct process_result made cleanup_process_result = PROCESS_RESULT_INIT;
    if (process_run(&make, &made, NULL) < 0 || made.status != 0)
        return -1;
    unlink(at("base/bin/python3"));
    unlink(at("base/bin/python"));
    if (symlink(real_python, at("base/bin/python")) < 0)
        return -1;
    script("base/bin/python3",
           arena_printf(&files_memory, "echo x >>%s\nexec %s \"$@\"", at("asked"), at("base/bin/python")));
    return 0;
}

static size_t asked(void)
{
    return strlen(content("asked")) / 2;
}

static struct interpreter py;
static struct err last;

static int query(const char *exclude)
{
    char *excluded[] = {exclude ? at(exclude) : NULL};
    err_clear(&last);
    return interpreter_query(&files_memory, at("base"), NULL, at("cache/deep/kept.json"), excluded,
                             exclude ? 1 : 0, &py, &last);
}

static void query_well(void)
{
    if (query(NULL) < 0)
        fail_msg("%s", last.text);
}

static int teardown(void **state)
{
    err_clear(&last);
    return files_teardown(state);
}

static const char *site(const char *name)
{
    return arena_printf(&files_memory, "base/%s/%s", py.site_packages, name);
}

static void test_answer(void **state)
{
    (void)state;
    query_well();
    struct utsname un;
    uname(&un);
    assert_string_equal(py.base_dir, at("base"));
    assert_string_equal(py.executable, at("base/bin/python3"));
    assert_string_equal(py.markers.platform_release, un.release);
    assert_string_equal(py.markers.platform_version, un.version);
    assert_string_equal(py.markers.sys_platform, "linux");
    assert_int_equal(py.tags.major, 3);
    assert_string_equal(py.site_packages,
                        arena_printf(&files_memory, "lib/python3.%d/site-packages", py.tags.minor));
    assert_string_equal(py.include, arena_printf(&files_memory, "include/site/python3.%d", py.tags.minor));
    assert_int_equal(py.path_count, 1);
    assert_string_equal(py.path[0], path_join(&files_memory, at("base"), py.site_packages));
    assert_true(py.stdlib_count >= 2);
    assert_null(py.pip_version);
    assert_null(py.pip_index_url);
}

static void test_answer_is_kept(void **state)
{
    (void)state;
    query_well();
    query_well();
    assert_int_equal(asked(), 1);
    assert_string_equal(py.markers.os_name, "posix");
}

static void test_what_makes_it_ask_again(void **state)
{
    (void)state;
    size_t n = 1;
    query_well();
    make_file(site("a.pth"), "");
    query_well();
    assert_int_equal(asked(), ++n);
    /* a folder that a .pth names, once it is there */
    make_file(site("a.pth"), at("later"));
    query_well();
    assert_int_equal(asked(), ++n);
    assert_int_equal(py.path_count, 1);
    query_well();
    assert_int_equal(asked(), n);
    make_dir("later");
    query_well();
    assert_int_equal(asked(), ++n);
    assert_int_equal(py.path_count, 2);
    assert_string_equal(py.path[1], at("later"));
    make_file(site("pip-1.0.dist-info/METADATA"), "");
    query_well();
    assert_int_equal(asked(), ++n);
    make_file("base/pyvenv.cfg", arena_printf(&files_memory, "%s\nx = y\n", content("base/pyvenv.cfg")));
    query_well();
    assert_int_equal(asked(), ++n);
    script("base/bin/python3", arena_printf(&files_memory, "echo x >>%s\n# longer\nexec %s \"$@\"",
                                            at("asked"), at("base/bin/python")));
    query_well();
    assert_int_equal(asked(), ++n);
    query_well();
    assert_int_equal(asked(), n);
}

static void test_a_damaged_cache_only_costs_time(void **state)
{
    (void)state;
    query_well();
    const char *kept = content("cache/deep/kept.json");
    struct buf changed cleanup_buf = BUF_INIT;
    buf_str(&changed, kept);
    char *key = strstr(changed.ptr, "\"soabi\"");
    assert_non_null(key);
    key[1] = 'S';
    const char *const table[] = {"", "{", "[]", "{\"identity\":1,\"answer\":{}}", buf_cstr(&changed)};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        make_file("cache/deep/kept.json", table[i]);
        query_well();
        assert_int_equal(asked(), 2 + i);
        query_well();
        assert_int_equal(asked(), 2 + i);
    }
    assert_int_equal(fs_remove_tree(AT_FDCWD, at("cache"), NULL), 0);
    make_file("cache", "no folder");
    query_well();
}

static void test_excluded_folders_are_not_the_base(void **state)
{
    (void)state;
    query_well();
    make_dir("volume/lib");
    make_dir("volume-not");
    make_link("volume", "alias");
    make_file(site("a.pth"), arena_printf(&files_memory, "%s\n%s\n%s\n", at("volume/lib"), at("alias/lib/.."),
                                          at("volume-not")));
    query_well();
    assert_int_equal(py.path_count, 4);
    assert_int_equal(query("volume"), 0);
    assert_int_equal(py.path_count, 2);
    assert_string_equal(py.path[1], at("volume-not"));
}

static void test_noise_and_environment(void **state)
{
    (void)state;
    query_well();
    setenv("PYTHONPATH", at("evil"), 1);
    setenv("PYTHONSTARTUP", "/x", 1);
    make_dir("evil");
    make_file(site("noise.pth"), "import sys; print('hello {\"x\": 1}')\n");
    query_well();
    unsetenv("PYTHONPATH");
    unsetenv("PYTHONSTARTUP");
    assert_int_equal(py.path_count, 1);
}

static void test_pips_index(void **state)
{
    (void)state;
    static const char index[] = "class PackageIndex:\n"
                                "    def __init__(self, url):\n"
                                "        self.url = url\n"
                                "        self.simple_url = self._url_for_path(\"simple\")\n"
                                "    def _url_for_path(self, path):\n"
                                "        import urllib.parse\n"
                                "        return urllib.parse.urljoin(self.url, path)\n"
                                "\nPyPI = PackageIndex(\"%s\")\n";
    static const char options[] =
        "import optparse\nfrom pip._internal.models.index import PyPI\n"
        "def index_url():\n    return optparse.Option('-i',\n    default=%s,\n    )\n";
    static const struct {
        const char *url, *base, *expected;
    } table[] = {
        {"https://pypi.example/", "PyPI.simple_url", "https://pypi.example/simple"},
        {"https://mirror.example/root/", "PyPI.simple_url", "https://mirror.example/root/simple"},
        {"https://mirror.example/root", "PyPI.simple_url", "https://mirror.example/simple"},
        {"https://pypi.example/", "'https://patched.example/x'", "https://patched.example/x"},
    };
    query_well();
    make_file(site("pip/__init__.py"), "\n__version__ = \"98.7\"\n");
    make_file(site("pip/_internal/__init__.py"), "");
    make_file(site("pip/_internal/cli/__init__.py"), "");
    make_file(site("pip/_internal/models/__init__.py"), "");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct text t = text_of(index), o = text_of(options);
        size_t hole = text_find(t, '%'), gap = text_find(o, '%');
        make_file(site("pip/_internal/models/index.py"),
                  arena_printf(&files_memory, "%.*s%s%s", (int)hole, index, table[i].url, index + hole + 2));
        make_file(
            site("pip/_internal/cli/cmdoptions.py"),
            arena_printf(&files_memory, "%.*s%s%s", (int)gap, options, table[i].base, options + gap + 2));
        unlink(at("cache/deep/kept.json"));
        query_well();
        assert_string_equal(py.pip_version, "98.7");
        assert_string_equal(py.pip_index_url, table[i].expected);
    }
}

static void assert_refused(const char *body, const char *expected)
{
    script("base/bin/python3", body);
    assert_int_equal(query(NULL), -1);
    assert_int_equal(last.kind, ERR_SYSTEM);
    if (!strstr(last.text, expected))
        fail_msg("\"%s\" instead of \"%s\"", last.text, expected);
}

static void test_interpreters_that_do_not_serve(void **state)
{
    (void)state;
    assert_refused("echo first >&2; echo 'it is broken' >&2; exit 3", "(exit status 3): it is broken");
    assert_refused("exit 1", "it said nothing");
    assert_refused("kill -SEGV $$", "exit status 139");
    assert_refused("true", "cannot be understood");
    assert_refused("echo; echo @localstack-extensions-probe; echo '{'", "cannot be understood");
    assert_refused("echo; echo @localstack-extensions-probe; echo '{}'", "is malformed");
    assert_refused("echo; echo @localstack-extensions-probe; echo '{\"too_old\":\"3.8\"}'",
                   "is Python 3.8; Python 3.10 or newer is needed");
    unlink(at("base/bin/python3"));
    assert_int_equal(query(NULL), -1);
    assert_non_null(strstr(last.text, "there is no Python interpreter at"));
    assert_false(is_there("cache/deep/kept.json"));
}

#define interpreter_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        interpreter_test(test_answer),
        interpreter_test(test_answer_is_kept),
        interpreter_test(test_what_makes_it_ask_again),
        interpreter_test(test_a_damaged_cache_only_costs_time),
        interpreter_test(test_excluded_folders_are_not_the_base),
        interpreter_test(test_noise_and_environment),
        interpreter_test(test_pips_index),
        interpreter_test(test_interpreters_that_do_not_serve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
