/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `doctor` found: a JSON object of sections, and what is wrong. All text goes through here, so that none
 * of it has a credential: it is meant to be shown to others.
 */
#pragma once
#include "reconcile/session.h"

#include <jansson.h>

struct report {
    struct session *s;
    json_t *root;     /* sections by name, in order; "problems" is the last */
    json_t *problems; /* strings: what is wrong, and what to do */
};
#define cleanup_report __attribute__((cleanup(report_free)))

void report_free(struct report *r);

/* What is wrong, and what to do about it; said twice it stands there once. */
void report_problem(struct report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A string for the report, null for NULL: without passwords and tokens of URLs, the values in their queries,
 * and USER:PASSWORD@ without a scheme in front. */
json_t *report_text(const char *text);
/* The same for a single URL, or proxy, that may be malformed: all before its last @ is a secret. */
json_t *report_url(const char *text);

/* Fills r->root by looking at everything; changes nothing but the cache's note of the interpreter.
 * settings_fault: what is wrong with the settings, a line each, or NULL. */
void doctor_examine(struct report *r, struct session *s, const char *settings_fault);

/* doctor_index.c: the section "indexes". */
json_t *doctor_indexes(struct report *r);
