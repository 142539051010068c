/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/output.h"
#include "reconcile/plan.h"

static json_t *strings_json(char *const *items, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_string(items[i]));
    return list;
}

static json_t *install_json(const struct plan_install *in)
{
    return json_pack("{s:s, s:s, s:b, s:o, s:o, s:s, s:o, s:o, s:b, s:o}", "name", in->name, "version",
                     in->version, "requested", in->requested, "extras",
                     strings_json(in->extras, in->extra_count), "requires",
                     strings_json(in->requires, in->require_count), "source", in->source, "url",
                     output_json_text(in->url), "hash", output_json_text(in->hash), "dev",
                     in->developed != NULL, "replaces", output_json_text(in->replaces));
}

static json_t *plan_json(const struct plan *p)
{
    json_t *install = json_array(), *keep = json_array(), *gone = json_array(), *base = json_array(),
           *failed = json_array();
    for (size_t i = 0; i < p->install.count; i++)
        json_array_append_new(install, install_json(&p->install.items[i]));
    for (size_t i = 0; i < p->keep.count; i++)
        json_array_append_new(keep,
                              json_pack("{s:s, s:s, s:b}", "name", p->keep.items[i].name, "version",
                                        p->keep.items[i].version, "requested", p->keep.items[i].requested));
    for (size_t i = 0; i < p->remove.count; i++)
        json_array_append_new(gone, json_pack("{s:s, s:s}", "name", p->remove.items[i].name, "version",
                                              p->remove.items[i].version));
    for (size_t i = 0; i < p->base.count; i++)
        json_array_append_new(
            base,
            json_pack("{s:s, s:s, s:o}", "name", p->base.items[i].name, "version", p->base.items[i].version,
                      "needed-by", strings_json(p->base.items[i].needed_by, p->base.items[i].needed_count)));
    for (size_t i = 0; i < p->failed.count; i++)
        json_array_append_new(failed, json_pack("{s:o, s:o, s:o}", "requirement",
                                                output_json_text(p->failed.items[i].requirement), "from",
                                                output_json_text(p->failed.items[i].from), "reason",
                                                output_json_text(p->failed.items[i].reason)));
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "python", p->python, "install", install, "keep", keep,
                     "remove", gone, "base", base, "failed", failed);
}

static void escaped(struct buf *to, const char *text)
{
    log_escape(to, text_of(text));
}

static void plan_text(const struct plan *p, struct buf *to)
{
    for (size_t i = 0; i < p->install.count; i++) {
        const struct plan_install *in = &p->install.items[i];
        buf_printf(to, "install  %s %s", in->name, in->version);
        if (in->replaces)
            buf_printf(to, " (replaces %s)", in->replaces);
        buf_str(to, "  from ");
        escaped(to, in->url);
        buf_char(to, '\n');
    }
    for (size_t i = 0; i < p->keep.count; i++)
        buf_printf(to, "keep     %s %s\n", p->keep.items[i].name, p->keep.items[i].version);
    for (size_t i = 0; i < p->remove.count; i++)
        buf_printf(to, "remove   %s %s  (%s)\n", p->remove.items[i].name, p->remove.items[i].version,
                   p->remove.items[i].why);
    for (size_t i = 0; i < p->base.count; i++)
        buf_printf(to, "base     %s %s  (LocalStack's own)\n", p->base.items[i].name,
                   p->base.items[i].version);
    for (size_t i = 0; i < p->failed.count; i++) {
        buf_str(to, "failed   ");
        escaped(to, p->failed.items[i].requirement);
        buf_str(to, "  (");
        escaped(to, p->failed.items[i].from);
        buf_str(to, ")\n  ");
        escaped(to, p->failed.items[i].reason);
        buf_char(to, '\n');
    }
    if (!to->len)
        buf_str(to, "nothing is asked for, and nothing is installed\n");
}

void plan_say_failures(const struct plan *p)
{
    for (size_t i = 0; i < p->failed.count; i++) {
        const struct plan_failed *f = &p->failed.items[i];
        log_error("%s (%s) %s: %s", f->requirement, f->from,
                  p->refused ? "cannot be had as locked" : "is set aside", f->reason);
    }
    if (p->refused)
        log_error("the lock %s cannot be met whole, so nothing is changed%s", p->lock,
                  p->baked ? "; bake it anew, with `localstack-extensions bake` in the image that it is for"
                           : "");
}

int plan_print(const struct plan *p, bool json, struct err *err)
{
    if (json)
        return output_json(plan_json(p), err);
    struct buf text cleanup_buf = BUF_INIT;
    plan_text(p, &text);
    return output_text(&text, err);
}
