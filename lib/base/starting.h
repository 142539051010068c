/* SPDX-License-Identifier: Apache-2.0 */
/* What its user can do when the kernel starts no process, or does not let it become a program. */
#pragma once
#include "base/error.h"
#include "base/text.h"

/* A clause for behind "; ", or NULL where the errno says all that there is to say. `env`: what the program
 * was to have. */
const char *starting_advice(struct arena *a, int sysno, char *const *env);

/* Sets the error: "cannot WHAT PROGRAM: REASON; ADVICE", with sysno kept. Returns -1. */
int starting_failed(const char *what, const char *program, int sysno, char *const *env, struct err *err);
