/* SPDX-License-Identifier: Apache-2.0 */
#include "build/pip.h"

#include "base/fs.h"
#include "base/log.h"
#include "base/process.h"
#include "config/environment.h"
#include "index/url.h"

/* Shorter ones would be found in words that are no secret. */
enum { ENSUREPIP_TIMEOUT_MS = 120000, SECRET_LENGTH = 4 };

/* ---- which */

int pip_find(struct arena *a, const struct interpreter *py, const char *dir, char *const *env,
             struct pip *out, struct err *err)
{
    *out = (struct pip){.version = py->pip_version};
    if (py->pip_version)
        return 0;
    const char *const argv[] = {py->executable, "-I", "-B", "-m", "ensurepip", "--root", dir, NULL};
    const struct process p = {.argv = argv,
                              .envp = env,
                              .cwd = "/",
                              .join = true,
                              .keep_ends = true,
                              .family = true,
                              .timeout_ms = ENSUREPIP_TIMEOUT_MS};
    struct process_result r cleanup_process_result = PROCESS_RESULT_INIT;
    if (process_run(&p, &r, err) < 0)
        return -1;
    out->script = arena_concat(a, dir, py->base_dir, "/", py->site_packages, "/pip");
    if (r.status == 0 && fs_exists(AT_FDCWD, out->script))
        return 0;
    log_debug("%s", buf_cstr(&r.out));
    return err_set(err, ERR_SYSTEM,
                   "%s has no pip, and its ensurepip does not work (exit status %d), so nothing can be built "
                   "from source",
                   py->base_dir, r.status);
}

/* "25.3" and later know a variable for the constraints of builds alone; before that all constraints are
 * theirs too. */
static bool knows_build_constraint(const struct pip *pip)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct version has, since;
    return !pip->version || version_parse(&a, text_of(pip->version), &has, NULL) < 0 ||
           version_parse(&a, T("25.3"), &since, NULL) < 0 || version_cmp(&has, &since) >= 0;
}

/* ---- environment */

static bool is_kept(struct text entry)
{
    static const char *const prefixes[] = {"PIP_", "PYTHON", "EXTENSION_", "LOCALSTACK_", "XDG_"};
    static const char *const names[] = {"VIRTUAL_ENV", "AUTH_TOKEN", "TMP", "TEMP", "CARGO_HOME", "LC_ALL"};
    struct text name = text_first(entry, text_find(entry, '='));
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (text_starts(entry, text_of(prefixes[i])))
            return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (text_is(name, names[i]))
            return false;
    return name.len < entry.len;
}

/* pip splits lists at blanks. `separator` is what it joins them with. */
static void add_list(struct arena *a, char ***env, const char *name, const struct strings *list,
                     char separator)
{
    struct buf joined cleanup_buf = BUF_INIT;
    for (size_t i = 0; list && i < list->count; i++) {
        if (joined.len)
            buf_char(&joined, separator);
        const char *item = list->items[i];
        buf_str(&joined, *item == '/' && strpbrk(item, " \t") ? url_from_path(a, item) : item);
    }
    if (joined.len)
        *env = environment_set(a, *env, name, arena_strdup(a, buf_cstr(&joined)));
}

static void add_places(struct arena *a, char ***env, const struct build_settings *s)
{
    struct strings extra cleanup_strings = {0}, links cleanup_strings = {0};
    size_t count = s->offline || !s->index_urls ? 0 : s->index_urls->count;
    for (size_t i = 1; i < count; i++)
        array_push(&extra, s->index_urls->items[i]);
    for (size_t i = 0; s->find_links && i < s->find_links->count; i++)
        if (!s->offline || !url_is_network(text_of(s->find_links->items[i])))
            array_push(&links, s->find_links->items[i]);
    *env = count ? environment_set(a, *env, "PIP_INDEX_URL", s->index_urls->items[0])
                 : environment_set(a, *env, "PIP_NO_INDEX", "1");
    add_list(a, env, "PIP_EXTRA_INDEX_URL", &extra, ' ');
    add_list(a, env, "PIP_FIND_LINKS", &links, ' ');
}

/* What pip reads from the user's home, which the build has not. Of what is no file it would wait for the end.
 */
static const char *netrc_of(struct arena *a, const struct build_settings *s)
{
    struct stat st;
    const char *home = environment_get(s->environ, "HOME"), *given = environment_get(s->environ, "NETRC");
    if (given)
        return fs_unreadable(given) ? "/dev/null" : NULL;
    const char *path = home && *home ? path_join(a, home, ".netrc") : NULL;
    return path && stat(path, &st) == 0 && S_ISREG(st.st_mode) ? path : NULL;
}

