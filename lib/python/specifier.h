/* SPDX-License-Identifier: Apache-2.0 */
/* Version specifiers as PEP 440 defines them: what packaging.specifiers.SpecifierSet accepts and answers. */
#pragma once
#include "python/version.h"

struct specifier;
struct specifier_set {
    struct specifier *items; /* in the order given, doubles too */
    size_t count;
    const char *text;      /* normalised, as str(SpecifierSet) sorts it: "<2,>=1.0" ; "" when empty */
    bool names_prerelease; /* some specifier names a pre-release, by the rule of packaging (not in != ) */
};

/* "" and blanks give the empty set, which every version meets. ERR_INPUT quotes the specifier at fault. */
int specifier_set_parse(struct arena *a, struct text text, struct specifier_set *out, struct err *err);

/* As specifier_set_parse for exactly one specifier, in which a comma separates nothing. The message does not
 * repeat the text: it goes on after "TEXT is not a version specifier: ". */
int specifier_parse_one(struct arena *a, struct text text, struct specifier_set *out, struct err *err);

/* Whether the version meets every specifier, pre-releases not looked at (as contains(v, prereleases=True)).
 */
bool specifier_set_contains(const struct specifier_set *set, const struct version *v);

/* The same for a text that may be no PEP 440 version (=== compares text, everything else is false). */
bool specifier_set_contains_text(const struct specifier_set *set, struct text version);
