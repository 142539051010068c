/* SPDX-License-Identifier: Apache-2.0 */
/* The installation steps of PyPA's pylock.toml specification, as far as they are answered by the lock. */
#include "python/lock.h"

#include <stdint.h>

/* In a message the first wheels of a package stand for all. */
enum { WHEELS_NAMED = 3 };

static void refuse(struct lock_selection *out, const struct lock_package *p, const char *reason)
{
    array_push(&out->refusals, (struct lock_refusal){p, reason});
}

static void check_environments(struct arena *a, const struct lock *lock, const struct lock_target *target,
                               struct lock_selection *out)
{
    struct buf texts cleanup_buf = BUF_INIT;
    for (size_t i = 0; i < lock->environment_count; i++) {
        if (marker_evaluate(lock->environments[i], target->markers, NULL))
            return;
        buf_printf(&texts, "%s%s", i ? "; or " : "", lock->environment_texts[i]);
    }
    if (lock->environment_count)
        refuse(
            out, NULL,
            arena_printf(a, "the lock is for other environments than this one, for: %s", buf_cstr(&texts)));
}

static void select_package(struct arena *a, const struct lock_package *p, const struct lock_target *target,
                           struct strmap *seen, struct lock_selection *out)
{
    if (!specifier_set_contains(&p->requires_python, target->python)) {
        refuse(out, p,
               arena_printf(a, "needs Python %s; LocalStack's is %s", p->requires_python.text,
                            target->python->text));
        return;
    }
    void **place = strmap_place(seen, text_of(p->name));
    if (*place) {
        const struct lock_package *first = *place;
        refuse(out, p,
               arena_printf(a,
                            "stands in the lock twice for this environment, first at %s; their markers must "
                            "not hold at the same time",
                            first->where));
        return;
    }
    *place = (void *)(uintptr_t)p;
    array_push(&out->packages, p);
}

void lock_select(struct arena *a, const struct lock *lock, const struct lock_target *target,
                 struct lock_selection *out)
{
    struct strmap seen cleanup_strmap = STRMAP_INIT;
    const struct marker_choice choice = {.groups = lock->default_groups,
                                         .group_count = lock->default_group_count};
    *out = (struct lock_selection){0};
    if (!specifier_set_contains(&lock->requires_python, target->python))
        refuse(out, NULL,
               arena_printf(a, "the lock is for Python %s; LocalStack's is %s", lock->requires_python.text,
                            target->python->text));
    check_environments(a, lock, target, out);
    for (size_t i = 0; i < lock->package_count; i++)
        if (marker_evaluate_lock(lock->packages[i].marker, target->markers, &choice))
            select_package(a, &lock->packages[i], target, &seen, out);
    array_each (&out->packages, p)
        for (size_t i = 0; i < (*p)->dependency_count; i++)
            if (strcmp((*p)->dependencies[i], (*p)->name) != 0)
                *strmap_place(&out->needed, text_of((*p)->dependencies[i])) = (void *)(uintptr_t)*p;
}

void lock_selection_free(struct lock_selection *s)
{
    array_free(&s->packages);
    array_free(&s->refusals);
    strmap_free(&s->needed);
}

bool lock_requested(const struct lock *lock, const struct lock_selection *selection,
                    const struct lock_package *p)
{
    return !lock->has_dependencies || !strmap_get(&selection->needed, text_of(p->name));
}

/* ---- which file */

static const struct lock_file *best_wheel(const struct lock_package *p, const struct tags *tags)
{
    const struct lock_file *best = NULL;
    int best_rank = -1;
    for (size_t i = 0; i < p->wheel_count; i++) {
        const struct lock_file *f = &p->wheels[i];
        int rank = tags_rank(tags, text_of(f->wheel.tags));
        if (rank < 0)
            continue;
        if (!best || rank < best_rank ||
            (rank == best_rank && wheel_build_cmp(&f->wheel, &best->wheel) > 0)) {
            best = f;
            best_rank = rank;
        }
    }
    return best;
}

static const char *why_no_wheel(struct arena *a, const struct lock_package *p,
                                const struct lock_target *target)
{
    struct buf text cleanup_buf = BUF_INIT;
    buf_printf(&text,
               "none of its wheels in the lock is for this platform and Python %s:", target->python->text);
    for (size_t i = 0; i < p->wheel_count && i < WHEELS_NAMED; i++)
        buf_printf(&text, "%s %s", i ? "," : "", p->wheels[i].name);
    if (p->wheel_count > WHEELS_NAMED)
        buf_printf(&text, " and %zu more", p->wheel_count - WHEELS_NAMED);
    return text_dup(a, buf_view(&text));
}

static const struct lock_file *with_proof(struct arena *a, const struct lock_file *f, const char **reason)
{
    if (f->hash_count)
        return f;
    *reason = arena_printf(a,
                           "the lock gives no digest of %s that proves anything, such as sha256; nothing "
                           "is installed unverified",
                           f->name);
    return NULL;
}

const struct lock_file *lock_source(struct arena *a, const struct lock_package *p,
                                    const struct lock_target *target, const char **reason)
{
    const struct lock_file *wheel = best_wheel(p, target->tags);
    if (wheel)
        return with_proof(a, wheel, reason);
    switch (p->kind) {
    case LOCK_WHEELS:
        *reason = why_no_wheel(a, p, target);
        return p->file ? with_proof(a, p->file, reason) : NULL;
    case LOCK_SDIST:
        return with_proof(a, p->file, reason);
    case LOCK_ARCHIVE:
        break;
    case LOCK_DIRECTORY:
        *reason = arena_printf(a,
                               "%s is a folder, of which nobody knows whether it is still what was locked; "
                               "lock a wheel, an archive or a commit of it",
                               p->place);
        return NULL;
    case LOCK_VCS:
        *reason = arena_printf(a, "%s is a repository, and no file", p->place);
        return NULL;
    }
    if (!p->file->is_source && tags_rank(target->tags, text_of(p->file->wheel.tags)) < 0) {
        *reason = arena_printf(a, "the wheel %s is not for this platform and Python %s", p->file->name,
                               target->python->text);
        return NULL;
    }
    return with_proof(a, p->file, reason);
}
