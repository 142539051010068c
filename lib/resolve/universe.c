/* SPDX-License-Identifier: Apache-2.0 */
#include "resolve/universe.h"

#include <stdlib.h>

void universe_free(struct universe *u)
{
    for (struct project *p = u->all; p; p = p->next) {
        strmap_free(&p->meets);
        strmap_free(&p->extras);
        free(p->order->items);
    }
    strmap_free(&u->projects);
    strmap_free(&u->urls);
    arena_free(&u->arena);
}

/* A fact about what was asked for, unlike a full disk or a signal. */
static bool is_fact(const struct err *err)
{
    return err->kind == ERR_NOT_FOUND || err->kind == ERR_INPUT || err->kind == ERR_UNAVAILABLE;
}

void universe_prefetch(struct universe *u, const char *name)
{
    if (u->source->prefetch && !strmap_get(&u->projects, text_of(name)))
        u->source->prefetch(u->source->ctx, name);
}

static bits *project_set(struct universe *u, const struct project *p)
{
    return arena_array(&u->arena, p->words, sizeof(bits));
}

static void sort_out(struct universe *u, struct project *p)
{
    p->words = bits_words(p->list->count);
    p->excluded = project_set(u, p);
    p->prerelease = project_set(u, p);
    p->yanked = project_set(u, p);
    p->direct = project_set(u, p);
    p->guarded = project_set(u, p);
    p->needs = arena_array(&u->arena, p->list->count, sizeof *p->needs);
    p->order = arena_new(&u->arena, struct order);
    for (size_t i = 0; i < p->list->count; i++) {
        const struct candidate *c = &p->list->items[i];
        if (c->origin == CANDIDATE_BASE && !p->base)
            p->base = c;
        if (c->excluded)
            bits_put(p->excluded, bit_of(i));
        if (c->version.is_pre && c->origin == CANDIDATE_INDEX && !c->named && !u->source->allow_prereleases)
            bits_put(p->prerelease, bit_of(i));
        if (c->yanked)
            bits_put(p->yanked, bit_of(i));
        if (c->origin == CANDIDATE_DIRECT && !c->named)
            bits_put(p->direct, bit_of(i));
    }
    bits_add(p->guarded, p->prerelease, p->words);
    bits_add(p->guarded, p->yanked, p->words);
    bits_add(p->guarded, p->direct, p->words);
}

int universe_project(struct universe *u, const char *name, struct project **out, struct err *err)
{
    void **place = strmap_place(&u->projects, text_of(name));
    *out = *place;
    if (*out)
        return 0;
    struct project *p = arena_new(&u->arena, struct project);
    cleanup_err struct err e = ERR_INIT;
    if (u->source->candidates(u->source->ctx, name, &p->list, &e) < 0) {
        if (!is_fact(&e))
            return err_move(err, &e);
        struct candidates *none = arena_new(&u->arena, struct candidates);
        none->absent = arena_strdup(&u->arena, e.text);
        p->list = none;
    }
    p->name = arena_strdup(&u->arena, name);
    sort_out(u, p);
    p->next = u->all;
    u->all = p;
    *out = p;
    /* The source may not have called back into us, but the map may have grown all the same. */
    *strmap_place(&u->projects, text_of(name)) = p;
    return 0;
}

static struct text url_key(struct universe *u, const char *name, const char *url)
{
    return text_of(arena_printf(&u->arena, "%s @ %s", name, url));
}

int universe_direct(struct universe *u, const char *name, const char *url, struct err *err)
{
    void **place = strmap_place(&u->urls, url_key(u, name, url));
    if (*place)
        return 0;
    struct direct_reference *d = *place = arena_new(&u->arena, struct direct_reference);
    cleanup_err struct err e = ERR_INIT;
    if (u->source->direct(u->source->ctx, name, url, &e) < 0) {
        if (!is_fact(&e))
            return err_move(err, &e);
        d->failure = arena_strdup(&u->arena, e.text);
        return 0;
    }
    void **project = strmap_place(&u->projects, text_of(name));
    *project = NULL;
    return 0;
}

const char *universe_direct_failure(const struct universe *u, const char *name, const char *url)
{
    cleanup_buf struct buf key = BUF_INIT;
    buf_printf(&key, "%s @ %s", name, url);
    const struct direct_reference *d = strmap_get(&u->urls, buf_view(&key));
    return d ? d->failure : NULL;
}

/* == without a wildcard, or ===, among the specifiers. */
static bool pins_exactly(const struct specifier_set *set)
{
    struct text rest = text_of(set->text), piece;
    while (text_cut(&rest, ',', &piece))
        if (text_starts(piece, T("===")) || (text_starts(piece, T("==")) && !text_ends(piece, T(".*"))))
            return true;
    return false;
}

static bool met_by(const struct requirement *r, const struct candidate *c)
{
    if (r->url)
        return c->url && strcmp(c->url, r->url) == 0;
    return specifier_set_contains(&r->specifiers, &c->version);
}

