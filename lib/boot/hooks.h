/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "boot/signals.h"
#include "boot/state.h"

/* Runs LocalStack's BOOT hooks, where there are any. 0: the boot goes on; else the status with which it ends.
 */
int hooks_run(const struct signals *signals, const struct boot_paths *paths, char **env);
