/* SPDX-License-Identifier: Apache-2.0 */
#include "python/specifier.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct specifier_set set, again;
    struct version v;
    struct text version = {(const char *)data, size}, specifiers;
    text_cut(&version, '\n', &specifiers);
    if (specifier_set_parse(&a, specifiers, &set, &err) < 0)
        return 0;
    /* A set as it is written means the same. */
    if (specifier_set_parse(&a, text_of(set.text), &again, &err) < 0 || strcmp(set.text, again.text) != 0)
        abort();
    if (again.count > set.count || set.names_prerelease != again.names_prerelease)
        abort();
    if (specifier_set_contains_text(&set, version) != specifier_set_contains_text(&again, version))
        abort();
    if (version_parse(&a, version, &v, &err) == 0 &&
        specifier_set_contains(&set, &v) != specifier_set_contains_text(&set, text_of(v.text)))
        abort();
    return 0;
}