bool universe_only_prereleases(const struct project *p, const bits *in)
{
    bits_each(in, p->words, i)
    {
        const struct candidate *c = &p->list->items[i];
        if (!c->version.is_pre && !c->excluded && c->origin != CANDIDATE_DIRECT)
            return false;
    }
    return true;
}

const struct meets *universe_meets(struct universe *u, struct project *p, const struct requirement *r)
{
    const char *key = r->url ? arena_printf(&u->arena, "@ %s", r->url) : r->specifiers.text;
    void **place = strmap_place(&p->meets, text_of(key));
    if (*place)
        return *place;
    struct meets *m = *place = arena_new(&u->arena, struct meets);
    bits *in = project_set(u, p), *out = project_set(u, p), *asks = project_set(u, p);
    bits_put(out, BIT_NONE);
    for (size_t i = 0; i < p->list->count; i++)
        bits_put(met_by(r, &p->list->items[i]) ? in : out, bit_of(i));
    m->in = in;
    m->out = out;
    m->asks = asks;
    m->asks_yanked = !r->url && pins_exactly(&r->specifiers);
    m->asks_prerelease = !r->url && (r->specifiers.names_prerelease || universe_only_prereleases(p, in));
    bits_each(in, p->words, i)
    {
        size_t bit = bit_of(i);
        bool asked = bits_has(p->guarded, bit) && (m->asks_prerelease || !bits_has(p->prerelease, bit)) &&
                     (m->asks_yanked || !bits_has(p->yanked, bit)) && (r->url || !bits_has(p->direct, bit));
        if (asked)
            bits_put(asks, bit);
        m->asks_any = m->asks_any || asked;
    }
    return m;
}

const struct meets *universe_meets_only(struct universe *u, struct project *p, const struct meets *all,
                                        const void *only)
{
    struct meets *m = arena_new(&u->arena, struct meets);
    bits *in = project_set(u, p), *out = project_set(u, p), *asks = project_set(u, p);
    bits_copy(in, all->in, p->words);
    bits_copy(out, all->out, p->words);
    bits *sure = project_set(u, p);
    bits_each(all->in, p->words, i)
    {
        enum acceptance a = u->source->accepts(u->source->ctx, only, &p->list->items[i]);
        if (a == ACCEPT && !p->list->items[i].excluded)
            bits_put(sure, bit_of(i));
        if (a == REFUSE)
            bits_drop(in, bit_of(i));
    }
    if (!bits_empty(sure, p->words))
        bits_keep(in, sure, p->words);
    bits_add(out, all->in, p->words);
    bits_remove(out, in, p->words);
    bits_copy(asks, all->asks, p->words);
    bits_keep(asks, in, p->words);
    *m = *all;
    m->in = in;
    m->out = out;
    m->asks = asks;
    m->asks_any = !bits_empty(asks, p->words);
    return m;
}

const struct meets *universe_meets_base(struct universe *u, struct project *p)
{
    struct meets *m = arena_new(&u->arena, struct meets);
    bits *in = project_set(u, p), *out = project_set(u, p);
    for (size_t bit = 0; bit <= p->list->count; bit++)
        bits_put(out, bit);
    size_t base = bit_of((size_t)(p->base - p->list->items));
    bits_put(in, base);
    bits_drop(out, base);
    m->in = in;
    m->out = out;
    m->asks = project_set(u, p);
    return m;
}

int universe_needs(struct universe *u, struct project *p, size_t candidate, const char *extra,
                   const struct needs **out, struct err *err)
{
    struct needs *needs = p->needs;
    if (extra) {
        void **place = strmap_place(&p->extras, text_of(extra));
        if (!*place)
            *place = arena_array(&u->arena, p->list->count, sizeof *needs);
        needs = *place;
    }
    needs += candidate;
    *out = needs;
    if (needs->list || needs->failure)
        return 0;
    const struct candidate *c = &p->list->items[candidate];
    cleanup_err struct err e = ERR_INIT;
    if (u->source->dependencies(u->source->ctx, p->name, c, extra, &needs->list, &e) == 0)
        return 0;
    if (!is_fact(&e))
        return err_move(err, &e);
    needs->list = NULL;
    needs->failure = arena_strdup(&u->arena, e.text);
    return 0;
}

const char *universe_passed_over(struct universe *u, const struct project *p, size_t candidate, bits *set)
{
    const struct resolve_source *source = u->source;
    const char *why =
        source->passes_over ? source->passes_over(source->ctx, p->name, &p->list->items[candidate]) : NULL;
    for (size_t i = 0; why && i < p->list->count; i++)
        if (!p->needs[i].list && !p->needs[i].failure &&
            source->passes_over(source->ctx, p->name, &p->list->items[i]))
            bits_put(set, bit_of(i));
    return why;
}
