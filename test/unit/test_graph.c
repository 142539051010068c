/* SPDX-License-Identifier: Apache-2.0 */
/* The stories of test/data/graph.txt, and graphs too large to be written down. */
#include "reconcile/graph.h"

#include "cpython.h"
#include "files.h"
#include "venv/install.h"

struct story {
    struct arena a;
    const char *title;
    struct strings base, venv; /* dist-infos with METADATA, below the test's folder */
    struct buf metadata;       /* of the last of them */
    const char *info;          /* where it goes */
    struct ARRAY(struct resolve_root) inputs;
    bool unfold, made;
    struct installed_set base_set, venv_set;
    struct graph graph;
    struct buf found, expected; /* of the question that is being answered */
    const char *question;
};

/* ---- telling */

static void write_metadata(struct story *s)
{
    if (s->info)
        make_file(path_join(&s->a, s->info, "METADATA"), buf_cstr(&s->metadata));
    s->info = NULL;
    buf_clear(&s->metadata);
}

static void tell_distribution(struct story *s, const char *folder, char *name, char *version, const char *how)
{
    write_metadata(s);
    s->info = arena_printf(&s->a, "%s/%s-%s.dist-info", folder, name, version);
    buf_printf(&s->metadata, "Metadata-Version: 2.1\nName: %s\nVersion: %s\n", name, version);
    if (how && strcmp(how, "needed") != 0)
        make_file(path_join(&s->a, s->info, "REQUESTED"), "");
    make_file(path_join(&s->a, s->info, "INSTALLER"),
              how && strcmp(how, "hand") == 0 ? "pip\n" : INSTALLER_NAME "\n");
}

static void tell_input(struct story *s, char *from, const char *text)
{
    struct err err cleanup_err = ERR_INIT;
    struct requirement *req = arena_new(&s->a, struct requirement);
    if (requirement_parse(&s->a, text_of(text), req, &err) < 0)
        fail_msg("%s", err.text);
    array_push(&s->inputs, (struct resolve_root){.requirement = req, .from = from});
}

static void make_graph(struct story *s)
{
    struct err err cleanup_err = ERR_INIT;
    char *base = at("base"), *venv = at("venv");
    if (s->made)
        return;
    write_metadata(s);
    assert_int_equal(installed_scan(&base, 1, &s->base_set, &err), 0);
    assert_int_equal(installed_scan(&venv, 1, &s->venv_set, &err), 0);
    const struct graph_facts facts = {
        .base = &s->base_set,
        .venv = &s->venv_set,
        .markers = &cpython_markers,
        .inputs = s->inputs.items,
        .input_count = s->inputs.count,
        .unfold_base = s->unfold,
    };
    assert_int_equal(graph_make(&facts, &s->graph, &err), 0);
    s->made = true;
}

/* ---- asking */

static void print_roots(const struct graph *g, struct buf *to)
{
    array_each (&g->roots, root)
        buf_printf(to, "%s from %s%s\n", root->node->name, root->from ? root->from : "nothing",
                   root->met ? "" : " unmet");
}

static void print_edges(const struct graph *g, struct buf *to)
{
    array_each (&g->nodes, node)
        array_each (&(*node)->edges, e) {
            assert_ptr_equal(e->from, *node);
            buf_printf(to, "%s -> %s%s%s%s\n", (*node)->name, e->to->name,
                       *e->requirement->specifiers.text ? " " : "", e->requirement->specifiers.text,
                       e->met ? "" : " unmet");
        }
}

static void print_nodes(const struct graph *g, struct buf *to)
{
    array_each (&g->nodes, place) {
        const struct graph_node *n = *place;
        if (n->reached)
            buf_printf(to, "%s %s%s%s%s%s\n", n->name, n->item ? n->item->version.text : "missing",
                       n->base ? " base" : "", n->requested ? " requested" : "", n->by_hand ? " by-hand" : "",
                       n->item && !n->metadata ? " unreadable" : "");
    }
}

static void print_chains(const struct graph *g, const char *name, struct buf *to)
{
    struct graph_chains chains cleanup_chains = {0};
    const struct graph_node *node = graph_find(g, name);
    assert_non_null(node);
    graph_chains(g, node, &chains);
    assert_false(chains.more);
    array_each (&chains.all, chain) {
        buf_printf(to, "%s: %s", chain->root->from ? chain->root->from : "nothing", chain->root->node->name);
        for (size_t i = 0; i < chain->count; i++)
            buf_printf(to, " -> %s", chain->edges[i]->to->name);
        buf_char(to, '\n');
    }
}

static void check_answer(struct story *s)
{
    if (!s->question)
        return;
    if (!text_eq(buf_view(&s->found), buf_view(&s->expected)))
        fail_msg("%s: %s\n--- expected\n%s--- found\n%s", s->title, s->question, buf_cstr(&s->expected),
                 buf_cstr(&s->found));
    s->question = NULL;
}

