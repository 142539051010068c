/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/reference.h"

#include "base/fs.h"
#include "build/git.h"
#include "build/sdist.h"
#include "index/url.h"
#include "python/wheel_name.h"
#include "reconcile/built.h"
#include "reconcile/developed.h"

#include <errno.h>
#include <unistd.h>

static const char *const archives[] = {".whl", ".zip",    ".tar.gz", ".tgz",    ".tar.bz2", ".tbz",
                                       ".tar", ".tar.xz", ".txz",    ".tar.lz", ".tlz",     ".tar.lzma"};
static const char *const repositories[] = {"git", "hg", "svn", "bzr"};

static bool is_archive(struct text path)
{
    for (size_t i = 0; i < sizeof archives / sizeof *archives; i++) {
        struct text end = text_of(archives[i]);
        if (path.len > end.len && text_eq_nocase(text_from(path, path.len - end.len), end))
            return true;
    }
    return false;
}

/* The length of SCHEME before its colon, 0 when there is none. */
static size_t scheme_length(struct text t)
{
    size_t i = 0;
    while (i < t.len && (ascii_is_alnum(t.ptr[i]) || strchr("+-.", t.ptr[i])))
        i++;
    return i > 1 && i < t.len && t.ptr[i] == ':' && ascii_is_alpha(t.ptr[0]) ? i : 0;
}

/* git+https: and the like; git: alone counts as well. */
static bool is_repository(struct text t)
{
    struct text scheme = text_first(t, scheme_length(t));
    scheme = text_first(scheme, text_find(scheme, '+'));
    for (size_t i = 0; i < sizeof repositories / sizeof *repositories; i++)
        if (text_eq_nocase(scheme, text_of(repositories[i])))
            return true;
    return text_eq_nocase(scheme, T("ssh"));
}

static bool is_url(struct text t)
{
    struct text scheme = text_first(t, scheme_length(t));
    bool other = scheme.len && text_starts(text_from(t, scheme.len), T("://")); /* a misspelt one */
    return other || is_repository(t) || text_eq_nocase(scheme, T("http")) ||
           text_eq_nocase(scheme, T("https")) || text_eq_nocase(scheme, T("file")) ||
           text_eq_nocase(scheme, T("ftp"));
}

static bool looks_like_path(struct text t)
{
    return text_find(t, '/') < t.len || (t.len && t.ptr[0] == '.');
}

/* Takes "[EXTRAS]" off the end. */
static struct text cut_extras(struct text *t)
{
    size_t open = t->len;
    if (!t->len || t->ptr[t->len - 1] != ']')
        return (struct text){0};
    while (open && t->ptr[open - 1] != '[')
        open--;
    if (open < 2)
        return (struct text){0};
    struct text extras = text_from(*t, open - 1);
    *t = text_first(*t, open - 1);
    return extras;
}

/* Takes the marker off: behind "; " in a URL, which may hold a semicolon, and behind any ";" of a path. */
static struct text cut_marker(struct text *t, bool url)
{
    for (size_t i = 0; i < t->len; i++)
        if (t->ptr[i] == ';' && (!url || (i + 1 < t->len && t->ptr[i + 1] == ' '))) {
            struct text marker = text_trim(text_from(*t, i + 1));
            *t = text_trim(text_first(*t, i));
            return marker;
        }
    return (struct text){0};
}

struct text reference_marker(struct text text)
{
    return cut_marker(&text, is_url(text));
}

/* A path made absolute: from the folder of the file that names it, or, where that has none, from the working
 * directory. */
static const char *locate(struct arena *a, struct text path, const char *folder)
{
    const char *given = text_dup(a, path);
    if (*given == '/' || !folder || !*folder || strstr(folder, "://"))
        return path_absolute(a, given);
    const char *near = path_absolute(a, arena_printf(a, "%s/%s", folder, given)),
               *far = path_absolute(a, given);
    return access(near, F_OK) < 0 && access(far, F_OK) == 0 ? far : near;
}

