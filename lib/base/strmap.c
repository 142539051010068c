/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strmap.h"

#include <stdint.h>
#include <stdlib.h>

static uint64_t hash(struct text key)
{
    uint64_t h = 14695981039346656037ULL; /* FNV-1a */
    for (size_t i = 0; i < key.len; i++)
        h = (h ^ (unsigned char)key.ptr[i]) * 1099511628211ULL;
    return h ^ (h >> 29);
}

static struct strmap_entry *find(const struct strmap *m, struct text key)
{
    size_t mask = m->room - 1;
    for (size_t i = hash(key) & mask;; i = (i + 1) & mask) {
        struct strmap_entry *e = &m->slots[i];
        if (!e->key.ptr || text_eq(e->key, key))
            return e;
    }
}

void *strmap_get(const struct strmap *m, struct text key)
{
    return m->room ? find(m, key)->value : NULL;
}

static void grow(struct strmap *m)
{
    struct strmap old = *m;
    m->room = old.room ? old.room * 2 : 16;
    m->slots = xcalloc(m->room, sizeof *m->slots);
    for (size_t i = 0; i < old.room; i++)
        if (old.slots[i].key.ptr)
            *find(m, old.slots[i].key) = old.slots[i];
    free(old.slots);
}

void **strmap_place(struct strmap *m, struct text key)
{
    if ((m->count + 1) * 4 > m->room * 3)
        grow(m);
    struct strmap_entry *e = find(m, key);
    if (!e->key.ptr) {
        e->key = (struct text){text_dup(&m->keys, key), key.len};
        m->count++;
    }
    return &e->value;
}

void strmap_free(struct strmap *m)
{
    free(m->slots);
    arena_free(&m->keys);
    *m = (struct strmap)STRMAP_INIT;
}
