/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/check_private.h"
#include "reconcile/plan.h"
#include "reconcile/wanted.h"

/* ", but VERSION is there" and the like: what LocalStack gets in place of what is required. */
static const char *there(struct check *c, const struct graph_node *to)
{
    if (!to->item)
        return ", which is not installed";
    return arena_printf(&c->s->memory, ", but %s %s%s", to->base ? "LocalStack itself has" : "there is",
                        to->item->version.text, to->by_hand ? ", installed by hand" : "");
}

/* With `tolerate` the user has said that the base's version will do. */
static bool is_tolerated(const struct check *c, const struct graph_node *to)
{
    return to->base && c->s->settings.base_conflicts == BASE_CONFLICTS_TOLERATE;
}

static void check_edge(struct check *c, const struct graph_edge *edge)
{
    const struct graph_node *from = edge->from, *to = edge->to;
    c->requirements++;
    if (edge->met || is_tolerated(c, to))
        return;
    bool stays = from->by_hand && to->base;
    check_add(c, (struct check_problem){"requirement", from->name, NULL,
                                        arena_printf(&c->s->memory, "%s %s%s requires %s%s", from->name,
                                                     from->item->version.text,
                                                     from->base ? " (LocalStack's own)" : "",
                                                     edge->requirement->text, there(c, to)),
                                        to->by_hand || stays ? CHECK_BY_HAND : CHECK_SYNC,
                                        to->base || to->by_hand ? NULL : to->name, false});
}

/* What the last sync has said of it, where it set it aside. */
static const struct state_failure *failure_of(const struct state *last, const struct graph_root *root)
{
    array_each (&last->failures, f)
        if (strcmp(f->requirement, root->requirement->text) == 0 && strcmp(f->from, root->from) == 0)
            return f;
    return NULL;
}

static void check_root(struct check *c, const struct graph_root *root, const struct state *last)
{
    const struct graph_node *to = root->node;
    if (!root->requirement)
        return;
    c->requirements++;
    if (root->met || is_tolerated(c, to))
        return;
    bool failed = failure_of(last, root);
    check_add(c, (struct check_problem){
                     "requirement", NULL, NULL,
                     arena_printf(&c->s->memory, "%s asks for %s%s%s", root->from, root->requirement->text,
                                  there(c, to),
                                  failed ? "; the last sync set it aside, and each boot tries it again" : ""),
                     failed     ? CHECK_NONE
                     : to->base ? CHECK_BY_HAND
                                : CHECK_SYNC,
                     failed || to->base ? NULL : to->name, false});
}

/* What could not even be read. */
static void check_unread(struct check *c, const struct wanted *wanted)
{
    array_each (&wanted->failures, f) {
        if (graph_is_remote(f))
            log_debug("%s (%s) is not looked at: this command uses no network", f->requirement, f->from);
        else
            check_add(c, (struct check_problem){
                             "requirement", NULL, NULL,
                             arena_printf(&c->s->memory, "%s (%s): %s", f->requirement, f->from, f->reason),
                             CHECK_BY_HAND, NULL, false});
    }
}

static void check_shadows(struct check *c)
{
    array_each (&c->graph.shadowed, place) {
        const struct installed *item = *place, *base = installed_find(&c->s->base, item->name);
        if (plan_is_tool(item->name))
            continue;
        bool by_hand = plan_is_by_hand(item);
        check_add(c, (struct check_problem){
                         "shadowed", item->name, NULL,
                         arena_printf(&c->s->memory,
                                      "%s %s is never imported: LocalStack itself has %s, which comes first",
                                      item->given, item->version.text, base->version.text),
                         by_hand ? CHECK_BY_HAND : CHECK_SYNC, NULL, false});
    }
}

void check_needs(struct check *c, const struct wanted *wanted, const struct state *last)
{
    array_each (&c->graph.roots, root)
        check_root(c, root, last);
    array_each (&c->graph.nodes, node)
        array_each (&(*node)->edges, edge)
            check_edge(c, edge);
    check_unread(c, wanted);
    check_shadows(c);
}
