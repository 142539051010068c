/* SPDX-License-Identifier: Apache-2.0 */
/* Filling the staged venv from the old one: what stays is linked, what goes is left out, what is nobody's is
 * carried over. */
#pragma once
#include "base/strmap.h"
#include "venv/installed.h"
#include "venv/linker.h"

struct stage_options {
    const char *extensions_dir; /* NULL: whose the old venv's folders are is not looked at */
    const char *old_dir;        /* the venv staged from */
    int to; /* the staged venv, as layout_create left it: what it made is never overwritten */
    const char *site_packages;     /* relative, of the new one */
    const char *old_site_packages; /* relative, of the old one: differs when Python changed */
    bool same_python; /* false: only what no RECORD names and is outside the old site-packages is carried over
                       */
    struct installed *const
        *leave; /* distributions of the old venv that go or are replaced: none of their files, nor the
                   __pycache__ of their files, is carried over */
    size_t leave_count;
    struct linker *linker;
    struct strmap *owners; /* as in install_target: gets the files of the distributions that stay */
};

/* Until all of it is in place. ERR_SYSTEM also where a folder of the old venv is another user's, and could
 * not be removed after the switch. */
int stage_carry_over(const struct stage_options *options, const struct installed_set *old, struct err *err);
