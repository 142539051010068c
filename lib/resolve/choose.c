/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of preference: of what is needed, which package is decided next (compare), and which of its
 * candidates is taken (choose_candidate). It never changes what is solvable, only which solution is found,
 * and how soon. An extra is not decided: it is on as soon as something needs it.
 */
#include "resolve/solve.h"

/* After so many conflicts the order of preference has led into a trap; an ordinary solve has a handful. */
enum { CONFLICTS_OF_A_TRAP = 100 };

static bool asked_now(const struct solve *s, const struct demand *d)
{
    const struct engine *e = &s->engine;
    return e->variables.items[d->package].decided &&
           bits_has(engine_left(e, d->package), bit_of(d->candidate)) &&
           (d->extra == NO_PACKAGE || engine_needed(e, d->extra));
}

static bool usable_now(const struct solve *s, const struct package *p, size_t candidate)
{
    size_t bit = bit_of(candidate);
    if (!bits_has(p->project->guarded, bit) || bits_has(p->asked, bit))
        return true;
    array_each (&p->demands, d)
        if (bits_has(d->asks, bit) && asked_now(s, d))
            return true;
    return false;
}

/*
 * The first that is left, and that somebody asked for where asking is needed. Sources give them in this order
 * (lib/reconcile/source.c has the one that counts):
 * - What LocalStack itself has, alone: nothing else of that name would be imported.
 * - A direct reference, of several the one that was named first: who names it wants nothing else.
 * - What is installed: what satisfies stays. With --upgrade it stands where its version would.
 * - Versions of an index, the newest first, as with pip.
 * - Of one version, the file that fits this machine best, as with pip; others only where hashes are given.
 */
size_t choose_candidate(const struct solve *s, unsigned package)
{
    const bits *left = engine_left(&s->engine, package);
    const struct package *p = &s->packages.items[package];
    bits_each(left, p->project->words, i) if (usable_now(s, p, i)) return i;
    return SIZE_MAX;
}

/* Most have something left for which nobody has to ask: that is seen at once. */
static bool any_usable(const struct solve *s, unsigned package)
{
    const struct project *p = s->packages.items[package].project;
    return !bits_subset(engine_left(&s->engine, package), p->guarded, p->words) ||
           choose_candidate(s, package) != SIZE_MAX;
}

struct choice {
    bool usable;
    size_t left;
    double ease; /* in a trap: candidates left for each conflict of late; otherwise 0 */
    size_t root;
};

static int compare(const struct choice *a, const struct choice *b)
{
    /* What needs somebody to ask for it waits until all who might are chosen. */
    if (a->usable != b->usable)
        return a->usable ? -1 : 1;
    /* Where there is only one candidate nothing is chosen, but what it requires narrows the others. */
    if ((a->left == 1) != (b->left == 1))
        return a->left == 1 ? -1 : 1;
    /* In a trap, what keeps running into conflicts and has little left goes first, so that the next one is
     * found before anything else is built on it. */
    if (a->ease < b->ease || a->ease > b->ease)
        return a->ease < b->ease ? -1 : 1;
    /* What the user named gets its best version before what it only needs, in the user's order. */
    if (a->root != b->root)
        return a->root < b->root ? -1 : 1;
    /* The fewer are left, the sooner a dead end shows. */
    if (a->left != b->left)
        return a->left < b->left ? -1 : 1;
    return 0;
}

unsigned choose_package(const struct solve *s)
{
    const struct engine *e = &s->engine;
    unsigned best = NO_PACKAGE;
    struct choice best_choice = {0};
    array_each (&e->open, variable) {
        unsigned i = *variable;
        const struct package *p = &s->packages.items[i];
        if (p->extra)
            continue;
        struct choice c = {
            .usable = any_usable(s, i),
            .left = bits_count(engine_left(e, i), p->project->words),
            .root = p->root,
        };
        if (e->conflict_count > CONFLICTS_OF_A_TRAP)
            c.ease = (double)c.left / (e->variables.items[i].activity / e->bump + 1e-3);
        int order = best == NO_PACKAGE ? -1 : compare(&c, &best_choice);
        /* Else the one that was mentioned first, so that the outcome is always the same. */
        if (order < 0 || (order == 0 && i < best))
            best = i, best_choice = c;
    }
    return best;
}
