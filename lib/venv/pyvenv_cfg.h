/* SPDX-License-Identifier: Apache-2.0 */
/* pyvenv.cfg: lines of KEY = VALUE. */
#pragma once
#include "base/text.h"

enum { PYVENV_CFG_LIMIT = 1 << 20 };

/* The first value of a key as site.py reads it: keys in any case, white space around both dropped. The
 * pointer is NULL where the key is not there. */
struct text pyvenv_cfg_get(struct text cfg, const char *key);