static bool has_file(struct arena *a, const char *folder, const char *name)
{
    return access(path_join(a, folder, name), F_OK) == 0;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

const char *reference_folder(struct arena *a, const char *url)
{
    const char *path = url_to_path(a, url), *below = url_fragment_value(a, url, "subdirectory");
    if (path)
        path = path_absolute(a, below ? path_join(a, path, below) : path);
    return path && is_folder(path) ? path : NULL;
}

/* Leaves the path or URL alone of what has a name before it, and extras and a marker behind. True: it had a
 * name. */
static bool cut_to_place(struct text *t)
{
    size_t at = text_find(*t, '@');
    struct text behind = text_trim(text_from(*t, at + 1));
    bool named = at < t->len && !is_url(*t) && is_url(behind);
    if (named)
        *t = behind;
    cut_marker(t, is_url(*t));
    cut_extras(t);
    return named;
}

const char *reference_said(struct arena *a, struct text said, const char *folder, bool editable,
                           bool *is_file)
{
    cut_to_place(&said);
    const char *url = is_url(said) ? text_dup(a, said) : NULL, *path = NULL;
    if (url)
        path = url_to_path(a, url);
    else if (editable || looks_like_path(said) || is_archive(said))
        path = locate(a, said, folder);
    struct stat st;
    if (!path || stat(path, &st) < 0)
        return NULL;
    *is_file = !S_ISDIR(st.st_mode);
    return *is_file || !url ? path : reference_folder(a, url);
}

bool reference_same_folder(const char *one, const char *other)
{
    struct stat x, y;
    return stat(one, &x) == 0 && stat(other, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* As pip has it, with what setuptools alone reads. */
static int check_folder(struct arena *a, const char *path, const char *subdirectory, struct err *err)
{
    const char *project = subdirectory ? path_join(a, path, subdirectory) : path;
    if (has_file(a, project, "pyproject.toml") || has_file(a, project, "setup.py") ||
        has_file(a, project, "setup.cfg"))
        return 0;
    if (access(project, R_OK | X_OK) < 0)
        return err_set(err, ERR_UNAVAILABLE, "the folder %s cannot be read: %s", project, strerror(errno));
    return err_set(err, ERR_INPUT,
                   "the folder %s is no Python project: it has neither a pyproject.toml nor a setup.py",
                   project);
}

static bool ends_as_wheel(struct text url)
{
    struct text path = text_first(url, text_find(url, '#'));
    path = text_first(path, text_find(path, '?'));
    return text_ends(path, T(".whl"));
}

/* Of a URL, less what stands behind the path. */
static bool ends_as_archive(struct text url)
{
    struct text path = text_first(url, text_find(url, '#'));
    return is_archive(text_first(path, text_find(path, '?')));
}

int reference_kind(struct arena *a, const char *url, enum reference_kind *kind, struct err *err)
{
    struct text t = text_of(url);
    struct git_url git;
    if (is_repository(t)) {
        *kind = REFERENCE_REPOSITORY;
        return git_url_parse(a, url, &git, err);
    }
    if (!url_is_network(t) && !url_is_file(t))
        return err_set(
            err, ERR_INPUT,
            "%s is no URL that can be fetched: it has to begin with https:, http: or file:, or with "
            "git+https: and the like",
            url);
    struct url_target target;
    if (url_is_network(t) && url_target(a, url, &target, err) < 0)
        return -1;
    const char *path = url_to_path(a, url);
    if (path && is_folder(path)) {
        *kind = REFERENCE_FOLDER;
        return check_folder(a, path, url_fragment_value(a, url, "subdirectory"), err);
    }
    *kind = ends_as_wheel(t) ? REFERENCE_WHEEL : REFERENCE_ARCHIVE;
    return *kind == REFERENCE_WHEEL || ends_as_archive(t)
               ? 0
               : err_set(err, ERR_INPUT, "%s is neither a wheel nor a source archive by its name", url);
}

/* The URL of what is a path or URL; NULL with err set when it is of no use. */
static const char *url_of(struct arena *a, struct text t, bool url, const char *folder, struct err *err)
{
    enum reference_kind kind;
    if (url) {
        const char *whole = text_dup(a, t);
        return reference_kind(a, whole, &kind, err) < 0 ? NULL : whole;
    }
    const char *path = locate(a, t, folder);
    if (is_folder(path)) {
        if (check_folder(a, path, NULL, err) < 0)
            return NULL;
    } else if (!is_archive(t) || (!text_ends(t, T(".whl")) && access(path, F_OK) < 0)) {
        err_set(err, ERR_NOT_FOUND, "there is no file or folder %s", path);
        return NULL;
    }
    return url_from_path(a, path);
}

/* As the archive itself has it, where it is here; else as its file's name has it. */
static const char *name_of_archive(struct arena *a, const char *url, const char *file)
{
    struct sdist_info info;
    const char *path = url_to_path(a, url);
    cleanup_close int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) : -1;
    if (fd >= 0 && sdist_read(a, fd, file, &info, NULL) == 0)
        return info.metadata.name;
    return sdist_name_project(a, text_of(file));
}

/* As the URL has it, else as its project file has it, else as what is built of it is called. */
static const char *name_of_folder(struct session *s, const char *url, struct err *err)
{
    struct arena *a = &s->memory;
    const char *egg = url_fragment_value(a, url, "egg"), *path = url_to_path(a, url);
    const char *subdirectory = url_fragment_value(a, url, "subdirectory");
    struct built_item item = {.folder = path, .subdirectory = subdirectory};
    const struct metadata *m;
    if (egg)
        return egg;
    const struct project *project =
        developed_project(s, subdirectory ? path_join(a, path, subdirectory) : path, err);
    if (!project || project->error.text)
        return project ? (err_set(err, project->error.kind, "%s", project->error.text), NULL) : NULL;
    if (project->name)
        return project->name;
    if (built_item(s, &item, err) == 0)
        return unpacked_metadata(a, &item.wheel, &m, err) < 0 ? NULL : m->normalized;
    const char *bare = arena_strndup(a, url, text_find(text_of(url), '#'));
    const struct installed *have = s->only_looks ? developed_installed(s, bare, subdirectory) : NULL;
    if (have)
        return have->name;
    if (err->kind == ERR_INPUT) /* what the build needs may be there next time */
        err->kind = ERR_UNAVAILABLE;
    return NULL;
}

/* What is to stand before the @; NULL with err set. */
static const char *name_of(struct session *s, const char *url, struct err *err)
{
    struct arena *a = &s->memory;
    enum reference_kind kind;
    struct wheel_name wheel;
    struct git_url git;
    if (reference_kind(a, url, &kind, err) < 0)
        return NULL;
    if (kind == REFERENCE_FOLDER)
        return name_of_folder(s, url, err);
    if (kind == REFERENCE_REPOSITORY && git_url_parse(a, url, &git, err) == 0 && git.egg)
        return git.egg;
    char *file = kind == REFERENCE_REPOSITORY ? NULL : url_file_name(a, url, err);
    if (kind == REFERENCE_WHEEL)
        return file && wheel_name_parse(a, text_of(file), &wheel, err) == 0 ? wheel.name : NULL;
    const char *name = file ? name_of_archive(a, url, file) : NULL;
    if (!name)
        err_set(err, ERR_INPUT, "%s does not say of which distribution it is; write NAME @ %s", url, url);
    return name;
}

int reference_resolve(struct session *s, struct text t, const char *folder, const char **out, struct err *err)
{
    struct arena *a = &s->memory;
    bool url = is_url(t);
    struct text marker = cut_marker(&t, url);
    struct text whole = t, extras = cut_extras(&t);
    size_t at = text_find(t, '@');
    if (!url) {
        bool direct = at < t.len && !looks_like_path(text_first(t, at));
        if (direct || (!looks_like_path(whole) && !is_archive(t)))
            return 0;
    }
    const char *place = url_of(a, t, url, folder, err);
    const char *name = place ? name_of(s, place, err) : NULL;
    if (!name)
        return -1;
    *out = arena_printf(a, "%s%.*s @ %s%s%.*s", name, TEXT_ARG(extras), place, marker.len ? " ; " : "",
                        TEXT_ARG(marker));
    return 1;
}

int reference_editable(struct session *s, struct text t, const char *folder, const char **out,
                       struct err *err)
{
    struct text rest = t;
    bool named = cut_to_place(&rest);
    char *local = url_to_path(&s->memory, text_dup(&s->memory, rest));
    if (!local && is_url(rest) && !is_repository(rest))
        return err_set(
            err, ERR_INPUT,
            "%.*s cannot be editable: only a folder, or a repository (git+https: and the like), can",
            TEXT_ARG(rest));
    const char *path = is_url(rest) ? local : locate(&s->memory, rest, folder);
    if (path && !is_folder(path))
        return err_set(err, ERR_NOT_FOUND, "there is no folder %s", path);
    int result = reference_resolve(s, t, folder, out, err);
    if (result == 0 && !named)
        result =
            reference_resolve(s, text_of(arena_printf(&s->memory, "./%.*s", TEXT_ARG(t))), folder, out, err);
    return result;
}
