/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crypto.h"
#include "venv/pack.h"
#include "wheel_zip.h"

static const struct payload payload[] = {
    {"demo/__init__.py", "x = 1\n"},
    {"demo/empty", ""},
    {"demo/\xc3\xa4.txt", "a name beyond ASCII\n"},
    {"demo-1.0.data/scripts/run", "#!python\n"},
    {"z.py", "the last, but for the dist-info\n"},
    {NULL, NULL},
};

static void digest_of(const char *path, char hex[CRYPTO_HEX])
{
    struct err err cleanup_err = ERR_INIT;
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (crypto_digest_file(fd, "sha256", path, hex, &err) < 0)
        fail_msg("%s", err.text);
}

static void unpack(struct arena *a, struct workshop *w, struct unpacked *out)
{
    struct err err cleanup_err = ERR_INIT;
    workshop_open(w);
    workshop_wheel(w, payload);
    if (unpacked_make(a, w->cache, w->key, w->fd, WHEEL_NAME, out, &err) < 0)
        fail_msg("%s", err.text);
}

static void pack(const struct unpacked *u, const char *path)
{
    struct err err cleanup_err = ERR_INIT;
    if (pack_wheel(u, path, &err) < 0)
        fail_msg("%s", err.text);
}

/* What was packed passes every check, and has the same files. */
static void test_there_and_back(void **state)
{
    (void)state;
    struct workshop w;
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct unpacked u, again;
    unpack(&a, &w, &u);
    const char *packed = path_join(&a, w.dir, "packed"), *cache = path_join(&a, w.dir, "other");
    pack(&u, packed);
    cleanup_close int fd = open(packed, O_RDONLY | O_CLOEXEC);
    if (unpacked_make(&a, cache, w.key, fd, WHEEL_NAME, &again, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(again.count, u.count);
    for (size_t i = 0; i < u.count; i++) {
        assert_string_equal(again.files[i].path, u.files[i].path);
        assert_string_equal(again.files[i].sha256, u.files[i].sha256);
        assert_int_equal(again.files[i].executable, u.files[i].executable);
    }
    workshop_close(&w);
}

/* In another folder, with files of other times. */
static void test_the_same_bytes(void **state)
{
    (void)state;
    struct workshop one, other;
    struct arena a cleanup_arena = ARENA_INIT;
    struct unpacked u, v;
    char first[CRYPTO_HEX], second[CRYPTO_HEX];
    const struct timespec past[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    unpack(&a, &one, &u);
    unpack(&a, &other, &v);
    assert_int_equal(utimensat(AT_FDCWD, arena_printf(&a, "%s/tree/z.py", v.dir), past, 0), 0);
    pack(&u, path_join(&a, one.dir, "packed"));
    pack(&v, path_join(&a, other.dir, "another-name"));
    digest_of(path_join(&a, one.dir, "packed"), first);
    digest_of(path_join(&a, other.dir, "another-name"), second);
    assert_string_equal(first, second);
    workshop_close(&one);
    workshop_close(&other);
}

static void test_what_cannot_be_packed(void **state)
{
    (void)state;
    struct workshop w;
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct unpacked u;
    unpack(&a, &w, &u);
    const char *packed = path_join(&a, w.dir, "packed");
    pack(&u, packed);
    assert_int_equal(pack_wheel(&u, packed, &err), -1); /* it is there */
    assert_int_equal(err.kind, ERR_SYSTEM);
    assert_int_equal(unlink(packed), 0);
    assert_int_equal(unlink(arena_printf(&a, "%s/tree/z.py", u.dir)), 0);
    assert_int_equal(pack_wheel(&u, packed, &err), -1);
    assert_int_equal(err.kind, ERR_SYSTEM);
    assert_int_equal(access(packed, F_OK), -1);
    workshop_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_the_same_bytes),
        cmocka_unit_test(test_what_cannot_be_packed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
