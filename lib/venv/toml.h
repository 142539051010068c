/* SPDX-License-Identifier: Apache-2.0 */
/* TOML, read by the base's own Python in a child: all documents of a run in one call. */
#pragma once
#include "base/error.h"
#include "base/text.h"

struct toml_document {
    struct text bytes; /* as read from the file */
    /* NULL where it is no TOML; else JSON: {"document": …, "lines": {KEY: [LINE, …]}}, where "lines" has the
     * line on which each table of an array of tables at the top level begins, as far as that can be told.
     * Dates and times, numbers beyond 64 bits and those that are not finite are texts. */
    const char *json;
    const char *error; /* why json is NULL, a clause; nesting over 64 deep is refused as well */
    unsigned line;     /* of the error; 0 where there is none to name */
};

enum { TOML_LIMIT = 16 << 20 }; /* of one document, for those who read the files */

/* Fills in json, or error and line, of each. ERR_SYSTEM when the interpreter does not do its part. Strings
 * belong to the arena. */
int toml_read(struct arena *a, const char *executable, struct toml_document *documents, size_t count,
              struct err *err);
