/* SPDX-License-Identifier: Apache-2.0 */
#include "python/metadata.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct text bytes = {(const char *)data, size}, value;
    struct wheel_file w;
    if (wheel_file_parse(&a, bytes, &w, &err) < 0) {
        if (err.kind != ERR_INPUT)
            abort();
        return 0;
    }
    if (!ascii_is_digit(w.wheel_version[0]) ||
        strspn(w.wheel_version, "0123456789.") != strlen(w.wheel_version))
        abort();
    if (w.root_is_purelib && !headers_get(bytes, "root-is-purelib", &value))
        abort();
    return 0;
}
