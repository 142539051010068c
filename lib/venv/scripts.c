/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/scripts.h"

/* The assembler includes the files as they are (found through -Ilib), so that they stay files in which
 * shellcheck and people can read. Several of them may be one text. */
#define EMBED_ALL(symbol, files)                                                                             \
    __asm__(".pushsection .rodata\n"                                                                         \
            ".global " #symbol "\n"                                                                          \
            ".type " #symbol ", %object\n" #symbol ":\n" files ".byte 0\n"                                   \
            ".size " #symbol ", . - " #symbol "\n"                                                           \
            ".popsection\n")
#define PART(file) ".incbin \"venv/scripts/" file "\"\n"
#define EMBED(symbol, file) EMBED_ALL(symbol, PART(file))

EMBED(script_probe, "probe.py");
EMBED(script_toml, "toml.py");
EMBED(script_plux, "plux.py");
EMBED_ALL(script_project, PART("project/files.py") PART("project/setuptools.py") PART("project/poetry.py")
                              PART("project/backends.py") PART("project/project.py"));
EMBED(script_activate, "activate");
EMBED(script_activate_csh, "activate.csh");
EMBED(script_activate_fish, "activate.fish");
EMBED(script_activate_ps1, "Activate.ps1");
