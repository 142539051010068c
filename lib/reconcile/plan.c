/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/plan.h"

#include "reconcile/foresee.h"
#include "reconcile/hash_check.h"
#include "reconcile/locked.h"
#include "venv/direct_url.h"
#include "venv/install.h"

#include <stdint.h>

struct planner {
    struct session *s;
    struct arena *a;
    const struct wanted *wanted;
    struct source *source;
    struct plan *plan;
    struct {
        struct resolve_root *items;
        size_t count, room;
    } roots;              /* as given to the solver */
    size_t *input_of;     /* of each: its place in wanted->roots, SIZE_MAX for what was installed by hand */
    const char **refused; /* by place in wanted->roots: why hash checking does not let it in */
    struct resolution result;
};

static struct hash_check checking(const struct planner *p)
{
    return (struct hash_check){.s = p->s,
                               .wanted = p->wanted,
                               .roots = p->roots.items,
                               .root_count = p->roots.count,
                               .input_of = p->input_of,
                               .result = &p->result,
                               .refused = p->refused};
}

bool plan_is_tool(const char *name)
{
    return strcmp(name, "pip") == 0 || strcmp(name, "setuptools") == 0 || strcmp(name, "wheel") == 0;
}

/* Of pip's: a .pth leads to its folder. */
static bool is_editable(const struct planner *p, const struct installed *i)
{
    struct direct_url from;
    return i->direct_url && direct_url_parse(p->a, i->direct_url, &from, NULL) == 0 && from.editable;
}

static bool is_ours(const struct installed *i)
{
    return strcmp(i->installer, INSTALLER_NAME) == 0;
}

bool plan_is_by_hand(const struct installed *i)
{
    /* `check` leaves alone what the user installed: what it marked is ours, whatever its INSTALLER says now.
     */
    return !i->damaged && !is_ours(i) && i->requested;
}

static bool inputs_name(const struct planner *p, const char *name)
{
    for (size_t i = 0; i < p->wanted->roots.count; i++)
        if (strcmp(p->wanted->roots.items[i].requirement->name, name) == 0)
            return true;
    return false;
}

static void warn(struct planner *p, char *text)
{
    array_push(&p->plan->warnings, text);
}

/* What stands in the venv by hand is asked for last, so that it yields to every input. */
static int collect_roots(struct planner *p, struct err *err)
{
    struct session *s = p->s;
    struct installed_set *set = s->rebuild ? &s->old : &s->venv;
    size_t most = p->wanted->roots.count + set->count;
    p->roots.count = 0;
    p->input_of = arena_array(p->a, most, sizeof *p->input_of);
    for (size_t i = 0; i < p->wanted->roots.count; i++) {
        if (p->refused[i])
            continue;
        p->input_of[p->roots.count] = i;
        array_push(&p->roots, p->wanted->roots.items[i]);
    }
    for (size_t i = p->roots.count; i < most; i++)
        p->input_of[i] = SIZE_MAX;
    for (size_t i = 0; i < set->count; i++) {
        struct installed *item = set->items[i];
        if (installed_details(set, item, err) < 0)
            return -1;
        if (!plan_is_by_hand(item) || plan_is_tool(item->name) || inputs_name(p, item->name))
            continue;
        struct requirement *req = arena_new(p->a, struct requirement);
        const char *text = arena_printf(p->a, "%s==%s", item->name, item->version.text);
        struct direct_url from;
        if (s->rebuild && item->direct_url && direct_url_parse(p->a, item->direct_url, &from, NULL) == 0)
            text = arena_printf(p->a, "%s @ %s", item->name, direct_url_reference(p->a, &from));
        if (requirement_parse(p->a, text_of(text), req, err) < 0)
            return err_wrap(err, "%s", item->info);
        array_push(&p->roots, (struct resolve_root){req, "installed by hand", NULL});
    }
    return 0;
}

/* Solves with as little of the index as possible: where a failure rests on distributions of which only the
 * installed version was looked at, they are looked at whole, until that changes nothing. */
static int solve_once(struct planner *p, struct err *err)
{
    for (;;) {
        if (resolve(p->a, &p->source->callbacks, p->roots.items, p->roots.count, &p->result, err) < 0)
            return -1;
        bool more = false;
        for (size_t i = 0; i < p->result.failure_count; i++)
            for (size_t j = 0; j < p->result.failures[i].name_count; j++)
                more |= source_expand(p->source, p->result.failures[i].names[j]);
        if (!more)
            return 0;
    }
}

