/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/unpacked.h"

#include "base/digest.h"
#include "base/fs.h"
#include "base/log.h"
#include "venv/hasher.h"
#include "venv/tree.h"
#include "venv/unpack.h"
#include "venv/unpacked_list.h"

#include <errno.h>
#include <stdio.h>

enum { LIST_LIMIT = 256 << 20, METADATA_LIMIT = 16 << 20, ATTEMPTS = 4, READ_SIZE = 64 << 10 };

/* ---- opening */

/* A kubelet that gives a volume to a group (fsGroup) lets the group read and write all files that it finds
 * there, at each start of a pod. That takes nothing away from what is installed from them. */
static bool same_mode(unsigned now, unsigned listed)
{
    return now == listed || now == (listed | S_IRGRP | S_IWGRP);
}

const char *unpacked_difference(int dirfd, const char *name, const struct unpacked_file *f)
{
    struct stat st;
    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return "is missing";
    if (!S_ISREG(st.st_mode))
        return "is no file";
    if (st.st_size != f->size)
        return "has another size";
    if (st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec != f->mtime_ns)
        return "has another time";
    return same_mode(st.st_mode & 07777, f->mode) ? NULL : "has another mode";
}

static int verify(const char *dir, const struct unpacked *u, struct err *err)
{
    cleanup_free char *path = xasprintf("%s/tree", dir);
    cleanup_close int tree = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (tree < 0)
        return err_set(err, ERR_INPUT, "its tree is missing");
    for (size_t i = 0; i < u->count; i++) {
        const char *how = unpacked_difference(tree, u->files[i].path, &u->files[i]);
        if (how)
            return err_set(err, ERR_INPUT, "%s %s", u->files[i].path, how);
    }
    return 0;
}

/* Reads the list into the arena. ERR_NOT_FOUND when there is none. */
static int load(struct arena *a, int dirfd, const char *dir, const char *key, struct unpacked *out,
                struct err *err)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    cleanup_free char *path = xasprintf("%s/list", dir);
    struct err failed cleanup_err = ERR_INIT;
    if (fs_read(dirfd, path, LIST_LIMIT, &bytes, &failed) < 0) {
        if (failed.sysno == ENOENT || failed.sysno == ENOTDIR)
            return err_set(err, ERR_NOT_FOUND, "%s is not there", path);
        return err_move(err, &failed);
    }
    char *kept = arena_alloc(a, bytes.len + 1);
    if (bytes.len)
        memcpy(kept, bytes.ptr, bytes.len);
    if (unpacked_list_parse(a, kept, bytes.len, out, err) < 0)
        return -1;
    if (strcmp(out->sha256, key) != 0)
        return err_set(err, ERR_INPUT, "the list of files is that of another wheel");
    return 0;
}

int unpacked_read(struct arena *a, int folder, const char *key, struct unpacked *out, struct err *err)
{
    return load(a, folder, key, key, out, err);
}

int unpacked_remove(int folder, const char *key, struct err *err)
{
    struct arena a cleanup_arena = ARENA_INIT;
    const char *aside = fs_new_name(&a, key);
    if (renameat(folder, key, folder, aside) < 0)
        return errno == ENOENT ? 0 : err_sys(err, errno, "cannot rename %s", key);
    return fs_remove_tree(folder, aside, err);
}

/* Wherever the folder is: the entry that comes in its place goes there as well. */
static void discard(const char *cache_dir, const char *dir, const char *key, const char *why)
{
    struct err err cleanup_err = ERR_INIT;
    cleanup_free char *unpacked = xasprintf("%s/unpacked", cache_dir);
    cleanup_close int folder = open(unpacked, O_PATH | O_DIRECTORY | O_CLOEXEC);
    log_warning("the unpacked wheel %s in the cache is thrown away: %s", dir, why);
    if (unpacked_remove(folder, key, &err) < 0)
        log_warning("in %s: %s", unpacked, err.text);
}

