/* SPDX-License-Identifier: Apache-2.0 */
/* What setuptools leaves beside a source or, when it is old, in site-packages: PKG-INFO with requires.txt. */
#pragma once
#include "base/error.h"
#include "base/text.h"

/* *bytes: PKG-INFO of the egg-info folder `info`. Where it has no Requires-Dist, which older setuptools wrote
 * into requires.txt alone, its headers are completed by that file, and the description behind them is
 * dropped. */
int egg_info_complete(struct arena *a, const char *info, struct buf *bytes, struct err *err);
