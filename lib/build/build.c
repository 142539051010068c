/* SPDX-License-Identifier: Apache-2.0 */
#include "build/build.h"

#include "base/fs.h"
#include "base/landlock.h"
#include "base/log.h"
#include "base/process.h"
#include "base/stopwatch.h"
#include "base/thread.h"
#include "build/failure.h"
#include "build/pip.h"
#include "build/source_copy.h"
#include "index/url.h"
#include "python/name.h"
#include "python/wheel_name.h"

#include <errno.h>
#include <sched.h>

/* OUTPUT_LIMIT: of which both ends are kept, in memory. */
enum { OUTPUT_LIMIT = 8 << 20, LOG_NAME_LIMIT = 100 };

struct builder {
    const struct build_settings *s;
    struct arena memory;
    char *dir; /* of this run */
    int lock;  /* on it */
    size_t made;
    bool has_pip;
    struct pip pip;
};

/* One that runs. */
struct job {
    struct build *build; /* NULL: the place is free */
    struct build_folders folders;
    struct process process;
    struct landlock landlock;
    struct process_child *child;
    long long began;
};

/* ---- the folder of a run */

bool build_writes(const char *name, const void *data)
{
    (void)data;
    return strcmp(name, BUILD_FOLDER) == 0;
}

struct builder *builder_new(const struct build_settings *s, struct err *err)
{
    struct builder *b = xcalloc(1, sizeof *b);
    b->s = s;
    cleanup_close int work = fs_open_dir(AT_FDCWD, s->work_dir, NULL);
    if (work >= 0)
        fs_sweep(work, S_IFDIR, build_writes, NULL);
    b->lock = fs_new_dir(&b->memory, path_join(&b->memory, s->work_dir, BUILD_FOLDER), &b->dir, err);
    if (b->lock >= 0)
        return b;
    err_wrap(err, "nothing can be built");
    builder_free(b);
    return NULL;
}

void builder_free(struct builder *b)
{
    struct err ignored cleanup_err = ERR_INIT;
    if (!b)
        return;
    if (b->lock >= 0 && fs_remove_tree(AT_FDCWD, b->dir, &ignored) < 0)
        log_debug("left behind: %s", ignored.text);
    cleanup_close_fn(&b->lock);
    arena_free(&b->memory);
    free(b);
}

/* ---- beginning */

static int make_folders(struct builder *b, struct build_folders *f, struct err *err)
{
    struct arena *a = &b->memory;
    f->root = arena_printf(a, "%s/%zu", b->dir, b->made++);
    f->home = path_join(a, f->root, "home");
    f->tmp = path_join(a, f->root, "tmp");
    f->wheel = path_join(a, f->root, "wheel");
    f->source = path_join(a, f->root, "source");
    const char *const all[] = {f->root, f->home, f->tmp, f->wheel, f->source};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (mkdir(all[i], i == 1 ? 0700 : 0777) < 0)
            return err_sys(err, errno, "cannot create folder %s", all[i]);
    return 0;
}

static bool leaves_source(const char *subdirectory)
{
    struct text rest = text_of(subdirectory), part;
    if (*subdirectory == '/')
        return true;
    while (text_cut(&rest, '/', &part))
        if (text_is(part, ".."))
            return true;
    return false;
}

/* What pip is to build, as it wants to be told; NULL with err set. */
static const char *place_source(struct builder *b, const struct build *build, const struct build_folders *f,
                                struct err *err)
{
    struct stat st;
    struct arena *a = &b->memory;
    const char *sub = build->subdirectory && *build->subdirectory ? build->subdirectory : NULL;
    const char *place = build->source;
    if (sub && leaves_source(sub)) {
        err_set(err, ERR_INPUT, "the subdirectory %s leaves its source", sub);
        return NULL;
    }
    if (stat(build->source, &st) < 0) {
        err_sys(err, errno, "cannot open %s", build->source);
        return NULL;
    }
    if (S_ISDIR(st.st_mode)) {
        if (source_copy(build->source, f->source, err) < 0)
            return NULL;
        place = sub ? path_join(a, f->source, sub) : f->source;
        if (stat(place, &st) == 0 && S_ISDIR(st.st_mode))
            return place;
        err_set(err, ERR_INPUT, "%s has no folder %s", build->source, sub);
        return NULL;
    }
    if (build->file_name) {
        place = path_join(a, f->source, build->file_name);
        if (symlink(build->source, place) < 0) {
            err_sys(err, errno, "cannot create link %s", place);
            return NULL;
        }
    }
    return sub ? arena_concat(a, url_from_path(a, place), "#subdirectory=", sub) : place;
}

