/* SPDX-License-Identifier: Apache-2.0 */
/* Files that stand for a piece of work: whoever is at it has the file locked, and it says who that is: HOST
 * PID TIME, in UTC. */
#pragma once
#include "base/error.h"
#include "base/memory.h"

#include <stdbool.h>

/* Writes that it is us. It is for people alone: failing is no more than a debug line. */
void lock_file_sign(int fd);
/* A clause, "container HOST, process PID, since TIME", or "" where the file does not say. */
const char *lock_file_holder(struct arena *a, int fd);
/* Whether the path still leads to fd: the file may have been removed, and made anew by another, between our
 * open and our lock, which then locks nobody out. */
bool lock_file_is_at(int fd, int dirfd, const char *path);

/* Takes the lock (flock(2)) of a file, which is made where there is none, and signs it. 0: *fd has it, until
 * lock_file_drop. 1: somebody else does: *holder as lock_file_holder has it. Negative: there are no locks
 * here. */
int lock_file_take(struct arena *a, int dirfd, const char *path, int *fd, const char **holder,
                   struct err *err);
/* Lets go of it; the file goes too. -1 is fine. */
void lock_file_drop(int *fd, int dirfd, const char *path);
