/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/digest.h"
#include "base/fs.h"
#include "index/page_cache.h"
#include "index/page_files.h"
#include "test.h"

#include <sys/stat.h>
#include <time.h>

#define S256 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define M256 "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

static const struct index_file all[] = {
    {.name = "a-1-py3-none-any.whl", .url = "https://h/a-1-py3-none-any.whl", .size = -1},
    {.name = "a-1.tar.gz",
     .url = "https://h/f?get=a-1.tar.gz",
     .hash_algorithm = "md5",
     .hash = "0123456789abcdef0123456789abcdef",
     .size = 0},
    {.name = "a-2-py3-none-any.whl",
     .url = "http://u:p@h:80/%61-2-py3-none-any.whl",
     .hash_algorithm = "sha256",
     .hash = S256,
     .sha256 = S256,
     .requires_python = ">=3.8,\n<4",
     .yanked = true,
     .yanked_reason = "b\xc3\xb6se",
     .has_metadata = true,
     .metadata_hash = M256,
     .size = 0x7fffffffffffffff},
    {.name = "a-3-py3-none-any.whl",
     .url = "file:///srv/a-3-py3-none-any.whl",
     .hash_algorithm = "sha512",
     .hash = S256 M256,
     .sha256 = S256,
     .yanked = true,
     .has_metadata = true,
     .size = 4711},
};
enum { ALL = sizeof all / sizeof *all };

static void assert_same(const char *one, const char *other)
{
    if (one && other)
        assert_string_equal(one, other);
    else
        assert_true(one == other);
}

static void assert_file(const struct index_file *is, const struct index_file *wanted)
{
    assert_same(is->name, wanted->name);
    assert_same(is->url, wanted->url);
    assert_same(is->hash_algorithm, wanted->hash_algorithm);
    assert_same(is->hash, wanted->hash);
    assert_same(is->sha256, wanted->sha256);
    assert_same(is->requires_python, wanted->requires_python);
    assert_int_equal(is->yanked, wanted->yanked);
    assert_same(is->yanked_reason, wanted->yanked_reason);
    assert_int_equal(is->has_metadata, wanted->has_metadata);
    assert_same(is->metadata_hash, wanted->metadata_hash);
    assert_int_equal(is->size, wanted->size);
}

static void add_all(struct buf *to)
{
    for (size_t i = 0; i < ALL; i++)
        page_files_add(to, &all[i]);
}

/* How many files there are; -1 where the bytes are odd. In memory of just their size, for the sanitizer. */
static int count(struct text bytes)
{
    cleanup_free char *exact = xmalloc(bytes.len ? bytes.len : 1);
    struct text rest = {exact, bytes.len};
    struct index_file file;
    int n = 0, result;
    memcpy(exact, bytes.ptr, bytes.len);
    while ((result = page_files_next(&rest, &file, NULL)) > 0)
        n++;
    return result < 0 ? -1 : n;
}

static void test_what_is_kept_comes_back(void **state)
{
    (void)state;
    struct buf bytes cleanup_buf = BUF_INIT;
    struct index_file file;
    add_all(&bytes);
    struct text rest = buf_view(&bytes);
    for (size_t i = 0; i < ALL; i++) {
        assert_int_equal(page_files_next(&rest, &file, NULL), 1);
        assert_file(&file, &all[i]);
    }
    assert_int_equal(page_files_next(&rest, &file, NULL), 0);
}

static void test_a_cut_is_found(void **state)
{
    (void)state;
    struct buf bytes cleanup_buf = BUF_INIT;
    size_t ends[ALL + 1] = {0};
    for (size_t i = 0; i < ALL; i++) {
        page_files_add(&bytes, &all[i]);
        ends[i + 1] = bytes.len;
    }
    for (size_t len = 0, files = 0; len < bytes.len; len++) {
        files += files < ALL && len == ends[files + 1];
        assert_int_equal(count(text_first(buf_view(&bytes), len)), len == ends[files] ? (int)files : -1);
    }
}

static void test_what_cannot_be_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct text bytes;
    } table[] = {
        {"an unknown digest", T("\0\6http://h/a\0" S256)},
        {"a digest with a letter that is none", T("\0\5http://h/a\0"
                                                  "0123456789abcdef0123456789abcdeg")},
        {"a digest in upper case", T("\0\5http://h/a\0"
                                     "0123456789ABCDEF0123456789abcdef")},
        {"a digest with more behind it", T("\0\5http://h/a\0"
                                           "0123456789abcdef0123456789abcdefx")},
        {"a digest that is short", T("\0\5http://h/a\0"
                                     "0123456789abcdef")},
        {"sha256 beside itself", T("\4\2http://h/a\0" S256 "\0" S256)},
        {"sha256 beside a weaker one", T("\4\5http://h/a\0"
                                         "0123456789abcdef0123456789abcdef\0" S256)},
        {"no URL", T("\0\377")},
        {"a URL with a blank", T("\0\377http://h/ a")},
        {"a URL with a line's end", T("\0\377http://h/a\r\n")},
        {"a URL with a fragment", T("\0\377http://h/a#b")},
        {"no name", T("\0\377http://h/")},
        {"an empty name", T("\2\377http://h/a\0")},
        {"a name that is a path", T("\2\377http://h/a\0../a.whl")},
        {"a name that is a folder", T("\2\377http://h/a\0..")},
        {"a name with a control character", T("\2\377http://h/a\0a\033.whl")},
        {"a size below nothing", T("\1\377\0\0\0\0\0\0\0\200http://h/a")},
        {"a size that is cut", T("\1\377\0\0\0\0")},
        {"an empty Requires-Python", T("\10\377http://h/a\0")},
    };
    struct index_file file;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct err err cleanup_err = ERR_INIT;
        struct text whole = {table[i].bytes.ptr, table[i].bytes.len + 1}; /* with the literal's own NUL */
        if (page_files_next(&whole, &file, &err) >= 0)
            fail_msg("%s is taken", table[i].what);
        assert_int_equal(err.kind, ERR_INPUT);
    }
}

