/* SPDX-License-Identifier: Apache-2.0 */
/* From the files that pages list to releases: what fits this interpreter, and what to say of the rest. */
#include "base/cleanup.h"
#include "base/log.h"
#include "index/index_private.h"
#include "python/name.h"
#include "python/specifier.h"

static const char not_built[] = "is only offered as a source distribution";

static bool is_wheel(const char *name)
{
    return text_ends(text_of(name), T(".whl"));
}

/* What cannot be understood counts as fitting, as it does for pip; the wheel's own metadata has the last
 * word. */
static bool python_fits(struct index *ix, const char *requires_python)
{
    static char yes[] = "yes", no[] = "no";
    if (!requires_python || !ix->settings.python)
        return true;
    void **known = strmap_place(&ix->pythons, text_of(requires_python));
    if (!*known) {
        struct arena scratch cleanup_arena = ARENA_INIT;
        struct specifier_set set;
        bool fits = specifier_set_parse(&scratch, text_of(requires_python), &set, NULL) < 0 ||
                    specifier_set_contains(&set, ix->settings.python);
        *known = fits ? yes : no;
    }
    return *known == yes;
}

/* Whether a file's name begins with a normalised project name and a dash. */
static bool begins_with_name(const char *file, const char *project)
{
    while (*project) {
        if (*project == '-') {
            if (!*file || !strchr("-_.", *file))
                return false;
            file += strspn(file, "-_.");
        } else if (ascii_lower(*file++) != *project) {
            return false;
        }
        project++;
    }
    return *file == '-';
}

static bool wheel_make(struct index *ix, struct arena *strings, const char *project, const char *name,
                       struct draft *out)
{
    struct err err cleanup_err = ERR_INIT;
    if (wheel_name_parse(strings, text_of(name), &out->file.wheel, &err) < 0) {
        log_debug("passed over %s: %s", name, err.text);
        return false;
    }
    if (strcmp(out->file.wheel.name, project) != 0)
        return false;
    out->version = out->file.wheel.version;
    out->rank = tags_rank(ix->settings.tags, text_of(out->file.wheel.tags));
    out->kind = out->rank >= 0 ? DRAFT_WHEEL : DRAFT_OTHER_WHEEL;
    return true;
}

static bool source_make(struct arena *strings, const char *project, const char *name, struct draft *out)
{
    if (!sdist_name_parse(strings, text_of(name), project, &out->version))
        return false;
    out->file.is_source = true;
    out->file.wheel = (struct wheel_name){.name = project, .version = out->version};
    return true;
}

bool draft_make(struct index *ix, struct arena *strings, const char *project, const struct index_file *file,
                bool quiet, struct draft *out)
{
    *out = (struct draft){.file = *file, .kind = DRAFT_SDIST};
    bool good = begins_with_name(file->name, project) &&
                (is_wheel(file->name) ? wheel_make(ix, strings, project, file->name, out)
                                      : source_make(strings, project, file->name, out));
    if (!good && !quiet)
        log_debug("passed over %s, which is no wheel or source distribution of %s", file->name, project);
    if (good)
        out->python_fits = python_fits(ix, file->requires_python);
    return good;
}

static int newest_first(const void *one, const void *other)
{
    const struct draft *a = *(const struct draft *const *)one, *b = *(const struct draft *const *)other;
    int order = version_cmp(&b->version, &a->version);
    if (order == 0)
        order = a->order - b->order;
    return order ? order : (a > b) - (a < b);
}

static bool usable(const struct draft *d)
{
    return d->kind == DRAFT_WHEEL && d->python_fits;
}

static bool better(const struct draft *a, const struct draft *b)
{
    if (a->file.yanked != b->file.yanked)
        return b->file.yanked;
    if (a->rank != b->rank)
        return a->rank < b->rank;
    return wheel_build_cmp(&a->file.wheel, &b->file.wheel) > 0;
}

static void add_once(struct buf *list, struct text item, unsigned *count)
{
    enum { MOST = 8 };
    struct text rest = buf_view(list), piece;
    while (list->len && text_cut(&rest, ',', &piece))
        if (text_eq(text_trim(piece), item))
            return;
    if (++*count > MOST)
        return;
    if (list->len)
        buf_str(list, ", ");
    buf_text(list, item);
}

