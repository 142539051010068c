/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/graph.h"

#include "reconcile/developed.h"
#include "reconcile/locked.h"
#include "reconcile/wanted.h"
#include "venv/install.h"

struct maker {
    const struct graph_facts *facts;
    struct graph *graph;
    struct ARRAY(struct graph_node *) queue; /* reached, and not yet followed with all their extras */
};

/* ---- nodes */

static struct graph_node *node_of(struct graph *g, const char *name)
{
    void **place = strmap_place(&g->by_name, text_of(name));
    if (!*place) {
        struct graph_node *node = arena_new(&g->memory, struct graph_node);
        node->name = arena_strdup(&g->memory, name);
        array_push(&g->nodes, node);
        *place = node;
    }
    return *place;
}

struct graph_node *graph_find(const struct graph *g, const char *name)
{
    return strmap_get(&g->by_name, text_of(name));
}

static void read_metadata(struct installed_set *set, struct graph_node *node)
{
    struct err err cleanup_err = ERR_INIT;
    if (installed_metadata(set, node->item, &node->metadata, &err) < 0)
        log_warning("what %s %s requires is not known: %s", node->name, node->item->version.text, err.text);
}

static int add_installed(struct maker *m, struct err *err)
{
    struct graph *g = m->graph;
    struct installed_set *base = m->facts->base, *venv = m->facts->venv;
    for (size_t i = 0; i < base->count; i++) {
        struct graph_node *node = node_of(g, base->items[i]->name);
        node->item = base->items[i];
        node->base = true;
    }
    for (size_t i = 0; i < venv->count; i++) {
        struct installed *item = venv->items[i];
        struct graph_node *node = node_of(g, item->name);
        if (installed_details(venv, item, err) < 0)
            return -1;
        if (node->base) {
            array_push(&g->shadowed, item);
            continue;
        }
        node->item = item;
        node->requested = item->requested;
        node->by_hand = item->requested && strcmp(item->installer, INSTALLER_NAME) != 0;
        node->linked = developed_url(&g->memory, item) != NULL;
        read_metadata(venv, node);
    }
    return 0;
}

const struct installed *graph_shadowed(const struct graph *g, const struct graph_node *node)
{
    for (size_t i = 0; node->base && i < g->shadowed.count; i++)
        if (strcmp(g->shadowed.items[i]->name, node->name) == 0)
            return g->shadowed.items[i];
    return NULL;
}

/* ---- reaching */

static bool add_extra(struct graph_node *node, char *extra)
{
    array_each (&node->extras, known)
        if (strcmp(*known, extra) == 0)
            return false;
    array_push(&node->extras, extra);
    return true;
}

/* Something requires this node: it is followed unless it was, with all these extras. */
static void reach(struct maker *m, struct graph_node *node, const struct requirement *by)
{
    bool news = !node->reached;
    node->reached = true;
    for (size_t i = 0; by && i < by->extra_count; i++)
        news |= add_extra(node, by->extras[i]);
    if (news && node->item)
        array_push(&m->queue, node);
}

/* Whether the node, with the extras that are asked for, has this requirement. */
static bool applies(const struct maker *m, const struct graph_node *node, const struct requirement *req)
{
    const struct marker_environment *env = m->facts->markers;
    if (marker_evaluate(req->marker, env, NULL))
        return !node->base || m->facts->unfold_base;
    array_each (&node->extras, extra)
        if (marker_evaluate(req->marker, env, *extra))
            return true;
    return false;
}

static void follow(struct maker *m)
{
    while (m->queue.count) {
        struct graph_node *node = m->queue.items[--m->queue.count];
        if (node->base && !node->metadata)
            read_metadata(m->facts->base, node);
        for (size_t i = 0; node->metadata && i < node->metadata->requires_count; i++) {
            const struct requirement *req = &node->metadata->requires_dist[i];
            if (applies(m, node, req))
                reach(m, node_of(m->graph, req->name), req);
        }
    }
}

/* ---- roots */

