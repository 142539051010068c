/* SPDX-License-Identifier: Apache-2.0 */
#include "resolve/asked.h"

struct walk {
    const struct solve *solve;
    bool *needed;
    struct ARRAY(unsigned) todo;
};

static void need(struct walk *w, unsigned package)
{
    if (!w->needed[package])
        array_push(&w->todo, package);
    w->needed[package] = true;
}

static void need_roots(struct walk *w)
{
    const struct solve *s = w->solve;
    for (size_t i = 0; i < s->chosen_count; i++) {
        const struct requirement *r = s->roots[s->chosen[i]].requirement;
        need(w, solve_find(s, r->name, NULL));
        for (size_t k = 0; k < r->extra_count; k++)
            need(w, solve_find(s, r->name, r->extras[k]));
    }
}

static void need_required(struct walk *w, unsigned package)
{
    const struct package *p = &w->solve->packages.items[package];
    const struct expansion *x = p->expansions[solve_choice(w->solve, p->owner)];
    for (size_t i = 0; i < x->count; i++) {
        need(w, x->items[i]->target);
        need(w, w->solve->packages.items[x->items[i]->target].owner);
    }
}

static bool is_asked(const struct solve *s, const bool *needed, unsigned package)
{
    const struct package *p = &s->packages.items[package];
    size_t bit = bit_of(solve_choice(s, package));
    if (!bits_has(p->project->guarded, bit) || bits_has(p->asked, bit))
        return true;
    array_each (&p->demands, d)
        if (d->package != package && bits_has(d->asks, bit) && needed[d->package] &&
            solve_choice(s, d->package) == d->candidate && (d->extra == NO_PACKAGE || needed[d->extra]))
            return true;
    return false;
}

unsigned asked_by_none(const struct solve *s, bool *needed)
{
    struct walk w = {.solve = s, .needed = needed};
    need_roots(&w);
    for (size_t i = 0; i < w.todo.count; i++)
        need_required(&w, w.todo.items[i]);
    unsigned unasked = NO_PACKAGE;
    array_each (&w.todo, package)
        if (unasked == NO_PACKAGE && !s->packages.items[*package].extra && !is_asked(s, needed, *package))
            unasked = *package;
    array_free(&w.todo);
    return unasked;
}
