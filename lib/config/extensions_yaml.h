/* SPDX-License-Identifier: Apache-2.0 */
/* extensions.yaml: two levels of keys, scalars and lists of scalars, and no more of YAML than that. */
#pragma once
#include "config/settings.h"

/* Puts what `bytes` says into *out. Everything wrong is told at once, a line each beginning with
 * FILE:LINE:COLUMN (ERR_USAGE), and all the rest still counts. */
int extensions_yaml_parse(struct text bytes, const char *file, struct settings *out, struct err *err);
