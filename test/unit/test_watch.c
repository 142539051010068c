/* SPDX-License-Identifier: Apache-2.0 */
/* Changes in developers' sources, as editors and others make them. */
#include "base/stopwatch.h"
#include "dev/left_out.h"
#include "dev/watch.h"
#include "files.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { LONG_MS = 30000 };

static struct watch *watched(const char *first, const char *second)
{
    char *folders[2] = {at(first), second ? at(second) : NULL};
    return watch_open(folders, second ? 2 : 1);
}

/* The next change: its files in the order of their names, below the test's folder, and how many more. */
static const char *next(struct watch *w)
{
    struct watch_change change;
    struct buf all cleanup_buf = BUF_INIT;
    assert_true(watch_wait(w, stopwatch_ms() + LONG_MS, &change));
    for (size_t i = 0; i < change.files.count; i++) {
        assert_true(text_starts(text_of(change.files.items[i]), text_of(files_dir)));
        buf_printf(&all, "%s%s", i ? " " : "", change.files.items[i] + strlen(files_dir) + 1);
    }
    if (change.count > change.files.count)
        buf_printf(&all, " +%zu", change.count - change.files.count);
    if (change.uncertain)
        buf_str(&all, " …");
    return text_dup(&files_memory, buf_view(&all));
}

