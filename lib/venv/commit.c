/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why what is on disk is one of the two venvs at any moment, also after a power cut:
 *
 *   1. staging is complete and on disk, and the record's bytes with it (syncfs), before the record is renamed
 * into its place;
 *   2. that rename is on disk (fsync of its folder) before the first step of the switch: without it the old
 * venv stands untouched, and what is staged is a leftover that the next run removes;
 *   3. each step is a rename or, where nothing else is possible, the removal of an entry whose successor is
 * staged: the next run looks at what is there and does the rest, as often as it takes. The number in the
 * venv's pyvenv.cfg, the last thing that any way puts in place, tells whether the switch was done;
 *   4. the record goes only when the switch is on disk (fsync of the folder), and the old venv only after
 * that. The state needs no sync of its own: without it, or with another's, the next boot looks at everything;
 *   5. forward is the only way, unless somebody installed something into the old venv since it was looked at:
 * the record says how it looked (the digest of its snapshot), so that whoever comes next decides as the run
 * that was interrupted would have. An old venv that is being removed looks changed, too: it gets another name
 * first, one that no record leads to. No file system is known to remove what is in a folder and to forget
 * that the folder was renamed before.
 */
#include "venv/commit.h"

#include "base/array.h"
#include "base/digest.h"
#include "base/fs.h"
#include "base/log.h"
#include "boot/state.h"
#include "venv/clone.h"
#include "venv/layout.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

enum { RECORD_LIMIT = 1 << 20 };

/* In the order in which they are tried. */
enum way {
    WAY_RENAME,   /* there is no old one: the new one is renamed in */
    WAY_EXCHANGE, /* renameat2(RENAME_EXCHANGE), where a probe has shown it whole */
    WAY_ASIDE,    /* the old one is renamed aside, the new one in */
    WAY_REPLACE,  /* the old one's contents are replaced: it is a mount point, or in a lower layer of overlay
                   */
};
static const char *const way_names[] = {"rename", "exchange", "aside", "replace"};

struct commit {
    struct arena a;
    const char *dir, *venv;                    /* the extensions folder, and the venv in it */
    const char *staging, *fresh, *old, *spent; /* in it: the staging folder; in that: the next venv, the old
                                                  one, what only is to be removed */
    const char *record;
    unsigned long long number;
    enum way way;
    const char *site_packages; /* of the old venv */
    char snapshot[DIGEST_HEX]; /* "": nobody asks whether the old one has changed */
    struct strings entries;    /* what the new venv has at its top, for WAY_REPLACE */
};

static void commit_open(struct commit *c, const char *extensions_dir, const char *venv_dir)
{
    *c = (struct commit){.dir = extensions_dir, .venv = venv_dir};
    c->staging = path_join(&c->a, extensions_dir, SYNC_STAGING);
    c->fresh = path_join(&c->a, c->staging, "venv");
    c->old = path_join(&c->a, c->staging, "old");
    c->spent = path_join(&c->a, c->staging, "spent");
    c->record = path_join(&c->a, extensions_dir, SYNC_COMMIT);
}

static void commit_close(struct commit *c)
{
    array_free(&c->entries);
    arena_free(&c->a);
}
#define cleanup_commit __attribute__((cleanup(commit_close)))

static int rename_to(const char *from, const char *to, struct err *err)
{
    return rename(from, to) < 0 ? err_sys(err, errno, "cannot rename %s to %s", from, to) : 0;
}

/* ---- the record */

static int record_write(struct commit *c, const char *path, bool durable, struct err *err)
{
    struct buf text cleanup_buf = BUF_INIT;
    buf_printf(&text, "localstack-extensions commit 1\nnumber %llu\nway %s\n", c->number, way_names[c->way]);
    if (*c->snapshot)
        buf_printf(&text, "snapshot %s %s\n", c->snapshot, c->site_packages);
    for (size_t i = 0; i < c->entries.count; i++)
        buf_printf(&text, "entry %s\n", c->entries.items[i]);
    buf_str(&text, "end\n");
    return fs_write(AT_FDCWD, path, buf_view(&text), 0644, durable, err);
}

