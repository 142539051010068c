/* SPDX-License-Identifier: Apache-2.0 */
#include "index/index.h"

#include "base/log.h"
#include "index/index_private.h"

#include <unistd.h>

struct index *index_open(struct arena *a, struct http *http, const struct index_settings *settings,
                         struct err *err)
{
    (void)err;
    struct index *ix = arena_new(a, struct index);
    ix->a = a;
    ix->http = http;
    ix->settings = *settings;
    TAILQ_INIT(&ix->asked);
    return ix;
}

int index_memory_check(const struct index *ix, const char *what, struct err *err)
{
    if (ix->held <= INDEX_MEMORY)
        return 0;
    return err_set(
        err, ERR_INPUT,
        "%s is not read, because what the indexes say takes more than %s of memory already; ask for "
        "less at once, or do without the index that lists so much",
        what, text_size(INDEX_MEMORY).s);
}

int index_charge(struct index *ix, size_t *charged, size_t now, const char *page, struct err *err)
{
    ix->held += now - *charged;
    *charged = now;
    if (now > PAGE_MEMORY)
        return page_too_large(page, err);
    return index_memory_check(ix, page, err);
}

static void page_forget(void *ctx)
{
    struct project_page *page = ctx;
    array_free(&page->drafts);
    arena_free(&page->strings);
    page->ix->held -= page->charged;
    page->charged = 0;
}

static int page_check(void *ctx, struct err *err)
{
    struct project_page *page = ctx;
    size_t now = page->fetch.kept.len + page->strings.used + page->drafts.count * sizeof *page->drafts.items;
    return index_charge(page->ix, &page->charged, now, page->fetch.shown, err);
}

static void pages_stop(struct index *ix, struct project *p, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        page_fetch_stop(ix, &p->pages[i].fetch);
        page_forget(&p->pages[i]);
    }
}

static void project_close(struct index *ix, struct project *p)
{
    pages_stop(ix, p, 0, p->page_count);
    err_clear(&p->err);
    if (p->elsewhere)
        project_close(ix, p->elsewhere);
}

void index_close(struct index *ix)
{
    if (!ix)
        return;
    for (size_t i = 0; i < ix->projects.room; i++)
        if (ix->projects.slots[i].value)
            project_close(ix, ix->projects.slots[i].value);
    links_close(ix);
    for (struct entry *e = ix->entries; e; e = e->next) {
        http_release(ix->http, e->request);
        err_clear(&e->err);
        archive_stop(ix, e);
        if (e->whole)
            close(e->whole);
        e->request = NULL;
        e->whole = 0;
    }
    ix->entries = NULL;
    strmap_free(&ix->projects);
    strmap_free(&ix->pythons);
    strmap_free(&ix->every);
    strmap_free(&ix->sources);
}

static void page_file(void *ctx, const struct index_file *file)
{
    struct project_page *page = ctx;
    struct draft draft;
    if (!draft_make(page->ix, &page->strings, page->project, file, false, &draft))
        return;
    draft.file.source = "index";
    draft.file.index_url = page->index_shown;
    draft.order = page->order;
    array_push(&page->drafts, draft);
}

/* Pages of the indexes from `first` on are asked for at once; which of them count is settled later. */
static struct project *project_start(struct index *ix, const char *name, size_t first)
{
    struct arena *a = ix->a;
    struct project *p = arena_new(a, struct project);
    p->result.name = arena_strdup(a, name);
    p->page_count = ix->settings.url_count - first;
    p->winner = p->page_count;
    p->pages = arena_array(a, p->page_count, sizeof *p->pages);
    for (size_t i = 0; i < p->page_count; i++) {
        struct project_page *page = &p->pages[i];
        const char *url = ix->settings.urls[first + i];
        *page = (struct project_page){.ix = ix, .project = p->result.name, .order = (int)i + 1};
        page->index_shown = url_without_credentials(a, url);
        page->fetch.visitor = (struct page_visitor){.strings = &page->strings,
                                                    .file = page_file,
                                                    .check = page_check,
                                                    .refused = page_forget,
                                                    .ctx = page};
        bool slash = text_ends(text_of(url), T("/"));
        page_fetch_start(ix, &page->fetch, arena_printf(a, "%s%s%s/", url, slash ? "" : "/", name));
    }
    return p;
}