int unpacked_open(struct arena *a, const char *cache_dir, const char *key, bool check, struct unpacked *out,
                  struct err *err)
{
    struct err why cleanup_err = ERR_INIT;
    struct unpacked u = {0};
    if (!digest_is_name(key, ""))
        return err_set(err, ERR_INPUT, "%s is no SHA-256", key);
    char *dir = arena_printf(a, "%s/unpacked/%s", cache_dir, key);
    if (load(a, AT_FDCWD, dir, key, &u, &why) < 0 || (check && verify(dir, &u, &why) < 0)) {
        if (why.kind != ERR_INPUT)
            return err_move(err, &why);
        discard(cache_dir, dir, key, why.text);
        return err_set(err, ERR_NOT_FOUND, "the unpacked wheel %s was damaged", dir);
    }
    u.dir = dir;
    *out = u;
    return 0;
}

static int hash_file(struct hasher *h, int fd, const char *path, char digest[HASHER_SHA256_BASE64],
                     struct err *err)
{
    char buffer[READ_SIZE];
    ssize_t n = fd < 0 ? -1 : 1;
    if (hasher_begin(h, NULL, err) < 0)
        return -1;
    while (n > 0 || (fd >= 0 && n < 0 && errno == EINTR)) {
        n = read(fd, buffer, sizeof buffer);
        if (n > 0 && hasher_add(h, (struct text){buffer, (size_t)n}, err) < 0)
            return -1;
    }
    return n < 0 ? err_set(err, ERR_INPUT, "%s cannot be read: %s", path, strerror(errno))
                 : hasher_end(h, digest, NULL, err);
}

static int verify_bytes(const struct unpacked *u, struct err *err)
{
    struct hasher *h cleanup_hasher = hasher_new(err);
    cleanup_free char *path = xasprintf("%s/tree", u->dir);
    cleanup_close int tree = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (!h)
        return -1;
    for (size_t i = 0; i < u->count; i++) {
        char digest[HASHER_SHA256_BASE64];
        cleanup_close int fd = openat(tree, u->files[i].path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (hash_file(h, fd, u->files[i].path, digest, err) < 0)
            return -1;
        if (strcmp(digest, u->files[i].sha256) != 0)
            return err_set(err, ERR_INPUT, "%s was changed", u->files[i].path);
    }
    return 0;
}

int unpacked_verify(const char *cache_dir, const struct unpacked *u, struct err *err)
{
    struct err why cleanup_err = ERR_INIT;
    if (verify_bytes(u, &why) == 0)
        return 0;
    if (why.kind != ERR_INPUT)
        return err_move(err, &why);
    discard(cache_dir, u->dir, u->sha256, why.text);
    return err_set(err, ERR_NOT_FOUND, "the unpacked wheel %s was damaged", u->dir);
}

bool unpacked_is(const struct unpacked *u, const char *file_name)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct wheel_name name;
    return wheel_name_parse(&a, text_of(file_name), &name, NULL) == 0 &&
           wheel_info_is(&a, text_of(u->dist_info), &name);
}

bool unpacked_is_whole(const struct unpacked *u)
{
    cleanup_free char *list = xasprintf("%s/list", u->dir);
    return access(list, F_OK) == 0 && verify(u->dir, u, NULL) == 0;
}

int unpacked_metadata(struct arena *a, const struct unpacked *u, const struct metadata **out, struct err *err)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    struct metadata *m = arena_new(a, struct metadata);
    cleanup_free char *path = xasprintf("%s/tree/%s/METADATA", u->dir, u->dist_info);
    if (fs_read(AT_FDCWD, path, METADATA_LIMIT, &bytes, err) < 0 ||
        metadata_parse(a, buf_view(&bytes), m, err) < 0)
        return -1;
    *out = m;
    return 0;
}

/* ---- making */

/* A folder of our own beside the entries, locked for as long as it is being filled. */
struct staging {
    char *path;
    int fd;
};

