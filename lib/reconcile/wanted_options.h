/* SPDX-License-Identifier: Apache-2.0 */
/* Options that stand in requirements files: for the whole solve, or of one requirement. */
#pragma once
#include "python/hashes.h"
#include "python/requirements_file.h"
#include "reconcile/session.h"

/* How far hashes are checked in a file that is named, with all that it includes. */
struct hash_mode {
    bool given;   /* some requirement or constraint of it has a hash */
    bool require; /* --require-hashes */
    bool waive;   /* --no-require-hashes */
};

/* Takes an option line's option, --editable aside, into the session's settings (as pip does: the last one
 * said counts, and a new --index-url forgets all indexes named before) or into *mode. `path`: of the file,
 * which relative folders of find-links count from; `from`: FILE:LINE. ERR_INPUT says what is wrong with its
 * value. */
int wanted_option(struct session *s, struct hash_mode *mode, const char *path, const char *from,
                  const struct requirements_line *line, struct err *err);

/* Notes the --config-settings that stand behind a requirement, for when it is built. */
void wanted_build_settings(struct session *s, const char *name, const char *options);
/* The hashes among the options of a requirement, NULL when there are none. One that no file can have gets a
 * warning and counts as none that fits. */
const struct hashes *wanted_hashes(struct arena *a, const char *from, const char *options);
