/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wheels unpacked once into the cache: CACHE/unpacked/KEY/ holds `tree/` (the wheel's files under their
 * archive paths), and `list`, written last: the sha256 of the archive and of each file path, size, mtime and
 * mode. An entry without a complete list does not exist.
 */
#pragma once
#include "base/array.h"
#include "base/error.h"
#include "python/metadata.h"
#include "python/wheel_name.h"

struct unpacked_file {
    const char *path; /* inside the archive */
    long long size;
    long long mtime_ns;
    bool executable;    /* 0755, else 0644; scripts of the .data folder always are */
    unsigned mode;      /* what the file in the cache has: other than that where the volume has no modes */
    const char *sha256; /* RECORD form: URL-safe base64 without padding; computed while unpacking */
};

struct unpacked {
    const char *dir;        /* CACHE/unpacked/KEY */
    const char *built_name; /* of a wheel that was built here: its file name; else NULL */
    const char *sha256;     /* of the archive, hex */
    const char *dist_info;  /* "Flask-3.1.3.dist-info" */
    const char *data_dir;   /* "Flask-3.1.3.data", whether the wheel has one or not */
    bool root_is_purelib;
    struct unpacked_file *files; /* sorted by path */
    size_t count;
};

/*
 * Unpacks an archive (an open descriptor, positioned anywhere) whose SHA-256 is `key`, all or nothing: staged
 * beside the entry (in a folder .KEY.RANDOM.new, locked by its maker) and renamed. Verified on the way: every
 * file against RECORD (sha256 or stronger; md5 and sha1 alone are refused), no file missing from either side
 * (but RECORD, RECORD.jws, RECORD.p7s themselves), no path that is absolute, has "..", empty or "." parts,
 * backslashes, NUL or other control characters; no duplicates; no links, devices or folders in place of
 * files; no encryption; only stored and deflated; sizes as declared; the dist-info's and METADATA's name and
 * version are those of the file name; WHEEL's version is one we know. ERR_INPUT says which file is at fault
 * and how. If the entry exists already it is opened instead. `name`: the wheel's file name.
 */
int unpacked_make(struct arena *a, const char *cache_dir, const char *key, int archive, const char *name,
                  struct unpacked *out, struct err *err);

/* Opens an entry. ERR_NOT_FOUND when there is none. With `verify`, size, mtime and mode of every file are
 * compared with the list; an entry that differs is removed, with a warning, and not found. */
int unpacked_open(struct arena *a, const char *cache_dir, const char *key, bool verify, struct unpacked *out,
                  struct err *err);

/* NULL, or what about a file of an entry is not as the list has it; that its group may read and write it,
 * too, is no difference. */
const char *unpacked_difference(int dirfd, const char *name, const struct unpacked_file *f);

/* Reads every file of an entry that was opened and compares its digest; one that differs is removed, with a
 * warning, and not found. */
int unpacked_verify(const char *cache_dir, const struct unpacked *u, struct err *err);

/* Whether an entry is that of the distribution and version that a file name says: an entry is found by its
 * digest alone, and a page may give the digest of one wheel under the name of another. */
bool unpacked_is(const struct unpacked *u, const char *file_name);

/* Whether an entry that was opened is still there, as it was: a cache may be pruned or deleted at any time.
 */
bool unpacked_is_whole(const struct unpacked *u);

/* What an entry's METADATA says; of the arena. */
int unpacked_metadata(struct arena *a, const struct unpacked *u, const struct metadata **out,
                      struct err *err);

/* What follows works in a descriptor of CACHE/unpacked: who removes has to know that it is no link to
 * somewhere else (fs_open_dir). */

/* An entry's list alone; out->dir stays NULL. ERR_NOT_FOUND when there is none, ERR_INPUT when it is damaged.
 */
int unpacked_read(struct arena *a, int folder, const char *key, struct unpacked *out, struct err *err);

/* Removes an entry. Somebody may be linking from it at this moment: it goes under another name first, so that
 * nobody opens half of it. Absent is success. */
int unpacked_remove(int folder, const char *key, struct err *err);

/* Removes what makers left who were killed; nobody's that is still at it. A folder that cannot be written is
 * left alone. */
void unpacked_sweep(int folder);
