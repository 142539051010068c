/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the indexes answer: each is asked by itself for one project's page, past the cache, once. */
#include "base/stopwatch.h"
#include "reconcile/report.h"

#include <errno.h>
#include <unistd.h>

/* Every index of everybody knows this name, or says quickly that it has none such. */
static const char asked_for[] = "pip";

static json_t *row(const char *kind, const char *url)
{
    return json_pack("{s:s, s:o, s:n, s:n, s:n}", "kind", kind, "url",
                     strchr("/.~", *url) ? report_text(url) : report_url(url), "answers", "ms", "said");
}

static const char *outcome(struct session *s, const struct index_settings *settings, struct err *err)
{
    const struct index_project *project;
    struct index *ix = index_open(&s->memory, s->http, settings, err);
    if (!ix)
        return NULL;
    int result = index_project(ix, asked_for, &project, err);
    const char *said = result < 0       ? NULL
                       : project->count ? arena_printf(&s->memory, "it has %s", asked_for)
                                        : arena_printf(&s->memory, "it answers; it has no %s", asked_for);
    index_close(ix);
    return said;
}

static json_t *failed(struct report *r, json_t *answer, const struct err *err)
{
    json_object_set_new(answer, "answers", json_false());
    json_object_set_new(answer, "said", report_text(err->text));
    report_problem(r, "%s", err->text);
    return answer;
}

static json_t *ask(struct report *r, const char *kind, char *url, bool links)
{
    struct session *s = r->s;
    struct err err cleanup_err = ERR_INIT;
    json_t *answer = row(kind, url);
    if (s->settings.offline && url_is_network(text_of(url))) {
        json_object_set_new(answer, "said", json_string("not asked: the network is switched off"));
        return answer;
    }
    char *path = !links                         ? NULL
                 : url_is_file(text_of(url))    ? url_to_path(&s->memory, url)
                 : url_is_network(text_of(url)) ? NULL
                                                : url;
    if (path && access(path, R_OK) < 0) {
        err_sys(&err, errno, "cannot read the folder or page %s of find-links",
                strchr("/.~", *path) ? path : url_redacted(&s->memory, path));
        return failed(r, answer, &err);
    }
    const struct index_settings settings = {.urls = &url,
                                            .url_count = links ? 0 : 1,
                                            .find_links = &url,
                                            .find_links_count = links ? 1 : 0,
                                            .strategy = INDEX_FIRST,
                                            .tags = s->tags,
                                            .python = &s->py.version,
                                            .refresh = true};
    long long start = stopwatch_ms();
    const char *said = outcome(s, &settings, &err);
    json_object_set_new(answer, "ms", json_integer(stopwatch_ms() - start));
    if (!said)
        return failed(r, answer, &err);
    json_object_set_new(answer, "answers", json_true());
    json_object_set_new(answer, "said", report_text(said));
    return answer;
}

json_t *doctor_indexes(struct report *r)
{
    struct session *s = r->s;
    struct err err cleanup_err = ERR_INIT;
    struct strings urls cleanup_strings = {0};
    json_t *list = json_array();
    if (!s->has_interpreter || session_http(s, &err) < 0) {
        if (err.text)
            report_problem(r, "%s", err.text);
        return list;
    }
    session_index_urls(s, &urls);
    array_each (&urls, url)
        json_array_append_new(list, ask(r, "index", *url, false));
    array_each (&s->settings.find_links, place)
        json_array_append_new(list, ask(r, "find-links", *place, true));
    return list;
}
