/* SPDX-License-Identifier: Apache-2.0 */
#include "dev/install.h"

#include "python/name.h"
#include "venv/install.h"
#include "venv/listing.h"
#include "venv/wheel_path.h"
#include "venv/wrapper.h"

#include <errno.h>
#include <stdlib.h>

static const char mark_text[] =
    "This folder is a namespace package: links to developers' sources stand in it, and others may share it.\n"
    "While this file is here, pip does not remove the folder with all that is in it when it uninstalls one "
    "of them.\n";

/* One file that is ours to write; paths are relative to the venv. */
struct image_file {
    const char *path;
    struct text bytes;
    bool executable;
};

/* All of what an installation consists of, before anything is written, or to be compared with what is there.
 */
struct image {
    struct arena a;
    const struct source_install *source;
    const char *site_packages, *info; /* both relative to the venv */
    struct {
        struct image_file *items;
        size_t count, room;
    } files;              /* the last one is RECORD */
    struct strings marks; /* paths of PLACING_NAMESPACE_MARK */
};

static void image_free(struct image *m)
{
    array_free(&m->files);
    array_free(&m->marks);
    arena_free(&m->a);
}
#define cleanup_image __attribute__((cleanup(image_free)))

static const char *in_site(struct image *m, const char *path)
{
    return path_join(&m->a, m->site_packages, path);
}

static const char *link_target(struct image *m, const struct source_link *link)
{
    return strcmp(link->target, ".") == 0 ? m->source->place
                                          : path_join(&m->a, m->source->place, link->target);
}

static void add_file(struct image *m, const char *path, struct text bytes, bool executable)
{
    array_push(&m->files, (struct image_file){path, bytes, executable});
}

static void add_info(struct image *m, const char *name, struct text bytes)
{
    add_file(m, path_join(&m->a, m->info, name), bytes, false);
}

/* ---- what is written */

