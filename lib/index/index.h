/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Package indexes and find-links: what files there are of a project, what their metadata says, and the files
 * themselves. PEP 503 (HTML), 691 (JSON), 658 with 714 (metadata), 592 (yanked), 700, PyPA's simple
 * repository API.
 */
#pragma once
#include "index/http.h"
#include "python/hashes.h"
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
    const char *name; /* file name */
    const char *url;  /* absolute; credentials of the index kept for fetching, never for printing */
    /* The strongest digest given, hex in lower case: sha512, sha384, sha256, or, only where there is none of
     * these, sha224, sha1, md5 (which find broken downloads, and prove nothing). NULL where there is none. */
    const char *hash_algorithm, *hash;
    const char *sha256;          /* hex, where the page gives it, whatever else it gives; else NULL */
    const char *requires_python; /* NULL where the page has none */
    bool yanked;
    const char *yanked_reason;
    bool has_metadata;         /* PEP 658: URL + ".metadata" exists */
    const char *metadata_hash; /* sha256 hex, NULL where it is not given */
    long long size;            /* -1 where it is not given */
    const char *source;        /* "index" or "find-links" */
    const char *index_url;     /* which one, without credentials */
    bool is_source;            /* a source distribution: of `wheel` there are name and version alone */
    struct wheel_name wheel;
};

/* One version of a project: its best wheel for this interpreter, or why there is none. */
struct index_release {
    struct version version;
    const struct index_file *wheel; /* NULL where no wheel fits */
    const struct index_file *
        *wheels; /* index_every_wheel was called: all that fit, the best first; else NULL */
    size_t wheel_count;
    const struct index_file *source; /* the source distribution, where no wheel can be used; NULL where none
                                        is for this Python */
    const char
        *excluded; /* why no wheel can be used, in the words of struct candidate; NULL when wheel is set */
    bool yanked;   /* all usable files are */
    const char *yanked_reason;
};

struct index_project {
    const char *name;
    struct index_release *releases; /* newest first */
    size_t count;
    const char *absent;    /* count 0: why, a whole clause naming what was asked */
    const char *index_url; /* INDEX_FIRST: the index that counts, without credentials; NULL: none has it */
    bool from_network;     /* some page of it was asked for over the network now */
};

struct index;

/* Settings are copied, what they point to has to live as long as the index. */
struct index *index_open(struct arena *a, struct http *http, const struct index_settings *settings,
                         struct err *err);
/* Releases what no arena holds; before http_free. */
void index_close(struct index *ix);

/* Of how many projects it was asked, or told that it may be. */
size_t index_project_count(const struct index *ix);

/* Hints: both return at once, and may be called any number of times. */
void index_prefetch_project(struct index *ix, const char *name);
void index_prefetch_metadata(struct index *ix, const struct index_file *file);

/* Whether index_project or index_metadata would answer without waiting, once they were prefetched. */
bool index_project_has_come(struct index *ix, const char *name);
bool index_metadata_has_come(const struct index_file *file);

/* From now on (before the project is first asked for) releases of this name list all their wheels: where only
 * files of certain digests are wanted, the best wheel may not be among them. */
void index_every_wheel(struct index *ix, const char *name);

/* Likewise, releases of this name tell of their source distribution although a wheel can be used. */
void index_want_sources(struct index *ix, const char *name);

/* The project's page(s), by the index strategy. A name that nobody has gives count 0 with absent.
 * ERR_UNAVAILABLE when an index that has to be asked does not answer, ERR_INPUT when it answers what is no
 * page. */
int index_project(struct index *ix, const char *name, const struct index_project **out, struct err *err);

/* Where INDEX_FIRST is the strategy: what the indexes behind the one that counts have of the name, as
 * INDEX_BEST would see it, for the message that says so. Fetches their pages; count 0 where nobody has more.
 */
int index_project_elsewhere(struct index *ix, const char *name, const struct index_project **out,
                            struct err *err);

/* A wheel's metadata: from the cache, by PEP 658, by range requests from the wheel's end, else from the
 * downloaded wheel. The bytes' digest is checked where the page gives one. Parsed once. */
