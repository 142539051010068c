/* SPDX-License-Identifier: Apache-2.0 */
#include "index/index.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct index_files files = {0};
    index_page_parse(&a, "https://example.org/simple/demo/", "application/vnd.pypi.simple.v1+json",
                     (struct text){(const char *)data, size}, &files, &err);
    for (size_t i = 0; i < files.count; i++) {
        const struct index_file *f = &files.items[i];
        if (!f->name || !f->url || strchr(f->name, '/') || (f->hash && strlen(f->hash) < 32))
            __builtin_trap();
    }
    array_free(&files);
    return 0;
}
