/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/baked.h"

#include "base/crypto.h"
#include "base/digest.h"
#include "base/fs.h"
#include "reconcile/locked.h"
#include "venv/toml.h"

#include <errno.h>
#include <stdio.h>

/* Readable by whoever the container runs as, whatever umask the image is built with. */
enum { FILE_MODE = 0644, FOLDER_MODE = 0755 };

static const char staging_name[] = "bake";

static const char *place(const struct baked *b, const char *name)
{
    return path_join(&b->s->memory, b->folder, name);
}

static const char *parent_of(struct arena *a, const char *path)
{
    size_t end = (size_t)(path_base(path) - path);
    return arena_strndup(a, path, end > 1 ? end - 1 : 1);
}

/* ---- what is there */

static int read_earlier(struct baked *b, struct err *err)
{
    struct session *s = b->s;
    struct buf bytes cleanup_buf = BUF_INIT;
    struct err why cleanup_err = ERR_INIT;
    const char *path = place(b, BAKED_LOCK);
    bool fault = true;
    if (fs_read(AT_FDCWD, path, TOML_LIMIT, &bytes, &why) < 0 && why.sysno == ENOENT)
        return 0;
    if (!why.text)
        (void)locked_parse(s, buf_view(&bytes), path, &b->earlier, &fault, &why);
    if (why.text && !fault)
        return err_move(err, &why);
    if (b->earlier.baked && !why.text)
        return 0;
    return err_set(err, ERR_USAGE,
                   "%s is there, and `bake` did not write it; nothing is changed: name another folder, or "
                   "remove it",
                   path);
}

static const char *sha256_of(const struct lock_file *f)
{
    for (size_t i = 0; i < f->hash_count; i++)
        if (strcmp(f->hashes[i].algorithm, "sha256") == 0)
            return f->hashes[i].hex;
    return NULL;
}

/* The wheel that a package of the earlier bake is; NULL where it is none in this folder. */
static const struct lock_file *wheel_of(const struct lock_package *p)
{
    const struct lock_file *f = p->kind == LOCK_WHEELS && p->wheel_count ? &p->wheels[0] : p->file;
    bool ours = f && f->path && !strchr(f->path, '/') && text_ends(text_of(f->path), T(".whl"));
    return ours ? f : NULL;
}

static bool was_found(const struct baked *b, const char *name)
{
    for (size_t i = 0; i < b->earlier.found_count; i++)
        if (strcmp(b->earlier.found[i], name) == 0)
            return true;
    return false;
}

static bool is_of_earlier(const struct baked *b, const char *name)
{
    for (size_t i = 0; i < b->earlier.package_count && !was_found(b, name); i++) {
        const struct lock_file *f = wheel_of(&b->earlier.packages[i]);
        if (f && strcmp(f->path, name) == 0)
            return true;
    }
    return false;
}

/* ---- the folder */

static bool is_staging(const char *name, const void *data)
{
    (void)data;
    return strcmp(name, staging_name) == 0;
}

static int find_above(struct baked *b, struct err *err)
{
    struct stat st;
    b->above = b->folder;
    while (stat(b->above, &st) < 0 && (errno == ENOENT || errno == ENOTDIR) && b->above[1])
        b->above = parent_of(&b->s->memory, b->above);
    if (stat(b->above, &st) < 0)
        return err_sys(err, errno, "cannot open %s", b->above);
    if (!S_ISDIR(st.st_mode))
        return err_set(err, ERR_USAGE, "%s is no folder", b->above);
    return 0;
}

/* The folder, with those above it that are missing. */
static int make_folder(struct baked *b, struct err *err)
{
    if (fs_mkdirs(b->folder, err) < 0)
        return -1;
    for (const char *made = b->folder; strcmp(made, b->above) != 0; made = parent_of(&b->s->memory, made))
        if (chmod(made, FOLDER_MODE) < 0)
            log_debug("%s keeps its mode: %s", made, strerror(errno));
    cleanup_close int fd = fs_open_dir(AT_FDCWD, path_join(&b->s->memory, b->folder, "."), err);
    if (fd < 0)
        return -1;
    fs_sweep(fd, S_IFDIR, is_staging, NULL);
    return 0;
}

int baked_open(struct baked *b, struct session *s, const char *folder, struct err *err)
{
    *b = (struct baked){.s = s, .folder = path_absolute(&s->memory, folder), .staging_lock = -1};
    if (find_above(b, err) < 0 || read_earlier(b, err) < 0 || make_folder(b, err) < 0)
        return -1;
    b->staging_lock = fs_new_dir(&s->memory, place(b, staging_name), &b->staging, err);
    if (b->staging_lock < 0) {
        b->staging = NULL;
        return -1;
    }
    s->archives = b->staging;
    s->output_folder = b->folder;
    s->output_above = b->above;
    return 0;
}

void baked_close(struct baked *b)
{
    struct err err cleanup_err = ERR_INIT;
    if (b->staging && fs_remove_tree(AT_FDCWD, b->staging, &err) < 0)
        log_warning("left behind: %s", err.text);
    cleanup_close_fn(&b->staging_lock);
    for (const char *made = b->folder; !b->done && made && b->above && strcmp(made, b->above) != 0;
         made = parent_of(&b->s->memory, made))
        if (rmdir(made) < 0)
            break; /* it was not made yet, or somebody else put something there */
    array_free(&b->wheels);
    array_free(&b->staged);
    if (b->s)
        b->s->archives = NULL;
}

/* ---- wheels */

