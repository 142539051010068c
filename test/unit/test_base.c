/* SPDX-License-Identifier: Apache-2.0 */
#include "base/array.h"
#include "base/digest.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/process.h"
#include "base/stopwatch.h"
#include "base/strmap.h"
#include "test.h"

#include <errno.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static void test_err_wraps_from_the_outside(void **state)
{
    (void)state;
    struct err err cleanup_err = ERR_INIT;
    assert_int_equal(err_sys(&err, ENOENT, "cannot open %s", "x"), -1);
    assert_string_equal(err.text, "cannot open x: No such file or directory");
    assert_int_equal(err.sysno, ENOENT);
    err_wrap(&err, "while booting");
    assert_string_equal(err.text, "while booting: cannot open x: No such file or directory");
    err_set(&err, ERR_INPUT, "again: %s", err.text); /* its own text as an argument */
    assert_string_equal(err.text, "again: while booting: cannot open x: No such file or directory");
    assert_int_equal(err.sysno, 0);
}

static void test_text_cut_gives_every_piece(void **state)
{
    (void)state;
    struct text rest = T("a,,b"), piece;
    assert_true(text_cut(&rest, ',', &piece) && text_is(piece, "a"));
    assert_true(text_cut(&rest, ',', &piece) && text_is(piece, ""));
    assert_true(text_cut(&rest, ',', &piece) && text_is(piece, "b"));
    assert_false(text_cut(&rest, ',', &piece));
    rest = T("one\r\ntwo\n");
    assert_true(text_line(&rest, &piece) && text_is(piece, "one"));
    assert_true(text_line(&rest, &piece) && text_is(piece, "two"));
    assert_false(text_line(&rest, &piece));
}

static void test_text_u64_refuses_overflow(void **state)
{
    (void)state;
    unsigned long long v;
    assert_true(text_u64(T("18446744073709551615"), &v) && v == UINT64_MAX);
    assert_false(text_u64(T("18446744073709551616"), &v));
    assert_false(text_u64(T(""), &v));
    assert_false(text_u64(T("-1"), &v));
}

static void test_text_size_is_short(void **state)
{
    (void)state;
    assert_string_equal(text_size(0).s, "0 bytes");
    assert_string_equal(text_size(1000).s, "1000 bytes");
    assert_string_equal(text_size(1025).s, "1025 bytes");
    assert_string_equal(text_size(1024).s, "1 KiB");
    assert_string_equal(text_size(256 << 10).s, "256 KiB");
    assert_string_equal(text_size(64 << 20).s, "64 MiB");
    assert_string_equal(text_size(1ULL << 40).s, "1024 GiB");
    assert_string_equal(text_size(UINT64_MAX).s, "18446744073709551615 bytes");
}

static void test_path_absolute(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    assert_string_equal(path_absolute(&a, "/a/./b//../c/"), "/a/c");
    assert_string_equal(path_absolute(&a, "/../.."), "/");
    assert_string_equal(path_absolute(&a, "/"), "/");
    assert_true(path_absolute(&a, "x")[0] == '/');
}

