/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of candidates in words: "1.0", "1.0 and 1.2", "1.0 to 1.9 and 2.1". */
#pragma once
#include "resolve/universe.h"

/* What one could have had: neither excluded nor only for those who ask. */
bool candidate_is_plain(const struct project *p, size_t candidate);
/* Different versions in the set. */
size_t versions_count(const struct project *p, const bits *set);
/* Whether nothing else of the project could have been had. */
bool versions_are_all(const struct project *p, const bits *set);
void versions_text(struct buf *b, const struct project *p, const bits *set);
/* The highest version in the set, or SIZE_MAX. */
size_t newest_of(const struct project *p, const bits *set);
/* The newest that could be had; else the newest of all; NULL when there is none but direct references. */
const struct candidate *newest_version(const struct project *p);
