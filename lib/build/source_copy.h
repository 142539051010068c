/* SPDX-License-Identifier: Apache-2.0 */
/* A folder with a project, copied to where a build can do with it what it likes. */
#pragma once
#include "base/error.h"

/* Into the existing folder `to`. Left out is what no build wants: __pycache__, node_modules, virtual
 * environments, and what an earlier build by setuptools left in `build`, which the next would pack. */
int source_copy(const char *from, const char *to, struct err *err);
