/* SPDX-License-Identifier: Apache-2.0 */
/* What a lock file says of a file's bytes, checked against them. */
#pragma once
#include "python/lock.h"

/* Reads the whole file (an open descriptor, positioned anywhere) and compares its size, where the lock gives
 * one, and every digest that the lock gives. ERR_INPUT names both values, ERR_SYSTEM when it cannot be
 * read. */
int lock_bytes_check(int fd, const struct lock_file *file, struct err *err);
