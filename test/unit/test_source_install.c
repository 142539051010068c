/* SPDX-License-Identifier: Apache-2.0 */
/* Developers' sources linked into a venv, beside wheels and beside one another, and carried over. */
#include "dev/install.h"
#include "venv/install.h"
#include "venv/stage.h"
#include "wheel_zip.h"

#include "files.h"

#define SITE "lib/python3.13/site-packages"
#define MARK PLACING_NAMESPACE_MARK

/* The venv is VENV in the test's folder, the sources a and b; `owners` is kept over a test's installations.
 */
static struct strmap owners;
static struct linker *linker;
static int venv_fd = -1;

/* What was carried over; the names that `owners` leads to are in it. */
static struct installed_set old;

static int bench_setup(void **state)
{
    if (files_setup(state) < 0)
        return -1;
    linker = linker_new(FS_HARDLINK);
    make_dir("venv/bin");
    make_dir("venv/" SITE);
    make_file("a/src/ns/one/__init__.py", "one");
    make_file("a/src/mod.py", "mod");
    make_file("b/pkg/__init__.py", "pkg");
    make_file("b/ns/two/__init__.py", "two");
    venv_fd = open(at("venv"), O_PATH | O_DIRECTORY | O_CLOEXEC);
    return venv_fd < 0 ? -1 : 0;
}

static int bench_teardown(void **state)
{
    linker_free(linker);
    installed_free(&old);
    strmap_free(&owners);
    owners = (struct strmap)STRMAP_INIT;
    close(venv_fd);
    return files_teardown(state);
}
#define bench_test(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)

static struct install_target target_of(void)
{
    return (struct install_target){.fd = venv_fd,
                                   .final_dir = at("venv"),
                                   .site_packages = SITE,
                                   .include = "include/site/python3.13",
                                   .linker = linker,
                                   .owners = &owners};
}

static struct source_link a_links[] = {{"mod.py", "src/mod.py"}, {"ns/one", "src/ns/one"}};
static struct source_link b_links[] = {{"ns/two", "ns/two"}, {"pkg", "pkg"}};
static const struct source_links links_of_a = {a_links, 2, 2}, links_of_b = {b_links, 2, 2};

static struct source_install source_a(void)
{
    return (struct source_install){
        .given = "My-Ext",
        .name = "my-ext",
        .version = "1.0",
        .place = at("a"),
        .metadata = T("Metadata-Version: 2.1\nName: My-Ext\nVersion: 1.0\n"),
        .entry_points =
            T("[console_scripts]\nrun = mod:main\nrun = mod:last\n[gui_scripts]\nshow = ns.one:show\n"
              "[localstack.extensions]\nx = mod:X\n"),
        .links = &links_of_a,
        .requested = true,
        .direct_url = "{\"url\": \"file:///a\", \"dir_info\": {\"editable\": true}}",
    };
}

static struct source_install source_b(void)
{
    return (struct source_install){.given = "other",
                                   .name = "other",
                                   .version = "0+unknown",
                                   .place = at("b"),
                                   .metadata = T("Metadata-Version: 2.1\nName: other\nVersion: 0+unknown\n"),
                                   .links = &links_of_b};
}

static void install(const struct source_install *source)
{
    struct err err cleanup_err = ERR_INIT;
    const struct install_target target = target_of();
    if (source_install(&target, source, &err) < 0)
        fail_msg("%s", err.text);
}

/* That it is refused with all of these words. */
static void refuse(const struct source_install *source, const char *one, const char *other)
{
    struct err err cleanup_err = ERR_INIT;
    const struct install_target target = target_of();
    assert_int_equal(source_install(&target, source, &err), -1);
    assert_int_equal(err.kind, ERR_INPUT);
    if (!strstr(err.text, one) || !strstr(err.text, other))
        fail_msg("%s", err.text);
}

static int install_files(const char *name, const struct payload *files, struct err *err)
{
    struct workshop w;
    struct unpacked u;
    const struct install_target target = target_of();
    const struct install_options options = {.name = name, .normalized = name};
    workshop_open(&w);
    workshop_wheel(&w, files);
    if (unpacked_make(&files_memory, w.cache, w.key, w.fd, WHEEL_NAME, &u, err) < 0)
        fail_msg("%s", err->text);
    int result = install_wheel(&target, &u, &options, err);
    if (linker_wait(linker, NULL, result < 0 ? NULL : err) < 0)
        result = -1;
    workshop_close(&w);
    return result;
}

