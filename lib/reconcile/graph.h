/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What needs what, of all that is installed, as LocalStack's interpreter finds it: the base first, then the
 * extensions venv. What the base needs of itself is the base's affair and left out, unless that is asked for;
 * what an extra of a base distribution adds is there, when an input or an extension asks for that extra.
 */
#pragma once
#include "reconcile/session.h"
#include "resolve/solver.h"

struct graph_node;

struct graph_edge {
    struct graph_node *from, *to;
    const struct requirement *requirement;
    bool met; /* what is installed has a version that fits; a direct reference is met by whatever is there */
};

struct graph_node {
    const char *name;       /* normalised */
    struct installed *item; /* NULL: something requires it, and nothing has it */
    const struct metadata
        *metadata;  /* NULL where it cannot be read (then nothing is known of what it requires) */
    bool base;      /* LocalStack's own */
    bool requested; /* the inputs name it, or it has REQUESTED */
    bool by_hand;   /* it has REQUESTED, and not from us */
    bool linked;    /* it is a folder's sources as they stand, which any version asked for is content with */
    bool reached;   /* a root is above it: all are, but base distributions that no extension uses */
    size_t depth;   /* steps from the nearest root */
    struct strings extras; /* those that something asks for, without doubles */
    struct {
        struct graph_edge *items; /* what it requires, sorted by name */
        size_t count, room;
    } edges;
    struct {
        const struct graph_edge **items; /* what requires it, sorted by name */
        size_t count, room;
    } users;
};

/* Where the graph begins. */
struct graph_root {
    struct graph_node *node;
    const struct requirement *requirement; /* NULL: no input names it */
    const char *from; /* where it is asked for, or GRAPH_BY_HAND, GRAPH_EARLIER; NULL: nothing asks for it */
    bool met;
};

#define GRAPH_BY_HAND "installed by hand"
#define GRAPH_EARLIER "an earlier sync" /* it was asked for, and no input names it now */

struct graph {
    struct arena memory;
    struct {
        struct graph_node **items; /* sorted by name */
        size_t count, room;
    } nodes;
    struct strmap by_name;
    struct {
        struct graph_root *items; /* the inputs' in their order, then the others sorted by name */
        size_t count, room;
    } roots;
    struct {
        struct installed **items; /* what the venv has of the base's names: LocalStack never imports it */
        size_t count, room;
    } shadowed;
};

#define cleanup_graph __attribute__((cleanup(graph_free)))

struct graph_facts {
    struct installed_set *base, *venv;
    const struct marker_environment *markers;
    const struct resolve_root *inputs;
    size_t input_count;
    bool unfold_base; /* what base distributions need as well */
};

/* Nodes point into the sets and the inputs. Metadata that cannot be read is warned of; only a dist-info whose
 * small files cannot be read is a failure (ERR_SYSTEM). */
int graph_make(const struct graph_facts *facts, struct graph *out, struct err *err);
/* The same from a session, without any network (the session is offline from then on): what of the inputs
 * cannot be read is warned of and left out, but a file that the command line names (ERR_USAGE). --verbose
 * unfolds the base. */
int graph_of_session(struct session *s, struct graph *out, struct err *err);
/* As graph_of_session, but what of the inputs cannot be read is in wanted->failures, and nobody is warned. */
struct wanted;
int graph_of_inputs(struct session *s, struct wanted *wanted, struct graph *out, struct err *err);
/* Whether such a failure is but that no network is used here. */
struct wanted_failure;
bool graph_is_remote(const struct wanted_failure *f);
void graph_free(struct graph *g);

/* NULL where nothing has or requires that name. */
struct graph_node *graph_find(const struct graph *g, const char *name);
/* The venv's distribution that stands in the shadow of this base distribution, or NULL. */
const struct installed *graph_shadowed(const struct graph *g, const struct graph_node *node);

/* From a root down to a node; no node twice. */
struct graph_chain {
    const struct graph_root *root;
    const struct graph_edge **edges;
    size_t count;
};

struct graph_chains {
    struct arena memory;
    struct {
        struct graph_chain *items; /* the shortest first */
        size_t count, room;
    } all;
    bool more; /* there are too many to look for them all */
};

/* All chains that end at the node: at most GRAPH_CHAINS, and of a graph in which there are very many only
 * what a bounded search finds. */
enum { GRAPH_CHAINS = 1000 };
void graph_chains(const struct graph *g, const struct graph_node *node, struct graph_chains *out);
void graph_chains_free(struct graph_chains *c);
#define cleanup_chains __attribute__((cleanup(graph_chains_free)))
