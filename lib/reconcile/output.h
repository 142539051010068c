/* SPDX-License-Identifier: Apache-2.0 */
/* What a command was asked for, on standard output: text or JSON, without anybody's credentials. */
#pragma once
#include "base/error.h"
#include "base/text.h"

#include <jansson.h>

/* A JSON string, passwords in URLs replaced by ****; what is no UTF-8 is escaped as log_escape does it. null
 * for NULL. */
json_t *output_json_text(const char *text);

/* Both fail with ERR_SYSTEM where standard output cannot be written. output_json takes the reference over and
 * ends the value with a newline. */
int output_text(const struct buf *text, struct err *err);
int output_json(json_t *root, struct err *err);
