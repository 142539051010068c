/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"
#include "reconcile/graph.h"
#include "reconcile/output.h"
#include "reconcile/restrict.h"
#include "venv/direct_url.h"

/* What a requirement says of the version: ">=1,<2", "@ URL", or "". */
static const char *specifier_of(struct arena *a, const struct requirement *req)
{
    if (!req->url)
        return req->specifiers.text;
    return arena_printf(a, "@ %s", direct_url_clean(a, req->url));
}

/* ---- text */

struct printer {
    struct session *s;
    struct strmap shown; /* what has been unfolded */
    struct buf prefix;   /* the lines at the left */
    struct buf *to;
};

static void escaped(struct buf *to, const char *text)
{
    log_escape(to, text_of(text));
}

/* Remarks stand in one pair of brackets at the end of the line. */
static void remark(struct buf *remarks, const char *text)
{
    buf_str(remarks, remarks->len ? "; " : "  (");
    escaped(remarks, text);
}

/* NAME[EXTRA,…] VERSION, and what is wrong with it. */
static void print_name(struct printer *p, const struct graph_node *node, const struct requirement *req,
                       bool met, struct buf *remarks)
{
    const char *specifier = req ? specifier_of(&p->s->memory, req) : "";
    buf_str(p->to, node->name);
    for (size_t i = 0; req && i < req->extra_count; i++)
        buf_printf(p->to, "%c%s%s", i ? ',' : '[', req->extras[i], i + 1 == req->extra_count ? "]" : "");
    if (node->item)
        buf_printf(p->to, " %s", node->item->version.text);
    else
        buf_str(p->to, ", missing");
    if (node->item && !met) {
        buf_str(p->to, ", does not meet ");
        escaped(p->to, specifier);
    } else if (*specifier) {
        remark(remarks, specifier);
    }
    if (node->base)
        remark(remarks, "LocalStack's own");
}

static void print_below(struct printer *p, const struct graph_node *node);

static void end_line(struct printer *p, const struct graph_node *node, struct buf *remarks)
{
    bool again = node->edges.count && strmap_get(&p->shown, text_of(node->name));
    if (node->item && !node->metadata && node->reached)
        remark(remarks, "what it requires cannot be read");
    if (again)
        remark(remarks, "shown above");
    if (remarks->len) {
        buf_text(p->to, buf_view(remarks));
        buf_char(p->to, ')');
    }
    buf_char(p->to, '\n');
    if (!again)
        print_below(p, node);
}

static void print_below(struct printer *p, const struct graph_node *node)
{
    *strmap_place(&p->shown, text_of(node->name)) = p;
    for (size_t i = 0; i < node->edges.count; i++) {
        struct buf remarks cleanup_buf = BUF_INIT;
        const struct graph_edge *edge = &node->edges.items[i];
        bool last = i + 1 == node->edges.count;
        size_t before = p->prefix.len;
        buf_text(p->to, buf_view(&p->prefix));
        buf_str(p->to, last ? "`-- " : "|-- ");
        buf_str(&p->prefix, last ? "    " : "|   ");
        print_name(p, edge->to, edge->requirement, edge->met, &remarks);
        end_line(p, edge->to, &remarks);
        p->prefix.len = before;
    }
}

static void print_root(struct printer *p, const struct graph_root *root)
{
    struct buf remarks cleanup_buf = BUF_INIT;
    print_name(p, root->node, root->requirement, root->met, &remarks);
    if (!root->from)
        remark(&remarks, "nothing needs it");
    else if (!root->requirement)
        remark(&remarks, root->node->by_hand ? GRAPH_BY_HAND : "asked for earlier");
    else
        remark(&remarks, arena_printf(&p->s->memory, "asked for in %s", root->from));
    end_line(p, root->node, &remarks);
}

static int by_root_name(const void *a, const void *b)
{
    const struct graph_root *x = *(const struct graph_root *const *)a,
                            *y = *(const struct graph_root *const *)b;
    int order = strcmp(x->node->name, y->node->name);
    return order ? order : (x > y) - (x < y); /* of one name, in the order of the inputs */
}

static void tree_text(struct session *s, const struct graph *g, struct buf *to)
{
    struct printer p = {.s = s, .to = to};
    const struct graph_root **roots = arena_array(&s->memory, g->roots.count, sizeof *roots);
    for (size_t i = 0; i < g->roots.count; i++)
        roots[i] = &g->roots.items[i];
    if (g->roots.count)
        qsort(roots, g->roots.count, sizeof *roots, by_root_name);
    for (size_t i = 0; i < g->roots.count; i++)
        print_root(&p, roots[i]);
    array_each (&g->shadowed, item)
        buf_printf(to, "%s %s  (not used: LocalStack imports its own %s)\n", (*item)->name,
                   (*item)->version.text, graph_find(g, (*item)->name)->item->version.text);
    if (!to->len)
        buf_str(to, "nothing is asked for, and nothing is installed\n");
    strmap_free(&p.shown);
    buf_free(&p.prefix);
}

/* ---- JSON */

static json_t *edge_json(struct session *s, const struct graph_edge *edge)
{
    const struct requirement *req = edge->requirement;
    json_t *extras = json_array();
    for (size_t i = 0; i < req->extra_count; i++)
        json_array_append_new(extras, json_string(req->extras[i]));
    const char *marker = req->marker ? marker_text(&s->memory, req->marker) : NULL;
    const char *version = edge->to->item ? edge->to->item->version.text : NULL;
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:b, s:b}", "name", edge->to->name, "specifier",
                     output_json_text(specifier_of(&s->memory, req)), "extras", extras, "marker",
                     output_json_text(marker), "installed", output_json_text(version), "base", edge->to->base,
                     "met", edge->met);
}

static json_t *tree_json(struct session *s, const struct graph *g)
{
    json_t *list = json_array();
    array_each (&g->nodes, place) {
        const struct graph_node *node = *place;
        if (!node->item || !node->reached)
            continue;
        json_t *requires = json_array();
        array_each (&node->edges, edge)
            json_array_append_new(requires, edge_json(s, edge));
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:b, s:b, s:b, s:o}", "name", node->name, "version",
                                        node->item->version.text, "requested", node->requested, "by-hand",
                                        node->by_hand, "base", node->base, "requires", requires));
    }
    return list;
}

int command_tree(struct session *s, struct err *err)
{
    struct graph graph cleanup_graph = {0};
    if (s->options->names.count)
        return err_set(err, ERR_USAGE, "tree takes no argument, and \"%s\" is one; try `why %s`",
                       s->options->names.items[0], s->options->names.items[0]);
    restrict_writes(s, false);
    if (graph_of_session(s, &graph, err) < 0)
        return -1;
    if (s->options->json)
        return output_json(tree_json(s, &graph), err);
    struct buf text cleanup_buf = BUF_INIT;
    tree_text(s, &graph, &text);
    return output_text(&text, err);
}
