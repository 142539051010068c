/* SPDX-License-Identifier: Apache-2.0 */
/* The states that a run can find and leave; test/e2e/test_venv.py kills real ones between any two system
 * calls. */
#include "venv/commit.h"

#include "base/digest.h"
#include "base/lock_file.h"
#include "base/log.h"
#include "files.h"
#include "venv/layout.h"
#include "venv/lock.h"

#include <errno.h>
#include <pthread.h>
#include <sys/wait.h>

#define SITE "lib/python3.11/site-packages"
#define STAGED SYNC_STAGING "/venv"

static void make_venv(const char *dir, unsigned number, const char *mark)
{
    make_file(arena_printf(&files_memory, "%s/pyvenv.cfg", dir),
              arena_printf(&files_memory, "home = /usr\nlocalstack-sync = %u\n", number));
    make_file(arena_printf(&files_memory, "%s/" SITE "/mark.py", dir), mark);
    make_dir(arena_printf(&files_memory, "%s/" SITE "/%s-1.dist-info", dir, mark));
}

static void stage(unsigned number)
{
    struct err err cleanup_err = ERR_INIT;
    cleanup_close int fd = commit_stage(files_dir, &err);
    assert_true(fd >= 0);
    make_venv(STAGED, number, "new");
}

static int switch_to(unsigned number, const char *snapshot)
{
    struct err err cleanup_err = ERR_INIT;
    int result = commit_switch(files_dir, at("python_venv"), SITE, number, snapshot, &err);
    if (result < 0)
        fail_msg("%s", err.text);
    return result;
}

static bool recover(void)
{
    struct err err cleanup_err = ERR_INIT;
    bool finished;
    if (commit_recover(files_dir, at("python_venv"), &finished, &err) < 0)
        fail_msg("%s", err.text);
    return finished;
}

/* Whole, and nothing beside it. */
static void assert_venv(const char *mark)
{
    assert_string_equal(content("python_venv/" SITE "/mark.py"), mark);
    assert_string_equal(names_in("python_venv"), "lib pyvenv.cfg");
    assert_string_equal(names_in("."), "python_venv");
}

static const char *snapshot(void)
{
    struct err err cleanup_err = ERR_INIT;
    return commit_snapshot(&files_memory, at("python_venv"), SITE, &err);
}

static void test_first_venv(void **state)
{
    (void)state;
    stage(1);
    assert_int_equal(switch_to(1, NULL), 0);
    assert_venv("new");
    assert_int_equal(layout_number(at("python_venv")), 1);
}

static void test_next_venv(void **state)
{
    (void)state;
    make_venv("python_venv", 1, "old");
    const char *before = snapshot();
    stage(2);
    assert_int_equal(switch_to(2, before), 0);
    assert_venv("new");
}

static void test_somebody_installed_meanwhile(void **state)
{
    (void)state;
    make_venv("python_venv", 1, "old");
    const char *before = snapshot();
    stage(2);
    make_dir("python_venv/" SITE "/by_hand-1.dist-info");
    assert_int_equal(switch_to(2, before), 1);
    assert_venv("old");
    assert_true(is_there("python_venv/" SITE "/by_hand-1.dist-info"));
    /* an upgrade in place keeps the name of a single-file module, but not the time of its dist-info */
    before = snapshot();
    stage(3);
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 12345}};
    assert_int_equal(utimensat(AT_FDCWD, at("python_venv/" SITE "/old-1.dist-info"), times, 0), 0);
    assert_int_equal(switch_to(3, before), 1);
    assert_venv("old");
}

static void test_snapshot_of_nothing(void **state)
{
    (void)state;
    assert_string_equal(snapshot(), "");
    make_file("python_venv", "a file");
    assert_string_equal(snapshot(), "");
}

static void record(const char *way, unsigned number)
{
    make_file(SYNC_COMMIT, arena_printf(&files_memory,
                                        "localstack-extensions commit 1\nnumber %u\nway %s\nentry lib\nentry "
                                        "pyvenv.cfg\nend\n",
                                        number, way));
}

static void test_recover_finishes_each_way(void **state)
{
    (void)state;
    static const char *const ways[] = {"exchange", "aside", "replace"};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        make_venv("python_venv", 1, "old");
        make_dir("python_venv/include");
        stage(2);
        record(ways[i], 2);
        assert_true(recover());
        assert_venv("new");
        assert_false(recover());
        assert_venv("new");
        assert_int_equal(fs_remove_tree(AT_FDCWD, at("python_venv"), NULL), 0);
    }
    stage(2);
    record("rename", 2);
    assert_true(recover());
    assert_venv("new");
}

