/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "boot/signals.h"
#include "boot/state.h"

/* Becomes the command (NULL or empty: LocalStack's supervisor). Returns only when that failed or a signal
 * came first: with the exit status. */
int command_exec(struct arena *a, const struct signals *signals, const struct boot_paths *paths, char **env,
                 char **argv);
