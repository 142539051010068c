/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"
#include "reconcile/locked.h"

#include <stdint.h>

enum { METADATA_LIMIT = 16 << 20 };

struct checker {
    struct session *s;
    struct strmap versions; /* name -> struct version * of all that LocalStack will have */
};

static void know(struct checker *c, const char *name, const struct version *version)
{
    void **place = strmap_place(&c->versions, text_of(name));
    if (!*place)
        *place = (void *)(uintptr_t)version;
}

/* What a distribution asks for without extras: which of them the lock is about is not written in it. */
static void check(struct checker *c, const char *name, const char *version, const struct metadata *m)
{
    const struct interpreter *py = &c->s->py;
    if (!specifier_set_contains(&m->requires_python, &py->version))
        log_warning("%s %s needs Python %s, and LocalStack's is %s; the lock is obeyed", name, version,
                    m->requires_python_text, py->version_text);
    for (size_t i = 0; i < m->requires_count; i++) {
        const struct requirement *req = &m->requires_dist[i];
        if (!marker_evaluate(req->marker, &py->markers, NULL))
            continue;
        const struct version *have = strmap_get(&c->versions, text_of(req->name));
        if (!have)
            log_warning("%s %s asks for %s, which neither the lock nor LocalStack itself has; the lock is "
                        "obeyed",
                        name, version, req->text);
        else if (!req->url && !specifier_set_contains(&req->specifiers, have))
            log_warning("%s %s asks for %s, but %s is %s; the lock is obeyed", name, version, req->text,
                        req->name, have->text);
    }
}

static void check_wheel(struct checker *c, const struct plan_install *in, const struct unpacked *wheel)
{
    struct arena scratch cleanup_arena = ARENA_INIT;
    struct buf bytes cleanup_buf = BUF_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct metadata m;
    const char *path = arena_printf(&scratch, "%s/tree/%s/METADATA", wheel->dir, wheel->dist_info);
    if (fs_read(AT_FDCWD, path, METADATA_LIMIT, &bytes, &err) == 0 &&
        metadata_parse(&scratch, buf_view(&bytes), &m, &err) == 0)
        check(c, in->name, in->version, &m);
    else
        log_warning("what %s %s asks for cannot be told: %s", in->name, in->version, err.text);
}

void locked_warn(struct session *s, const struct plan *plan, const struct unpacked *wheels)
{
    struct checker c = {.s = s};
    for (size_t i = 0; i < s->base.count; i++)
        know(&c, s->base.items[i]->name, &s->base.items[i]->version);
    for (size_t i = 0; i < plan->install.count; i++) {
        const struct plan_install *in = &plan->install.items[i];
        know(&c, in->name, in->direct ? &in->direct->metadata->version : &in->file->wheel.version);
    }
    for (size_t i = 0; i < plan->keep.count; i++)
        know(&c, plan->keep.items[i].name, &plan->keep.items[i].item->version);
    for (size_t i = 0; i < plan->install.count; i++)
        if (plan->install.items[i].developed)
            check(&c, plan->install.items[i].name, plan->install.items[i].version,
                  plan->install.items[i].developed->metadata);
        else
            check_wheel(&c, &plan->install.items[i], &wheels[i]);
    for (size_t i = 0; i < plan->keep.count; i++) {
        const struct plan_keep *k = &plan->keep.items[i];
        const struct metadata *m;
        if (!plan_is_tool(k->name) && installed_metadata(&s->venv, k->item, &m, NULL) == 0)
            check(&c, k->name, k->version, m);
    }
    strmap_free(&c.versions);
}
