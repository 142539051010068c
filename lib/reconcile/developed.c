/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/developed.h"

#include "base/fs.h"
#include "base/stopwatch.h"
#include "boot/fact.h"
#include "build/build.h"
#include "dev/plux.h"
#include "index/url.h"
#include "python/entry_points.h"
#include "reconcile/built.h"
#include "reconcile/store.h"
#include "venv/direct_url.h"
#include "venv/install.h"

enum { TEXT_LIMIT = 16 << 20 };

/* ---- what the projects say */

static void keep(struct session *s, struct project *project)
{
    *strmap_place(&s->projects, text_of(project->folder)) = project;
    array_each (&project->folders, folder)
        session_folder(s, *folder);
    array_each (&project->warnings, warning)
        log_warning("%s: %s", project->folder, *warning);
}

/* Of those that were not read before, in one go. */
static int read_projects(struct session *s, const char *const *folders, size_t count, struct err *err)
{
    struct ARRAY(struct project) missing = {0};
    for (size_t i = 0; i < count; i++)
        if (!strmap_get(&s->projects, text_of(folders[i])))
            array_push(&missing, (struct project){.folder = folders[i]});
    int result =
        missing.count ? project_read(&s->memory, s->py.executable, missing.items, missing.count, err) : 0;
    for (size_t i = 0; result == 0 && i < missing.count; i++) {
        struct project *kept = arena_new(&s->memory, struct project);
        *kept = missing.items[i];
        keep(s, kept);
    }
    array_free(&missing);
    return result;
}

const struct project *developed_project(struct session *s, const char *folder, struct err *err)
{
    const char *kept = arena_strdup(&s->memory, folder);
    if (session_interpreter(s, err) < 0 || read_projects(s, &kept, 1, err) < 0)
        return NULL;
    return strmap_get(&s->projects, text_of(folder));
}

/* ---- what a build says where they do not */

static const char *wheel_text(struct session *s, const struct unpacked *wheel, const char *name)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    const char *path = arena_printf(&s->memory, "%s/tree/%s/%s", wheel->dir, wheel->dist_info, name);
    return fs_read(AT_FDCWD, path, TEXT_LIMIT, &bytes, NULL) < 0 ? ""
                                                                 : text_dup(&s->memory, buf_view(&bytes));
}

/* The first part of each path that is no part of the wheel's own. */
static void add_top_level(struct session *s, const struct unpacked *wheel, struct strings *out)
{
    for (size_t i = 0; i < wheel->count; i++) {
        struct text path = text_of(wheel->files[i].path), top = text_first(path, text_find(path, '/'));
        if (text_ends(top, T(".dist-info")) || text_ends(top, T(".data")))
            continue;
        top = text_first(top, text_find(top, '.'));
        if (!out->count || !text_is(top, out->items[out->count - 1]))
            array_push(out, text_dup(&s->memory, top));
    }
}

/* What a project says of itself, and what a build says instead where it does not say all. */
struct said {
    struct text metadata, entry_points;
    struct project_layout layout;
    struct strings top_level; /* the layout's, where a build told it */
};

static void said_free(struct said *said)
{
    array_free(&said->top_level);
}
#define cleanup_said __attribute__((cleanup(said_free)))

static int ask_build(struct session *s, const struct project *project, struct said *said, struct err *err)
{
    struct built_item item = {.name = project->name, .folder = project->folder};
    log_debug("%s has to be built to be known: %s", project->folder, project->why_not);
    if (built_item(s, &item, err) < 0)
        return -1;
    said->metadata = text_of(wheel_text(s, &item.wheel, "METADATA"));
    said->entry_points = text_of(wheel_text(s, &item.wheel, "entry_points.txt"));
    if (said->layout.parts.count || said->layout.top_level.count)
        return 0;
    add_top_level(s, &item.wheel, &said->top_level);
    said->layout.top_level = said->top_level;
    return 0;
}