static bool is_met(const struct graph_node *node, const struct requirement *req)
{
    return node->item &&
           (req->url || node->linked || specifier_set_contains(&req->specifiers, &node->item->version));
}

static void add_root(struct maker *m, struct graph_node *node, const struct requirement *req,
                     const char *from)
{
    array_push(&m->graph->roots, (struct graph_root){node, req, from, !req || is_met(node, req)});
    reach(m, node, req);
    follow(m);
}

static int by_name(const void *a, const void *b)
{
    const struct graph_node *x = *(struct graph_node *const *)a, *y = *(struct graph_node *const *)b;
    return strcmp(x->name, y->name);
}

static void sort_nodes(struct graph *g)
{
    if (g->nodes.count)
        qsort(g->nodes.items, g->nodes.count, sizeof *g->nodes.items, by_name);
}

static bool is_lost(const struct graph_node *node)
{
    return node->item && !node->base && !node->reached;
}

/* Marks what others, which nothing reaches either, require: it will be below them. */
static void mark_required(const struct maker *m, struct strmap *required)
{
    array_each (&m->graph->nodes, place) {
        const struct graph_node *node = *place;
        if (!is_lost(node) || !node->metadata)
            continue;
        for (size_t i = 0; i < node->metadata->requires_count; i++) {
            const struct requirement *req = &node->metadata->requires_dist[i];
            struct graph_node *to = graph_find(m->graph, req->name);
            if (to && to != node && applies(m, node, req))
                *strmap_place(required, text_of(to->name)) = to;
        }
    }
}

/* What of the venv no root reaches gets roots of its own: the tops first, then one of each circle. */
static void add_lost(struct maker *m)
{
    struct strmap required cleanup_strmap = STRMAP_INIT;
    size_t count = m->graph->nodes.count; /* following adds what is missing, behind these */
    mark_required(m, &required);
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < count; i++) {
            struct graph_node *node = m->graph->nodes.items[i];
            if (is_lost(node) && (round || !strmap_get(&required, text_of(node->name))))
                add_root(m, node, NULL, NULL);
        }
}

static void add_roots(struct maker *m)
{
    struct graph *g = m->graph;
    struct strmap named cleanup_strmap = STRMAP_INIT;
    for (size_t i = 0; i < m->facts->input_count; i++) {
        const struct resolve_root *input = &m->facts->inputs[i];
        struct graph_node *node = node_of(g, input->requirement->name);
        node->requested = true;
        *strmap_place(&named, text_of(node->name)) = node;
        add_root(m, node, input->requirement, input->from);
    }
    sort_nodes(g);
    for (size_t i = 0, count = g->nodes.count; i < count; i++) {
        struct graph_node *node = g->nodes.items[i];
        if (node->requested && !strmap_get(&named, text_of(node->name)))
            add_root(m, node, NULL, node->by_hand ? GRAPH_BY_HAND : GRAPH_EARLIER);
    }
    sort_nodes(g);
    add_lost(m);
    sort_nodes(g);
}

/* ---- edges */

static int by_target(const void *a, const void *b)
{
    const struct graph_edge *x = a, *y = b;
    int order = strcmp(x->to->name, y->to->name);
    /* of one name, in the order of METADATA */
    return order ? order : (x->requirement > y->requirement) - (x->requirement < y->requirement);
}

static void add_edges(struct maker *m)
{
    struct graph *g = m->graph;
    array_each (&g->nodes, place) {
        struct graph_node *node = *place;
        for (size_t i = 0; node->reached && node->metadata && i < node->metadata->requires_count; i++) {
            const struct requirement *req = &node->metadata->requires_dist[i];
            struct graph_node *to = graph_find(g, req->name);
            if (to && applies(m, node, req))
                array_push(&node->edges, (struct graph_edge){node, to, req, is_met(to, req)});
        }
        if (node->edges.count)
            qsort(node->edges.items, node->edges.count, sizeof *node->edges.items, by_target);
    }
    array_each (&g->nodes, place)
        array_each (&(*place)->edges, edge)
            array_push(&edge->to->users, edge);
}

