/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One solve: packages over the engine's variables. A package is a project, or an extra of one: `foo[bar]` is
 * a variable of its own with a single candidate ("on"), and what the extra adds is required by foo at a
 * version together with it.
 */
#pragma once
#include "resolve/engine.h"
#include "resolve/universe.h"

enum { NO_PACKAGE = ~0U };

enum fact_kind {
    FACT_ROOT,       /* the user asks for the target */
    FACT_NEEDS,      /* the package (with the extra) requires the target */
    FACT_EXCLUDED,   /* the candidates cannot be used: text says why */
    FACT_YANKED,     /* text is the reason given, or "" */
    FACT_PRERELEASE, /* nobody asks for these pre-releases */
    FACT_UNASKED,    /* nobody asks for these, given the other terms */
    FACT_UNREADABLE, /* what they require cannot be known */
};

/* What an incompatibility says that was not derived. */
struct fact {
    enum fact_kind kind;
    size_t root; /* FACT_ROOT: which */
    unsigned package, extra;
    const bits *set; /* of the package's candidates */
    const struct requirement *requirement;
    unsigned target; /* the package or the extra that is required */
    const struct meets *meets;
    const char *text;
};

/* The same requirement of several candidates of a package, as one incompatibility that grows with them. */
struct dependency {
    unsigned target;
    const bits *in; /* what it allows of the target */
    bits *subjects;
    struct incompat *incompat;
};

/* What a candidate requires, once it was looked at. */
struct expansion {
    const struct needs *needs;
    struct dependency **items;
    size_t count;
    struct incompat *unusable; /* where what it requires cannot be known */
};

/* A requirement of the candidate (with the extra) asks for what nobody gets without asking. */
struct demand {
    unsigned package, extra;
    size_t candidate;
    const struct requirement *requirement;
    const bits *asks;
};

struct package {
    struct project *project;
    const char *extra;               /* NULL: the project itself */
    unsigned owner;                  /* an extra's project */
    size_t root;                     /* the first of the user's requirements that names it, or SIZE_MAX */
    bool open;                       /* the sets below stand */
    bool may_prerelease, may_yanked; /* somebody may ask for them: found out on the way */
    bits *asked;                     /* guarded candidates that the user's requirements ask for */
    bits *closed;                    /* guarded candidates that nobody was seen to ask for */
    bits *settled;                   /* guarded candidates about which an incompatibility says who asks */
    struct expansion **expansions;
    struct ARRAY(const bits *) wanted; /* what meets each of the user's requirements on it */
    struct ARRAY(struct demand) demands;
    struct ARRAY(unsigned) extras;
};

struct solve {
    struct universe *universe;
    const struct resolve_root *roots;
    const size_t *chosen; /* which of the roots are asked for, in order */
    size_t chosen_count;
    struct arena arena; /* lives as long as the solve */
    struct engine engine;
    struct ARRAY(struct package) packages; /* as the engine's variables */
    struct strmap names;                   /* package + 1 */
    struct strmap urls;                    /* direct references seen in this solve */
    struct strmap demands;                 /* those seen */
    struct strmap dependencies;            /* struct dependency, by its parts */
    struct strmap tolerated;               /* requirements that the base need not meet */
    struct strings notes;                  /* candidates passed over */
    bool again;                            /* candidates count otherwise now: nothing stands any more */
    bool lost;                             /* something is asked for that was thought closed */
    size_t lost_at;                        /* the conflict at which that was seen first */
    unsigned restarts, blocked;
};

enum solved { SOLVED, UNSOLVABLE };

void solve_init(struct solve *s, struct universe *u, const struct resolve_root *roots, const size_t *chosen,
                size_t count);
void solve_free(struct solve *s);
#define cleanup_solve __attribute__((cleanup(solve_free)))
/* enum solved, or negative. */
int solve_run(struct solve *s, struct err *err);
/* The base need not meet this requirement in the next solve_run. False when that was said before. */
bool solve_tolerate(struct solve *s, const struct requirement *r);
/* What the requirement allows here, tolerance included. */
const struct meets *solve_meets(struct solve *s, struct project *p, const struct requirement *r);

/* Whether somebody in this solve, chosen or not, asks for the direct reference that the candidate stands for.
 */
bool solve_knows(const struct solve *s, const struct project *p, const struct candidate *c);

/* NO_PACKAGE when it was never mentioned. */
unsigned solve_find(const struct solve *s, const char *name, const char *extra);
/* The candidate chosen, or SIZE_MAX. */
size_t solve_choice(const struct solve *s, unsigned package);

/* choose.c: what to decide next. */
unsigned choose_package(const struct solve *s);
/* SIZE_MAX when all that is left needs somebody who asks for it. */
size_t choose_candidate(const struct solve *s, unsigned package);
