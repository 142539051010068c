/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file system, through system calls that name what they were doing when they fail. All descriptors are
 * opened with O_CLOEXEC; all paths may be relative to a directory descriptor (AT_FDCWD for none).
 */
#pragma once
#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/* ROOT (may be NULL or "") and an absolute path made one; the result belongs to the arena. */
char *path_under(struct arena *a, const char *root, const char *path);
char *path_join(struct arena *a, const char *dir, const char *name);
/* The part after the last slash ("" when the path ends in one). */
const char *path_base(const char *path);
/* A path made absolute against the working directory, with "." and ".." and doubled slashes resolved by text
 * alone (symbolic links are not followed). */
char *path_absolute(struct arena *a, const char *path);

/* Puts /dev/null where 0, 1 or 2 is closed: else the next file that is opened has that number, and what is
 * said is written into it. flags: O_CLOEXEC where whoever comes by exec is to find them closed all the same.
 */
void fs_fill_standard(int flags);

/* Reads a whole file of at most `limit` bytes into *out (appended), and waits for nobody: ERR_INPUT says what
 * is larger, or of what kind it is when that is one of fs_unreadable. A character device (/dev/null) is
 * read as far as it has something at once. The error's sysno is ENOENT when there is none. */
int fs_read(int dirfd, const char *path, size_t limit, struct buf *out, struct err *err);
/* The same, but of a pipe, terminal or the like the end is waited for: of what somebody named by hand. */
int fs_read_waiting(int dirfd, const char *path, size_t limit, struct buf *out, struct err *err);
/* What a path leads to ("a pipe (FIFO)"), if that is nothing that one means by the name of a file, and whose
 * reader may wait for ever; NULL for all else, also where there is nothing. */
const char *fs_unreadable(const char *path);
/* Makes PATH hold exactly these bytes: written beside it under fs_new_name and renamed over it. `durable`:
 * synced before the rename, and the directory after it. */
int fs_write(int dirfd, const char *path, struct text bytes, mode_t mode, bool durable, struct err *err);

/*
 * A name for what is made beside PATH, to be renamed to it when it is whole: .NAME.RANDOM.new, in the same
 * folder. Whoever makes it holds a lock (flock(2)) on it for as long as it has that name. So what a killed
 * process left can be told from what another is at, in whichever container: process ids mean nothing there.
 */
char *fs_new_name(struct arena *a, const char *path);
/* NAME, where a name has that form (or had it when the middle was a process id); else NULL. */
char *fs_new_name_of(struct arena *a, const char *name);
/* Takes the lock of what has just been made under such a name. False: a sweep came first, and removes it;
 * make another. Where the volume has no locks nobody sweeps: true. */
bool fs_hold_new(int fd, int dirfd, const char *name);
/* Makes a folder under such a name, in a folder that is made too where there is none, and takes its lock: as
 * long as the descriptor returned is open. *hidden: its path, of the arena. */
int fs_new_dir(struct arena *a, const char *path, char **hidden, struct err *err);
/* Removes what of one kind (S_IFREG or S_IFDIR) in a folder nobody holds and whose NAME is_ours says to be
 * ours; what cannot be removed is left. */
void fs_sweep(int folder, mode_t kind, bool (*is_ours)(const char *name, const void *data), const void *data);

/* Writes all of it. */
int fs_write_fd(int fd, struct text bytes, const char *path, struct err *err);
/* Writes all that is in one file, which can be positioned, to another. */
int fs_copy_fd(int from, int to, const char *path, struct err *err);
/* fchmod(2), without which a file has to do where its file system has no modes, or somebody else owns it. */
int fs_set_mode(int fd, mode_t mode, const char *path, struct err *err);
/* Whether something of this name is there, be it a link that leads nowhere. */
bool fs_exists(int dirfd, const char *path);
/* mkdir -p, mode 0777 less umask for each new one. */
int fs_mkdirs(const char *path, struct err *err);
/* rm -rf, never following a link and never leaving the tree; absent is success. Folders without write or
 * search permission are made writable first. */
int fs_remove_tree(int dirfd, const char *path, struct err *err);
/* fsync of a folder, so that renames in it are on disk. */
int fs_sync_dir(const char *path, struct err *err);
/* readlink(2) into the arena; NULL with err set on failure. */
char *fs_readlink(struct arena *a, int dirfd, const char *path, struct err *err);
/* Whether a symlink(2) that failed with this errno did so because the volume has none. EACCES: CIFS; EROFS,
 * EPROTO: shared folders of VirtualBox. Where these mean what they say, a copy in the link's place fails too.
 */
bool fs_has_no_links(int sysno);
/* A descriptor of a folder, for reading it and for working in it whatever happens to its path meanwhile.
 * Never through a link at the path's end, though parts before that may be links. In sysno ENOENT: there is
 * none; ENOTDIR: a link or something else stands there. */
int fs_open_dir(int dirfd, const char *path, struct err *err);
/* The names in a folder, sorted by bytes, without . and .. ; they belong to the arena. Absent: ENOENT in
 * sysno. */
struct strings;
int fs_list(struct arena *a, int dirfd, const char *path, struct strings *names, struct err *err);
/* *listed: the name by which a folder lists what it has as NAME: another one where its volume does not
 * distinguish case or Unicode forms; NULL where none can be told to be it. */
int fs_listed_name(struct arena *a, int dirfd, const char *name, const char **listed, struct err *err);

/* How the files of a tree get from one place to another on this pair of file systems: starts at the fastest
 * and falls back once and for all when the kernel refuses (EXDEV, EPERM, EMLINK for this file only,
 * EOPNOTSUPP, …). */
enum fs_way { FS_HARDLINK, FS_REFLINK, FS_COPY };
struct fs_linker {
    enum fs_way way;
};
/* Puts a file at TO with the contents, mode and mtime of FROM. TO must not exist. */
int fs_link_or_copy(struct fs_linker *l, int fromfd, const char *from, int tofd, const char *to,
                    struct err *err);
