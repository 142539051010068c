/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"
#include "base/log.h"
#include "boot/columns.h"
#include "boot/fact.h"
#include "boot/sources_private.h"

#include <errno.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include <bsd/string.h>

#define MAGIC "localstack-extensions-places"
#define FORMAT "1"
#define PLACE "place"

enum { COLUMNS = 3, LARGEST_LIST = 1 << 20, MOST_MOUNTS = 16 };

/* ---- what is there */

/* A folder that somebody mounts has seldom all of these, and a list of ours never names it. */
static bool has_our_flags(const char *path)
{
    const unsigned long ours = ST_RDONLY | ST_NOSUID | ST_NODEV;
    struct statvfs st;
    return statvfs(path, &st) == 0 && (st.f_flag & ours) == ours;
}

static bool is_empty(const char *folder)
{
    cleanup_closedir DIR *dir = opendir(folder);
    struct dirent *entry;
    while (dir && (entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            return false;
    return dir != NULL;
}

static void look(struct arena *a, const char *sources, struct place *p)
{
    const char *path = path_join(a, sources, p->name);
    struct stat st;
    if (lstat(path, &st) < 0) {
        p->standing = errno == ENOENT || errno == ENOTDIR ? STANDS_NOTHING : STANDS_OTHER;
        return;
    }
    p->standing = STANDS_OTHER;
    if (S_ISLNK(st.st_mode)) {
        const char *target = fs_readlink(a, AT_FDCWD, path, NULL);
        if (target && strcmp(target, p->folder) == 0)
            p->standing = STANDS_LINK;
        if (stat(path, &st) < 0)
            return;
    } else if (S_ISDIR(st.st_mode)) {
        p->standing = has_our_flags(path) ? STANDS_MOUNT : is_empty(path) ? STANDS_EMPTY : STANDS_OTHER;
    }
    p->device = st.st_dev;
    p->inode = st.st_ino;
}

bool place_is_ours(const struct place *place)
{
    return place->standing != STANDS_OTHER;
}

const struct place *places_find(const struct places *places, const char *name)
{
    array_each (places, p)
        if (strcmp(p->name, name) == 0)
            return p;
    return NULL;
}

/* ---- the list */

/* Whoever can write there could lead us elsewhere. */
static bool is_plain(const char *name)
{
    return *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

void places_read(struct arena *a, const char *sources, struct places *out)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    const char *file = path_join(a, sources, SOURCE_PLACES), *column[COLUMNS];
    int sysno = fact_read(file, LARGEST_LIST, &bytes);
    if (sysno && sysno != ENOENT && sysno != ENOTDIR)
        log_debug("cannot read %s: %s", file, strerror(sysno));
    if (sysno || !bytes.len || memchr(bytes.ptr, 0, bytes.len))
        return;
    struct text rest = buf_view(&bytes), line;
    for (size_t i = 0; rest.len && text_cut(&rest, '\n', &line); i++) {
        columns_cut(a, line, column, COLUMNS);
        if (i == 0 && (strcmp(column[0], MAGIC) != 0 || strcmp(column[1], FORMAT) != 0))
            return;
        if (strcmp(column[0], PLACE) == 0 && is_plain(column[1]) && !places_find(out, column[1]))
            array_push(out, (struct place){.name = column[1], .folder = column[2]});
    }
    array_each (out, p)
        look(a, sources, p);
}

static bool same_list(const struct places *x, const struct places *y)
{
    if (x->count != y->count)
        return false;
    for (size_t i = 0; i < x->count; i++)
        if (strcmp(x->items[i].name, y->items[i].name) != 0 ||
            strcmp(x->items[i].folder, y->items[i].folder) != 0)
            return false;
    return true;
}

/* It is written before what it lists is made, so that nothing of ours is ever taken for somebody else's. */
static int write_list(struct arena *a, const char *sources, const struct places *list, struct err *err)
{
    const char *file = path_join(a, sources, SOURCE_PLACES);
    struct buf b cleanup_buf = BUF_INIT;
    if (list->count == 0)
        return unlink(file) < 0 && errno != ENOENT ? err_sys(err, errno, "cannot remove %s", file) : 0;
    columns_add(&b, MAGIC, '\t');
    columns_add(&b, FORMAT, '\n');
    array_each (list, p) {
        columns_add(&b, PLACE, '\t');
        columns_add(&b, p->name, '\t');
        columns_add(&b, p->folder, '\n');
    }
    return fs_mkdirs(sources, err) < 0 ? -1 : fs_write(AT_FDCWD, file, buf_view(&b), 0644, false, err);
}

/* ---- making one */

static bool refused(const char *what, const char *path)
{
    log_debug("cannot %s %s: %s", what, path, strerror(errno));
    return false;
}

/* A copy of the mounts that the folder has, read-only before anybody sees it. Flags that it must keep it
 * keeps by itself. Kernels before 5.12 cannot do it so: there it is a link. */
static bool mount_at(const char *path, const char *folder)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
                              .propagation = MS_PRIVATE};
    cleanup_close int tree = open_tree(AT_FDCWD, folder, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    if (tree < 0)
        return refused("mount", folder);
    if (mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof attr) < 0)
        return refused("make a read-only mount of", folder);
    if (mkdir(path, 0755) < 0 && errno != EEXIST)
        return refused("create folder", path);
    if (move_mount(tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return refused("mount at", path);
    return true;
}

static bool link_at(const char *path, const char *folder)
{
    if (rmdir(path) < 0 && errno != ENOENT)
        return refused("remove folder", path);
    return symlink(folder, path) == 0 || refused("link to the source at", path);
}

bool place_make(struct arena *a, const char *sources, const char *name, const char *folder)
{
    const char *path = path_join(a, sources, name);
    if (mount_at(path, folder) || link_at(path, folder))
        return true;
    log_debug("%s is used where it stands", folder);
    return false;
}

/* ---- taking one away */

/* Two runs at once may have mounted twice. */
static bool unmount(const char *path)
{
    for (int i = 0; i < MOST_MOUNTS && has_our_flags(path); i++)
        if (umount2(path, UMOUNT_NOFOLLOW | MNT_DETACH) < 0)
            return refused("unmount", path);
    return true;
}

/* What is ours of it; what remains of a folder is made use of where its name is wanted. False: it is there,
 * and still ours. */
static bool clear(struct arena *a, const char *sources, struct place *p, bool wanted)
{
    const char *path = path_join(a, sources, p->name);
    if (p->standing == STANDS_MOUNT) {
        if (!unmount(path))
            return false;
        p->standing = STANDS_EMPTY;
    }
    if (p->standing == STANDS_LINK && unlink(path) < 0 && errno != ENOENT)
        return refused("remove the link", path);
    if (p->standing == STANDS_EMPTY && !wanted && rmdir(path) < 0 && errno != ENOENT && errno != ENOTEMPTY)
        return refused("remove folder", path);
    return true;
}

static struct found *who_has(struct founds *found, const char *name)
{
    array_each (found, f)
        if (f->ours && f->chosen && strcmp(f->chosen, name) == 0)
            return f;
    return NULL;
}

/* Takes away what is not as it should be; what cannot go stays in the list. */
static void clear_all(struct arena *a, const char *sources, struct places *ours, struct founds *found,
                      struct places *fresh)
{
    array_each (ours, p) {
        struct found *f = who_has(found, p->name);
        if ((f && f->in_place) || clear(a, sources, p, f != NULL))
            continue;
        array_push(fresh, *p);
        if (f)
            f->chosen = NULL;
    }
}

static void list_wanted(const struct founds *found, struct places *list)
{
    array_each (found, f)
        if (f->chosen && f->ours)
            array_push(list, (struct place){.name = f->chosen, .folder = f->folder});
}

bool places_are_settled(const struct places *ours, const struct founds *found)
{
    struct places wanted = {0};
    bool settled = true;
    list_wanted(found, &wanted);
    array_each (found, f)
        settled &= !f->chosen || f->in_place;
    settled &= same_list(ours, &wanted);
    array_free(&wanted);
    return settled;
}

void places_settle(struct arena *a, const char *sources, struct places *ours, struct founds *found)
{
    struct places fresh = {0};
    struct err err cleanup_err = ERR_INIT;
    clear_all(a, sources, ours, found, &fresh);
    list_wanted(found, &fresh);
    bool listed = same_list(ours, &fresh) || write_list(a, sources, &fresh, &err) == 0;
    if (!listed)
        log_debug("developers' sources are used where they stand: %s", err.text);
    array_each (found, f)
        if (f->chosen && !f->in_place)
            f->in_place = listed && place_make(a, sources, f->chosen, f->folder);
    array_free(&fresh);
}
