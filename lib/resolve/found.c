/* SPDX-License-Identifier: Apache-2.0 */
#include "resolve/found.h"

#include <stdlib.h>

struct walk {
    struct solve *solve;
    struct arena *arena;
    struct ARRAY(unsigned) reached; /* packages and extras, each once, in the order of their mention */
    bool *seen;
    struct strings *requires; /* by package */
    struct strings notes;
    struct strmap noted;
};

static void note(struct walk *w, const char *text)
{
    void **place = strmap_place(&w->noted, text_of(text));
    if (!*place)
        array_push(&w->notes, arena_strdup(w->arena, text));
    *place = w;
}

/* A requirement that the base does not meet, in a solve that lets that pass. */
static void note_tolerated(struct walk *w, const char *who, const struct requirement *r)
{
    struct project *p = w->solve->packages.items[solve_find(w->solve, r->name, NULL)].project;
    if (!p->base)
        return;
    const struct meets *m = universe_meets(w->solve->universe, p, r);
    if (bits_has(m->in, bit_of((size_t)(p->base - p->list->items))))
        return;
    note(w, arena_printf(w->arena, "%s %s%s%s, but LocalStack itself has %s %s, which is used all the same",
                         who, r->name, r->url ? " @ " : "", r->url ? r->url : r->specifiers.text, p->name,
                         p->base->version.text));
}

static void reach(struct walk *w, const struct requirement *r)
{
    for (size_t i = 0; i <= r->extra_count; i++) {
        unsigned package = solve_find(w->solve, r->name, i ? r->extras[i - 1] : NULL);
        if (!w->seen[package])
            array_push(&w->reached, package);
        w->seen[package] = true;
    }
}

static void follow(struct walk *w, unsigned package)
{
    const struct package *p = &w->solve->packages.items[package];
    size_t candidate = solve_choice(w->solve, p->owner);
    const struct dependencies *list = p->expansions[candidate]->needs->list;
    if (list->note)
        note(w, list->note);
    for (size_t i = 0; i < list->count; i++) {
        const struct requirement *r = &list->items[i];
        char *name = arena_strdup(w->arena, r->name);
        array_push(&w->requires[p->owner], name);
        reach(w, r);
        note_tolerated(w,
                       arena_printf(w->arena, "%s %s requires", p->project->name,
                                    p->project->list->items[candidate].version.text),
                       r);
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct resolved *)a)->name, ((const struct resolved *)b)->name);
}

/* Sorted, each once, in the arena. */
static char **as_list(struct arena *a, const struct strings *s, size_t *count)
{
    char **list = arena_array(a, s->count, sizeof *list);
    *count = 0;
    if (s->count)
        qsort(s->items, s->count, sizeof *s->items, by_text);
    for (size_t i = 0; i < s->count; i++)
        if (!*count || strcmp(list[*count - 1], s->items[i]) != 0)
            list[(*count)++] = s->items[i];
    return list;
}

static struct resolved resolved_of(struct walk *w, unsigned package)
{
    struct solve *s = w->solve;
    const struct package *p = &s->packages.items[package];
    struct resolved r = {
        .name = arena_strdup(w->arena, p->project->name),
        .candidate = &p->project->list->items[solve_choice(s, package)],
        .requested = p->root != SIZE_MAX,
    };
    cleanup_strings struct strings extras = {0};
    array_each (&p->extras, extra)
        if (w->seen[*extra])
            array_push(&extras, arena_strdup(w->arena, s->packages.items[*extra].extra));
    r.extras = as_list(w->arena, &extras, &r.extra_count);
    r.requires = as_list(w->arena, &w->requires[package], &r.require_count);
    return r;
}

void found(struct arena *a, struct solve *s, struct resolution *out)
{
    struct walk w = {.solve = s, .arena = a};
    w.seen = xcalloc(s->packages.count, sizeof *w.seen);
    w.requires = xcalloc(s->packages.count, sizeof *w.requires);
    array_each (&s->notes, text)
        note(&w, *text);
    for (size_t i = 0; i < s->chosen_count; i++) {
        const struct resolve_root *root = &s->roots[s->chosen[i]];
        reach(&w, root->requirement);
        note_tolerated(&w, arena_printf(a, "%s asks for", root->from), root->requirement);
    }
    for (size_t i = 0; i < w.reached.count; i++)
        follow(&w, w.reached.items[i]);
    out->items = arena_array(a, w.reached.count, sizeof *out->items);
    out->count = 0;
    array_each (&w.reached, package)
        if (!s->packages.items[*package].extra)
            out->items[out->count++] = resolved_of(&w, *package);
    if (out->count)
        qsort(out->items, out->count, sizeof *out->items, by_name);
    out->notes = arena_array(a, w.notes.count, sizeof *out->notes);
    out->note_count = w.notes.count;
    for (size_t i = 0; i < w.notes.count; i++)
        out->notes[i] = w.notes.items[i];
    for (size_t i = 0; i < s->packages.count; i++)
        array_free(&w.requires[i]);
    free(w.requires);
    free(w.seen);
    array_free(&w.reached);
    array_free(&w.notes);
    strmap_free(&w.noted);
}
