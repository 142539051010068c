/* SPDX-License-Identifier: Apache-2.0 */
#include "python/version.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct version v, w;
    size_t half = size / 2;
    struct text first = {(const char *)data, half}, second = {(const char *)data + half, size - half};
    if (version_parse(&a, first, &v, &err) < 0)
        return 0;
    /* The normal form is its own normal form, and the same version. */
    if (version_parse(&a, text_of(v.text), &w, &err) < 0 || strcmp(v.text, w.text) != 0 ||
        version_cmp(&v, &w) != 0)
        abort();
    if (!text_starts(v.key, v.public_key) || (v.public_key.len < v.key.len) != v.has_local)
        abort();
    if (version_parse(&a, second, &w, &err) == 0 && version_cmp(&v, &w) != -version_cmp(&w, &v))
        abort();
    return 0;
}
