/* SPDX-License-Identifier: Apache-2.0 */
/* Text files of Python's world as UTF-8. */
#pragma once
#include "base/error.h"
#include "base/text.h"

/* Appends the bytes as UTF-8 to *out: by their byte order mark (UTF-8, UTF-16, UTF-32), else by a coding
 * comment in the first two lines (PEP 263: utf-8, ascii, latin-1), else as UTF-8. Bytes that are none, a NUL
 * and any other encoding are ERR_INPUT with the line. */
int decode_text(struct text bytes, struct buf *out, struct err *err);

bool decode_is_utf8(struct text t);

/* The length of the white space character that UTF-8 text begins with, 0 when it begins with none: what
 * Python's str.strip takes off. */
size_t decode_space(struct text t);
/* Without all of that around it, as str.strip. */
struct text decode_trim(struct text t);

/* The next line of *rest as Python reads text files: \n, \r\n or \r alone ends it. False at the end. */
bool decode_line(struct text *rest, struct text *line);
