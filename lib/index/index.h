/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Package indexes and find-links: what files there are of a project, what their metadata says, and the files
 * themselves. PEP 503 (HTML), 691 (JSON), 658 with 714 (metadata), 592 (yanked), 700, PyPA's simple
 * repository API.
 */
#pragma once
#include "index/http.h"
#include "python/metadata.h"
#include "python/tags.h"
#include "python/wheel_name.h"

enum index_strategy { INDEX_FIRST, INDEX_BEST };

struct index_settings {
    char **urls; /* index URLs in the order in which they are asked: extra indexes first, then the index */
    size_t url_count;  /* 0: --no-index */
    char **find_links; /* folders, file: URLs and http(s) pages */
    size_t find_links_count;
    enum index_strategy strategy;
    const struct tags *tags;
    const struct version *python; /* for Requires-Python */
    const char *cache_dir; /* pages and metadata are kept in CACHE/pages, CACHE/metadata; NULL: nowhere */
    bool refresh;          /* false: a cached page within its freshness serves without asking */
};

/* One file of a project. Strings live as long as the index. */
struct index_file {
    const char *name;           /* file name */
    const char *url;            /* absolute; credentials of the index kept for fetching, never for printing */
    const char *hash_algorithm; /* "sha256" …: the strongest given; NULL where the page has none */
    const char *hash;           /* hex, lower case */
    const char *requires_python; /* NULL where the page has none */
    bool yanked;
    const char *yanked_reason;
    bool has_metadata;         /* PEP 658: URL + ".metadata" exists */
    const char *metadata_hash; /* sha256 hex, NULL where it is not given */
    long long size;            /* -1 where it is not given */
    const char *source;        /* "index" or "find-links" */
    const char *index_url;     /* which one, without credentials */
    struct wheel_name wheel;   /* of a wheel */
};

/* One version of a project: its best wheel for this interpreter, or why there is none. */
struct index_release {
    struct version version;
    const struct index_file *wheel; /* NULL where no wheel fits */
    const char
        *excluded; /* why it cannot be used, in the words of struct candidate; NULL when wheel is set */
    bool yanked;   /* all usable files are */
    const char *yanked_reason;
};

struct index_project {
    const char *name;
    struct index_release *releases; /* newest first */
    size_t count;
    const char *absent; /* count 0: why, a whole clause naming what was asked */
    bool from_network;
};

struct index;

struct index *index_open(struct arena *a, struct http *http, const struct index_settings *settings,
                         struct err *err);

/* Hints: both return at once, and may be called any number of times. */
void index_prefetch_project(struct index *ix, const char *name);
void index_prefetch_metadata(struct index *ix, const struct index_file *file);

/* The project's page(s), by the index strategy. A name that nobody has gives count 0 with absent.
 * ERR_UNAVAILABLE when an index that has to be asked does not answer, ERR_INPUT when it answers what is no
 * page. */
int index_project(struct index *ix, const char *name, const struct index_project **out, struct err *err);

/* A wheel's metadata: from the cache, by PEP 658, by range requests from the wheel's end, else from the
 * downloaded wheel. The bytes' digest is checked where the page gives one. Parsed once. */
int index_metadata(struct index *ix, const struct index_file *file, const struct metadata **out,
                   struct err *err);

/* The same for a file of which only the URL is known (a direct reference to a wheel). */
const struct index_file *index_file_of_url(struct index *ix, const char *url, struct err *err);

/* Downloads a file to `fd` (at offset 0), verifying the digest while it comes. *sha256 gets its SHA-256 in
 * hex (65 bytes). */
struct index_download;
struct index_download *index_download_start(struct index *ix, const struct index_file *file, int fd);
bool index_download_done(const struct index_download *d);
/* ERR_INPUT on a digest that differs (both are named), ERR_UNAVAILABLE when it did not come whole. */
int index_download_finish(struct index *ix, struct index_download *d, char sha256[65], struct err *err);
/* Waits until any download or request moves to its end. */
void index_wait_any(struct index *ix);

/* A page's files, for the tests and the fuzzer: JSON or HTML by content type. `url`: of the page. */
struct index_files ARRAY(struct index_file);
int index_page_parse(struct arena *a, const char *url, const char *content_type, struct text body,
                     struct index_files *files, struct err *err);