static void staging_free(struct staging *s)
{
    struct err ignored cleanup_err = ERR_INIT;
    if (s->fd >= 0 && fs_remove_tree(AT_FDCWD, s->path, &ignored) < 0)
        log_debug("left behind: %s", ignored.text);
    if (s->fd >= 0)
        close(s->fd);
}
#define cleanup_staging __attribute__((cleanup(staging_free)))

static int compare_paths(const void *a, const void *b)
{
    const struct unpacked_file *x = a, *y = b;
    return strcmp(x->path, y->path);
}

/* Fills the staging folder: the tree, and its list last. */
static int fill(struct arena *a, const struct staging *s, const char *key, int archive_fd, const char *name,
                struct unpacked *u, struct err *err)
{
    struct archive archive;
    struct wheel_contents contents = {0};
    if (archive_open(a, archive_fd, &archive, err) < 0)
        return err_wrap(err, "%s", name);
    struct archive_reader *reader cleanup_archive_reader = archive_reader_new(&archive);
    if (wheel_check(a, &archive, reader, text_of(name), &contents, err) < 0)
        return err_wrap(err, "%s", name);
    if (mkdirat(s->fd, "tree", 0777) < 0)
        return err_sys(err, errno, "cannot create folder %s/tree", s->path);
    cleanup_close int tree = openat(s->fd, "tree", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (tree < 0)
        return err_sys(err, errno, "cannot open folder %s/tree", s->path);
    *u = (struct unpacked){.sha256 = key,
                           .dist_info = contents.dist_info,
                           .data_dir = contents.data_dir,
                           .root_is_purelib = contents.root_is_purelib,
                           .files = arena_array(a, archive.count, sizeof *u->files)};
    if (unpack_files(a, &archive, &contents, tree, u->files, &u->count, err) < 0)
        return err_wrap(err, "%s", name);
    qsort(u->files, u->count, sizeof *u->files, compare_paths);
    struct buf list cleanup_buf = BUF_INIT;
    if (unpacked_list_write(&list, u, err) < 0)
        return -1;
    return tree_write(s->fd, "list", buf_view(&list), false, err);
}

int unpacked_make(struct arena *a, const char *cache_dir, const char *key, int archive, const char *name,
                  struct unpacked *out, struct err *err)
{
    struct err failed cleanup_err = ERR_INIT;
    struct staging staging cleanup_staging = {.fd = -1};
    struct unpacked u = {0};
    if (unpacked_open(a, cache_dir, key, true, out, &failed) == 0)
        return unpacked_is(out, name)
                   ? 0
                   : err_set(err, ERR_INPUT, "%s: it is %s, whatever its name says", name, out->dist_info);
    if (failed.kind != ERR_NOT_FOUND)
        return err_move(err, &failed);
    char *dir = arena_printf(a, "%s/unpacked/%s", cache_dir, key);
    staging.fd = fs_new_dir(a, dir, &staging.path, err);
    if (staging.fd < 0 || fill(a, &staging, key, archive, name, &u, err) < 0)
        return -1;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        if (rename(staging.path, dir) == 0) {
            close(steal_fd(&staging.fd));
            u.sha256 = arena_strdup(a, key);
            u.dir = dir;
            *out = u;
            return 0;
        }
        if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
            return err_sys(err, errno, "cannot rename %s to %s", staging.path, dir);
        /* Somebody was first. Theirs is as good, unless it turns out damaged, or is no entry at all. */
        if (unpacked_open(a, cache_dir, key, true, out, &failed) == 0)
            return 0;
        if (failed.kind != ERR_NOT_FOUND)
            return err_move(err, &failed);
        if (access(dir, F_OK) == 0)
            discard(cache_dir, dir, key, "it has no list of files");
    }
    return err_set(err, ERR_SYSTEM, "somebody keeps putting damaged entries at %s", dir);
}

/* ---- sweeping */

static bool is_key(const char *name, const void *data)
{
    (void)data;
    return digest_is_name(name, "");
}

void unpacked_sweep(int folder)
{
    fs_sweep(folder, S_IFDIR, is_key, NULL);
}
