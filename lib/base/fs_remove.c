/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"
#include "base/stopwatch.h"
#include "base/thread.h"

#include <errno.h>
#include <string.h>
#include <sys/queue.h>

/* Another thread is worth its start where entries take so long (file systems that are far away; it is a
 * microsecond or two where they are near), and so many folders wait. */
enum { TIMED = 64, SLOW_NS = 10000, WORTH_A_THREAD = 8 };

/* Open from when it is read until all that was in it is gone. */
struct folder {
    struct folder *up; /* NULL at the top */
    DIR *dir;
    size_t left; /* what still keeps it: the folders in it, and that it is being read itself */
    SLIST_ENTRY(folder) link;
    char name[];
};

struct removal {
    int at;               /* the descriptor that the top's name is relative to */
    pthread_mutex_t lock; /* of all below, and of `left` */
    pthread_cond_t changed;
    SLIST_HEAD(, folder) waiting; /* the last found comes first: few are open at once */
    size_t waiting_count, at_work;
    pthread_t threads[THREAD_LIMIT - 1];
    size_t started;
    size_t timed; /* entries, in so many nanoseconds: */
    long long time_ns;
    bool failed;
    struct err error;
};

static int parent_of(const struct removal *r, const struct folder *f)
{
    return f->up ? dirfd(f->up->dir) : r->at;
}

static void print_path(struct buf *to, const struct folder *f)
{
    if (f->up) {
        print_path(to, f->up);
        buf_char(to, '/');
    }
    buf_str(to, f->name);
}

/* `name`: in f, or NULL for f itself. */
static void fail(struct removal *r, const struct folder *f, const char *what, const char *name)
{
    int sysno = errno;
    struct buf path cleanup_buf = BUF_INIT;
    print_path(&path, f);
    pthread_mutex_lock(&r->lock);
    if (!r->failed)
        err_sys(&r->error, sysno, "cannot %s %s%s%s", what, buf_cstr(&path), name ? "/" : "",
                name ? name : "");
    r->failed = true;
    pthread_mutex_unlock(&r->lock);
}

static bool has_failed(struct removal *r)
{
    pthread_mutex_lock(&r->lock);
    bool failed = r->failed;
    pthread_mutex_unlock(&r->lock);
    return failed;
}

static void *help(void *context);

/* The lock is held. */
static void push(struct removal *r, struct folder *f)
{
    SLIST_INSERT_HEAD(&r->waiting, f, link);
    r->waiting_count++;
    bool slow = r->timed >= TIMED && r->time_ns / (long long)r->timed > SLOW_NS;
    if (slow && r->waiting_count > WORTH_A_THREAD && r->started < sizeof r->threads / sizeof *r->threads &&
        thread_start(&r->threads[r->started], help, r) == 0)
        r->started++;
    pthread_cond_signal(&r->changed);
}

static struct folder *folder_new(struct folder *up, const char *name)
{
    size_t size = strlen(name) + 1;
    struct folder *f = xcalloc(1, sizeof *f + size);
    f->up = up;
    f->left = 1;
    memcpy(f->name, name, size);
    return f;
}

static void found_folder(struct removal *r, struct folder *up, const char *name)
{
    struct folder *f = folder_new(up, name);
    pthread_mutex_lock(&r->lock);
    up->left++;
    push(r, f);
    pthread_mutex_unlock(&r->lock);
}

/* -1 with errno. Folders that their owner may not read or change are made so. */
static int open_folder(int dirfd, const char *name)
{
    enum { FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };
    struct stat st;
    int fd = openat(dirfd, name, FLAGS);
    if (fd < 0 && errno == EACCES && fchmodat(dirfd, name, 0700, 0) == 0)
        fd = openat(dirfd, name, FLAGS);
    if (fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & 0700) != 0700)
        (void)!fchmod(fd, 0700);
    return fd;
}

/* Returns how many entries it had. */
static size_t empty_folder(struct removal *r, struct folder *f)
{
    size_t seen = 0;
    cleanup_close int fd = open_folder(parent_of(r, f), f->name);
    if (fd < 0) {
        if (errno != ENOENT)
            fail(r, f, "open folder", NULL);
        return seen;
    }
    f->dir = fdopendir(fd);
    if (!f->dir) {
        fail(r, f, "read folder", NULL);
        return seen;
    }
    steal_fd(&fd);
    struct dirent *entry;
    while ((errno = 0, entry = readdir(f->dir))) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            continue;
        seen++;
        if (entry->d_type == DT_DIR) {
            found_folder(r, f, name);
        } else if (unlinkat(dirfd(f->dir), name, 0) < 0 && errno != ENOENT) {
            if (errno != EISDIR) {
                fail(r, f, "remove", name);
                return seen;
            }
            found_folder(r, f, name);
        }
    }
    if (errno)
        fail(r, f, "read folder", NULL);
    return seen;
}

static void time_emptying(struct removal *r, struct folder *f)
{
    long long start = stopwatch_ns();
    size_t seen = empty_folder(r, f);
    pthread_mutex_lock(&r->lock);
    r->time_ns += stopwatch_ns() - start;
    r->timed += seen;
    pthread_mutex_unlock(&r->lock);
}

/* Whoever takes away the last that keeps a folder removes it. */
static void let_go(struct removal *r, struct folder *f)
{
    while (f) {
        pthread_mutex_lock(&r->lock);
        bool last = --f->left == 0;
        pthread_mutex_unlock(&r->lock);
        if (!last)
            return;
        if (f->dir)
            closedir(f->dir);
        if (!has_failed(r) && unlinkat(parent_of(r, f), f->name, AT_REMOVEDIR) < 0 && errno != ENOENT)
            fail(r, f, "remove folder", NULL);
        struct folder *up = f->up;
        free(f);
        f = up;
    }
}

static void work(struct removal *r)
{
    pthread_mutex_lock(&r->lock);
    for (;;) {
        struct folder *f = SLIST_FIRST(&r->waiting);
        if (!f && !r->at_work)
            break;
        if (!f) {
            pthread_cond_wait(&r->changed, &r->lock);
            continue;
        }
        SLIST_REMOVE_HEAD(&r->waiting, link);
        r->waiting_count--;
        r->at_work++;
        bool failed = r->failed;
        pthread_mutex_unlock(&r->lock);
        if (!failed)
            time_emptying(r, f);
        let_go(r, f);
        pthread_mutex_lock(&r->lock);
        r->at_work--;
    }
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

static void *help(void *context)
{
    work(context);
    return NULL;
}

int fs_remove_tree(int dirfd, const char *path, struct err *err)
{
    if (unlinkat(dirfd, path, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return err_sys(err, errno, "cannot remove %s", path);
    struct removal r = {.at = dirfd, .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    SLIST_INIT(&r.waiting);
    struct folder *top = folder_new(NULL, path); /* not in the macro, which has its argument twice */
    SLIST_INSERT_HEAD(&r.waiting, top, link);
    r.waiting_count = 1;
    work(&r);
    while (r.started)
        pthread_join(r.threads[--r.started], NULL);
    return r.failed ? err_move(err, &r.error) : 0;
}
