/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/wanted_developed.h"

#include "reconcile/reference.h"

/* Of two sources of one distribution the first counts. *used: the one that does, where there is no error. */
static int join(struct session *s, struct wanted *w, struct developed *d, const struct developed **used,
                struct err *err)
{
    const struct developed *other = d->error.text ? NULL : wanted_developed_name(w, d->name);
    int result = 0;
    *used = other ? other : d;
    d->in_base = d->name && installed_find(&s->base, d->name);
    if (d->error.text)
        result = err_move(err, &d->error);
    else if (other && reference_same_folder(other->folder, d->folder))
        developed_free(d); /* asked for twice */
    else if (other)
        result = err_set(
            err, ERR_INPUT,
            "%s and %s are both sources of %s; the first is used: take the other one away, or give it "
            "another name",
            other->folder, d->folder, d->name);
    else
        array_push(&w->developed, d);
    if (result < 0)
        developed_free(d);
    return result;
}

static void add_root(struct session *s, struct wanted *w, const struct developed *d)
{
    struct arena *a = &s->memory;
    struct requirement *r = arena_new(a, struct requirement);
    *r = (struct requirement){
        .name = d->name, .text = arena_printf(a, "%s @ %s", d->name, d->url), .url = d->url};
    array_push(&w->roots, (struct resolve_root){r, d->from, NULL});
    array_push(&w->details, (struct wanted_root){0});
}

int wanted_sources(struct session *s, struct wanted *w, struct err *err)
{
    const struct boot_sources *sources = session_sources(s);
    size_t count = sources->count;
    struct developed *all = arena_array(&s->memory, count, sizeof *all);
    for (size_t i = 0; i < count; i++) {
        const struct boot_source *b = &sources->items[i];
        all[i] = (struct developed){.folder = b->folder, .place = b->place, .from = b->folder};
    }
    int result = count ? developed_read(s, all, count, err) : 0;
    for (size_t i = 0; i < count; i++) {
        struct err why cleanup_err = ERR_INIT;
        const struct developed *used;
        if (result < 0)
            developed_free(&all[i]);
        else if (join(s, w, &all[i], &used, &why) == 0)
            add_root(s, w, used);
        else
            array_push(&w->failures, (struct wanted_failure){all[i].folder, all[i].folder,
                                                             arena_strdup(&s->memory, why.text),
                                                             why.kind == ERR_INPUT, w->roots.count, true});
    }
    return result;
}

int wanted_editable(struct session *s, struct wanted *w, struct requirement *r, const char *from,
                    struct err *err)
{
    const char *folder = reference_folder(&s->memory, r->url);
    struct developed *d = arena_new(&s->memory, struct developed);
    const struct developed *used;
    *d = (struct developed){.folder = folder, .place = folder, .from = from, .named = true};
    if (developed_read(s, d, 1, err) < 0)
        return -1;
    if (!d->error.text && strcmp(d->name, r->name) != 0)
        err_set(&d->error, ERR_INPUT, "the project in %s is %s, not %s: name it so, or leave the name out",
                folder, d->name, r->name);
    if (join(s, w, d, &used, err) < 0)
        return -1;
    r->url = used->url;
    return 0;
}

struct requirement wanted_loosened(const struct wanted *w, const struct requirement *r)
{
    struct requirement any = *r;
    if (!wanted_developed_name(w, r->name))
        return any;
    any.specifiers = (struct specifier_set){.text = ""};
    any.url = NULL;
    return any;
}

/* Whether a requirement asks for what the source is. */
static bool is_met(struct session *s, const struct requirement *asked, const struct developed *d)
{
    const char *folder = asked->url ? reference_folder(&s->memory, asked->url) : NULL;
    return asked->url ? folder && reference_same_folder(folder, d->folder)
                      : specifier_set_contains(&asked->specifiers, &d->metadata->version);
}

static void settle_root(struct session *s, struct wanted *w, size_t i)
{
    struct resolve_root *root = &w->roots.items[i];
    const struct developed *d = wanted_developed_name(w, root->requirement->name);
    if (!d || (root->requirement->url && strcmp(root->requirement->url, d->url) == 0))
        return;
    const struct requirement *asked = root->requirement;
    if (!is_met(s, asked, d))
        log_warning("%s (%s) is not installed: the source %s of %s %s is used instead", asked->text,
                    root->from, d->folder, d->name, d->metadata->version.text);
    struct requirement *any = arena_new(&s->memory, struct requirement);
    *any = wanted_loosened(w, asked);
    *root = (struct resolve_root){any, root->from, NULL};
    w->details.items[i] = (struct wanted_root){0};
}

void wanted_settle(struct session *s, struct wanted *w)
{
    size_t kept = 0;
    if (!w->developed.count)
        return;
    for (size_t i = 0; i < w->roots.count; i++)
        settle_root(s, w, i);
    for (size_t i = 0; i < w->constraints.count; i++)
        if (!wanted_developed_name(w, w->constraints.items[i].requirement->name))
            w->constraints.items[kept++] = w->constraints.items[i];
    w->constraints.count = kept;
}
