/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"
#include "base/log.h"
#include "dev/left_out.h"
#include "dev/source_walk.h"
#include "dev/watch_private.h"

#include <errno.h>
#include <stdint.h>
#include <sys/inotify.h>
#include <sys/vfs.h>

/* IN_ATTRIB: a file that LocalStack was not allowed to read may be readable now. */
enum {
    EVENTS = IN_CREATE | IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
             IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR,
    ROOM = 16 << 10,
};

/* Only what is known to tell of every change: whoever else writes to a shared file system (Docker Desktop's
 * are FUSE, virtiofs and fakeowner; NFS, SMB, 9p) does so behind the kernel's back. */
static bool tells(const char *folder)
{
    static const uint32_t types[] = {
        0xEF53 /* ext2 to ext4 */, 0x58465342 /* xfs */,      0x9123683E /* btrfs */,
        0x794C7630 /* overlay */,  0x01021994 /* tmpfs */,    0x858458F6 /* ramfs */,
        0xF2F52010 /* f2fs */,     0x2FC12FC1 /* zfs */,      0xCA451A4E /* bcachefs */,
        0x3153464A /* jfs */,      0x52654973 /* reiserfs */, 0x3434 /* nilfs */,
        0x73717368 /* squashfs */, 0xE0F5E1E2 /* erofs */,    0x9660 /* iso9660 */,
    };
    struct statfs fs;
    if (statfs(folder, &fs) < 0)
        return true; /* it is gone, or who opens it next says what is wrong */
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if ((uint32_t)fs.f_type == types[i])
            return true;
    return false;
}

/* ---- the folders that are watched */

