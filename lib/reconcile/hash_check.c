/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/hash_check.h"

#include <stdint.h>

/* Of more lines to add nobody reads the rest. */
enum { MOST_LINES = 8 };

static bool is_kept(const struct hash_check *c, size_t root)
{
    for (size_t i = 0; i < c->result->failure_count; i++)
        if (c->result->failures[i].root == root)
            return false;
    return true;
}

static bool is_checked(const struct hash_check *c, size_t root)
{
    return c->input_of[root] != SIZE_MAX && c->wanted->details.items[c->input_of[root]].checked;
}

const struct hashes **hash_check_given(const struct hash_check *c, const char *name, size_t *count)
{
    size_t most = c->root_count + c->wanted->constraints.count;
    const struct hashes **given = NULL;
    *count = 0;
    for (size_t i = 0; i < most; i++) {
        bool root = i < c->root_count;
        const struct wanted_constraint *limit =
            root ? NULL : &c->wanted->constraints.items[i - c->root_count];
        const struct hashes *h = root ? c->roots[i].only : limit->hashes;
        const struct requirement *r = root ? c->roots[i].requirement : limit->requirement;
        if (!h || strcmp(r->name, name) != 0 || (root && !is_kept(c, i)))
            continue;
        if (!given)
            given = arena_array(&c->s->memory, most, sizeof *given);
        given[(*count)++] = h;
    }
    return given;
}

/* ---- who brings what */

static size_t item_of(const struct hash_check *c, const char *name)
{
    size_t low = 0, high = c->result->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(c->result->items[middle].name, name);
        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return SIZE_MAX;
}

/* Marks what the root leads to. */
static void reach(const struct hash_check *c, size_t root, bool *reached)
{
    struct ARRAY(size_t) todo = {0};
    size_t first = item_of(c, c->roots[root].requirement->name);
    if (first != SIZE_MAX)
        array_push(&todo, first);
    while (todo.count) {
        size_t at = todo.items[--todo.count];
        const struct resolved *item = &c->result->items[at];
        if (reached[at])
            continue;
        reached[at] = true;
        for (size_t i = 0; i < item->require_count; i++) {
            size_t next = item_of(c, item->requires[i]);
            if (next != SIZE_MAX && !reached[next])
                array_push(&todo, next);
        }
    }
    array_free(&todo);
}

/* ---- what lacks a hash */

/* Whether the user wrote this very URL; what metadata names is somebody else's word. */
static bool is_users_url(const struct hash_check *c, const char *url)
{
    for (size_t i = 0; i < c->root_count; i++)
        if (c->roots[i].requirement->url && is_kept(c, i) && strcmp(c->roots[i].requirement->url, url) == 0)
            return true;
    array_each (&c->wanted->constraints, limit)
        if (limit->requirement->url && strcmp(limit->requirement->url, url) == 0)
            return true;
    return false;
}

static bool lacks_hash(const struct hash_check *c, const struct resolved *item)
{
    const struct index_file *file = source_file(item->candidate);
    enum hash_algorithm ignored;
    size_t given;
    hash_check_given(c, item->name, &given);
    if (!file && item->candidate->origin == CANDIDATE_DIRECT)
        return true; /* a repository or folder, which none can have */
    if (!file || given)
        return false;
    /* A digest in the URL counts as well. */
    return item->candidate->origin != CANDIDATE_DIRECT || !file->hash ||
           !hash_algorithm_parse(text_of(file->hash_algorithm), &ignored) ||
           !is_users_url(c, item->candidate->url);
}

static const char *found_hash(struct session *s, const struct index_file *file)
{
    if (!file)
        return NULL;
    if (!index_file_digest(file, HASH_SHA256)) {
        struct fetch job = {.file = file};
        fetch_wheels(s, &job, 1, NULL);
        err_clear(&job.error);
    }
    return index_file_digest(file, HASH_SHA256);
}

/* Of what has no hash. */
static const char *kind_of(const struct resolved *item)
{
    const struct source_direct *direct = item->candidate->data;
    return direct->from->kind == DIRECT_FOLDER ? "folder" : "repository";
}