/* HEX SITE-PACKAGES */
static bool parse_snapshot(struct commit *c, struct text rest)
{
    unsigned char digest[DIGEST_SIZE];
    struct text hex;
    if (!text_cut(&rest, ' ', &hex) || !rest.len || !hex_decode(hex, digest, sizeof digest))
        return false;
    hex_encode(digest, sizeof digest, c->snapshot);
    c->site_packages = text_dup(&c->a, rest);
    return true;
}

/* A record that is not whole was never on disk as a whole: fs_write renames it in, so this is somebody else's
 * file. */
static bool record_parse(struct commit *c, struct text text)
{
    struct text line;
    bool has_way = false, ended = false, legible = true;
    if (!text_line(&text, &line) || !text_is(line, "localstack-extensions commit 1"))
        return false;
    while (!ended && text_line(&text, &line)) {
        unsigned long long number;
        if (text_starts(line, T("number ")) && text_u64(text_from(line, 7), &number))
            c->number = number;
        else if (text_starts(line, T("way ")))
            for (size_t i = 0; i < sizeof way_names / sizeof *way_names; i++) {
                if (text_is(text_from(line, 4), way_names[i])) {
                    c->way = (enum way)i;
                    has_way = true;
                }
            }
        else if (text_starts(line, T("snapshot ")))
            legible = parse_snapshot(c, text_from(line, strlen("snapshot ")));
        else if (text_starts(line, T("entry ")))
            array_push(&c->entries, text_dup(&c->a, text_from(line, 6)));
        ended = text_is(line, "end");
    }
    return ended && has_way && legible && c->number;
}

/* ---- the ways */

static bool listed(const struct strings *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i], name) == 0)
            return true;
    return false;
}

static int sync_volume(const char *dir, struct err *err)
{
    cleanup_close int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && syncfs(fd) == 0)
        return 0;
    if (fd < 0 || (errno != EPERM && errno != ENOSYS))
        return err_sys(err, errno, "cannot bring %s to disk", dir);
    sync(); /* a sandbox that does not know syncfs: all other volumes too */
    return 0;
}

