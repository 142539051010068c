/* SPDX-License-Identifier: Apache-2.0 */
/* What a venv consists of besides distributions. */
#pragma once
#include "base/fs.h"
#include "venv/interpreter.h"

#define LAYOUT_PTH "localstack-venv.pth" /* in the extensions venv's site-packages */

/* Makes an empty venv in the (existing, empty) folder `fd` whose final path is final_dir: bin/python*,
 * bin/pip* (that run the base's pip through the link), activate scripts for sh, csh, fish and PowerShell,
 * lib64 -> lib (left out where the volume has no links), include, .gitignore, pyvenv.cfg, site-packages with
 * __pycache__ and localstack-venv.pth (one folder of the base a line). pyvenv.cfg also holds the sync's
 * number as `localstack-sync = N`. A base without pip gets ensurepip's. */
int layout_create(int fd, const char *final_dir, const struct interpreter *py, unsigned long long number,
                  struct err *err);

/* Appends the first line (or, where the kernel would not take it, the first three) of a Python script in the
 * venv at final_dir, its \n included: #! of bin/python, or the /bin/sh form that pip writes for paths that
 * are long or have a blank. */
void layout_shebang(struct buf *to, const char *final_dir);

/* Whether a script begins as layout_shebang has it, or as pip and venv write it for the venv at final_dir. */
bool layout_names_own_python(const char *final_dir, struct text script);

/* What localstack-venv.pth holds: one folder of the base a line. */
void layout_pth(struct buf *to, const struct interpreter *py);

/* Whether the venv at `dir` is one that can be kept, as made by layout_create or by `python -m venv` and
 * today's installer for this very interpreter and base: NULL, or the reason why it has to be rebuilt, a
 * clause ("it was made for Python 3.12", "bin/pip is missing"). */
const char *layout_check(struct arena *a, const char *dir, const struct interpreter *py);

struct layout_fault {
    const char *path; /* absolute */
    const char *how;  /* a clause whose subject the path is */
};
struct layout_faults ARRAY(struct layout_fault);
/* Appends what of the venv's own files is missing or is not as layout_create makes it, though the venv can be
 * kept: the next staging writes them anew. */
void layout_damage(struct arena *a, const char *dir, const struct interpreter *py, struct layout_faults *out);

/* Whether a relative path is one of the venv's own, which no wheel may bring. */
bool layout_owns(const char *path, const char *site_packages);

/* Whether the volume takes names that differ by case for one: pyvenv.cfg is there by another name. */
bool layout_folds_case(int fd);

/* Whether programs in the venv can be executed at all, as its own bin/pip tells: not where the volume has no
 * modes or is mounted with noexec. */
bool layout_runs_programs(const char *venv_dir);

/* The number in pyvenv.cfg; 0 where there is none. */
unsigned long long layout_number(const char *venv_dir);
