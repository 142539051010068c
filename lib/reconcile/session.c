/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/session.h"

#include "base/fs.h"
#include "base/stopwatch.h"
#include "boot/fact.h"
#include "config/environment.h"
#include "config/setting.h"
#include "reconcile/cache_mark.h"
#include "reconcile/developed.h"
#include "reconcile/fetch.h"
#include "reconcile/store.h"
#include "venv/layout.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* A boot with a whole venv does not wait longer for an index that does not answer at all. */
enum { BOOT_PATIENCE_S = 10 };

/* Options given on the command line win over every setting. */
static void override_settings(struct session *s)
{
    const struct session_options *o = s->options;
    struct settings *set = &s->settings;
    const struct {
        bool given;
        const char *key, *option;
    } said[] = {
        {o->index_url, "index.url", "--index-url"},
        {o->extra_index_urls.count, "index.extra", "--extra-index-url"},
        {o->find_links.count, "index.find-links", "--find-links"},
        {o->no_index, "index.no-index", "--no-index"},
        {o->pre, "index.pre", "--pre"},
        {o->offline, "offline", "--offline"},
        {o->upgrade, "upgrade", "--upgrade"},
        {o->cache_dir, "cache", "--cache-dir"},
        {o->quiet || o->verbose, "log.level", o->verbose ? "--verbose" : "--quiet"},
    };
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        if (said[i].given)
            setting_said(set, setting_by_key(text_of(said[i].key)), said[i].option);
    if (o->index_url)
        set->index_url = o->index_url;
    for (size_t i = 0; i < o->extra_index_urls.count; i++)
        array_push(&set->extra_index_urls, o->extra_index_urls.items[i]);
    for (size_t i = 0; i < o->find_links.count; i++)
        array_push(&set->find_links, o->find_links.items[i]);
    set->no_index |= o->no_index;
    set->pre |= o->pre;
    set->offline |= o->offline;
    set->upgrade |= o->upgrade;
    if (o->cache_dir)
        set->cache_dir = o->cache_dir;
    if (o->quiet)
        set->log_level = LOG_WARNING;
    if (o->verbose)
        set->log_level = LOG_DEBUG;
}

int session_open(struct session *s, const struct session_options *options, char **environment,
                 struct err *err)
{
    *s = (struct session){.options = options, .environ = environment};
    log_hold();
    const char *root = options->root ? path_absolute(&s->memory, options->root) : "";
    boot_paths_make(&s->memory, strcmp(root, "/") == 0 ? "" : root, &s->paths);
    if (options->base)
        s->paths.base = path_absolute(&s->memory, options->base);
    if (options->venv) {
        s->paths.venv = path_absolute(&s->memory, options->venv);
        const char *name = path_base(s->paths.venv);
        size_t parent = (size_t)(name - s->paths.venv);
        s->paths.extensions = arena_strndup(&s->memory, s->paths.venv, parent > 1 ? parent - 1 : 1);
    }
    const struct settings_source source = {s->paths.root, s->environ, s->paths.base, s->paths.venv};
    int result = settings_load(&source, &s->settings, err);
    override_settings(s);
    settings_digest(&s->settings, s->settings_digest);
    snprintf(s->settings_salt, sizeof s->settings_salt, "%08x%08x", (unsigned)arc4random(),
             (unsigned)arc4random());
    s->settings_prints = settings_prints(&s->memory, &s->settings, s->settings_salt);
    int most_s = options->timeout_s ? options->timeout_s : options->boot ? s->settings.timeout_s : 0;
    s->ends_ms = most_s ? stopwatch_ms() + most_s * 1000LL : 0;
    log_set_level(s->settings.log_level);
    log_set_format(s->settings.log_format);
    log_release();
    s->own_inputs = options->requirement_files.count || options->arguments.count || options->locked;
    s->cache_dir = s->settings.cache_dir ? path_absolute(&s->memory, s->settings.cache_dir) : s->paths.cache;
    return result;
}

void session_close(struct session *s)
{
    fetch_close(s);
    store_close(s);
    if (s->index)
        index_close(s->index);
    if (s->http)
        http_free(s->http);
    installed_free(&s->base);
    installed_free(&s->venv);
    installed_free(&s->old);
    installed_free(&s->prefer);
    array_free(&s->build_settings);
    developed_close(s);
    strmap_free(&s->failed_builds);
    array_free(&s->folders);
    array_free(&s->folder_facts);
    array_free(&s->wheels);
    array_free(&s->wheel_facts);
    sources_free(&s->sources);
    settings_free(&s->settings);
    arena_free(&s->memory);
}

