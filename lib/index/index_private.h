/* SPDX-License-Identifier: Apache-2.0 */
/* What the files behind index.h share. */
#pragma once
#include "index/index.h"
#include "index/page.h"
#include "index/page_cache.h"

#include <stdint.h>
#include <sys/queue.h>

enum page_state {
    PAGE_IDLE,   /* not asked yet */
    PAGE_KEPT,   /* a fresh page is in the cache; read when it is needed */
    PAGE_ASKED,  /* a request is under way */
    PAGE_FOUND,  /* its files were handed out */
    PAGE_ABSENT, /* the server says that there is none */
    PAGE_FAILED, /* err says why */
};

/* One page on its way: of a project on an index, or of find-links. */
struct page_fetch {
    TAILQ_ENTRY(page_fetch) link; /* while it is PAGE_ASKED */
    enum page_state state;
    const char *url, *shown; /* with and without credentials */
    struct cached_page cached;
    struct http_request *request;
    struct page_visitor visitor;
    struct buf kept; /* of PAGE_FOUND: headers and files as the cache keeps them; the files' strings */
    bool from_network;
    bool unconditional; /* the cache's copy is broken: not to be asked about again */
    struct err err;
};

/* A file of a project, judged, before its release is put together. */
struct draft {
    struct index_file file;
    enum { DRAFT_WHEEL, DRAFT_OTHER_WHEEL, DRAFT_SDIST } kind;
    struct version version;
    bool python_fits;
    int rank;
    int order; /* of its source: the lower wins among equals */
};
struct drafts ARRAY(struct draft);

enum {
    INDEX_MEMORY = 96 << 20, /* of all that is kept of pages and metadata */
};

struct project_page {
    struct page_fetch fetch;
    struct index *ix;
    const char *project;
    const char *index_shown;
    struct arena strings; /* of the drafts */
    struct drafts drafts;
    size_t charged; /* what ix->held counts of it */
    int order;
};

struct project {
    struct index_project result;
    struct project_page *pages; /* one for each index */
    size_t page_count;
    size_t winner; /* INDEX_FIRST: the page that counts; page_count when none does */
    bool settled;
    struct err err; /* set when it failed */
    struct project *elsewhere;
};

enum metadata_step { STEP_NONE, STEP_KEPT, STEP_UNKNOWN, STEP_BESIDE, STEP_TAIL, STEP_LOCAL, STEP_WHOLE };

/* A file that was handed out, with what is known of its metadata. */
struct entry {
    struct index_file file; /* first: pointers to it are pointers to the entry */
    enum metadata_step step;
    struct http_request *request; /* STEP_BESIDE, STEP_TAIL */
    const struct metadata *metadata;
    char metadata_sha256[65];
    unsigned wanted_digests;              /* bits of enum hash_algorithm: to be computed while it comes */
    const char *digests[HASH_ALGORITHMS]; /* as computed; NULL where that was not done */
    int whole;                     /* descriptor of the file where it had to be fetched as a whole; 0: none */
    char archive[65];              /* its SHA-256, where index_archive fetched it */
    struct index_download *coming; /* index_archive's, into coming_to; NULL: none */
    int coming_to;
    struct err err;
    struct entry *next;
};

static inline struct entry *entry_of(const struct index_file *file)
{
    return (struct entry *)(uintptr_t)file;
}

/* wheel_metadata.c: ends what index_prefetch_archive began. */
void archive_stop(struct index *ix, struct entry *e);

/* A page of find-links. */
struct link_page {
    struct page_fetch fetch;
    struct index *ix;
    struct index_files files; /* until they go to those of all */
};

/* What find-links offers, read once. */
struct link_set {
    bool loaded;
    struct index_files files;
    struct arena strings; /* of the files */
    size_t charged;       /* what ix->held counts of them */
    struct link_page *pages;
    size_t page_count, finished;
    struct err err; /* a page that does not come concerns every name */
};

struct index {
    struct arena *a;
    struct http *http;
    struct index_settings settings;
    struct strmap projects;
    struct strmap pythons; /* Requires-Python as text: whether it fits */
    struct strmap every;   /* names of which all wheels are wanted */
    struct strmap sources; /* names of which source distributions are wanted beside wheels */
    TAILQ_HEAD(, page_fetch) asked;
    struct link_set links;
    struct entry *entries;
    size_t held; /* bytes that pages and metadata take, in ix->a and elsewhere */
};

/* Counts what a page's files take now, in place of *charged. ERR_INPUT when that is too much. */
int index_charge(struct index *ix, size_t *charged, size_t now, const char *page, struct err *err);
/* ERR_INPUT when so much is kept that nothing can be added, `what` for instance. */
int index_memory_check(const struct index *ix, const char *what, struct err *err);

/* page_fetch.c */
void page_fetch_start(struct index *ix, struct page_fetch *p, const char *url);
void page_fetch_end(struct index *ix, struct page_fetch *p); /* waits until it is found, absent or failed */
void page_fetch_stop(struct index *ix, struct page_fetch *p);
void page_fetch_absorb_done(struct index *ix); /* takes in every page that has come */

/* find_links.c: reads folders and asks for pages on the first call; waits for the pages. */
void links_start(struct index *ix);
int links_finish(struct index *ix, struct err *err);
void links_close(struct index *ix);

/* project.c */
/* Judges a file; false when it is none of this project. `quiet`: without debug lines. */
bool draft_make(struct index *ix, struct arena *strings, const char *project, const struct index_file *file,
                bool quiet, struct draft *out);
/* Puts releases together, newest first. */
void project_assemble(struct index *ix, struct drafts *drafts, struct index_project *out);
/* A wheel, or a source distribution whose name and version stand in file->wheel. */
struct entry *entry_make(struct index *ix, const struct index_file *file, struct err *err);

/* wheel_tail.c: METADATA out of an archive that is read piecemeal. */
struct archive {
    long long size;
    /* Reads up to len bytes at an offset inside the archive: how many, or negative. */
    long long (*read_at)(void *ctx, long long offset, char *to, size_t len, struct err *err);
    void *ctx;
};
int archive_metadata(const struct archive *archive, const struct index_file *file, struct buf *out,
                     struct err *err);
/* Through range requests; the first has been started. *unsupported: the server does no ranges. */
int tail_metadata(struct index *ix, struct entry *e, struct buf *out, bool *unsupported, struct err *err);
/* The range that holds the end of a wheel. */
const char *tail_range(struct arena *a, long long size);