/* Without the requirements that bring something for which a hash would have to be given. */
static int solve(struct planner *p, struct err *err)
{
    for (;;) {
        if (collect_roots(p, err) < 0 || solve_once(p, err) < 0)
            return -1;
        const struct hash_check check = checking(p);
        if (hash_check(&check))
            continue;
        int result = hash_check_verify(&check, p->source, err);
        if (result <= 0)
            return result;
    }
}

/* What stays as it is; false: nothing of it does. */
static bool keep_item(struct planner *p, const struct resolved *r, struct installed *have)
{
    struct plan *plan = p->plan;
    const struct candidate *c = r->candidate;
    if (have && c->origin != CANDIDATE_INSTALLED && plan_is_by_hand(have) && !inputs_name(p, r->name) &&
        version_cmp(&have->version, &c->version) != 0) {
        warn(p, arena_printf(p->a,
                             "%s %s was installed by hand and stays as it is, but %s is needed; name %s in "
                             "extensions.txt to let "
                             "it change, or remove it with bin/pip",
                             have->given, have->version.text, c->version.text, r->name));
        array_push(&plan->keep, (struct plan_keep){have->name, have->version.text, true, false, have});
        return true;
    }
    if (c->origin != CANDIDATE_INSTALLED)
        return false;
    have = c->data;
    bool adopt = r->requested && !is_ours(have) && inputs_name(p, r->name);
    if (adopt && is_editable(p, have)) { /* as ours it would be links, which it is not */
        adopt = false;
        warn(p, arena_printf(p->a,
                             "%s %s was installed by hand as editable and stays as it is, but LocalStack "
                             "imports nothing that pip installs so: write -e and its folder into "
                             "extensions.txt instead",
                             have->given, have->version.text));
    }
    array_push(&plan->keep, (struct plan_keep){r->name, c->version.text, r->requested, adopt, have});
    return true;
}

static void tell_direct(struct planner *p, struct plan_install *in, const struct source_direct *direct)
{
    const struct direct_url *from = in->recorded = direct->from;
    in->direct = direct;
    in->file = direct->file;
    in->developed = direct->developed;
    in->url = direct_url_clean(p->a, direct->url);
    in->source = from->kind == DIRECT_REPOSITORY ? "vcs" : url_is_file(text_of(in->url)) ? "path" : "url";
    in->hash = from->sha256 ? arena_printf(p->a, "sha256:%s", from->sha256) : NULL;
}

static void tell_indexed(struct planner *p, struct plan_install *in, const struct index_file *file)
{
    const struct hash_check check = checking(p);
    in->hashes = hash_check_given(&check, in->name, &in->hash_count);
    in->file = file;
    in->url = direct_url_clean(p->a, file->url);
    in->source = file->source;
    in->hash = file->hash ? arena_printf(p->a, "%s:%s", file->hash_algorithm, file->hash) : NULL;
}

static void plan_item(struct planner *p, const struct resolved *r)
{
    struct session *s = p->s;
    const struct candidate *c = r->candidate;
    struct installed *have = installed_find(&s->venv, r->name);
    if (keep_item(p, r, have))
        return;
    struct plan_install in = {
        .name = r->name,
        .version = c->version.text,
        .requested = r->requested,
        .extras = r->extras,
        .extra_count = r->extra_count,
        .requires = r->requires,
        .require_count = r->require_count,
        .replaces = have ? have->version.text : NULL,
    };
    const struct installed *old = installed_find(&s->old, r->name);
    if (old && plan_is_by_hand(old) && !inputs_name(p, r->name))
        in.installer = old->installer; /* as ours it would go with the next change */
    if (c->origin == CANDIDATE_DIRECT)
        tell_direct(p, &in, c->data);
    else
        tell_indexed(p, &in, c->data);
    array_push(&p->plan->install, in);
}

