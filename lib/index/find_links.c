/* SPDX-License-Identifier: Apache-2.0 */
/* find-links: folders, archives, and pages whose links count for every project. */
#include "base/fs.h"
#include "base/log.h"
#include "index/index_private.h"

static bool is_page(const char *path)
{
    return text_ends(text_of(path), T(".html")) || text_ends(text_of(path), T(".htm"));
}

static void page_file(void *ctx, const struct index_file *file)
{
    struct link_page *page = ctx;
    array_push(&page->files, *file)->source = "find-links";
}

static void page_refused(void *ctx)
{
    struct link_page *page = ctx;
    array_free(&page->files);
}

static int check_memory(void *ctx, struct err *err)
{
    struct index *ix = ((struct link_page *)ctx)->ix;
    struct link_set *links = &ix->links;
    size_t now = links->strings.used + links->files.count * sizeof *links->files.items;
    for (size_t i = 0; i < links->page_count; i++)
        now += links->pages[i].fetch.kept.len + links->pages[i].files.count * sizeof *links->files.items;
    return index_charge(ix, &links->charged, now, "find-links", err);
}

static void add_local(struct index *ix, const char *folder, const char *path, const char *name)
{
    struct index_file file = {.name = arena_strdup(ix->a, name),
                              .url = url_from_path(ix->a, path),
                              .size = -1,
                              .source = "find-links",
                              .index_url = folder};
    array_push(&ix->links.files, file);
}

static void add_page(struct index *ix, const char *url)
{
    struct link_set *links = &ix->links;
    links->pages = xreallocarray(links->pages, links->page_count + 1, sizeof *links->pages);
    links->pages[links->page_count++] = (struct link_page){.ix = ix, .fetch.url = url};
}

static void add_folder(struct index *ix, const char *given, const char *path)
{
    struct strings names cleanup_strings = {0};
    struct err err cleanup_err = ERR_INIT;
    struct arena scratch cleanup_arena = ARENA_INIT;
    if (fs_list(&scratch, AT_FDCWD, path, &names, &err) < 0) {
        log_warning("find-links %s is passed over: %s", given, err.text);
        return;
    }
    array_each (&names, name) {
        const char *whole = path_join(&scratch, path, *name);
        if (is_page(*name))
            add_page(ix, url_from_path(ix->a, whole));
        else
            add_local(ix, given, whole, *name);
    }
}

static void add_location(struct index *ix, const char *given)
{
    struct stat st;
    const char *path = url_is_file(text_of(given)) ? url_to_path(ix->a, given) : given,
               *home = getenv("HOME");
    if (url_is_network(text_of(given))) {
        add_page(ix, given);
        return;
    }
    if (path && strncmp(path, "~/", 2) == 0 && home && *home) /* as pip */
        path = path_join(ix->a, home, path + 2);
    if (path)
        path = path_absolute(ix->a, path);
    if (!path || stat(path, &st) < 0)
        /* Blanks separate them, also those in a password: what has an @ may be the rest of a URL. */
        log_warning("find-links %s is passed over: there is no such file or folder",
                    strchr("/.~", *given) ? given : url_redacted(ix->a, given));
    else if (S_ISDIR(st.st_mode))
        add_folder(ix, given, path);
    else if (is_page(path))
        add_page(ix, url_from_path(ix->a, path));
    else
        add_local(ix, given, path, path_base(path));
}

void links_start(struct index *ix)
{
    struct link_set *links = &ix->links;
    if (links->loaded)
        return;
    links->loaded = true;
    for (size_t i = 0; i < ix->settings.find_links_count; i++)
        add_location(ix, ix->settings.find_links[i]);
    for (size_t i = 0; i < links->page_count; i++) {
        struct link_page *page = &links->pages[i];
        page->fetch.visitor = (struct page_visitor){.strings = &links->strings,
                                                    .file = page_file,
                                                    .check = check_memory,
                                                    .refused = page_refused,
                                                    .ctx = page};
        page_fetch_start(ix, &page->fetch, page->fetch.url);
    }
}

static void page_finish(struct index *ix, struct link_page *page)
{
    struct link_set *links = &ix->links;
    struct page_fetch *p = &page->fetch;
    page_fetch_end(ix, p);
    array_each (&page->files, file)
        array_push(&links->files, *file);
    array_free(&page->files);
    if (p->state == PAGE_ABSENT)
        log_warning("find-links %s is passed over: there is no such page", p->shown);
    if (p->state == PAGE_FAILED && !links->err.text) {
        err_move(&links->err, &p->err);
        err_wrap(&links->err, "find-links");
    }
}

int links_finish(struct index *ix, struct err *err)
{
    struct link_set *links = &ix->links;
    links_start(ix);
    for (; links->finished < links->page_count; links->finished++)
        page_finish(ix, &links->pages[links->finished]);
    return links->err.text ? err_set(err, links->err.kind, "%s", links->err.text) : 0;
}

void links_close(struct index *ix)
{
    struct link_set *links = &ix->links;
    for (size_t i = 0; i < links->page_count; i++) {
        page_fetch_stop(ix, &links->pages[i].fetch);
        array_free(&links->pages[i].files);
    }
    free(links->pages);
    array_free(&links->files);
    arena_free(&links->strings);
    err_clear(&links->err);
    links->page_count = 0;
    links->pages = NULL;
}
