/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/install.h"

#include "venv/installed.h"
#include "venv/layout.h"
#include "venv/listing.h"
#include "venv/wheel_path.h"
#include "venv/wrapper.h"

#include <errno.h>
#include <stdint.h>

/* Of entry_points.txt, and of a script of Python's, whose first line is rewritten. */
enum { TEXT_LIMIT = 16 << 20 };

struct installation {
    const struct install_target *target;
    const struct unpacked *wheel;
    const struct install_options *options;
    struct placing placing;
    struct listing listing;
    struct tree_walk from; /* the cache's tree */
    size_t moves;          /* of both walks, when the linker came to where they are */
    struct entry_points points;
    struct strmap scripts; /* as wrapper_choose has them */
};

static const char *below(struct installation *in, const char *dir, const char *rest)
{
    return arena_concat(&in->placing.a, dir, "/", rest);
}

/* ---- where things go */

/* Where an archive's path goes in the venv. NULL with err set for a scheme that nobody knows. */
static const char *destination(struct installation *in, const char *path, bool *script, struct err *err)
{
    const struct install_target *t = in->target;
    struct text piece, rest = text_of(listing_path_below(path, in->wheel->data_dir));
    *script = false;
    if (!rest.ptr)
        return below(in, t->site_packages, path);
    if (!text_cut(&rest, '/', &piece) || !rest.len) {
        err_set(err, ERR_INPUT, "%s lies in no scheme of the .data folder", path);
        return NULL;
    }
    if (text_is(piece, "purelib") || text_is(piece, "platlib"))
        return below(in, t->site_packages, rest.ptr);
    if (text_is(piece, "headers"))
        return arena_concat(&in->placing.a, t->include, "/", in->options->name, "/", rest.ptr);
    if (text_is(piece, "data"))
        return rest.ptr;
    if (text_is(piece, "scripts")) {
        *script = true;
        return below(in, "bin", rest.ptr);
    }
    err_set(err, ERR_INPUT,
            "%s is for a scheme that nobody knows (known: purelib, platlib, scripts, headers, data)", path);
    return NULL;
}

/* A .dist-info comes from the wheel's root alone, and is the one that was checked: anything else would be a
 * distribution that nobody asked for, or a RECORD beside ours. */
static bool is_smuggled(struct installation *in, const char *from, const char *path)
{
    struct text rest = text_of(listing_path_below(path, in->target->site_packages)), top;
    if (!rest.ptr || !text_cut(&rest, '/', &top) || top.len < sizeof ".dist-info" - 1)
        return false;
    if (!text_eq_nocase(text_from(top, top.len - (sizeof ".dist-info" - 1)), T(".dist-info")))
        return false;
    return !from || !listing_path_below(from, in->wheel->dist_info);
}

/* Writes what no archive has, or not so. */
static int write_fresh(struct installation *in, const char *path, struct text bytes, bool executable,
                       struct err *err)
{
    if (placing_claim(&in->placing, path, err) < 0 ||
        placing_write(&in->placing, path, bytes, executable, err) < 0)
        return -1;
    return listing_add_bytes(&in->listing, path, bytes, err);
}

/* ---- the wheel's files */

/* Whether it begins with "#!python": such a script wants the interpreter that it is installed for. Others,
 * which can be programs of any size, are not read. */
static int wants_interpreter(int dir, const char *name, bool *wants, struct err *err)
{
    static const char wanted[] = "#!python";
    char start[sizeof wanted - 1];
    cleanup_close int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t n = fd < 0 ? -1 : read(fd, start, sizeof start);
    if (n < 0)
        return err_sys(err, errno, "cannot read %s", name);
    *wants = n == (ssize_t)sizeof start && memcmp(start, wanted, sizeof start) == 0;
    return 0;
}

/* Returns 1 when it was written with the venv's own first line, 0 when it is to be linked as it is. */
static int install_script(struct installation *in, int from, const char *name, const char *path,
                          struct err *err)
{
    struct buf bytes cleanup_buf = BUF_INIT, script cleanup_buf = BUF_INIT;
    bool wants = false;
    if (wants_interpreter(from, name, &wants, err) < 0)
        return -1;
    if (!wants)
        return 0;
    if (fs_read(from, name, TEXT_LIMIT, &bytes, err) < 0)
        return -1;
    struct text rest = buf_view(&bytes), line;
    text_cut(&rest, '\n', &line);
    layout_shebang(&script, in->target->final_dir);
    buf_text(&script, rest);
    return write_fresh(in, path, buf_view(&script), true, err) < 0 ? -1 : 1;
}

static bool has_wrapper(struct installation *in, const char *file)
{
    struct text name;
    for (size_t form = 0; wrapper_stem(text_of(file), form, &name); form++)
        if (strmap_get(&in->scripts, name))
            return true;
    return false;
}

/* The linker goes where the two walks are. */
static int enter(struct installation *in, int from, int to, struct err *err)
{
    size_t moves = in->from.moves + in->placing.to.moves;
    if (moves == in->moves)
        return 0;
    in->moves = moves;
    const struct linker_folder folder = {
        .from = from,
        .to = to,
        .path = in->placing.to.depth ? buf_cstr(&in->placing.to.path) : "",
        .found = in->options->overwrite ? LINKER_REPLACE : LINKER_REFUSE,
        .owner = in->options->number,
    };
    return linker_enter(in->target->linker, &folder, err);
}