static void test_log_hides_credentials_and_controls(void **state)
{
    (void)state;
    static const char *const table[][2] = {
        {"https://user:secret@example.com/a", "https://user:****@example.com/a"},
        {"https://token@example.com/", "https://****@example.com/"},
        {"git+ssh://git@example.com/r", "git+ssh://git@example.com/r"},
        {"https://u:a@b@example.com/x?y=@z", "https://u:****@example.com/x?y=@z"},
        {"see https://example.com/@scope", "see https://example.com/@scope"},
        {"/srv/http:/user:secret@example.com/a", "/srv/http:/user:****@example.com/a"},
        {"two http://a:b@c http://d:e@f", "two http://a:****@c http://d:****@f"},
        {"a\033[31mred\177\x80\xc2\x9b", "a\\x1b[31mred\\x7f\\x80\\xc2\\x9b"},
        {"gr\xc3\xbc\xc3\x9f \xe2\x82\xac", "gr\xc3\xbc\xc3\x9f \xe2\x82\xac"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct buf out cleanup_buf = BUF_INIT;
        log_escape(&out, text_of(table[i][0]));
        assert_string_equal(buf_cstr(&out), table[i][1]);
    }
}

static void check_redacted(const char *from, const char *expected)
{
    struct buf once cleanup_buf = BUF_INIT, twice cleanup_buf = BUF_INIT;
    log_redact(&once, text_of(from));
    assert_string_equal(buf_cstr(&once), expected);
    log_redact(&twice, buf_view(&once));
    assert_string_equal(buf_cstr(&twice), expected);
}

static void test_log_hides_credentials_that_are_badly_written(void **state)
{
    (void)state;
    static const char *const table[][2] = {
        {"https://user:s3cr#et@h:1/simple/zzz/ names no host",
         "https://user:****@h:1/simple/zzz/ names no host"},
        {"https://user:s3c/r?et@h/simple", "https://user:****@h/simple"},
        {"https://user:s3cr etpw@h/simple, a page", "https://user:****@h/simple, a page"},
        {"https://user:a@b#c@h/simple", "https://user:****@h/simple"},
        {"https://user:a@b/c@h/simple", "https://user:****@h/simple"},
        {"https://user:a@b c@h/simple", "https://user:****@h/simple"},
        {"https://user:pa'ss\"#x@h/simple", "https://user:****@h/simple"},
        {"https://user:1234#5@h/simple", "https://user:****@h/simple"},
        {"https://user:123456/7@h/simple", "https://user:****@h/simple"},
        {"https://user:12-34/5@h/simple", "https://user:****@h/simple"},
        {"https://user:/pw@h/simple", "https://user:****@h/simple"},
        {"https://user:x://y@h/simple", "https://user:****@h/simple"},
        {"https://joe@corp.example:s3cr#et@h/simple", "https://joe@corp.example:****@h/simple"},
        {"https://tok#en@h/simple", "https://****@h/simple"},
        {"https://us#er:pw@h/simple", "https://****@h/simple"},
        {"https://user:s3cr/zzz/ names no host", "https://user:****/zzz/ names no host"},
        {"https://us/er:pw@h/simple", "https://us/er:****@h/simple"},
        {"git+https://user:s3c/ret@h/p.git@v1", "git+https://user:****@v1"},
        {"/srv/http:/user:s3cr#et@h/a", "/srv/http:/user:****@h/a"},
        {"zzz @ https://user:s3cr#et@h/z.whl (x.txt:3): bad",
         "zzz @ https://user:****@h/z.whl (x.txt:3): bad"},
        {"\"https://u:a#b@h\", not \"c@d\"", "\"https://u:****@h\", not \"c@d\""},
        {"https://u:a#b@h/x\nat c@d.example", "https://u:****@h/x\nat c@d.example"},
        {"two http://a:b#c@h http://d:e#f@g", "two http://a:****@h http://d:****@g"},
        {"http://a:b#c@h/x and y @ http://d@g", "http://a:****@h/x and y @ http://****@g"},
        {"in 'http://user:s3cr#etpw@127.0.0.1:1'", "in 'http://user:****@127.0.0.1:1'"},
        {"user:s3cr#et@127.0.0.1:1/simple is no URL", "user:****@127.0.0.1:1/simple is no URL"},
        {"PIP_PROXY=user:secret@proxy:3128", "PIP_PROXY=user:****@proxy:3128"},
        {"in 'user:s3 cr@proxy:3128'", "in 'user:****@proxy:3128'"},
        {"joe@corp.example:s3cret@proxy:3128", "joe@corp.example:****@proxy:3128"},
        {"/srv/user:s3cr#et@h/simple", "/srv/user:****@h/simple"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        check_redacted(table[i][0], table[i][1]);
}

static void test_log_leaves_what_is_no_password(void **state)
{
    (void)state;
    static const char *const table[] = {
        "git+https://h/x@ref",
        "git+https://h.example/x.git@v1 (x.txt:3): a@b.example asked",
        "git+ssh://git@h/x@ref",
        "git+ssh://git@h:a/b.git@v1",
        "git+git@h:a/b.git@v1",
        "git@h:a/b.git@v1",
        "http://h:8080/x@ref",
        "h:8080/x@ref",
        "ask a@b.example",
        "<a@b.example>: asked",
        "http://[::1]:80/x@ref",
        "http://[::1]/x@ref",
        "[::1]:80/x@ref",
        "C:\\Users\\a@b",
        "file:x@y",
        "https://h: no route; ask a@b.example",
        "https://h:8080: no route; ask a@b.example",
        "(https://h:8080), ask a@b.example",
        "https://h:8080… ask a@b.example",
        "https://h:8080; write NAME @ URL",
        "x.txt:3: foo @ https://h/x.whl",
        "(x.txt:3): foo@bar",
        "/etc/conf.d/a@b:3: what?",
        "https://h/@scope",
        "https://h.example?a=b c@d",
        "npm:@scope",
        "a: b@c",
        "/usr/bin:/opt/x@y:/bin",
        "https://u:****@h.example/x?y=@z",
        "write https://HOST:PORT/ or https://h:${PORT}/",
        "git+https://u:****@gitea/x@v",
        "http://u:****@devpi wants credentials; say NAME @ URL",
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        check_redacted(table[i], table[i]);
}

/* Hostile output of a build: where each URL looks for what ends it, hours would pass. */
static void test_log_redacts_in_one_pass(void **state)
{
    (void)state;
    static const char *const pieces[] = {"://a:b",    "://a#",       "x://a:b@c ", ",a:b",
                                         "://a:b@c/", "://u@h.x/@?", "\"://a:b\" "};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        struct buf from cleanup_buf = BUF_INIT, to cleanup_buf = BUF_INIT;
        while (from.len < 4 << 20)
            buf_str(&from, pieces[i]);
        buf_str(&from, " y@ z@y");
        long long began = stopwatch_ms();
        log_redact(&to, buf_view(&from));
        assert_true(stopwatch_ms() - began < 10000);
    }
}

static void test_strmap_keeps_what_it_is_given(void **state)
{
    (void)state;
    struct strmap m cleanup_strmap = STRMAP_INIT;
    static int values[1000];
    for (int i = 0; i < 1000; i++) {
        char key[16];
        snprintf(key, sizeof key, "key%d", i);
        *strmap_place(&m, text_of(key)) = &values[i];
    }
    for (int i = 0; i < 1000; i++) {
        char key[16];
        snprintf(key, sizeof key, "key%d", i);
        assert_ptr_equal(strmap_get(&m, text_of(key)), &values[i]);
    }
    assert_null(strmap_get(&m, T("key1000")));
    assert_int_equal(m.count, 1000);
}

static void test_digest(void **state)
{
    (void)state;
    char hex[DIGEST_HEX];
    digest_hex(T("abc"), hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    unsigned char raw[2];
    assert_true(hex_decode(T("0aFf"), raw, 2));
    assert_int_equal(raw[0], 0x0a);
    assert_int_equal(raw[1], 0xff);
    assert_false(hex_decode(T("0aF"), raw, 2));
    assert_false(hex_decode(T("0g00"), raw, 2));
}

static void test_fs_writes_reads_links_and_removes(void **state)
{
    (void)state;
    struct err err cleanup_err = ERR_INIT;
    struct arena a cleanup_arena = ARENA_INIT;
    char dir[] = "/tmp/test-base-XXXXXX";
    assert_non_null(mkdtemp(dir));
    char *deep = path_join(&a, dir, "x/y/z");
    assert_int_equal(fs_mkdirs(deep, &err), 0);
    char *file = path_join(&a, deep, "f");
    assert_int_equal(fs_write(AT_FDCWD, file, T("hello"), 0644, true, &err), 0);
    struct buf got cleanup_buf = BUF_INIT;
    assert_int_equal(fs_read(AT_FDCWD, file, 5, &got, &err), 0);
    assert_string_equal(buf_cstr(&got), "hello");
    assert_int_equal(fs_read(AT_FDCWD, file, 4, &got, &err), -1);
    assert_int_equal(err.kind, ERR_INPUT);
    for (enum fs_way way = FS_HARDLINK; way <= FS_COPY; way++) {
        struct fs_linker l = {way};
        char *to = arena_printf(&a, "%s/copy%d", deep, way);
        assert_int_equal(fs_link_or_copy(&l, AT_FDCWD, file, AT_FDCWD, to, &err), 0);
        struct stat one, two;
        assert_int_equal(stat(file, &one), 0);
        assert_int_equal(stat(to, &two), 0);
        assert_int_equal(one.st_mtim.tv_nsec, two.st_mtim.tv_nsec);
        assert_int_equal(two.st_size, 5);
    }
    struct strings names cleanup_strings = {0};
    assert_int_equal(fs_list(&a, AT_FDCWD, deep, &names, &err), 0);
    assert_int_equal(names.count, 4);
    assert_string_equal(names.items[0], "copy0");
    assert_int_equal(chmod(deep, 0500), 0);
    assert_int_equal(fs_remove_tree(AT_FDCWD, dir, &err), 0);
    assert_int_equal(access(dir, F_OK), -1);
    assert_int_equal(fs_remove_tree(AT_FDCWD, dir, &err), 0);
    assert_int_equal(fs_read(AT_FDCWD, file, 5, &got, &err), -1);
    assert_int_equal(err.sysno, ENOENT);
}

static void assert_kind(const char *dir, const char *name, const char *kind)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct buf got cleanup_buf = BUF_INIT;
    struct err err cleanup_err = ERR_INIT;
    const char *path = path_join(&a, dir, name);
    assert_int_equal(fs_read(AT_FDCWD, path, 5, &got, &err), -1);
    assert_int_equal(err.kind, ERR_INPUT);
    assert_string_equal(err.text, arena_printf(&a, "%s is %s, not a regular file", path, kind));
}

/* None of these may be waited for: each would be a test that does not end. */
static void test_fs_reads_what_is_no_regular_file(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    struct buf got cleanup_buf = BUF_INIT;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char dir[] = "/tmp/test-base-XXXXXX";
    assert_non_null(mkdtemp(dir));
    const char *fifo = path_join(&a, dir, "fifo");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(symlink("fifo", path_join(&a, dir, "link")), 0);
    cleanup_close int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", dir);
    assert_int_equal(bind(server, (struct sockaddr *)&address, sizeof address), 0);
    assert_kind(dir, "fifo", "a pipe (FIFO)");
    assert_kind(dir, "link", "a pipe (FIFO)");
    assert_kind(dir, "socket", "a socket");
    cleanup_close int held = open(fifo, O_RDWR | O_CLOEXEC); /* somebody who may write, and does not */
    assert_kind(dir, "fifo", "a pipe (FIFO)");
    assert_int_equal(fs_read(AT_FDCWD, "/dev/null", 5, &got, NULL), 0);
    assert_int_equal(fs_read(AT_FDCWD, "/dev/zero", 5, &got, NULL), -1);
    buf_clear(&got);
    int pipe_ends[2];
    assert_int_equal(pipe2(pipe_ends, O_CLOEXEC), 0);
    assert_int_equal(write(pipe_ends[1], "hello", 5), 5);
    close(pipe_ends[1]);
    assert_kind("/dev/fd", arena_printf(&a, "%d", pipe_ends[0]), "a pipe (FIFO)");
    const char *named = arena_printf(&a, "/dev/fd/%d", pipe_ends[0]);
    assert_int_equal(fs_read_waiting(AT_FDCWD, named, 5, &got, NULL), 0);
    assert_true(text_is(buf_view(&got), "hello"));
    close(pipe_ends[0]);
    assert_int_equal(fs_remove_tree(AT_FDCWD, dir, NULL), 0);
}

static void test_fs_new_names(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    const char *name = fs_new_name(&a, "a.b/c.d"), *other = fs_new_name(&a, "a.b/c.d");
    assert_true(text_starts(text_of(name), T("a.b/.c.d.")) && text_ends(text_of(name), T(".new")));
    assert_string_not_equal(name, other);
    assert_string_equal(fs_new_name_of(&a, path_base(name)), "c.d");
    assert_string_equal(fs_new_name_of(&a, ".x.1234567.new"), "x");
    assert_string_equal(fs_new_name_of(&a, "..x.y.0abcdef9.new"), ".x.y");
    static const char *const others[] = {"",           ".new",      "..new",     "x.1.new",
                                         ".1.new",     "..1.new",   ".x.new",    ".x..new",
                                         ".x.1.newer", ".x.1 .new", ".x.A1.new", ".x.123456789.new"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_null(fs_new_name_of(&a, others[i]));
}

static bool is_page(const char *name, const void *data)
{
    return strcmp(name, data) == 0;
}

static const char *names_of(struct arena *a, const char *dir)
{
    struct strings names cleanup_strings = {0};
    struct buf all cleanup_buf = BUF_INIT;
    assert_int_equal(fs_list(a, AT_FDCWD, dir, &names, NULL), 0);
    array_each (&names, name)
        buf_printf(&all, "%s ", *name);
    return text_dup(a, buf_view(&all));
}

static void test_fs_listed_name(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    const char *listed;
    char dir[] = "/tmp/test-base-XXXXXX";
    assert_non_null(mkdtemp(dir));
    cleanup_close int folder = fs_open_dir(AT_FDCWD, dir, NULL);
    assert_int_equal(fs_write(folder, "name", T("x"), 0644, false, NULL), 0);
    assert_int_equal(linkat(folder, "name", folder, "another", 0), 0);
    assert_int_equal(fs_listed_name(&a, folder, "name", &listed, NULL), 0);
    assert_string_equal(listed, "name");
    assert_int_equal(fs_listed_name(&a, folder, "none", &listed, &err), -1);
    assert_int_equal(err.sysno, ENOENT);
    assert_int_equal(fs_remove_tree(AT_FDCWD, dir, NULL), 0);
}

/* What a killed writer left goes, whatever number is in its name; what somebody is at stays, and what is not
 * ours. */
static void test_fs_sweeps_what_nobody_holds(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    char dir[] = "/tmp/test-base-XXXXXX";
    assert_non_null(mkdtemp(dir));
    cleanup_close int folder = fs_open_dir(AT_FDCWD, dir, NULL);
    const char *left = arena_printf(&a, ".page.%ld.new", (long)getpid()), *mine = ".mine.00000001.new";
    assert_int_equal(fs_write(folder, left, T("x"), 0644, false, NULL), 0);
    assert_int_equal(fs_write(folder, mine, T("x"), 0644, false, NULL), 0);
    assert_int_equal(fs_write(folder, "page", T("x"), 0644, false, NULL), 0);
    assert_int_equal(symlinkat("page", folder, ".page.00000001.new"), 0);
    assert_int_equal(mkdirat(folder, ".page.00000002.new", 0700), 0);
    int held = openat(folder, ".page.00000003.new", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_true(fs_hold_new(held, folder, ".page.00000003.new"));
    fs_sweep(folder, S_IFREG, is_page, "page");
    assert_string_equal(names_of(&a, dir), ".mine.00000001.new .page.00000001.new .page.00000002.new "
                                           ".page.00000003.new page ");
    close(held);
    fs_sweep(folder, S_IFREG, is_page, "page");
    assert_string_equal(names_of(&a, dir), ".mine.00000001.new .page.00000001.new .page.00000002.new page ");
    assert_int_equal(mkdirat(folder, ".page.00000002.new/more", 0700), 0);
    held = fs_open_dir(folder, ".page.00000002.new", NULL);
    assert_true(fs_hold_new(held, folder, ".page.00000002.new"));
    fs_sweep(folder, S_IFDIR, is_page, "page");
    assert_string_equal(names_of(&a, dir), ".mine.00000001.new .page.00000001.new .page.00000002.new page ");
    close(held);
    fs_sweep(folder, S_IFDIR, is_page, "page");
    assert_string_equal(names_of(&a, dir), ".mine.00000001.new .page.00000001.new page ");
    assert_int_equal(fs_remove_tree(AT_FDCWD, dir, NULL), 0);
}

static void test_fs_does_not_hold_what_a_sweep_has(void **state)
{
    (void)state;
    char dir[] = "/tmp/test-base-XXXXXX";
    assert_non_null(mkdtemp(dir));
    cleanup_close int folder = fs_open_dir(AT_FDCWD, dir, NULL);
    cleanup_close int made = openat(folder, "x", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    int sweeping = openat(folder, "x", O_RDONLY | O_CLOEXEC);
    assert_int_equal(flock(sweeping, LOCK_SH), 0);
    assert_false(fs_hold_new(made, folder, "x"));
    assert_int_equal(unlinkat(folder, "x", 0), 0);
    close(sweeping);
    assert_false(fs_hold_new(made, folder, "x"));
    assert_int_equal(fs_remove_tree(AT_FDCWD, dir, NULL), 0);
}

static void test_process_captures_and_times_out(void **state)
{
    (void)state;
    struct err err cleanup_err = ERR_INIT;
    struct process_result r cleanup_process_result = PROCESS_RESULT_INIT;
    struct process p = {.argv = (const char *const[]){"sh", "-c", "cat; echo oops >&2; exit 3", NULL},
                        .input = T("fed")};
    assert_int_equal(process_run(&p, &r, &err), 0);
    assert_int_equal(r.status, 3);
    assert_string_equal(buf_cstr(&r.out), "fed");
    assert_string_equal(buf_cstr(&r.err), "oops\n");

    struct process_result slow cleanup_process_result = PROCESS_RESULT_INIT;
    /* its pipes are closed at once: the limit has to hold for the process, not for its output */
    struct process hang = {
        .argv = (const char *const[]){"sh", "-c", "exec >/dev/null 2>&1; exec tail -f /dev/null", NULL},
        .timeout_ms = 100};
    assert_int_equal(process_run(&hang, &slow, &err), 0);
    assert_true(slow.timed_out);
    assert_int_equal(slow.status, 128 + SIGKILL);

    struct process absent = {.argv = (const char *const[]){"/no/such/program", NULL}};
    struct process_result none cleanup_process_result = PROCESS_RESULT_INIT;
    assert_int_equal(process_run(&absent, &none, &err), -1);
    assert_int_equal(err.sysno, ENOENT);
}

static void test_nothing_is_something_too(void **state)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct strings none = {0};
    (void)state;
    assert_non_null(arena_array(&a, 0, 8));
    array_each (&none, item)
        fail_msg("%s", *item);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_something_too),
        cmocka_unit_test(test_err_wraps_from_the_outside),
        cmocka_unit_test(test_text_cut_gives_every_piece),
        cmocka_unit_test(test_text_u64_refuses_overflow),
        cmocka_unit_test(test_text_size_is_short),
        cmocka_unit_test(test_path_absolute),
        cmocka_unit_test(test_log_hides_credentials_and_controls),
        cmocka_unit_test(test_log_hides_credentials_that_are_badly_written),
        cmocka_unit_test(test_log_leaves_what_is_no_password),
        cmocka_unit_test(test_log_redacts_in_one_pass),
        cmocka_unit_test(test_strmap_keeps_what_it_is_given),
        cmocka_unit_test(test_digest),
        cmocka_unit_test(test_fs_writes_reads_links_and_removes),
        cmocka_unit_test(test_fs_reads_what_is_no_regular_file),
        cmocka_unit_test(test_fs_new_names),
        cmocka_unit_test(test_fs_listed_name),
        cmocka_unit_test(test_fs_sweeps_what_nobody_holds),
        cmocka_unit_test(test_fs_does_not_hold_what_a_sweep_has),
        cmocka_unit_test(test_process_captures_and_times_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
