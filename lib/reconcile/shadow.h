/* SPDX-License-Identifier: Apache-2.0 */
/* Import packages that a wheel brings and the base has as well, under another distribution's name. */
#pragma once
#include "reconcile/plan.h"

/* Warns of each: LocalStack imports the base's. Namespace packages, which are shared, do not count. */
void shadow_warn(struct session *s, const struct plan *plan, const struct unpacked *wheels);
