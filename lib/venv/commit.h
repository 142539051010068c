/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All or nothing: the next venv is staged beside the old one and takes its place under a record that is on
 * disk before the first step, so that whoever comes next can finish what was begun. In EXTENSIONS_DIR:
 * .localstack-extensions.lock, .staging, .commit, .state (names below).
 */
#pragma once
#include "base/error.h"
#include "base/memory.h"
#include "boot/state.h" /* SYNC_LOCK, SYNC_STAGING, SYNC_COMMIT, SYNC_STATE */

#include <stdbool.h>

/* What site-packages looked like when staging began: names, and mtimes of dist-infos. Text that is compared.
 */
char *commit_snapshot(struct arena *a, const char *venv_dir, const char *site_packages, struct err *err);

/* Finishes a commit that an earlier run began, if there is a record, and removes leftovers of staging; where
 * somebody changed the old venv meanwhile, that comes back instead. The lock must be held. *finished (may be
 * NULL): whether one was finished. */
int commit_recover(const char *extensions_dir, const char *venv_dir, bool *finished, struct err *err);

/* Whether a sync writes a file of this name beside the venv, which a killed one leaves under fs_new_name. */
bool commit_writes(const char *name);

/* Whether there is a record: the switch to a new venv has begun. */
bool commit_is_pending(const char *extensions_dir);

/* Whether a venv is no more as it was when the snapshot (of commit_snapshot; NULL: never) was taken. */
bool commit_changed(const char *venv_dir, const char *site_packages, const char *snapshot);

/* Before anything is staged: a folder that is somebody else's can be moved in no way, as the kernel sees it
 * only in the middle of the switch. ERR_SYSTEM says whose it is and what to do. */
int commit_may_replace(const char *extensions_dir, const char *venv_dir, struct err *err);

/* Makes SYNC_STAGING/venv, empty, and returns a descriptor of it. */
int commit_stage(const char *extensions_dir, struct err *err);

/*
 * Puts the staged venv, whose number is `number`, in the place of venv_dir. snapshot: of the old one, taken
 * when staging began (NULL where there was none). Returns 0 when it is done; 1 when somebody changed the old
 * one meanwhile (nothing was switched: stage again); negative on failure (the venv is the old one, or, with a
 * record on disk, the next run finishes).
 */
int commit_switch(const char *extensions_dir, const char *venv_dir, const char *site_packages,
                  unsigned long long number, const char *snapshot, struct err *err);
