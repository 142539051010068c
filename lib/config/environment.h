/* SPDX-License-Identifier: Apache-2.0 */
/* LocalStack's rules for environment variables. */
#pragma once
#include "base/array.h"
#include "base/memory.h"

#include <stdbool.h>

/* A copy of an environment with the LOCALSTACK_ prefix rule applied: LOCALSTACK_X=v also sets X=v, over an X
 * that was set, and stays itself; not for names that begin with LOCALSTACK_HOST, nor with LOCALSTACK_ and a
 * digit or nothing. Entries without "=" are kept as they are. Any value passes unchanged. Strings are shared
 * with the original where they can be. */
char **environment_strip_prefix(struct arena *a, char *const *environ_in);
/* NULL when it is not set. */
const char *environment_get(char *const *env, const char *name);
/* What a variable's value is, without the value, which can be a password: digest_print under a salt; "-"
 * where it is not set or empty, which is one to pip. `env` may be NULL: none is set. */
char *environment_print(struct arena *a, char *const *env, const char *name, const char *salt);
/* Sets or replaces NAME=VALUE in an environment of ours (value NULL removes it); returns the environment,
 * maybe moved. */
char **environment_set(struct arena *a, char **env, const char *name, const char *value);
/* "1" or "true" in any case. */
bool environment_is_true(const char *value);
/* Looks for names that resemble a setting of ours but are none (EXTENSION_AUTO_LOAD); appends one sentence
 * each, naming the right one. */
void environment_misspelt(struct arena *a, char *const *env, struct strings *warnings);
