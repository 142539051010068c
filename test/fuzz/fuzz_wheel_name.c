/* SPDX-License-Identifier: Apache-2.0 */
#include "python/tags.h"
#include "python/wheel_name.h"

#include <stdint.h>
#include <stdlib.h>

static const struct tag_environment env = {.implementation = "cpython",
                                           .major = 3,
                                           .minor = 13,
                                           .platform = "linux-x86_64",
                                           .is_64bit = true,
                                           .glibc_major = 2,
                                           .glibc_minor = 17};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena kept;
    static const struct tags *tags;
    struct arena a cleanup_arena = ARENA_INIT;
    struct text file = {(const char *)data, size};
    struct wheel_name w;
    struct version v;
    if (!tags)
        tags = tags_make(&kept, &env);
    int rank = tags_rank(tags, file);
    if (rank >= (int)tags_count(tags))
        abort();
    if (wheel_name_parse(&a, file, &w, NULL) == 0) {
        if (!*w.name || strpbrk(w.name, "/_. \n") || strpbrk(w.tags, "/ \n") || wheel_build_cmp(&w, &w) != 0)
            abort();
        tags_rank(tags, text_of(w.tags));
    }
    sdist_name_parse(&a, file, "foo-bar", &v);
    return 0;
}
