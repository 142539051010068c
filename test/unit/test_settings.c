/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"
#include "base/strmap.h"
#include "cases.h"
#include "config/extensions_yaml.h"
#include "config/setting.h"
#include "test.h"

/* A root of its own for each test: ROOT/etc/localstack, ROOT/home, ROOT/base, ROOT/venv, ROOT/xdg. */
struct world {
    struct arena a;
    char *root;
    struct strings env;
    struct settings s;
    struct err err;
};

static int set_up(void **state)
{
    struct world *w = test_calloc(1, sizeof *w);
    w->root = arena_strdup(&w->a, "/tmp/test-settings-XXXXXX");
    assert_non_null(mkdtemp(w->root));
    array_push(&w->env, arena_printf(&w->a, "HOME=%s/home", w->root));
    array_push(&w->env, arena_printf(&w->a, "XDG_CONFIG_DIRS=%s/xdg:%s/xdg2", w->root, w->root));
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    fs_remove_tree(AT_FDCWD, w->root, NULL);
    settings_free(&w->s);
    err_clear(&w->err);
    strings_free(&w->env);
    arena_free(&w->a);
    test_free(w);
    return 0;
}

static char *path(struct world *w, const char *name)
{
    return path_join(&w->a, w->root, name);
}

static void put(struct world *w, const char *name, const char *text)
{
    char *file = path(w, name);
    char *dir = arena_strndup(&w->a, file, (size_t)(path_base(file) - file - 1));
    assert_int_equal(fs_mkdirs(dir, NULL), 0);
    assert_int_equal(fs_write(AT_FDCWD, file, text_of(text), 0644, false, NULL), 0);
}

static void yaml(struct world *w, const char *text)
{
    put(w, "etc/localstack/conf.d/extensions.yaml", text);
}

static void set(struct world *w, const char *entry)
{
    array_push(&w->env, arena_strdup(&w->a, entry));
}

static int load(struct world *w)
{
    array_push(&w->env, NULL);
    struct settings_source source = {
        .root = w->root, .environ = w->env.items, .base_dir = path(w, "base"), .venv_dir = path(w, "venv")};
    settings_free(&w->s);
    int result = settings_load(&source, &w->s, &w->err);
    w->env.count--;
    return result;
}

static void assert_list(const struct strings *list, const char *joined)
{
    struct buf got cleanup_buf = BUF_INIT;
    array_each (list, item)
        buf_printf(&got, "%s%s", item == list->items ? "" : " ", *item);
    assert_string_equal(buf_cstr(&got), joined);
}

static void test_defaults(void **state)
{
    struct world *w = *state;
    set(w, "PIP_CONFIG_FILE=/dev/null");
    assert_int_equal(load(w), 0);
    const struct settings *s = &w->s;
    assert_null(s->auto_install);
    assert_int_equal(s->install_count, 0);
    assert_false(s->dev_mode || s->dev_reload || s->offline || s->upgrade || s->no_index || s->pre);
    assert_int_equal(s->sync, SYNC_AUTO);
    assert_int_equal(s->on_error, ON_ERROR_CONTINUE);
    assert_int_equal(s->base_conflicts, BASE_CONFLICTS_FAIL);
    assert_int_equal(s->index_strategy, STRATEGY_FIRST);
    assert_int_equal(s->timeout_s, 300);
    assert_int_equal(s->log_level, LOG_INFO);
    assert_int_equal(s->log_format, LOG_TEXT);
    assert_string_equal(s->entrypoint_mode, "exec");
    assert_null(s->index_url);
    assert_int_equal(s->pip_timeout_s, 15);
    assert_int_equal(s->retries, 5);
}

static void assert_said(const struct world *w, const char *key, const char *value, const char *origin)
{
    struct buf got cleanup_buf = BUF_INIT;
    const struct setting *setting = setting_by_key(text_of(key));
    assert_int_equal(setting_text(&w->s, setting, &got), value != NULL);
    assert_string_equal(buf_cstr(&got), value ? value : "");
    const char *said = setting_origin(&w->s, setting);
    assert_string_equal(said ? said : "default", origin);
}