static bool is_installed(const struct source_install *source, const char *info)
{
    return source_is_installed(at("venv"), SITE, at(arena_concat(&files_memory, "venv/" SITE "/", info)),
                               source);
}

static const char *leads_to(const char *path)
{
    const char *target = fs_readlink(&files_memory, AT_FDCWD, at(path), NULL);
    return target ? target : "";
}

#define INFO_A "my_ext-1.0.dist-info"
#define INFO_B "other-0+unknown.dist-info"

/* ---- what is made */

static void test_what_stands_in_the_venv(void **state)
{
    (void)state;
    struct source_install a = source_a();
    install(&a);
    assert_string_equal(leads_to("venv/" SITE "/mod.py"), at("a/src/mod.py"));
    assert_string_equal(leads_to("venv/" SITE "/ns/one"), at("a/src/ns/one"));
    assert_string_equal(names_in("venv/" SITE), "mod.py " INFO_A " ns");
    assert_string_equal(names_in("venv/" SITE "/ns"), MARK " one");
    assert_string_equal(names_in("venv/" SITE "/" INFO_A),
                        "INSTALLER METADATA RECORD REQUESTED direct_url.json entry_points.txt top_level.txt");
    assert_string_equal(content("venv/" SITE "/" INFO_A "/top_level.txt"), "mod\nns\n");
    assert_string_equal(content("venv/" SITE "/" INFO_A "/INSTALLER"), INSTALLER_NAME "\n");
    assert_string_equal(content("venv/" SITE "/" INFO_A "/METADATA"), a.metadata.ptr);
    assert_string_equal(content("venv/" SITE "/" INFO_A "/entry_points.txt"), a.entry_points.ptr);
    assert_string_equal(content("venv/" SITE "/" INFO_A "/direct_url.json"), a.direct_url);
    assert_string_equal(names_in("venv/bin"), "run show");
    assert_non_null(strstr(content("venv/bin/run"), "from mod import last\n"));
    assert_non_null(
        strstr(content("venv/bin/show"), arena_printf(&files_memory, "#!%s/bin/python\n", at("venv"))));
    assert_string_equal(strmap_get(&owners, T(SITE "/ns/one")), "my-ext");
}

static void test_record_has_one_entry_for_each_link(void **state)
{
    (void)state;
    struct source_install a = source_a();
    struct record record;
    struct buf plain cleanup_buf = BUF_INIT;
    install(&a);
    const char *text = content("venv/" SITE "/" INFO_A "/RECORD");
    assert_int_equal(record_parse(&files_memory, text_of(text), &record, NULL), 0);
    for (size_t i = 0; i < record.count; i++) {
        const struct record_entry *e = &record.entries[i];
        const char *path = path_join(&files_memory, at("venv/" SITE), e->path);
        struct stat st;
        assert_int_equal(lstat(path, &st), 0);
        if (e->digest)
            assert_int_equal(e->size, st.st_size);
        else
            buf_printf(&plain, "%s ", e->path);
    }
    assert_int_equal(record.count, 2 + 7 + 2);
    assert_string_equal(buf_cstr(&plain), "mod.py ns/one " INFO_A "/RECORD ");
}

static void test_the_folder_itself_and_what_is_not_asked_for(void **state)
{
    (void)state;
    static struct source_link whole[] = {{"flat", "."}};
    const struct source_links links = {whole, 1, 1};
    struct source_install b = source_b();
    b.links = &links;
    b.installer = "pip";
    install(&b);
    assert_string_equal(leads_to("venv/" SITE "/flat"), at("b"));
    assert_string_equal(names_in("venv/" SITE "/" INFO_B), "INSTALLER METADATA RECORD top_level.txt");
    assert_string_equal(content("venv/" SITE "/" INFO_B "/INSTALLER"), "pip\n");
    assert_true(is_installed(&b, INFO_B));
}

/* ---- beside others */

static const struct payload in_ns[] = {{"ns/three/__init__.py", "three"}, {"ns/plain.py", "plain"}, {0}};

static void test_two_sources_and_a_wheel_share_a_namespace(void **state)
{
    (void)state;
    for (int wheel_first = 0; wheel_first < 2; wheel_first++) {
        struct err err cleanup_err = ERR_INIT;
        struct source_install a = source_a(), b = source_b();
        if (wheel_first && install_files("demo", in_ns, &err) < 0)
            fail_msg("%s", err.text);
        install(&a);
        install(&b);
        if (!wheel_first && install_files("demo", in_ns, &err) < 0)
            fail_msg("%s", err.text);
        assert_string_equal(names_in("venv/" SITE "/ns"), MARK " one plain.py three two");
        assert_string_equal(content("venv/" SITE "/ns/three/__init__.py"), "three");
        assert_true(is_installed(&a, INFO_A) && is_installed(&b, INFO_B));
        bench_teardown(NULL);
        bench_setup(NULL);
    }
}