/* The index of the first whose descriptor is not smaller. */
static size_t find(const struct watch *w, int descriptor)
{
    size_t low = 0, high = w->dirs.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (w->dirs.items[middle].descriptor < descriptor)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct watched_dir *lookup(struct watch *w, int descriptor)
{
    size_t i = find(w, descriptor);
    return i < w->dirs.count && w->dirs.items[i].descriptor == descriptor ? &w->dirs.items[i] : NULL;
}

static void remove_dir(struct watch *w, size_t i)
{
    free(w->dirs.items[i].path);
    w->dirs.count--;
    memmove(w->dirs.items + i, w->dirs.items + i + 1, (w->dirs.count - i) * sizeof *w->dirs.items);
}

/* The kernel has one watch for a folder, whatever path led to it: that of the last one is where it is now. */
static void remember(struct watch *w, int descriptor, size_t root, const char *path)
{
    size_t i = find(w, descriptor);
    if (i == w->dirs.count || w->dirs.items[i].descriptor != descriptor) {
        array_push(&w->dirs, (struct watched_dir){0});
        memmove(w->dirs.items + i + 1, w->dirs.items + i, (w->dirs.count - 1 - i) * sizeof *w->dirs.items);
    } else {
        free(w->dirs.items[i].path);
    }
    w->dirs.items[i] = (struct watched_dir){descriptor, root, xstrdup(path)};
}

/* NULL for the path: all of the root. */
static void forget(struct watch *w, size_t root, const char *path)
{
    struct text above = text_of(path);
    for (size_t i = w->dirs.count; i-- > 0;) {
        const struct watched_dir *dir = &w->dirs.items[i];
        struct text here = text_of(dir->path);
        bool below =
            !path || (text_starts(here, above) && (here.len == above.len || here.ptr[above.len] == '/'));
        if (dir->root != root || !below)
            continue;
        inotify_rm_watch(w->notify, dir->descriptor);
        remove_dir(w, i);
    }
}

void notify_forget(struct watch *w, size_t root)
{
    forget(w, root, NULL);
}

/* ---- watching a tree */

struct addition {
    struct watch *w;
    size_t root;
    bool fresh;
};

static int add_folder(void *context, const char *path)
{
    const struct addition *a = context;
    struct watch *w = a->w;
    bool top = strcmp(path, w->roots.items[a->root].folder) == 0;
    if (!tells(path)) {
        errno = EOPNOTSUPP;
        return -1;
    }
    int descriptor = inotify_add_watch(w->notify, path, EVENTS | (top ? 0 : IN_DONT_FOLLOW));
    if (descriptor >= 0)
        remember(w, descriptor, a->root, path);
    else if (top || errno == ENOSPC || errno == ENOMEM)
        return -1;
    else
        log_debug("changes in %s are not seen: %s", path, strerror(errno));
    return 0;
}

static void add_file(void *context, const char *path)
{
    const struct addition *a = context;
    if (a->fresh)
        burst_add(a->w, a->root, path, true, true);
}

int notify_add(struct watch *w, size_t root, const char *path, bool fresh)
{
    struct addition addition = {w, root, fresh};
    const struct source_walk walk = {add_folder, add_file, &addition};
    if (w->notify < 0)
        w->notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (w->notify < 0)
        return -1;
    return source_walk(&walk, path, strcmp(path, w->roots.items[root].folder) == 0);
}

bool notify_is_no_use(int sysno)
{
    return sysno == EOPNOTSUPP || sysno == ENOSPC || sysno == ENOMEM || sysno == EMFILE || sysno == ENFILE ||
           sysno == ENOSYS;
}

void notify_close(struct watch *w)
{
    array_each (&w->dirs, dir)
        free(dir->path);
    array_free(&w->dirs);
    if (w->notify >= 0)
        close(steal_fd(&w->notify));
}

/* ---- what has happened */

static void take_folder(struct watch *w, size_t root, const char *path, uint32_t what)
{
    if (what & (IN_CREATE | IN_MOVED_TO)) {
        burst_add(w, root, path, true, false);
        if (left_out_venv(path) || notify_add(w, root, path, true) == 0 || !notify_is_no_use(errno))
            return;
        /* What came with it is nobody's to tell. */
        burst_add(w, root, path, false, true);
        root_poll(w, root, errno);
    } else if (what & IN_MOVED_FROM) {
        burst_add(w, root, path, false, true);
        forget(w, root, path);
    }
}

static void take_file(struct watch *w, size_t root, const char *path, const struct inotify_event *event)
{
    /* What a file was renamed to need not have been there before. It may have been, but then the change is
     * told by the old name. */
    bool aside = event->mask & IN_MOVED_TO && event->cookie == w->moved;
    const struct watched_name *name = burst_add(w, root, path, aside || event->mask & IN_CREATE, true);
    if (event->mask & IN_MOVED_FROM)
        w->moved = name && !name->made ? event->cookie : 0;
}

static void take(struct watch *w, const struct inotify_event *event)
{
    struct watched_dir *dir = lookup(w, event->wd);
    if (!dir)
        return;
    size_t root = dir->root;
    bool top = strcmp(dir->path, w->roots.items[root].folder) == 0;
    if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) {
        if (top)
            root_lost(w, root);
        return; /* of every other its parent tells */
    }
    if (event->mask & IN_IGNORED) {
        remove_dir(w, (size_t)(dir - w->dirs.items));
        return;
    }
    if (!event->len || left_out(event->name, event->mask & IN_ISDIR, top))
        return;
    struct buf path cleanup_buf = BUF_INIT;
    buf_printf(&path, "%s/%s", dir->path, event->name);
    if (event->mask & IN_ISDIR) {
        take_folder(w, root, buf_cstr(&path), event->mask);
        return;
    }
    take_file(w, root, buf_cstr(&path), event);
    if (!top && strcmp(event->name, "pyvenv.cfg") == 0) {
        path.ptr[path.len - strlen("/pyvenv.cfg")] = 0;
        forget(w, root, path.ptr);
    }
}

void notify_read(struct watch *w)
{
    _Alignas(struct inotify_event) char bytes[ROOM];
    bool lost_count = false;
    ssize_t n;
    while (w->notify >= 0 && (n = read(w->notify, bytes, sizeof bytes)) > 0) {
        for (char *at = bytes; at < bytes + n;) {
            const struct inotify_event *event = (const struct inotify_event *)(void *)at;
            lost_count |= event->mask & IN_Q_OVERFLOW;
            take(w, event);
            at += sizeof *event + event->len;
        }
    }
    if (lost_count)
        roots_again(w);
}
