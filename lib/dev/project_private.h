/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of project_*.c: what the script answered about one project, and its egg-info. */
#pragma once
#include "dev/project.h"
#include "python/entry_points.h"
#include "python/metadata.h"

#include <jansson.h>

/* How the sentences about malformed files end. */
#define PROJECT_CORRECT "correct it, and the next start takes the source up"

struct project_requirement {
    const char *text, *file; /* as a requirement, and the file that has it */
    unsigned line;           /* 0: none to name */
};
struct project_requirements ARRAY(struct project_requirement);

struct project_point {
    const char *group, *name, *value;
};
struct project_points ARRAY(struct project_point);

/* A field of [project] that the files do not tell, and why. */
struct project_unknown {
    const char *field, *why;
};

/* What the project's files say; strings are the arena's. */
struct project_answer {
    const char *version, *summary, *requires_python; /* NULL: nothing */
    const char *version_file;                        /* that has it, "" where none is known to; and where */
    unsigned version_line;
    struct project_requirements requires;
    struct strings extras; /* normalised */
    struct project_points points;
    struct ARRAY(struct project_unknown) unknown;
};

/* Of an answer whatever is not of the form that the script gives is an error: false. Fills in the answer, and
 * of the project name, back end, plux, layout and warnings, or its error. */
bool project_answer_take(struct arena *a, const json_t *json, struct project *p,
                         struct project_answer *answer);
void project_answer_free(struct project_answer *answer);
/* NULL where the files tell it. */
const char *project_answer_unknown(const struct project_answer *answer, const char *field);

struct project_egg_info {
    const char *path; /* NULL: there is none */
    struct metadata metadata;
    struct entry_points points;
};
/* The egg-info of a project in its top folder, src or where its packages are; where its name is not known,
 * the only one that there is. What is passed over gets a warning; top_level.txt goes into the layout. */
void project_egg_info_find(struct arena *a, struct project *p, struct project_egg_info *out);

/* Makes of both METADATA, entry_points.txt and why_not, or sets the project's error. */
void project_metadata_make(struct arena *a, struct project *p, const struct project_answer *answer,
                           const struct project_egg_info *egg);
