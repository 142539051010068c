/* SPDX-License-Identifier: Apache-2.0 */
/* One writer: an open-file-description lock (fcntl(2), F_OFD_SETLK) on SYNC_LOCK in the extensions folder. */
#pragma once
#include "base/error.h"

#include <stdbool.h>

/* Waits for the lock, saying once who holds it. Returns a descriptor whose closing releases it; -1 with
 * *unlocked set, after one warning, where the volume has no locks; -1 with err set on failure. */
int lock_take(const char *extensions_dir, bool *unlocked, struct err *err);
