/* SPDX-License-Identifier: Apache-2.0 */
#include "python/metadata.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct text bytes = {(const char *)data, size}, name;
    struct metadata m;
    if (metadata_parse(&a, bytes, &m, NULL) == 0) {
        if (!m.name || !m.normalized || !m.version.text || !m.metadata_version)
            abort();
        if (!headers_get(bytes, "NAME", &name) || !text_is(name, m.name))
            abort();
        for (size_t i = 0; i < m.requires_count; i++)
            if (!m.requires_dist[i].name)
                abort();
        for (size_t i = 0; i < m.extra_count; i++)
            if (!*m.provides_extra[i])
                abort();
    }
    return 0;
}
