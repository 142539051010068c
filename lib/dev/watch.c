/* SPDX-License-Identifier: Apache-2.0 */
#include "dev/watch.h"

#include "base/fs.h"
#include "base/log.h"
#include "base/stopwatch.h"
#include "dev/watch_private.h"

#include <errno.h>
#include <poll.h>

enum {
    SETTLED_MS = 300,
    LONGEST_MS = 3000,
    LOOK_MS = 1000,         /* how often a folder is looked at, */
    LOOK_AGAIN_MS = 100,    /* and while a change goes on */
    LOOKS_TAKE_AT_MOST = 4, /* a large tree on a slow share: one part in so many of the time */
};

static bool find_root(struct watched_root *r)
{
    struct stat st;
    if (stat(r->folder, &st) < 0 || !S_ISDIR(st.st_mode))
        return false;
    r->device = st.st_dev;
    r->inode = st.st_ino;
    return true;
}

static void say_polled(const char *folder, int why)
{
    if (why == EOPNOTSUPP)
        log_debug("%s is looked through each second: its file system does not tell of changes", folder);
    else
        log_info("%s is looked through each second, as the kernel tells of no more changes (%s); for it to "
                 "tell of "
                 "them raise %s on the host",
                 folder, strerror(why),
                 why == EMFILE ? "fs.inotify.max_user_instances (or the limit of open files)"
                               : "fs.inotify.max_user_watches");
}

void root_lost(struct watch *w, size_t root)
{
    struct watched_root *r = &w->roots.items[root];
    notify_forget(w, root);
    if (r->how != WATCHED_ABSENT)
        log_info("%s is gone; it is watched again when it is back", r->folder);
    r->how = WATCHED_ABSENT;
    r->look_ms = stopwatch_ms() + LOOK_AGAIN_MS;
}

void root_poll(struct watch *w, size_t root, int why)
{
    struct watched_root *r = &w->roots.items[root];
    notify_forget(w, root);
    if (!r->was_polled)
        say_polled(r->folder, why);
    r->was_polled = true;
    r->how = WATCHED_POLLED;
    r->look_ms = stopwatch_ms() + LOOK_MS;
    if (w->dirs.count == 0)
        notify_close(w); /* its descriptor may be the one that is missing */
    if (snapshot_compare(w, root, true) < 0 && !find_root(r))
        root_lost(w, root);
}

/* `fresh`: it was not there before, and all in it is new. */
static void attach(struct watch *w, size_t root, bool fresh)
{
    struct watched_root *r = &w->roots.items[root];
    if (!find_root(r)) {
        r->how = WATCHED_ABSENT;
        return;
    }
    if (fresh)
        burst_add(w, root, r->folder, false, true);
    r->how = WATCHED_NOTIFIED;
    if (notify_add(w, root, r->folder, fresh) == 0)
        return;
    if (notify_is_no_use(errno)) {
        root_poll(w, root, errno);
        return;
    }
    log_debug("changes in %s are not seen: %s", r->folder, strerror(errno));
    notify_forget(w, root);
    r->how = WATCHED_ABSENT;
}

void roots_again(struct watch *w)
{
    notify_close(w);
    burst_add_unknown(w);
    for (size_t i = 0; i < w->roots.count; i++)
        if (w->roots.items[i].how == WATCHED_NOTIFIED)
            attach(w, i, false);
}

static void look(struct watch *w, size_t root)
{
    struct watched_root *r = &w->roots.items[root];
    const dev_t device = r->device;
    const ino_t inode = r->inode;
    if (r->how == WATCHED_POLLED) {
        if (snapshot_compare(w, root, false) < 0 && !find_root(r))
            root_lost(w, root);
    } else if (r->how == WATCHED_ABSENT) {
        attach(w, root, true);
    } else if (!find_root(r)) {
        root_lost(w, root);
    } else if (r->device != device || r->inode != inode) {
        notify_forget(w, root);
        attach(w, root, true);
    }
}

/* At all whose time has come. */
static void look_at_due(struct watch *w)
{
    for (size_t i = 0; i < w->roots.count; i++) {
        long long began = stopwatch_ms();
        if (began < w->roots.items[i].look_ms)
            continue;
        look(w, i);
        long long took = stopwatch_ms() - began, rest = took * LOOKS_TAKE_AT_MOST;
        w->roots.items[i].look_ms = began + took + (rest > LOOK_MS ? rest : LOOK_MS);
    }
}

/* Until a change has settled, what is looked at is looked at more often: else its end would not be seen. */
static void hurry(struct watch *w)
{
    long long soon = stopwatch_ms() + LOOK_AGAIN_MS;
    array_each (&w->roots, r)
        if (r->how != WATCHED_NOTIFIED && r->look_ms > soon)
            r->look_ms = soon;
}

static long long settles_ms(const struct watch *w)
{
    long long quiet = w->last_ms + SETTLED_MS, at_most = w->first_ms + LONGEST_MS;
    return quiet < at_most ? quiet : at_most;
}

static void wait_for_more(const struct watch *w, long long until_ms)
{
    long long next = until_ms ? until_ms : stopwatch_ms() + LOOK_MS;
    array_each (&w->roots, r)
        next = r->look_ms < next ? r->look_ms : next;
    if (w->first_ms && settles_ms(w) < next)
        next = settles_ms(w);
    long long left = next - stopwatch_ms();
    struct pollfd polled = {w->notify, POLLIN, 0};
    if (left > 0)
        poll(&polled, 1, (int)left);
}

struct watch *watch_open(char *const *folders, size_t count)
{
    struct watch *w = xcalloc(1, sizeof *w);
    w->notify = -1;
    for (size_t i = 0; i < count; i++)
        array_push(&w->roots, (struct watched_root){.folder = arena_strdup(&w->memory, folders[i])});
    for (size_t i = 0; i < count; i++) {
        attach(w, i, false);
        if (w->roots.items[i].how == WATCHED_ABSENT)
            log_info("%s is not there; it is watched when it is", folders[i]);
    }
    return w;
}

bool watch_wait(struct watch *w, long long until_ms, struct watch_change *out)
{
    if (w->told)
        burst_clear(w);
    for (;;) {
        notify_read(w);
        look_at_due(w);
        if (w->first_ms)
            hurry(w);
        if (w->first_ms && stopwatch_ms() >= settles_ms(w)) {
            if ((w->told = burst_settle(w, out)))
                return true;
            burst_clear(w);
        }
        if (until_ms && stopwatch_ms() >= until_ms)
            return false;
        wait_for_more(w, until_ms);
    }
}

void watch_free(struct watch *w)
{
    notify_close(w);
    burst_clear(w);
    array_free(&w->named);
    array_each (&w->roots, r)
        snapshot_free(&r->files);
    array_free(&w->roots);
    arena_free(&w->memory);
    free(w);
}
