/* SPDX-License-Identifier: Apache-2.0 */
/* Core metadata (METADATA, PKG-INFO), versions 1.0 to 2.6; WHEEL files, which have the same form. */
#pragma once
#include "python/requirement.h"

struct metadata {
    const char *metadata_version;
    unsigned long long major, minor; /* its two numbers */
    const char *name;                /* as written */
    const char *normalized;          /* PEP 503 */
    struct version version;
    const char *summary;              /* NULL when absent or empty */
    const char *requires_python_text; /* NULL when absent */
    struct specifier_set requires_python;
    struct requirement *requires_dist;
    size_t requires_count;
    char **provides_extra; /* normalised */
    size_t extra_count;
    char **import_names; /* Import-Name (PEP 794); count 0 when absent */
    size_t import_count;
    char **dynamic; /* Dynamic (PEP 643), in lower case */
    size_t dynamic_count;
    char **warnings; /* what was passed over (a newer minor metadata version, …), for a note in the log */
    size_t warning_count;
};

/* Headers end at the first blank line. ERR_INPUT for: no Name, no Version, a newer major metadata version, a
 * Requires-Dist that cannot be parsed (quoted in the message), a NUL or what is no UTF-8 in a header that is
 * read. A Requires-Python that cannot be parsed asks
 * for nothing and gets a warning, as from pip. */
int metadata_parse(struct arena *a, struct text bytes, struct metadata *out, struct err *err);

/* Whether Dynamic names this field, given in lower case. */
bool metadata_is_dynamic(const struct metadata *m, const char *field);

/* The first value of a header in any text of that form, the name in any case, the value trimmed; continuation
 * lines stand in it as they are, line ends included. False if absent. */
bool headers_get(struct text bytes, const char *name, struct text *value);

struct wheel_file {
    const char *wheel_version; /* "1.0" */
    bool root_is_purelib;
};
/* A newer major Wheel-Version is refused, a newer minor accepted. */
int wheel_file_parse(struct arena *a, struct text bytes, struct wheel_file *out, struct err *err);
