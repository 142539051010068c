/* SPDX-License-Identifier: Apache-2.0 */
/* Names of distributions and extras (PEP 503, PEP 508, PEP 685). */
#pragma once
#include "base/text.h"

/* Letters, digits, . _ - , beginning and ending with a letter or digit. */
bool name_is_valid(struct text name);
/* Lower case, runs of - _ . made one -. Belongs to the arena. */
char *name_normalize(struct arena *a, struct text name);
/* The file-name form of a normalised name (PEP 427): - made _. */
char *name_escape(struct arena *a, struct text name);
