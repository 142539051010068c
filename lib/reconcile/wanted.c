/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/wanted.h"

#include "base/digest.h"
#include "base/fs.h"
#include "config/environment.h"
#include "python/name.h"
#include "python/requirements_file.h"
#include "python/wheel_name.h"

#include <errno.h>

/* Files that include each other twice each double with every level: their number is bounded as well. */
enum { FILE_LIMIT = 16 << 20, INCLUDE_DEPTH = 32, FILE_COUNT = 200 };

struct reader {
    struct session *s;
    struct wanted *out;
    struct arena *a;
    const char *stack[INCLUDE_DEPTH]; /* the files being read, outermost first */
    size_t depth;
};

static void fail(struct reader *r, const char *requirement, const char *from, bool malformed,
                 const char *reason)
{
    array_push(&r->out->failures, (struct wanted_failure){requirement, from, arena_strdup(r->a, reason),
                                                          malformed, r->out->roots.count});
}

/* What of a reference is a path or URL rather than NAME…: pip's rule. */
static bool is_reference(struct text t)
{
    size_t slash = text_find(t, '/'), at = text_find(t, '@'), semicolon = text_find(t, ';');
    if (t.len && (t.ptr[0] == '.' || t.ptr[0] == '/'))
        return true;
    for (size_t i = 0; i + 1 < t.len && (ascii_is_alnum(t.ptr[i]) || strchr("+-.:", t.ptr[i])); i++)
        if (t.ptr[i] == ':')
            return i > 0;
    return slash < t.len && slash < at && slash < semicolon;
}

/* A bare path or URL of a wheel, made "NAME @ URL ; MARKER" by its file name. Others are refused with a
 * sentence. */
static int reference_to_requirement(struct reader *r, struct text t, const char *folder, const char **out,
                                    struct err *err)
{
    struct text marker = {0};
    for (size_t i = 0; i + 1 < t.len;
         i++) { /* a marker follows blank-semicolon, as a URL may hold a semicolon */
        if (ascii_is_space(t.ptr[i]) && t.ptr[i + 1] == ';') {
            marker = text_from(t, i + 2);
            t = text_trim(text_first(t, i));
            break;
        }
    }
    struct text extras = {0};
    size_t open = text_find(t, '[');
    if (open < t.len && t.ptr[t.len - 1] == ']') {
        extras = text_from(t, open);
        t = text_first(t, open);
    }
    struct text path = text_first(t, text_find(t, '#'));
    path = text_first(path, text_find(path, '?'));
    if (!text_ends(path, T(".whl")))
        return err_set(
            err, ERR_INPUT,
            "%.*s is a repository, a folder or a source archive, which has to be built first; name a release "
            "that an index has, or the URL or path of a wheel (.whl)",
            TEXT_ARG(t));
    const char *url = text_dup(r->a, t);
    if (!strstr(url, "://") && !text_starts(t, T("file:"))) {
        if (*url != '/')
            url = arena_printf(r->a, "%s/%s", folder ? folder : ".", url);
        url = url_from_path(r->a, path_absolute(r->a, url));
    }
    char *file = url_file_name(r->a, url, err);
    struct wheel_name wheel;
    if (!file || wheel_name_parse(r->a, text_of(file), &wheel, err) < 0)
        return -1;
    *out = arena_printf(r->a, "%s%.*s @ %s%s%.*s", wheel.name, TEXT_ARG(extras), url, marker.len ? " ; " : "",
                        TEXT_ARG(marker));
    return 0;
}

/* `folder`: what relative paths are relative to. `root`: false for a constraint. */
static void add(struct reader *r, const char *text, const char *from, const char *folder, bool root)
{
    struct err err cleanup_err = ERR_INIT;
    const char *whole = text;
    struct requirement *req = arena_new(r->a, struct requirement);
    if (is_reference(text_of(text)) && reference_to_requirement(r, text_of(text), folder, &whole, &err) < 0) {
        fail(r, text, from, true, err.text);
        return;
    }
    if (requirement_parse(r->a, text_of(whole), req, &err) < 0) {
        fail(r, text, from, true, err.text);
        return;
    }
    req->text = text;
    if (!marker_evaluate(req->marker, &r->s->py.markers, NULL)) {
        log_debug("%s (%s) does not apply here: its marker does not hold", text, from);
        return;
    }
    if (root)
        array_push(&r->out->roots, (struct resolve_root){req, from});
    else
        array_push(&r->out->constraints, (struct wanted_constraint){req, from});
}

static const char *variable(void *ctx, const char *name)
{
    return environment_get(ctx, name);
}

/* The bytes of a file named by path or URL. */
static int read_bytes(struct reader *r, const char *path, struct buf *out, struct err *err)
{
    if (strncmp(path, "http:", 5) != 0 && strncmp(path, "https:", 6) != 0)
        return fs_read(AT_FDCWD, path, FILE_LIMIT, out, err);
    if (session_http(r->s, err) < 0)
        return -1;
    const struct http_options options = {.limit = FILE_LIMIT, .fd = -1};
    struct http_request *request = http_start(r->s->http, path, &options);
    const struct http_response *response;
    int result = http_finish(r->s->http, request, &response, err);
    if (result == 0 && response->status >= 400)
        result = err_set(err, ERR_NOT_FOUND, "%s: the server has no such file (status %ld)", path,
                         response->status);
    if (result == 0)
        buf_text(out, buf_view(&response->body));
    http_release(r->s->http, request);
    return result;
}

