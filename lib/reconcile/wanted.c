/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/wanted.h"

#include "base/digest.h"
#include "base/fs.h"
#include "config/environment.h"
#include "python/name.h"
#include "python/requirements_file.h"
#include "reconcile/locked.h"
#include "reconcile/reference.h"
#include "reconcile/wanted_developed.h"
#include "reconcile/wanted_options.h"

#include <errno.h>

/* Files that include each other twice each double with every level: their number is bounded as well. */
enum { FILE_LIMIT = 16 << 20, INCLUDE_DEPTH = 32, FILE_COUNT = 200 };

struct reader {
    struct session *s;
    struct wanted *out;
    struct arena *a;
    struct strmap *asked;             /* the variables in out->variables */
    const char *stack[INCLUDE_DEPTH]; /* the files being read, outermost first */
    size_t depth;
    size_t served;   /* how many of them came from a server: what that says may be otherwise next time, */
    bool any_served; /* and whether any file at all did */
    struct hash_mode mode;  /* of the named file that is being read */
    const char *unlimited;  /* NULL, or which constraints of the named file cannot be read */
    bool constraint_hashes; /* files of constraints that were named have hashes, or ask for them */
};

static void fail(struct reader *r, const char *requirement, const char *from, bool malformed,
                 const char *reason)
{
    array_push(&r->out->failures,
               (struct wanted_failure){requirement, from, arena_strdup(r->a, reason), malformed && !r->served,
                                       r->out->roots.count, false});
}

/* Where a requirement stands, and how it is to be taken. */
struct place {
    const char *from,
        *folder;         /* `folder`: what relative paths are relative to; NULL: the working directory */
    const char *options; /* what stands behind it; "" for none */
    bool root;           /* false: a constraint */
    bool editable;       /* it is the value of -e */
};

/* Constraints limit versions, or name the only URL, of what others ask for: that is all that they can do. */
static int check_constraint(const struct requirement *req, struct err *err)
{
    if (req->extra_count)
        return err_set(err, ERR_INPUT,
                       "a constraint cannot have extras; write the extras where the requirement stands");
    return 0;
}

/* What is wrong with a path or URL does not matter where it is not for this machine. */
static bool is_for_others(struct reader *r, const char *text)
{
    struct text marker = reference_marker(text_of(text));
    struct marker *parsed;
    return marker.len && marker_parse(r->a, marker, &parsed, NULL) == 0 &&
           !marker_evaluate(parsed, &r->s->py.markers, NULL);
}

/* Before anything in it is read. */
static void remember_local(struct reader *r, const char *text, const struct place *at)
{
    bool is_file = false;
    const char *path = reference_said(r->a, text_of(text), at->folder, at->editable, &is_file);
    if (!path || is_for_others(r, text))
        return;
    if (is_file)
        session_wheel(r->s, path);
    else
        session_folder(r->s, path);
}

/* 1: its marker does not hold. */
static int parse(struct reader *r, const char *text, const struct place *at, struct requirement *req,
                 struct err *err)
{
    const char *whole = text;
    int (*read)(struct session *, struct text, const char *, const char **, struct err *) =
        at->editable ? reference_editable : reference_resolve;
    if (read(r->s, text_of(text), at->folder, &whole, err) < 0)
        return is_for_others(r, text) ? 1 : -1;
    if (requirement_parse(r->a, text_of(whole), req, err) < 0)
        return -1;
    if (!marker_evaluate(req->marker, &r->s->py.markers, NULL))
        return 1;
    enum reference_kind kind;
    if (req->url && reference_kind(r->a, req->url, &kind, err) < 0)
        return -1;
    req->text = at->editable ? arena_concat(r->a, "-e ", text) : text;
    return at->root ? 0 : check_constraint(req, err);
}

/* A constraint is never set aside: where it cannot be understood, what it is about is. */
static void break_constraint(struct reader *r, const char *text, const char *from, const char *why)
{
    struct requirement *req = arena_new(r->a, struct requirement);
    size_t length = 0;
    while (text[length] && (ascii_is_alnum(text[length]) || strchr("-_.", text[length])))
        length++;
    struct text name = {text, length};
    if (!name_is_valid(name))
        return;
    req->name = name_normalize(r->a, name);
    req->text = text;
    array_push(&r->out->constraints, (struct wanted_constraint){req, from, NULL, arena_strdup(r->a, why)});
}