static void ask(struct story *s, const char *question, const char *name)
{
    check_answer(s);
    make_graph(s);
    buf_clear(&s->found);
    buf_clear(&s->expected);
    s->question = question;
    if (strcmp(question, "roots") == 0)
        print_roots(&s->graph, &s->found);
    else if (strcmp(question, "edges") == 0)
        print_edges(&s->graph, &s->found);
    else if (strcmp(question, "nodes") == 0)
        print_nodes(&s->graph, &s->found);
    else if (strcmp(question, "chains") == 0)
        print_chains(&s->graph, name, &s->found);
    else
        fail_msg("%s: there is no directive \"%s\"", s->title, question);
}

/* ---- stories */

static void end_story(struct story *s)
{
    check_answer(s);
    if (s->title)
        assert_true(s->made);
    graph_free(&s->graph);
    installed_free(&s->base_set);
    installed_free(&s->venv_set);
    array_free(&s->inputs);
    buf_free(&s->metadata);
    buf_free(&s->found);
    buf_free(&s->expected);
    arena_free(&s->a);
    *s = (struct story){0};
    assert_int_equal(fs_remove_tree(AT_FDCWD, at("base"), NULL), 0);
    assert_int_equal(fs_remove_tree(AT_FDCWD, at("venv"), NULL), 0);
    make_dir("base");
    make_dir("venv");
}

static char *word(struct story *s, struct text *line)
{
    struct text piece = {0};
    if (!line->len || !text_cut(line, ' ', &piece))
        return NULL;
    return text_dup(&s->a, piece);
}

static void tell(struct story *s, struct text line)
{
    struct text rest = line;
    if (text_starts(line, T("  requires "))) {
        buf_printf(&s->metadata, "Requires-Dist: %.*s\n", TEXT_ARG(text_from(line, 11)));
        return;
    }
    if (text_starts(line, T("  provides "))) {
        buf_printf(&s->metadata, "Provides-Extra: %.*s\n", TEXT_ARG(text_from(line, 11)));
        return;
    }
    if (text_starts(line, T("> "))) {
        buf_text(&s->expected, text_from(line, 2));
        buf_char(&s->expected, '\n');
        return;
    }
    const char *directive = word(s, &rest);
    if (strcmp(directive, "base") == 0 || strcmp(directive, "venv") == 0) {
        char *name = word(s, &rest), *version = word(s, &rest);
        tell_distribution(s, directive, name, version, word(s, &rest));
    } else if (strcmp(directive, "input") == 0) {
        char *from = word(s, &rest);
        tell_input(s, from, text_dup(&s->a, rest));
    } else if (strcmp(directive, "unfold") == 0) {
        s->unfold = true;
    } else {
        ask(s, directive, word(s, &rest));
    }
}

static void stories(void **state)
{
    (void)state;
    struct err err cleanup_err = ERR_INIT;
    struct buf file cleanup_buf = BUF_INIT;
    struct story s = {0};
    size_t count = 0;
    log_set_level(LOG_ERROR);
    if (fs_read(AT_FDCWD, test_data("graph.txt"), 1 << 20, &file, &err) < 0)
        fail_msg("%s", err.text);
    struct text rest = buf_view(&file), line;
    end_story(&s);
    while (text_line(&rest, &line)) {
        if (text_starts(line, T("== "))) {
            end_story(&s);
            s.title = text_dup(&s.a, text_from(line, 3));
            count++;
        } else if (line.len && line.ptr[0] != '#') {
            tell(&s, line);
        }
    }
    end_story(&s);
    assert_int_equal(count, 12);
}

/* ---- size */

/* Layers of `width` distributions, each of which requires all of the next: width^depth chains. */
static void tell_layers(struct story *s, int depth, int width)
{
    for (int layer = 0; layer < depth; layer++)
        for (int i = 0; i < width; i++) {
            char *name = arena_printf(&s->a, "n%d-%d", layer, i), version[] = "1";
            tell_distribution(s, "venv", name, version, layer ? "needed" : "asked");
            for (int k = 0; k < width && layer + 1 < depth; k++)
                buf_printf(&s->metadata, "Requires-Dist: n%d-%d\n", layer + 1, k);
        }
}

static void chains_without_end_are_bounded(void **state)
{
    (void)state;
    struct story s = {0};
    struct graph_chains chains;
    end_story(&s);
    tell_layers(&s, 3, 12);
    make_graph(&s);
    graph_chains(&s.graph, graph_find(&s.graph, "n2-0"), &chains);
    assert_int_equal(chains.all.count, 144);
    assert_false(chains.more);
    graph_chains_free(&chains);
    end_story(&s);
    tell_layers(&s, 12, 8);
    make_graph(&s);
    graph_chains(&s.graph, graph_find(&s.graph, "n11-0"), &chains);
    assert_int_equal(chains.all.count, GRAPH_CHAINS);
    assert_true(chains.more);
    graph_chains_free(&chains);
    end_story(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        files_test(stories),
        files_test(chains_without_end_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