static void test_where_a_value_came_from(void **state)
{
    struct world *w = *state;
    const char *conf = path(w, "p.conf"), *yaml_file = path(w, "etc/localstack/conf.d/extensions.yaml");
    put(w, "p.conf", "[global]\nno-binary = one\ntimeout = 7\nindex-url = http://conf/\n");
    set(w, arena_printf(&w->a, "PIP_CONFIG_FILE=%s", conf));
    set(w, "PIP_INDEX_URL=http://variable/");
    set(w, "EXTENSION_ON_ERROR=abort");
    set(w, "PIP_NO_BINARY=two");
    yaml(w, "install: [a, 'b>=1']\nsync: never\n\noffline: true\non-error: continue\n"
            "index:\n  timeout: 3\n  extra: [http://e/, http://f/]\n");
    assert_int_equal(load(w), 0);
    const struct {
        const char *key, *value, *origin;
    } expected[] = {
        {"install", "a, b>=1", arena_printf(&w->a, "%s:1: install", yaml_file)},
        {"sync", "never", arena_printf(&w->a, "%s:2: sync", yaml_file)},
        {"offline", "true", arena_printf(&w->a, "%s:4: offline", yaml_file)},
        {"on-error", "abort", "EXTENSION_ON_ERROR"},
        {"index.url", "http://variable/", "PIP_INDEX_URL"},
        {"index.extra", "http://e/, http://f/", arena_printf(&w->a, "%s:8: index.extra", yaml_file)},
        {"index.timeout", "7", arena_printf(&w->a, "%s:3: timeout", conf)},
        {"index.no-binary", "one, two", arena_printf(&w->a, "%s:2: no-binary, PIP_NO_BINARY", conf)},
        {"timeout", "300", "default"},
        {"lock", NULL, "default"},
        {"upgrade", "false", "default"},
        {"log.format", "text", "default"},
        {"entrypoint.mode", "exec", "default"},
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_said(w, expected[i].key, expected[i].value, expected[i].origin);
}

static void test_a_value_that_is_refused_leaves_its_origin(void **state)
{
    struct world *w = *state;
    set(w, "PIP_CONFIG_FILE=/dev/null");
    set(w, "EXTENSION_SYNC_TIMEOUT=soon");
    assert_int_equal(load(w), -1);
    assert_said(w, "timeout", "300", "default");
}

static void test_yaml_has_every_key(void **state)
{
    struct world *w = *state;
    set(w, "PIP_CONFIG_FILE=/dev/null");
    yaml(w, "install: [a, 'b>=1']\n"
            "dev: {enabled: true, sources: [/x, /y], reload: true}\n"
            "sync: never\non-error: abort\nbase-conflicts: tolerate\noffline: true\nupgrade: true\n"
            "lock: /l\ncache: /c\ntimeout: 9\nlog: {level: debug, format: json}\n"
            "entrypoint: {mode: init}\n"
            "index:\n  strategy: best\n  url: http://i/\n  extra: [http://e/]\n  find-links: [/f, ~/g]\n"
            "  no-index: true\n  trusted-host: [h]\n  cert: ~/c\n  client-cert: /cc\n  proxy: http://p\n"
            "  timeout: 3\n  retries: 2\n  pre: true\n  constraint: [/con]\n  no-binary: [A_b]\n"
            "  only-binary: [c]\n  build-constraint: [/b]\n  no-build-isolation: true\n");
    assert_int_equal(load(w), 0);
    const struct settings *s = &w->s;
    assert_int_equal(s->install_count, 2);
    assert_string_equal(s->install[1], "b>=1");
    assert_true(s->dev_mode && s->dev_reload && s->offline && s->upgrade && s->no_index && s->pre);
    assert_string_equal(s->dev_sources, "/x:/y");
    assert_int_equal(s->sync, SYNC_NEVER);
    assert_int_equal(s->on_error, ON_ERROR_ABORT);
    assert_int_equal(s->base_conflicts, BASE_CONFLICTS_TOLERATE);
    assert_int_equal(s->index_strategy, STRATEGY_BEST);
    assert_string_equal(s->lock, "/l");
    assert_string_equal(s->cache_dir, "/c");
    assert_int_equal(s->timeout_s, 9);
    assert_int_equal(s->log_level, LOG_DEBUG);
    assert_int_equal(s->log_format, LOG_JSON);
    assert_string_equal(s->entrypoint_mode, "init");
    assert_string_equal(s->index_url, "http://i/");
    assert_list(&s->extra_index_urls, "http://e/");
    assert_list(&s->find_links, "/f ~/g");
    assert_list(&s->trusted_hosts, "h");
    assert_string_equal(s->cert, "~/c");
    assert_string_equal(s->client_cert, "/cc");
    assert_string_equal(s->proxy, "http://p");
    assert_int_equal(s->pip_timeout_s, 3);
    assert_int_equal(s->retries, 2);
    assert_list(&s->constraints, "/con");
    assert_list(&s->no_binary, "a-b");
    assert_list(&s->only_binary, "c");
    assert_list(&s->build_constraints, "/b");
    assert_true(s->no_build_isolation);
}

/* As pip's store_false has it: what pip's places give is what the option takes away. */
static void test_build_isolation(void **state)
{
    static const struct {
        const char *entry;
        bool none;
    } table[] = {
        {"PIP_NO_BUILD_ISOLATION=0", true},    {"PIP_NO_BUILD_ISOLATION=false", true},
        {"PIP_NO_BUILD_ISOLATION=off", true},  {"PIP_NO_BUILD_ISOLATION=1", false},
        {"PIP_NO_BUILD_ISOLATION=yes", false}, {"PIP_NO_BUILD_ISOLATION=", false},
    };
    struct world *w = *state;
    set(w, "PIP_CONFIG_FILE=/dev/null");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        set(w, table[i].entry);
        assert_int_equal(load(w), 0);
        if (w->s.no_build_isolation != table[i].none)
            fail_msg("%s", table[i].entry);
        w->env.count--;
    }
    yaml(w, "index: {no-build-isolation: true}\n");
    assert_int_equal(load(w), 0);
    assert_true(w->s.no_build_isolation);
    set(w, "PIP_NO_BUILD_ISOLATION=1"); /* on again */
    assert_int_equal(load(w), 0);
    assert_false(w->s.no_build_isolation);
}

