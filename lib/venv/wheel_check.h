/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an archive is the wheel that its file name says, before anything of it is written. */
#pragma once
#include "python/record.h"
#include "python/wheel_name.h"
#include "venv/archive.h"

struct wheel_contents {
    const char *dist_info; /* "Flask-3.1.3.dist-info" */
    const char *data_dir;  /* "Flask-3.1.3.data", whether there is one or not */
    bool root_is_purelib;
    const struct record_entry **expected; /* for each member of the archive; NULL for folders, RECORD itself
                                             and its signatures, which have no digest */
};

/* ERR_INPUT when there is not exactly one .dist-info, it, METADATA or a .data folder are not those of the
 * file name, WHEEL has a version that we do not know, RECORD is missing or cannot be parsed, a file is
 * missing from RECORD or from the archive, has no digest, or one weaker than SHA-256, or another size. */
int wheel_check(struct arena *a, const struct archive *archive, struct archive_reader *reader,
                struct text file_name, struct wheel_contents *out, struct err *err);

/* "Flask-3.1.3.data" of "Flask-3.1.3.dist-info". */
char *wheel_data_dir(struct arena *a, const char *dist_info);

/* Whether NAME-VERSION.dist-info (or .data) is of the distribution and version of a file name, however both
 * are spelt. */
bool wheel_info_is(struct arena *a, struct text folder, const struct wheel_name *name);
