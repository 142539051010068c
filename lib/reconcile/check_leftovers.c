/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"
#include "python/name.h"
#include "reconcile/check_private.h"
#include "venv/commit.h"

/* ---- beside the venv */

static void leftover(struct check *c, const char *path, enum check_repair repair, const char *what)
{
    check_add(c, (struct check_problem){.kind = "leftover",
                                        .path = path,
                                        .message = arena_printf(&c->s->memory, "%s %s", path, what),
                                        .repair = repair});
}

/* Of a sync that was killed; each sync begins with removing them. */
static void beside(struct check *c)
{
    struct arena *a = &c->s->memory;
    const char *dir = c->s->paths.extensions;
    struct strings names cleanup_strings = {0};
    static const char *const folders[] = {SYNC_STAGING, SYNC_CACHE};
    const char *record = path_join(a, dir, SYNC_COMMIT);
    if (fs_exists(AT_FDCWD, record))
        leftover(c, record, CHECK_SYNC, "is the record of a sync that was not finished");
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        const char *path = path_join(a, dir, folders[i]);
        if (fs_exists(AT_FDCWD, path))
            leftover(c, path, CHECK_SYNC, "was left by a sync that was ended");
    }
    if (fs_list(a, AT_FDCWD, dir, &names, NULL) < 0)
        return;
    array_each (&names, name) {
        const char *whole = fs_new_name_of(a, *name);
        if (whole && commit_writes(whole))
            leftover(c, path_join(a, dir, *name), CHECK_SYNC, "was left by a writer that was ended");
    }
}

/* ---- in site-packages */

/* NAME of NAME-VERSION.dist-info, normalised; NULL where it has no such form. */
static const char *name_of_info(struct arena *a, struct text info)
{
    struct text name;
    info.len -= strlen(".dist-info");
    return text_find(info, '-') < info.len && text_cut(&info, '-', &name) && name_is_valid(name)
               ? name_normalize(a, name)
               : NULL;
}

static void check_info(struct check *c, const char *info)
{
    struct arena *a = &c->s->memory;
    const char *name = name_of_info(a, text_of(info)), *path = path_join(a, c->site, info);
    const struct installed *item = name ? installed_find(c->set, name) : NULL;
    if (item && strcmp(item->info, info) == 0)
        return;
    for (size_t i = 0; i < c->set->count; i++) /* its name may be another than its METADATA's */
        if (strcmp(c->set->items[i]->info, info) == 0)
            return;
    if (item)
        check_add(c, (struct check_problem){
                         "duplicate", item->name, path,
                         arena_printf(a, "%s is there beside %s; remove the one whose version is wrong", path,
                                      item->info),
                         CHECK_BY_HAND, NULL, false});
    else
        check_add(c, (struct check_problem){
                         "metadata", name, path,
                         arena_printf(a,
                                      "%s has no valid name and version, so that Python takes it for "
                                      "nothing; remove it",
                                      path),
                         CHECK_BY_HAND, NULL, false});
}

void check_leftovers(struct check *c, bool alone)
{
    struct arena *a = &c->s->memory;
    struct strings names cleanup_strings = {0};
    if (alone)
        beside(c);
    if (!c->site || fs_list(a, AT_FDCWD, c->site, &names, NULL) < 0)
        return;
    array_each (&names, name) {
        if (**name == '~')
            leftover(c, path_join(a, c->site, *name), CHECK_BY_HAND,
                     "was left by a pip that was interrupted; remove it");
        else if (**name != '.' && text_ends(text_of(*name), T(".dist-info")))
            check_info(c, *name);
    }
}

/* ---- the base */

void check_base(struct check *c)
{
    struct strings reasons cleanup_strings = {0};
    state_base_changes(&c->s->memory, &c->s->paths, &reasons);
    array_each (&reasons, reason)
        check_add(c, (struct check_problem){
                         .kind = "base",
                         .path = c->s->paths.base,
                         .message = arena_printf(&c->s->memory, "since the last sync %s", *reason),
                         .repair = CHECK_SYNC});
}
