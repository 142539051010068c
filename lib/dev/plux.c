/* SPDX-License-Identifier: Apache-2.0 */
#include "dev/plux.h"

#include "base/fs.h"
#include "base/landlock.h"
#include "venv/ask.h"
#include "venv/scripts.h"

#include <jansson.h>

enum { ANSWER_LIMIT = 16 << 20 };

static json_t *strings_json(const struct strings *strings)
{
    json_t *out = json_array();
    array_each (strings, text)
        json_array_append_new(out, json_string(*text));
    return out;
}

static char *request_text(struct arena *a, const struct plux_request *r, bool shielded)
{
    json_t *links = json_array(), *own;
    for (size_t i = 0; i < r->links->count; i++) {
        const struct source_link *link = &r->links->items[i];
        json_array_append_new(links, json_pack("[s, s]", link->path, path_join(a, r->place, link->target)));
    }
    const struct project *p = r->project;
    json_t *exclude = strings_json(&p->layout.exclude);
    json_array_extend(exclude, own = strings_json(&p->plux_exclude));
    json_decref(own);
    json_t *root = json_pack("{s:[s], s:o, s:b, s:[o, o], s:o, s:s, s:b}", "paths", r->site_packages, "links",
                             links, "regular_only", p->layout.regular_only || !p->layout.search, "include",
                             strings_json(&p->layout.include), strings_json(&p->plux_include), "exclude",
                             exclude, "scratch", r->scratch, "copy", !shielded);
    char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
    char *kept = arena_strdup(a, text ? text : "{}");
    free(text);
    json_decref(root);
    return kept;
}

/* Sorted by group. */
static struct text entry_points_text(struct arena *a, const json_t *points)
{
    struct buf text cleanup_buf = BUF_INIT;
    const char *last = NULL;
    for (size_t i = 0; i < json_array_size(points); i++) {
        const json_t *point = json_array_get(points, i);
        const char *group = json_string_value(json_array_get(point, 0)),
                   *name = json_string_value(json_array_get(point, 1)),
                   *value = json_string_value(json_array_get(point, 2));
        if (!group || !name || !value)
            continue;
        if (!last || strcmp(last, group) != 0)
            buf_printf(&text, "[%s]\n", group);
        last = group;
        buf_printf(&text, "%s = %s\n", name, value);
    }
    return text_of(text_dup(a, buf_view(&text)));
}

static void take(struct arena *a, const json_t *answer, struct plux_answer *out)
{
    const json_t *failed = json_object_get(answer, "failed"), *first = json_array_get(failed, 0);
    const char *module = json_string_value(json_array_get(first, 0)),
               *why = json_string_value(json_array_get(first, 1));
    out->has_plux = json_is_true(json_object_get(answer, "plux"));
    out->entry_points = entry_points_text(a, json_object_get(answer, "entry_points"));
    out->failed = json_array_size(failed);
    out->module = module ? arena_strdup(a, module) : NULL;
    out->why = why ? arena_strdup(a, why) : NULL;
}

int plux_discover(struct arena *a, const struct plux_request *request, struct plux_answer *out,
                  struct err *err)
{
    struct buf text cleanup_buf = BUF_INIT;
    struct landlock l cleanup_landlock = LANDLOCK_INIT;
    *out = (struct plux_answer){0};
    bool shielded = landlock_open(&l, true);
    if (shielded) {
        landlock_allow(&l, request->scratch);
        landlock_allow(&l, "/dev/null");
    }
    const struct ask ask = {.executable = request->executable,
                            .script = script_plux,
                            .input = text_of(request_text(a, request, shielded)),
                            .limit = ANSWER_LIMIT,
                            .timeout_ms = request->timeout_ms,
                            .landlock = shielded ? &l : NULL};
    if (ask_python_with(a, &ask, &text, err) < 0)
        return -1;
    json_t *answer = json_loads(buf_cstr(&text), 0, NULL);
    bool good = json_is_object(answer);
    if (good)
        take(a, answer, out);
    json_decref(answer);
    return good ? 0
                : err_set(err, ERR_SYSTEM, "the answer of %s about plux cannot be understood",
                          request->executable);
}