static int take_editable(struct reader *r, struct requirement *req, const struct place *at, struct err *err)
{
    enum reference_kind kind;
    if (reference_kind(r->a, req->url, &kind, err) < 0)
        return -1;
    if (kind == REFERENCE_FOLDER)
        return wanted_editable(r->s, r->out, req, at->from, err);
    log_info("%s (%s) is installed as it is built: what nobody works on need not be editable", req->text,
             at->from);
    return 0;
}

static void add(struct reader *r, const char *text, const struct place *at)
{
    struct err err cleanup_err = ERR_INIT;
    struct requirement *req = arena_new(r->a, struct requirement);
    const struct hashes *hashes = wanted_hashes(r->a, at->from, at->options);
    r->mode.given |= hashes != NULL; /* whatever is wrong with the requirement itself */
    remember_local(r, text, at);
    int parsed = parse(r, text, at, req, &err);
    if (parsed == 0 && at->editable)
        parsed = take_editable(r, req, at, &err);
    if (parsed < 0 && !at->root)
        break_constraint(r, text, at->from, err.text);
    if (parsed < 0) {
        fail(r, at->editable ? arena_concat(r->a, "-e ", text) : text, at->from, err.kind == ERR_INPUT,
             err.text);
        return;
    }
    if (parsed > 0) {
        log_debug("%s (%s) does not apply here: its marker does not hold", text, at->from);
        return;
    }
    if (at->root) {
        wanted_build_settings(r->s, req->name, at->options);
        array_push(&r->out->roots, (struct resolve_root){req, at->from, hashes});
        array_push(&r->out->details, (struct wanted_root){hashes, false});
    } else {
        array_push(&r->out->constraints, (struct wanted_constraint){req, at->from, hashes, NULL});
    }
}

/* Set or not: setting it later is a change as well. */
static const char *variable(void *ctx, const char *name)
{
    struct reader *r = ctx;
    void **asked = strmap_place(r->asked, text_of(name));
    if (!*asked)
        array_push(&r->out->variables, *asked = arena_strdup(r->a, name));
    return environment_get(r->s->environ, name);
}

/* Where a nested file's name leads, from the file that names it. */
static const char *nested_path(struct reader *r, const char *outer, const char *name)
{
    const char *fragment;
    if (strstr(outer, "://")) /* a server names no files of this machine */
        return url_join(r->a, outer, text_of(name), &fragment);
    char *local = url_to_path(r->a, name);
    if (local)
        return local;
    if (strstr(name, "://") || *name == '/')
        return name;
    const char *base = path_base(outer);
    return path_absolute(r->a, arena_printf(r->a, "%.*s%s", (int)(base - outer), outer, name));
}

static int read_file(struct reader *r, const char *path, bool root, struct err *err);

static void nested(struct reader *r, const char *outer, const struct requirements_line *line,
                   const char *from, bool root)
{
    struct err err cleanup_err = ERR_INIT;
    const char *path = nested_path(r, outer, line->value);
    for (size_t i = 0; i < r->depth; i++) {
        if (strcmp(r->stack[i], path) == 0) {
            fail(r, line->text, from, true, "this file is being read already: it includes itself");
            return;
        }
    }
    if (r->depth == INCLUDE_DEPTH)
        fail(r, line->text, from, true, "files are included more than 32 deep");
    else if (r->out->files.count >= FILE_COUNT)
        fail(r, line->text, from, !r->any_served,
             "more than 200 files are included; some include each other again and again");
    else if (read_file(r, path, root, &err) == 0)
        return;
    else
        fail(r, line->text, from, err.kind == ERR_INPUT && !url_is_network(text_of(path)), err.text);
    if (!root && !r->unlimited)
        r->unlimited = arena_printf(r->a, "%s (%s)", line->text, from);
}

