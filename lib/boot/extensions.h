/* SPDX-License-Identifier: Apache-2.0 */
/* Step 3 of the boot: whether anything changed since the last sync, and the reconciler if so. */
#pragma once
#include "boot/mode.h"
#include "boot/signals.h"
#include "boot/state.h"

struct extensions_boot {
    struct arena *a;
    const struct signals *signals;
    const struct boot_paths *paths;
    char **env;
    const char *program; /* argv[0] */
};

struct extensions_outcome {
    enum boot_mode mode; /* MODE_UNSET when called: as the settings have it */
    bool watch; /* whether there are developers' sources at whose changes LocalStack is to be restarted */
};

/* 0: the boot goes on; else the exit status with which it ends. */
int extensions_ready(const struct extensions_boot *boot, struct extensions_outcome *out);
/* The reconciler beside this program, else "localstack-extensions" for a look along PATH. */
const char *extensions_program(const struct extensions_boot *boot);
