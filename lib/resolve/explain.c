/* SPDX-License-Identifier: Apache-2.0 */
#include "resolve/explain.h"

#include "base/log.h"
#include "base/nearest.h"
#include "resolve/ranges.h"

#include <stdlib.h>

/* So many requirements of one package on another are told one by one; more are "much the same". */
enum { MUCH_THE_SAME = 4, LONGEST_LINE = 600 };

enum { MAX_FACTS = 300 };

/* A name that is one letter off in so many is taken for a slip; with more than two it is another name. */
enum { LETTERS_OF_A_SLIP = 4, MOST_SLIPS = 2 };

struct story {
    struct arena *arena;
    struct solve *solve;
    const struct core *core;
    size_t blamed;
    struct strings lines;
    struct ARRAY(const struct fact *) told; /* requirements */
    struct ARRAY(unsigned) todo;
    bool *visited;   /* packages */
    bool *done;      /* facts */
    bits **relevant; /* by package: what the requirements in the story allow at all */
    bool base;       /* the base stands in the way */
};

static void line(struct story *t, struct buf *b)
{
    struct buf clean cleanup_buf =
        BUF_INIT; /* first: of a URL that is cut the password could not be told any more */
    log_redact(&clean, buf_view(b));
    b = &clean;
    for (size_t i = 0; i < b->len; i++)
        if (b->ptr[i] == '\n')
            b->ptr[i] = ' ';
    bool cut = b->len > LONGEST_LINE;
    size_t length = cut ? LONGEST_LINE : b->len;
    while (cut && length && ((unsigned char)b->ptr[length] & 0xc0) == 0x80)
        length--;
    char *text = arena_printf(t->arena, "%.*s%s", (int)length, buf_cstr(b), cut ? "…" : "");
    array_each (&t->lines, earlier)
        if (strcmp(*earlier, text) == 0)
            return;
    array_push(&t->lines, text);
}

static void full_stop(struct buf *b)
{
    if (!b->len || b->ptr[b->len - 1] != '?')
        buf_char(b, '.');
}

static const struct fact *fact_at(const struct story *t, size_t i)
{
    return t->core->items[i]->fact;
}

static struct package *package_at(const struct story *t, unsigned package)
{
    return &t->solve->packages.items[package];
}

/* The package that a requirement is on, whether the fact speaks of it or of its extra. */
static unsigned target_of(const struct story *t, const struct fact *f)
{
    return package_at(t, f->target)->owner;
}

static void requirement(struct buf *b, const struct requirement *r)
{
    buf_str(b, r->name);
    for (size_t i = 0; i < r->extra_count; i++)
        buf_printf(b, "%s%s", i ? "," : "[", r->extras[i]);
    if (r->extra_count)
        buf_char(b, ']');
    buf_printf(b, "%s%s", r->url ? " @ " : "", r->url ? r->url : r->specifiers.text);
}

/* ---- what the story is about */

static void add_relevant(struct story *t, const struct fact *f, bool root)
{
    unsigned package = target_of(t, f);
    size_t words = package_at(t, package)->project->words;
    bits **set = &t->relevant[package];
    if (!*set) {
        *set = arena_array(t->arena, words, sizeof(bits));
        bits_copy(*set, f->meets->in, words);
    } else if (root) {
        bits_keep(*set, f->meets->in, words);
    } else {
        bits_add(*set, f->meets->in, words);
    }
}

/* What the user's own requirements allow, else what any of the others does. */
static void find_relevant(struct story *t)
{
    bool *by_root = xcalloc(t->solve->packages.count, sizeof *by_root);
    for (size_t i = 0; i < t->core->count; i++)
        if (fact_at(t, i)->kind == FACT_ROOT) {
            by_root[target_of(t, fact_at(t, i))] = true;
            add_relevant(t, fact_at(t, i), true);
        }
    for (size_t i = 0; i < t->core->count; i++)
        if (fact_at(t, i)->kind == FACT_NEEDS && !by_root[target_of(t, fact_at(t, i))])
            add_relevant(t, fact_at(t, i), false);
    free(by_root);
}

