/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"
#include "reconcile/output.h"
#include "reconcile/restrict.h"
#include "venv/direct_url.h"
#include "venv/install.h"

static const char *origin(struct session *s, const struct installed *item)
{
    struct direct_url from;
    if (item->direct_url && direct_url_parse(&s->memory, item->direct_url, &from, NULL) == 0)
        return direct_url_reference(&s->memory, &from);
    return NULL;
}

static void list_text(struct session *s, struct buf *to)
{
    int name_width = 12, version_width = 7;
    for (size_t i = 0; i < s->venv.count; i++) {
        int n = (int)strlen(s->venv.items[i]->name), v = (int)strlen(s->venv.items[i]->version.text);
        name_width = n > name_width ? n : name_width;
        version_width = v > version_width ? v : version_width;
    }
    buf_printf(to, "%-*s  %-*s  %s\n", name_width, "distribution", version_width, "version", "why");
    for (size_t i = 0; i < s->venv.count; i++) {
        const struct installed *item = s->venv.items[i];
        bool ours = strcmp(item->installer, INSTALLER_NAME) == 0;
        const char *url = origin(s, item);
        buf_printf(to, "%-*s  %-*s  %s%s%s\n", name_width, item->name, version_width, item->version.text,
                   item->requested ? (ours ? "asked for" : "installed by hand") : "needed by others",
                   url ? ", from " : "", url ? url : "");
    }
}

static json_t *to_json(struct session *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->venv.count; i++) {
        const struct installed *item = s->venv.items[i];
        const char *url = origin(s, item);
        json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:s, s:o}", "name", item->name, "version",
                                              item->version.text, "requested", item->requested, "installer",
                                              item->installer, "url", url ? json_string(url) : json_null()));
    }
    return list;
}

int command_list(struct session *s, struct err *err)
{
    restrict_writes(s, false);
    if (session_venv(s, err) < 0)
        return -1;
    for (size_t i = 0; i < s->venv.count; i++)
        if (installed_details(&s->venv, s->venv.items[i], err) < 0)
            return -1;
    if (s->options->json)
        return output_json(to_json(s), err);
    struct buf text cleanup_buf = BUF_INIT;
    list_text(s, &text);
    return output_text(&text, err);
}
