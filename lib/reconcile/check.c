/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/check.h"

#include "base/fs.h"
#include "reconcile/check_private.h"
#include "reconcile/plan.h"
#include "reconcile/wanted.h"
#include "venv/lock.h"

#include <stdint.h>
#include <stdlib.h>

void check_add(struct check *c, struct check_problem problem)
{
    array_push(&c->problems, problem);
}

enum check_repair check_repair_of(const struct installed *item)
{
    return plan_is_by_hand(item) || plan_is_tool(item->name) ? CHECK_BY_HAND : CHECK_SYNC;
}

/* ---- in which order */

static int compare(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

static int by_place(const void *a, const void *b)
{
    const struct check_problem *x = a, *y = b;
    int order = compare(x->distribution, y->distribution);
    if (!order)
        order = compare(x->path, y->path);
    if (!order)
        order = strcmp(x->kind, y->kind);
    return order ? order : strcmp(x->message, y->message);
}

/* Two ways may lead to one problem. */
static void sort(struct check *c)
{
    size_t kept = 0;
    if (!c->problems.count)
        return;
    qsort(c->problems.items, c->problems.count, sizeof *c->problems.items, by_place);
    array_each (&c->problems, p)
        if (!kept || by_place(&c->problems.items[kept - 1], p) != 0)
            c->problems.items[kept++] = *p;
    c->problems.count = kept;
}

/* ---- the mark */

static void mark_anew(struct strings *names, const char *name)
{
    array_each (names, known)
        if (strcmp(*known, name) == 0)
            return;
    array_push(names, (char *)(uintptr_t)name); /* nobody writes to it */
}

static void record(struct check *c, const char *holder, const struct err *unlocked)
{
    struct session *s = c->s;
    struct state_marks marks = {0};
    struct err why cleanup_err = ERR_INIT;
    array_each (&c->problems, p) {
        if (p->repair != CHECK_SYNC)
            continue;
        if (p->anew)
            mark_anew(&marks.distributions, p->anew);
        marks.venv |= p->venv;
        marks.other |= !p->anew && !p->venv;
    }
    bool any = marks.distributions.count || marks.venv || marks.other;
    if (holder) {
        if (any)
            log_warning("this is not recorded for the next sync: %s; run `check` again when it has ended",
                        unlocked->text);
    } else if (access(s->paths.extensions, F_OK) < 0) {
        log_debug("nothing is recorded: there has been no sync yet, so that the next boot makes one");
    } else if (state_mark(&s->paths, &marks, &why) < 0) {
        log_warning("%s, so that the next boot does not know of it: run `localstack-extensions sync` where "
                    "the volume can be written",
                    why.text);
    }
    array_free(&marks.distributions);
}

/* ---- */

static int look(struct check *c, bool alone, struct err *err)
{
    struct session *s = c->s;
    struct wanted wanted cleanup_wanted = {0};
    struct state last = {0};
    state_compare(&s->memory, &s->paths, &s->settings, session_sources(s), &last, NULL);
    if (graph_of_inputs(s, &wanted, &c->graph, err) < 0)
        return -1;
    c->set = s->rebuild ? &s->old : &s->venv;
    if (s->old_site_packages)
        c->site = path_join(&s->memory, s->paths.venv, s->old_site_packages);
    if (check_files(c, err) < 0)
        return -1;
    check_needs(c, &wanted, &last);
    check_venv(c);
    check_leftovers(c, alone);
    check_base(c);
    return 0;
}

int check_run(struct session *s, struct check *out, struct err *err)
{
    struct err unlocked cleanup_err = ERR_INIT;
    const char *holder;
    *out = (struct check){.s = s};
    cleanup_close int lock = lock_try(&s->memory, s->paths.extensions, &holder, &unlocked);
    if (lock < 0)
        log_debug("looking without a lock: %s", unlocked.text);
    if (look(out, !holder, err) < 0)
        return -1;
    sort(out);
    record(out, holder, &unlocked);
    return 0;
}

int check_look(struct session *s, struct check *out, struct err *err)
{
    *out = (struct check){.s = s};
    bool alone = !*lock_look(&s->memory, s->paths.extensions);
    if (look(out, alone, err) < 0)
        return -1;
    sort(out);
    return 0;
}

void check_free(struct check *c)
{
    graph_free(&c->graph);
    array_free(&c->problems);
}
