/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/scripts.h"

/* The assembler includes the files as they are (found through -Ilib), so that they stay files in which
 * shellcheck and people can read. */
#define EMBED(symbol, file)                                                                                  \
    __asm__(".pushsection .rodata\n"                                                                         \
            ".global " #symbol "\n"                                                                          \
            ".type " #symbol ", %object\n" #symbol ":\n"                                                     \
            ".incbin \"venv/scripts/" file "\"\n"                                                            \
            ".byte 0\n"                                                                                      \
            ".size " #symbol ", . - " #symbol "\n"                                                           \
            ".popsection\n")

EMBED(script_probe, "probe.py");
EMBED(script_toml, "toml.py");
EMBED(script_activate, "activate");
EMBED(script_activate_csh, "activate.csh");
EMBED(script_activate_fish, "activate.fish");
EMBED(script_activate_ps1, "Activate.ps1");