/* As a run leaves it that was interrupted there; the record says how the old venv looked. */
static const struct interruption {
    const char *way, *old;
    bool switched;
} interruptions[] = {
    {"exchange", "python_venv", false},   {"exchange", STAGED, true},
    {"aside", "python_venv", false},      {"aside", SYNC_STAGING "/old", false},
    {"aside", SYNC_STAGING "/old", true},
};

static void interrupt(const struct interruption *at_step)
{
    char hex[DIGEST_HEX];
    struct err err cleanup_err = ERR_INIT;
    make_venv(at_step->old, 1, "old");
    make_venv(at_step->switched ? "python_venv" : STAGED, 2, "new");
    digest_hex(text_of(commit_snapshot(&files_memory, at(at_step->old), SITE, &err)), hex);
    make_file(SYNC_COMMIT, arena_printf(&files_memory,
                                        "localstack-extensions commit 1\nnumber 2\nway %s\n"
                                        "snapshot %s " SITE "\nend\n",
                                        at_step->way, hex));
}

static void test_recover_looks_at_the_old_venv(void **state)
{
    (void)state;
    log_set_level(LOG_ERROR);
    for (size_t i = 0; i < sizeof interruptions / sizeof *interruptions; i++) {
        interrupt(&interruptions[i]);
        assert_true(recover());
        assert_venv("new");
        assert_int_equal(fs_remove_tree(AT_FDCWD, at("python_venv"), NULL), 0);

        interrupt(&interruptions[i]);
        make_dir(arena_printf(&files_memory, "%s/" SITE "/by_hand-1.dist-info", interruptions[i].old));
        assert_false(recover());
        assert_venv("old");
        assert_true(is_there("python_venv/" SITE "/by_hand-1.dist-info"));
        assert_int_equal(fs_remove_tree(AT_FDCWD, at("python_venv"), NULL), 0);
    }
}

static void test_recover_between_the_two_renames(void **state)
{
    (void)state;
    stage(2);
    make_venv(SYNC_STAGING "/old", 1, "old");
    record("aside", 2);
    assert_true(recover());
    assert_venv("new");
}

static void test_recover_after_the_switch(void **state)
{
    (void)state;
    make_venv("python_venv", 2, "new");
    make_venv(STAGED, 1, "old");
    record("exchange", 2);
    assert_true(recover());
    assert_venv("new");
}

/* The record of a commit that is done, back after a power cut, and what a later run had begun to stage. */
static void test_record_of_another_staging_is_dropped(void **state)
{
    (void)state;
    log_set_level(LOG_ERROR);
    make_venv("python_venv", 3, "old");
    make_venv(STAGED, 4, "new");
    record("aside", 2);
    assert_false(recover());
    assert_venv("old");
}

static void test_damaged_records_are_dropped(void **state)
{
    (void)state;
    static const char *const records[] = {
        "",
        "garbage",
        "localstack-extensions commit 1\nnumber 2\nway exchange\n",
        "localstack-extensions commit 1\nnumber 0\nway exchange\nend\n",
        "localstack-extensions commit 1\nnumber 2\nway sideways\nend\n",
        "localstack-extensions commit 9\nnumber 2\nway exchange\nend\n",
        "localstack-extensions commit 1\nnumber 2\nway exchange\nsnapshot 00 lib\nend\n",
    };
    log_set_level(LOG_ERROR);
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        make_venv("python_venv", 1, "old");
        stage(2);
        make_file(SYNC_COMMIT, records[i]);
        assert_false(recover());
        assert_venv("old");
        assert_int_equal(fs_remove_tree(AT_FDCWD, at("python_venv"), NULL), 0);
    }
}

static void test_old_venv_comes_back(void **state)
{
    (void)state;
    log_set_level(LOG_ERROR);
    make_venv(SYNC_STAGING "/old", 1, "old");
    record("aside", 2);
    assert_false(recover());
    assert_venv("old");
    assert_int_equal(rename(at("python_venv"), at("keep")), 0);
    make_dir(SYNC_STAGING);
    assert_int_equal(rename(at("keep"), at(SYNC_STAGING "/old")), 0);
    assert_false(recover());
    assert_venv("old");
}

static void test_leftovers_go(void **state)
{
    (void)state;
    make_venv("python_venv", 1, "old");
    stage(2);
    make_file("." SYNC_COMMIT ".0123abcd.new", "");
    make_file(arena_printf(&files_memory, ".%s.%ld.new", SYNC_STATE, (long)getppid()), "");
    assert_false(recover());
    assert_venv("old");
    make_file("." SYNC_STATE ".00000001.new", "");
    make_file("." SYNC_STATE ".x.new", "");
    make_file(".mine.1.new", "");
    cleanup_close int writer = open(at("." SYNC_STATE ".00000001.new"), O_WRONLY | O_CLOEXEC);
    assert_true(fs_hold_new(writer, AT_FDCWD, at("." SYNC_STATE ".00000001.new")));
    recover();
    assert_string_equal(names_in("."),
                        "." SYNC_STATE ".00000001.new ." SYNC_STATE ".x.new .mine.1.new python_venv");
}

