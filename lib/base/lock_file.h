/* SPDX-License-Identifier: Apache-2.0 */
/* What a file that is locked says of who has it: HOST PID TIME, in UTC. */
#pragma once
#include "base/memory.h"

#include <stdbool.h>

/* Writes that it is us. It is for people alone: failing is no more than a debug line. */
void lock_file_sign(int fd);
/* A clause, "container HOST, process PID, since TIME", or "" where the file does not say. */
const char *lock_file_holder(struct arena *a, int fd);
/* Whether the path still leads to fd: the file may have been removed, and made anew by another, between our
 * open and our lock, which then locks nobody out. */
bool lock_file_is_at(int fd, int dirfd, const char *path);
