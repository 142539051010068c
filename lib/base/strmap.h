/* SPDX-License-Identifier: Apache-2.0 */
/* A hash map from strings to pointers. Keys are copied into the map; values are the caller's. */
#pragma once
#include "base/memory.h"
#include "base/text.h"

struct strmap_entry {
    struct text key; /* NUL-terminated as well */
    void *value;
};

struct strmap {
    struct arena keys;
    struct strmap_entry *slots;
    size_t count, room;
};

#define STRMAP_INIT                                                                                          \
    {                                                                                                        \
        0                                                                                                    \
    }
#define cleanup_strmap __attribute__((cleanup(strmap_free)))

/* NULL when the key is not there (or its value is NULL). */
void *strmap_get(const struct strmap *m, struct text key);
/* The place of the key's value, made with a NULL value when the key is new; valid until the next
 * strmap_place. */
void **strmap_place(struct strmap *m, struct text key);
void strmap_free(struct strmap *m);
