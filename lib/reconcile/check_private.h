/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of `check`, each of which appends what it finds. Strings belong to the session. */
#pragma once
#include "reconcile/check.h"

void check_add(struct check *c, struct check_problem problem);

/* How a fault of an installed distribution is repaired: what the user installed stays the user's. Needs
 * installed_details. */
enum check_repair check_repair_of(const struct installed *item);

/* Every file that a RECORD names, and the dist-infos themselves. */
int check_files(struct check *c, struct err *err);
/* Tells the log, at its level debug, of files in the distributions' own packages that no RECORD names: byte
 * code aside they are somebody's, and no fault. `listed`: the absolute paths that RECORDs name. */
void check_unlisted(struct check *c, const struct strmap *listed);
/* What is asked for and required, against what LocalStack imports. */
struct wanted;
void check_needs(struct check *c, const struct wanted *wanted, const struct state *last);
/* The venv's links, its pyvenv.cfg and its other own files. */
void check_venv(struct check *c);
/* What a pip or a sync left that was ended; `alone`: no sync is at work, so that staging is a leftover. */
void check_leftovers(struct check *c, bool alone);
/* The base against that of the last sync. */
void check_base(struct check *c);
