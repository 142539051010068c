/* SPDX-License-Identifier: Apache-2.0 */
#include "dev/project_private.h"

#include "base/fs.h"
#include "python/name.h"
#include "venv/egg_info.h"

enum { FILE_LIMIT = 4 << 20 };

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static int read_metadata(struct arena *a, const char *info, struct metadata *out, struct err *err)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    const char *path = path_join(a, info, "PKG-INFO");
    if (fs_read(AT_FDCWD, path, FILE_LIMIT, &bytes, err) < 0 || egg_info_complete(a, info, &bytes, err) < 0)
        return -1;
    return metadata_parse(a, text_of(text_dup(a, buf_view(&bytes))), out, err) < 0 ? err_wrap(err, "%s", path)
                                                                                   : 0;
}

struct candidates ARRAY(struct project_egg_info);

/* The egg-infos in one folder that may be the project's. */
static void look_in(struct arena *a, struct project *p, const char *folder, struct candidates *found)
{
    struct strings names cleanup_strings = {0};
    fs_list(a, AT_FDCWD, folder, &names, NULL);
    array_each (&names, name) {
        struct project_egg_info one = {.path = path_join(a, folder, *name)};
        struct err err cleanup_err = ERR_INIT;
        if (!text_ends(text_of(*name), T(".egg-info")) || !is_file(path_join(a, one.path, "PKG-INFO")))
            continue;
        if (read_metadata(a, one.path, &one.metadata, &err) < 0)
            array_push(&p->warnings, arena_printf(a, "%s is passed over: %s", one.path, err.text));
        else if (!p->given || strcmp(one.metadata.normalized, name_normalize(a, text_of(p->given))) == 0)
            array_push(found, one);
    }
}

/* Where a package or module stands as it is named: lib of lib/pkg/sub. */
static void look_beside(struct arena *a, struct project *p, const struct project_part *part,
                        struct candidates *found)
{
    struct text place = text_of(part->place), path = text_of(part->path);
    if (!text_ends(place, path) || place.len < path.len + 2)
        return;
    place.len -= path.len + 1;
    look_in(a, p, path_join(a, p->folder, text_dup(a, place)), found);
}

static void read_points(struct arena *a, struct project *p, struct project_egg_info *egg)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    struct err err cleanup_err = ERR_INIT;
    const char *path = path_join(a, egg->path, "entry_points.txt");
    if (!is_file(path))
        return;
    if (fs_read(AT_FDCWD, path, FILE_LIMIT, &bytes, &err) < 0 ||
        entry_points_parse(a, text_of(text_dup(a, buf_view(&bytes))), &egg->points, &err) < 0) {
        egg->points = (struct entry_points){0};
        array_push(&p->warnings, arena_printf(a, "%s is passed over: %s", path, err.text));
    }
}

static void read_top_level(struct arena *a, struct project *p, const struct project_egg_info *egg)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    const char *path = path_join(a, egg->path, "top_level.txt");
    if (!is_file(path) || fs_read(AT_FDCWD, path, FILE_LIMIT, &bytes, NULL) < 0)
        return;
    struct text rest = buf_view(&bytes), line;
    while (text_line(&rest, &line)) {
        line = text_trim(line);
        if (line.len && text_find(line, '/') == line.len && text_find(line, 0) == line.len &&
            line.ptr[0] != '.')
            array_push(&p->layout.top_level, text_dup(a, line));
    }
}

void project_egg_info_find(struct arena *a, struct project *p, struct project_egg_info *out)
{
    struct candidates found = {0};
    look_in(a, p, p->folder, &found);
    if (found.count == 0)
        look_in(a, p, path_join(a, p->folder, "src"), &found);
    for (size_t i = 0; i < p->layout.where.count && found.count == 0; i++)
        if (strcmp(p->layout.where.items[i], "src") != 0 && strcmp(p->layout.where.items[i], ".") != 0)
            look_in(a, p, path_join(a, p->folder, p->layout.where.items[i]), &found);
    for (size_t i = 0; i < p->layout.parts.count && found.count == 0; i++)
        look_beside(a, p, &p->layout.parts.items[i], &found);
    *out = (struct project_egg_info){0};
    if (found.count > 1 && !p->given) {
        array_push(&p->warnings,
                   arena_printf(a,
                                "%s has more than one egg-info, and nothing says which is its own; "
                                "remove those that are not",
                                p->folder));
    } else if (found.count) {
        *out = found.items[0];
        p->egg_info = out->path;
        read_points(a, p, out);
        read_top_level(a, p, out);
    }
    array_free(&found);
}
