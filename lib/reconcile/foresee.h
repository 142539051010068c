/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks for what the solution will probably be made of before the solver does: from the roots on, the page of
 * each name that a requirement leads to, the metadata of the best candidate that meets it, and, in a sync,
 * that candidate's wheel. As soon as one is there what it leads to is asked for, so that a solve takes as
 * many round trips as the deepest chain of requirements has links, and what it takes then waits for nobody.
 */
#pragma once
#include "reconcile/source.h"

/* Only what is asked for, and when, depends on it: whatever fails here fails again, and is reported, when the
 * solver asks. */
void foresee(struct source *source);
