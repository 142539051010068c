/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strmap.h"
#include "venv/install.h"
#include "venv/wrapper.h"
#include "wheel_zip.h"

#define SITE "lib/python3.13/site-packages"

struct bench {
    struct workshop w;
    struct arena a;
    struct strmap owners;
    struct linker *linker;
    int fd;
};

static void bench_open(struct bench *b)
{
    *b = (struct bench){.fd = -1, .linker = linker_new(FS_HARDLINK)};
    workshop_open(&b->w);
    cleanup_free char *site = xasprintf("%s/" SITE, b->w.venv), *bin = xasprintf("%s/bin", b->w.venv);
    assert_int_equal(fs_mkdirs(site, NULL) | fs_mkdirs(bin, NULL), 0);
    b->fd = open(b->w.venv, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(b->fd >= 0);
}

static void bench_close(struct bench *b)
{
    linker_free(b->linker);
    close(b->fd);
    workshop_close(&b->w);
    strmap_free(&b->owners);
    arena_free(&b->a);
}

static int bench_install(struct bench *b, const struct payload *files, struct install_options options,
                         struct err *err)
{
    struct unpacked u;
    const struct install_target target = {.fd = b->fd,
                                          .final_dir = "/final",
                                          .site_packages = SITE,
                                          .include = "include/site/python3.13",
                                          .linker = b->linker,
                                          .owners = &b->owners};
    workshop_wheel(&b->w, files);
    if (unpacked_make(&b->a, b->w.cache, b->w.key, b->w.fd, WHEEL_NAME, &u, err) < 0)
        fail_msg("%s", err->text);
    options.name = "Demo";
    options.normalized = "demo";
    if (install_wheel(&target, &u, &options, err) < 0)
        return -1;
    return linker_wait(b->linker, NULL, err);
}

/* The bytes of a file in the venv; NULL when it is not there. */
static const char *content(struct bench *b, const char *path)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    if (fs_read(b->fd, path, 1 << 20, &bytes, NULL) < 0)
        return NULL;
    return text_dup(&b->a, buf_view(&bytes));
}

static void test_record_names_what_is_there(void **state)
{
    (void)state;
    struct bench b;
    struct err err cleanup_err = ERR_INIT;
    static const struct payload files[] = {
        {"demo/__init__.py", "x = 1\n"},
        {"demo-1.0.data/headers/d.h", ""},
        {"demo-1.0.data/scripts/tool", "#!python\nprint(1)\n"},
        {WHEEL_INFO "/INSTALLER", "wheel's own"},
        {WHEEL_INFO "/entry_points.txt", "[console_scripts]\nrun = demo:main\n"},
        {0},
    };
    bench_open(&b);
    const struct install_options options = {.requested = true, .direct_url = "{}"};
    if (bench_install(&b, files, options, &err) < 0)
        fail_msg("%s", err.text);
    static const char *const paths[] = {
        "demo/__init__.py",           "../../../include/site/python3.13/Demo/d.h",
        "../../../bin/tool",          "../../../bin/run",
        WHEEL_INFO "/METADATA",       WHEEL_INFO "/WHEEL",
        WHEEL_INFO "/INSTALLER",      WHEEL_INFO "/REQUESTED",
        WHEEL_INFO "/RECORD",         WHEEL_INFO "/entry_points.txt",
        WHEEL_INFO "/direct_url.json"};
    const char *text = content(&b, SITE "/" WHEEL_INFO "/RECORD");
    struct record record;
    assert_non_null(text);
    assert_int_equal(record_parse(&b.a, text_of(text), &record, &err), 0);
    assert_int_equal(record.count, sizeof paths / sizeof *paths);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        size_t found = 0;
        for (size_t j = 0; j < record.count; j++)
            found += strcmp(record.entries[j].path, paths[i]) == 0;
        if (found != 1)
            fail_msg("%s is in RECORD %zu times", paths[i], found);
    }
    assert_string_equal(content(&b, SITE "/" WHEEL_INFO "/INSTALLER"), INSTALLER_NAME "\n");
    assert_string_equal(content(&b, "bin/tool"), "#!/final/bin/python\nprint(1)\n");
    assert_string_equal(strmap_get(&b.owners, T("bin/run")), "demo");
    bench_close(&b);
}