/* Before anything is kept in it: the first run makes it. */
static void mark_cache(const struct session *s)
{
    fs_mkdirs(s->cache_dir, NULL);
    cleanup_close int cache = open(s->cache_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (cache >= 0)
        cache_mark(cache);
}

/* At boot the entrypoint has said it. */
static void warn_of_sources(struct session *s)
{
    s->has_sources = true;
    if (!s->options->boot)
        array_each (&s->sources.warnings, warning)
            log_warning("%s", *warning);
}

const struct boot_sources *session_sources(struct session *s)
{
    if (!s->has_sources) {
        sources_find(&s->memory, &s->paths, &s->settings, &s->sources);
        warn_of_sources(s);
    }
    return &s->sources;
}

void session_place_sources(struct session *s)
{
    sources_free(&s->sources);
    sources_ready(&s->memory, &s->paths, &s->settings, &s->sources);
    warn_of_sources(s);
}

static const char *first_fact(struct arena *a, struct strings *paths, struct strings *facts, const char *path,
                              char *(*fact)(struct arena *a, const char *path))
{
    for (size_t i = 0; i < paths->count; i++)
        if (strcmp(paths->items[i], path) == 0)
            return facts->items[i];
    array_push(paths, arena_strdup(a, path));
    return *array_push(facts, fact(a, path));
}

const char *session_folder(struct session *s, const char *folder)
{
    return first_fact(&s->memory, &s->folders, &s->folder_facts, folder, fact_source);
}

const char *session_wheel(struct session *s, const char *file)
{
    return first_fact(&s->memory, &s->wheels, &s->wheel_facts, file, fact_stat);
}

int session_interpreter(struct session *s, struct err *err)
{
    if (s->has_interpreter)
        return 0;
    char *exclude[] = {path_under(&s->memory, s->paths.root, "/var/lib/localstack"),
                       path_under(&s->memory, s->paths.root, "/opt/code/extensions"),
                       arena_strdup(&s->memory, s->paths.venv)};
    mark_cache(s);
    const char *kept = path_join(&s->memory, s->cache_dir, "interpreter.json");
    if (interpreter_query(&s->memory, s->paths.base, s->options->python, kept, exclude,
                          sizeof exclude / sizeof *exclude, &s->py, err) < 0)
        return -1;
    s->tags = tags_make(&s->memory, &s->py.tags);
    s->has_interpreter = true;
    return 0;
}

int session_base(struct session *s, struct err *err)
{
    if (s->has_base)
        return 0;
    if (session_interpreter(s, err) < 0 || installed_scan(s->py.path, s->py.path_count, &s->base, err) < 0)
        return -1;
    s->has_base = true;
    return 0;
}

/* Where a venv that has to be rebuilt keeps its distributions: that of another Python has another folder. */
static const char *find_site_packages(struct session *s)
{
    struct strings names cleanup_strings = {0};
    const char *own = path_join(&s->memory, s->paths.venv, s->py.site_packages);
    if (access(own, F_OK) == 0)
        return s->py.site_packages;
    if (fs_list(&s->memory, AT_FDCWD, path_join(&s->memory, s->paths.venv, "lib"), &names, NULL) < 0)
        return NULL;
    for (size_t i = names.count; i-- > 0;) {
        const char *relative = arena_printf(&s->memory, "lib/%s/site-packages", names.items[i]);
        if (text_starts(text_of(names.items[i]), T("python")) &&
            access(path_join(&s->memory, s->paths.venv, relative), F_OK) == 0)
            return relative;
    }
    return NULL;
}

int session_venv(struct session *s, struct err *err)
{
    if (session_interpreter(s, err) < 0)
        return -1;
    installed_free(&s->venv);
    installed_free(&s->old);
    s->venv = s->old = (struct installed_set){0};
    s->old_site_packages = NULL;
    s->fresh = access(s->paths.venv, F_OK) < 0 && errno == ENOENT;
    s->rebuild = s->fresh ? "there is none" : layout_check(&s->memory, s->paths.venv, &s->py);
    if (s->fresh)
        return 0;
    s->old_site_packages = s->rebuild ? find_site_packages(s) : s->py.site_packages;
    if (!s->old_site_packages)
        return 0;
    char *folder = path_join(&s->memory, s->paths.venv, s->old_site_packages);
    struct installed_set *set = s->rebuild ? &s->old : &s->venv;
    if (installed_scan(&folder, 1, set, err) < 0)
        return -1;
    for (size_t i = 0; i < set->count; i++)
        set->items[i]->damaged = session_is_damaged(s, set->items[i]->name);
    return 0;
}

bool session_is_damaged(const struct session *s, const char *name)
{
    array_each (&s->marks.distributions, known)
        if (strcmp(*known, name) == 0)
            return true;
    return false;
}

int session_http(struct session *s, struct err *err)
{
    if (s->http)
        return 0;
    const struct settings *set = &s->settings;
    const struct http_settings http = {
        .proxy = set->proxy,
        .ca_bundle = set->cert,
        .client_cert = set->client_cert,
        .trusted_hosts = set->trusted_hosts.items,
        .trusted_count = set->trusted_hosts.count,
        .timeout_s = set->pip_timeout_s,
        .retries = set->retries,
        .netrc = environment_get(s->environ, "NETRC"),
        .offline = set->offline,
        .ends_ms = s->ends_ms,
        .no_answer_s = s->options->boot && !s->rebuild ? BOOT_PATIENCE_S : 0,
    };
    s->http = http_new(&s->memory, &http, err);
    return s->http ? 0 : -1;
}

int session_certificates(const struct session *s, struct err *err)
{
    static const char *const variables[] = {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"};
    if (http_check_certificates(s->settings.cert, err) < 0 ||
        http_check_certificates(s->settings.client_cert, err) < 0)
        return -1;
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        if (http_check_certificates(environment_get(s->environ, variables[i]), err) < 0)
            return -1;
    return 0;
}

/* Whether somebody waits for it himself, and named this very file: -r <(…), -c /dev/stdin. */
static bool is_named_by_hand(struct session *s, const char *place)
{
    const struct session_options *o = s->options;
    const struct strings *named[] = {&o->requirement_files, &o->constraint_files};
    if (o->boot)
        return false;
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        array_each (named[i], name)
            if (strcmp(path_absolute(&s->memory, *name), place) == 0)
                return true;
    return o->locked && strcmp(path_absolute(&s->memory, o->locked), place) == 0;
}

int session_read(struct session *s, const char *place, size_t limit, struct buf *out, struct err *err)
{
    if (!url_is_network(text_of(place)))
        return (is_named_by_hand(s, place) ? fs_read_waiting : fs_read)(AT_FDCWD, place, limit, out, err);
    if (session_http(s, err) < 0)
        return -1;
    const struct http_options options = {.limit = limit, .fd = -1};
    struct http_request *request = http_start(s->http, place, &options);
    const struct http_response *response;
    int result = http_finish(s->http, request, &response, err);
    if (result == 0 && response->status >= 400)
        result = err_set(err, ERR_NOT_FOUND, "%s: the server has no such file (status %ld)",
                         url_redacted(&s->memory, place), response->status);
    if (result == 0)
        buf_text(out, buf_view(&response->body));
    http_release(s->http, request);
    return result;
}

void session_index_urls(struct session *s, struct strings *urls)
{
    const struct settings *set = &s->settings;
    if (set->no_index)
        return;
    for (size_t i = 0; i < set->extra_index_urls.count; i++)
        array_push(urls, set->extra_index_urls.items[i]);
    const char *main_url = set->index_url ? set->index_url : s->py.pip_index_url;
    if (main_url)
        array_push(urls, arena_strdup(&s->memory, main_url));
}

int session_index(struct session *s, struct err *err)
{
    if (s->index)
        return 0;
    if (session_interpreter(s, err) < 0 || session_http(s, err) < 0)
        return -1;
    const struct settings *set = &s->settings;
    struct strings urls = {0};
    session_index_urls(s, &urls);
    char **kept = arena_array(&s->memory, urls.count, sizeof *kept);
    if (urls.count)
        memcpy(kept, urls.items, urls.count * sizeof *kept);
    size_t count = urls.count;
    array_free(&urls);
    const struct index_settings index = {
        .urls = kept,
        .url_count = count,
        .find_links = set->find_links.items,
        .find_links_count = set->find_links.count,
        .strategy = set->index_strategy == STRATEGY_BEST ? INDEX_BEST : INDEX_FIRST,
        .tags = s->tags,
        .python = &s->py.version,
        .cache_dir = s->cache_dir,
        .refresh = set->upgrade,
    };
    s->index = index_open(&s->memory, s->http, &index, err);
    return s->index ? 0 : -1;
}
