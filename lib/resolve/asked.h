/* SPDX-License-Identifier: Apache-2.0 */
/* Whether somebody asks for what nobody gets without asking, once all is chosen. */
#pragma once
#include "resolve/solve.h"

/*
 * Of a solve in which nothing is left to decide: a package whose chosen candidate nobody asks for, or
 * NO_PACKAGE. Only those count who are needed themselves: what was chosen because it would ask, and that
 * nothing else requires, is not in the solution. `needed` has room for all packages, is false before, and
 * says afterwards which are in the solution.
 */
unsigned asked_by_none(const struct solve *s, bool *needed);