/* Where a nested file's name leads, from the file that names it. */
static const char *nested_path(struct reader *r, const char *outer, const char *name)
{
    const char *fragment;
    char *local = url_to_path(r->a, name);
    if (local)
        return local;
    if (strstr(name, "://") || *name == '/')
        return name;
    if (strstr(outer, "://"))
        return url_join(r->a, outer, text_of(name), &fragment);
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
        fail(r, line->text, from, true,
             "more than 200 files are included; some include each other again and again");
    else if (read_file(r, path, root, &err) < 0)
        fail(r, line->text, from, err.kind == ERR_INPUT, err.text);
}

static void take_line(struct reader *r, const char *path, const struct requirements_line *line, bool root)
{
    const char *from = arena_printf(r->a, "%s:%u", path, line->line);
    const char *base = path_base(path);
    switch (line->kind) {
    case LINE_REQUIREMENT:
        if (*line->options)
            log_warning("%s: the options %s of a requirement are not looked at", from, line->options);
        add(r, line->value, from, arena_printf(r->a, "%.*s", (int)(base - path), path), root);
        break;
    case LINE_INCLUDE:
        nested(r, path, line, from, root);
        break;
    case LINE_CONSTRAINT:
        nested(r, path, line, from, false);
        break;
    case LINE_OPTION:
        if (strcmp(line->name, "--editable") == 0)
            fail(r, line->text, from, true,
                 "an editable source has to be built first; name a release that an index has, or a wheel "
                 "(.whl)");
        else
            log_warning("%s: the option %s is not looked at in this file; set it in pip.conf, as a PIP_ "
                        "variable or in "
                        "extensions.yaml",
                        from, line->name);
        break;
    case LINE_ERROR:
        fail(r, line->text, from, true, line->value);
        break;
    }
}

static int read_file(struct reader *r, const char *path, bool root, struct err *err)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    struct requirements_lines lines = {0};
    int got = read_bytes(r, path, &bytes, err);
    char digest[DIGEST_HEX] = "-";
    if (got == 0)
        digest_hex(buf_view(&bytes), digest);
    array_push(&r->out->files, arena_strdup(r->a, path));
    array_push(&r->out->digests, arena_strdup(r->a, digest));
    if (got < 0)
        return -1;
    if (requirements_file_parse(r->a, buf_view(&bytes), variable, r->s->environ, &lines, err) < 0) {
        array_free(&lines);
        return err_wrap(err, "%s", path);
    }
    r->stack[r->depth++] = path;
    array_each (&lines, line)
        take_line(r, path, line, root);
    r->depth--;
    array_free(&lines);
    return 0;
}

/* Files that the command line or a variable names have to be there. */
static int read_named(struct reader *r, const char *name, bool root, struct err *err)
{
    const char *path = strstr(name, "://") ? nested_path(r, "/", name) : path_absolute(r->a, name);
    if (read_file(r, path, root, err) == 0)
        return 0;
    err->kind = ERR_USAGE;
    return -1;
}

static int read_command_line(struct reader *r, struct err *err)
{
    const struct session_options *o = r->s->options;
    for (size_t i = 0; i < o->requirement_files.count; i++)
        if (read_named(r, o->requirement_files.items[i], true, err) < 0)
            return -1;
    for (size_t i = 0; i < o->arguments.count; i++)
        add(r, o->arguments.items[i], "argument", NULL, true);
    return 0;
}

static void read_defaults(struct reader *r)
{
    struct err err cleanup_err = ERR_INIT;
    const char *path = r->s->paths.conf_txt;
    if (read_file(r, path, true, &err) < 0 && err.sysno != ENOENT)
        fail(r, path, path, err.kind == ERR_INPUT, err.text);
    const struct settings *set = &r->s->settings;
    if (set->auto_install) {
        struct strings items cleanup_strings = {0};
        requirements_list_split(r->a, text_of(set->auto_install), &items);
        for (size_t i = 0; i < items.count; i++)
            add(r, items.items[i], "EXTENSION_AUTO_INSTALL", NULL, true);
        return;
    }
    for (size_t i = 0; i < set->install_count; i++)
        add(r, set->install[i], "install", NULL, true);
}

int wanted_read(struct session *s, struct wanted *out, struct err *err)
{
    *out = (struct wanted){0};
    if (session_interpreter(s, err) < 0)
        return -1;
    struct reader r = {.s = s, .out = out, .a = &s->memory};
    for (size_t i = 0; i < s->options->constraint_files.count; i++)
        if (read_named(&r, s->options->constraint_files.items[i], false, err) < 0)
            return -1;
    for (size_t i = 0; i < s->settings.constraints.count; i++)
        if (read_named(&r, s->settings.constraints.items[i], false, err) < 0)
            return err_wrap(err, "constraints of pip's settings");
    if (s->own_inputs)
        return read_command_line(&r, err);
    read_defaults(&r);
    return 0;
}

void wanted_free(struct wanted *w)
{
    array_free(&w->roots);
    array_free(&w->failures);
    array_free(&w->constraints);
    array_free(&w->files);
    array_free(&w->digests);
}
