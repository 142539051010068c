/* SPDX-License-Identifier: Apache-2.0 */
/* One writer: an open-file-description lock (fcntl(2), F_OFD_SETLK) on SYNC_LOCK in the extensions folder. */
#pragma once
#include "base/error.h"
#include "base/memory.h"

#include <stdbool.h>

/* Waits for the lock, saying once who holds it. Returns a descriptor whose closing releases it; -1 with
 * *unlocked set, after one warning, where the volume has no locks; -1 with err set on failure. */
int lock_take(const char *extensions_dir, bool *unlocked, struct err *err);

/* Who has the lock now, without waiting or writing: "" when nobody has, else a clause of the arena that says
 * who, or that it is not known. */
const char *lock_look(struct arena *a, const char *extensions_dir);

/* Who only looks does not wait, and makes no lock where no sync ever was. Returns such a descriptor; -1 where
 * it cannot be had, and nothing is known of who else is at work, with err set: with *holder (of the arena, as
 * lock_file_holder) where somebody has it, else NULL. */
int lock_try(struct arena *a, const char *extensions_dir, const char **holder, struct err *err);
