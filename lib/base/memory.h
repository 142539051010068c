/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one allocator: running out of memory is handled here (a sentence on stderr, exit status 3) and nowhere
 * else. Arenas hold what lives and dies together; they are named after what lives in them.
 */
#pragma once
#include <stdarg.h>
#include <stddef.h>

void *xmalloc(size_t size) __attribute__((returns_nonnull));
void *xcalloc(size_t count, size_t size) __attribute__((returns_nonnull));
/* As reallocarray(3): the multiplication is checked. */
void *xreallocarray(void *p, size_t count, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((returns_nonnull));
char *xstrndup(const char *s, size_t n) __attribute__((returns_nonnull));
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *xvasprintf(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

struct arena_block;
struct arena {
    struct arena_block *head;
    char *at;
    char *end;
    size_t used; /* bytes handed out */
};

#define ARENA_INIT                                                                                           \
    {                                                                                                        \
        0                                                                                                    \
    }
#define cleanup_arena __attribute__((cleanup(arena_free)))

/* Memory from an arena is aligned for any type and zeroed. It is freed only with the arena. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((returns_nonnull));
/* As arena_alloc(count * size), the multiplication checked. */
void *arena_array(struct arena *a, size_t count, size_t size) __attribute__((returns_nonnull));
char *arena_strdup(struct arena *a, const char *s) __attribute__((returns_nonnull));
char *arena_strndup(struct arena *a, const char *s, size_t n) __attribute__((returns_nonnull));
char *arena_printf(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), returns_nonnull));
/* arena_concat(a, "lib/", name): what arena_printf does with nothing but %s, at a fifth of its price. */
char *arena_concat_all(struct arena *a, const char *const *parts, size_t count)
    __attribute__((returns_nonnull));
#define arena_concat(a, ...)                                                                                 \
    arena_concat_all((a), (const char *const[]){__VA_ARGS__},                                                \
                     sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))
void arena_free(struct arena *a);
/* What `from` holds belongs to `a` from now on; `from` is empty then. */
void arena_absorb(struct arena *a, struct arena *from);

#define arena_new(a, type) ((type *)arena_alloc((a), sizeof(type)))
