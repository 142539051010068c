/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked for: the requirements of all inputs in DESIGN's order, constraints, and what could not be
 * understood. */
#pragma once
#include "python/hashes.h"
#include "reconcile/developed.h"
#include "reconcile/session.h"
#include "resolve/solver.h"

struct locked;

struct wanted_failure {
    const char *requirement; /* the text as written */
    const char *from;
    const char *reason;
    bool malformed; /* trying again without another input cannot help */
    size_t before;  /* how many roots stand before it: failures are told in the inputs' order */
    bool source;    /* it is a developer's source */
};

struct wanted_constraint {
    const struct requirement *requirement;
    const char *from;
    const struct hashes *hashes; /* NULL for none */
    const char
        *broken; /* NULL, or why it cannot be understood: then nothing of its name is known to be within it */
};

/* What the solver does not know of a root. */
struct wanted_root {
    const struct hashes *hashes; /* its file has to have one of these; NULL for none */
    bool checked; /* it, and what only it and others like it need, may be installed only with a hash that was
                     given */
};

struct wanted {
    const struct locked *locked; /* NULL, or the lock that stands in for all else (locked.h) */
    struct {
        struct resolve_root *items;
        size_t count, room;
    } roots;
    struct {
        struct wanted_root *items; /* of the root at the same place */
        size_t count, room;
    } details;
    struct {
        struct wanted_failure *items;
        size_t count, room;
    } failures;
    struct {
        struct wanted_constraint *items;
        size_t count, room;
    } constraints;
    struct {
        struct developed **items; /* whose sources are linked; their requirements are among the roots */
        size_t count, room;
    } developed;
    struct strings files;   /* read or looked for; over http by URL */
    struct strings digests; /* of their bytes when they were read, SHA-256 in hex; "-" where there was none */
    struct strings variables; /* that files ask for by ${NAME}, whether they are set or not; each once */
};

#define cleanup_wanted __attribute__((cleanup(wanted_free)))

/* Options in files are taken into the session's settings: to be called before anything else asks for an
 * index; after session_base.
 *
 * Reads extensions.txt with what it includes, then EXTENSION_AUTO_INSTALL or `install`; or what the command
 * line names. ERR_USAGE for a file that the command line names and that cannot be read. All else that is
 * wrong is in out->failures. Strings belong to the session. */
int wanted_read(struct session *s, struct wanted *out, struct err *err);
void wanted_free(struct wanted *w);

/* The source that a requirement's URL names, or that stands in for what is of this name; NULL for none. */
const struct developed *wanted_developed(const struct wanted *w, const char *url);
const struct developed *wanted_developed_name(const struct wanted *w, const char *name);
