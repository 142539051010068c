/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/sources.h"

#include "base/fs.h"
#include "boot/sources_private.h"
#include "boot/state.h"
#include "config/settings.h"

#include <errno.h>
#include <sys/file.h>
#include <time.h>

enum { MOST_OF_ONE_NAME = 1000, TURN_MS = 1000, TURN_STEP_MS = 10 };

static bool is_chosen(const struct founds *found, const char *name)
{
    array_each (found, f)
        if (f->chosen && strcmp(f->chosen, name) == 0)
            return true;
    return false;
}

/* Whether it can have this name, and whether it is there already. What is ours counts as free, so that who
 * gets which name hangs upon the sources alone, and not upon what was there before. */
static bool try_name(struct arena *a, const char *sources, const struct places *ours, struct found *f,
                     const char *name)
{
    const struct place *place = places_find(ours, name);
    struct stat st;
    if (place && place_is_ours(place)) {
        bool same = place->inode == f->inode && place->device == f->device;
        f->ours = true;
        f->in_place = same && (place->standing == STANDS_MOUNT ||
                               (place->standing == STANDS_LINK && strcmp(place->folder, f->folder) == 0));
        return true;
    }
    const char *path = path_join(a, sources, name);
    if (stat(path, &st) == 0) { /* mounted by somebody else */
        f->in_place = st.st_dev == f->device && st.st_ino == f->inode;
        return f->in_place;
    }
    f->ours = !fs_exists(AT_FDCWD, path);
    return f->ours;
}

static void choose(struct arena *a, const char *sources, const struct places *ours, struct founds *found)
{
    array_each (found, f) {
        const char *name = f->name;
        for (int n = 2; name && n < MOST_OF_ONE_NAME && !f->chosen; n++) {
            if (!is_chosen(found, name) && try_name(a, sources, ours, f, name))
                f->chosen = name;
            else
                name = arena_printf(a, "%s-%d", f->name, n);
        }
    }
}

/* Of a folder that is not there: whether it could be made. (Not by faccessat with AT_EACCESS: the call for
 * that is newer than some engines, which refuse what they do not know.) */
static bool can_write(struct arena *a, const char *folder)
{
    while (!fs_exists(AT_FDCWD, folder) && strcmp(folder, "/") != 0)
        folder = path_absolute(a, path_join(a, folder, ".."));
    return access(folder, W_OK) == 0;
}

static void search(struct arena *a, const struct boot_paths *paths, const struct settings *s,
                   struct places *ours, struct founds *found, struct boot_sources *out)
{
    *out = (struct boot_sources){0};
    places_read(a, paths->sources, ours);
    if (!s->dev_mode)
        return;
    sources_search(a, paths, s, ours, found, &out->warnings);
    choose(a, paths->sources, ours, found);
}

static void give_out(struct arena *a, const struct boot_paths *paths, const struct founds *found,
                     struct boot_sources *out)
{
    array_each (found, f) {
        const char *place = f->chosen && f->in_place ? path_join(a, paths->sources, f->chosen) : f->folder;
        array_push(out, (struct boot_source){f->folder, place, NULL});
    }
}

/* Two that place the same source at once would take each other's work for somebody else's: a descriptor of
 * the folder, locked until it is closed. -1 where that cannot be, or takes too long: a boot does not wait for
 * it. */
static int take_turn(const char *sources)
{
    const struct timespec step = {.tv_nsec = TURN_STEP_MS * 1000000L};
    cleanup_close int fd =
        fs_mkdirs(sources, NULL) < 0 ? -1 : open(sources, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int waited = 0; fd >= 0 && waited < TURN_MS; waited += TURN_STEP_MS) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return steal_fd(&fd);
        if (errno != EWOULDBLOCK)
            break;
        nanosleep(&step, NULL);
    }
    return -1;
}

void sources_ready(struct arena *a, const struct boot_paths *paths, const struct settings *s,
                   struct boot_sources *out)
{
    struct places ours = {0};
    struct founds found = {0};
    search(a, paths, s, &ours, &found, out);
    if (!places_are_settled(&ours, &found)) {
        cleanup_close int turn = take_turn(paths->sources);
        array_free(&found);
        array_free(&ours);
        sources_free(out);
        search(a, paths, s, &ours, &found, out);
        places_settle(a, paths->sources, &ours, &found);
    }
    give_out(a, paths, &found, out);
    array_free(&found);
    array_free(&ours);
}

void sources_find(struct arena *a, const struct boot_paths *paths, const struct settings *s,
                  struct boot_sources *out)
{
    struct places ours = {0};
    struct founds found = {0};
    bool known = false, writable = false;
    search(a, paths, s, &ours, &found, out);
    array_each (&found, f) {
        if (!f->chosen || f->in_place)
            continue;
        if (!known)
            writable = can_write(a, paths->sources);
        known = true;
        f->in_place = writable;
    }
    give_out(a, paths, &found, out);
    array_free(&found);
    array_free(&ours);
}

void sources_restore(struct arena *a, const struct boot_paths *paths)
{
    struct places ours = {0};
    struct stat st;
    places_read(a, paths->sources, &ours);
    array_each (&ours, p)
        if ((p->standing == STANDS_NOTHING || p->standing == STANDS_EMPTY) && stat(p->folder, &st) == 0 &&
            S_ISDIR(st.st_mode))
            place_make(a, paths->sources, p->name, p->folder);
    array_free(&ours);
}

void sources_free(struct boot_sources *s)
{
    array_free(s);
    strings_free(&s->warnings);
}
