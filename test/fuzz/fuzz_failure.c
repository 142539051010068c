/* SPDX-License-Identifier: Apache-2.0 */
/* The output of a build, which is whatever a source distribution wants to print. */
#include "build/failure.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct text output = {(const char *)data, size};
    struct failure f;
    failure_read(&a, output, size & 1, &f);
    if (!f.kind || !*f.reason || strlen(f.tail) > 16384)
        __builtin_trap();
    failure_step(&a, output);
    failure_tail(&a, output);
    return 0;
}
