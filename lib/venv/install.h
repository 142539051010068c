/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an unpacked wheel into a (staged) venv, as PyPA's binary distribution format describes it: root to
 * site-packages, the five .data schemes, scripts with their #! rewritten, console and GUI entry points,
 * INSTALLER, REQUESTED, direct_url.json, a RECORD of what is there.
 */
#pragma once
#include "venv/placing.h"

struct install_options {
    const char *name; /* the distribution's name as METADATA writes it */
    const char *normalized;
    size_t number; /* the caller's */
    bool requested;
    bool overwrite;         /* a file that is there and nobody's gives way: its RECORD was lost */
    const char *installer;  /* INSTALLER's contents; NULL: INSTALLER_NAME */
    const char *direct_url; /* bytes of direct_url.json, or NULL */
    const char *source;     /* the digest of the folder that it was built of (installed_source), or NULL */
};

/* ERR_INPUT for what a wheel must not do: a path that leaves the venv, another distribution's file, the
 * venv's own (pyvenv.cfg, bin/python*, bin/activate*, localstack-venv.pth, …), an unknown .data scheme, an
 * entry point whose name is a path. The wheel's files are there after linker_wait, which says what is wrong
 * with them: with options->number for an owner. */
int install_wheel(const struct install_target *target, const struct unpacked *wheel,
                  const struct install_options *options, struct err *err);

/* INSTALLER's contents for what is ours. */
#define INSTALLER_NAME "localstack-extensions"
