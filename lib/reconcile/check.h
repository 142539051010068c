/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `check`: whether what is installed is what was installed, and whether LocalStack will import what is asked
 * for. Nothing is repaired here: what a sync can repair is marked in the state, so that the next one does.
 */
#pragma once
#include "reconcile/graph.h"

#include <jansson.h>

enum check_repair {
    CHECK_NONE,    /* nothing that is known helps, or it is tried at each boot all the same */
    CHECK_SYNC,    /* the next sync */
    CHECK_BY_HAND, /* the user: by what the message or the summary says */
};

struct check_problem {
    const char *kind;         /* a word: the manual lists them */
    const char *distribution; /* normalised; NULL where it is about none */
    const char *path;         /* absolute; NULL where it is about none */
    const char *message;      /* whole by itself, one line */
    enum check_repair repair;
    const char *anew; /* NULL, or the distribution that the sync is to install anew */
    bool venv;        /* the sync is to write the venv's own files anew */
};

struct check {
    struct session *s;
    struct graph graph;
    struct installed_set *set; /* what the venv has */
    const char *site;          /* its site-packages, absolute; NULL where it has none */
    struct {
        struct check_problem *items; /* sorted by distribution, path, kind and message, none first */
        size_t count, room;
    } problems;
    size_t distributions, files, requirements; /* that were looked at */
    long long bytes;
};

#define cleanup_check __attribute__((cleanup(check_free)))

/* Looks at everything, and marks in the state what a sync can repair; where that cannot be written, or
 * another sync is at work, a warning says so. No network. Negative where nothing can be said at all (no
 * interpreter, memory of libcrypto). */
int check_run(struct session *s, struct check *out, struct err *err);
/* The same without marking anything, nor a lock: for `doctor`, which changes nothing. */
int check_look(struct session *s, struct check *out, struct err *err);
void check_free(struct check *c);

/* What `check` prints: a line for each problem and what to do, or what was looked at. */
void check_text(const struct check *c, struct buf *to);
json_t *check_json(const struct check *c);