static void put(const char *path, const char *bytes)
{
    FILE *f = fopen(at(path), "w");
    assert_non_null(f);
    assert_true(fputs(bytes, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void move(const char *from, const char *to)
{
    assert_int_equal(rename(at(from), at(to)), 0);
}

static void remove_one(const char *path)
{
    assert_int_equal(unlink(at(path)), 0);
}

/* ---- each way in which an editor saves src/a.py */

static void in_place(void)
{
    put("src/a.py", "edited");
}

static void beside_and_over(void)
{
    put("src/a.py.tmp", "edited");
    move("src/a.py.tmp", "src/a.py");
}

static void by_a_random_name(void) /* sed -i, and what writes through a library's temporary file */
{
    put("src/sedQx81Z", "edited");
    assert_int_equal(chmod(at("src/sedQx81Z"), 0644), 0);
    move("src/sedQx81Z", "src/a.py");
}

static void away_and_anew(void)
{
    remove_one("src/a.py");
    put("src/a.py", "edited");
}

static void as_vim(void)
{
    put("src/.a.py.swp", "swap");
    put("src/.a.py.swx", "");
    remove_one("src/.a.py.swx");
    put("src/4913", "");
    remove_one("src/4913");
    move("src/a.py", "src/a.py~");
    put("src/a.py", "edited");
    remove_one("src/a.py~");
    put("src/.a.py.swp", "more swap");
}

static void as_emacs(void)
{
    make_link("me@here.1", "src/.#a.py");
    put("src/#a.py#", "saved");
    move("src/a.py", "src/a.py~");
    put("src/a.py", "edited");
    remove_one("src/#a.py#");
    remove_one("src/.#a.py");
}

static void as_an_ide(void)
{
    put("src/a.py___tmp___", "edited");
    move("src/a.py", "src/a.py___old___");
    move("src/a.py___tmp___", "src/a.py");
    remove_one("src/a.py___old___");
}

static void to_be_readable(void)
{
    assert_int_equal(chmod(at("src/a.py"), 0600), 0);
}

static void gone(void)
{
    remove_one("src/a.py");
}

static void out_of_it(void)
{
    move("src/a.py", "elsewhere.py");
}

static void (*const ways[])(void) = {in_place, beside_and_over, by_a_random_name, away_and_anew, as_vim,
                                     as_emacs, as_an_ide,       to_be_readable,   gone,          out_of_it};

static void check_ways(struct watch *w)
{
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct watch_change none;
        if (!is_there("src/a.py")) {
            put("src/a.py", "anew");
            assert_string_equal(next(w), "src/a.py");
        }
        ways[i]();
        assert_string_equal(next(w), "src/a.py");
        if (i % 4 == 0) /* and nothing follows */
            assert_false(watch_wait(w, stopwatch_ms() + 500, &none));
    }
}

static void test_editors(void **state)
{
    (void)state;
    make_file("src/a.py", "as it was");
    struct watch *w = watched("src", NULL);
    check_ways(w);
    watch_free(w);
}

/* ---- what is left out */

static void test_what_is_left_out(void **state)
{
    (void)state;
    static const char *const paths[] = {"src/pkg/__pycache__/a.pyc",
                                        "src/pkg/b.pyc",
                                        "src/.git/index",
                                        "src/.venv/lib/x.py",
                                        "src/node_modules/x/i.js",
                                        "src/build/lib/x.py",
                                        "src/dist/x.whl",
                                        "src/.pytest_cache/v",
                                        "src/.mypy_cache/3/x.json",
                                        "src/.ruff_cache/x",
                                        "src/pkg/.a.py.swo",
                                        "src/pkg/a.py~",
                                        "src/pkg/.#a.py",
                                        "src/pkg/#a.py#",
                                        "src/pkg/4913",
                                        "src/pkg/.git",
                                        "src/pkg/node_modules/x",
                                        "src/env/lib/x.py",
                                        "src/.idea/workspace.xml"};
    make_file("src/pkg/a.py", "");
    make_file("src/env/pyvenv.cfg", "");
    make_file("src/.venv/lib/old.py", "");
    struct watch *w = watched("src", NULL);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        make_file(paths[i], "x");
    put("src/.venv/lib/old.py", "edited");
    put("src/pkg/mark", "");
    assert_string_equal(next(w), "src/pkg/mark");
    /* Folders of packages may have these names; only what build back ends leave is at the top. */
    make_file("src/pkg/build/x.py", "");
    assert_string_equal(next(w), "src/pkg/build/x.py");
    watch_free(w);
}

static void test_a_venv_that_is_made_in_the_source(void **state)
{
    (void)state;
    make_file("src/a.py", "");
    struct watch *w = watched("src", NULL);
    make_file("src/env/bin/activate", "");
    make_file("src/env/pyvenv.cfg", "");
    make_file("src/env/lib/x.py", "");
    put("src/a.py", "edited");
    assert_string_equal(next(w), "src/a.py");
    make_file("src/env/lib/y.py", "");
    put("src/env/bin/activate", "edited");
    put("src/a.py", "");
    assert_string_equal(next(w), "src/a.py");
    watch_free(w);
}

static void test_names(void **state)
{
    (void)state;
    static const char *const kept[] = {"a.py", "template.html", "data.json", ".env",   ".sw", "a.swp", "#1",
                                       "a#",   "4914",          "x.tmp",     ".swamp", ".swx"};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        assert_false(left_out(kept[i], false, true));
    assert_false(left_out("build", false, true));
    assert_false(left_out("dist", true, false));
    assert_true(left_out("build", true, true));
    assert_true(left_out(".a.py.swn", false, false));
    assert_true(left_out(".git", false, false));
}

/* ---- folders */

static void test_folders_come_and_move(void **state)
{
    (void)state;
    make_file("src/a.py", "");
    make_file("outside/in/x.py", "");
    struct watch *w = watched("src", NULL);
    make_file("src/new/deep/b.py", "");
    assert_string_equal(next(w), "src/new/deep/b.py");
    put("src/new/deep/b.py", "edited");
    assert_string_equal(next(w), "src/new/deep/b.py");
    move("src/new", "src/newer");
    assert_string_equal(next(w), "src/new src/newer/deep/b.py");
    put("src/newer/deep/b.py", "edited again");
    assert_string_equal(next(w), "src/newer/deep/b.py");
    move("outside/in", "src/in");
    assert_string_equal(next(w), "src/in/x.py");
    put("src/in/x.py", "edited");
    assert_string_equal(next(w), "src/in/x.py");
    move("src/in", "outside/in");
    assert_string_equal(next(w), "src/in");
    put("outside/in/x.py", "edited again");
    put("src/a.py", "edited");
    assert_string_equal(next(w), "src/a.py");
    make_dir("src/empty"); /* of no use to anybody */
    put("src/a.py", "");
    assert_string_equal(next(w), "src/a.py");
    watch_free(w);
}

static void test_links_are_not_followed(void **state)
{
    (void)state;
    make_file("real/a.py", "");
    make_file("outside/x.py", "");
    make_link(at("real"), "src");
    make_link(at("outside"), "real/out");
    struct watch *w = watched("src", NULL);
    put("outside/x.py", "edited");
    put("real/a.py", "edited");
    assert_string_equal(next(w), "src/a.py");
    make_link(at("outside"), "real/again");
    assert_string_equal(next(w), "src/again");
    put("outside/x.py", "edited again");
    put("real/a.py", "edited again");
    assert_string_equal(next(w), "src/a.py");
    watch_free(w);
}

/* ---- many at once */

static void fill(const char *folder, size_t count, const char *bytes)
{
    for (size_t i = 0; i < count; i++)
        put(arena_printf(&files_memory, "%s/%05zu.py", folder, i), bytes);
}

static void test_a_checkout_is_one_change(void **state)
{
    (void)state;
    struct watch_change none;
    make_dir("src/pkg");
    fill("src/pkg", 500, "");
    struct watch *w = watched("src", NULL);
    fill("src/pkg", 500, "edited");
    assert_string_equal(next(w), "src/pkg/00000.py src/pkg/00001.py src/pkg/00002.py +497");
    assert_false(watch_wait(w, stopwatch_ms() + 500, &none));
    watch_free(w);
}

static void test_more_than_the_kernel_keeps(void **state)
{
    (void)state;
    unsigned long long most = 0;
    struct buf kept cleanup_buf = BUF_INIT;
    assert_int_equal(fs_read(AT_FDCWD, "/proc/sys/fs/inotify/max_queued_events", 64, &kept, NULL), 0);
    assert_true(text_u64(text_trim(buf_view(&kept)), &most) && most <= 1 << 20);
    make_dir("src/pkg");
    struct watch *w = watched("src", NULL);
    fill("src/pkg", most / 2 + 100, ""); /* each is made and closed */
    make_file("src/unseen/x.py", "");
    const char *said = next(w);
    assert_non_null(strstr(said, "…"));
    put("src/unseen/x.py", "edited");
    assert_string_equal(next(w), "src/unseen/x.py");
    watch_free(w);
}

static void test_what_does_not_end_is_told_all_the_same(void **state)
{
    (void)state;
    make_file("src/a.py", "");
    struct watch *w = watched("src", NULL);
    pid_t pid = fork();
    if (pid == 0) {
        for (int i = 0; i < 600; i++) {
            put("src/a.py", "edited");
            usleep(50000);
        }
        _exit(0);
    }
    assert_string_equal(next(w), "src/a.py");
    assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    watch_free(w);
}

/* ---- sources that are not there */

static void check_absence(struct watch *w)
{
    make_file("late/a.py", "");
    assert_string_equal(next(w), "late late/a.py");
    put("late/a.py", "edited");
    assert_string_equal(next(w), "late/a.py");
    /* Gone and back, as a switch of branches above it may do it; gone alone is no change. */
    assert_int_equal(fs_remove_tree(AT_FDCWD, at("late"), NULL), 0);
    put("src/b.py", "edited");
    assert_string_equal(next(w), "src/b.py");
    make_file("late/a.py", "back");
    assert_string_equal(next(w), "late late/a.py");
    put("late/a.py", "edited again");
    assert_string_equal(next(w), "late/a.py");
}

static void test_a_source_comes_and_goes(void **state)
{
    (void)state;
    make_file("src/b.py", "");
    struct watch *w = watched("late", "src");
    check_absence(w);
    watch_free(w);
}

static void test_another_folder_takes_its_name(void **state)
{
    (void)state;
    make_file("above/src/a.py", "");
    struct watch *w = watched("above/src", NULL);
    make_file("other/src/a.py", "");
    move("above", "old");
    move("other", "above");
    assert_string_equal(next(w), "above/src above/src/a.py");
    put("old/src/a.py", "edited");
    put("above/src/a.py", "edited");
    assert_string_equal(next(w), "above/src/a.py");
    watch_free(w);
}

/* ---- without the kernel's help */

/* With one descriptor to spare, which a watch of the kernel's would take. */
static struct watch *polled(const char *first, const char *second)
{
    struct rlimit usual, few;
    int spare = dup(0);
    assert_true(spare > 0);
    close(spare);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
    few = usual;
    few.rlim_cur = (rlim_t)spare + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    struct watch *w = watched(first, second);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
    return w;
}

static void test_polling(void **state)
{
    (void)state;
    make_file("src/pkg/deep/a.py", "");
    make_file("src/pkg/b.py", "");
    make_file("src/z.py", "");
    struct watch *w = polled("src", NULL);
    put("src/pkg/deep/a.py", "edited");
    make_file("src/new/c.py", "");
    remove_one("src/z.py");
    make_file("src/.git/x", "");
    assert_string_equal(next(w), "src/new/c.py src/pkg/deep/a.py src/z.py");
    put("src/pkg/b.py.tmp", "edited");
    move("src/pkg/b.py.tmp", "src/pkg/b.py");
    assert_string_equal(next(w), "src/pkg/b.py");
    watch_free(w);
}

static void test_polling_where_a_source_comes_and_goes(void **state)
{
    (void)state;
    make_file("src/b.py", "");
    make_file("late/x", "");
    struct watch *w = polled("late", "src");
    assert_int_equal(fs_remove_tree(AT_FDCWD, at("late"), NULL), 0);
    put("src/b.py", "x");
    assert_string_equal(next(w), "src/b.py");
    check_absence(w);
    watch_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        files_test(test_editors),
        files_test(test_what_is_left_out),
        files_test(test_a_venv_that_is_made_in_the_source),
        cmocka_unit_test(test_names),
        files_test(test_folders_come_and_move),
        files_test(test_links_are_not_followed),
        files_test(test_a_checkout_is_one_change),
        files_test(test_more_than_the_kernel_keeps),
        files_test(test_what_does_not_end_is_told_all_the_same),
        files_test(test_a_source_comes_and_goes),
        files_test(test_another_folder_takes_its_name),
        files_test(test_polling),
        files_test(test_polling_where_a_source_comes_and_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
