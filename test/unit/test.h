/* SPDX-License-Identifier: Apache-2.0 */
/* What every cmocka program includes, in the order that cmocka wants, and readers of data files. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The path of a file below test/data (the TEST_DATA variable, else test/data). Static storage. */
static inline const char *test_data(const char *name)
{
    static char path[1024];
    const char *dir = getenv("TEST_DATA");
    snprintf(path, sizeof path, "%s/%s", dir ? dir : "test/data", name);
    return path;
}

/* How many times as long as usual all takes: under the sanitizers, or where the runner has an emulator. */
static inline int test_slowness(void)
{
#ifdef __SANITIZE_ADDRESS__
    return 20;
#else
    return getenv("TEST_EMULATED") ? 20 : 1;
#endif
}
