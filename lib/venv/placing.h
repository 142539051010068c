/* SPDX-License-Identifier: Apache-2.0 */
/* What wheels and developers' sources have in common on their way into a staged venv: whose a path is, and
 * what may stand in its place already. */
#pragma once
#include "base/strmap.h"
#include "venv/linker.h"
#include "venv/tree.h"

/* Where things go; all folders exist below `fd`, the staged venv's root. */
struct install_target {
    int fd;                    /* the staged venv */
    const char *final_dir;     /* the venv's final absolute path: for #! and for nothing else */
    const char *site_packages; /* relative: "lib/python3.13/site-packages" */
    const char *include;       /* relative: "include/site/python3.13" */
    struct linker *linker;
    struct strmap *owners; /* relative path in the venv -> name of the distribution that it belongs to (char
                            *), kept by the caller over all installations: a second owner is refused */
};

/* Stands in each folder of a namespace package that has links to sources in it, and in no RECORD: pip takes a
 * folder for one distribution's when all files in it are, and links to folders are no files to it. So it
 * would remove the links of others with the folder. */
#define PLACING_NAMESPACE_MARK "localstack-extensions-namespace.txt"

struct placing {
    const struct install_target *target;
    const char *owner; /* the distribution's name, normalised */
    bool overwrite;    /* a file that is there and nobody's gives way: its RECORD was lost */
    struct arena a;
    struct tree_walk to; /* the staged venv */
};

void placing_begin(struct placing *p, const struct install_target *target, const char *owner, bool overwrite);
void placing_end(struct placing *p);

/* Refuses what is not this distribution's to bring; takes possession of the rest. Paths are relative to the
 * venv. */
int placing_claim(struct placing *p, const char *path, struct err *err);
/* The folder that a path lies in, made where there is none: as tree_walk_to, whose error names the
 * distribution that has a file or link in the place of a folder. */
int placing_folder(struct placing *p, const char *path, const char **name, struct err *err);
/* Writes a file that was claimed. ERR_INPUT where one is there that does not give way. */
int placing_write(struct placing *p, const char *path, struct text bytes, bool executable, struct err *err);
/* Makes a symbolic link that was claimed. What gives way to it: a link that leads to the same, a folder with
 * nothing but byte code in it, and, with `overwrite`, any file or link that is nobody's. */
int placing_link(struct placing *p, const char *path, const char *target, struct err *err);