static int measure(const char *path, const char *name, char sha256[65], long long *size, struct err *err)
{
    struct stat st;
    char hex[CRYPTO_HEX];
    cleanup_close int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(err, errno, "cannot open %s", path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_INPUT, "%s is no file", path);
    if (crypto_digest_file(fd, "sha256", name, hex, err) < 0)
        return -1;
    memcpy(sha256, hex, DIGEST_HEX);
    *size = st.st_size;
    return 0;
}

/* 1: these bytes are there already, as they should be. */
static int look_at_place(const struct baked *b, const char *name, const char *sha256, struct err *err)
{
    struct stat st;
    const char *path = place(b, name);
    char there[DIGEST_HEX];
    long long size;
    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : err_sys(err, errno, "cannot open %s", path);
    bool same = measure(path, name, there, &size, NULL) == 0 && strcmp(there, sha256) == 0;
    if (same && (st.st_mode & FILE_MODE) == FILE_MODE)
        return 1;
    if (same || (S_ISREG(st.st_mode) && is_of_earlier(b, name)))
        return 0;
    return err_set(err, ERR_USAGE,
                   "%s is there, and `bake` did not write it; nothing is changed: name another folder, or "
                   "remove it",
                   path);
}

/* All that rename(2) leaves to do, with the name it will have. */
static int finish_file(const struct baked *b, const char *from, const char *name, struct err *err)
{
    const char *to = path_join(&b->s->memory, b->staging, name);
    cleanup_close int fd = open(from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, errno, "cannot open %s", from);
    if (fs_set_mode(fd, FILE_MODE, from, err) < 0)
        return -1;
    if (fsync(fd) < 0)
        return err_sys(err, errno, "cannot sync %s", from);
    return strcmp(from, to) == 0 || rename(from, to) == 0 ? 0 : err_sys(err, errno, "cannot rename %s", from);
}

int baked_add(struct baked *b, const char *from, const char *expected, struct lock_wheel *wheel,
              struct err *err)
{
    struct arena *a = &b->s->memory;
    const char *name = wheel->name;
    char *sha256 = arena_alloc(a, DIGEST_HEX);
    if (measure(from, name, sha256, &wheel->size, err) < 0)
        return -1;
    if (expected && strcmp(expected, sha256) != 0)
        return err_set(err, ERR_SYSTEM, "%s is no longer what was downloaded", from);
    int there = look_at_place(b, name, sha256, err);
    if (there < 0 || (!there && finish_file(b, from, name, err) < 0))
        return -1;
    wheel->sha256 = sha256;
    wheel->found = fs_exists(AT_FDCWD, place(b, name)) && !is_of_earlier(b, name);
    array_push(&b->wheels, arena_strdup(a, name));
    if (!there)
        array_push(&b->staged, arena_strdup(a, name));
    b->bytes += wheel->size;
    return 0;
}

/* ---- the end */

static int stage_lock(struct baked *b, struct text lock, struct err *err)
{
    struct arena *a = &b->s->memory;
    char sha256[DIGEST_HEX];
    const char *path = path_join(a, b->staging, BAKED_LOCK);
    struct stat st;
    digest_hex(lock, sha256);
    char there[DIGEST_HEX];
    long long size;
    if (lstat(place(b, BAKED_LOCK), &st) == 0 && (st.st_mode & FILE_MODE) == FILE_MODE &&
        measure(place(b, BAKED_LOCK), BAKED_LOCK, there, &size, NULL) == 0 && strcmp(there, sha256) == 0)
        return 0;
    if (fs_write(AT_FDCWD, path, lock, FILE_MODE, false, err) < 0 ||
        finish_file(b, path, BAKED_LOCK, err) < 0)
        return -1;
    array_push(&b->staged, arena_strdup(a, BAKED_LOCK)); /* the last */
    return 0;
}

static void remove_old(const struct baked *b, const struct lock_file *f)
{
    char sha256[DIGEST_HEX];
    long long size;
    const char *path = place(b, f->path), *expected = sha256_of(f);
    struct err why cleanup_err = ERR_INIT;
    array_each (&b->wheels, name)
        if (strcmp(*name, f->path) == 0)
            return;
    if (measure(path, f->path, sha256, &size, &why) < 0 && why.sysno == ENOENT)
        return;
    if (why.text || !expected || strcmp(sha256, expected) != 0)
        log_warning("%s is left: it is no longer what an earlier bake wrote", path);
    else if (unlink(path) < 0)
        log_warning("%s is left: %s", path, strerror(errno));
}

/* The lock comes last: until then it is the earlier bake's that counts, and what is new is in nobody's way.
 */
static int put_in_place(const struct baked *b, struct err *err)
{
    struct arena *a = &b->s->memory;
    struct strings fresh cleanup_strings = {0};
    array_each (&b->staged, name) {
        const char *to = place(b, *name);
        bool was_there = fs_exists(AT_FDCWD, to);
        if (rename(path_join(a, b->staging, *name), to) < 0) {
            err_sys(err, errno, "cannot rename %s to %s", *name, to);
            array_each (&fresh, gone)
                (void)!unlink(place(b, *gone));
            return -1;
        }
        if (!was_there)
            array_push(&fresh, *name);
    }
    return 0;
}

int baked_commit(struct baked *b, struct text lock, struct err *err)
{
    if (stage_lock(b, lock, err) < 0 || put_in_place(b, err) < 0)
        return -1;
    b->done = true;
    if (fs_sync_dir(b->folder, err) < 0)
        return -1;
    for (size_t i = 0; i < b->earlier.package_count; i++) {
        const struct lock_file *f = wheel_of(&b->earlier.packages[i]);
        if (f && !was_found(b, f->path))
            remove_old(b, f);
    }
    return 0;
}
