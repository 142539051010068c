/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/fetch.h"

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/fs.h"
#include "python/record.h"

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

static void unpack(struct session *s, struct running *run)
{
    struct fetch *job = run->job;
    char sha256[65];
    if (index_download_finish(s->index, run->download, sha256, &job->error) == 0) {
        struct stat st;
        job->downloaded = true;
        job->bytes = fstat(run->fd, &st) == 0 ? st.st_size : 0;
        if (unpacked_make(&s->memory, s->cache_dir, sha256, run->fd, job->file->name, &job->wheel,
                          &job->error) == 0)
            check_metadata(s, job);
    }
    run->download = NULL;
    close(steal_fd(&run->fd));
}

static bool in_cache(struct session *s, struct fetch *job)
{
    const char *sha256 = job->file->sha256;
    return sha256 && unpacked_open(&s->memory, s->cache_dir, sha256, true, &job->wheel, NULL) == 0 &&
           unpacked_is(&job->wheel, job->file->name);
}

/* Starts what has a place, at most so many files being open at once. */
enum { AT_ONCE = 32 };

int fetch_wheels(struct session *s, struct fetch *jobs, size_t count, struct err *err)
{
    struct running running[AT_ONCE];
    size_t active = 0, next = 0;
    if (count && session_index(s, err) < 0)
        return -1;
    for (size_t i = 0; i < AT_ONCE; i++)
        running[i] = (struct running){.fd = -1};
    const struct err *fatal = NULL;
    while (next < count || active) {
        for (size_t i = 0; i < AT_ONCE && next < count; i++) {
            if (running[i].download)
                continue;
            struct fetch *job = &jobs[next++];
            if (in_cache(s, job)) {
                check_metadata(s, job);
                i--;
                continue;
            }
            int fd = scratch_file(s, &job->error);
            if (fd < 0) {
                fatal = &job->error;
                continue;
            }
            running[i] = (struct running){job, index_download_start(s->index, job->file, fd), fd};
            active++;
        }
        bool moved = false;
        for (size_t i = 0; i < AT_ONCE; i++) {
            if (!running[i].download || !index_download_done(running[i].download))
                continue;
            unpack(s, &running[i]);
            if (running[i].job->error.text && concerns_all(&running[i].job->error))
                fatal = &running[i].job->error;
            active--;
            moved = true;
        }
        if (active && !moved)
            index_wait_any(s->index);
    }
    if (fatal)
        return err_set(err, fatal->kind, "%s", fatal->text);
    return 0;
}