static bool contains(char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static void plan_base_item(struct planner *p, const struct resolved *r)
{
    struct strings by = {0};
    for (size_t i = 0; i < p->result.count; i++) {
        const struct resolved *other = &p->result.items[i];
        if (other != r && contains(other->requires, other->require_count, r->name))
            array_push(&by, arena_strdup(p->a, other->name));
    }
    char **kept = arena_array(p->a, by.count, sizeof *kept);
    if (by.count)
        memcpy(kept, by.items, by.count * sizeof *kept);
    array_push(&p->plan->base, (struct plan_base){r->name, r->candidate->version.text, kept, by.count});
    array_free(&by);
}

static bool is_planned(const struct plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->install.count; i++)
        if (strcmp(plan->install.items[i].name, name) == 0)
            return true;
    for (size_t i = 0; i < plan->keep.count; i++)
        if (strcmp(plan->keep.items[i].name, name) == 0)
            return true;
    return false;
}

/* What by-hand distributions need stays with them, also where the solution has no place for them. */
static void keep_needs_of_hand(struct planner *p, struct strmap *kept)
{
    struct session *s = p->s;
    struct strings queue cleanup_strings = {0};
    for (size_t i = 0; i < s->venv.count; i++) {
        struct installed *item = s->venv.items[i];
        if (plan_is_by_hand(item) || plan_is_tool(item->name))
            array_push(&queue, arena_strdup(p->a, item->name));
    }
    while (queue.count) {
        char *name = queue.items[--queue.count];
        struct installed *item = installed_find(&s->venv, name);
        const struct metadata *m;
        if (!item || strmap_get(kept, text_of(name)))
            continue;
        *strmap_place(kept, text_of(name)) = item;
        if (installed_metadata(&s->venv, item, &m, NULL) < 0)
            continue;
        for (size_t i = 0; i < m->requires_count; i++)
            if (marker_evaluate(m->requires_dist[i].marker, &s->py.markers, NULL))
                array_push(&queue, arena_strdup(p->a, m->requires_dist[i].name));
    }
}

static void plan_rest(struct planner *p)
{
    struct session *s = p->s;
    struct plan *plan = p->plan;
    struct strmap hand cleanup_strmap = STRMAP_INIT;
    keep_needs_of_hand(p, &hand);
    for (size_t i = 0; i < s->venv.count; i++) {
        struct installed *item = s->venv.items[i];
        if (is_planned(plan, item->name))
            continue;
        const struct installed *base = installed_find(&s->base, item->name);
        bool shadows = base && !plan_is_tool(item->name) && !plan_is_by_hand(item);
        const char *why = NULL;
        if (shadows)
            why = arena_printf(p->a, "LocalStack itself has %s %s, which it would import all the same",
                               base->given, base->version.text);
        else if (!(why = source_lost(p->source, item)) && !plan->failed.count &&
                 !strmap_get(&hand, text_of(item->name)))
            why = "nothing needs it any more";
        if (why)
            array_push(&plan->remove, (struct plan_remove){item->name, item->version.text, why, item});
        else
            array_push(&plan->keep, (struct plan_keep){item->name, item->version.text, plan_is_by_hand(item),
                                                       false, item});
    }
}

/* With the strategy `first`, an index behind the one that counts may have what is wanted: then the message
 * says so. */
static const char *with_elsewhere(struct planner *p, const struct requirement *req, const char *reason)
{
    const struct index_project *project;
    if (!p->s->index || req->url || installed_find(&p->s->base, req->name) ||
        p->s->settings.index_strategy != STRATEGY_FIRST ||
        index_project_elsewhere(p->s->index, req->name, &project, NULL) < 0)
        return reason;
    for (size_t i = 0; i < project->count; i++) {
        const struct index_release *r = &project->releases[i];
        const struct index_file *file = r->wheel ? r->wheel : r->source;
        if (file && specifier_set_contains(&req->specifiers, &r->version))
            return arena_printf(p->a,
                                "%s\n%s has %s %s, but only the first index that has the name counts; "
                                "EXTENSION_INDEX_STRATEGY=best looks at all of them.",
                                reason, file->index_url, req->name, r->version.text);
    }
    return reason;
}

/* The folder of another Python is not carried over, so what is not installed anew is not there any more. */
static const char *fate_of_hand(const struct session *s)
{
    bool goes = s->rebuild && s->old_site_packages && strcmp(s->old_site_packages, s->py.site_packages) != 0;
    return goes ? "cannot be installed into the venv that is made anew for another Python, and is gone "
                  "from it; install it again with bin/pip, or name it in extensions.txt"
                : "cannot stand beside what is asked for and stays as it is";
}

/* Failures in the order of the inputs; what was installed by hand and cannot stay in the solution gets a
 * warning. */
