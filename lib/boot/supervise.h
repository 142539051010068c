/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In place of LocalStack's supervisor, and as it does: LocalStack is a child in our process group, and has
 * our PID in SUPERVISOR_PID. USR1 starts it anew, TERM and INT end it and us: it gets a TERM, and KILL when
 * SHUTDOWN_TIMEOUT has passed. Every other signal is dropped.
 *
 * Where that one hangs or loses a signal this goes on: it does not wait for orphans before LocalStack is
 * started anew or before it ends, and a TERM during a restart ends it.
 */
#pragma once
#include "boot/extensions.h"

/* Runs LocalStack, or LOCALSTACK_SUPERVISOR_COMMAND, or argv where that has a command. Returns the exit
 * status: 0 after TERM and INT; that of the child where it ended by itself, 256-n by signal n; 2 for a
 * LOCALSTACK_SUPERVISOR_COMMAND that cannot be read; 126 when there could be no process; 128+n when SIGTERM
 * or SIGINT came before there was one. `watch`: developers' sources are watched, for LocalStack alone. */
int supervise_run(const struct extensions_boot *boot, bool watch, char **argv);
