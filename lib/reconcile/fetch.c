/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/fetch.h"

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/fs.h"
#include "python/record.h"
#include "venv/lock_bytes.h"

#include <errno.h>
#include <fcntl.h>

/* A file without a name, so that nothing is left behind whatever happens. */
static int scratch_file(struct session *s, struct err *err)
{
    if (fs_mkdirs(s->cache_dir, err) < 0)
        return -1;
    int fd = open(s->cache_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    char *path = path_join(&s->memory, s->cache_dir,
                           ".download.XXXXXX"); /* overlay before 6.x, some network volumes */
    fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, errno, "cannot create a file in the cache %s", s->cache_dir);
    unlink(path);
    return fd;
}

/* The disk, not the wheel, is at fault: then every other job would fail as well. */
static bool concerns_all(const struct err *e)
{
    return e->kind == ERR_SYSTEM;
}

/* What was solved with has to be what is installed (PEP 658: the index may give metadata apart from the
 * wheel). */
static int check_metadata(struct session *s, struct fetch *job)
{
    const char *hex = index_metadata_sha256(job->file);
    const char *path = path_join(&s->memory, job->wheel.dist_info, "METADATA");
    unsigned char raw[DIGEST_SIZE];
    char expected[DIGEST_SIZE * 4 / 3 + 3];
    if (!hex || !hex_decode(text_of(hex), raw, sizeof raw))
        return 0;
    record_base64(raw, sizeof raw, expected);
    for (size_t i = 0; i < job->wheel.count; i++)
        if (strcmp(job->wheel.files[i].path, path) == 0 && strcmp(job->wheel.files[i].sha256, expected) == 0)
            return 0;
    return err_set(
        &job->error, ERR_INPUT,
        "the metadata that the index gives for %s is not the metadata in the wheel: one of them was tampered "
        "with or replaced; tell whoever runs the index",
        job->file->name);
}

struct running {
    struct fetch *job;
    struct index_download *download;
    int fd;
};

/* Whether the user's hashes let the file in, as far as its digests are known. */
static enum hashes_verdict judge(const struct fetch *job, const struct hashes **refusing)
{
    enum hashes_verdict verdict = HASHES_ALLOW;
    for (size_t i = 0; i < job->hash_count && verdict != HASHES_REFUSE; i++) {
        enum hashes_verdict one = index_file_judge(job->file, job->hashes[i]);
        *refusing = job->hashes[i];
        verdict = one == HASHES_ALLOW ? verdict : one;
    }
    return verdict;
}

static int check_hashes(struct session *s, struct fetch *job)
{
    const struct hashes *refusing = NULL;
    if (judge(job, &refusing) == HASHES_ALLOW)
        return 0;
    job->refused = true;
    return err_set(&job->error, ERR_INPUT, "%s has sha256:%s, and %s gives %s; it is not used",
                   job->file->name, index_file_digest(job->file, HASH_SHA256), refusing->from,
                   hashes_text(&s->memory, refusing));
}

static void unpack(struct session *s, struct running *run)
{
    struct fetch *job = run->job;
    char sha256[65];
    if (index_download_finish(s->index, run->download, sha256, &job->error) == 0) {
        struct stat st;
        job->downloaded = true;
        job->bytes = fstat(run->fd, &st) == 0 ? st.st_size : 0;
        if (check_hashes(s, job) == 0 &&
            (!job->locked || lock_bytes_check(run->fd, job->locked, &job->error) == 0) &&
            unpacked_make(&s->memory, s->cache_dir, sha256, run->fd, job->file->name, &job->wheel,
                          &job->error) == 0)
            check_metadata(s, job);
    }
    run->download = NULL;
    close(steal_fd(&run->fd));
}

static bool in_cache(struct session *s, struct fetch *job)
{
    const char *sha256 = index_file_digest(job->file, HASH_SHA256);
    for (size_t i = 0; i < job->hash_count; i++)
        if (!index_file_proves(job->file, job->hashes[i]))
            return false;
    return sha256 && index_file_is_known(job->file) &&
           unpacked_open(&s->memory, s->cache_dir, sha256, true, &job->wheel, NULL) == 0 &&
           unpacked_is(&job->wheel, job->file->name);
}

/* So many files are open at once; the connections are fewer. */
enum { AT_ONCE = 32 };

struct batch {
    struct session *s;
    struct fetch **jobs; /* those that have to be downloaded */
    size_t count, next;
    struct running running[AT_ONCE];
    size_t active;
    const struct err *fatal;
};

/* What the cache has needs no download. */
static void look_in_cache(struct batch *b, struct fetch *jobs, size_t count)
{
    long long bytes = 0;
    b->jobs = arena_array(&b->s->memory, count, sizeof *b->jobs);
    for (size_t i = 0; i < count; i++) {
        if (in_cache(b->s, &jobs[i])) {
            check_metadata(b->s, &jobs[i]);
            continue;
        }
        b->jobs[b->count++] = &jobs[i];
        bytes += jobs[i].file->size > 0 ? jobs[i].file->size : 0;
    }
    if (!b->count)
        return;
    struct buf size cleanup_buf = BUF_INIT;
    if (bytes)
        buf_printf(&size, " (%.1f MB)", (double)bytes / 1e6);
    log_info("downloading %zu wheel%s%s", b->count, b->count == 1 ? "" : "s", buf_cstr(&size));
}

static void start_some(struct batch *b)
{
    for (size_t i = 0; i < AT_ONCE && b->next < b->count; i++) {
        struct running *run = &b->running[i];
        if (run->download)
            continue;
        struct fetch *job = b->jobs[b->next++];
        for (size_t k = 0; k < job->hash_count; k++)
            index_file_want(job->file, hashes_algorithms(job->hashes[k]));
        int fd = scratch_file(b->s, &job->error);
        if (fd < 0) {
            b->fatal = &job->error;
            continue;
        }
        *run = (struct running){job, index_download_start(b->s->index, job->file, fd), fd};
        b->active++;
    }
}

/* Unpacks what has come. False when nothing has. */
static bool take_some(struct batch *b)
{
    bool moved = false;
    for (size_t i = 0; i < AT_ONCE; i++) {
        struct running *run = &b->running[i];
        if (!run->download || !index_download_done(run->download))
            continue;
        unpack(b->s, run);
        if (run->job->error.text && concerns_all(&run->job->error))
            b->fatal = &run->job->error;
        b->active--;
        moved = true;
    }
    return moved;
}

int fetch_wheels(struct session *s, struct fetch *jobs, size_t count, struct err *err)
{
    struct batch b = {.s = s};
    if (count && session_index(s, err) < 0)
        return -1;
    look_in_cache(&b, jobs, count);
    while (b.next < b.count || b.active) {
        start_some(&b);
        if (b.active && !take_some(&b))
            index_wait_any(s->index);
    }
    return b.fatal ? err_set(err, b.fatal->kind, "%s", b.fatal->text) : 0;
}
