/* SPDX-License-Identifier: Apache-2.0 */
/* A resolve_source in memory: packages are added one by one, candidates come newest first, what is installed
 * before the others. */
#pragma once
#include "base/array.h"
#include "base/strmap.h"
#include "resolve/solver.h"

struct fake_candidate {
    struct candidate candidate;
    struct strmap needs; /* struct fake_needs, by extra; "" for none */
    const char *unreadable;
};

struct fake_needs {
    struct ARRAY(struct requirement) items;
    const char *note;
    struct dependencies list;
};

struct fake_project {
    struct ARRAY(struct fake_candidate *) all;
    const char *absent;
    struct strmap urls;      /* known ones */
    struct candidates *list; /* NULL: to be made, as it is anew when a URL becomes known */
};

struct fake_source {
    struct arena arena;
    struct strmap projects;
    struct strmap broken_urls; /* why, by "NAME @ URL" */
    struct resolve_source source;
    size_t asked; /* calls of dependencies */
};

static inline struct fake_project *fake_project(struct fake_source *s, const char *name)
{
    void **place = strmap_place(&s->projects, text_of(name));
    if (!*place)
        *place = arena_new(&s->arena, struct fake_project);
    return *place;
}

static inline struct fake_candidate *fake_add(struct fake_source *s, const char *name, const char *version,
                                              enum candidate_origin origin)
{
    struct fake_candidate *c = arena_new(&s->arena, struct fake_candidate);
    cleanup_err struct err err = ERR_INIT;
    if (version_parse(&s->arena, text_of(version), &c->candidate.version, &err) < 0)
        fail_msg("%s", err.text);
    c->candidate.origin = origin;
    c->candidate.data = c;
    array_push(&fake_project(s, name)->all, c);
    return c;
}

static inline void fake_require(struct fake_source *s, struct fake_candidate *c, const char *extra,
                                const char *text)
{
    void **place = strmap_place(&c->needs, text_of(extra));
    if (!*place)
        *place = arena_new(&s->arena, struct fake_needs);
    struct fake_needs *n = *place;
    struct requirement r;
    cleanup_err struct err err = ERR_INIT;
    if (text && requirement_parse(&s->arena, text_of(text), &r, &err) < 0)
        fail_msg("%s", err.text);
    if (text)
        array_push(&n->items, r);
}

static int fake_preference(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if ((x->origin == CANDIDATE_INSTALLED) != (y->origin == CANDIDATE_INSTALLED))
        return x->origin == CANDIDATE_INSTALLED ? -1 : 1;
    return version_cmp(&y->version, &x->version);
}

static void fake_list(struct fake_source *s, struct fake_project *p)
{
    struct candidates *list = p->list = arena_new(&s->arena, struct candidates);
    bool base = false;
    array_each (&p->all, c)
        base = base || (*c)->candidate.origin == CANDIDATE_BASE;
    list->items = arena_array(&s->arena, p->all.count, sizeof *list->items);
    array_each (&p->all, c) {
        const struct candidate *k = &(*c)->candidate;
        if (base ? k->origin == CANDIDATE_BASE
                 : k->origin != CANDIDATE_DIRECT || strmap_get(&p->urls, text_of(k->url)))
            list->items[list->count++] = *k;
    }
    qsort(list->items, list->count, sizeof *list->items, fake_preference);
    list->absent = list->count ? NULL : "no index has a distribution of that name";
}

static int fake_candidates(void *ctx, const char *name, const struct candidates **out, struct err *err)
{
    struct fake_source *s = ctx;
    struct fake_project *p = strmap_get(&s->projects, text_of(name));
    if (!p || p->absent)
        return err_set(err, ERR_NOT_FOUND, "%s", p ? p->absent : "no index has a distribution of that name");
    if (!p->list)
        fake_list(s, p);
    *out = p->list;
    return 0;
}

static int fake_dependencies(void *ctx, const char *name, const struct candidate *c, const char *extra,
                             const struct dependencies **out, struct err *err)
{
    struct fake_source *s = ctx;
    struct fake_candidate *f = c->data;
    s->asked++;
    if (f->unreadable)
        return err_set(err, ERR_INPUT, "%s", f->unreadable);
    void **place = strmap_place(&f->needs, text_of(extra ? extra : ""));
    if (!*place) {
        struct fake_needs *none = *place = arena_new(&s->arena, struct fake_needs);
        if (extra)
            none->note = arena_printf(&s->arena, "%s %s has no extra %s", name, c->version.text, extra);
    }
    struct fake_needs *n = *place;
    n->list = (struct dependencies){n->items.items, n->items.count, n->note};
    *out = &n->list;
    return 0;
}

static int fake_direct(void *ctx, const char *name, const char *url, struct err *err)
{
    struct fake_source *s = ctx;
    const char *broken = strmap_get(&s->broken_urls, text_of(arena_printf(&s->arena, "%s @ %s", name, url)));
    if (broken)
        return err_set(err, ERR_UNAVAILABLE, "%s", broken);
    struct fake_project *p = fake_project(s, name);
    *strmap_place(&p->urls, text_of(url)) = p;
    p->list = NULL;
    return 0;
}

static inline void fake_open(struct fake_source *s)
{
    *s = (struct fake_source){0};
    s->source = (struct resolve_source){
        .ctx = s, .candidates = fake_candidates, .dependencies = fake_dependencies, .direct = fake_direct};
}

static inline void fake_close(struct fake_source *s)
{
    for (size_t i = 0; i < s->projects.room; i++) {
        struct fake_project *p = s->projects.slots[i].value;
        if (!p)
            continue;
        array_each (&p->all, c) {
            for (size_t k = 0; k < (*c)->needs.room; k++) {
                struct fake_needs *n = (*c)->needs.slots[k].value;
                if (n)
                    array_free(&n->items);
            }
            strmap_free(&(*c)->needs);
        }
        array_free(&p->all);
        strmap_free(&p->urls);
    }
    strmap_free(&s->projects);
    strmap_free(&s->broken_urls);
    arena_free(&s->arena);
}
