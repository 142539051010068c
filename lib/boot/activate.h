/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "boot/state.h"

/* The environment as the base's bin/activate would make it: VIRTUAL_ENV, VIRTUAL_ENV_PROMPT, PATH, no
 * PYTHONHOME. */
char **activate(struct arena *a, const struct boot_paths *paths, char **env);
