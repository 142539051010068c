/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of fact.h share. */
#pragma once
#include "boot/fact.h"

#include <sys/stat.h>

/* The fact of what could not be looked at. */
char *fact_failed(struct arena *a, int sysno);
/* The digest of a text that tells what an input is like. */
char *fact_digest(struct arena *a, struct text bytes);
long long fact_mtime_ns(const struct stat *st);
