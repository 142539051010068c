/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of a test's own, and short ways to fill it and look at it. */
#pragma once
#include "base/array.h"
#include "base/fs.h"
#include "test.h"

static struct arena files_memory __attribute__((unused));
static char files_dir[64] __attribute__((unused));

static __attribute__((unused)) int files_setup(void **state)
{
    (void)state;
    snprintf(files_dir, sizeof files_dir, "/tmp/test-venv-XXXXXX");
    return mkdtemp(files_dir) ? 0 : -1;
}

static __attribute__((unused)) int files_teardown(void **state)
{
    (void)state;
    arena_free(&files_memory);
    return fs_remove_tree(AT_FDCWD, files_dir, NULL);
}

/* The absolute path of one below the test's folder. */
static __attribute__((unused)) char *at(const char *path)
{
    return path_join(&files_memory, files_dir, path);
}

static __attribute__((unused)) void make_dir(const char *path)
{
    assert_int_equal(fs_mkdirs(at(path), NULL), 0);
}

/* With the folders above it. */
static __attribute__((unused)) void make_file(const char *path, const char *content)
{
    char *whole = at(path), *slash = strrchr(whole, '/');
    *slash = 0;
    assert_int_equal(fs_mkdirs(whole, NULL), 0);
    *slash = '/';
    assert_int_equal(fs_write(AT_FDCWD, whole, text_of(content), 0644, false, NULL), 0);
}

static __attribute__((unused)) void make_link(const char *target, const char *path)
{
    assert_int_equal(symlink(target, at(path)), 0);
}

static __attribute__((unused)) bool is_there(const char *path)
{
    struct stat st;
    return lstat(at(path), &st) == 0;
}

/* "" where there is none. */
static __attribute__((unused)) const char *content(const char *path)
{
    struct buf bytes = BUF_INIT;
    fs_read(AT_FDCWD, at(path), 1 << 20, &bytes, NULL);
    char *copy = text_dup(&files_memory, buf_view(&bytes));
    buf_free(&bytes);
    return copy;
}

/* The names in a folder, sorted, joined by blanks. */
static __attribute__((unused)) const char *names_in(const char *path)
{
    struct strings names cleanup_strings = {0};
    struct buf all cleanup_buf = BUF_INIT;
    fs_list(&files_memory, AT_FDCWD, at(path), &names, NULL);
    array_each (&names, name)
        buf_printf(&all, "%s%s", all.len ? " " : "", *name);
    return text_dup(&files_memory, buf_view(&all));
}

#define files_test(f) cmocka_unit_test_setup_teardown(f, files_setup, files_teardown)
