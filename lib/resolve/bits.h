/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets over the choices that a variable of the solver has, as bits in words. Bit 0 is "not chosen at all",
 * bit i+1 is candidate i: so a term and its negation are both plain sets, and all of PubGrub's questions
 * about terms are the three comparisons below.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t bits;

enum { BIT_NONE = 0 };

static inline size_t bits_words(size_t candidates)
{
    return candidates / 64 + 1;
}

static inline size_t bit_of(size_t candidate)
{
    return candidate + 1;
}

static inline bool bits_has(const bits *s, size_t bit)
{
    return s[bit / 64] >> (bit % 64) & 1;
}

static inline void bits_put(bits *s, size_t bit)
{
    s[bit / 64] |= (bits)1 << (bit % 64);
}

static inline void bits_drop(bits *s, size_t bit)
{
    s[bit / 64] &= ~((bits)1 << (bit % 64));
}

static inline bool bits_subset(const bits *s, const bits *of, size_t words)
{
    for (size_t i = 0; i < words; i++)
        if (s[i] & ~of[i])
            return false;
    return true;
}

static inline bool bits_disjoint(const bits *a, const bits *b, size_t words)
{
    for (size_t i = 0; i < words; i++)
        if (a[i] & b[i])
            return false;
    return true;
}

static inline bool bits_equal(const bits *a, const bits *b, size_t words)
{
    for (size_t i = 0; i < words; i++)
        if (a[i] != b[i])
            return false;
    return true;
}

static inline bool bits_empty(const bits *s, size_t words)
{
    for (size_t i = 0; i < words; i++)
        if (s[i])
            return false;
    return true;
}

static inline void bits_copy(bits *to, const bits *from, size_t words)
{
    for (size_t i = 0; i < words; i++)
        to[i] = from[i];
}

static inline void bits_add(bits *to, const bits *more, size_t words)
{
    for (size_t i = 0; i < words; i++)
        to[i] |= more[i];
}

static inline void bits_keep(bits *to, const bits *only, size_t words)
{
    for (size_t i = 0; i < words; i++)
        to[i] &= only[i];
}

static inline void bits_remove(bits *from, const bits *what, size_t words)
{
    for (size_t i = 0; i < words; i++)
        from[i] &= ~what[i];
}

/* Candidates alone: bit 0 is not counted. */
static inline size_t bits_count(const bits *s, size_t words)
{
    size_t n = 0;
    for (size_t i = 0; i < words; i++)
        n += (size_t)__builtin_popcountll(i ? s[i] : s[i] & ~(bits)1);
    return n;
}

/* The first candidate at or after `from`, or SIZE_MAX. */
static inline size_t bits_next(const bits *s, size_t words, size_t from)
{
    size_t bit = bit_of(from), i = bit / 64;
    if (i >= words)
        return SIZE_MAX;
    bits w = s[i] & ~(bits)0 << (bit % 64);
    while (!w)
        if (++i >= words)
            return SIZE_MAX;
        else
            w = s[i];
    return i * 64 + (size_t)__builtin_ctzll(w) - 1;
}

#define bits_each(s, words, candidate)                                                                       \
    for (size_t candidate = bits_next((s), (words), 0); candidate != SIZE_MAX;                               \
         candidate = bits_next((s), (words), candidate + 1))
