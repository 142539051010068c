/* SPDX-License-Identifier: Apache-2.0 */
/* Wheels made of what was unpacked, the other way round. */
#pragma once
#include "venv/unpacked.h"

/*
 * Writes a wheel with the files of an entry, as PATH, which must not exist. Of the same files it is always
 * the same bytes: they stand in the order of their names, with no time and no mode but whether they are
 * executable. RECORD is taken as it is, so that the wheel passes every check that the first one passed.
 */
int pack_wheel(const struct unpacked *u, const char *path, struct err *err);
