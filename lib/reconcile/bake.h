/* SPDX-License-Identifier: Apache-2.0 */
/* `bake`: all wheels of what is asked for, with the lock that installs them, in a folder of an image. */
#pragma once
#include "reconcile/session.h"

/*
 * Solves as a sync into an empty venv would, whatever the volume holds, and writes the wheels and their lock
 * to s->options->folder; what is built from source is built now. Without --cache-dir everything else stands
 * in a temporary folder. Returns the exit status: 1 where something cannot be had, and then nothing is
 * written.
 */
int bake_run(struct session *s, struct err *err);