static struct project *project_get(struct index *ix, const char *name)
{
    void **place = strmap_place(&ix->projects, text_of(name));
    if (!*place) {
        struct project *p = project_start(ix, name, 0);
        *strmap_place(&ix->projects, text_of(name)) = p;
        return p;
    }
    return *place;
}

void index_prefetch_project(struct index *ix, const char *name)
{
    links_start(ix);
    project_get(ix, name);
    http_poll(ix->http);
    page_fetch_absorb_done(ix);
}

bool index_project_has_come(struct index *ix, const char *name)
{
    const struct project *p = project_get(ix, name);
    if (p->settled)
        return true;
    for (size_t i = ix->links.finished; i < ix->links.page_count; i++)
        if (ix->links.pages[i].fetch.state == PAGE_ASKED)
            return false;
    for (size_t i = 0; i < p->page_count; i++) {
        enum page_state state = p->pages[i].fetch.state;
        if (state == PAGE_ASKED)
            return false;
        if (state != PAGE_ABSENT && ix->settings.strategy == INDEX_FIRST)
            return true;
    }
    return true;
}

size_t index_project_count(const struct index *ix)
{
    return ix->projects.count;
}

void index_every_wheel(struct index *ix, const char *name)
{
    *strmap_place(&ix->every, text_of(name)) = ix;
}

void index_want_sources(struct index *ix, const char *name)
{
    *strmap_place(&ix->sources, text_of(name)) = ix;
}

/* Waits for the pages that count, and lets go of the others. */
static int pages_settle(struct index *ix, struct project *p, enum index_strategy strategy)
{
    for (size_t i = 0; i < p->page_count; i++) {
        struct page_fetch *f = &p->pages[i].fetch;
        page_fetch_end(ix, f);
        p->result.from_network = p->result.from_network || f->from_network;
        if (f->state == PAGE_FAILED) {
            err_move(&p->err, &f->err);
            return -1;
        }
        if (f->state == PAGE_FOUND && strategy == INDEX_FIRST) {
            p->winner = i;
            p->result.index_url = p->pages[i].index_shown;
            pages_stop(ix, p, i + 1, p->page_count);
            return 0;
        }
    }
    return 0;
}

static void add_links(struct index *ix, struct project *p, struct arena *strings, struct drafts *out)
{
    array_each (&ix->links.files, file) {
        struct draft draft;
        if (draft_make(ix, strings, p->result.name, file, true, &draft))
            array_push(out, draft);
    }
}

static char *why_absent(struct index *ix, const struct project *p)
{
    struct buf text cleanup_buf = BUF_INIT;
    if (p->winner < p->page_count) {
        buf_printf(&text, "%s has a page of %s, but lists no file of it that can be understood",
                   p->result.index_url, p->result.name);
    } else if (ix->settings.url_count == 0 && ix->settings.find_links_count == 0) {
        buf_printf(&text, "there is neither an index nor a find-links location to look for %s",
                   p->result.name);
    } else {
        buf_printf(&text, "%s a distribution named %s (asked:",
                   ix->settings.url_count ? "no index has" : "no find-links location has", p->result.name);
        for (size_t i = 0; i < ix->settings.url_count + ix->settings.find_links_count; i++) {
            struct arena scratch cleanup_arena = ARENA_INIT;
            const char *where = i < ix->settings.url_count
                                    ? ix->settings.urls[i]
                                    : ix->settings.find_links[i - ix->settings.url_count];
            buf_printf(&text, "%s %s", i ? "," : "", url_without_credentials(&scratch, where));
        }
        buf_char(&text, ')');
    }
    return text_dup(ix->a, buf_view(&text));
}

/* The first are taken as they are: there can be many. */
static void take_drafts(struct drafts *all, struct drafts *some)
{
    if (all->count == 0) {
        array_free(all);
        *all = *some;
        *some = (struct drafts){0};
        return;
    }
    array_each (some, draft)
        array_push(all, *draft);
}

