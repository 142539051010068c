/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folders whose sources LocalStack runs as they stand: developers' sources (EXTENSION_DEV_MODE), and those
 * that -e names. What a project says is read anew in every run; only where it cannot say all without running
 * code is it built, and then for its metadata alone.
 */
#pragma once
#include "dev/install.h"
#include "dev/project.h"
#include "reconcile/session.h"

struct developed {
    const char *folder; /* where it stands, absolute */
    const char *place;  /* the absolute path that links lead through */
    const char *from;   /* who asks for it */
    bool named;         /* by -e; false: a developer's source */
    bool in_base;       /* the base has its distribution, which it cannot stand in for */
    /* of developed_read: */
    const char
        *code;       /* fact_code of the folder before it was imported; NULL where its code does not matter */
    const char *url; /* of place: what stands behind the @ of its requirement */
    const char *name;                /* normalised; NULL where that cannot be told */
    const struct metadata *metadata; /* NULL where there is an error */
    struct source_links links;
    struct source_install install; /* what stands in the venv for it */
    struct text declared;          /* the entry points that files of the project, or a build, tell */
    const char *unknown;           /* what is not known of its entry points, a sentence; NULL: nothing */
    bool lacks_modules;            /* more may be known once what it needs is installed */
    struct err error;              /* why it cannot be used */
};

/* What the project files in a folder say; read once in a run. The session's. NULL only where the interpreter
 * does not do its part: what is wrong with the project is in its `error`. */
const struct project *developed_project(struct session *s, const char *folder, struct err *err);

/* Finds out the rest of each, or why it cannot be used. Negative only for what concerns all. */
int developed_read(struct session *s, struct developed *items, size_t count, struct err *err);
/* Where something lacked, now that the venv has what it needs: whether that told something new. */
bool developed_look_again(struct session *s, struct developed *d);
void developed_free(struct developed *d);

/* The URL of the folder that an installed distribution is linked to, by us; NULL where it is no such one. Its
 * details have to be known. */
const char *developed_url(struct arena *a, const struct installed *item);

/* What the venv, which has to have been read, has of the folder that a URL names, linked or built; NULL for
 * nothing. */
struct installed *developed_installed(struct session *s, const char *url, const char *subdirectory);

/* Releases what the session keeps of projects. */
void developed_close(struct session *s);