static void take_line(struct reader *r, const char *path, const struct requirements_line *line, bool root)
{
    const char *from = arena_printf(r->a, "%s:%u", path, line->line);
    const char *folder = arena_printf(r->a, "%.*s", (int)(path_base(path) - path), path);
    struct err err cleanup_err = ERR_INIT;
    switch (line->kind) {
    case LINE_REQUIREMENT:
        add(r, line->value, &(struct place){from, folder, line->options, root, false});
        break;
    case LINE_INCLUDE:
        nested(r, path, line, from, root);
        break;
    case LINE_CONSTRAINT:
        nested(r, path, line, from, false);
        break;
    case LINE_OPTION:
        if (strcmp(line->name, "--editable") == 0 && !root)
            fail(r, line->text, from, true, "a constraint cannot be editable");
        else if (strcmp(line->name, "--editable") == 0)
            add(r, line->value, &(struct place){from, folder, line->options, root, true});
        else if (wanted_option(r->s, &r->mode, path, from, line, &err) < 0)
            fail(r, line->text, from, true, err.text);
        break;
    case LINE_ERROR:
        r->mode.given |= strstr(line->text, " --hash") != NULL;
        fail(r, line->text, from, true, line->value);
        break;
    }
}

static int read_file(struct reader *r, const char *path, bool root, struct err *err)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    struct requirements_lines lines = {0};
    bool served = url_is_network(text_of(path));
    int got = session_read(r->s, path, FILE_LIMIT, &bytes, err);
    char digest[DIGEST_HEX] = "-";
    if (got == 0)
        digest_hex(buf_view(&bytes), digest);
    array_push(&r->out->files, arena_strdup(r->a, path));
    array_push(&r->out->digests, arena_strdup(r->a, digest));
    if (got < 0)
        return -1;
    if (requirements_file_parse(r->a, buf_view(&bytes), variable, r, &lines, err) < 0) {
        array_free(&lines);
        return err_wrap(err, "%s", path);
    }
    r->stack[r->depth++] = path;
    r->served += served;
    r->any_served |= served;
    array_each (&lines, line)
        take_line(r, path, line, root);
    r->served -= served;
    r->depth--;
    array_free(&lines);
    return 0;
}

/* From `first` on roots are held to the rules for hashes that the file they stand in asks for. */
static void check_hashes(struct reader *r, const char *path, size_t first)
{
    const struct hash_mode *mode = &r->mode;
    const struct settings *set = &r->s->settings;
    bool require = mode->require || set->require_hashes, waive = mode->waive || set->no_require_hashes;
    if (require && waive)
        log_warning("%s: --require-hashes and --no-require-hashes contradict each other; hashes are required",
                    path);
    for (size_t i = first; i < r->out->details.count; i++)
        r->out->details.items[i].checked = require || (mode->given && !waive);
}

/* What stands in a file whose constraints cannot be read is not known to be within them. `first`, `sources`:
 * how many roots and sources there were before it. */
static void set_aside_unlimited(struct reader *r, size_t first, size_t sources)
{
    struct wanted *w = r->out;
    const char *why = arena_printf(r->a,
                                   "the constraints that its file names cannot be read: %s; constraints are "
                                   "never left out",
                                   r->unlimited);
    size_t told = 0;
    while (told < w->failures.count && w->failures.items[told].before <= first)
        told++;
    for (size_t i = first; i < w->roots.count; i++)
        fail(r, w->roots.items[i].requirement->text, w->roots.items[i].from, false, why);
    for (size_t i = told; i < w->failures.count; i++)
        w->failures.items[i].before = first;
    w->roots.count = w->details.count = first;
    while (w->developed.count > sources)
        developed_free(w->developed.items[--w->developed.count]);
}

/* A file that is named, with all that it includes. */
static int read_whole(struct reader *r, const char *path, bool root, struct err *err)
{
    size_t first = r->out->roots.count, sources = r->out->developed.count;
    r->mode = (struct hash_mode){.given = r->constraint_hashes};
    r->unlimited = NULL;
    int result = read_file(r, path, root, err);
    if (root && r->unlimited)
        set_aside_unlimited(r, first, sources);
    if (root)
        check_hashes(r, path, first);
    else
        r->constraint_hashes |= r->mode.given || r->mode.require;
    return result;
}

