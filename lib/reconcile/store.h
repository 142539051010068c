/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where wheels are unpacked: the cache; or, where that cannot be written or is full, a folder of this run's
 * own, which costs the next run its speed and this one nothing: beside the venv, from where files are linked,
 * and in TMPDIR for commands that change nothing there.
 */
#pragma once
#include "reconcile/session.h"

/* The folder, in the layout of the cache. */
const char *store_dir(const struct session *s);
/* Sees to it that something can be put there. */
int store_open(struct session *s, struct err *err);
/* After a failure of the cache: true when there is another folder from now on. A folder on the same full
 * volume is none. Says so, once. */
bool store_switch(struct session *s, const struct err *why);
/* Makes the cache one of this run alone, in TMPDIR: whatever ends the run, store_close or the next such run
 * removes it. Before anything asks for the cache. */
int store_temporary(struct session *s, struct err *err);
/* Removes the folder of this run, and a cache that is its alone. */
void store_close(struct session *s);
/* Removes what a killed sync left of one. The lock must be held. */
int store_sweep(struct session *s, struct err *err);
