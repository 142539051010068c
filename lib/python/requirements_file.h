/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pip's requirements file format, and the comma-separated list of EXTENSION_AUTO_INSTALL. Pure: nested files
 * are read by the caller, through the -r and -c lines that this hands out.
 */
#pragma once
#include "base/array.h"
#include "base/error.h"
#include "base/text.h"

enum requirements_line_kind {
    LINE_REQUIREMENT, /* value: the requirement's text, its per-requirement options cut off */
    LINE_INCLUDE,     /* -r, --requirement; value: the path or URL as written */
    LINE_CONSTRAINT,  /* -c, --constraint; value: the path or URL as written */
    LINE_OPTION,      /* any other option of pip's; name and value (value "" for a flag) */
    LINE_ERROR,       /* cannot be understood; value: why */
};

struct requirements_line {
    enum requirements_line_kind kind;
    unsigned line;    /* of the first physical line, from 1 */
    const char *text; /* the logical line as pip sees it: continued, comments cut, variables expanded */
    const char *name; /* of an option, its long form: "--index-url" */
    const char *value;
    /* Of a requirement or --editable: what stands behind it, in the long form with one blank between:
     * "--hash=sha256:… --hash=sha256:…"; "" for none. pip ignores options of the file here. */
    const char *options;
};

struct requirements_lines ARRAY(struct requirements_line);

/* Splits a file into lines by pip's rules: continuation by a backslash at the end of a line, comments from a
 * # at the beginning or after white space, ${VAR} expanded where the environment has it (getenv-like
 * callback; NULL expands nothing), CRLF, BOM (UTF-8, UTF-16 and UTF-32), PEP 263 coding line (utf-8, ascii
 * and latin-1). A line with several options becomes several. Of a line over 1 MiB only the
 * beginning is handed out, as a LINE_ERROR. Undecodable bytes are ERR_INPUT with the line. Strings belong to
 * the arena; *out is emptied with array_free. */
int requirements_file_parse(struct arena *a, struct text bytes,
                            const char *(*variable)(void *ctx, const char *name), void *ctx,
                            struct requirements_lines *out, struct err *err);

/* Splits EXTENSION_AUTO_INSTALL: a comma separates when, outside (), [] and quotes, what follows (blanks
 * passed over) begins like a requirement: a letter, digit, ".", "/" or SCHEME:. A bracket or quote that is
 * never closed is a letter like any other. Empty pieces and commas at the end are dropped, pieces are
 * trimmed. */
void requirements_list_split(struct arena *a, struct text list, struct strings *out);
