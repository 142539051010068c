/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growable arrays of any type: struct NAME ARRAY(type). Zero-initialised is empty; array_free releases the
 * items' storage (not what they point to).
 */
#pragma once
#include "base/memory.h"

#include <stdlib.h>

#define ARRAY(type)                                                                                          \
    {                                                                                                        \
        type *items;                                                                                         \
        size_t count, room;                                                                                  \
    }

/* Appends a value; evaluates to a pointer to its place, valid until the next push. */
#define array_push(a, ...)                                                                                   \
    ({                                                                                                       \
        if ((a)->count == (a)->room) {                                                                       \
            (a)->room = (a)->room ? (a)->room * 2 : 8;                                                       \
            (a)->items = xreallocarray((a)->items, (a)->room, sizeof *(a)->items);                           \
        }                                                                                                    \
        (a)->items[(a)->count++] = (__VA_ARGS__);                                                            \
        &(a)->items[(a)->count - 1];                                                                         \
    })

#define array_each(a, item)                                                                                  \
    for (__typeof__((a)->items + 0) item = (a)->items; item && item < (a)->items + (a)->count; item++)

#define array_free(a)                                                                                        \
    do {                                                                                                     \
        free((a)->items);                                                                                    \
        (a)->items = NULL;                                                                                   \
        (a)->count = (a)->room = 0;                                                                          \
    } while (0)

struct strings ARRAY(char *); /* whose strings belong to an arena, unless said otherwise */

static inline void strings_free(struct strings *s)
{
    array_free(s);
}
#define cleanup_strings __attribute__((cleanup(strings_free)))