static void test_nothing_is_put_into_a_source(void **state)
{
    (void)state;
    struct err err cleanup_err = ERR_INIT;
    static const struct payload below[] = {{"ns/one/extra.py", "x"}, {0}};
    struct source_install a = source_a();
    install(&a);
    assert_int_equal(install_files("demo", below, &err), -1);
    assert_int_equal(err.kind, ERR_INPUT);
    assert_non_null(strstr(err.text, SITE "/ns/one, which is a link of my-ext to its source"));
    assert_non_null(strstr(err.text, SITE "/ns/one/extra.py"));
    assert_string_equal(names_in("a/src/ns/one"), "__init__.py");
}

static void test_a_link_is_not_overwritten(void **state)
{
    (void)state;
    struct err err cleanup_err = ERR_INIT;
    static const struct payload same[] = {{"mod.py", "x"}, {0}};
    struct source_install a = source_a();
    install(&a);
    assert_int_equal(install_files("demo", same, &err), -1);
    assert_non_null(strstr(err.text, SITE "/mod.py, which belongs to my-ext"));
    assert_string_equal(content("a/src/mod.py"), "mod");
}

static void test_a_link_is_not_put_over_files(void **state)
{
    (void)state;
    struct err err cleanup_err = ERR_INIT;
    static const struct payload wheel[] = {{"ns/one/__init__.py", "wheel's"}, {0}};
    struct source_install a = source_a();
    if (install_files("demo", wheel, &err) < 0)
        fail_msg("%s", err.text);
    refuse(&a, SITE "/ns/one, which is a folder with files of demo", "");
    assert_string_equal(content("venv/" SITE "/ns/one/__init__.py"), "wheel's");
}

static void test_sources_against_one_another(void **state)
{
    (void)state;
    static struct source_link same[] = {{"mod.py", "pkg/__init__.py"}}, below[] = {{"ns/one/deep", "pkg"}},
                              above[] = {{"ns", "ns"}};
    const struct source_links links_same = {same, 1, 1}, links_below = {below, 1, 1},
                              links_above = {above, 1, 1};
    struct source_install a = source_a(), b = source_b();
    install(&a);
    b.links = &links_above;
    refuse(&b, SITE "/ns, which is a folder with files of my-ext", "");
    b.links = &links_same;
    refuse(&b, SITE "/mod.py", "belongs to my-ext");
    b.links = &links_below;
    refuse(&b, SITE "/ns/one, which is a link of my-ext", SITE "/ns/one/deep");
    assert_string_equal(names_in("a/src/ns/one"), "__init__.py");
}

static void test_paths_that_are_no_packages(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"../x", "pkg"},
        {"/x", "pkg"},
        {"x", "../pkg"},
        {"x", "/etc"},
        {"a//b", "pkg"},
        {"x\ny", "pkg"},
        {"x-1.dist-info", "pkg"},
        {"x.dist-info/RECORD", "pkg"},
        {"evil.pth", "pkg"},
        {"x.egg-info", "pkg"},
        {"localstack-venv.pth", "pkg"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct source_link link[] = {{bad[i][0], bad[i][1]}};
        const struct source_links links = {link, 1, 1};
        struct source_install b = source_b();
        b.links = &links;
        refuse(&b, "", "");
    }
    assert_string_equal(names_in("venv/" SITE), "");
}

/* ---- what is there already and nobody's */

static void test_what_gives_way_to_a_link(void **state)
{
    (void)state;
    struct source_install a = source_a();
    make_file("venv/" SITE "/ns/one/__pycache__/x.cpython-313.pyc", "");
    make_file("venv/" SITE "/ns/one/sub/__pycache__/y.cpython-313.pyc", "");
    make_link(at("a/src/mod.py"), "venv/" SITE "/mod.py");
    install(&a);
    assert_true(is_installed(&a, INFO_A));
}

static void test_what_does_not_give_way(void **state)
{
    (void)state;
    struct source_install a = source_a();
    make_file("venv/" SITE "/ns/one/__pycache__/notes.txt", "mine");
    refuse(&a, SITE "/ns/one, which is a folder that is there already", "one/__pycache__/notes.txt");
    unlink(at("venv/" SITE "/ns/one/__pycache__/notes.txt"));
    make_file("venv/" SITE "/ns/one/data.txt", "mine");
    a.overwrite = true;
    refuse(&a, SITE "/mod.py", ""); /* claimed by the first try */
    strmap_free(&owners);
    owners = (struct strmap)STRMAP_INIT;
    refuse(&a, "one/data.txt", "move that elsewhere");
    assert_string_equal(content("venv/" SITE "/ns/one/data.txt"), "mine");
}

