/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index library behind a command line, for test/e2e/test_index.py. Prints one JSON object for each
 * command; an error is {"error": KIND, "text": TEXT}. Commands: project NAME…, elsewhere NAME, metadata NAME
 * VERSION…, download NAME VERSION FILE, url URL (metadata of a wheel behind it), get URL, getall URL…
 */
#include "base/array.h"
#include "base/log.h"
#include "base/stopwatch.h"
#include "index/index.h"
#include "python/environment.h"

#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

struct run {
    struct arena arena;
    struct http *http;
    struct index *ix;
};

static const char *const kinds[] = {"none",        "system",    "usage",      "input",
                                    "unavailable", "not found", "interrupted"};

static json_t *failure(struct err *err)
{
    json_t *out = json_pack("{s:s, s:s}", "error", kinds[err->kind], "text", err->text);
    err_clear(err);
    return out;
}

static json_t *of_project(const struct index_project *p)
{
    json_t *releases = json_array();
    for (size_t i = 0; i < p->count; i++) {
        const struct index_release *r = &p->releases[i];
        const struct index_file *f = r->wheel;
        json_array_append_new(releases, json_pack("{s:s, s:s?, s:b, s:s?, s:s?, s:s?, s:s?, s:s?}", "version",
                                                  r->version.text, "excluded", r->excluded, "yanked",
                                                  r->yanked, "reason", r->yanked_reason, "wheel",
                                                  f ? f->name : NULL, "source", f ? f->source : NULL, "hash",
                                                  f ? f->hash : NULL, "index", f ? f->index_url : NULL));
    }
    return json_pack("{s:s, s:o, s:s?, s:s?, s:b}", "name", p->name, "releases", releases, "absent",
                     p->absent, "index", p->index_url, "from_network", p->from_network);
}

static json_t *project(struct run *run, const char *name, bool elsewhere)
{
    struct err err cleanup_err = ERR_INIT;
    const struct index_project *p;
    int result =
        elsewhere ? index_project_elsewhere(run->ix, name, &p, &err) : index_project(run->ix, name, &p, &err);
    return result < 0 ? failure(&err) : of_project(p);
}

static const struct index_file *wheel_of(struct run *run, const char *name, const char *version,
                                         struct err *err)
{
    const struct index_project *p;
    if (index_project(run->ix, name, &p, err) < 0)
        return NULL;
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->releases[i].version.text, version) == 0 && p->releases[i].wheel)
            return p->releases[i].wheel;
    err_set(err, ERR_NOT_FOUND, "no wheel");
    return NULL;
}

static json_t *metadata(struct run *run, const struct index_file *file, struct err *err)
{
    const struct metadata *m;
    if (!file || index_metadata(run->ix, file, &m, err) < 0)
        return failure(err);
    json_t *requires = json_array();
    for (size_t i = 0; i < m->requires_count; i++)
        json_array_append_new(requires, json_string(m->requires_dist[i].text));
    return json_pack("{s:s, s:s, s:o, s:s}", "name", m->normalized, "version", m->version.text, "requires",
                     requires, "sha256", index_metadata_sha256(file));
}