/* The candidates of a fact that matter here; all of them where none would. */
static bits *concerned(const struct story *t, const struct fact *f)
{
    size_t words = package_at(t, f->package)->project->words;
    bits *set = arena_array(t->arena, words, sizeof(bits));
    bits_copy(set, f->set, words);
    if (t->relevant[f->package])
        bits_keep(set, t->relevant[f->package], words);
    if (bits_empty(set, words))
        bits_copy(set, f->set, words);
    return set;
}

/* ---- requirements */

/* What meets a requirement, less the direct references that nobody here named: for the user they do not
 * exist. */
static bits *meeting(const struct story *t, const struct project *p, const struct meets *m)
{
    bits *set = arena_array(t->arena, p->words, sizeof(bits));
    bits_copy(set, m->in, p->words);
    bits_each(p->direct, p->words, i) if (!solve_knows(t->solve, p, &p->list->items[i]))
        bits_drop(set, bit_of(i));
    return set;
}

/* An earlier requirement of the story that nothing meets together with this one, or NULL. */
static const struct fact *clash(const struct story *t, const struct fact *f)
{
    unsigned target = target_of(t, f);
    const struct project *p = package_at(t, target)->project;
    const bits *in = meeting(t, p, f->meets);
    array_each (&t->told, told) {
        const struct fact *g = *told;
        if (target_of(t, g) != target || !bits_disjoint(in, g->meets->in, p->words))
            continue;
        /* Different versions of one package are alternatives: their requirements never meet. */
        if (f->kind != FACT_NEEDS || g->kind != FACT_NEEDS || f->package != g->package ||
            !bits_disjoint(f->set, g->set, package_at(t, f->package)->project->words))
            return g;
    }
    return NULL;
}

/* Candidates meet the requirement, but the root lets none of them through. */
static bool refused(struct story *t, struct buf *b, const struct fact *f, const char *but)
{
    const struct resolve_root *root = f->kind == FACT_ROOT ? &t->solve->roots[f->root] : NULL;
    struct project *p = package_at(t, target_of(t, f))->project;
    if (!root || !root->only)
        return false;
    const struct meets *all = universe_meets(t->solve->universe, p, f->requirement);
    size_t first = bits_next(meeting(t, p, all), p->words, 0);
    if (first == SIZE_MAX)
        return false;
    const struct resolve_source *source = t->solve->universe->source;
    buf_printf(b, "%s%s", but, source->refusal(source->ctx, root->only, &p->list->items[first]));
    return true;
}

/* Another name that was asked about here and exists, when it is so near that it must have been meant: of two
 * that are as near, neither. */
static void near_miss(struct story *t, struct buf *b, const char *name)
{
    const char *best = NULL;
    size_t bound = strlen(name) / LETTERS_OF_A_SLIP, as_near = 0;
    if (bound > MOST_SLIPS)
        bound = MOST_SLIPS;
    size_t least = bound;
    array_each (&t->solve->packages, p) {
        size_t distance = nearest_distance(text_of(name), text_of(p->project->name));
        if (p->extra || !p->project->list->count || distance > least)
            continue;
        as_near = distance < least ? 1 : as_near + 1;
        least = distance;
        best = p->project->name;
    }
    if (as_near == 1)
        buf_printf(b, "; did you mean %s?", best);
}

/* Why nothing meets the requirement, as the end of a sentence, if that is so; `but` joins it to what was
 * said. */
