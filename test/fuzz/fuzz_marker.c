/* SPDX-License-Identifier: Apache-2.0 */
#include "python/marker.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    static const struct marker_environment env = {
        "cpython", "3.13.0", "posix", "x86_64", "6.1.0", "Linux", "#1", "3.13.0+", "CPython", "3.13", "linux",
    };
    struct marker *m, *again;
    if (marker_parse(&a, (struct text){(const char *)data, size}, &m, &err) < 0)
        return 0;
    bool holds = marker_evaluate(m, &env, "test");
    /* A marker as it is printed means the same. */
    char *text = marker_text(&a, m);
    if (marker_parse(&a, text_of(text), &again, &err) < 0 || strcmp(text, marker_text(&a, again)) != 0)
        abort();
    if (marker_evaluate(again, &env, "test") != holds || marker_uses_extra(m) != marker_uses_extra(again))
        abort();
    return 0;
}
