/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "boot/extensions.h"

/*
 * Starts `localstack-extensions watch` for the supervisor that this process is about to become, and returns
 * at once. It ends with the supervisor, and is in a process group of its own.
 *
 * It must not be a child of the supervisor. LocalStack's waits, whenever LocalStack has ended, until it has
 * no children any more, and would neither restart nor end. So a small process of ours stands between, made
 * such that wait(2) does not see it without __WCLONE: its end is announced by no signal.
 */
void watcher_start(const struct extensions_boot *boot);
