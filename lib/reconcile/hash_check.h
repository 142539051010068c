/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hash checking as pip does it, for the requirements of each file that has hashes: what they bring, and
 * nobody else asks for, is installed only where a hash was given for it.
 */
#pragma once
#include "reconcile/source.h"

struct hash_check {
    struct session *s;
    const struct wanted *wanted;
    const struct resolve_root *roots; /* as they were given to the solver */
    size_t root_count;
    const size_t *input_of; /* of each root: its place in wanted->roots, SIZE_MAX for none */
    const struct resolution *result;
    const char **refused; /* out, by place in wanted->roots: why the requirement is to be set aside */
};

/* Returns how many roots were refused now: then the others have to be solved again. What has no hash, and of
 * which none is known, is downloaded so that the message can name it. */
int hash_check(const struct hash_check *c);

/* Downloads into the cache what has to have a hash that no page tells: only then it is known whether the
 * requirement holds. 1 when something turned out not to have it: then the roots have to be solved again. */
int hash_check_verify(const struct hash_check *c, struct source *source, struct err *err);

/* The hashes that the roots which are kept, and constraints, give for files of a name. Belongs to the
 * session. */
const struct hashes **hash_check_given(const struct hash_check *c, const char *name, size_t *count);