static bool obstacle(struct story *t, struct buf *b, const struct fact *f, const char *but)
{
    const struct requirement *r = f->requirement;
    const struct project *p = package_at(t, target_of(t, f))->project;
    const char *failure = r->url ? universe_direct_failure(t->solve->universe, r->name, r->url) : NULL;
    if (!bits_empty(meeting(t, p, f->meets), p->words))
        return false;
    if (p->base) {
        t->base = true;
        buf_printf(b, "%sLocalStack itself has %s %s", but, p->name, p->base->version.text);
    } else if (refused(t, b, f, but)) {
        return true;
    } else if (failure) {
        if (*but)
            buf_printf(b, ", which cannot be used: %s", failure);
        else
            buf_printf(b, "%s @ %s cannot be used: %s", r->name, r->url, failure);
    } else if (!p->list->count) {
        buf_printf(b, "%s%s", but, p->list->absent ? p->list->absent : "no version of it is known");
        near_miss(t, b, p->name);
    } else {
        const struct candidate *newest = newest_version(p);
        buf_printf(b, "%s version matches %s%s%s", *but ? ", but no" : "No", p->name, r->url ? " @ " : "",
                   r->url ? r->url : r->specifiers.text);
        if (newest)
            buf_printf(b, "; the newest is %s", newest->version.text);
    }
    return true;
}

/* The end of a sentence that told a requirement: why it cannot be met, as far as that is plain by now. */
static void consequence(struct story *t, struct buf *b, const struct fact *f)
{
    const struct fact *other = obstacle(t, b, f, ", but ") ? NULL : clash(t, f);
    if (other) {
        buf_str(b, ", which does not go together with ");
        requirement(b, other->requirement);
    }
    array_push(&t->told, f);
}

/* "foo 1.0 requires", "foo[bar] 1.0 and 1.1 require", "Every version of foo (1.0 to 1.9) requires" */
static void subject(struct story *t, struct buf *b, const struct fact *f, const bits *set)
{
    const struct package *p = package_at(t, f->package);
    const struct project *project = p->project;
    size_t count = versions_count(project, set);
    cleanup_buf struct buf name = BUF_INIT;
    buf_str(&name, project->name);
    if (f->extra != NO_PACKAGE)
        buf_printf(&name, "[%s]", package_at(t, f->extra)->extra);
    if (project->base) {
        buf_printf(b, "LocalStack's own %s %s", buf_cstr(&name), project->base->version.text);
    } else if (count > 1 && versions_are_all(project, set)) {
        buf_printf(b, "Every version of %s (", buf_cstr(&name));
        versions_text(b, project, set);
        buf_char(b, ')');
        count = 1;
    } else {
        buf_printf(b, "%s ", buf_cstr(&name));
        versions_text(b, project, set);
    }
    buf_str(b, count == 1 ? " requires " : " require ");
}

static bool same_group(const struct fact *f, const struct fact *g)
{
    return g->kind == FACT_NEEDS && f->package == g->package && f->extra == g->extra &&
           f->target == g->target;
}

/* The facts of the story that say the same of other candidates, as one set: with the same requirement, or
 * with any on the same target. */
static bits *together(struct story *t, const struct fact *f, bool any, bool done)
{
    size_t words = package_at(t, f->package)->project->words;
    bits *set = arena_array(t->arena, words, sizeof(bits));
    for (size_t i = 0; i < t->core->count; i++)
        if (same_group(f, fact_at(t, i)) && (any || fact_at(t, i)->meets == f->meets)) {
            bits_add(set, concerned(t, fact_at(t, i)), words);
            t->done[i] = t->done[i] || done;
        }
    return set;
}

/* How many different requirements the package has on the target, and the one of its newest version. */
static size_t group(struct story *t, const struct fact *f, const struct fact **newest)
{
    const struct project *p = package_at(t, f->package)->project;
    size_t count = 0, best = SIZE_MAX;
    for (size_t i = 0; i < t->core->count; i++) {
        const struct fact *g = fact_at(t, i);
        if (!same_group(f, g))
            continue;
        bool counted = false;
        for (size_t k = 0; k < i && !counted; k++)
            counted = same_group(f, fact_at(t, k)) && fact_at(t, k)->meets == g->meets;
        count += !counted;
        size_t candidate = newest_of(p, concerned(t, g));
        if (best == SIZE_MAX || (candidate != SIZE_MAX && version_cmp(&p->list->items[candidate].version,
                                                                      &p->list->items[best].version) > 0))
            best = candidate, *newest = g;
    }
    return count;
}

