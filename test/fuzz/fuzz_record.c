/* SPDX-License-Identifier: Apache-2.0 */
#include "python/record.h"

#include <stdint.h>
#include <stdlib.h>

/* What was read, when written, is read the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct buf text cleanup_buf = BUF_INIT;
    struct record first, again;
    if (record_parse(&a, (struct text){(const char *)data, size}, &first, NULL) < 0)
        return 0;
    for (size_t i = 0; i < first.count; i++)
        record_write(&text, &first.entries[i]);
    if (record_parse(&a, buf_view(&text), &again, NULL) < 0 || again.count != first.count)
        abort();
    for (size_t i = 0; i < first.count; i++) {
        const struct record_entry *x = &first.entries[i], *y = &again.entries[i];
        if (strcmp(x->path, y->path) != 0 || x->size != y->size || !x->algorithm != !y->algorithm)
            abort();
        if (x->algorithm && (strcmp(x->algorithm, y->algorithm) != 0 || strcmp(x->digest, y->digest) != 0))
            abort();
    }
    return 0;
}