/* Steps from the nearest root, which is how far a chain upwards has to go at least. */
static void measure_depth(struct maker *m)
{
    struct strmap seen cleanup_strmap = STRMAP_INIT;
    array_each (&m->graph->roots, root) {
        *strmap_place(&seen, text_of(root->node->name)) = root->node;
        array_push(&m->queue, root->node);
    }
    for (size_t i = 0; i < m->queue.count; i++) {
        struct graph_node *node = m->queue.items[i];
        array_each (&node->edges, edge) {
            void **place = strmap_place(&seen, text_of(edge->to->name));
            if (*place)
                continue;
            *place = edge->to;
            edge->to->depth = node->depth + 1;
            array_push(&m->queue, edge->to);
        }
    }
}

int graph_make(const struct graph_facts *facts, struct graph *out, struct err *err)
{
    *out = (struct graph){0};
    struct maker m = {.facts = facts, .graph = out};
    int result = add_installed(&m, err);
    if (result == 0) {
        add_roots(&m);
        add_edges(&m);
        measure_depth(&m);
    }
    array_free(&m.queue);
    return result;
}

/* ---- from a session */

/* What the venv has: where it has to be made anew, what LocalStack still imports of it. */
static struct installed_set *venv_of(struct session *s)
{
    if (!s->rebuild || s->fresh)
        return &s->venv;
    bool seen = s->old_site_packages && strcmp(s->old_site_packages, s->py.site_packages) == 0;
    return seen ? &s->old : &s->venv;
}

bool graph_is_remote(const struct wanted_failure *f)
{
    return !f->malformed && strstr(f->requirement, "://");
}

static int read_inputs(struct session *s, struct wanted *out, struct err *err)
{
    s->settings.offline = true;
    s->only_looks = true;
    s->settings.constraints.count = 0; /* they ask for nothing, so what is wrong with them does not matter */
    return wanted_read(s, out, err);
}

/* What a lock brings at its top is what it asks for. */
static int add_locked(struct session *s, struct wanted *wanted, struct err *err)
{
    struct lock_selection selection cleanup_lock_selection = {0};
    const struct lock_target target = {&s->py.markers, &s->py.version, s->tags};
    const struct lock *lock = &wanted->locked->lock;
    lock_select(&s->memory, lock, &target, &selection);
    for (size_t i = 0; i < selection.packages.count; i++) {
        const struct lock_package *p = selection.packages.items[i];
        struct requirement *r = arena_new(&s->memory, struct requirement);
        if (!lock_requested(lock, &selection, p) || wanted_developed_name(wanted, p->name))
            continue; /* a source stands in for it, and is among the roots */
        const char *text =
            p->has_version ? arena_printf(&s->memory, "%s==%s", p->name, p->version.text) : p->name;
        if (requirement_parse(&s->memory, text_of(text), r, err) < 0)
            return err_wrap(err, "%s", p->where);
        array_push(&wanted->roots, (struct resolve_root){r, p->where, NULL});
    }
    return 0;
}

int graph_of_inputs(struct session *s, struct wanted *wanted, struct graph *out, struct err *err)
{
    if (session_base(s, err) < 0 || session_venv(s, err) < 0 || read_inputs(s, wanted, err) < 0)
        return -1;
    if (wanted->locked && wanted->locked->readable && add_locked(s, wanted, err) < 0)
        return -1;
    const struct graph_facts facts = {
        .base = &s->base,
        .venv = venv_of(s),
        .markers = &s->py.markers,
        .inputs = wanted->roots.items,
        .input_count = wanted->roots.count,
        .unfold_base = s->options->verbose,
    };
    return graph_make(&facts, out, err);
}