/* That it stays in its folder is no favour of the build's. */
static bool shield(struct job *job)
{
    if (!landlock_open(&job->landlock, true))
        return false;
    landlock_allow(&job->landlock, job->folders.root);
    landlock_allow(&job->landlock, "/dev/null");
    return true;
}

static int find_pip(struct builder *b, struct err *err)
{
    struct build_folders f;
    if (b->has_pip)
        return 0;
    if (!b->s->py->pip_version && make_folders(b, &f, err) < 0)
        return -1;
    char **env = b->s->py->pip_version ? NULL : pip_environment(&b->memory, b->s, NULL, &f, false, false);
    if (pip_find(&b->memory, b->s->py, env ? f.wheel : NULL, env, &b->pip, err) < 0)
        return -1;
    b->has_pip = true;
    return 0;
}

/* Negative: only this one cannot be built. *fatal: none can. */
static int begin(struct builder *b, struct build *build, struct job *job, bool *fatal, struct err *err)
{
    struct arena *a = &b->memory;
    *job = (struct job){.build = build, .landlock = LANDLOCK_INIT, .began = stopwatch_ms()};
    if (make_folders(b, &job->folders, err) < 0)
        return -1;
    const char *place = place_source(b, build, &job->folders, err);
    if (!place)
        return -1;
    bool shielded = shield(job);
    job->process = (struct process){
        .argv = pip_arguments(a, b->s, &b->pip, &job->folders, build, place),
        .envp = pip_environment(a, b->s, &b->pip, &job->folders, build->no_isolation, shielded),
        .cwd = job->folders.root,
        .join = true,
        .keep_ends = true,
        .limit = OUTPUT_LIMIT,
        .timeout_ms = b->s->timeout_ms,
        .family = true,
        .landlock = shielded ? &job->landlock : NULL,
    };
    job->child = process_start(&job->process, err);
    *fatal = !job->child;
    return job->child ? 0 : -1;
}

/* ---- the end */

static const char *name_of(const struct build *build)
{
    return build->name        ? build->name
           : build->file_name ? build->file_name
           : build->called    ? build->called
                              : path_base(build->source);
}

/* Credentials replaced, and a line where the middle was left out. */
static void readable_output(struct builder *b, const struct process_result *r, struct buf *out)
{
    struct text all = buf_view(&r->out);
    if (!r->left_out) {
        pip_redact(out, b->s, all);
        return;
    }
    pip_redact(out, b->s, text_first(all, OUTPUT_LIMIT / 2));
    buf_printf(out, "\n[%s left out here]\n", text_size(r->left_out).s);
    pip_redact(out, b->s, text_from(all, OUTPUT_LIMIT / 2));
}

/* Its path; NULL where it could not be written, which is no reason to say less. */
static const char *write_log(struct builder *b, const struct build *build, const struct buf *output)
{
    struct err err cleanup_err = ERR_INIT;
    if (!b->s->log_dir)
        return NULL;
    char *name = arena_strndup(&b->memory, name_of(build), LOG_NAME_LIMIT);
    for (char *c = name; *c; c++)
        if (!ascii_is_alnum(*c) && !strchr("-_.", *c))
            *c = '-';
    const char *path = arena_printf(&b->memory, "%s/%s-build.log", b->s->log_dir, name);
    if (fs_mkdirs(b->s->log_dir, &err) == 0 &&
        fs_write(AT_FDCWD, path, buf_view(output), 0666, false, &err) == 0)
        return path;
    log_debug("the output of the build of %s is not kept: %s", name_of(build), err.text);
    return NULL;
}

static void fail(struct builder *b, struct build *build, const struct buf *output, enum err_kind kind,
                 const char *reason, const char *tail)
{
    const char *path = write_log(b, build, output);
    struct buf text cleanup_buf = BUF_INIT;
    buf_printf(&text, "%s cannot be built from source: %s", name_of(build), reason);
    if (*tail)
        buf_printf(&text, "\n%.*s", (int)strlen(tail) - 1, tail);
    if (path)
        buf_printf(&text, "\nThe whole output of the build is in %s", path);
    err_set(&build->error, kind, "%s", buf_cstr(&text));
}

/* The wheel that pip left; NULL: *reason says what is there instead. */
static char *find_wheel(struct arena *a, const struct job *job, const char **reason)
{
    struct strings names cleanup_strings = {0};
    struct err err cleanup_err = ERR_INIT;
    struct wheel_name parsed;
    struct stat st;
    *reason = "its build made no wheel";
    if (fs_list(a, AT_FDCWD, job->folders.wheel, &names, NULL) < 0 || !names.count)
        return NULL;
    char *path = path_join(a, job->folders.wheel, names.items[0]);
    if (names.count > 1 || lstat(path, &st) < 0 || !S_ISREG(st.st_mode)) {
        *reason = arena_printf(a, "its build made %s, and not one wheel", names.items[0]);
        return NULL;
    }
    if (wheel_name_parse(a, text_of(names.items[0]), &parsed, &err) < 0) {
        *reason = arena_printf(a, "its build made no wheel, but %s", err.text);
        return NULL;
    }
    if (!job->build->name || strcmp(parsed.name, name_normalize(a, text_of(job->build->name))) == 0)
        return path;
    *reason = arena_printf(a, "its source is another distribution's: the build made %s", names.items[0]);
    return NULL;
}