static void test_yaml_faults(void **state)
{
    (void)state;
    struct cases cases;
    cases_open(&cases, "config/yaml-faults.txt");
    while (cases_next(&cases)) {
        struct settings s = {0};
        struct err err cleanup_err = ERR_INIT;
        int result = extensions_yaml_parse(cases.input, "F", &s, &err);
        struct text got = text_of(result < 0 ? err.text + 1 : "");
        if (!text_starts(got, cases.expected) || (result < 0) != (cases.expected.len > 0))
            fail_msg("line %zu: %s instead of %.*s", cases.line, got.ptr, TEXT_ARG(cases.expected));
        assert_int_equal(err.kind, result < 0 ? ERR_USAGE : ERR_NONE);
        settings_free(&s);
    }
    cases_close(&cases);
}

static void test_yaml_tells_all_faults_and_keeps_the_rest(void **state)
{
    struct world *w = *state;
    yaml(w, "sinc: never\ntimeout: x\nupgrade: true\n");
    assert_int_equal(load(w), -1);
    assert_int_equal(w->err.kind, ERR_USAGE);
    assert_non_null(strstr(w->err.text, "extensions.yaml:1:1: there is no key"));
    assert_non_null(strstr(w->err.text, "\n"));
    assert_non_null(strstr(w->err.text, "extensions.yaml:2:10: timeout has to be"));
    assert_true(w->s.upgrade);
    assert_int_equal(w->s.timeout_s, 300);
}

static void test_yaml_that_is_no_text(void **state)
{
    struct world *w = *state;
    yaml(w, "sync: auto\n\nlock: \xff\n");
    assert_int_equal(load(w), -1);
    assert_non_null(strstr(w->err.text, "extensions.yaml:3:7: "));
    assert_int_equal(fs_remove_tree(AT_FDCWD, path(w, "etc/localstack/conf.d/extensions.yaml"), NULL), 0);
    assert_int_equal(fs_mkdirs(path(w, "etc/localstack/conf.d/extensions.yaml"), NULL), 0);
    assert_int_equal(load(w), -1);
    assert_int_equal(w->err.kind, ERR_USAGE);
    assert_non_null(strstr(w->err.text, "extensions.yaml (Docker makes a folder of a file that is to be "
                                        "mounted and is not there): Is a directory"));
}