static void tell_needs(struct story *t, const struct fact *f)
{
    const struct fact *newest = f;
    bool many = group(t, f, &newest) >= MUCH_THE_SAME;
    if (many)
        f = newest;
    cleanup_buf struct buf b = BUF_INIT;
    const struct project *p = package_at(t, f->package)->project;
    bits *set = together(t, f, false, true);
    subject(t, &b, f, set);
    requirement(&b, f->requirement);
    consequence(t, &b, f);
    if (many) {
        bits *rest = together(t, f, true, true);
        bits_remove(rest, set, p->words);
        if (!bits_empty(rest, p->words)) {
            buf_printf(&b, "; it is much the same with %s ", p->name);
            versions_text(&b, p, rest);
        }
    }
    full_stop(&b);
    line(t, &b);
    array_push(&t->todo, target_of(t, f));
}

static void tell_root(struct story *t, const struct fact *f)
{
    cleanup_buf struct buf b = BUF_INIT;
    if (f->root == t->blamed) {
        /* What is set aside stands above the story already. */
        if (obstacle(t, &b, f, "")) {
            full_stop(&b);
            line(t, &b);
        }
        array_push(&t->told, f);
    } else {
        buf_printf(&b, "%s asks for ", t->solve->roots[f->root].from);
        requirement(&b, f->requirement);
        consequence(t, &b, f);
        full_stop(&b);
        line(t, &b);
    }
    array_push(&t->todo, target_of(t, f));
}

/* ---- candidates that cannot be used */

static void tell_unusable(struct story *t, const struct fact *f)
{
    cleanup_buf struct buf b = BUF_INIT;
    const struct project *p = package_at(t, f->package)->project;
    const bits *set = concerned(t, f);
    bool one = versions_count(p, set) == 1;
    if (f->kind == FACT_UNASKED && !f->text)
        return; /* a direct reference that nobody named here: for the user it does not exist */
    buf_printf(&b, "%s ", p->name);
    versions_text(&b, p, set);
    switch (f->kind) {
    case FACT_YANKED:
        buf_printf(&b,
                   " %s yanked%s%s%s; such a version is used only where exactly it is asked for, with ==.",
                   one ? "was" : "were", *f->text ? " (" : "", f->text, *f->text ? ")" : "");
        break;
    case FACT_PRERELEASE:
        buf_printf(&b, " %s, and no requirement asks for one.",
                   one ? "is a pre-release" : "are pre-releases");
        break;
    case FACT_UNASKED:
        buf_str(&b, " would be used only if something else asked for exactly that.");
        break;
    default:
        buf_printf(&b, " cannot be used: %s%s.",
                   f->kind == FACT_UNREADABLE ? ""
                   : one                      ? "it "
                                              : "each ",
                   f->text);
        break;
    }
    line(t, &b);
}

/* ---- the order of the story */

static void visit(struct story *t, unsigned package)
{
    if (t->visited[package])
        return;
    t->visited[package] = true;
    size_t todo = t->todo.count;
    for (int pass = 0; pass < 3;
         pass++) /* who else asks for it, what cannot be used, what the others require */
        for (size_t i = 0; i < t->core->count; i++) {
            const struct fact *f = fact_at(t, i);
            if (t->done[i])
                continue;
            bool root = f->kind == FACT_ROOT && target_of(t, f) == package;
            bool needs = f->kind == FACT_NEEDS && f->package == package;
            bool unusable = f->kind != FACT_ROOT && f->kind != FACT_NEEDS && f->package == package;
            if (!(pass == 0 ? root : pass == 1 ? unusable : needs))
                continue;
            t->done[i] = true;
            if (root)
                tell_root(t, f);
            else if (needs)
                tell_needs(t, f);
            else
                tell_unusable(t, f);
        }
    /* The first mentioned is the first to be told about: the stack gives the last. */
    for (size_t low = todo, high = t->todo.count; low + 1 < high; low++, high--) {
        unsigned swapped = t->todo.items[low];
        t->todo.items[low] = t->todo.items[high - 1];
        t->todo.items[high - 1] = swapped;
    }
}