static int install_file(struct installation *in, const struct unpacked_file *f, struct err *err)
{
    bool script;
    const char *from_name, *to_name, *path = destination(in, f->path, &script, err);
    if (!path)
        return -1;
    if (is_smuggled(in, f->path, path))
        return err_set(err, ERR_INPUT, "%s would become part of a .dist-info that is not its own", f->path);
    if (script && has_wrapper(in, path + sizeof "bin/" - 1))
        return 0;
    int from = tree_walk_to(&in->from, f->path, &from_name, err);
    int written = from < 0 ? -1 : script ? install_script(in, from, from_name, path, err) : 0;
    if (written)
        return written < 0 ? -1 : 0;
    if (placing_claim(&in->placing, path, err) < 0)
        return -1;
    int to = placing_folder(&in->placing, path, &to_name, err);
    if (to < 0 || enter(in, from, to, err) < 0)
        return -1;
    linker_add(in->target->linker, from_name, to_name, f);
    listing_add(&in->listing, path, f->sha256, f->size);
    return 0;
}

/* Files of the dist-info that are ours to write, whatever the archive has. */
static bool is_rewritten(const struct unpacked *wheel, const char *path)
{
    static const char *const names[] = {"RECORD",    "RECORD.jws",      "RECORD.p7s",    "INSTALLER",
                                        "REQUESTED", "direct_url.json", INSTALLED_SOURCE};
    const char *name = listing_path_below(path, wheel->dist_info);
    for (size_t i = 0; name && i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* ---- entry points */

static int read_entry_points(struct installation *in, struct err *err)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    struct err why cleanup_err = ERR_INIT;
    const char *name;
    int dir = tree_walk_to(&in->from, below(in, in->wheel->dist_info, "entry_points.txt"), &name, err);
    if (dir < 0)
        return -1;
    if (fs_read(dir, name, TEXT_LIMIT, &bytes, &why) < 0)
        return why.sysno == ENOENT ? 0 : err_move(err, &why);
    if (entry_points_parse(&in->placing.a, buf_view(&bytes), &in->points, err) < 0)
        return err_wrap(err, "entry_points.txt");
    wrapper_choose(&in->points, &in->scripts);
    return 0;
}

static int install_entry_points(struct installation *in, struct err *err)
{
    for (size_t i = 0; i < in->points.count; i++) {
        struct buf script cleanup_buf = BUF_INIT;
        const struct entry_point *e = &in->points.items[i];
        if (strmap_get(&in->scripts, text_of(e->name)) != e) /* the last one of a name wins, as with pip */
            continue;
        if (wrapper_write(&script, e, in->target->final_dir, err) < 0 ||
            write_fresh(in, below(in, "bin", e->name), buf_view(&script), true, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- what we add to the dist-info */

static int install_info(struct installation *in, struct err *err)
{
    const char *info = below(in, in->target->site_packages, in->wheel->dist_info);
    const char *who = in->options->installer ? in->options->installer : INSTALLER_NAME;
    if (write_fresh(in, below(in, info, "INSTALLER"), text_of(arena_printf(&in->placing.a, "%s\n", who)),
                    false, err) < 0)
        return -1;
    if (in->options->requested && write_fresh(in, below(in, info, "REQUESTED"), T(""), false, err) < 0)
        return -1;
    if (in->options->direct_url &&
        write_fresh(in, below(in, info, "direct_url.json"), text_of(in->options->direct_url), false, err) < 0)
        return -1;
    if (in->options->source &&
        write_fresh(in, below(in, info, INSTALLED_SOURCE),
                    text_of(arena_concat(&in->placing.a, in->options->source, "\n")), false, err) < 0)
        return -1;
    const char *path = below(in, info, "RECORD");
    listing_add(&in->listing, path, NULL, -1);
    if (placing_claim(&in->placing, path, err) < 0)
        return -1;
    return placing_write(&in->placing, path, buf_view(&in->listing.bytes), false, err);
}

static int install_all(struct installation *in, struct err *err)
{
    if (read_entry_points(in, err) < 0)
        return -1;
    for (size_t i = 0; i < in->wheel->count; i++)
        if (!is_rewritten(in->wheel, in->wheel->files[i].path) &&
            install_file(in, &in->wheel->files[i], err) < 0)
            return -1;
    if (install_entry_points(in, err) < 0)
        return -1;
    return install_info(in, err);
}

int install_wheel(const struct install_target *target, const struct unpacked *wheel,
                  const struct install_options *options, struct err *err)
{
    struct arena names cleanup_arena = ARENA_INIT;
    const char *tree = path_join(&names, wheel->dir, "tree");
    cleanup_close int root = open(tree, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return err_sys(err, errno, "cannot open %s", tree);
    struct installation in = {.target = target, .wheel = wheel, .options = options, .moves = SIZE_MAX};
    placing_begin(&in.placing, target, options->normalized, options->overwrite);
    tree_walk_init(&in.from, root, false);
    int result = listing_begin(&in.listing, target->site_packages, err);
    if (result == 0)
        result = install_all(&in, err);
    tree_walk_free(&in.from);
    strmap_free(&in.scripts);
    listing_end(&in.listing);
    placing_end(&in.placing);
    return result;
}
