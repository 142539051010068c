/* SPDX-License-Identifier: Apache-2.0 */
/* The parsed form of a page, as any process with access to the cache may have left it. */
#include "base/cleanup.h"
#include "index/page_files.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct index_file *f)
{
    if (!f->name || !*f->name || strpbrk(f->name, "/\\\n") || strcmp(f->name, "..") == 0)
        abort();
    if (!f->url || !*f->url || strpbrk(f->url, " \r\n#") || f->size < -1)
        abort();
    if (!f->hash != !f->hash_algorithm || (f->hash && strlen(f->hash) < 32))
        abort();
    if ((f->sha256 && strlen(f->sha256) != 64) || (f->metadata_hash && strlen(f->metadata_hash) != 64))
        abort();
}

/* What is read and kept again is what was read. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err cleanup_err = ERR_INIT;
    struct buf again cleanup_buf = BUF_INIT;
    struct text rest = {(const char *)data, size};
    struct index_file file, same;
    int result;
    while ((result = page_files_next(&rest, &file, &err)) > 0) {
        check(&file);
        buf_clear(&again);
        page_files_add(&again, &file);
        struct text kept = buf_view(&again);
        if (page_files_next(&kept, &same, NULL) != 1 || kept.len || strcmp(same.url, file.url) != 0 ||
            strcmp(same.name, file.name) != 0 || same.size != file.size || !same.hash != !file.hash)
            abort();
    }
    if ((result < 0) != (err.kind == ERR_INPUT))
        abort();
    return 0;
}
