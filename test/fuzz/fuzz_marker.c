/* SPDX-License-Identifier: Apache-2.0 */
#include "python/marker.h"

#include <stdint.h>
#include <stdlib.h>

static const struct marker_environment env = {
    "cpython", "3.13.0", "posix", "x86_64", "6.1.0", "Linux", "#1", "3.13.0+", "CPython", "3.13", "linux",
};

/* A marker as it is printed means the same. */
static void of_metadata(struct arena *a, struct text bytes)
{
    struct marker *m, *again;
    if (marker_parse(a, bytes, &m, NULL) < 0)
        return;
    char *text = marker_text(a, m);
    if (marker_parse(a, text_of(text), &again, NULL) < 0 || strcmp(text, marker_text(a, again)) != 0)
        abort();
    if (marker_evaluate(m, &env, "test") != marker_evaluate(again, &env, "test") ||
        marker_uses_extra(m) != marker_uses_extra(again))
        abort();
}

static void of_lock_file(struct arena *a, struct text bytes)
{
    static char extra[] = "test", group[] = "dev";
    static char *const extras[] = {extra}, *const groups[] = {group};
    static const struct marker_choice choice = {extras, 1, groups, 1};
    struct marker *m, *again;
    if (marker_parse_lock(a, bytes, &m, NULL) < 0)
        return;
    char *text = marker_text(a, m);
    if (marker_parse_lock(a, text_of(text), &again, NULL) < 0 || marker_uses_extra(m))
        abort();
    if (marker_evaluate_lock(m, &env, &choice) != marker_evaluate_lock(again, &env, &choice))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a cleanup_arena = ARENA_INIT;
    of_metadata(&a, (struct text){(const char *)data, size});
    of_lock_file(&a, (struct text){(const char *)data, size});
    return 0;
}
