/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the source was asked so far, kept for all solves of one resolution: candidates of a name, which of
 * them meet a requirement, what they require.
 */
#pragma once
#include "base/array.h"
#include "base/strmap.h"
#include "resolve/bits.h"
#include "resolve/solver.h"

/* What one candidate requires, or one of its extras. */
struct needs {
    const struct dependencies *list;
    const char *failure; /* NULL, or why it cannot be known: then the candidate is not usable */
};

/* What a requirement allows of its project. */
struct meets {
    const bits *in;   /* the candidates that meet it, usable or not */
    const bits *out;  /* all else, "none" included */
    const bits *asks; /* of those that nobody gets without asking, the ones that this requirement asks for */
    bool asks_any;
    bool asks_prerelease, asks_yanked;
};

/* Candidates, lowest version first; made when it is asked for. */
struct order {
    const struct candidate **items;
};

/*
 * Candidates that are used only where some requirement asks for them: a pre-release (a specifier names one,
 * or nothing else meets it), a yanked version (an exact pin), a direct reference (its URL).
 */
struct project {
    const char *name;
    const struct candidates *list;
    size_t words;
    const struct candidate *base; /* LocalStack's own, or NULL */
    bits *excluded, *prerelease, *yanked, *direct;
    bits *guarded; /* the last three together */
    struct needs *needs;
    struct order *order;
    struct strmap meets;  /* by specifier or URL */
    struct strmap extras; /* struct needs *, by extra */
    struct project *next;
};

struct universe {
    const struct resolve_source *source;
    struct arena arena;
    struct strmap projects; /* struct project */
    struct strmap urls;     /* struct direct_reference, by "NAME @ URL" */
    struct project *all;
};

struct direct_reference {
    const char *failure; /* NULL, or why it cannot be used */
};

void universe_free(struct universe *u);
void universe_prefetch(struct universe *u, const char *name);
/* Negative only for errors that end the resolution; that goes for all of these. */
int universe_project(struct universe *u, const char *name, struct project **out, struct err *err);
/* Makes a direct reference known, once; a project that was asked for before is asked for again by the next
 * universe_project. */
int universe_direct(struct universe *u, const char *name, const char *url, struct err *err);
/* Why the direct reference cannot be used, or NULL. */
const char *universe_direct_failure(const struct universe *u, const char *name, const char *url);
const struct meets *universe_meets(struct universe *u, struct project *p, const struct requirement *r);
/* No final or post release for this Python and platform is in the set: then PEP 440 lets pre-releases in. One
 * that was yanked is a release all the same, for pip too. */
bool universe_only_prereleases(const struct project *p, const bits *in);
/* What is left of it where the source lets only some candidates through. */
const struct meets *universe_meets_only(struct universe *u, struct project *p, const struct meets *all,
                                        const void *only);
/* What a requirement on a distribution of the base allows where base conflicts are tolerated: the base's. */
const struct meets *universe_meets_base(struct universe *u, struct project *p);
/* Loads what the candidate requires; the extra may be NULL. */
int universe_needs(struct universe *u, struct project *p, size_t candidate, const char *extra,
                   const struct needs **out, struct err *err);
/* Adds to the set the candidates that were not looked at, and that the source passes over as it does this
 * one. Why, or NULL when it looked at this one. */
const char *universe_passed_over(struct universe *u, const struct project *p, size_t candidate, bits *set);
