/* SPDX-License-Identifier: Apache-2.0 */
#include "python/requirement.h"
#include "python/name.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct requirement r, again;
    if (requirement_parse(&a, (struct text){(const char *)data, size}, &r, &err) < 0) {
        if (err.kind != ERR_INPUT || !strstr(err.text, "is not a requirement"))
            abort();
        return 0;
    }
    if (!name_is_valid(text_of(r.given)) || strcmp(r.name, name_normalize(&a, text_of(r.given))) != 0)
        abort();
    for (size_t i = 1; i < r.extra_count; i++)
        if (strcmp(r.extras[i - 1], r.extras[i]) >= 0)
            abort();
    if (r.url && r.specifiers.count)
        abort();
    if (requirement_parse(&a, text_of(r.text), &again, &err) < 0 || strcmp(r.name, again.name) != 0)
        abort();
    return 0;
}