char **pip_environment(struct arena *a, const struct build_settings *s, const struct pip *pip,
                       const struct build_folders *f, bool no_isolation, bool shielded)
{
    size_t n = 0, kept = 0;
    while (s->environ[n])
        n++;
    char **env = arena_array(a, n + 1, sizeof *env);
    for (size_t i = 0; i < n; i++)
        if (is_kept(text_of(s->environ[i])))
            env[kept++] = s->environ[i];
    const struct {
        const char *name, *value;
    } said[] = {
        {"HOME", f->home},
        {"TMPDIR", f->tmp},
        {"XDG_CACHE_HOME", path_join(a, f->home, ".cache")},
        {"NETRC", netrc_of(a, s)},
        {"LC_ALL", "C.UTF-8"}, /* messages that failure.c can read, names that Python can write */
        {"PYTHONNOUSERSITE", "1"},
        {"PYTHONDONTWRITEBYTECODE", shielded ? NULL : "1"},
        {"PYTHONPATH", no_isolation ? s->site_packages : NULL},
        {"PIP_CONFIG_FILE", "/dev/null"},
        {"PIP_DISABLE_PIP_VERSION_CHECK", "1"},
        {"PIP_NO_PYTHON_VERSION_WARNING", "1"},
        {"PIP_NO_WARN_SCRIPT_LOCATION", "1"},
        {"PIP_ROOT_USER_ACTION", "ignore"},
        {"PIP_NO_INPUT", "1"},
        {"PIP_NO_COLOR", "1"},
        {"PIP_PROGRESS_BAR", "off"},
        {"PIP_NO_CACHE_DIR", "1"}, /* a shared one could be written to by any build */
        {"PIP_NO_COMPILE", "1"},   /* of what builds, a few modules are imported, and once */
        {"PIP_CERT", s->cert},
        {"PIP_CLIENT_CERT", s->client_cert},
        {"PIP_PROXY", s->proxy},
        {"PIP_TIMEOUT", s->pip_timeout_s ? arena_printf(a, "%d", s->pip_timeout_s) : NULL},
        {"PIP_RETRIES", arena_printf(a, "%d", s->retries)},
        {"PIP_PRE", s->pre ? "1" : NULL},
    };
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        if (said[i].value)
            env = environment_set(a, env, said[i].name, said[i].value);
    add_places(a, &env, s);
    add_list(a, &env, "PIP_TRUSTED_HOST", s->trusted_hosts, ' ');
    add_list(a, &env, "PIP_NO_BINARY", s->no_binary, ',');
    add_list(a, &env, "PIP_ONLY_BINARY", s->only_binary, ',');
    /* pip refuses both at once: without isolation it gets nothing that they could be about. */
    if (!no_isolation)
        add_list(a, &env, pip && knows_build_constraint(pip) ? "PIP_BUILD_CONSTRAINT" : "PIP_CONSTRAINT",
                 s->constraints, ' ');
    return env;
}

/* ---- arguments */

const char *const *pip_arguments(struct arena *a, const struct build_settings *s, const struct pip *pip,
                                 const struct build_folders *f, const struct build *b, const char *place)
{
    size_t n = 0;
    const char **argv = arena_array(a, b->config_settings_count + 16, sizeof *argv);
    argv[n++] = s->py->executable;
    argv[n++] = "-I";
    argv[n++] = "-B";
    if (!pip->script)
        argv[n++] = "-m";
    argv[n++] = pip->script ? pip->script : "pip";
    argv[n++] = "wheel";
    argv[n++] = "-v"; /* what the build prints is ours as it comes, however it ends */
    argv[n++] = "--no-deps";
    argv[n++] = "--use-pep517";
    if (b->no_isolation)
        argv[n++] = "--no-build-isolation";
    argv[n++] = "--wheel-dir";
    argv[n++] = f->wheel;
    for (size_t i = 0; i < b->config_settings_count; i++)
        argv[n++] = arena_concat(a, "--config-settings=", b->config_settings[i]);
    argv[n++] = "--";
    argv[n++] = place;
    return argv;
}

/* ---- secrets */

static void add_secret(struct strings *secrets, char *secret)
{
    if (secret && strlen(secret) >= SECRET_LENGTH)
        array_push(secrets, secret);
}

/* As the URL has them, and as they are when they are decoded. */
static void add_secrets_of(struct arena *a, const char *url, struct strings *secrets)
{
    struct url_target target;
    if (!url || !url_is_network(text_of(url)) || url_target(a, url, &target, NULL) < 0 || !target.user)
        return;
    const char *at = strstr(url, "//") + 2, *end = at + strcspn(at, "/?#");
    while (end > at && *end != '@')
        end--;
    struct text user = {at, (size_t)(end - at)};
    size_t colon = text_find(user, ':');
    /* A lone user name is a token. */
    add_secret(secrets, text_dup(a, colon < user.len ? text_from(user, colon + 1) : user));
    add_secret(secrets, arena_strdup(a, colon < user.len ? target.password : target.user));
}

static void add_all_secrets(struct arena *a, const struct build_settings *s, struct strings *secrets)
{
    const struct strings *lists[] = {s->index_urls, s->find_links, s->constraints};
    for (size_t k = 0; k < sizeof lists / sizeof *lists; k++)
        for (size_t i = 0; lists[k] && i < lists[k]->count; i++)
            add_secrets_of(a, lists[k]->items[i], secrets);
    add_secrets_of(a, s->proxy, secrets);
}

void pip_redact(struct buf *to, const struct build_settings *s, struct text output)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct strings secrets cleanup_strings = {0};
    struct buf rest cleanup_buf = BUF_INIT, next cleanup_buf = BUF_INIT;
    add_all_secrets(&a, s, &secrets);
    buf_text(&rest, output);
    array_each (&secrets, secret) {
        struct text left = buf_view(&rest);
        const char *found;
        buf_clear(&next);
        while (left.len && (found = memmem(left.ptr, left.len, *secret, strlen(*secret)))) {
            buf_text(&next, text_first(left, (size_t)(found - left.ptr)));
            buf_str(&next, "****");
            left = text_from(left, (size_t)(found - left.ptr) + strlen(*secret));
        }
        buf_text(&next, left);
        struct buf swap = rest;
        rest = next;
        next = swap;
    }
    log_redact(to, buf_view(&rest));
}