/* "has no wheel for this platform (only: win_amd64, macosx_11_0_arm64)"; where some wheel is for this
 * platform it is the Python that differs, and their Pythons are named. */
static const char *for_others(struct index *ix, struct draft *const *group, size_t n, const char *previous)
{
    struct buf list cleanup_buf = BUF_INIT, text cleanup_buf = BUF_INIT;
    bool python = false;
    unsigned count = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < n; i++) {
            if (group[i]->kind != DRAFT_OTHER_WHEEL)
                continue;
            struct text tags = text_of(group[i]->file.wheel.tags);
            size_t first = text_find(tags, '-') + 1, second;
            second = first + text_find(text_from(tags, first), '-');
            struct text platform = text_from(tags, second + 1);
            if (pass == 1) {
                add_once(&list,
                         python ? text_first(tags, second) : text_first(platform, text_find(platform, '.')),
                         &count);
                continue;
            }
            buf_clear(&text);
            buf_printf(&text, "py3-none-%.*s", TEXT_ARG(platform));
            python = python || tags_rank(ix->settings.tags, buf_view(&text)) >= 0;
        }
    }
    buf_clear(&text);
    buf_printf(&text, "has no wheel for this %s (only: %s%s)", python ? "Python" : "platform",
               buf_cstr(&list), count > 8 ? ", …" : "");
    return previous && text_is(buf_view(&text), previous) ? previous : text_dup(ix->a, buf_view(&text));
}

static const char *needs_python(struct index *ix, const struct draft *d, const char *previous)
{
    cleanup_free char *text = xasprintf("needs Python %s", d->file.requires_python);
    return previous && strcmp(text, previous) == 0 ? previous : arena_strdup(ix->a, text);
}

/* `previous`: the text of the release before, which is often the same and then shared. */
static const char *why_excluded(struct index *ix, struct draft *const *group, size_t n, const char *previous)
{
    const struct draft *other_python = group[0];
    bool other = false, source = false;
    for (size_t i = 0; i < n; i++) {
        const struct draft *d = group[i];
        if (d->kind == DRAFT_WHEEL)
            return needs_python(ix, d, previous); /* its tags fit, or it were usable */
        if (!d->python_fits)
            other_python = d;
        else if (d->kind == DRAFT_OTHER_WHEEL)
            other = true;
        else
            source = true;
    }
    if (other)
        return for_others(ix, group, n, previous);
    return source ? not_built : needs_python(ix, other_python, previous);
}

struct entry *entry_make(struct index *ix, const struct index_file *file, struct err *err)
{
    struct arena *a = ix->a;
    struct entry *e = arena_new(a, struct entry);
    struct index_file *f = &e->file;
    *f = *file;
    f->name = arena_strdup(a, file->name);
    if (f->is_source)
        f->wheel = (struct wheel_name){.name = arena_strdup(a, file->wheel.name)};
    const char *version = file->wheel.version.text;
    if (f->is_source ? version && version_parse(a, text_of(version), &f->wheel.version, err) < 0
                     : wheel_name_parse(a, text_of(f->name), &f->wheel, err) < 0)
        return NULL;
    f->url = arena_strdup(a, file->url);
    f->hash = file->hash ? arena_strdup(a, file->hash) : NULL;
    f->sha256 = !file->sha256 ? NULL : file->sha256 == file->hash ? f->hash : arena_strdup(a, file->sha256);
    f->metadata_hash = file->metadata_hash ? arena_strdup(a, file->metadata_hash) : NULL;
    f->requires_python = file->requires_python ? arena_strdup(a, file->requires_python) : NULL;
    f->yanked_reason = file->yanked_reason ? arena_strdup(a, file->yanked_reason) : NULL;
    e->next = ix->entries;
    ix->entries = e;
    return e;
}

static int best_first(const void *one, const void *other)
{
    const struct draft *a = *(const struct draft *const *)one, *b = *(const struct draft *const *)other;
    return better(a, b) ? -1 : better(b, a) ? 1 : (a > b) - (a < b);
}