static void test_link_and_file_in_its_place(void **state)
{
    (void)state;
    make_venv("elsewhere", 1, "old");
    make_link("elsewhere", "python_venv");
    stage(2);
    assert_int_equal(switch_to(2, NULL), 0);
    assert_string_equal(content("python_venv/" SITE "/mark.py"), "new");
    assert_string_equal(content("elsewhere/" SITE "/mark.py"), "old");
    assert_string_equal(names_in("."), "elsewhere python_venv");
    assert_int_equal(fs_remove_tree(AT_FDCWD, at("elsewhere"), NULL), 0);
    assert_int_equal(fs_remove_tree(AT_FDCWD, at("python_venv"), NULL), 0);
    make_file("python_venv", "what is this?");
    stage(3);
    assert_int_equal(switch_to(3, NULL), 0);
    assert_venv("new");
}

static void test_lock_is_one_writers(void **state)
{
    (void)state;
    struct err err cleanup_err = ERR_INIT;
    bool unlocked;
    cleanup_close int fd = lock_take(files_dir, &unlocked, &err);
    assert_true(fd >= 0 && !unlocked);
    assert_non_null(strstr(content(SYNC_LOCK), arena_printf(&files_memory, " %ld ", (long)getpid())));
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    assert_non_null(strstr(lock_look(&files_memory, files_dir), "since 20"));
    cleanup_close int other = open(at(SYNC_LOCK), O_RDWR | O_CLOEXEC);
    assert_int_equal(fcntl(other, F_OFD_SETLK, &whole), -1);
    assert_int_equal(errno, EAGAIN);
    close(steal_fd(&fd));
    whole.l_pid = 0;
    assert_int_equal(fcntl(other, F_OFD_SETLK, &whole), 0);
}

/* As another sync has it that is between its lock and its name, or past both. */
static void lock_byte(int fd, int byte)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
}

static void *signs(void *fd)
{
    lock_file_sign(*(int *)fd);
    lock_byte(*(int *)fd, 1);
    return NULL;
}

static void test_lock_names_who_has_it_now(void **state)
{
    (void)state;
    struct err err cleanup_err = ERR_INIT;
    const char *ours = arena_printf(&files_memory, ", process %ld, since 20", (long)getpid()), *holder;
    make_file(SYNC_LOCK, "gone 7 2001-02-03T04:05:06Z\n");
    assert_string_equal(lock_look(&files_memory, files_dir), "");
    cleanup_close int fd = open(at(SYNC_LOCK), O_RDWR | O_CLOEXEC);
    lock_byte(fd, 0);
    assert_string_equal(lock_look(&files_memory, files_dir), "somebody who does not say who it is");
    assert_int_equal(lock_try(&files_memory, files_dir, &holder, &err), -1);
    assert_string_equal(holder, "");
    assert_string_equal(err.text, "another sync is at work on this volume");
    /* Whichever of the two comes first. */
    pthread_t signer;
    assert_int_equal(pthread_create(&signer, NULL, signs, &fd), 0);
    assert_non_null(strstr(lock_look(&files_memory, files_dir), ours));
    assert_int_equal(pthread_join(signer, NULL), 0);
    assert_int_equal(lock_try(&files_memory, files_dir, &holder, NULL), -1);
    assert_non_null(strstr(holder, ours));
}

static void test_lock_is_not_taken_through_a_link(void **state)
{
    (void)state;
    struct err err cleanup_err = ERR_INIT;
    bool unlocked;
    make_file("precious", "data");
    make_link("precious", SYNC_LOCK);
    assert_int_equal(lock_take(files_dir, &unlocked, &err), -1);
    assert_false(unlocked);
    assert_string_equal(content("precious"), "data");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        files_test(test_first_venv),
        files_test(test_next_venv),
        files_test(test_somebody_installed_meanwhile),
        files_test(test_snapshot_of_nothing),
        files_test(test_recover_finishes_each_way),
        files_test(test_recover_looks_at_the_old_venv),
        files_test(test_recover_between_the_two_renames),
        files_test(test_recover_after_the_switch),
        files_test(test_record_of_another_staging_is_dropped),
        files_test(test_damaged_records_are_dropped),
        files_test(test_old_venv_comes_back),
        files_test(test_leftovers_go),
        files_test(test_link_and_file_in_its_place),
        files_test(test_lock_is_one_writers),
        files_test(test_lock_names_who_has_it_now),
        files_test(test_lock_is_not_taken_through_a_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
