/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"

#include "base/log.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK_SIZE = 32 * 1024, ALIGNMENT = _Alignof(max_align_t) };

static _Noreturn void out_of_memory(void)
{
    log_emergency("out of memory; give the container more, or ask for less at once");
    _exit(3);
}

void *xmalloc(size_t size)
{
    void *p = malloc(size ? size : 1);
    if (!p)
        out_of_memory();
    return p;
}

void *xcalloc(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size ? size : 1);
    if (!p)
        out_of_memory();
    return p;
}

void *xreallocarray(void *p, size_t count, size_t size)
{
    void *q = reallocarray(p, count ? count : 1, size ? size : 1);
    if (!q)
        out_of_memory();
    return q;
}

char *xstrdup(const char *s)
{
    return xstrndup(s, strlen(s));
}

char *xstrndup(const char *s, size_t n)
{
    n = strnlen(s, n);
    char *copy = xmalloc(n + 1);
    memcpy(copy, s, n);
    copy[n] = 0;
    return copy;
}

char *xvasprintf(const char *fmt, va_list ap)
{
    char *s;
    if (vasprintf(&s, fmt, ap) < 0)
        out_of_memory();
    return s;
}

char *xasprintf(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *s = xvasprintf(fmt, ap);
    va_end(ap);
    return s;
}

struct arena_block {
    struct arena_block *next;
    _Alignas(max_align_t) char data[];
};

/* A large piece gets a block of its own behind the current one, whose rest stays in use. */
static void *own_block(struct arena *a, size_t size)
{
    struct arena_block *block = xcalloc(1, sizeof *block + size);
    struct arena_block **place = a->head ? &a->head->next : &a->head;
    block->next = *place;
    *place = block;
    return block->data;
}

void *arena_alloc(struct arena *a, size_t size)
{
    if (size > SIZE_MAX / 2)
        out_of_memory();
    size = (size + !size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; /* never NULL, not even for nothing */
    a->used += size;
    if (size > (size_t)(a->end - a->at)) {
        if (size > BLOCK_SIZE / 4)
            return own_block(a, size);
        struct arena_block *block = xmalloc(sizeof *block + BLOCK_SIZE);
        block->next = a->head;
        a->head = block;
        a->at = block->data;
        a->end = block->data + BLOCK_SIZE;
    }
    /* Only what is handed out is zeroed: most arenas are short-lived, and use little of a block. */
    void *p = memset(a->at, 0, size);
    a->at += size;
    return p;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        out_of_memory();
    return arena_alloc(a, total);
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
    n = strnlen(s, n);
    char *copy = arena_alloc(a, n + 1);
    memcpy(copy, s, n);
    return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return arena_strndup(a, s, strlen(s));
}

char *arena_concat_all(struct arena *a, const char *const *parts, size_t count)
{
    size_t size = 1;
    for (size_t i = 0; i < count; i++)
        size += strlen(parts[i]);
    char *s = arena_alloc(a, size), *at = s;
    for (size_t i = 0; i < count; i++)
        at = stpcpy(at, parts[i]);
    return s;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    char most[256];
    va_start(ap, fmt);
    int n = vsnprintf(most, sizeof most, fmt, ap);
    va_end(ap);
    if (n < 0)
        out_of_memory();
    if ((size_t)n < sizeof most)
        return arena_strndup(a, most, (size_t)n);
    char *s = arena_alloc(a, (size_t)n + 1);
    va_start(ap, fmt);
    vsnprintf(s, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return s;
}

void arena_free(struct arena *a)
{
    for (struct arena_block *b = a->head, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    *a = (struct arena)ARENA_INIT;
}

/* Behind a's current block, whose rest stays in use. */
void arena_absorb(struct arena *a, struct arena *from)
{
    struct arena_block **place = a->head ? &a->head->next : &a->head, *rest = *place;
    *place = from->head;
    while (*place)
        place = &(*place)->next;
    *place = rest;
    *from = (struct arena)ARENA_INIT;
}
