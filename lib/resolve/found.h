/* SPDX-License-Identifier: Apache-2.0 */
/* What a solve found, made into the result: only what the requirements lead to. */
#pragma once
#include "resolve/solve.h"

void found(struct arena *a, struct solve *s, struct resolution *out);
