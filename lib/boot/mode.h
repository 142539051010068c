/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of this process once everything is in place. */
#pragma once
#include <string.h>

enum boot_mode {
    MODE_UNSET,     /* no option said */
    MODE_EXEC,      /* it becomes the command */
    MODE_INIT,      /* it stays, as a small init */
    MODE_SUPERVISE, /* it stays, in place of LocalStack's supervisor */
};

/* Of a word that the settings have let pass. */
static inline enum boot_mode mode_of(const char *word)
{
    return strcmp(word, "init") == 0        ? MODE_INIT
           : strcmp(word, "supervise") == 0 ? MODE_SUPERVISE
                                            : MODE_EXEC;
}