int graph_of_session(struct session *s, struct graph *out, struct err *err)
{
    struct wanted wanted cleanup_wanted = {0};
    bool no_network = !s->settings.offline; /* ours alone, and nothing to name EXTENSION_OFFLINE for */
    if (graph_of_inputs(s, &wanted, out, err) < 0)
        return -1;
    if (s->rebuild && !s->fresh)
        log_warning("the next sync makes the extensions' venv anew: %s", s->rebuild);
    array_each (&wanted.failures, f)
        log_warning("%s (%s) is passed over: %s", f->requirement, f->from,
                    no_network && graph_is_remote(f) ? "this command uses no network" : f->reason);
    return 0;
}

void graph_free(struct graph *g)
{
    array_each (&g->nodes, node) {
        array_free(&(*node)->extras);
        array_free(&(*node)->edges);
        array_free(&(*node)->users);
    }
    array_free(&g->nodes);
    array_free(&g->roots);
    array_free(&g->shadowed);
    strmap_free(&g->by_name);
    arena_free(&g->memory);
}

/* ---- chains */

/* The lower end of a chain that is being looked for, from a node down to the last. */
struct tail {
    const struct graph_node *top;
    const struct graph_edge *edge; /* from top; NULL at the last node */
    const struct tail *below;
    size_t length;
};

/*
 * Those that wait, by the least length that a chain with them can have: so the shortest chains come first,
 * and some come soon, however many there are.
 */
struct search {
    struct ARRAY(const struct tail *) * waiting;
    size_t waiting_count;
    size_t tails;
    struct arena memory;
};

/* So many steps decide every graph that a person can look at. */
enum { MAX_TAILS = 200000 };

static bool has_node(const struct tail *tail, const struct graph_node *node)
{
    for (; tail; tail = tail->below)
        if (tail->top == node)
            return true;
    return false;
}

static void emit(struct graph_chains *out, const struct graph_root *root, const struct tail *tail)
{
    struct graph_chain chain = {
        .root = root,
        .edges = arena_array(&out->memory, tail->length, sizeof *chain.edges),
        .count = tail->length,
    };
    for (size_t i = 0; i < chain.count; i++, tail = tail->below)
        chain.edges[i] = tail->edge;
    array_push(&out->all, chain);
}

static void wait_for_turn(struct search *search, const struct graph_node *top, const struct graph_edge *edge,
                          const struct tail *below)
{
    struct tail *tail = arena_new(&search->memory, struct tail);
    *tail = (struct tail){top, edge, below, below ? below->length + 1 : 0};
    array_push(&search->waiting[tail->length + top->depth], tail);
    search->tails++;
}

/* False where enough were found. */
static bool follow_up(const struct graph *g, struct search *search, const struct tail *tail,
                      struct graph_chains *out)
{
    array_each (&g->roots, root) {
        if (root->node != tail->top)
            continue;
        if (out->all.count == GRAPH_CHAINS)
            return false;
        emit(out, root, tail);
    }
    for (size_t i = tail->top->users.count; i-- > 0;) { /* the first by name is the next to come */
        const struct graph_edge *edge = tail->top->users.items[i];
        if (has_node(tail, edge->from))
            continue;
        if (search->tails == MAX_TAILS)
            return false;
        wait_for_turn(search, edge->from, edge, tail);
    }
    return true;
}

void graph_chains(const struct graph *g, const struct graph_node *node, struct graph_chains *out)
{
    *out = (struct graph_chains){0};
    struct search search = {.waiting_count = 2 * g->nodes.count + 1};
    search.waiting = xcalloc(search.waiting_count, sizeof *search.waiting);
    wait_for_turn(&search, node, NULL, NULL);
    for (size_t i = 0; i < search.waiting_count; i++) {
        while (search.waiting[i].count && !out->more)
            out->more = !follow_up(g, &search, search.waiting[i].items[--search.waiting[i].count], out);
        array_free(&search.waiting[i]);
    }
    free(search.waiting);
    arena_free(&search.memory);
}

void graph_chains_free(struct graph_chains *c)
{
    array_free(&c->all);
    arena_free(&c->memory);
}
