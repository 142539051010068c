/* SPDX-License-Identifier: Apache-2.0 */
/* The options that pip reads in requirements files, split and recognised as its parser does it. */
#pragma once
#include "base/array.h"
#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>

enum requirements_option_scope {
    OPTION_FILE,        /* of the file: ignored behind a requirement */
    OPTION_CONTROL,     /* of the file, and effective behind a requirement too: --no-binary and the like */
    OPTION_REQUIREMENT, /* of the requirement before it, or of -e */
};

struct requirements_option {
    const char *name;  /* the long form: "--index-url" */
    const char *value; /* "" for a flag */
    enum requirements_option_scope scope;
};

struct requirements_options ARRAY(struct requirements_option);

/* Splits as a shell does and reads the words as options, abbreviated ones too; *leftover is the first word
 * that is none, else NULL. ERR_INPUT says what is wrong. Strings belong to the arena; *out is emptied with
 * array_free. */
int requirements_options_parse(struct arena *a, struct text text, struct requirements_options *out,
                               const char **leftover, struct err *err);

/* Appends "--NAME=VALUE" or "--NAME", quoted where a shell would need it. */
void requirements_option_write(struct buf *to, const struct requirements_option *option);