static void project_settle(struct index *ix, struct project *p, enum index_strategy strategy, bool with_links)
{
    struct arena strings cleanup_arena = ARENA_INIT;
    struct drafts all = {0};
    p->settled = true;
    if ((!with_links || links_finish(ix, &p->err) == 0) && pages_settle(ix, p, strategy) == 0) {
        if (with_links)
            add_links(ix, p, &strings, &all); /* first: among equal files the nearer wins, as for pip */
        for (size_t i = 0; i < p->page_count; i++)
            take_drafts(&all, &p->pages[i].drafts);
        size_t before = ix->a->used;
        project_assemble(ix, &all, &p->result);
        ix->held += ix->a->used - before;
        if (p->result.count == 0)
            p->result.absent = why_absent(ix, p);
    }
    array_free(&all);
    pages_stop(ix, p, 0, p->page_count);
}

static int hand_out(const struct project *p, const struct index_project **out, struct err *err)
{
    *out = &p->result;
    return p->err.text ? err_set(err, p->err.kind, "%s", p->err.text) : 0;
}

int index_project(struct index *ix, const char *name, const struct index_project **out, struct err *err)
{
    links_start(ix);
    struct project *p = project_get(ix, name);
    if (!p->settled)
        project_settle(ix, p, ix->settings.strategy, true);
    return hand_out(p, out, err);
}

int index_project_elsewhere(struct index *ix, const char *name, const struct index_project **out,
                            struct err *err)
{
    const struct index_project *here;
    if (index_project(ix, name, &here, err) < 0)
        return -1;
    struct project *p = project_get(ix, name);
    if (!p->elsewhere) {
        size_t first = p->winner < p->page_count ? p->winner + 1 : ix->settings.url_count;
        p->elsewhere = project_start(ix, name, first);
        project_settle(ix, p->elsewhere, INDEX_BEST, false);
    }
    return hand_out(p->elsewhere, out, err);
}

void index_wait_any_or(struct index *ix, int fd)
{
    http_wait_any(ix->http, fd, NULL);
    page_fetch_absorb_done(ix);
}

const struct index_file *index_file_of_url(struct index *ix, const char *url, const char *name,
                                           struct err *err)
{
    const char *fragment;
    struct page_link link = {0};
    struct index_file file = {.source = "url", .size = -1};
    char *joined = url_join(ix->a, "", text_of(url), &fragment);
    struct text rest = text_of(fragment), piece;
    while (rest.len && text_cut(&rest, '&', &piece)) {
        size_t equals = text_find(piece, '=');
        page_link_digest(ix->a, &link, text_first(piece, equals), text_from(piece, equals + 1));
    }
    file.url = joined;
    for (size_t i = 0; i < ix->settings.url_count && file.url == joined; i++)
        file.url = url_with_credentials_of(ix->a, joined, ix->settings.urls[i]);
    file.index_url = url_without_credentials(ix->a, joined);
    file.name = url_file_name(ix->a, joined, err);
    if (!file.name)
        return NULL;
    file.is_source = !text_ends(text_of(file.name), T(".whl"));
    file.wheel.name = name;
    if (link.broken_digest) {
        err_set(err, ERR_INPUT, "%s has a malformed digest behind its #", file.index_url);
        return NULL;
    }
    file.hash_algorithm = link.hash_algorithm;
    file.hash = link.hash;
    file.sha256 = link.sha256;
    struct entry *e = entry_make(ix, &file, err);
    return e ? &e->file : NULL;
}

const struct index_file *index_file_of_lock(struct index *ix, const struct index_file *facts, struct err *err)
{
    struct index_file file = *facts;
    for (size_t i = 0; i < ix->settings.url_count && file.url == facts->url; i++)
        file.url = url_with_credentials_of(ix->a, facts->url, ix->settings.urls[i]);
    struct entry *e = entry_make(ix, &file, err);
    return e ? &e->file : NULL;
}
