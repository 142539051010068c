/* SPDX-License-Identifier: Apache-2.0 */
#include "base/nearest.h"
#include "command.h"
#include "python/name.h"
#include "reconcile/graph.h"
#include "reconcile/output.h"
#include "reconcile/restrict.h"

/* Chains are printed while they fit on a screen; the first always is. */
enum { SCREEN_LINES = 22 };

/* ---- text */

static void print_head(const struct graph *g, const struct graph_node *node, bool used, struct buf *to)
{
    const struct installed *shadowed = graph_shadowed(g, node);
    if (!node->item) {
        buf_printf(to, "%s is not installed, but wanted:\n", node->name);
        return;
    }
    buf_printf(to, "%s %s is %s%s\n", node->name, node->item->version.text,
               node->base ? "LocalStack's own" : "in the extensions' venv",
               used ? ":" : "; no extension uses it");
    if (shadowed)
        buf_printf(to, "(The extensions' venv has %s %s, which LocalStack does not import.)\n", node->name,
                   shadowed->version.text);
}

static void print_root(const struct graph_root *root, struct buf *to)
{
    const char *name = root->node->name;
    if (!root->from) {
        buf_printf(to, "nothing asks for %s, and nothing needs it", name);
    } else if (!root->requirement) {
        buf_printf(to,
                   root->node->by_hand ? "%s was installed by hand"
                                       : "%s was asked for earlier; nothing asks for it now",
                   name);
    } else {
        log_escape(to, text_of(root->from));
        buf_str(to, " asks for ");
        log_escape(to, text_of(root->requirement->text));
    }
}

static void print_misfit(const struct graph_node *node, bool met, struct buf *to)
{
    if (node->item && !met)
        buf_printf(to, ", which %s does not meet", node->item->version.text);
    buf_char(to, '\n');
}

static void print_chain(const struct graph_chain *chain, struct buf *to)
{
    print_root(chain->root, to);
    print_misfit(chain->root->node, chain->root->met, to);
    for (size_t i = 0; i < chain->count; i++) {
        const struct graph_edge *edge = chain->edges[i];
        buf_printf(to, "%*s%s %s%s requires ", (int)(2 * (i + 1)), "", edge->from->name,
                   edge->from->item->version.text, edge->from->base ? " (LocalStack's own)" : "");
        log_escape(to, text_of(edge->requirement->text));
        print_misfit(edge->to, edge->met, to);
    }
}

static void why_text(const struct graph *g, const struct graph_node *node, const struct graph_chains *chains,
                     struct buf *to)
{
    print_head(g, node, chains->all.count > 0, to);
    size_t lines = 0, i = 0;
    for (; i < chains->all.count; i++) {
        const struct graph_chain *chain = &chains->all.items[i];
        lines += chain->count + 1;
        if (i && lines > SCREEN_LINES)
            break;
        print_chain(chain, to);
    }
    size_t rest = chains->all.count - i;
    if (rest || chains->more)
        buf_printf(to, "and %s%zu more, which --format json lists\n", chains->more ? "more than " : "", rest);
}

/* ---- JSON */

static json_t *step_json(const struct graph_node *node, const char *requirement, const char *from)
{
    return json_pack("{s:s, s:o, s:o, s:o}", "name", node->name, "version",
                     output_json_text(node->item ? node->item->version.text : NULL), "requirement",
                     output_json_text(requirement), "from", output_json_text(from));
}

static json_t *chain_json(const struct graph_chain *chain)
{
    const struct graph_root *root = chain->root;
    json_t *steps = json_array();
    json_array_append_new(
        steps, step_json(root->node, root->requirement ? root->requirement->text : NULL, root->from));
    for (size_t i = 0; i < chain->count; i++)
        json_array_append_new(steps,
                              step_json(chain->edges[i]->to, chain->edges[i]->requirement->text, NULL));
    return steps;
}

static json_t *why_json(const char *name, const struct graph_node *node, const struct graph_chains *chains)
{
    json_t *list = json_array();
    array_each (&chains->all, chain)
        json_array_append_new(list, chain_json(chain));
    return json_pack("{s:s, s:o, s:b, s:b, s:b, s:o}", "name", name, "version",
                     output_json_text(node && node->item ? node->item->version.text : NULL), "base",
                     node && node->base, "requested", node && node->requested, "by-hand",
                     node && node->by_hand, "chains", list);
}

/* ---- */

/* The installed name that may have been meant: few letters differ, or it ends with what was given, as
 * localstack-extension-NAME does. NULL for none. */
static const char *nearest_installed(const struct graph *g, const char *name)
{
    const char *best = NULL;
    size_t limit = strlen(name) / 3 < 3 ? strlen(name) / 3 + 1 : 4;
    array_each (&g->nodes, node) {
        struct text known = text_of((*node)->name), end = text_of(name);
        if (!(*node)->item)
            continue;
        size_t distance = nearest_distance(end, known);
        if (known.len > end.len + 1 && text_ends(known, end) && known.ptr[known.len - end.len - 1] == '-')
            distance = 1;
        if (distance < limit) {
            limit = distance;
            best = (*node)->name;
        }
    }
    return best;
}

static int say_unknown(const struct graph *g, const char *name, struct err *err)
{
    const char *nearest = nearest_installed(g, name);
    return err_set(err, ERR_NOT_FOUND, "%s is not installed, and nothing asks for it%s%s%s", name,
                   nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

static int parse_name(struct session *s, const char **name, struct err *err)
{
    const struct strings *names = &s->options->names;
    if (names->count != 1)
        return err_set(err, ERR_USAGE, "why wants the name of one distribution, not %zu: `why NAME`",
                       names->count);
    if (!name_is_valid(text_of(names->items[0])))
        return err_set(
            err, ERR_USAGE,
            "why wants the name of a distribution, and \"%s\" is none: a name has letters, digits, "
            "and - _ . between them",
            names->items[0]);
    *name = name_normalize(&s->memory, text_of(names->items[0]));
    return 0;
}

int command_why(struct session *s, struct err *err)
{
    struct graph graph cleanup_graph = {0};
    struct graph_chains chains cleanup_chains = {0};
    struct buf text cleanup_buf = BUF_INIT;
    const char *name;
    if (parse_name(s, &name, err) < 0)
        return -1;
    restrict_writes(s, false);
    if (graph_of_session(s, &graph, err) < 0)
        return -1;
    const struct graph_node *node = graph_find(&graph, name);
    if (node)
        graph_chains(&graph, node, &chains);
    if (s->options->json) {
        if (output_json(why_json(name, node, &chains), err) < 0)
            return -1;
    } else if (node) {
        why_text(&graph, node, &chains, &text);
        if (output_text(&text, err) < 0)
            return -1;
    }
    if (!node)
        return say_unknown(&graph, name, err);
    return node->item ? 0 : 1;
}
