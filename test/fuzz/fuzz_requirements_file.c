/* SPDX-License-Identifier: Apache-2.0 */
#include "python/requirements_file.h"

#include <stdint.h>
#include <stdlib.h>

static const char *variable(void *ctx, const char *name)
{
    (void)ctx;
    return name[0] == 'A' ? "${A} -r 'x' # \\" : name[0] == 'B' ? "" : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct text bytes = {(const char *)data, size};
    struct requirements_lines lines = {0};
    unsigned last = 1;
    if (requirements_file_parse(&a, bytes, variable, NULL, &lines, NULL) == 0)
        array_each (&lines, line) {
            if (line->line < last || !line->text || !line->name || !line->value || !line->options)
                abort();
            if (line->kind == LINE_OPTION && !line->name[0])
                abort();
            last = line->line;
        }
    array_free(&lines);
    return 0;
}
