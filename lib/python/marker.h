/* SPDX-License-Identifier: Apache-2.0 */
/* Environment markers as PEP 508 defines them (today's dependency specifiers specification of PyPA). */
#pragma once
#include "base/error.h"
#include "base/text.h"
#include "python/environment.h"

struct marker;

/* Parses a marker expression; ERR_INPUT quotes it and says where. Nesting is bounded. Refused is also what
 * no environment gives a meaning to: two texts compared with each other, ~= and === on what is no version,
 * and the variables of lock files (extras, dependency_groups). */
int marker_parse(struct arena *a, struct text text, struct marker **out, struct err *err);

/* The same for a marker that goes from `start` to the end of a longer text, a requirement's: columns are
 * counted in that text, and the caller quotes it. */
int marker_parse_tail(struct arena *a, struct text text, size_t start, struct marker **out, struct err *err);

/* The same for a marker of a lock file (PEP 751). There the variables extras and dependency_groups have a
 * value, a list of names each: "NAME" in VARIABLE and "NAME" not in VARIABLE is all that may be asked of
 * them. The variable extra has none, and is refused. */
int marker_parse_lock(struct arena *a, struct text text, struct marker **out, struct err *err);

/* NULL is true. `extra`: the normalised extra under which it is evaluated, NULL or "" for none. Comparison as
 * packaging.markers does it: python_version, python_full_version, implementation_version and platform_release
 * as versions where both sides are, everything else as text; extras by normalised name. */
bool marker_evaluate(const struct marker *m, const struct marker_environment *env, const char *extra);

/* What of a lock file is to be installed. Names are normalised. */
struct marker_choice {
    char *const *extras;
    size_t extra_count;
    char *const *groups; /* dependency groups */
    size_t group_count;
};

/* For what marker_parse_lock made; NULL is true. As packaging evaluates with the context "lock_file". */
bool marker_evaluate_lock(const struct marker *m, const struct marker_environment *env,
                          const struct marker_choice *choice);

/* Whether the expression mentions the variable `extra`. */
bool marker_uses_extra(const struct marker *m);

/* As packaging prints it ("" for NULL), with double quotes (single ones around a text that has a double one
 * in it). */
char *marker_text(struct arena *a, const struct marker *m);