static void test_variables_win(void **state)
{
    struct world *w = *state;
    yaml(w, "install: [a]\nsync: never\noffline: true\nlock: /l\nindex: {url: http://yaml/}\n");
    set(w, "EXTENSION_AUTO_INSTALL=b");
    set(w, "EXTENSION_SYNC=AUTO");
    set(w, "EXTENSION_OFFLINE=0");
    set(w, "EXTENSION_LOCK="); /* empty is not set */
    set(w, "PIP_INDEX_URL=http://pip/");
    set(w, "EXTENSION_LOG_LEVEL=Error");
    assert_int_equal(load(w), 0);
    assert_string_equal(w->s.auto_install, "b");
    assert_int_equal(w->s.sync, SYNC_AUTO);
    assert_false(w->s.offline);
    assert_string_equal(w->s.lock, "/l");
    assert_string_equal(w->s.index_url, "http://pip/");
    assert_int_equal(w->s.log_level, LOG_ERROR);
}

static void test_variables_that_are_not_understood(void **state)
{
    static const char *const table[][2] = {
        {"EXTENSION_SYNC=maybe", "EXTENSION_SYNC has to be auto or never, not \"maybe\""},
        {"EXTENSION_ON_ERROR=x", "EXTENSION_ON_ERROR has to be continue or abort, not \"x\""},
        {"EXTENSION_SYNC_TIMEOUT=5m",
         "EXTENSION_SYNC_TIMEOUT has to be a number of seconds, 1 or more, not \"5m\""},
        {"EXTENSION_LOG_FORMAT=xml", "EXTENSION_LOG_FORMAT has to be text or json, not \"xml\""},
        {"ENTRYPOINT_MODE=x", "ENTRYPOINT_MODE has to be exec, init or supervise, not \"x\""},
        {"PIP_NO_INDEX=maybe", "PIP_NO_INDEX has to be true or false, not \"maybe\""},
        {"PIP_RETRIES=-1", "PIP_RETRIES has to be a number, 0 or more, not \"-1\""},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        set(w, table[i][0]);
        assert_int_equal(load(w), -1);
        assert_int_equal(w->err.kind, ERR_USAGE);
        assert_string_equal(w->err.text, table[i][1]);
        w->env.count--;
    }
}

static void test_pip_conf_order(void **state)
{
    /* In the order in which they are read: each one wins over those before it. (Of options, one that the
     * machine's own /etc/pip.conf is not likely to have.) */
    static const char *const files[] = {
        "xdg/pip/pip.conf", "xdg2/pip/pip.conf", "home/.pip/pip.conf", "home/.config/pip/pip.conf",
        "base/pip.conf",    "venv/pip.conf",     "named.conf"};
    struct world *w = *state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        put(w, files[i], arena_printf(&w->a, "[global]\nclient-cert = %s\n", files[i]));
        if (i == 6)
            set(w, arena_printf(&w->a, "PIP_CONFIG_FILE=%s", path(w, "named.conf")));
        assert_int_equal(load(w), 0);
        assert_string_equal(w->s.client_cert, files[i]);
    }
}

static void test_pip_config_file(void **state)
{
    struct world *w = *state;
    put(w, "xdg/pip/pip.conf", "[global]\nclient-cert = site\n");
    put(w, "home/.pip/pip.conf", "[global]\nindex-url = user\n");
    set(w, arena_printf(&w->a, "PIP_CONFIG_FILE=%s", path(w, "named.conf")));
    assert_int_equal(load(w), 0); /* it is not there: the user's count */
    assert_string_equal(w->s.index_url, "user");
    put(w, "named.conf", "[global]\nretries = 1\n");
    assert_int_equal(load(w), 0);
    assert_null(w->s.index_url);
    assert_string_equal(w->s.client_cert, "site");
    assert_int_equal(w->s.retries, 1);
    w->env.count--;
    set(w, "PIP_CONFIG_FILE=/dev/null");
    assert_int_equal(load(w), 0);
    assert_null(w->s.index_url);
    assert_null(w->s.client_cert);
    assert_int_equal(w->s.file_count, 1);
}

static void test_xdg_config_home(void **state)
{
    struct world *w = *state;
    put(w, "home/.config/pip/pip.conf", "[global]\nindex-url = default\n");
    put(w, "elsewhere/pip/pip.conf", "[global]\nindex-url = xdg\n");
    set(w, arena_printf(&w->a, "XDG_CONFIG_HOME=%s", path(w, "elsewhere")));
    assert_int_equal(load(w), 0);
    assert_string_equal(w->s.index_url, "xdg");
}

