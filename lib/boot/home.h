/* SPDX-License-Identifier: Apache-2.0 */
/* Folders that LocalStack needs before it starts, and a HOME that can be written to. */
#pragma once
#include "boot/state.h"

/* Makes the folder for logs where it is missing; a warning when it cannot. */
void home_make_logs(const struct boot_paths *paths);
/* The environment with a HOME that can be written to: the one that it has, or one of our own. */
char **home_choose(struct arena *a, const struct boot_paths *paths, char **env);