static void plan_failures(struct planner *p)
{
    size_t malformed = 0;
    const struct wanted *w = p->wanted;
    for (size_t i = 0, next = 0; i <= w->roots.count; i++) {
        for (; malformed < w->failures.count && w->failures.items[malformed].before <= i; malformed++) {
            const struct wanted_failure *f = &w->failures.items[malformed];
            array_push(&p->plan->failed,
                       (struct plan_failed){f->requirement, f->from, f->reason, f->malformed});
        }
        if (i < w->roots.count && p->refused[i])
            array_push(&p->plan->failed, (struct plan_failed){w->roots.items[i].requirement->text,
                                                              w->roots.items[i].from, p->refused[i], false});
        for (; i < w->roots.count && next < p->result.failure_count; next++) {
            const struct resolve_failure *f = &p->result.failures[next];
            if (p->roots.items[f->root].requirement != w->roots.items[i].requirement)
                break;
            const struct resolve_root *root = &w->roots.items[i];
            array_push(&p->plan->failed,
                       (struct plan_failed){root->requirement->text, root->from,
                                            with_elsewhere(p, root->requirement, f->reason), false});
        }
    }
    for (size_t i = 0; i < p->result.failure_count; i++) {
        const struct resolve_root *root = &p->roots.items[p->result.failures[i].root];
        if (strcmp(root->from, "installed by hand") == 0)
            warn(p, arena_printf(p->a, "%s, installed by hand, %s:\n%s", root->requirement->text,
                                 fate_of_hand(p->s), p->result.failures[i].reason));
    }
}

static int by_install_name(const void *a, const void *b)
{
    return strcmp(((const struct plan_install *)a)->name, ((const struct plan_install *)b)->name);
}

static int by_keep_name(const void *a, const void *b)
{
    return strcmp(((const struct plan_keep *)a)->name, ((const struct plan_keep *)b)->name);
}

/* The last touch of every plan. */
static void complete(const struct session *s, struct plan *plan)
{
    array_each (&plan->install, in)
        in->repair = session_is_damaged(s, in->name);
    if (plan->install.count)
        qsort(plan->install.items, plan->install.count, sizeof *plan->install.items, by_install_name);
    if (plan->keep.count)
        qsort(plan->keep.items, plan->keep.count, sizeof *plan->keep.items, by_keep_name);
}

/* A lock says all of it, but for what else the venv holds. */
static int plan_of_lock(struct planner *p, struct err *err)
{
    if (locked_plan(p->s, p->wanted, p->source, p->plan, err) < 0)
        return -1;
    if (!p->plan->refused)
        plan_rest(p);
    complete(p->s, p->plan);
    return 0;
}

int plan_make(struct session *s, const struct wanted *wanted, struct source *source, struct plan *out,
              struct err *err)
{
    *out = (struct plan){0};
    struct planner p = {.s = s, .a = &s->memory, .wanted = wanted, .source = source, .plan = out};
    out->python = s->py.version_text;
    out->root_count = wanted->roots.count;
    out->rebuild = s->rebuild;
    out->fresh = s->fresh;
    out->relayout = s->marks.venv;
    if (wanted->locked)
        return plan_of_lock(&p, err);
    p.refused = arena_array(p.a, wanted->roots.count, sizeof *p.refused);
    foresee(source);
    source_build_ahead(source);
    int result = solve(&p, err);
    if (result == 0) {
        for (size_t i = 0; i < p.result.count; i++) {
            const struct resolved *r = &p.result.items[i];
            if (r->candidate->origin == CANDIDATE_BASE)
                plan_base_item(&p, r);
            else
                plan_item(&p, r);
        }
        for (size_t i = 0; i < p.result.note_count; i++)
            warn(&p, p.result.notes[i]);
        plan_failures(&p);
        plan_rest(&p);
        complete(s, out);
    }
    array_free(&p.roots);
    return result;
}

bool plan_changes(const struct plan *p)
{
    if (p->refused || (p->fresh && !p->install.count))
        return false; /* no venv, and nothing to put into one */
    if (p->rebuild || p->relayout || p->install.count || p->remove.count)
        return true;
    for (size_t i = 0; i < p->keep.count; i++)
        if (p->keep.items[i].adopt)
            return true;
    return false;
}

void plan_free(struct plan *p)
{
    array_free(&p->install);
    array_free(&p->keep);
    array_free(&p->remove);
    array_free(&p->base);
    array_free(&p->failed);
    array_free(&p->warnings);
}