/* What of a link's path is imported: the first part, without a module's suffix. */
static struct text import_name(const char *path)
{
    struct text whole = text_of(path), top = text_first(whole, text_find(whole, '/'));
    return text_first(top, text_find(top, '.'));
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static struct text top_level(struct image *m)
{
    struct strings names cleanup_strings = {0};
    struct buf out cleanup_buf = BUF_INIT;
    array_each (m->source->links, link)
        array_push(&names, text_dup(&m->a, import_name(link->path)));
    if (names.count)
        qsort(names.items, names.count, sizeof *names.items, by_bytes);
    const char *last = NULL;
    array_each (&names, name) {
        if (!last || strcmp(last, *name) != 0)
            buf_printf(&out, "%s\n", *name);
        last = *name;
    }
    return text_of(text_dup(&m->a, buf_view(&out)));
}

static int add_scripts(struct image *m, const char *final_dir, struct err *err)
{
    struct entry_points points = {0};
    struct strmap chosen cleanup_strmap = STRMAP_INIT;
    if (entry_points_parse(&m->a, m->source->entry_points, &points, err) < 0)
        return err_wrap(err, "its entry points");
    wrapper_choose(&points, &chosen);
    for (size_t i = 0; i < points.count; i++) {
        struct buf script cleanup_buf = BUF_INIT;
        const struct entry_point *e = &points.items[i];
        if (strmap_get(&chosen, text_of(e->name)) != e)
            continue;
        if (wrapper_write(&script, e, final_dir, err) < 0)
            return -1;
        add_file(m, path_join(&m->a, "bin", e->name), text_of(text_dup(&m->a, buf_view(&script))), true);
    }
    return 0;
}

static void add_marks(struct image *m)
{
    struct strmap known cleanup_strmap = STRMAP_INIT;
    array_each (m->source->links, link)
        for (const char *slash = strchr(link->path, '/'); slash; slash = strchr(slash + 1, '/')) {
            struct text folder = {link->path, (size_t)(slash - link->path)};
            void **seen = strmap_place(&known, folder);
            if (*seen)
                continue;
            *seen = m;
            char *in_folder = path_join(&m->a, text_dup(&m->a, folder), PLACING_NAMESPACE_MARK);
            array_push(&m->marks, path_join(&m->a, m->site_packages, in_folder));
        }
}

static int add_record(struct image *m, struct err *err)
{
    struct listing listing cleanup_listing;
    if (listing_begin(&listing, m->site_packages, err) < 0)
        return -1;
    array_each (m->source->links, link)
        listing_add(&listing, in_site(m, link->path), NULL, -1);
    array_each (&m->files, file)
        if (listing_add_bytes(&listing, file->path, file->bytes, err) < 0)
            return -1;
    listing_add(&listing, path_join(&m->a, m->info, "RECORD"), NULL, -1);
    add_info(m, "RECORD", text_of(text_dup(&m->a, buf_view(&listing.bytes))));
    return 0;
}

/* Links come from what a project file says and from names in its folder: neither is to lead anywhere else. */
static int check_link(const struct source_link *link, struct err *err)
{
    const char *top_end = link->path + strcspn(link->path, "/");
    struct text top = {link->path, (size_t)(top_end - link->path)};
    const char *fault = wheel_path_fault(text_of(link->path));
    if (fault)
        return err_set(err, ERR_INPUT, "what it installs as \"%s\" cannot be linked: that path %s",
                       link->path, fault);
    if (text_ends(top, T(".dist-info")) || text_ends(top, T(".egg-info")) || text_ends(top, T(".pth")))
        return err_set(err, ERR_INPUT, "what it installs as %s cannot be linked: that is no package",
                       link->path);
    fault = strcmp(link->target, ".") == 0 ? NULL : wheel_path_fault(text_of(link->target));
    if (fault)
        return err_set(err, ERR_INPUT, "its \"%s\" cannot be linked: that path %s", link->target, fault);
    return 0;
}

static int image_make(struct image *m, const char *final_dir, struct err *err)
{
    const struct source_install *s = m->source;
    const char *dist =
        arena_printf(&m->a, "%s-%s.dist-info", name_escape(&m->a, text_of(s->name)), s->version);
    m->info = in_site(m, dist);
    array_each (s->links, link)
        if (check_link(link, err) < 0)
            return -1;
    if (add_scripts(m, final_dir, err) < 0)
        return -1;
    add_info(m, "METADATA", s->metadata);
    if (s->entry_points.len)
        add_info(m, "entry_points.txt", s->entry_points);
    add_info(m, "top_level.txt", top_level(m));
    add_info(m, "INSTALLER",
             text_of(arena_printf(&m->a, "%s\n", s->installer ? s->installer : INSTALLER_NAME)));
    if (s->requested)
        add_info(m, "REQUESTED", T(""));
    if (s->direct_url)
        add_info(m, "direct_url.json", text_of(s->direct_url));
    add_marks(m);
    return add_record(m, err);
}

/* ---- writing */

/* It may be there already: of another source, or of one that was. */
static int write_mark(struct placing *p, const char *path, struct err *err)
{
    struct err why cleanup_err = ERR_INIT;
    const char *name;
    int dir = placing_folder(p, path, &name, err);
    if (dir < 0)
        return -1;
    return tree_write(dir, name, text_of(mark_text), false, &why) < 0 && why.sysno != EEXIST
               ? err_move(err, &why)
               : 0;
}

static int image_write(struct image *m, struct placing *p, struct err *err)
{
    array_each (m->source->links, link) {
        const char *path = in_site(m, link->path);
        if (placing_claim(p, path, err) < 0 || placing_link(p, path, link_target(m, link), err) < 0)
            return -1;
    }
    array_each (&m->marks, mark)
        if (write_mark(p, *mark, err) < 0)
            return -1;
    array_each (&m->files, file)
        if (placing_claim(p, file->path, err) < 0 ||
            placing_write(p, file->path, file->bytes, file->executable, err) < 0)
            return -1;
    return 0;
}

int source_install(const struct install_target *target, const struct source_install *source, struct err *err)
{
    struct image m cleanup_image = {.source = source, .site_packages = target->site_packages};
    struct placing p;
    if (image_make(&m, target->final_dir, err) < 0)
        return -1;
    placing_begin(&p, target, source->name, source->overwrite);
    int result = image_write(&m, &p, err);
    placing_end(&p);
    return result;
}

/* ---- comparing */

static bool has_bytes(const char *path, struct text wanted)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    struct stat st;
    return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && (size_t)st.st_size == wanted.len &&
           fs_read(AT_FDCWD, path, wanted.len, &bytes, NULL) == 0 && text_eq(buf_view(&bytes), wanted);
}

static bool has_target(struct image *m, const char *path, const char *wanted)
{
    const char *target = fs_readlink(&m->a, AT_FDCWD, path, NULL);
    return target && strcmp(target, wanted) == 0;
}

/* No file in the dist-info but those that are to be there. */
static bool has_no_more(struct image *m, const char *info)
{
    struct strings names cleanup_strings = {0};
    size_t wanted = 0;
    array_each (&m->files, file)
        wanted += listing_path_below(file->path, m->info) != NULL;
    return fs_list(&m->a, AT_FDCWD, info, &names, NULL) == 0 && names.count == wanted;
}

bool source_is_installed(const char *venv_dir, const char *site_packages, const char *info,
                         const struct source_install *source)
{
    struct image m cleanup_image = {.source = source, .site_packages = site_packages};
    if (image_make(&m, venv_dir, NULL) < 0 || strcmp(path_base(info), path_base(m.info)) != 0 ||
        !has_no_more(&m, info))
        return false;
    array_each (&m.files, file)
        if (!has_bytes(path_join(&m.a, venv_dir, file->path), file->bytes))
            return false;
    array_each (source->links, link)
        if (!has_target(&m, path_join(&m.a, venv_dir, in_site(&m, link->path)), link_target(&m, link)))
            return false;
    array_each (&m.marks, mark)
        if (!has_bytes(path_join(&m.a, venv_dir, *mark), text_of(mark_text)))
            return false;
    return true;
}
