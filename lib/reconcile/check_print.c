/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "reconcile/check.h"
#include "reconcile/output.h"

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

static size_t count(const struct check *c, enum check_repair repair)
{
    size_t n = 0;
    array_each (&c->problems, p)
        n += p->repair == repair;
    return n;
}

static void print_counts(const struct check *c, struct buf *to)
{
    buf_printf(to,
               "nothing is wrong with %zu distribution%s (%zu file%s, %.1f MB), %zu requirement%s, the "
               "virtual environment and its base\n",
               c->distributions, plural(c->distributions), c->files, plural(c->files), (double)c->bytes / 1e6,
               c->requirements, plural(c->requirements));
}

/* How each distribution that the user installed, and that is at fault, can be had again. */
static void print_by_hand(const struct check *c, struct buf *to)
{
    const char *last = NULL;
    array_each (&c->problems, p) {
        const struct installed *item =
            p->repair == CHECK_BY_HAND && p->path && p->distribution && strcmp(p->kind, "duplicate") != 0
                ? installed_find(c->set, p->distribution)
                : NULL;
        if (!item || item->name == last)
            continue;
        last = item->name;
        buf_printf(to, "%s was installed by hand, so that no sync changes it: ", item->name);
        log_escape(to, text_of(c->s->paths.venv));
        buf_printf(to, "/bin/pip install --force-reinstall --no-deps %s==%s\n", item->name,
                   item->version.text);
    }
}

static void print_what_to_do(const struct check *c, struct buf *to)
{
    size_t sync = count(c, CHECK_SYNC), hand = count(c, CHECK_BY_HAND), none = count(c, CHECK_NONE);
    buf_printf(to, "%zu problem%s:", c->problems.count, plural(c->problems.count));
    if (sync && c->s->settings.sync == SYNC_NEVER)
        buf_printf(to,
                   " %zu that `localstack-extensions sync` repairs, and with EXTENSION_SYNC=never no boot;",
                   sync);
    else if (sync)
        buf_printf(to, " %zu that the next boot repairs, or `localstack-extensions sync` now;", sync);
    if (hand)
        buf_printf(to, " %zu to be repaired by hand;", hand);
    if (none)
        buf_printf(to, " %zu that each boot tries again;", none);
    to->ptr[to->len - 1] = '\n';
    print_by_hand(c, to);
}

void check_text(const struct check *c, struct buf *to)
{
    array_each (&c->problems, p) {
        log_escape(to, text_of(p->message));
        buf_char(to, '\n');
    }
    if (c->problems.count)
        print_what_to_do(c, to);
    else if (!c->s->options->quiet)
        print_counts(c, to);
}

static const char *const repairs[] = {
    [CHECK_NONE] = NULL, [CHECK_SYNC] = "sync", [CHECK_BY_HAND] = "by hand"};

json_t *check_json(const struct check *c)
{
    json_t *list = json_array();
    array_each (&c->problems, p)
        json_array_append_new(
            list, json_pack("{s:s, s:o, s:o, s:o, s:o}", "kind", p->kind, "distribution",
                            output_json_text(p->distribution), "path", output_json_text(p->path), "message",
                            output_json_text(p->message), "repair", output_json_text(repairs[p->repair])));
    return json_pack("{s:b, s:o}", "ok", c->problems.count == 0, "problems", list);
}