/* A flip gives another page or none, but nothing is read beyond the bytes. */
static void test_flips(void **state)
{
    (void)state;
    struct buf bytes cleanup_buf = BUF_INIT;
    add_all(&bytes);
    for (size_t bit = 0; bit < bytes.len * 8; bit++) {
        bytes.ptr[bit / 8] ^= (char)(1 << bit % 8);
        count(buf_view(&bytes));
        bytes.ptr[bit / 8] ^= (char)(1 << bit % 8);
    }
}

/* ---- the file in the cache */

static const char url[] = "https://h/simple/a/";
static char folder[] = "/tmp/test-page-files-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return fs_remove_tree(AT_FDCWD, folder, NULL);
}

static void keep_page(struct arena *a, struct buf *file)
{
    const struct http_response response = {.status = 200,
                                           .url = url,
                                           .etag = "\"1\"",
                                           .last_modified = "",
                                           .cache_control = "max-age=60",
                                           .content_type = "text/html"};
    struct cached_page page;
    page_cache_open(a, folder, url, &page);
    page_cache_begin(&page, &response, file);
    add_all(file);
    page_cache_store(folder, &page, &response, file);
}

static bool is_read(const char *of, int *files)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct buf file cleanup_buf = BUF_INIT;
    struct cached_page page;
    size_t start;
    page_cache_open(&a, folder, of, &page);
    if (!page.exists || !page_cache_read(&a, &page, &file, &start))
        return false;
    *files = count(text_from(buf_view(&file), start));
    return true;
}

static void test_a_page_in_the_cache(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    struct buf file cleanup_buf = BUF_INIT;
    struct cached_page page;
    int files = -1;
    keep_page(&a, &file);
    page_cache_open(&a, folder, url, &page);
    assert_true(page.exists && page.fresh && !page.raw);
    assert_int_equal(page.status, 200);
    assert_string_equal(page.url, url);
    assert_string_equal(page.etag, "\"1\"");
    assert_true(is_read(url, &files));
    assert_int_equal(files, ALL);
    cleanup_close int pages = open(arena_printf(&a, "%s/pages", folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(page_cache_is_page(pages, path_base(page.path)));
}

static bool is_fresh(struct arena *a, struct timespec written)
{
    struct cached_page page;
    const struct timespec times[2] = {written, written};
    page_cache_open(a, folder, url, &page);
    assert_int_equal(utimensat(AT_FDCWD, page.path, times, 0), 0);
    page_cache_open(a, folder, url, &page);
    return page.fresh;
}

/* Kernels since 6.13 give files the exact time; that of the last tick, which time(2) tells, may lie before
 * it. */
static void test_a_page_is_fresh_at_once(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    struct buf file cleanup_buf = BUF_INIT;
    struct timespec now;
    keep_page(&a, &file);
    for (int i = 0; i < 3; i++) {
        /* Where a second begins the two differ by one. */
        clock_gettime(CLOCK_REALTIME, &now);
        now = (struct timespec){.tv_sec = now.tv_sec + 1};
        clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &now, NULL);
        clock_gettime(CLOCK_REALTIME, &now);
        assert_true(is_fresh(&a, now));
    }
    now.tv_sec += 60; /* somebody's clock was wrong */
    assert_false(is_fresh(&a, now));
    now.tv_sec -= 2 * 60;
    assert_false(is_fresh(&a, now));
}

static void test_a_page_of_another_url_is_none(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    struct buf file cleanup_buf = BUF_INIT;
    struct cached_page other;
    int files = -1;
    keep_page(&a, &file);
    page_cache_open(&a, folder, "https://h/simple/b/", &other);
    assert_int_equal(fs_write(AT_FDCWD, other.path, buf_view(&file), 0644, false, NULL), 0);
    assert_false(is_read("https://h/simple/b/", &files));
}

static void test_damage_to_a_page_in_the_cache_is_found(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    struct buf file cleanup_buf = BUF_INIT;
    struct cached_page page;
    int files = -1;
    keep_page(&a, &file);
    page_cache_open(&a, folder, url, &page);
    for (size_t at = 0; at < file.len; at++) {
        cleanup_free char *bytes = xmalloc(file.len);
        memcpy(bytes, file.ptr, file.len);
        bytes[at] ^= (char)(1 << at % 8);
        assert_int_equal(fs_write(AT_FDCWD, page.path, (struct text){bytes, file.len}, 0644, false, NULL), 0);
        assert_false(is_read(url, &files));
        assert_int_equal(fs_write(AT_FDCWD, page.path, text_first(buf_view(&file), at), 0644, false, NULL),
                         0);
        assert_false(is_read(url, &files));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_kept_comes_back),
        cmocka_unit_test(test_a_cut_is_found),
        cmocka_unit_test(test_what_cannot_be_is_found),
        cmocka_unit_test(test_flips),
        cmocka_unit_test(test_a_page_in_the_cache),
        cmocka_unit_test(test_a_page_is_fresh_at_once),
        cmocka_unit_test(test_a_page_of_another_url_is_none),
        cmocka_unit_test(test_damage_to_a_page_in_the_cache_is_found),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