static void test_pip_sections_and_variables(void **state)
{
    struct world *w = *state;
    put(w, "xdg/pip/pip.conf",
        "[install]\nindex-url = install\nretries = 2\n"
        "[download]\nindex-url = download\nproxy = download\n");
    put(w, "home/.pip/pip.conf",
        "[global]\nindex_url = global\nextra-index-url =\n    http://a/\n    http://b/\n"
        "timeout = 2.5\ntrusted-host = x y\ncert = ~/ca.pem\nfind-links = ~/w /v\n"
        "pre = yes\n");
    assert_int_equal(load(w), 0);
    assert_string_equal(w->s.index_url, "install"); /* whatever file comes later */
    assert_null(w->s.proxy);
    assert_int_equal(w->s.retries, 2);
    assert_int_equal(w->s.pip_timeout_s, 3);
    assert_list(&w->s.extra_index_urls, "http://a/ http://b/");
    assert_list(&w->s.trusted_hosts, "x y");
    assert_string_equal(w->s.cert, path(w, "home/ca.pem"));
    assert_list(&w->s.find_links, arena_printf(&w->a, "%s /v", path(w, "home/w")));
    assert_true(w->s.pre);
    set(w, "PIP_EXTRA_INDEX_URL=http://c/ \t http://d/");
    set(w, "PIP_DEFAULT_TIMEOUT=7");
    set(w, "PIP_NO_INDEX=on");
    set(w, "PIP_PRE=no");
    set(w, "PIP_RETRIES="); /* empty: the file counts */
    set(w, "PIP_CONSTRAINT=/a /b");
    assert_int_equal(load(w), 0);
    assert_list(&w->s.extra_index_urls, "http://c/ http://d/");
    assert_list(&w->s.constraints, "/a /b");
    assert_int_equal(w->s.pip_timeout_s, 7);
    assert_int_equal(w->s.retries, 2);
    assert_true(w->s.no_index);
    assert_false(w->s.pre);
    set(w, "PIP_TIMEOUT=8");
    assert_int_equal(load(w), 0);
    assert_int_equal(w->s.pip_timeout_s, 8);
}

static void test_an_empty_option_takes_back_an_earlier_one(void **state)
{
    struct world *w = *state;
    put(w, "xdg/pip/pip.conf", "[global]\nclient-cert = site\n");
    put(w, "venv/pip.conf", "[global]\nclient-cert =\n");
    assert_int_equal(load(w), 0);
    assert_null(w->s.client_cert);
}

static void test_binary_controls(void **state)
{
    static const char *const table[][4] = {
        /* no-binary, only-binary, then what is left of each */
        {"a,B_c", "d", "a b-c", "d"},   {"a,b", "a", "b", "a"},     {":all:", "a", ":all:", "a"},
        {"a,:all:,b", "", ":all:", ""}, {"a,:none:", "b", "", "b"}, {":all:,:none:,a", "", "a", ""},
        {"a", ":all:", "", ":all:"},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        set(w, arena_printf(&w->a, "PIP_NO_BINARY=%s", table[i][0]));
        set(w, arena_printf(&w->a, "PIP_ONLY_BINARY=%s", table[i][1]));
        assert_int_equal(load(w), 0);
        assert_list(&w->s.no_binary, table[i][2]);
        assert_list(&w->s.only_binary, table[i][3]);
        w->env.count -= 2;
    }
}

static void test_bad_pip_conf_is_passed_over(void **state)
{
    struct world *w = *state;
    log_set_level(LOG_ERROR);
    put(w, "xdg/pip/pip.conf", "index-url = x\n");
    put(w, "venv/pip.conf", "[global]\nretries = many\nindex-url = http://v/\n");
    assert_int_equal(load(w), 0);
    assert_int_equal(w->s.retries, 5);
    assert_string_equal(w->s.index_url, "http://v/");
}

