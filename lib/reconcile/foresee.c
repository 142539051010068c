/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/foresee.h"

/* What no honest set of extensions comes near: an index could lead from name to name without end. */
enum { MOST = 2000 };

/* A requirement that is followed. */
struct step {
    const struct requirement *requirement;
    const struct candidate *candidate; /* once it is chosen: its metadata is on the way */
    bool done;
};

struct foresight {
    struct source *source;
    struct ARRAY(struct step) steps;
    struct strmap seen; /* requirements that are followed, as text */
};

static void follow(struct foresight *f, const struct requirement *r)
{
    struct source *source = f->source;
    struct installed *base = installed_find(&source->s->base, r->name);
    if (r->url || f->steps.count == MOST || (base ? !r->extra_count : !source_asks_index(source, r->name)))
        return;
    void **place = strmap_place(&f->seen, text_of(r->text));
    if (*place)
        return;
    *place = f;
    array_push(&f->steps, (struct step){.requirement = r});
    if (!base)
        source->callbacks.prefetch(source, r->name);
}

/* The one that the solver will take, as long as nothing else has a say in it. */
static const struct candidate *choose(struct source *source, const struct requirement *r)
{
    const struct candidates *list;
    if (source->callbacks.candidates(source, r->name, &list, NULL) < 0)
        return NULL;
    for (size_t i = 0; i < list->count; i++) {
        const struct candidate *c = &list->items[i];
        bool welcome = c->named || source->callbacks.allow_prereleases || r->specifiers.names_prerelease;
        if (!c->excluded && !c->yanked && (welcome || !c->version.is_pre) &&
            (c->origin == CANDIDATE_BASE || specifier_set_contains(&r->specifiers, &c->version)))
            return c;
    }
    return NULL;
}

/* What is not known without an archive, or without building it, is the solver's to ask for: it may well not
 * choose it. */
static bool is_costly(struct source *source, const struct candidate *c)
{
    const struct metadata *known;
    const struct index_file *file = c->origin == CANDIDATE_INDEX ? c->data : NULL;
    return file && file->is_source && index_metadata(source->s->index, file, &known, NULL) < 0;
}

static void follow_dependencies(struct foresight *f, const struct step *step, const char *extra)
{
    const struct resolve_source *ask = &f->source->callbacks;
    const struct dependencies *d;
    if (ask->dependencies(f->source, step->requirement->name, step->candidate, extra, &d, NULL) < 0)
        return;
    for (size_t i = 0; i < d->count; i++)
        follow(f, &d->items[i]);
}

/* True when there is something new, which does not say that it is over. */
static bool advance(struct foresight *f, size_t index)
{
    struct step step = f->steps.items[index];
    struct source *source = f->source;
    struct index *ix = source->s->index;
    const struct requirement *r = step.requirement;
    if (!step.candidate) {
        if (source_asks_index(source, r->name) && !index_project_has_come(ix, r->name))
            return false;
        step.candidate = choose(source, r);
        step.done = !step.candidate;
        if (step.candidate && step.candidate->origin == CANDIDATE_INDEX) {
            const struct index_file *file = step.candidate->data;
            index_prefetch_metadata(ix, file);
            if ((source->s->syncing || source->s->archives) && !source_has_hashes(source, r->name))
                fetch_expect(source->s, file);
        }
    } else {
        if (step.candidate->origin == CANDIDATE_INDEX && !index_metadata_has_come(step.candidate->data))
            return false;
        if (is_costly(source, step.candidate)) {
            f->steps.items[index].done = true;
            return true;
        }
        follow_dependencies(f, &step, NULL);
        for (size_t i = 0; i < r->extra_count; i++)
            follow_dependencies(f, &step, r->extras[i]);
        step.done = true;
    }
    f->steps.items[index] = step;
    return true;
}

void foresee(struct source *source)
{
    struct foresight f = {.source = source};
    struct session *s = source->s;
    array_each (&source->wanted->roots, root)
        follow(&f, root->requirement);
    bool open = f.steps.count && session_index(s, NULL) == 0;
    while (open) {
        bool moved = false;
        open = false;
        fetch_move(s); /* before the steps are looked at: it may also bring what one of them waits for */
        for (size_t i = 0; i < f.steps.count; i++) {
            if (f.steps.items[i].done)
                continue;
            moved = advance(&f, i) || moved;
            open = open || !f.steps.items[i].done;
        }
        if (open && !moved)
            index_wait_any_or(s->index, fetch_event(s));
    }
    fetch_move(s);
    array_free(&f.steps);
    strmap_free(&f.seen);
}
