/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "boot/extensions.h"

/* Whether that is LocalStack's supervisor. */
bool command_is_localstack(const struct extensions_boot *boot, char *const *argv);
/* Becomes the command (NULL or empty: LocalStack's supervisor). Returns only when that failed or a signal
 * came first: with the exit status. `watch`: LocalStack's supervisor gets the watcher of watcher.h. */
int command_exec(const struct extensions_boot *boot, bool watch, char **argv);
/* The environment for LocalStack: what was set aside here, nobody's pip shall force in. */
char **command_localstack_env(const struct extensions_boot *boot);
/* Says why a program could not be executed, and returns the exit status for it: 126 or 127. */
int command_failed(const char *program, int sysno);
