/* SPDX-License-Identifier: Apache-2.0 */
/* conf/extensions.yaml: it shows every setting, and what it shows is the default. */
#include "base/fs.h"
#include "config/extensions_yaml.h"
#include "config/setting.h"
#include "test.h"

static const char default_cache[] = "/var/lib/localstack/cache/extensions";

static void read_conf(struct buf *out)
{
    struct err err cleanup_err = ERR_INIT;
    if (fs_read(AT_FDCWD, test_data("../../conf/extensions.yaml"), 1 << 20, out, &err) < 0)
        fail_msg("%s", err.text);
}

/* Without the first # of each line: what is explained has two. */
static void uncomment(struct text conf, struct buf *out)
{
    struct text line;
    while (text_cut(&conf, '\n', &line)) {
        buf_text(out, text_starts(line, T("#")) ? text_from(line, 1) : line);
        buf_char(out, '\n');
    }
}

static void load(struct settings *s)
{
    struct err err cleanup_err = ERR_INIT;
    char *no_files[] = {(char[]){"PIP_CONFIG_FILE=/dev/null"}, NULL};
    const struct settings_source source = {.root = "/nonexistent", .environ = no_files};
    if (settings_load(&source, s, &err) < 0)
        fail_msg("%s", err.text);
}

static void parse(struct text yaml, struct settings *s)
{
    struct err err cleanup_err = ERR_INIT;
    if (extensions_yaml_parse(yaml, "conf/extensions.yaml", s, &err) < 0)
        fail_msg("%s", err.text);
}

static void assert_defaults(const struct settings *s)
{
    struct settings expected cleanup_settings = {0};
    char is[65], wanted[65];
    load(&expected);
    settings_digest(s, is);
    settings_digest(&expected, wanted);
    assert_string_equal(is, wanted);
    assert_int_equal(s->sync, expected.sync);
    assert_int_equal(s->on_error, expected.on_error);
    assert_int_equal(s->offline, expected.offline);
    assert_int_equal(s->upgrade, expected.upgrade);
    assert_int_equal(s->dev_mode, expected.dev_mode);
    assert_int_equal(s->dev_reload, expected.dev_reload);
    assert_int_equal(s->timeout_s, expected.timeout_s);
    assert_int_equal(s->log_level, expected.log_level);
    assert_int_equal(s->log_format, expected.log_format);
    assert_string_equal(s->entrypoint_mode, expected.entrypoint_mode);
    assert_int_equal(s->pip_timeout_s, expected.pip_timeout_s);
    assert_int_equal(s->retries, expected.retries);
    assert_int_equal(s->trusted_hosts.count, 0);
    assert_null(s->cert);
    assert_null(s->client_cert);
    assert_null(s->proxy);
}

static void as_it_is_it_sets_nothing(void **state)
{
    (void)state;
    struct buf conf cleanup_buf = BUF_INIT;
    struct settings s cleanup_settings = {0};
    read_conf(&conf);
    load(&s);
    parse(buf_view(&conf), &s);
    assert_defaults(&s);
    assert_null(s.cache_dir);
}

static void without_comment_signs_it_sets_the_defaults(void **state)
{
    (void)state;
    struct buf conf cleanup_buf = BUF_INIT, yaml cleanup_buf = BUF_INIT;
    struct settings s cleanup_settings = {0};
    read_conf(&conf);
    uncomment(buf_view(&conf), &yaml);
    load(&s);
    parse(buf_view(&yaml), &s);
    assert_defaults(&s);
    assert_string_equal(s.cache_dir, default_cache);
}

/* Each key once, below its group, with the variable that wins over it in the line before. */
static void it_shows_every_setting(void **state)
{
    (void)state;
    struct buf conf cleanup_buf = BUF_INIT;
    struct arena a cleanup_arena = ARENA_INIT;
    struct text rest, line, before = {0};
    size_t found = 0;
    const char *group = "";
    read_conf(&conf);
    rest = buf_view(&conf);
    for (; text_cut(&rest, '\n', &line); before = line) {
        size_t colon = text_find(line, ':');
        if (text_starts(line, T("##")) || colon == line.len)
            continue;
        bool nested = text_starts(line, T("#  "));
        const char *name = text_dup(&a, text_from(text_first(line, colon), nested ? 3 : 1));
        const struct setting *s =
            setting_by_key(text_of(nested ? arena_printf(&a, "%s.%s", group, name) : name));
        if (!s) {
            assert_false(nested);
            group = name;
            continue;
        }
        found++;
        if (s->variable && !strstr(text_dup(&a, before), arena_printf(&a, "[%s]", s->variable)))
            fail_msg("the line before %s does not name %s", s->key, s->variable);
    }
    assert_int_equal(found, setting_count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_it_is_it_sets_nothing),
        cmocka_unit_test(without_comment_signs_it_sets_the_defaults),
        cmocka_unit_test(it_shows_every_setting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