struct installed *developed_installed(struct session *s, const char *url, const char *subdirectory)
{
    struct installed_set *set = s->rebuild ? &s->old : &s->venv;
    for (size_t i = 0; i < set->count; i++) {
        struct direct_url from;
        struct installed *item = set->items[i];
        if (installed_details(set, item, NULL) < 0 || !item->direct_url ||
            direct_url_parse(&s->memory, item->direct_url, &from, NULL) < 0 || from.kind != DIRECT_FOLDER)
            continue;
        const char *below = from.subdirectory ? from.subdirectory : "";
        if (strcmp(from.url, url) == 0 && strcmp(below, subdirectory ? subdirectory : "") == 0)
            return item;
    }
    return NULL;
}

/* What nothing is built for is told by what was installed of it. */
static bool ask_venv(struct session *s, const struct developed *d, struct said *said)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    const struct installed *item = s->only_looks ? developed_installed(s, d->url, NULL) : NULL;
    if (!item)
        return false;
    const char *info = path_join(&s->memory, item->folder, item->info);
    if (fs_read(AT_FDCWD, path_join(&s->memory, info, "METADATA"), TEXT_LIMIT, &bytes, NULL) < 0)
        return false;
    said->metadata = text_of(text_dup(&s->memory, buf_view(&bytes)));
    return true;
}

/* A source that cannot be built now is better had without its version than not at all. What its build needs
 * may be there next time, and can be in files that no boot looks at: it is no malformed source. */
static int ask(struct session *s, const struct developed *d, const struct project *project, struct said *said,
               struct err *err)
{
    struct err why cleanup_err = ERR_INIT;
    *said = (struct said){project->metadata, project->entry_points, project->layout, {0}};
    if (!project->why_not || ask_build(s, project, said, &why) == 0 || ask_venv(s, d, said))
        return 0;
    if (why.kind == ERR_INPUT)
        why.kind = ERR_UNAVAILABLE;
    if (!project->metadata.len || why.kind == ERR_INTERRUPTED)
        return err_move(err, &why);
    if (!s->only_looks)
        log_warning("%s is used as far as it can be read, but %s: %s. It is built when its project file "
                    "changes, or by `localstack-extensions sync`",
                    project->folder, project->why_not, why.text);
    return 0;
}

/* ---- */

static int describe(struct session *s, struct developed *d, const struct said *said)
{
    struct arena *a = &s->memory;
    struct metadata *m = arena_new(a, struct metadata);
    struct strings warnings cleanup_strings = {0};
    const struct direct_url from = {.kind = DIRECT_FOLDER, .url = d->url, .editable = true};
    if (metadata_parse(a, said->metadata, m, &d->error) < 0 ||
        layout_find(a, d->folder, &said->layout, &d->links, &warnings, &d->error) < 0)
        return -1;
    array_each (&warnings, warning)
        log_warning("%s: %s", d->folder, *warning);
    d->name = m->normalized;
    d->metadata = m;
    d->declared = said->entry_points;
    d->install = (struct source_install){.given = m->name,
                                         .name = m->normalized,
                                         .version = m->version.text,
                                         .place = d->place,
                                         .metadata = said->metadata,
                                         .entry_points = said->entry_points,
                                         .links = &d->links,
                                         .requested = true,
                                         .direct_url = direct_url_write(a, &from)};
    return 0;
}

/* ---- entry points that stand in code alone */

/* An import may never end: the rest of the run has to have its time all the same. */
static int patience_ms(const struct session *s)
{
    enum { SHORTEST_MS = 1000, LONGEST_MS = 60000 };
    long long part = s->ends_ms ? (s->ends_ms - stopwatch_ms()) / 4 : LONGEST_MS;
    return (int)(part < SHORTEST_MS ? SHORTEST_MS : part < LONGEST_MS ? part : LONGEST_MS);
}