static void test_a_file_gives_way_to_a_repair_alone(void **state)
{
    (void)state;
    for (int repair = 0; repair < 2; repair++) {
        struct source_install a = source_a();
        a.overwrite = repair;
        make_file("venv/" SITE "/mod.py", "mine");
        if (repair)
            install(&a);
        else
            refuse(&a, SITE "/mod.py, which is there already and is no distribution's file", "");
        assert_string_equal(content("venv/" SITE "/mod.py"), repair ? "mod" : "mine");
        strmap_free(&owners);
        owners = (struct strmap)STRMAP_INIT;
        unlink(at("venv/" SITE "/ns/one"));
    }
    assert_string_equal(content("a/src/mod.py"), "mod");
}

/* ---- whether it is installed to the letter */

static void test_what_is_to_be_written_anew(void **state)
{
    (void)state;
    static struct source_link moved[] = {{"mod.py", "src/mod.py"}, {"ns/one", "one"}},
                              fewer[] = {{"ns/one", "src/ns/one"}};
    const struct source_links links_moved = {moved, 2, 2}, links_fewer = {fewer, 1, 1};
    const struct source_install whole = source_a();
    struct source_install other[9];
    install(&whole);
    assert_true(is_installed(&whole, INFO_A));
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        other[i] = whole;
    other[0].metadata = T("Metadata-Version: 2.1\nName: My-Ext\nVersion: 1.0\nRequires-Dist: x\n");
    other[1].entry_points = T("");
    other[2].entry_points = T("[console_scripts]\nrun = mod:other\n");
    other[3].direct_url = NULL;
    other[4].requested = false;
    other[5].installer = "pip";
    other[6].place = at("b");
    other[7].links = &links_moved;
    other[8].links = &links_fewer;
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        if (is_installed(&other[i], INFO_A))
            fail_msg("change %zu was not seen", i);
    struct source_install later = whole;
    later.version = "1.1";
    assert_false(is_installed(&later, INFO_A));
}

static void test_damage_is_seen(void **state)
{
    (void)state;
    static const char *const paths[] = {
        SITE "/" INFO_A "/METADATA",
        SITE "/" INFO_A "/entry_points.txt",
        SITE "/" INFO_A "/top_level.txt",
        SITE "/" INFO_A "/direct_url.json",
        SITE "/" INFO_A "/INSTALLER",
        SITE "/" INFO_A "/RECORD",
        SITE "/" INFO_A "/REQUESTED",
        SITE "/mod.py",
        SITE "/ns/one",
        SITE "/ns/" MARK,
        "bin/run",
    };
    struct source_install a = source_a();
    install(&a);
    make_file("venv/" SITE "/" INFO_A "/more", "");
    assert_false(is_installed(&a, INFO_A));
    unlink(at("venv/" SITE "/" INFO_A "/more"));
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        const char *path = arena_concat(&files_memory, "venv/", paths[i]);
        assert_int_equal(rename(at(path), at("aside")), 0);
        if (is_installed(&a, INFO_A))
            fail_msg("%s is gone, and nobody saw it", path);
        make_link("elsewhere", path);
        if (is_installed(&a, INFO_A))
            fail_msg("%s leads elsewhere, and nobody saw it", path);
        assert_int_equal(rename(at("aside"), at(path)), 0);
        assert_true(is_installed(&a, INFO_A));
    }
}

/* ---- carried over */

