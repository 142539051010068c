/* SPDX-License-Identifier: Apache-2.0 */
#include "index/index_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static long long read_at(void *ctx, long long offset, char *to, size_t len, struct err *err)
{
    (void)err;
    const struct text *bytes = ctx;
    struct text rest = text_first(text_from(*bytes, (size_t)offset), len);
    memcpy(to, rest.ptr, rest.len);
    return (long long)rest.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct buf out cleanup_buf = BUF_INIT;
    struct text bytes = {(const char *)data, size};
    struct index_file file = {.name = "demo-1.0-py3-none-any.whl"};
    struct archive archive = {(long long)size, read_at, &bytes};
    if (wheel_name_parse(&a, text_of(file.name), &file.wheel, &err) < 0)
        __builtin_trap();
    if (archive_metadata(&archive, &file, &out, &err) < 0 && !err.text)
        __builtin_trap();
    return 0;
}
