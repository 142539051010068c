/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small init, in place of the exec. The command is a child in a process group of its own, in the foreground
 * where we were. That group gets every signal that we get, but SIGCHLD (where the command is LocalStack's
 * supervisor, that one alone, which hands on what is for LocalStack); we reap it and whatever else is left to
 * us.
 *
 * What tini and dumb-init leave hanging goes on here. The terminal is taken from nobody: not from the shell
 * that started us in the background; and it is given back. A command that is stopped at its terminal stops us
 * as well, so that the shell above hears of it; where there is no such shell (the first process of a
 * container) nobody could continue it, so it goes on, as the kernel would have it for a process group that is
 * orphaned.
 */
#pragma once
#include "boot/extensions.h"

/* From the first child on, orphans are ours to reap: as PID 1 they are anyway. */
void init_adopt_orphans(void);
/* Runs the command (NULL or empty: LocalStack's supervisor), and returns its exit status, or 128+n; 128+n too
 * when SIGTERM or SIGINT came before it was there, and 126 when there could be no process. `watch` as in
 * command.h. */
int init_run(const struct extensions_boot *boot, bool watch, char **argv);
