/* SPDX-License-Identifier: Apache-2.0 */
/* Making a distribution ours that another installer put there: INSTALLER and REQUESTED are ours, and RECORD
 * agrees. */
#pragma once
#include "base/error.h"

/* In the staged venv `fd`; `info`: the name of the .dist-info folder in site_packages. The files are written
 * anew, never through a hard link. */
int adopt_distribution(int fd, const char *site_packages, const char *info, struct err *err);
