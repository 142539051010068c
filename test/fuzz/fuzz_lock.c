/* SPDX-License-Identifier: Apache-2.0 */
#include "python/lock.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct marker_environment environment = {
    "cpython", "3.13.0", "posix", "x86_64", "6.1", "Linux", "#1", "3.13.0", "CPython", "3.13", "linux"};

static const struct tag_environment tag_environment = {
    .implementation = "cpython", .major = 3, .minor = 13, .soabi = "", .platform = "linux-x86_64"};

/* Whatever may be installed has a name, a place and a digest that proves something. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct lock_selection selection cleanup_lock_selection = {0};
    struct lock lock;
    static struct arena kept; /* making tags costs more than all the rest */
    static struct version python;
    static struct lock_target target;
    if (!target.tags) {
        version_parse(&kept, T("3.13.0"), &python, NULL);
        target = (struct lock_target){&environment, &python, tags_make(&kept, &tag_environment)};
    }
    if (lock_parse(&a, text_dup(&a, (struct text){(const char *)data, size}), "FILE", &lock, &err) < 0) {
        if (err.kind != ERR_INPUT || strncmp(err.text, "FILE", 4) != 0)
            __builtin_trap();
        return 0;
    }
    lock_select(&a, &lock, &target, &selection);
    array_each (&selection.packages, p) {
        const char *reason = NULL;
        const struct lock_file *f = lock_source(&a, *p, &target, &reason);
        lock_requested(&lock, &selection, *p);
        if (f ? !f->hash_count || !*f->name || strchr(f->name, '/') || !(f->path || f->url) : !reason)
            __builtin_trap();
    }
    return 0;
}