static int copy_entry(struct commit *c, const char *from, const char *to, struct err *err)
{
    struct stat st;
    const char *hidden = arena_printf(&c->a, "%s/.%s.new", c->venv, path_base(to));
    if (lstat(from, &st) < 0)
        return err_sys(err, errno, "cannot look at %s", from);
    if (fs_remove_tree(AT_FDCWD, hidden, err) < 0)
        return -1;
    if (S_ISLNK(st.st_mode)) {
        const char *target = fs_readlink(&c->a, AT_FDCWD, from, err);
        if (!target)
            return -1;
        if (symlink(target, hidden) < 0)
            return err_sys(err, errno, "cannot create link %s", hidden);
    } else if (S_ISDIR(st.st_mode)) {
        if (mkdir(hidden, st.st_mode & 07777) < 0)
            return err_sys(err, errno, "cannot create folder %s", hidden);
        cleanup_close int in = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        cleanup_close int out = open(hidden, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct linker *linker cleanup_linker = linker_new(FS_REFLINK);
        const struct clone clone = {.linker = linker};
        if (in < 0 || out < 0)
            return err_sys(err, errno, "cannot open %s", in < 0 ? from : hidden);
        if (clone_tree(&clone, in, out, err) < 0 || linker_wait(linker, NULL, err) < 0)
            return -1;
    } else if (fs_link_or_copy(&(struct fs_linker){FS_REFLINK}, AT_FDCWD, from, AT_FDCWD, hidden, err) < 0) {
        return -1;
    }
    if (fs_remove_tree(AT_FDCWD, to, err) < 0 || rename_to(hidden, to, err) < 0)
        return -1;
    /* The venv is on another mount than what is staged: the copy has to be on disk before its original goes.
     */
    if (sync_volume(c->venv, err) < 0)
        return -1;
    /* Out of the way in one step: half removed, it would be copied again by the next run. */
    if (fs_remove_tree(AT_FDCWD, c->spent, err) < 0)
        return -1;
    return rename_to(from, c->spent, err);
}

static int replace_entry(struct commit *c, const char *name, struct err *err)
{
    const char *from = path_join(&c->a, c->fresh, name), *to = path_join(&c->a, c->venv, name);
    if (!fs_exists(AT_FDCWD, from))
        return 0; /* moved by the run that was interrupted */
    struct stat a, b;
    if (stat(c->fresh, &a) < 0 || stat(c->venv, &b) < 0)
        return err_sys(err, errno, "cannot look at %s", c->venv);
    if (a.st_dev == b.st_dev) {
        if (fs_remove_tree(AT_FDCWD, to, err) < 0)
            return -1;
        if (rename(from, to) == 0)
            return 0;
        if (errno != EXDEV) /* two mounts of one file system */
            return err_sys(err, errno, "cannot rename %s to %s", from, to);
    }
    return copy_entry(c, from, to, err);
}

/* pyvenv.cfg comes last: its number says that all is done. */
static int replace_contents(struct commit *c, struct err *err)
{
    struct strings there cleanup_strings = {0};
    /* Its folder goes with the mount, where it was one. */
    if (fs_mkdirs(c->venv, err) < 0 || fs_list(&c->a, AT_FDCWD, c->venv, &there, err) < 0)
        return -1;
    for (size_t i = 0; i < there.count; i++)
        if (!listed(&c->entries, there.items[i]) &&
            fs_remove_tree(AT_FDCWD, path_join(&c->a, c->venv, there.items[i]), err) < 0)
            return -1;
    for (size_t i = 0; i < c->entries.count; i++)
        if (strcmp(c->entries.items[i], "pyvenv.cfg") != 0 && replace_entry(c, c->entries.items[i], err) < 0)
            return -1;
    if (sync_volume(c->venv, err) < 0 || replace_entry(c, "pyvenv.cfg", err) < 0)
        return -1;
    return sync_volume(c->venv, err);
}

static int roll_forward(struct commit *c, struct err *err)
{
    if (layout_number(c->venv) == c->number)
        return 0;
    if (!fs_exists(AT_FDCWD, c->fresh))
        return err_set(err, ERR_SYSTEM, "%s is to be finished, but %s is gone", c->record, c->fresh);
    switch (c->way) {
    case WAY_REPLACE:
        return replace_contents(c, err);
    case WAY_EXCHANGE:
        if (renameat2(AT_FDCWD, c->fresh, AT_FDCWD, c->venv, RENAME_EXCHANGE) == 0)
            return 0;
        if (errno != ENOENT)
            return err_sys(err, errno, "cannot exchange %s and %s", c->fresh, c->venv);
        break;
    case WAY_ASIDE:
    case WAY_RENAME: /* there may be one by now, if this is another run */
        if (!fs_exists(AT_FDCWD, c->venv))
            break;
        if (fs_remove_tree(AT_FDCWD, c->old, err) < 0 || rename_to(c->venv, c->old, err) < 0)
            return -1;
        break;
    }
    if (rename_to(c->fresh, c->venv, err) == 0)
        return 0;
    /* The old one serves until the next run tries again; where it cannot, that run finds it aside. */
    if (fs_exists(AT_FDCWD, c->old))
        (void)!rename(c->old, c->venv);
    return -1;
}

/* ---- the old venv */

static void take_snapshot(struct commit *c, const char *site_packages, const char *snapshot)
{
    if (!snapshot || !site_packages)
        return;
    c->site_packages = site_packages;
    digest_hex(text_of(snapshot), c->snapshot);
}

/* Where the old venv is at this moment; NULL where there is none, or where its contents are replaced. */
static const char *find_old(const struct commit *c)
{
    bool switched = layout_number(c->venv) == c->number;
    if (c->way == WAY_EXCHANGE)
        return switched ? c->fresh : c->venv;
    if (c->way == WAY_ASIDE)
        return !switched && fs_exists(AT_FDCWD, c->venv) ? c->venv : c->old;
    return NULL;
}

/* Whether somebody installed something into the old venv since the snapshot was taken. */
static bool old_changed(const struct commit *c)
{
    struct arena a cleanup_arena = ARENA_INIT;
    char hex[DIGEST_HEX];
    const char *old = *c->snapshot ? find_old(c) : NULL;
    if (!old || !fs_exists(AT_FDCWD, old))
        return false;
    const char *now = commit_snapshot(&a, old, c->site_packages, NULL);
    if (!now)
        return true;
    digest_hex(text_of(now), hex);
    return strcmp(hex, c->snapshot) != 0;
}

/* Under a name to which no record leads. */
static bool put_old_apart(const struct commit *c)
{
    const char *old = *c->snapshot ? find_old(c) : NULL;
    return !old || rename(old, c->spent) == 0 || errno == ENOENT;
}

/* ---- the end */

static int finish(struct commit *c, struct err *err)
{
    if (fs_sync_dir(c->dir, err) < 0)
        return -1;
    if (unlink(c->record) < 0 && errno != ENOENT)
        return err_sys(err, errno, "cannot remove %s", c->record);
    /* A record that a power cut brings back finds its own venv in place, and nothing to do. Where another
     * stands there, it must not come back: it would find its venv half removed. */
    bool harmless = layout_number(c->venv) == c->number && put_old_apart(c);
    if (!harmless && fs_sync_dir(c->dir, err) < 0)
        return -1;
    /* What is asked for is in place: what is left of the old one is no failure. */
    struct err why cleanup_err = ERR_INIT;
    if (fs_remove_tree(AT_FDCWD, c->staging, &why) < 0)
        log_warning("what is left of the old venv takes up room until the next sync removes it: %s",
                    why.text);
    return 0;
}

/* ---- whether exchanging folders can be trusted on this volume: virtiofs of Docker Desktop says yes and
 * loses data */

static int make_probe(struct commit *c, const char *name, struct text content, struct err *err)
{
    const char *dir = path_join(&c->a, c->staging, name);
    if (mkdir(dir, 0700) < 0)
        return err_sys(err, errno, "cannot create folder %s", dir);
    return fs_write(AT_FDCWD, path_join(&c->a, dir, "content"), content, 0600, false, err);
}

static bool probe_holds(struct commit *c, const char *name, struct text content)
{
    struct buf got cleanup_buf = BUF_INIT;
    const char *path = arena_printf(&c->a, "%s/%s/content", c->staging, name);
    return fs_read(AT_FDCWD, path, 64, &got, NULL) == 0 && text_eq(buf_view(&got), content);
}

static bool can_exchange(struct commit *c)
{
    const char *one = path_join(&c->a, c->staging, "probe-1"), *two = path_join(&c->a, c->staging, "probe-2");
    bool whole = make_probe(c, "probe-1", T("one"), NULL) == 0 &&
                 make_probe(c, "probe-2", T("two"), NULL) == 0 &&
                 renameat2(AT_FDCWD, one, AT_FDCWD, two, RENAME_EXCHANGE) == 0 &&
                 probe_holds(c, "probe-1", T("two")) && probe_holds(c, "probe-2", T("one"));
    if (!whole)
        log_debug("folders cannot be exchanged on this volume; the old venv is renamed aside instead");
    fs_remove_tree(AT_FDCWD, one, NULL);
    fs_remove_tree(AT_FDCWD, two, NULL);
    return whole;
}

/* ---- what others see */

char *commit_snapshot(struct arena *a, const char *venv_dir, const char *site_packages, struct err *err)
{
    struct strings names cleanup_strings = {0};
    struct arena scratch cleanup_arena = ARENA_INIT;
    struct buf text cleanup_buf = BUF_INIT;
    const char *dir = path_join(&scratch, venv_dir, site_packages);
    struct err why cleanup_err = ERR_INIT;
    if (fs_list(&scratch, AT_FDCWD, dir, &names, &why) < 0 && why.sysno != ENOENT && why.sysno != ENOTDIR) {
        err_move(err, &why);
        return NULL;
    }
    for (size_t i = 0; i < names.count; i++) {
        struct stat st = {0};
        if (text_ends(text_of(names.items[i]), T(".dist-info")))
            (void)!stat(path_join(&scratch, dir, names.items[i]), &st);
        buf_printf(&text, "%s %lld.%09ld\n", names.items[i], (long long)st.st_mtim.tv_sec,
                   st.st_mtim.tv_nsec);
    }
    return arena_strdup(a, buf_cstr(&text));
}

bool commit_is_pending(const char *extensions_dir)
{
    struct arena a cleanup_arena = ARENA_INIT;
    return fs_exists(AT_FDCWD, path_join(&a, extensions_dir, SYNC_COMMIT));
}

bool commit_changed(const char *venv_dir, const char *site_packages, const char *snapshot)
{
    struct arena a cleanup_arena = ARENA_INIT;
    if (!snapshot)
        return false;
    const char *now = commit_snapshot(&a, venv_dir, site_packages, NULL);
    return !now || strcmp(now, snapshot) != 0;
}

static int begin(struct commit *c, enum way way, struct err *err)
{
    c->way = way;
    c->entries.count = 0;
    if (way == WAY_REPLACE && fs_list(&c->a, AT_FDCWD, c->fresh, &c->entries, err) < 0)
        return -1;
    return record_write(c, c->record, true, err);
}

/* The first record is written into staging, where one sync brings it to disk with all the rest, and renamed
 * into its place. */
static int begin_staged(struct commit *c, enum way way, struct err *err)
{
    const char *staged = path_join(&c->a, c->staging, "record");
    c->way = way;
    if (record_write(c, staged, false, err) < 0 || sync_volume(c->staging, err) < 0 ||
        rename_to(staged, c->record, err) < 0)
        return -1;
    return fs_sync_dir(c->dir, err);
}

/* By the way of the record that is on disk, and by the next one where the volume refuses: a refusal has
 * changed nothing yet. */
static int carry_out(struct commit *c, struct err *err)
{
    for (;;) {
        struct err why cleanup_err = ERR_INIT;
        if (roll_forward(c, &why) == 0)
            return 0;
        bool refused = why.sysno == EXDEV || why.sysno == EBUSY || why.sysno == EINVAL ||
                       why.sysno == EPERM || why.sysno == ENOSYS || why.sysno == EOPNOTSUPP;
        if (c->way == WAY_REPLACE || !refused || !fs_exists(AT_FDCWD, c->venv))
            return err_move(err, &why);
        log_debug("%s: %s", way_names[c->way], why.text);
        if (begin(c, c->way + 1, err) < 0)
            return -1;
    }
}

/* The old venv, where it was renamed aside and nothing took its place: somebody removed the record or what
 * was staged. */
static int bring_back(struct commit *c, struct err *err)
{
    return !fs_exists(AT_FDCWD, c->venv) && fs_exists(AT_FDCWD, c->old) ? rename_to(c->old, c->venv, err) : 0;
}

/* Back to the old one, from wherever the switch has come to. Who is interrupted here leaves the record, by
 * which the next run does the same. */
static int undo(struct commit *c, struct err *err)
{
    if (layout_number(c->venv) == c->number) {
        if (c->way == WAY_EXCHANGE) {
            if (renameat2(AT_FDCWD, c->fresh, AT_FDCWD, c->venv, RENAME_EXCHANGE) < 0)
                return err_sys(err, errno, "cannot exchange %s and %s", c->fresh, c->venv);
        } else if (rename_to(c->venv, c->fresh, err) < 0) {
            return -1;
        }
    }
    return bring_back(c, err) < 0 ? -1 : finish(c, err);
}

bool commit_writes(const char *name)
{
    return strcmp(name, SYNC_COMMIT) == 0 || strcmp(name, SYNC_STATE) == 0 || strcmp(name, SYNC_HISTORY) == 0;
}

static bool is_of_sync(const char *name, const void *data)
{
    (void)data;
    return commit_writes(name);
}

static void sweep(const struct commit *c)
{
    cleanup_close int dir = open(c->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir >= 0)
        fs_sweep(dir, S_IFREG, is_of_sync, NULL);
}

int commit_recover(const char *extensions_dir, const char *venv_dir, bool *finished, struct err *err)
{
    struct commit c cleanup_commit;
    struct buf text cleanup_buf = BUF_INIT;
    struct err why cleanup_err = ERR_INIT;
    commit_open(&c, extensions_dir, venv_dir);
    sweep(&c);
    if (finished)
        *finished = false;
    if (fs_read(AT_FDCWD, c.record, RECORD_LIMIT, &text, &why) < 0) {
        if (why.sysno != ENOENT)
            return err_move(err, &why);
        return bring_back(&c, err) < 0 ? -1 : fs_remove_tree(AT_FDCWD, c.staging, err);
    }
    /* What is staged has to be what the record is about: its number is the last thing to leave it. */
    if (!record_parse(&c, buf_view(&text)) ||
        (layout_number(venv_dir) != c.number && layout_number(c.fresh) != c.number)) {
        log_warning("%s cannot be carried out and is dropped; the venv is looked at as it is", c.record);
        return bring_back(&c, err) < 0 ? -1 : finish(&c, err);
    }
    if (old_changed(&c)) {
        log_info("an interrupted sync is not finished: somebody changed the extensions' venv meanwhile");
        return undo(&c, err);
    }
    if (carry_out(&c, err) < 0)
        return err_wrap(err, "an interrupted sync cannot be finished");
    if (finished)
        *finished = true;
    return finish(&c, err);
}

int commit_may_replace(const char *extensions_dir, const char *venv_dir, struct err *err)
{
    struct stat st;
    if (access(venv_dir, W_OK | X_OK) == 0 || errno != EACCES || lstat(venv_dir, &st) < 0)
        return 0;
    unsigned owner = st.st_uid, we = geteuid();
    return err_set(
        err, ERR_SYSTEM,
        "%s belongs to user %u, and user %u may not replace it: run this as user %u, or give it away "
        "once with `chown -R %u %s`",
        venv_dir, owner, we, owner, we, extensions_dir);
}

int commit_stage(const char *extensions_dir, struct err *err)
{
    struct commit c cleanup_commit;
    commit_open(&c, extensions_dir, "");
    if (fs_remove_tree(AT_FDCWD, c.staging, err) < 0 || fs_mkdirs(c.fresh, err) < 0)
        return -1;
    int fd = open(c.fresh, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? err_sys(err, errno, "cannot open %s", c.fresh) : fd;
}

int commit_switch(const char *extensions_dir, const char *venv_dir, const char *site_packages,
                  unsigned long long number, const char *snapshot, struct err *err)
{
    struct commit c cleanup_commit;
    commit_open(&c, extensions_dir, venv_dir);
    c.number = number;
    take_snapshot(&c, site_packages, snapshot);
    if (commit_changed(venv_dir, site_packages, snapshot))
        return fs_remove_tree(AT_FDCWD, c.staging, err) < 0 ? -1 : 1;
    enum way way = !fs_exists(AT_FDCWD, c.venv) ? WAY_RENAME : can_exchange(&c) ? WAY_EXCHANGE : WAY_ASIDE;
    if (begin_staged(&c, way, err) < 0 || carry_out(&c, err) < 0)
        return -1;
    if (old_changed(&c))
        return undo(&c, err) < 0 ? -1 : 1;
    return finish(&c, err);
}
