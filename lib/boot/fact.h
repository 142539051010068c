/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an input of the sync is like now, as a short text that is the same exactly when the input is. No
 * device, inode or change time goes into one: a new container of the same image over the same volume has
 * others.
 */
#pragma once
#include "boot/state.h"

#define FACT_ABSENT "-"
#define FACT_UNREADABLE "?"

/* Appends the bytes of a regular file of at most `limit`; 0, or an errno. Anything else than a regular file
 * is refused and not waited for. */
int fact_read(const char *path, size_t limit, struct buf *out);
/* SHA-256 of a regular file's bytes. */
char *fact_file(struct arena *a, const char *path);
/* Size and mtime in nanoseconds. */
char *fact_stat(struct arena *a, const char *path);
/* mtime in nanoseconds. */
char *fact_mtime(struct arena *a, const char *path);
/* The names of the distributions in a folder of the base. */
char *fact_distributions(struct arena *a, const char *folder);
/* A developer's source: the names at its top level, and name, size and mtime of what says what it installs.
 */
char *fact_source(struct arena *a, const char *folder);
/* The code of a source that is to be imported to know its entry points: path, size and mtime of each of its
 * files. */
char *fact_code(struct arena *a, const char *folder);
/* The sync's number in a venv's pyvenv.cfg. */
char *fact_number(struct arena *a, const char *venv);
/* The machine as uname(2) has it. */
char *fact_machine(struct arena *a);