static void visit_all(struct story *t)
{
    while (t->todo.count)
        visit(t, t->todo.items[--t->todo.count]);
}

static void tell(struct story *t)
{
    for (int blamed = 1; blamed >= 0; blamed--)
        for (size_t i = 0; i < t->core->count; i++) {
            const struct fact *f = fact_at(t, i);
            if (f->kind != FACT_ROOT || t->done[i] || (f->root == t->blamed) != blamed)
                continue;
            t->done[i] = true;
            tell_root(t, f);
            visit_all(t);
        }
    for (size_t i = 0; i < t->core->count; i++)
        if (!t->done[i]) {
            visit(t, fact_at(t, i)->package);
            visit_all(t);
        }
}

/* What the user can do about it, where that is clear. */
static void advise(struct story *t)
{
    cleanup_buf struct buf b = BUF_INIT;
    const struct requirement *blamed = t->solve->roots[t->blamed].requirement;
    struct ARRAY(size_t) roots = {0};
    for (size_t i = 0; i < t->core->count; i++) {
        const struct fact *f = fact_at(t, i);
        bool known = f->kind != FACT_ROOT;
        array_each (&roots, root)
            known = known || *root == f->root;
        if (!known)
            array_push(&roots, f->root);
    }
    if (roots.count > 1) {
        buf_str(&b, "Change or drop one of these: ");
        for (size_t i = 0; i < roots.count; i++) {
            const struct resolve_root *root = &t->solve->roots[roots.items[i]];
            buf_str(&b, i ? ", " : "");
            requirement(&b, root->requirement);
            buf_printf(&b, " (%s)", root->from);
        }
        full_stop(&b);
    } else if (t->base && package_at(t, solve_find(t->solve, blamed->name, NULL))->project->base) {
        buf_str(&b, "What LocalStack itself has is never replaced: drop this requirement, or set "
                    "EXTENSION_BASE_CONFLICTS=tolerate to go on with what is there.");
    } else if (t->base) {
        buf_printf(
            &b,
            "What LocalStack itself has is never replaced: look for a version of %s that works with it, "
            "or set EXTENSION_BASE_CONFLICTS=tolerate to install it all the same.",
            blamed->name);
    }
    if (b.len)
        line(t, &b);
    array_free(&roots);
}

/* Of more facts than anybody will be told, the user's requirements and those that were known first. */
static void keep_first(struct arena *a, const struct core *all, struct core *out)
{
    out->items = arena_array(a, all->count, sizeof *out->items);
    out->count = 0;
    for (size_t i = 0; i < all->count; i++)
        if (out->count < MAX_FACTS || all->items[i]->fact->kind == FACT_ROOT)
            out->items[out->count++] = all->items[i];
}

char *explain(struct arena *a, struct solve *s, const struct core *core, size_t blamed)
{
    struct core facts;
    keep_first(&s->arena, core, &facts);
    struct story t = {.arena = &s->arena, .solve = s, .core = &facts, .blamed = blamed};
    t.visited = xcalloc(s->packages.count, sizeof *t.visited);
    t.done = xcalloc(facts.count, sizeof *t.done);
    t.relevant = xcalloc(s->packages.count, sizeof(bits *));
    find_relevant(&t);
    tell(&t);
    /* Of a story that is too long the middle is left out: it ends with what cannot be. */
    size_t told = t.lines.count, first = EXPLANATION_LINES / 2, last = EXPLANATION_LINES - first - 2;
    bool shorten = told > first + last + 1;
    advise(&t);
    cleanup_buf struct buf text = BUF_INIT;
    for (size_t i = 0; i < t.lines.count; i++) {
        if (shorten && i == first)
            buf_printf(&text, "\n… (%zu steps more)", told - first - last);
        if (!shorten || i < first || i >= told - last)
            buf_printf(&text, "%s%s", i ? "\n" : "", t.lines.items[i]);
    }
    free(t.visited);
    free(t.done);
    free(t.relevant);
    array_free(&t.lines);
    array_free(&t.told);
    array_free(&t.todo);
    return text_dup(a, buf_view(&text));
}
