/* SPDX-License-Identifier: Apache-2.0 */
/* Environment markers as PEP 508 defines them (today's dependency specifiers specification of PyPA). */
#pragma once
#include "base/error.h"
#include "base/text.h"
#include "python/environment.h"

struct marker;

/* Parses a marker expression; ERR_INPUT quotes it and says where. Nesting is bounded. */
int marker_parse(struct arena *a, struct text text, struct marker **out, struct err *err);

/* NULL is true. `extra`: the normalised extra under which it is evaluated, NULL or "" for none. Comparison as
 * packaging.markers does it: as versions where both sides are, else as text; extras by normalised name. */
bool marker_evaluate(const struct marker *m, const struct marker_environment *env, const char *extra);

/* Whether the expression mentions the variable `extra`. */
bool marker_uses_extra(const struct marker *m);

/* As packaging prints it, with double quotes. */
char *marker_text(struct arena *a, const struct marker *m);
