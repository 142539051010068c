/* SPDX-License-Identifier: Apache-2.0 */
#include "resolve/ranges.h"

#include <stdlib.h>

/* More pieces than this are summed up. */
enum { MAX_PIECES = 4 };

bool candidate_is_plain(const struct project *p, size_t candidate)
{
    size_t bit = bit_of(candidate);
    return !bits_has(p->guarded, bit) && !bits_has(p->excluded, bit);
}

static int by_version(const void *a, const void *b)
{
    const struct candidate *x = *(const struct candidate *const *)a, *y = *(const struct candidate *const *)b;
    int order = version_cmp(&x->version, &y->version);
    return order ? order : x < y ? -1 : x > y;
}

/* Made once: what is said of many sets of thousands of candidates. */
static const struct candidate **sorted(const struct project *p)
{
    struct order *order = p->order;
    if (order->items)
        return order->items;
    order->items = xcalloc(p->list->count, sizeof *order->items);
    for (size_t i = 0; i < p->list->count; i++)
        order->items[i] = &p->list->items[i];
    if (p->list->count)
        qsort(order->items, p->list->count, sizeof *order->items, by_version);
    return order->items;
}

static size_t index_of(const struct project *p, const struct candidate *c)
{
    return (size_t)(c - p->list->items);
}

size_t versions_count(const struct project *p, const bits *set)
{
    const struct candidate **list = sorted(p), *last = NULL;
    size_t count = 0;
    for (size_t i = 0; i < p->list->count; i++)
        if (bits_has(set, bit_of(index_of(p, list[i])))) {
            count += !last || version_cmp(&last->version, &list[i]->version) != 0;
            last = list[i];
        }
    return count;
}

bool versions_are_all(const struct project *p, const bits *set)
{
    for (size_t i = 0; i < p->list->count; i++)
        if (candidate_is_plain(p, i) && !bits_has(set, bit_of(i)))
            return false;
    return true;
}

/* A run of versions without one in between that one could have had. */
struct piece {
    const struct candidate *first, *last;
    size_t count;
};

static void piece_text(struct buf *b, const struct piece *p)
{
    buf_str(b, p->first->version.text);
    if (p->count > 1)
        buf_printf(b, " %s %s", p->count == 2 ? "and" : "to", p->last->version.text);
    else if (p->first->origin == CANDIDATE_DIRECT && p->first->url)
        buf_printf(b, " from %s", p->first->url);
}

void versions_text(struct buf *b, const struct project *p, const bits *set)
{
    struct ARRAY(struct piece) pieces = {0};
    const struct candidate **list = sorted(p);
    bool open = false;
    for (size_t i = 0; i < p->list->count; i++) {
        size_t candidate = index_of(p, list[i]);
        if (!bits_has(set, bit_of(candidate))) {
            open = open && !candidate_is_plain(p, candidate);
            continue;
        }
        struct piece *last = open ? &pieces.items[pieces.count - 1] : NULL;
        if (!last) {
            array_push(&pieces, (struct piece){list[i], list[i], 1});
        } else if (version_cmp(&last->last->version, &list[i]->version) != 0) {
            last->last = list[i];
            last->count++;
        }
        open = true;
    }
    if (pieces.count > MAX_PIECES) {
        size_t count = 0;
        array_each (&pieces, piece)
            count += piece->count;
        buf_printf(b, "%s to %s (%zu of them)", pieces.items[0].first->version.text,
                   pieces.items[pieces.count - 1].last->version.text, count);
    } else {
        for (size_t i = 0; i < pieces.count; i++) {
            buf_str(b, i == 0                           ? ""
                       : i + 1 < pieces.count           ? ", "
                       : pieces.items[i - 1].count == 2 ? ", "
                                                        : " and ");
            piece_text(b, &pieces.items[i]);
        }
    }
    array_free(&pieces);
}

size_t newest_of(const struct project *p, const bits *set)
{
    size_t newest = SIZE_MAX;
    bits_each(set, p->words, i) if (newest == SIZE_MAX || version_cmp(&p->list->items[i].version,
                                                                      &p->list->items[newest].version) > 0)
        newest = i;
    return newest;
}

const struct candidate *newest_version(const struct project *p)
{
    const struct candidate *plain = NULL, *any = NULL;
    for (size_t i = 0; i < p->list->count; i++) {
        const struct candidate *c = &p->list->items[i];
        if (c->origin == CANDIDATE_DIRECT)
            continue;
        if (!any || version_cmp(&c->version, &any->version) > 0)
            any = c;
        if (candidate_is_plain(p, i) && (!plain || version_cmp(&c->version, &plain->version) > 0))
            plain = c;
    }
    return plain ? plain : any;
}
