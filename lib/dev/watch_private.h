/* SPDX-License-Identifier: Apache-2.0 */
/* Of watch*.c alone. */
#pragma once
#include "base/strmap.h"
#include "dev/watch.h"

#include <sys/types.h>

struct watched_file {
    const char *path;
    long long size, mtime_ns;
};

/* All files of a source as they were when it was looked through, sorted by path. */
struct snapshot {
    struct arena paths;
    struct ARRAY(struct watched_file) files;
};

enum watched_how { WATCHED_ABSENT, WATCHED_NOTIFIED, WATCHED_POLLED };

struct watched_root {
    const char *folder;
    enum watched_how how;
    bool was_polled; /* it has been said why */
    dev_t device;    /* of the folder that is watched by that name, */
    ino_t inode;     /* when it is NOTIFIED */
    struct snapshot files;
    long long look_ms; /* when it is looked at again */
};

/* A folder that the kernel watches. */
struct watched_dir {
    int descriptor;
    size_t root;
    char *path;
};

/* A path that something happened to in this burst of changes. */
struct watched_name {
    const char *path;
    size_t root;
    bool made;   /* it was not there before */
    bool counts; /* else only that it was made is of interest */
};

struct watch {
    struct arena memory; /* of the roots */
    struct ARRAY(struct watched_root) roots;
    int notify;                            /* -1: none */
    struct ARRAY(struct watched_dir) dirs; /* sorted by descriptor */
    struct strmap places;                  /* path -> its index in `names`, plus one */
    struct ARRAY(struct watched_name) names;
    bool uncertain;
    bool told;                   /* the burst was handed out */
    unsigned moved;              /* the cookie of the last rename of a file that had been there before */
    long long first_ms, last_ms; /* of this burst; 0: there is none */
    struct strings named;        /* of the last change */
};

/* ---- watch_burst.c */

/* The entry, until the next call; NULL where there are too many. */
struct watched_name *burst_add(struct watch *w, size_t root, const char *path, bool made, bool counts);
/* Something happened that nobody can name. */
void burst_add_unknown(struct watch *w);
/* What of it is left now; false: nothing. */
bool burst_settle(struct watch *w, struct watch_change *out);
void burst_clear(struct watch *w);

/* ---- watch_notify.c */

/* Has the kernel watch a whole source, or the folder `path` in it; `fresh`: what is in there is new.
 * Negative, with errno set, where it does not: EOPNOTSUPP where its file system tells of no changes. */
int notify_add(struct watch *w, size_t root, const char *path, bool fresh);
/* Whether such an errno means that the kernel cannot watch, rather than that a folder is gone or not to be
 * read. */
bool notify_is_no_use(int sysno);
void notify_forget(struct watch *w, size_t root);
/* Takes in what has happened. */
void notify_read(struct watch *w);
void notify_close(struct watch *w);

/* ---- watch_poll.c */

/* Looks through a source, and adds what differs from what was there the last time, if there was one. Negative
 * with errno set where it could not. */
int snapshot_compare(struct watch *w, size_t root, bool first);
void snapshot_free(struct snapshot *s);

/* ---- watch.c */

/* It is no longer there, or somebody else took its name. */
void root_lost(struct watch *w, size_t root);
/* Looks through it from now on; why: such an errno. */
void root_poll(struct watch *w, size_t root, int why);
/* After the kernel has lost count: begins anew with all that it watches. */
void roots_again(struct watch *w);
