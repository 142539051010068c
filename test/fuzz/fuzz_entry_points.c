/* SPDX-License-Identifier: Apache-2.0 */
#include "python/entry_points.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct entry_points points;
    if (entry_points_parse(&a, (struct text){(const char *)data, size}, &points, NULL) < 0)
        return 0;
    for (size_t i = 0; i < points.count; i++) {
        const struct entry_point *e = &points.items[i];
        if (!e->group || !*e->name || !e->module || !e->attribute)
            abort();
        if (strcmp(e->group, "console_scripts") == 0 && (!*e->module || strpbrk(e->module, " ;()'\"\n")))
            abort(); /* this would be written into a program */
    }
    return 0;
}
