/* SPDX-License-Identifier: Apache-2.0 */
/* Children with a family, and several children at once. */
#include "base/landlock.h"
#include "base/process.h"
#include "base/stopwatch.h"
#include "base/thread.h"
#include "files.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { LONG_MS = 30000 };

/* Leaves a daemon behind, in a session of its own and deaf to SIGTERM, whose pid stands in ./pid, and goes on
 * with what follows. It holds a fifo open for writing: who reads it sees its end. */
#define DAEMON                                                                                               \
    "exec 3>alive; setsid sh -c 'trap \"\" TERM HUP; echo $$ >pid; while :; do sleep 100; done' >/dev/null " \
    "2>&1 & while ! [ -s pid ]; do sleep 0.01; done; "

/* A reader of the fifo that all of the family hold. */
static int open_fifo(void)
{
    assert_int_equal(mkfifo(at("alive"), 0600), 0);
    int fd = open(at("alive"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* Without the kernel's help (QEMU's emulation of it has no subreapers) what a child leaves behind is
 * nobody's. */
static bool has_subreapers(void)
{
    int is_one;
    return prctl(PR_GET_CHILD_SUBREAPER, &is_one, 0, 0, 0) == 0;
}

static bool all_gone(int fd)
{
    struct pollfd polled = {fd, POLLIN, 0};
    return poll(&polled, 1, LONG_MS) == 1 && (polled.revents & POLLHUP);
}

static void test_family_ends_with_the_child(void **state)
{
    (void)state;
    if (!has_subreapers())
        skip();
    struct err err cleanup_err = ERR_INIT;
    struct process_result r cleanup_process_result = PROCESS_RESULT_INIT;
    cleanup_close int fifo = open_fifo();
    const struct process p = {
        .argv = (const char *const[]){"sh", "-c", DAEMON "echo said; echo more >&2; exit 7", NULL},
        .cwd = files_dir,
        .join = true,
        .family = true};
    assert_int_equal(process_run(&p, &r, &err), 0);
    assert_int_equal(r.status, 7);
    assert_string_equal(buf_cstr(&r.out), "said\nmore\n");
    assert_string_equal(buf_cstr(&r.err), "");
    assert_true(all_gone(fifo));
    assert_int_equal(kill((pid_t)strtol(content("pid"), NULL, 10), 0), -1);
    assert_int_equal(errno, ESRCH);
}

static void test_family_ends_when_its_time_is_up(void **state)
{
    (void)state;
    if (!has_subreapers())
        skip();
    struct err err cleanup_err = ERR_INIT;
    struct process_result r cleanup_process_result = PROCESS_RESULT_INIT;
    cleanup_close int fifo = open_fifo();
    const struct process p = {
        .argv =
            (const char *const[]){"sh", "-c", DAEMON "trap '' TERM; echo said; sleep 100; sleep 100", NULL},
        .cwd = files_dir,
        .timeout_ms = 1000,
        .family = true};
    assert_int_equal(process_run(&p, &r, &err), 0);
    assert_true(r.timed_out);
    assert_int_equal(r.status, 128 + SIGKILL);
    assert_string_equal(buf_cstr(&r.out), "said\n");
    assert_true(all_gone(fifo));
}

/* By a signal that nobody can handle. */
static void test_family_ends_when_we_die(void **state)
{
    (void)state;
    if (!has_subreapers())
        skip();
    cleanup_close int fifo = open_fifo();
    const struct process p = {.argv =
                                  (const char *const[]){"sh", "-c", DAEMON "echo x >ready; sleep 100", NULL},
                              .cwd = files_dir,
                              .family = true};
    pid_t pid = fork();
    if (pid == 0) {
        struct process_result r = PROCESS_RESULT_INIT;
        process_run(&p, &r, NULL);
        _exit(0);
    }
    for (long long until = stopwatch_ms() + LONG_MS; !*content("ready") && stopwatch_ms() < until;)
        usleep(5000);
    assert_string_equal(content("ready"), "x\n");
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(all_gone(fifo));
}

static void test_what_ends_it_is_told(void **state)
{
    (void)state;
    struct err err cleanup_err = ERR_INIT;
    struct process_result r cleanup_process_result = PROCESS_RESULT_INIT,
                            none cleanup_process_result = PROCESS_RESULT_INIT;
    const struct process p = {.argv = (const char *const[]){"sh", "-c", "kill -SEGV $$", NULL},
                              .family = true};
    assert_int_equal(process_run(&p, &r, &err), 0);
    assert_int_equal(r.status, 128 + SIGSEGV);
    assert_false(r.timed_out);
    const struct process absent = {.argv = (const char *const[]){"/no/such/program", NULL}, .family = true};
    assert_int_equal(process_run(&absent, &none, &err), -1);
    assert_int_equal(err.sysno, ENOENT);
}

static void test_both_ends_of_much_output_are_kept(void **state)
{
    (void)state;
    struct err err cleanup_err = ERR_INIT;
    struct process_result r cleanup_process_result = PROCESS_RESULT_INIT;
    const struct process p = {
        .argv = (const char *const[]){"sh", "-c",
                                      "echo first; head -c 3000000 /dev/zero | tr '\\0' x; echo; echo last",
                                      NULL},
        .keep_ends = true,
        .limit = 1000};
    assert_int_equal(process_run(&p, &r, &err), 0);
    assert_int_equal(r.out.len, 1000);
    assert_int_equal(r.left_out, 3000000 + 6 + 6 - 1000);
    assert_memory_equal(r.out.ptr, "first\nxxx", 9);
    assert_string_equal(r.out.ptr + 1000 - 7, "x\nlast\n" + 0);
}

/* The first, which waits for the last, would wait for ever if they ran one after the other. */
static void test_several_at_once(void **state)
{
    (void)state;
    struct err err cleanup_err = ERR_INIT;
    assert_int_equal(mkfifo(at("pipe"), 0600), 0);
    const struct process p[3] = {
        {.argv = (const char *const[]){"sh", "-c", "read line <pipe; echo got $line", NULL},
         .cwd = files_dir,
         .timeout_ms = LONG_MS},
        {.argv = (const char *const[]){"sh", "-c", "exit 5", NULL}, .family = true},
        {.argv = (const char *const[]){"sh", "-c", "echo it >pipe", NULL}, .cwd = files_dir, .family = true},
    };
    struct process_child *children[4] = {NULL};
    for (size_t i = 0; i < 3; i++)
        assert_non_null(children[i + 1] = process_start(&p[i], &err));
    int statuses[3] = {-1, -1, -1};
    for (size_t left = 3; left; left--) {
        struct process_result r cleanup_process_result = PROCESS_RESULT_INIT;
        int ended = process_wait(children, 4, &err);
        assert_in_range(ended, 1, 3);
        assert_int_equal(process_finish(children[ended], &r, &err), 0);
        children[ended] = NULL;
        statuses[ended - 1] = r.status;
        if (ended == 1)
            assert_string_equal(buf_cstr(&r.out), "got it\n");
    }
    assert_int_equal(statuses[0], 0);
    assert_int_equal(statuses[1], 5);
    assert_int_equal(statuses[2], 0);
}

static void test_a_child_is_bound_by_rules_of_its_own(void **state)
{
    (void)state;
    struct err err cleanup_err = ERR_INIT;
    struct landlock l cleanup_landlock = LANDLOCK_INIT;
    struct process_result r cleanup_process_result = PROCESS_RESULT_INIT;
    if (!landlock_open(&l, true))
        skip();
    make_dir("in");
    make_dir("out");
    /* The lowest numbers are those that the child needs for itself. */
    int low = fcntl(l.fd, F_DUPFD_CLOEXEC, 3);
    if (low < l.fd) {
        close(l.fd);
        l.fd = low;
    } else {
        close(low);
    }
    landlock_allow(&l, at("in"));
    const struct process p = {
        .argv = (const char *const[]){"sh", "-c", "echo x >in/file; echo x >out/file", NULL},
        .cwd = files_dir,
        .landlock = &l};
    assert_int_equal(process_run(&p, &r, &err), 0);
    assert_string_equal(content("in/file"), "x\n");
    assert_false(is_there("out/file"));
    make_file("out/file", "we may");
}

/* ---- beside threads */

static atomic_bool hammering;

/* Of the size that opendir(3) asks for, and more at a time than a thread keeps for itself. */
static void *hammer(void *context)
{
    enum { BLOCKS = 64, SIZE = 32 * 1024 + 48 };
    void *blocks[BLOCKS];
    (void)context;
    while (hammering) {
        for (int i = 0; i < BLOCKS; i++)
            blocks[i] = malloc(SIZE);
        for (int i = 0; i < BLOCKS; i++)
            free(blocks[i]);
    }
    return NULL;
}

/* A fork that asks for memory waits forever for a lock that a thread held: always under ASan, whose fork
 * frees none. */
static void test_children_start_while_threads_allocate(void **state)
{
    (void)state;
    enum { THREADS = 3, CHILDREN = 40 };
    struct err err cleanup_err = ERR_INIT;
    pthread_t threads[THREADS];
    if (!has_subreapers()) /* QEMU's own fork hangs beside threads, too */
        skip();
    hammering = true;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(thread_start(&threads[i], hammer, NULL), 0);
    alarm(LONG_MS / 1000 * 4);
    for (int i = 0; i < CHILDREN; i++) {
        struct process_result r cleanup_process_result = PROCESS_RESULT_INIT;
        const struct process p = {.argv = (const char *const[]){"true", NULL}, .family = i % 2};
        assert_int_equal(process_run(&p, &r, &err), 0);
        assert_int_equal(r.status, 0);
    }
    alarm(0);
    hammering = false;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

/* What a bake may do above the folder that it made. */
static void test_empty_folders_may_go(void **state)
{
    (void)state;
    struct err err cleanup_err = ERR_INIT;
    struct landlock l cleanup_landlock = LANDLOCK_INIT;
    struct process_result r cleanup_process_result = PROCESS_RESULT_INIT;
    if (!landlock_open(&l, true))
        skip();
    make_dir("above");
    make_dir("above/empty");
    make_file("above/file", "x");
    landlock_allow_rmdir(&l, at("above"));
    const struct process p = {
        .argv = (const char *const[]){"sh", "-c",
                                      "rmdir above/empty; mkdir above/new; rm -f above/file; echo y "
                                      ">above/file; echo y >above/other",
                                      NULL},
        .cwd = files_dir,
        .join = true,
        .landlock = &l};
    assert_int_equal(process_run(&p, &r, &err), 0);
    assert_false(is_there("above/empty"));
    assert_false(is_there("above/new"));
    assert_false(is_there("above/other"));
    assert_string_equal(content("above/file"), "x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        files_test(test_family_ends_with_the_child),
        files_test(test_family_ends_when_its_time_is_up),
        files_test(test_family_ends_when_we_die),
        files_test(test_empty_folders_may_go),
        cmocka_unit_test(test_what_ends_it_is_told),
        cmocka_unit_test(test_both_ends_of_much_output_are_kept),
        files_test(test_several_at_once),
        cmocka_unit_test(test_children_start_while_threads_allocate),
        files_test(test_a_child_is_bound_by_rules_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
