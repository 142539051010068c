/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entry points that stand in code alone, as plux (a build requirement of LocalStack's extensions) finds them:
 * the modules of a source are imported by the base's interpreter in a child that can write nowhere but
 * beneath a folder that goes with it; where the kernel cannot see to that, a copy of them there is imported.
 */
#pragma once
#include "base/text.h"
#include "dev/layout.h"
#include "dev/project.h"

struct plux_request {
    const char *executable;        /* the base's interpreter */
    const struct project *project; /* what it says of its packages counts */
    const char *place;             /* links lead to PLACE/TARGET */
    const struct source_links *links;
    const char *site_packages; /* of the extensions venv, for what the source imports; may not be there */
    const char *scratch;       /* an existing folder of the caller's, who removes it */
    int timeout_ms;            /* for all of it */
};

struct plux_answer {
    bool has_plux;            /* false: the base has none, and nothing was looked at */
    struct text entry_points; /* in the form of entry_points.txt */
    size_t failed;            /* so many modules could not be imported, */
    const char *module, *why; /* the first of them, and its exception */
};

/* ERR_SYSTEM where the interpreter does not do its part: it crashes, or takes too long. */
int plux_discover(struct arena *a, const struct plux_request *request, struct plux_answer *out,
                  struct err *err);
