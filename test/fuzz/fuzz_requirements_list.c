/* SPDX-License-Identifier: Apache-2.0 */
#include "python/requirements_file.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct strings items cleanup_strings = {0};
    struct text list = text_of(text_dup(&a, (struct text){(const char *)data, size})); /* of a variable */
    size_t letters = 0;
    requirements_list_split(&a, list, &items);
    array_each (&items, item) {
        struct text t = text_of(*item);
        if (t.len == 0 || text_trim(t).len != t.len)
            abort();
        letters += t.len;
    }
    if (letters > list.len || (items.count == 0 && text_find(list, 'a') < list.len))
        abort();
    return 0;
}
