/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folder that `bake` writes: wheels, and the pylock.toml that names them. All of it is staged in a hidden
 * folder there, and put in place at the end: a bake that fails leaves the folder as it was. Files that no
 * earlier bake wrote are never touched.
 */
#pragma once
#include "reconcile/lock_write.h"

#define BAKED_LOCK "pylock.toml"

struct baked {
    struct session *s;
    const char *folder;  /* absolute */
    const char *above;   /* the nearest to it that was there before: itself, or one above it */
    struct lock earlier; /* of the bake before; without packages where there was none */
    char *staging;       /* NULL until it is made */
    int staging_lock;
    bool done;
    struct strings wheels, staged; /* the names of all, and of those that are to be put in place */
    long long bytes;               /* of all */
};

#define cleanup_baked __attribute__((cleanup(baked_close)))

/* Makes the folder, and s->archives and what else a bake may write to. ERR_USAGE where it holds a lock that
 * is no earlier bake's. Before restrict_writes. */
int baked_open(struct baked *b, struct session *s, const char *folder, struct err *err);
/* Without baked_commit everything is as it was. */
void baked_close(struct baked *b);

/* Takes a wheel from the staging folder, whose SHA-256 is `expected` (NULL: whatever it is), as wheel->name,
 * and fills in what can be told of the file. ERR_USAGE where another of this name is there that no bake
 * wrote. */
int baked_add(struct baked *b, const char *from, const char *expected, struct lock_wheel *wheel,
              struct err *err);

/* Puts all wheels in place, then the lock, and removes what only the earlier bake had. What is there with
 * these bytes already is left alone. */
int baked_commit(struct baked *b, struct text lock, struct err *err);