static void test_another_owner_keeps_its_file(void **state)
{
    (void)state;
    struct bench b;
    struct err err cleanup_err = ERR_INIT;
    static char other[] = "other";
    static const struct payload files[] = {{"demo.py", ""}, {0}};
    bench_open(&b);
    *strmap_place(&b.owners, T(SITE "/demo.py")) = other;
    assert_int_equal(bench_install(&b, files, (struct install_options){0}, &err), -1);
    assert_int_equal(err.kind, ERR_INPUT);
    assert_non_null(strstr(err.text, "belongs to other"));
    assert_null(content(&b, SITE "/demo.py"));
    bench_close(&b);
}

/* Files whose RECORD was lost are nobody's; only who repairs may put others in their place. */
static void test_what_is_nobodys_gives_way_to_a_repair(void **state)
{
    (void)state;
    static const struct payload files[] = {
        {"demo.py", "x\n"}, {WHEEL_INFO "/entry_points.txt", "[console_scripts]\nrun = demo:main\n"}, {0}};
    for (int repair = 0; repair < 2; repair++) {
        struct bench b;
        struct err err cleanup_err = ERR_INIT;
        bench_open(&b);
        assert_int_equal(mkdirat(b.fd, SITE "/" WHEEL_INFO, 0755), 0);
        static const char *const lost[] = {SITE "/demo.py", "bin/run", SITE "/" WHEEL_INFO "/RECORD"};
        for (size_t i = 0; i < sizeof lost / sizeof *lost; i++)
            assert_int_equal(fs_write(b.fd, lost[i], T("lost"), 0644, false, NULL), 0);
        const struct install_options options = {.overwrite = repair};
        assert_int_equal(bench_install(&b, files, options, &err), repair ? 0 : -1);
        for (size_t i = 0; i < sizeof lost / sizeof *lost; i++)
            assert_int_equal(strcmp(content(&b, lost[i]), "lost") != 0, repair);
        if (!repair)
            assert_non_null(strstr(err.text, "is there already and is no distribution's file"));
        bench_close(&b);
    }
}

static int wrapper(struct buf *to, const char *name, const char *module, const char *attribute)
{
    const struct entry_point e = {"console_scripts", name, module, attribute};
    buf_clear(to);
    return wrapper_write(to, &e, "/venv", NULL);
}

static void test_wrappers(void **state)
{
    (void)state;
    struct buf out cleanup_buf = BUF_INIT;
    assert_int_equal(wrapper(&out, "run", "pkg.sub", "Class.main"), 0);
    assert_string_equal(out.ptr, "#!/venv/bin/python\n"
                                 "import sys\n"
                                 "\n"
                                 "from pkg.sub import Class\n"
                                 "\n"
                                 "if __name__ == \"__main__\":\n"
                                 "    sys.argv[0] = sys.argv[0].removesuffix(\".exe\")\n"
                                 "    sys.exit(Class.main())\n");
    static const char *const bad[][3] = {
        {"a/b", "m", "f"}, {"..", "m", "f"},  {"", "m", "f"},    {"a\nb", "m", "f"}, {"a", "", "f"},
        {"a", "m", ""},    {"a", "m.", "f"},  {"a", ".m", "f"},  {"a", "m", "f..g"}, {"a", "m", "1f"},
        {"a", "m;x", "f"}, {"a", "m", "f()"}, {"a", "m n", "f"}, {"a", "m", "f\nx"}, {"a\\b", "m", "f"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (wrapper(&out, bad[i][0], bad[i][1], bad[i][2]) == 0)
            fail_msg("%s = %s:%s was taken", bad[i][0], bad[i][1], bad[i][2]);
    assert_int_equal(wrapper(&out, "a b", "modül", "größe_2"), 0);
}

static void test_old_forms_of_wrappers(void **state)
{
    (void)state;
    struct text name;
    size_t forms = 0, matches = 0;
    for (; wrapper_stem(T("run-script.py"), forms, &name); forms++)
        matches += text_is(name, "run");
    assert_int_equal(forms, 5);
    assert_int_equal(matches, 1);
    assert_true(wrapper_stem(T("run"), 0, &name) && text_is(name, "run"));
    assert_true(wrapper_stem(T("run.exe"), 1, &name) && text_is(name, "run"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record_names_what_is_there),
        cmocka_unit_test(test_another_owner_keeps_its_file),
        cmocka_unit_test(test_what_is_nobodys_gives_way_to_a_repair),
        cmocka_unit_test(test_wrappers),
        cmocka_unit_test(test_old_forms_of_wrappers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
