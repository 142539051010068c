/* SPDX-License-Identifier: Apache-2.0 */
/* Sources that are linked, among what is asked for: a source stands in for every other version of its
 * distribution. */
#pragma once
#include "reconcile/wanted.h"

/* Developers' sources become roots, which come before all others; what cannot be used is in w->failures.
 * Negative only for what concerns all. */
int wanted_sources(struct session *s, struct wanted *w, struct err *err);

/* The folder that an editable requirement names joins the sources; r->url becomes the source's. ERR_INPUT
 * where it cannot be used. */
int wanted_editable(struct session *s, struct wanted *w, struct requirement *r, const char *from,
                    struct err *err);

/* When all has been read: whoever asks for another version of a source's distribution is content with the
 * source. */
void wanted_settle(struct session *s, struct wanted *w);

/* A copy of the requirement that any version meets, if there is a source of that name; else as it is. */
struct requirement wanted_loosened(const struct wanted *w, const struct requirement *r);