/* `best` stands first, as the entry that was made of it. */
static void list_wheels(struct index *ix, struct draft *const *group, size_t n, const struct draft *best,
                        struct index_release *out)
{
    cleanup_free const struct draft **usable_ones = xreallocarray(NULL, n, sizeof *usable_ones);
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        if (usable(group[i]) && group[i] != best)
            usable_ones[count++] = group[i];
    if (count)
        qsort(usable_ones, count, sizeof *usable_ones, best_first);
    out->wheels = arena_array(ix->a, count + 1, sizeof *out->wheels);
    out->wheels[out->wheel_count++] = out->wheel;
    for (size_t i = 0; i < count; i++) {
        struct entry *e = entry_make(ix, &usable_ones[i]->file, NULL);
        if (e)
            out->wheels[out->wheel_count++] = &e->file;
    }
}

/* One whose metadata can be read without building it comes before all others. */
static bool is_usual_form(const char *name)
{
    return text_ends(text_of(name), T(".tar.gz")) || text_ends(text_of(name), T(".zip"));
}

static bool better_source(const struct draft *a, const struct draft *b)
{
    if (a->file.yanked != b->file.yanked)
        return b->file.yanked;
    return is_usual_form(a->file.name) && !is_usual_form(b->file.name);
}

static void release_make(struct index *ix, struct draft *const *group, size_t n, const char *previous,
                         bool every, bool sources, struct index_release *out)
{
    const struct draft *best = NULL;
    const struct draft *source = NULL;
    bool all_yanked = true;
    for (size_t i = 0; i < n; i++) {
        if (usable(group[i]) && (!best || better(group[i], best)))
            best = group[i];
        if (group[i]->kind == DRAFT_SDIST && group[i]->python_fits &&
            (!source || better_source(group[i], source)))
            source = group[i];
        all_yanked = all_yanked && group[i]->file.yanked;
    }
    struct entry *e = best ? entry_make(ix, &best->file, NULL) : NULL;
    struct entry *of_source = source && (!e || sources) ? entry_make(ix, &source->file, NULL) : NULL;
    out->source = of_source ? &of_source->file : NULL;
    if (e) {
        out->wheel = &e->file;
        out->version = e->file.wheel.version;
        out->yanked = e->file.yanked; /* the best is only yanked when all usable ones are */
        out->yanked_reason = e->file.yanked_reason;
        if (every)
            list_wheels(ix, group, n, best, out);
        return;
    }
    version_parse(ix->a, text_of(group[0]->version.text), &out->version, NULL);
    out->excluded = why_excluded(ix, group, n, previous);
    out->yanked = all_yanked;
    out->yanked_reason =
        all_yanked && group[0]->file.yanked_reason ? arena_strdup(ix->a, group[0]->file.yanked_reason) : NULL;
}

void project_assemble(struct index *ix, struct drafts *drafts, struct index_project *out)
{
    size_t n = drafts->count, groups = 0;
    cleanup_free struct draft **sorted = xreallocarray(NULL, n, sizeof(struct draft *));
    for (size_t i = 0; i < n; i++)
        sorted[i] = &drafts->items[i];
    if (n)
        qsort(sorted, n, sizeof *sorted, newest_first);
    for (size_t i = 0; i < n; i++)
        groups += i == 0 || version_cmp(&sorted[i]->version, &sorted[i - 1]->version) != 0;
    out->releases = arena_array(ix->a, groups, sizeof *out->releases);
    bool every = ix->every.count && strmap_get(&ix->every, text_of(out->name));
    bool sources = ix->sources.count && strmap_get(&ix->sources, text_of(out->name));
    const char *previous = NULL;
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && version_cmp(&sorted[end]->version, &sorted[i]->version) == 0; end++)
            ;
        struct index_release *r = &out->releases[out->count++];
        release_make(ix, sorted + i, end - i, previous, every, sources, r);
        if (r->excluded && r->excluded != not_built)
            previous = r->excluded;
    }
}
