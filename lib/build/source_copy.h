/* SPDX-License-Identifier: Apache-2.0 */
/* A folder with a project, copied to where a build can do with it what it likes. */
#pragma once
#include "base/digest.h"
#include "base/error.h"

/* Into the existing folder `to`. Left out is what no build wants: __pycache__, node_modules, virtual
 * environments, and what an earlier build by setuptools left in `build`, which the next would pack. */
int source_copy(const char *from, const char *to, struct err *err);

/* The digest (SHA-256) of what would be copied, but of times: names, contents, links, and who may be
 * executed. Of a .git only what says which commit and which tags there are counts. What cannot be read is
 * ERR_SYSTEM. */
int source_digest(const char *folder, char hex[DIGEST_HEX], struct err *err);