static json_t *download(struct run *run, char **args, struct err *err)
{
    const struct index_file *file = wheel_of(run, args[0], args[1], err);
    if (!file)
        return failure(err);
    int fd = open(args[2], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    struct index_download *d = index_download_start(run->ix, file, fd, 0);
    while (!index_download_done(d))
        index_wait_any_or(run->ix, -1);
    char sha256[65];
    int result = index_download_finish(run->ix, d, sha256, err);
    close(fd);
    return result < 0 ? failure(err) : json_pack("{s:s}", "sha256", sha256);
}

static json_t *get(struct run *run, char **urls, int count)
{
    json_t *all = json_array();
    struct http_request **requests = xcalloc((size_t)count, sizeof *requests);
    const struct http_options options = {.compressed = true, .fd = -1};
    for (int i = 0; i < count; i++)
        requests[i] = http_start(run->http, urls[i], &options);
    for (int i = 0; i < count; i++) {
        struct err err cleanup_err = ERR_INIT;
        const struct http_response *r;
        if (http_finish(run->http, requests[i], &r, &err) < 0)
            json_array_append_new(all, failure(&err));
        else
            json_array_append_new(all,
                                  json_pack("{s:i, s:s, s:i, s:s}", "status", (int)r->status, "url", r->url,
                                            "length", (int)r->body.len, "type", r->content_type));
        http_release(run->http, requests[i]);
    }
    free(requests);
    return all;
}

static json_t *command(struct run *run, char **args, int count)
{
    struct err err cleanup_err = ERR_INIT;
    const char *name = args[0];
    if (strcmp(name, "project") == 0) {
        json_t *all = json_array();
        for (int i = 1; i < count; i++)
            index_prefetch_project(run->ix, args[i]);
        for (int i = 1; i < count; i++)
            json_array_append_new(all, project(run, args[i], false));
        return all;
    }
    if (strcmp(name, "elsewhere") == 0 && count == 2)
        return project(run, args[1], true);
    if (strcmp(name, "metadata") == 0 && count == 3)
        return metadata(run, wheel_of(run, args[1], args[2], &err), &err);
    if (strcmp(name, "url") == 0 && count == 2)
        return metadata(run, index_file_of_url(run->ix, args[1], NULL, &err), &err);
    if (strcmp(name, "download") == 0 && count == 4)
        return download(run, args + 1, &err);
    if (strcmp(name, "get") == 0)
        return get(run, args + 1, count - 1);
    fprintf(stderr, "unknown command\n");
    exit(2);
}

static void print(const struct run *run, json_t *result, long long began_ms)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    json_t *whole =
        json_pack("{s:o, s:b, s:I, s:I}", "result", result, "network", http_used_network(run->http), "ms",
                  (json_int_t)(stopwatch_ms() - began_ms), "rss_kb", (json_int_t)usage.ru_maxrss);
    json_dumpf(whole, stdout, JSON_INDENT(1) | JSON_SORT_KEYS);
    putchar('\n');
    json_decref(whole);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"index", 1, NULL, 'i'},     {"find-links", 1, NULL, 'f'}, {"best", 0, NULL, 'b'},
        {"cache", 1, NULL, 'c'},     {"refresh", 0, NULL, 'r'},    {"offline", 0, NULL, 'o'},
        {"timeout", 1, NULL, 't'},   {"retries", 1, NULL, 'n'},    {"ca", 1, NULL, 'a'},
        {"trusted", 1, NULL, 'h'},   {"netrc", 1, NULL, 'N'},      {"proxy", 1, NULL, 'p'},
        {"no-answer", 1, NULL, 'w'}, {"debug", 0, NULL, 'd'},      {NULL, 0, NULL, 0},
    };
    struct run run = {0};
    struct strings urls = {0}, links = {0}, trusted = {0};
    struct http_settings http = {.timeout_s = 5, .retries = 2};
    struct index_settings index = {0};
    long long began_ms = stopwatch_ms();
    log_open("index");
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'i':
            array_push(&urls, optarg);
            break;
        case 'f':
            array_push(&links, optarg);
            break;
        case 'b':
            index.strategy = INDEX_BEST;
            break;
        case 'c':
            index.cache_dir = optarg;
            break;
        case 'r':
            index.refresh = true;
            break;
        case 'o':
            http.offline = true;
            break;
        case 't':
            http.timeout_s = atol(optarg);
            break;
        case 'n':
            http.retries = atoi(optarg);
            break;
        case 'a':
            http.ca_bundle = optarg;
            break;
        case 'h':
            array_push(&trusted, optarg);
            break;
        case 'N':
            http.netrc = optarg;
            break;
        case 'p':
            http.proxy = optarg;
            break;
        case 'w':
            http.no_answer_s = atoi(optarg);
            break;
        case 'd':
            log_set_level(LOG_DEBUG);
            break;
        default:
            return 2;
        }
    }
    if (optind == argc)
        return 2;
    const struct tag_environment tags = {.implementation = "cpython",
                                         .major = 3,
                                         .minor = 11,
                                         .soabi = "cpython-311-x86_64-linux-gnu",
                                         .platform = "linux-x86_64",
                                         .is_64bit = true,
                                         .glibc_major = 2,
                                         .glibc_minor = 36};
    struct version python;
    version_parse(&run.arena, T("3.11.2"), &python, NULL);
    http.trusted_hosts = trusted.items;
    http.trusted_count = trusted.count;
    index.tags = tags_make(&run.arena, &tags);
    index.python = &python;
    index.urls = urls.items;
    index.url_count = urls.count;
    index.find_links = links.items;
    index.find_links_count = links.count;
    run.http = http_new(&run.arena, &http, NULL);
    run.ix = index_open(&run.arena, run.http, &index, NULL);
    print(&run, command(&run, argv + optind, argc - optind), began_ms);
    index_close(run.ix);
    http_free(run.http);
    arena_free(&run.arena);
    array_free(&urls);
    array_free(&links);
    array_free(&trusted);
    return 0;
}