/* Files that the command line or a variable names have to be there. */
static int read_named(struct reader *r, const char *name, bool root, struct err *err)
{
    const char *path = strstr(name, "://") ? nested_path(r, "/", name) : path_absolute(r->a, name);
    if (read_whole(r, path, root, err) == 0)
        return 0;
    err->kind = ERR_USAGE;
    return -1;
}

/* One that stands in no file. */
static void add_single(struct reader *r, const char *text, const char *from)
{
    size_t first = r->out->roots.count;
    r->mode = (struct hash_mode){.given = r->constraint_hashes};
    if (*text == '-') {
        fail(r, text, from, true,
             "options stand in requirements files alone: write this line into "
             "extensions.txt");
        return;
    }
    add(r, text, &(struct place){.from = from, .options = "", .root = true});
    check_hashes(r, from, first);
}

static int read_command_line(struct reader *r, struct err *err)
{
    const struct session_options *o = r->s->options;
    for (size_t i = 0; i < o->requirement_files.count; i++)
        if (read_named(r, o->requirement_files.items[i], true, err) < 0)
            return -1;
    for (size_t i = 0; i < o->arguments.count; i++)
        add_single(r, o->arguments.items[i], "argument");
    return 0;
}

static void read_defaults(struct reader *r)
{
    struct err err cleanup_err = ERR_INIT;
    const char *path = r->s->paths.conf_txt;
    if (read_whole(r, path, true, &err) < 0 && err.sysno != ENOENT)
        fail(r, path, path, err.kind == ERR_INPUT, err.text);
    const struct settings *set = &r->s->settings;
    if (set->auto_install) {
        struct strings items cleanup_strings = {0};
        requirements_list_split(r->a, text_of(set->auto_install), &items);
        for (size_t i = 0; i < items.count; i++)
            add_single(r, items.items[i], "EXTENSION_AUTO_INSTALL");
        return;
    }
    for (size_t i = 0; i < set->install_count; i++)
        add_single(r, set->install[i], "install");
}

int wanted_read(struct session *s, struct wanted *out, struct err *err)
{
    *out = (struct wanted){0};
    if (session_interpreter(s, err) < 0)
        return -1;
    if (locked_name(s)) {
        if (s->options->constraint_files.count)
            return err_set(err, ERR_USAGE,
                           "the lock %s (EXTENSION_LOCK) stands in for all requirements and constraints: "
                           "leave out -c, or name "
                           "requirements or files of them beside it",
                           locked_name(s));
        return locked_read(s, out, err) < 0 ? -1 : wanted_sources(s, out, err);
    }
    struct strmap asked cleanup_strmap = STRMAP_INIT;
    struct reader r = {.s = s, .out = out, .a = &s->memory, .asked = &asked};
    for (size_t i = 0; i < s->options->constraint_files.count; i++)
        if (read_named(&r, s->options->constraint_files.items[i], false, err) < 0)
            return -1;
    for (size_t i = 0; i < s->settings.constraints.count; i++)
        if (read_named(&r, s->settings.constraints.items[i], false, err) < 0)
            return err_wrap(err, "constraints of pip's settings");
    int result = 0;
    if (s->own_inputs)
        result = read_command_line(&r, err);
    else if ((result = wanted_sources(s, out, err)) == 0)
        read_defaults(&r);
    wanted_settle(s, out);
    return result;
}

const struct developed *wanted_developed(const struct wanted *w, const char *url)
{
    array_each (&w->developed, d)
        if (strcmp((*d)->url, url) == 0)
            return *d;
    return NULL;
}

const struct developed *wanted_developed_name(const struct wanted *w, const char *name)
{
    array_each (&w->developed, d)
        if (!(*d)->in_base && strcmp((*d)->name, name) == 0)
            return *d;
    return NULL;
}

void wanted_free(struct wanted *w)
{
    array_each (&w->developed, d)
        developed_free(*d);
    array_free(&w->developed);
    array_free(&w->roots);
    array_free(&w->details);
    array_free(&w->failures);
    array_free(&w->constraints);
    array_free(&w->files);
    array_free(&w->digests);
    array_free(&w->variables);
}
