/* SPDX-License-Identifier: Apache-2.0 */
/* Wheels for unit tests, made by libzip: payload, and a dist-info whose RECORD is right. */
#pragma once
#include "base/fs.h"
#include "python/record.h"
#include "test.h"
#include "venv/hasher.h"

#include <ftw.h>
#include <zip.h>

#define WHEEL_NAME "demo-1.0-py3-none-any.whl"
#define WHEEL_INFO "demo-1.0.dist-info"

struct payload {
    const char *path, *text;
};

/* A folder of the test's own, with the cache, the venv and the wheel in it. */
struct workshop {
    char dir[64];
    char *cache, *wheel, *venv;
    char key[65]; /* any 64 hex digits do for the modules under test */
    int fd;       /* of the wheel */
};

static inline int workshop_remove(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static inline void workshop_open(struct workshop *w)
{
    *w = (struct workshop){.dir = "/tmp/test-wheel-XXXXXX", .fd = -1};
    assert_non_null(mkdtemp(w->dir));
    w->cache = xasprintf("%s/cache", w->dir);
    w->wheel = xasprintf("%s/" WHEEL_NAME, w->dir);
    w->venv = xasprintf("%s/venv", w->dir);
    memset(w->key, 'a', 64);
}

static inline void workshop_close(struct workshop *w)
{
    if (w->fd >= 0)
        close(w->fd);
    nftw(w->dir, workshop_remove, 16, FTW_DEPTH | FTW_PHYS);
    free(w->cache);
    free(w->wheel);
    free(w->venv);
}

static inline void workshop_add(zip_t *zip, struct buf *record, const char *path, const char *text)
{
    struct err err cleanup_err = ERR_INIT;
    struct hasher *h cleanup_hasher = hasher_new(&err);
    char digest[HASHER_SHA256_BASE64];
    size_t n = strlen(text);
    assert_true(zip_file_add(zip, path, zip_source_buffer(zip, text, n, 0), ZIP_FL_ENC_UTF_8) >= 0);
    assert_int_equal(hasher_begin(h, NULL, &err), 0);
    assert_int_equal(hasher_add(h, (struct text){text, n}, &err), 0);
    assert_int_equal(hasher_end(h, digest, NULL, &err), 0);
    record_write(record, &(struct record_entry){path, "sha256", digest, (long long)n});
}

/* Writes the wheel and opens it. Ends with an item without a path. */
static inline void workshop_wheel(struct workshop *w, const struct payload *files)
{
    struct buf record cleanup_buf = BUF_INIT;
    zip_t *zip = zip_open(w->wheel, ZIP_CREATE | ZIP_TRUNCATE, NULL);
    assert_non_null(zip);
    for (; files->path; files++)
        workshop_add(zip, &record, files->path, files->text);
    workshop_add(zip, &record, WHEEL_INFO "/METADATA", "Metadata-Version: 2.1\nName: Demo\nVersion: 1.0\n");
    workshop_add(zip, &record, WHEEL_INFO "/WHEEL",
                 "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n");
    record_write(&record, &(struct record_entry){WHEEL_INFO "/RECORD", NULL, NULL, -1});
    assert_true(
        zip_file_add(zip, WHEEL_INFO "/RECORD", zip_source_buffer(zip, record.ptr, record.len, 0), 0) >= 0);
    assert_int_equal(zip_close(zip), 0);
    if (w->fd >= 0)
        close(w->fd);
    w->fd = open(w->wheel, O_RDONLY | O_CLOEXEC);
    assert_true(w->fd >= 0);
}