static void test_files_are_remembered(void **state)
{
    struct world *w = *state;
    put(w, "base/pip.conf", "abc");
    log_set_level(LOG_ERROR);
    assert_int_equal(load(w), 0);
    assert_int_equal(w->s.file_count, 8);
    static const char *const names[] = {"etc/localstack/conf.d/extensions.yaml",
                                        "xdg/pip/pip.conf",
                                        "xdg2/pip/pip.conf",
                                        NULL,
                                        "home/.pip/pip.conf",
                                        "home/.config/pip/pip.conf",
                                        "base/pip.conf",
                                        "venv/pip.conf"};
    for (size_t i = 0; i < 8; i++) {
        assert_string_equal(w->s.files[i].path, names[i] ? path(w, names[i]) : "/etc/pip.conf");
        if (names[i])
            assert_int_equal(w->s.files[i].exists, i == 6);
    }
    assert_string_equal(w->s.files[6].digest,
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void test_digest(void **state)
{
    static const struct {
        const char *entry;
        bool changes;
    } table[] = {
        {"EXTENSION_AUTO_INSTALL=a", true},
        {"EXTENSION_DEV_MODE=1", true},
        {"EXTENSION_LOCK=/l", true},
        {"EXTENSION_BASE_CONFLICTS=tolerate", true},
        {"PIP_INDEX_URL=x", true},
        {"EXTENSION_INDEX_STRATEGY=best", true},
        {"PIP_EXTRA_INDEX_URL=x", true},
        {"PIP_EXTRA_INDEX_URL=x y", true},
        {"PIP_FIND_LINKS=x", true},
        {"PIP_NO_INDEX=1", true},
        {"PIP_PRE=1", true},
        {"PIP_CONSTRAINT=x", true},
        {"PIP_BUILD_CONSTRAINT=x", true},
        {"PIP_NO_BUILD_ISOLATION=false", true},
        {"PIP_NO_BINARY=x", true},
        {"PIP_ONLY_BINARY=x", true},
        {"EXTENSION_LOG_LEVEL=info", false},
        {"EXTENSION_SYNC_TIMEOUT=5", false},
        {"PIP_PROXY=x", false},
        {"PIP_TIMEOUT=5", false},
        {"EXTENSION_CACHE_DIR=/c", false},
        {"EXTENSION_DEV_SOURCES=/s", false},
        {"EXTENSION_AUTO_INSTALL=", false},
    };
    enum { COUNT = sizeof table / sizeof *table };
    struct world *w = *state;
    char none[65];
    set(w, "PIP_CONFIG_FILE=/dev/null");
    assert_int_equal(load(w), 0);
    settings_digest(&w->s, none);
    struct arena a cleanup_arena = ARENA_INIT;
    const char *prints = settings_prints(&a, &w->s, "5a17");
    assert_null(settings_changes(&a, &w->s, "5a17", prints));
    assert_non_null(settings_changes(&a, &w->s, "17a5", prints));
    struct strmap seen cleanup_strmap = STRMAP_INIT;
    *strmap_place(&seen, text_of(none)) = w;
    for (size_t i = 0; i < COUNT; i++) {
        char hex[65];
        set(w, table[i].entry);
        assert_int_equal(load(w), 0);
        settings_digest(&w->s, hex);
        const char *named = settings_changes(&a, &w->s, "5a17", prints);
        if (table[i].changes != (strcmp(hex, none) != 0) || (table[i].changes && !named))
            fail_msg("%s is not named", table[i].entry);
        w->env.count--;
        if ((strcmp(hex, none) != 0) != table[i].changes ||
            (table[i].changes && strmap_get(&seen, text_of(hex))))
            fail_msg("%s", table[i].entry);
        *strmap_place(&seen, text_of(hex)) = w;
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_defaults),
        TEST(test_where_a_value_came_from),
        TEST(test_a_value_that_is_refused_leaves_its_origin),
        TEST(test_yaml_has_every_key),
        TEST(test_build_isolation),
        TEST(test_yaml_faults),
        TEST(test_yaml_tells_all_faults_and_keeps_the_rest),
        TEST(test_yaml_that_is_no_text),
        TEST(test_variables_win),
        TEST(test_variables_that_are_not_understood),
        TEST(test_pip_conf_order),
        TEST(test_pip_config_file),
        TEST(test_xdg_config_home),
        TEST(test_pip_sections_and_variables),
        TEST(test_an_empty_option_takes_back_an_earlier_one),
        TEST(test_binary_controls),
        TEST(test_bad_pip_conf_is_passed_over),
        TEST(test_files_are_remembered),
        TEST(test_digest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