int index_metadata(struct index *ix, const struct index_file *file, const struct metadata **out,
                   struct err *err);

/* For a source distribution index_metadata knows what it was told by this, in this run or an earlier one, and
 * says ERR_NOT_FOUND otherwise: what the archive says of itself, where that is what any build of it would say
 * (PEP 643). Name and version are compared. */
int index_metadata_tell(struct index *ix, const struct index_file *file, struct text bytes, struct err *err);
/* A hint that index_archive will be called for the file. */
void index_prefetch_archive(struct index *ix, const struct index_file *file);
/* The whole file, fetched once and checked as index_download_finish does; the descriptor is the index's, to
 * be read by pread(2). */
int index_archive(struct index *ix, const struct index_file *file, int *fd, char sha256[65], struct err *err);

/* SHA-256 (hex) of the bytes that index_metadata parsed, to be compared with METADATA in the wheel that
 * comes; NULL before. */
const char *index_metadata_sha256(const struct index_file *file);

/* A file of which only the URL is known (a direct reference); a digest in its fragment counts. What is no
 * wheel is a source distribution of `name`, of which the version is not known. */
const struct index_file *index_file_of_url(struct index *ix, const char *url, const char *name,
                                           struct err *err);

/* What is known of a file's digests: announced by its page, or computed while it came; lower-case hex, NULL
 * where it is not known. */
const char *index_file_digest(const struct index_file *file, enum hash_algorithm algorithm);
/* Whether the file is one of those that are allowed: HASHES_UNKNOWN where only a download can tell. */
enum hashes_verdict { HASHES_REFUSE, HASHES_ALLOW, HASHES_UNKNOWN };
enum hashes_verdict index_file_judge(const struct index_file *file, const struct hashes *allowed);
/* The next download of the file computes these digests too (bits as in hashes_algorithms). */
void index_file_want(const struct index_file *file, unsigned algorithms);
/* Whether the bytes themselves are known to be allowed: by sha256, which the cache goes by, or by what was
 * computed of them. What a page announces beside sha256 says nothing of bytes that are not fetched from it
 * now. */
bool index_file_proves(const struct index_file *file, const struct hashes *allowed);
/* Whether all of those are known. */
bool index_file_is_known(const struct index_file *file);

/* A file of which a lock file says everything: name and url, where they are known sha256 and size, as source
 * "lock", and as index_url who says so. Credentials of an index with the URL's origin are added. Strings are
 * copied but for source and index_url. ERR_INPUT where the name is no wheel's. */
const struct index_file *index_file_of_lock(struct index *ix, const struct index_file *facts,
                                            struct err *err);

/* Downloads a file to `fd` (at its current offset), verifying the digest while it comes. *sha256 gets its
 * SHA-256 in hex (65 bytes). `have` bytes of it that an earlier run fetched stand in fd before the offset:
 * only the rest is asked for, and where all is there, nobody. */
struct index_download;
struct index_download *index_download_start(struct index *ix, const struct index_file *file, int fd,
                                            long long have);
bool index_download_done(const struct index_download *d);
/* The bytes that stand in fd so far, those of `have` among them. */
long long index_download_got(const struct index_download *d);
/* Waits for it and releases it. ERR_INPUT on a digest that differs (both are named) or a file that is not
 * there, ERR_UNAVAILABLE when it did not come whole, ERR_SYSTEM when fd cannot be written. */
int index_download_finish(struct index *ix, struct index_download *d, char sha256[65], struct err *err);
/* Ends it, whatever has come, and releases it. */
void index_download_stop(struct index *ix, struct index_download *d);
/* Waits until any download or request moves to its end, or `fd` can be read from (-1: no such). */
void index_wait_any_or(struct index *ix, int fd);

/* A page's files, for the tests and the fuzzer: JSON or HTML by content type. `url`: of the page. */
struct index_files ARRAY(struct index_file);
int index_page_parse(struct arena *a, const char *url, const char *content_type, struct text body,
                     struct index_files *files, struct err *err);
