/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The solver: PubGrub over lazily loaded candidates. It knows no disk, network or stdout; everything that it
 * wants to know it asks through struct resolve_source. The same questions always get the same answers from a
 * source while it lives.
 */
#pragma once
#include "python/requirement.h"

enum candidate_origin {
    CANDIDATE_INDEX,     /* an index or find-links offers it */
    CANDIDATE_INSTALLED, /* the extensions venv has it */
    CANDIDATE_BASE,      /* LocalStack itself has it: then it is the only candidate */
    CANDIDATE_DIRECT,    /* a URL, a path, a developer's source */
};

struct candidate {
    struct version version;
    enum candidate_origin origin;
    const char *url; /* the direct reference it stands for, compared as text: always of CANDIDATE_DIRECT, of
                        CANDIDATE_INSTALLED where it came from the one asked for; else NULL */
    const char *excluded; /* NULL, or why it cannot be used, as what follows "because it ":
                             "needs Python >=3.14", "is only offered as a source distribution" */
    bool named;  /* a constraint or a lock names this version, or this URL: its being a pre-release is no
                    obstacle, and nobody else has to ask for the URL */
    bool yanked; /* usable only for an exact pin (== without wildcard, ===) */
    const char *yanked_reason; /* NULL or "" where none was given */
    void *data;                /* the source's own */
};

struct candidates {
    struct candidate *items; /* in order of preference: the best first */
    size_t count;
    const char
        *absent; /* when count is 0: why, as a whole clause ("no index has a distribution of that name") */
};

struct dependencies {
    struct requirement *items; /* those whose markers hold; parsed markers are not evaluated again */
    size_t count;
    const char *note; /* NULL, or a warning to hand on ("foo 1.0 has no extra bar") */
};

enum acceptance { REFUSE, ACCEPT, PERHAPS };

struct resolve_source {
    void *ctx;
    /* All candidates of a normalised name. ERR_NOT_FOUND, ERR_INPUT and ERR_UNAVAILABLE are facts about this
     * name (it has no candidates, the text says why); other errors end the resolution. The result lives as
     * long as the source. */
    int (*candidates)(void *ctx, const char *name, const struct candidates **out, struct err *err);
    /* What a candidate requires: without an extra (NULL), or what one extra adds. For CANDIDATE_BASE and no
     * extra it is empty: the base's own dependencies are the base's affair. ERR_INPUT, ERR_NOT_FOUND and
     * ERR_UNAVAILABLE rule out this candidate alone; other errors end the resolution. */
    int (*dependencies)(void *ctx, const char *name, const struct candidate *c, const char *extra,
                        const struct dependencies **out, struct err *err);
    /* Why dependencies() fails for this candidate without looking at it, as it says itself; NULL where it
     * would look. Then any number of candidates is ruled out at once. May be NULL. */
    const char *(*passes_over)(void *ctx, const char *name, const struct candidate *c);
    /* Makes a direct reference known: from now on candidates(name) has a CANDIDATE_DIRECT with this url.
     * Errors as for candidates. May be called at any time; the solver starts again when it had asked for the
     * name's candidates already. */
    int (*direct)(void *ctx, const char *name, const char *url, struct err *err);
    /* A hint that candidates(name) will be asked soon. Returns at once. May be NULL. */
    void (*prefetch)(void *ctx, const char *name);
    /* Whether a candidate that meets a root's requirement is also one of those that the root's `only` lets
     * through (its hashes). Those of which that is not known yet count where it is known of none. Asked where
     * `only` is set, and may be NULL where it never is. */
    enum acceptance (*accepts)(void *ctx, const void *only, const struct candidate *c);
    /* Why none of the candidates that meet it is let through: a clause that ends a sentence ("no file of foo
     * 1.0 has one of the hashes in FILE:3"). `meeting`: one of them. */
    const char *(*refusal)(void *ctx, const void *only, const struct candidate *meeting);
    /* Pre-releases of everything are welcome (--pre). */
    bool allow_prereleases;
    /* A requirement that a distribution of the base does not meet is taken as met, with a note, where there
     * is no solution otherwise. */
    bool tolerate_base_conflicts;
};

/* A requirement of the user, in the order in which they are to be met. */
struct resolve_root {
    const struct requirement *requirement;
    const char *from; /* "EXTENSION_AUTO_INSTALL", "FILE:LINE", …: for explanations */
    const void *only; /* NULL, or what resolve_source.accepts is asked with */
};

struct resolved {
    const char *name;
    const struct candidate *candidate;
    char **extras; /* those asked for, sorted */
    size_t extra_count;
    bool requested;  /* a root names it */
    char **requires; /* names of what it needs (its extras' dependencies included), sorted, the base's too */
    size_t require_count;
};

struct resolve_failure {
    size_t root;        /* index into the roots */
    const char *reason; /* the whole explanation: sentences, possibly several lines */
    char **names;       /* the distributions that it rests on, sorted */
    size_t name_count;
};

struct resolution {
    struct resolved *items; /* sorted by name; what is CANDIDATE_BASE is listed too */
    size_t count;
    struct resolve_failure *failures; /* in the roots' order */
    size_t failure_count;
    char **notes; /* warnings collected on the way */
    size_t note_count;
};

/*
 * Pre-releases, yanked versions and direct references are used only where a requirement asks for them: one of
 * the roots, or of a candidate that is chosen in the end; for pre-releases the roots on one name, those that
 * are kept, also count as one requirement with all their specifiers, as with pip. When somebody does, all
 * other requirements on the name are met by them as by any other version. (A candidate that nothing led the
 * solver to is not looked for because it would ask.)
 *
 * Keeps each root, in order, that has a solution together with all kept so far; the solution is what it would
 * be had the others not been asked for. Deterministic: only the source's answers count, never their timing.
 * Negative only for errors that end the resolution. Everything in *out belongs to the arena.
 */
int resolve(struct arena *a, const struct resolve_source *source, const struct resolve_root *roots,
            size_t root_count, struct resolution *out, struct err *err);
