/* SPDX-License-Identifier: Apache-2.0 */
/* Of process.c alone: who stands between us and a child with a family. */
#pragma once
#include <sys/types.h>

/* In a fresh child of `parent`: starts `work` (which does not return, and is told the pid of its parent) in a
 * child of its own; once that has ended, or a SIGTERM asks for it, or the parent has died, it kills all
 * descendants, and exits with the status of the first, or 128+n. */
_Noreturn void process_keep(pid_t parent, int report, void (*work)(void *context, pid_t parent),
                            void *context);