static int discover(struct session *s, const struct developed *d, struct plux_answer *answer, struct err *err)
{
    char *scratch;
    if (store_open(s, err) < 0)
        return -1;
    cleanup_close int lock =
        fs_new_dir(&s->memory, path_join(&s->memory, store_dir(s), BUILD_FOLDER), &scratch, err);
    if (lock < 0)
        return -1;
    const struct plux_request request = {.executable = s->py.executable,
                                         .project = strmap_get(&s->projects, text_of(d->folder)),
                                         .place = d->folder,
                                         .links = &d->links,
                                         .site_packages =
                                             path_join(&s->memory, s->paths.venv, s->py.site_packages),
                                         .scratch = scratch,
                                         .timeout_ms = patience_ms(s)};
    int result = plux_discover(&s->memory, &request, answer, err);
    (void)!fs_remove_tree(AT_FDCWD, scratch, NULL);
    return result;
}

/* Those that the project's files name count in any case. */
static void add_discovered(struct session *s, struct developed *d)
{
    static const char known[] = "only the entry points that its files name are known of it";
    struct arena *a = &s->memory;
    struct err why cleanup_err = ERR_INIT;
    struct plux_answer answer = {0};
    d->code = fact_code(a, d->folder);
    bool answered = discover(s, d, &answer, &why) == 0;
    d->lacks_modules = answered && answer.failed;
    if (!answered)
        d->unknown = arena_printf(a, "%s: %s: %s", d->folder, known, why.text);
    else if (!answer.has_plux)
        d->unknown = arena_printf(a, "%s: %s, because LocalStack itself has no plux", d->folder, known);
    else if (answer.failed)
        d->unknown = arena_printf(
            a, "%s: entry points in its code may be missing, because %s cannot be imported: %s%s", d->folder,
            answer.module, answer.why,
            answer.failed > 1 ? arena_printf(a, " (nor %zu more)", answer.failed - 1) : "");
    if (entry_points_union(a, d->install.entry_points, answer.entry_points, &d->install.entry_points, &why) <
        0)
        d->unknown = arena_printf(a, "%s: %s: %s", d->folder, known, why.text);
}

static void read_one(struct session *s, struct developed *d)
{
    struct said said cleanup_said = {0};
    const struct project *project = strmap_get(&s->projects, text_of(d->folder));
    d->url = url_from_path(&s->memory, d->place);
    d->name = project->name;
    if (project->error.text)
        err_set(&d->error, project->error.kind, "%s", project->error.text);
    else if (ask(s, d, project, &said, &d->error) == 0 && describe(s, d, &said) == 0 && project->plux &&
             !s->only_looks)
        add_discovered(s, d);
}

int developed_read(struct session *s, struct developed *items, size_t count, struct err *err)
{
    const char **folders = arena_array(&s->memory, count, sizeof *folders);
    for (size_t i = 0; i < count; i++) {
        folders[i] = items[i].folder;
        session_folder(s, items[i].folder);
    }
    if (session_interpreter(s, err) < 0 || read_projects(s, folders, count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        read_one(s, &items[i]);
        if (items[i].error.kind == ERR_INTERRUPTED)
            return err_move(err, &items[i].error);
    }
    return 0;
}

bool developed_look_again(struct session *s, struct developed *d)
{
    const struct text before = d->install.entry_points;
    if (!d->lacks_modules || s->only_looks)
        return false;
    d->unknown = NULL;
    d->install.entry_points = d->declared;
    add_discovered(s, d);
    return !text_eq(before, d->install.entry_points);
}

void developed_free(struct developed *d)
{
    array_free(&d->links);
    err_clear(&d->error);
}

const char *developed_url(struct arena *a, const struct installed *item)
{
    struct direct_url from;
    bool ours = item->direct_url && strcmp(item->installer, INSTALLER_NAME) == 0;
    return ours && direct_url_parse(a, item->direct_url, &from, NULL) == 0 && from.editable ? from.url : NULL;
}

void developed_close(struct session *s)
{
    for (size_t i = 0; i < s->projects.room; i++)
        if (s->projects.slots[i].value)
            project_free(s->projects.slots[i].value);
    strmap_free(&s->projects);
}
