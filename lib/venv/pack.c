/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/pack.h"

#include "base/fs.h"

#include <zip.h>

/* 1980-01-01, before which the format has no dates. */
enum { DOS_TIME = 0, DOS_DATE = 1 << 5 | 1 };

/* What is next to the best that deflate does: a wheel is packed once, and lies in every copy of the image. */
enum { LEVEL = 9 };

/* The dist-info comes last, as the wheel format recommends, so that METADATA is found in a wheel's end. */
static int add_files(zip_t *zip, const struct unpacked *u, bool of_info, struct err *err)
{
    struct text info = text_of(u->dist_info);
    for (size_t i = 0; i < u->count; i++) {
        const struct unpacked_file *f = &u->files[i];
        if ((text_starts(text_of(f->path), info) && f->path[info.len] == '/') != of_info)
            continue;
        cleanup_free char *path = xasprintf("%s/tree/%s", u->dir, f->path);
        zip_source_t *source = zip_source_file(zip, path, 0, -1);
        zip_int64_t at = source ? zip_file_add(zip, f->path, source, ZIP_FL_ENC_UTF_8) : -1;
        if (source && at < 0)
            zip_source_free(source);
        zip_uint32_t mode = (zip_uint32_t)(S_IFREG | (f->executable ? 0755 : 0644)) << 16;
        if (at < 0 || zip_set_file_compression(zip, (zip_uint64_t)at, ZIP_CM_DEFLATE, LEVEL) < 0 ||
            zip_file_set_dostime(zip, (zip_uint64_t)at, DOS_TIME, DOS_DATE, 0) < 0 ||
            zip_file_set_external_attributes(zip, (zip_uint64_t)at, 0, ZIP_OPSYS_UNIX, mode) < 0)
            return err_set(err, ERR_SYSTEM, "%s cannot be packed: %s", f->path, zip_strerror(zip));
    }
    return 0;
}

int pack_wheel(const struct unpacked *u, const char *path, struct err *err)
{
    int fault;
    zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_EXCL, &fault);
    if (!zip) {
        zip_error_t why;
        zip_error_init_with_code(&why, fault);
        (void)err_set(err, ERR_SYSTEM, "cannot create %s: %s", path, zip_error_strerror(&why));
        zip_error_fini(&why);
        return -1;
    }
    int result = add_files(zip, u, false, err) < 0 || add_files(zip, u, true, err) < 0 ? -1 : 0;
    if (result == 0 && zip_close(zip) == 0)
        return 0;
    if (result == 0)
        err_set(err, ERR_SYSTEM, "cannot write %s: %s", path, zip_strerror(zip));
    zip_discard(zip);
    return -1;
}
