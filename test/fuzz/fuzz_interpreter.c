/* SPDX-License-Identifier: Apache-2.0 */
/* The answer of an interpreter, which may be kept by anybody who can write to the cache. */
#include "base/text.h"
#include "venv/interpreter.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct interpreter py;
    if (interpreter_answer_parse(&a, (struct text){(const char *)data, size}, &py, &err) < 0) {
        if (err.kind != ERR_SYSTEM)
            abort();
        return 0;
    }
    if (!py.version.text || !py.base_executable || strncmp(py.site_packages, "lib/", 4) != 0)
        abort();
    for (size_t i = 0; i < py.path_count; i++)
        if (strpbrk(py.path[i], "\n\t\x7f"))
            abort(); /* it goes into a file of lines */
    return 0;
}
