/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heart of PubGrub, which knows variables and incompatibilities and nothing of packages: a partial
 * solution (decisions and derivations, each at a decision level), unit propagation with two watched terms for
 * each incompatibility, and conflict resolution that learns an incompatibility and jumps back.
 *
 * A variable has one of its candidates or none. An incompatibility is a set of terms that cannot all hold; a
 * term says that a variable's choice lies in a set. The user's requirements are incompatibilities of one
 * term, so there is no root variable, and a contradiction is an incompatibility without terms.
 */
#pragma once
#include "base/array.h"
#include "resolve/bits.h"

struct fact; /* what an incompatibility says that was not derived; the engine only hands it on */

struct term {
    unsigned variable;
    const bits *set;
};

struct incompat {
    const struct fact
        *fact; /* NULL when it was derived: then from these, the first resolved with the second, */
    struct incompat **causes; /* the result with the third, and so on */
    unsigned cause_count;
    unsigned count;
    unsigned watch[2];
    unsigned spread; /* of what was learned: over how many levels its terms came to hold; the fewer, the more
                        often it will be of use */
    size_t number;   /* in the order in which they were made */
    bool attached;
    bool replaced; /* another says the same and more, or it was of no use: no longer propagated, but still a
                      cause */
    bool seen;     /* for whoever walks over causes */
    struct term terms[];
};

/* One step of what is known about a variable; the sets themselves lie beside, in variable.sets. */
struct step {
    unsigned index; /* its place in the whole partial solution; 0 for what holds from the beginning */
    unsigned level;
    struct incompat *cause; /* NULL for a decision */
};

/* An incompatibility by one of its watched terms, of which enough stands here to pass most by. */
struct watch {
    struct incompat *incompat;
    bits first; /* the first word of the term's set */
    bool alone; /* it has no other term */
};

struct variable {
    size_t candidates, words;
    bits *full;            /* all choices, "none" included */
    bits *scratch, *spare; /* during conflict resolution: its term, and room for another */
    struct step *steps;
    bits *sets; /* what was left of the choices after each step */
    size_t depth, room;
    struct ARRAY(struct watch) watchers;
    double activity;    /* how often it took part in conflicts, the latest counting most */
    size_t satisfier;   /* during conflict resolution: the step that made its term true */
    size_t open_at;     /* its place in engine.open, counted from 1; 0: not there */
    bool decided, used; /* used: in the incompatibility being resolved */
};

struct engine {
    struct arena arena; /* incompatibilities and all sets */
    struct ARRAY(struct variable) variables;
    struct ARRAY(unsigned) trail; /* the variable of each step, in order */
    struct ARRAY(size_t) levels;  /* where in the trail each decision stands */
    struct ARRAY(unsigned) open;  /* the variables that are needed and not decided, in no order */
    struct ARRAY(unsigned) terms; /* the variables of the incompatibility being resolved */
    struct ARRAY(struct incompat *) causes;
    struct ARRAY(struct incompat *) learned; /* those that are kept */
    size_t most_learned;                     /* how many may be */
    struct ARRAY(size_t) level_seen;         /* by level: the stamp of whoever saw it last */
    size_t level_stamp;
    size_t propagated;                       /* of the trail */
    struct ARRAY(struct incompat *) pending; /* added, and not yet looked at */
    struct ARRAY(
        struct incompat *) late;    /* added when what follows from them did so at a lower level already:
                                       looked at again after each jump back, which may undo it */
    struct incompat *contradiction; /* the incompatibility without terms, once there is one */
    size_t conflict_count, incompat_count;
    double bump; /* what a conflict adds to the activity */
};

void engine_free(struct engine *e);
unsigned engine_variable(struct engine *e, size_t candidates);

/* An incompatibility to fill in: the terms are the caller's to set, in room for `count`. */
struct incompat *engine_incompat(struct engine *e, const struct fact *fact, unsigned count);
/* Adds a term, unless it always holds. Each variable at most once. */
void incompat_term(struct engine *e, struct incompat *c, unsigned variable, const bits *set);
/* Takes it into account from the next engine_propagate on, at whatever point of the search. */
void engine_add(struct engine *e, struct incompat *c);
/* For one that was added earlier: the next engine_propagate derives what follows from it then, which a jump
 * back may have undone. */
void engine_recheck(struct engine *e, struct incompat *c);
/* The variable never lies in the set; only before the variable was used. Known before and beyond all levels.
 */
void engine_never(struct engine *e, unsigned variable, const bits *set, const struct fact *fact);
/* Propagates and resolves conflicts until nothing follows any more; false when there is a contradiction. */
bool engine_propagate(struct engine *e);
/* Takes all decisions back, and keeps what was learned, or its better half where that is too much. */
void engine_restart(struct engine *e);
void engine_decide(struct engine *e, unsigned variable, size_t candidate);

bits *engine_set(struct engine *e, unsigned variable);

/* What is left of the variable's choices. */
static inline const bits *engine_left(const struct engine *e, unsigned variable)
{
    const struct variable *v = &e->variables.items[variable];
    return v->sets + (v->depth - 1) * v->words;
}

static inline size_t engine_words(const struct engine *e, unsigned variable)
{
    return e->variables.items[variable].words;
}

/* It has to be chosen in some form. */
static inline bool engine_needed(const struct engine *e, unsigned variable)
{
    return !bits_has(engine_left(e, variable), BIT_NONE);
}
