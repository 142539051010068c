/* SPDX-License-Identifier: Apache-2.0 */
/* pip.conf: INI as Python's RawConfigParser reads it. */
#pragma once
#include "base/array.h"
#include "base/error.h"
#include "base/text.h"

struct pip_conf_item {
    char *section; /* as written: [Install] is not [install] */
    char *option;  /* lower case, _ written as -, without -- in front */
    char *value;   /* lines of a value over several lines are separated by \n */
    size_t line;
};

struct pip_conf ARRAY(struct pip_conf_item); /* the strings belong to the arena */

static inline void pip_conf_free(struct pip_conf *c)
{
    array_free(c);
}
#define cleanup_pip_conf __attribute__((cleanup(pip_conf_free)))

/* In the order of the file; what stands in [DEFAULT] comes first, once for each of
 * [global] and [install] that there is. ERR_INPUT as
 * FILE:LINE for what makes pip give the whole file up: no section, a line that is no option, duplicates. */
int pip_conf_parse(struct arena *a, struct text bytes, const char *file, struct pip_conf *out,
                   struct err *err);