static void judge(struct builder *b, struct job *job, const struct process_result *r)
{
    struct arena *a = &b->memory;
    struct build *build = job->build;
    struct buf output cleanup_buf = BUF_INIT;
    readable_output(b, r, &output);
    if (r->timed_out) {
        const char *step = failure_step(a, buf_view(&output));
        fail(b, build, &output, ERR_INPUT,
             arena_printf(a, "%s took longer than %d s", step ? step : "it", (b->s->timeout_ms + 999) / 1000),
             failure_tail(a, buf_view(&output)));
    } else if (r->status > 128) {
        fail(b, build, &output, ERR_INPUT,
             arena_printf(a, "pip was ended by signal %d (%s)", r->status - 128, strsignal(r->status - 128)),
             failure_tail(a, buf_view(&output)));
    } else if (r->status) {
        struct failure failure;
        bool offline = b->s->offline || !b->s->index_urls || !b->s->index_urls->count;
        failure_read(a, buf_view(&output), offline, &failure);
        fail(b, build, &output, failure.kind, failure.reason, failure.tail);
    } else {
        const char *reason;
        build->wheel = find_wheel(a, job, &reason);
        if (!build->wheel)
            fail(b, build, &output, ERR_INPUT, reason, "");
    }
}

/* All but the wheel. */
static void clear(const struct build_folders *f, bool wheel_too)
{
    const char *const all[] = {f->home, f->tmp, f->source, wheel_too ? f->root : NULL};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct err ignored cleanup_err = ERR_INIT;
        if (all[i] && fs_remove_tree(AT_FDCWD, all[i], &ignored) < 0)
            log_debug("left behind for now: %s", ignored.text);
    }
}

static void end(struct builder *b, struct job *job)
{
    struct build *build = job->build;
    struct process_result r cleanup_process_result = PROCESS_RESULT_INIT;
    if (job->child && process_finish(job->child, &r, &build->error) == 0)
        judge(b, job, &r);
    else
        err_wrap(&build->error, "%s cannot be built from source", name_of(build));
    landlock_close(&job->landlock);
    clear(&job->folders, !build->wheel);
    build->took_ms = stopwatch_ms() - job->began;
    log_debug("%s the wheel of %s in %lld ms", build->wheel ? "built" : "failed to build", name_of(build),
              build->took_ms);
    job->build = NULL;
    job->child = NULL;
}

/* ---- all of them */

/* Waits for one, and ends it. */
static int end_one(struct builder *b, struct job *jobs, size_t places, struct err *err)
{
    struct process_child *children[CPU_SETSIZE];
    for (size_t i = 0; i < places; i++)
        children[i] = jobs[i].child;
    int ended = process_wait(children, places, err);
    if (ended >= 0)
        end(b, &jobs[ended]);
    return ended;
}

static int run_all(struct builder *b, struct build *builds, size_t count, struct job *jobs, size_t places,
                   struct err *err)
{
    size_t next = 0, running = 0;
    while (next < count || running) {
        size_t place = 0;
        while (place < places && jobs[place].build)
            place++;
        if (next == count || place == places) {
            if (end_one(b, jobs, places, err) < 0)
                return -1;
            running--;
            continue;
        }
        struct build *build = &builds[next++];
        bool fatal = false;
        if (begin(b, build, &jobs[place], &fatal, &build->error) == 0) {
            running++;
            log_debug("building the wheel of %s from %s", name_of(build), build->source);
        } else {
            end(b, &jobs[place]);
            if (fatal)
                return err_move(err, &build->error);
        }
    }
    return 0;
}

int build_wheels(struct builder *b, struct build *builds, size_t count, struct err *err)
{
    if (!count)
        return 0;
    if (find_pip(b, err) < 0)
        return -1;
    size_t cpus = thread_cpus(), places = count < cpus ? count : cpus;
    cleanup_free struct job *jobs = xcalloc(places, sizeof *jobs);
    int result = run_all(b, builds, count, jobs, places, err);
    for (size_t i = 0; i < places; i++)
        if (jobs[i].build)
            end(b, &jobs[i]);
    return result;
}