static void add_line(const struct hash_check *c, struct buf *to, const struct resolved *item)
{
    const char *sha256 = found_hash(c->s, source_file(item->candidate));
    if (!source_file(item->candidate)) {
        buf_printf(to, "\n(nothing for %s: it is a %s, which has none)", item->name, kind_of(item));
        return;
    }
    bool direct = item->candidate->origin == CANDIDATE_DIRECT;
    buf_printf(to, "\n%s%s%s", item->name,
               direct ? " @ " : "==", direct ? item->candidate->url : item->candidate->version.text);
    buf_printf(to, " --hash=sha256:%s", sha256 ? sha256 : "(it cannot be fetched now)");
}

/* Why the root cannot be kept, or NULL. */
static const char *check_root(const struct hash_check *c, size_t root, const bool *others, bool *reached)
{
    struct buf lines cleanup_buf = BUF_INIT;
    size_t count = 0;
    bool itself = false;
    const struct resolved *last = NULL;
    memset(reached, 0, c->result->count * sizeof *reached);
    reach(c, root, reached);
    for (size_t i = 0; i < c->result->count; i++) {
        if (!reached[i] || others[i] || !lacks_hash(c, &c->result->items[i]))
            continue;
        itself = strcmp(c->result->items[i].name, c->roots[root].requirement->name) == 0;
        last = &c->result->items[i];
        if (count++ < MOST_LINES)
            add_line(c, &lines, last);
    }
    if (!count)
        return NULL;
    if (count == 1 && itself && !source_file(last->candidate))
        return arena_printf(&c->s->memory,
                            "its file asks for hashes, and there is none for a %s: name it in a file that "
                            "asks for none, or in EXTENSION_AUTO_INSTALL",
                            kind_of(last));
    if (count > MOST_LINES)
        buf_printf(&lines, "\n… and %zu more", count - MOST_LINES);
    const char *what = count > 1 ? "there are none for some of what it brings"
                       : itself  ? "it has none"
                                 : "there is none for something that it needs";
    return arena_printf(&c->s->memory,
                        "its file asks for hashes, and %s; if what is there now is what you want, write:%s",
                        what, buf_cstr(&lines));
}

int hash_check(const struct hash_check *c)
{
    int refused = 0;
    bool *others = arena_array(&c->s->memory, c->result->count, sizeof *others),
         *reached = arena_array(&c->s->memory, c->result->count, sizeof *reached);
    for (size_t i = 0; i < c->root_count; i++)
        if (is_kept(c, i) && !is_checked(c, i))
            reach(c, i, others);
    for (size_t i = 0; i < c->root_count; i++) {
        if (!is_kept(c, i) || !is_checked(c, i))
            continue;
        const char *why = check_root(c, i, others, reached);
        c->refused[c->input_of[i]] = why;
        refused += why != NULL;
    }
    return refused;
}

/* ---- what only a download can tell */

static bool is_unknown(const struct fetch *job)
{
    for (size_t i = 0; i < job->hash_count; i++)
        if (index_file_judge(job->file, job->hashes[i]) == HASHES_UNKNOWN)
            return true;
    return false;
}

int hash_check_verify(const struct hash_check *c, struct source *source, struct err *err)
{
    struct fetch *jobs = arena_array(&c->s->memory, c->result->count, sizeof *jobs);
    size_t count = 0;
    for (size_t i = 0; i < c->result->count; i++) {
        const struct resolved *item = &c->result->items[i];
        struct fetch job = {.file = source_file(item->candidate)};
        if (item->candidate->origin == CANDIDATE_INDEX)
            job.hashes = hash_check_given(c, item->name, &job.hash_count);
        if (is_unknown(&job))
            jobs[count++] = job;
    }
    int result = count ? fetch_wheels(c->s, jobs, count, err) : 0;
    for (size_t i = 0; i < count; i++) {
        const char *name = jobs[i].file->wheel.name;
        if (result >= 0 && jobs[i].refused)
            source_again(source, name);
        else if (result >= 0 && jobs[i].error.text)
            source_break(source, name, &jobs[i].error);
        result = result < 0 || !jobs[i].error.text ? result : 1;
        err_clear(&jobs[i].error);
    }
    return result;
}