static void carry(const char *leave_name, bool damaged)
{
    struct err err cleanup_err = ERR_INIT;
    char *site = at("venv/" SITE);
    assert_int_equal(fs_remove_tree(AT_FDCWD, at("next"), NULL), 0);
    make_dir("next/" SITE);
    strmap_free(&owners);
    owners = (struct strmap)STRMAP_INIT;
    installed_free(&old);
    assert_int_equal(installed_scan(&site, 1, &old, &err), 0);
    struct installed *leave[1] = {leave_name ? installed_find(&old, leave_name) : NULL};
    if (leave[0])
        leave[0]->damaged = damaged;
    cleanup_close int to = open(at("next"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const struct stage_options options = {
        .old_dir = at("venv"),
        .to = to,
        .site_packages = SITE,
        .old_site_packages = SITE,
        .same_python = true,
        .leave = leave,
        .leave_count = leave[0] ? 1 : 0,
        .linker = linker,
        .owners = &owners,
    };
    if (stage_carry_over(&options, &old, &err) < 0)
        fail_msg("%s", err.text);
}

static void test_links_are_carried_over_as_links(void **state)
{
    (void)state;
    struct source_install a = source_a(), b = source_b();
    install(&a);
    install(&b);
    carry(NULL, false);
    assert_string_equal(leads_to("next/" SITE "/mod.py"), at("a/src/mod.py"));
    assert_string_equal(leads_to("next/" SITE "/ns/one"), at("a/src/ns/one"));
    assert_string_equal(names_in("next/" SITE "/ns"), MARK " one two");
    assert_string_equal(strmap_get(&owners, T(SITE "/ns/two")), "other");
}

static void test_a_namespace_goes_with_its_last_source(void **state)
{
    (void)state;
    static struct source_link deep[] = {{"ns/deep/er/pkg", "pkg"}};
    const struct source_links links = {deep, 1, 1};
    struct source_install a = source_a(), b = source_b();
    b.links = &links;
    install(&a);
    install(&b);
    make_file("venv/" SITE "/ns/deep/__pycache__/pkg.cpython-313.pyc", "");
    carry("my-ext", false);
    assert_string_equal(names_in("next/" SITE), "ns " INFO_B);
    assert_string_equal(names_in("next/" SITE "/ns/deep/er"), MARK " pkg");
    assert_string_equal(names_in("next/" SITE "/ns"), "deep " MARK);
    carry("other", false);
    assert_string_equal(names_in("next/" SITE "/ns"),
                        "deep " MARK " one"); /* byte code that nobody can tell */
    assert_int_equal(fs_remove_tree(AT_FDCWD, at("venv/" SITE "/ns/deep/__pycache__"), NULL), 0);
    carry("other", false);
    assert_string_equal(names_in("next/" SITE "/ns"), MARK " one");
    assert_int_equal(fs_remove_tree(AT_FDCWD, at("venv/" SITE "/ns/one"), NULL), 0);
    unlink(at("venv/" SITE "/ns/one"));
    carry("other", false);
    assert_string_equal(names_in("next/" SITE), "mod.py " INFO_A);
    assert_string_equal(names_in("a/src/ns/one"), "__init__.py");
}

static void test_a_mark_stays_beside_others(void **state)
{
    (void)state;
    struct err err cleanup_err = ERR_INIT;
    struct source_install a = source_a();
    install(&a);
    if (install_files("demo", in_ns, &err) < 0)
        fail_msg("%s", err.text);
    carry("my-ext", false);
    assert_string_equal(names_in("next/" SITE "/ns"), MARK " plain.py three");
}

/* A folder or a link that somebody put in a link's place goes with the damaged source, and nothing of what it
 * leads to. */
static void test_what_is_in_a_links_place_is_not_carried_over(void **state)
{
    (void)state;
    struct source_install a = source_a();
    make_file("precious/x", "");
    install(&a);
    unlink(at("venv/" SITE "/mod.py"));
    make_file("venv/" SITE "/mod.py/inner.txt", "");
    assert_int_equal(rename(at("venv/" SITE "/ns"), at("aside")), 0);
    make_link(at("precious"), "venv/" SITE "/ns");
    carry("my-ext", true);
    assert_string_equal(names_in("next/" SITE), "");
    assert_string_equal(names_in("precious"), "x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        bench_test(test_what_stands_in_the_venv),
        bench_test(test_record_has_one_entry_for_each_link),
        bench_test(test_the_folder_itself_and_what_is_not_asked_for),
        bench_test(test_two_sources_and_a_wheel_share_a_namespace),
        bench_test(test_nothing_is_put_into_a_source),
        bench_test(test_a_link_is_not_overwritten),
        bench_test(test_a_link_is_not_put_over_files),
        bench_test(test_sources_against_one_another),
        bench_test(test_paths_that_are_no_packages),
        bench_test(test_what_gives_way_to_a_link),
        bench_test(test_what_does_not_give_way),
        bench_test(test_a_file_gives_way_to_a_repair_alone),
        bench_test(test_what_is_to_be_written_anew),
        bench_test(test_damage_is_seen),
        bench_test(test_links_are_carried_over_as_links),
        bench_test(test_a_namespace_goes_with_its_last_source),
        bench_test(test_a_mark_stays_beside_others),
        bench_test(test_what_is_in_a_links_place_is_not_carried_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
