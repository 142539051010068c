/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/built.h"

#include "base/crypto.h"
#include "base/digest.h"
#include "base/fs.h"
#include "base/lock_file.h"
#include "base/progress.h"
#include "base/stopwatch.h"
#include "build/build.h"
#include "build/git.h"
#include "build/sdist.h"
#include "build/source_copy.h"
#include "config/environment.h"
#include "index/url.h"
#include "reconcile/store.h"
#include "venv/lock_bytes.h"

#include <errno.h>

/* Of a build: one that does not end has to fail alone, before the time for the whole run is over. */
enum { LONGEST_MS = 30 * 60 * 1000, SHORTEST_MS = 1000, RESERVED_MS = 10 * 1000 };

/* Of waiting for another sync: a build that takes less is nothing to tell of. */
enum { TELL_AFTER_MS = 1000, LOOK_EVERY_MS = 20 };

enum { RECORD_LIMIT = 4096, CONSTRAINTS_LIMIT = 16 << 20 };

static const char first_line[] = "localstack-extensions built wheel 1";

/* ---- what was built before */

/* What a wheel is built of, as one line or two. */
static const char *origin_of_archive(struct session *s, const char *sha256, const char *subdirectory)
{
    return subdirectory ? arena_concat(&s->memory, "archive ", sha256, "\nfolder ", subdirectory)
                        : arena_concat(&s->memory, "archive ", sha256);
}

/* What the build constraints are: of a file of the network nothing but its URL is known without asking. */
static void add_constraints(struct session *s, struct buf *to)
{
    array_each (&s->settings.build_constraints, name) {
        struct err err cleanup_err = ERR_INIT;
        struct buf bytes cleanup_buf = BUF_INIT;
        char hex[DIGEST_HEX] = "";
        const char *local = url_to_path(&s->memory, *name);
        if (!local && strstr(*name, "://")) {
            buf_printf(to, "constraints %s\n", *name);
            continue;
        }
        if (fs_read(AT_FDCWD, local ? local : *name, CONSTRAINTS_LIMIT, &bytes, &err) == 0)
            digest_hex(buf_view(&bytes), hex);
        else if (!s->build_fault)
            s->build_fault = arena_printf(&s->memory,
                                          "the build constraints (PIP_BUILD_CONSTRAINT, "
                                          "index.build-constraint) cannot be read: %s",
                                          err.text);
        buf_printf(to, "constraints %s\n", hex);
    }
}

static const char *settings_key(struct session *s)
{
    struct buf text cleanup_buf = BUF_INIT;
    if (!s->build_key) {
        if (s->settings.no_build_isolation)
            buf_str(&text, "not isolated\n");
        else
            add_constraints(s, &text);
        s->build_key = text_dup(&s->memory, buf_view(&text));
    }
    return s->build_key;
}

/* Another interpreter, or other settings, may make another wheel of the same. */
static void make_key(struct session *s, const char *name, const char *origin, char key[DIGEST_HEX])
{
    struct buf text cleanup_buf = BUF_INIT;
    buf_printf(&text, "%s\npython %s\nabi %s\nmachine %s\n", origin, s->py.version_text, s->py.tags.soabi,
               s->py.markers.platform_machine);
    buf_str(&text, settings_key(s));
    array_each (&s->build_settings, b)
        if (name && strcmp(b->name, name) == 0)
            buf_printf(&text, "setting %s\n", b->setting);
    digest_hex(buf_view(&text), key);
}

static const char *record_path(struct session *s, const char *dir, const char *name, const char *origin)
{
    char key[DIGEST_HEX];
    make_key(s, name, origin, key);
    return arena_printf(&s->memory, "%s/built/%s", dir, key);
}

static bool parse_record(struct text bytes, struct text *sha256, struct text *name)
{
    struct text line;
    if (!text_line(&bytes, &line) || !text_is(line, first_line))
        return false;
    if (!text_line(&bytes, &line) || !text_cut(&line, ' ', sha256) || !line.len)
        return false;
    *name = line;
    return text_line(&bytes, &line) && text_is(line, "end") && !bytes.len;
}

static bool open_record(struct session *s, const char *dir, const char *origin, const char *distribution,
                        struct unpacked *out)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    struct text digest, name;
    struct wheel_name wheel;
    if (!dir || fs_read(AT_FDCWD, record_path(s, dir, distribution, origin), RECORD_LIMIT, &bytes, NULL) < 0)
        return false;
    if (!parse_record(buf_view(&bytes), &digest, &name) ||
        wheel_name_parse(&s->memory, name, &wheel, NULL) < 0 ||
        (distribution && strcmp(wheel.name, distribution) != 0))
        return false;
    const char *file_name = text_dup(&s->memory, name);
    if (unpacked_open(&s->memory, dir, text_dup(&s->memory, digest), true, out, NULL) < 0 ||
        !unpacked_is(out, file_name) ||
        (session_is_damaged(s, wheel.name) && unpacked_verify(dir, out, NULL) < 0))
        return false;
    out->built_name = file_name;
    return true;
}

/* The wheel that was made of this before. */
static bool find(struct session *s, const char *distribution, const char *origin, struct unpacked *out)
{
    return open_record(s, s->cache_dir, origin, distribution, out) ||
           open_record(s, s->spare_cache, origin, distribution, out);
}

static void keep(struct session *s, const char *distribution, const char *origin, const char *wheel_sha256,
                 const char *file_name)
{
    struct err err cleanup_err = ERR_INIT;
    struct buf text cleanup_buf = BUF_INIT;
    const char *path = record_path(s, store_dir(s), distribution, origin);
    buf_printf(&text, "%s\n%s %s\nend\n", first_line, wheel_sha256, file_name);
    if (fs_mkdirs(path_join(&s->memory, store_dir(s), "built"), &err) < 0 ||
        fs_write(AT_FDCWD, path, buf_view(&text), 0644, false, &err) < 0)
        log_debug("that %s was built is not kept: %s", file_name, err.text);
}

/* ---- building */

const char *built_log_dir(struct session *s)
{
    const char *logs = path_join(&s->memory, s->paths.volume, "logs");
    return fs_exists(AT_FDCWD, logs) ? logs : NULL;
}

/* What is to be built. */
struct source_build {
    const char *distribution; /* NULL: nobody knows */
    const char *origin;
    const char *shown;      /* for messages: the archive's name, or the repository's URL */
    const char *path;       /* a file or folder of this run's, which pip finds there */
    int lock;               /* on that */
    const char *turn_path;  /* whoever has this file's lock builds it into the cache, */
    int turn;               /* which is us where this is not -1 */
    struct unpacked *wheel; /* where they go */
    struct err *error;
};

struct batch {
    struct session *s;
    struct strings index_urls, constraints;
    struct build *builds;
    struct source_build *of;
    size_t count;
};

static void give_back(struct source_build *of)
{
    if (of->path)
        (void)!fs_remove_tree(AT_FDCWD, of->path, NULL);
    cleanup_close_fn(&of->lock);
    lock_file_drop(&of->turn, AT_FDCWD, of->turn_path);
}

static void batch_free(struct batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        give_back(&b->of[i]);
        err_clear(&b->builds[i].error);
    }
    array_free(&b->index_urls);
    array_free(&b->constraints);
}
#define cleanup_batch __attribute__((cleanup(batch_free)))

static int copy_archive(int from, int to, const char *name, struct err *err)
{
    char chunk[65536];
    off_t at = 0;
    ssize_t n;
    while ((n = pread(from, chunk, sizeof chunk, at)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, errno, "cannot read %s", name);
        if (fs_write_fd(to, (struct text){chunk, (size_t)n}, name, err) < 0)
            return -1;
        at += n;
    }
    return 0;
}

/* The archive has no name of its own, and another process cannot open our descriptor. */
static int give_name(struct session *s, struct source_build *b, int fd, struct err *err)
{
    for (int attempt = 0; attempt < 8; attempt++) {
        const char *path = fs_new_name(&s->memory, path_join(&s->memory, store_dir(s), FETCH_SCRATCH));
        cleanup_close int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (to < 0 && errno != EEXIST)
            return err_sys(err, errno, "cannot create %s", path);
        if (to < 0 || !fs_hold_new(to, AT_FDCWD, path))
            continue;
        b->path = path;
        b->lock = steal_fd(&to);
        return copy_archive(fd, b->lock, b->shown, err);
    }
    return err_set(err, ERR_SYSTEM, "somebody keeps removing what is written into %s", store_dir(s));
}

static int time_left_ms(const struct session *s)
{
    long long left = s->ends_ms ? s->ends_ms - stopwatch_ms() - RESERVED_MS : LONGEST_MS;
    return (int)(left < SHORTEST_MS ? SHORTEST_MS : left < LONGEST_MS ? left : LONGEST_MS);
}

static int builder_of(struct batch *b, struct builder **out, struct err *err)
{
    struct session *s = b->s;
    const struct settings *set = &s->settings;
    struct build_settings *settings = arena_new(&s->memory, struct build_settings);
    if (!set->offline && session_certificates(s, err) < 0)
        return -1;
    session_index_urls(s, &b->index_urls);
    array_each (&set->build_constraints, name)
        array_push(&b->constraints, strstr(*name, "://") ? *name : path_absolute(&s->memory, *name));
    *settings = (struct build_settings){
        .py = &s->py,
        .environ = s->environ,
        .index_urls = &b->index_urls,
        .find_links = &set->find_links,
        .trusted_hosts = &set->trusted_hosts,
        .no_binary = &set->no_binary,
        .only_binary = &set->only_binary,
        .constraints = &b->constraints,
        .cert = set->cert,
        .client_cert = set->client_cert,
        .proxy = set->proxy,
        .offline = set->offline,
        .site_packages = path_join(&s->memory, s->paths.venv, s->py.site_packages),
        .pip_timeout_s = set->pip_timeout_s,
        .retries = set->retries,
        .work_dir = store_dir(s),
        .log_dir = s->syncing ? built_log_dir(s) : NULL,
        .timeout_ms = time_left_ms(s),
    };
    *out = builder_new(settings, err);
    return *out ? 0 : -1;
}

static int take_wheel(struct batch *b, size_t i, struct err *err)
{
    struct session *s = b->s;
    const struct source_build *of = &b->of[i];
    char sha256[CRYPTO_HEX];
    const char *name = path_base(b->builds[i].wheel);
    cleanup_close int fd = open(b->builds[i].wheel, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return err_sys(err, errno, "cannot open the wheel that was built of %s", of->shown);
    if (crypto_digest_file(fd, "sha256", name, sha256, err) < 0 ||
        unpacked_make(&s->memory, store_dir(s), sha256, fd, name, of->wheel, err) < 0)
        return err_wrap(err, "the wheel that was built of %s", of->shown);
    of->wheel->built_name = name = arena_strdup(&s->memory, name);
    keep(s, of->distribution, of->origin, sha256, name);
    struct wheel_name wheel;
    if (!of->distribution && wheel_name_parse(&s->memory, text_of(name), &wheel, NULL) == 0)
        keep(s, wheel.name, of->origin, sha256, name); /* for when it is asked for by that name */
    return 0;
}

/* The first line says why, and is what the solver passes on; the rest, the last lines of the output, is told
 * here, once. */
static void take_failure(const struct source_build *of, struct err *failed)
{
    static const char whole[] = "\nThe whole output of the build is in ";
    const char *end = strchr(failed->text, '\n'), *path = strstr(failed->text, whole);
    if (!end) {
        err_move(of->error, failed);
        return;
    }
    err_set(of->error, failed->kind, "%.*s%s%s", (int)(end - failed->text), failed->text,
            path ? "; its whole output is in " : "", path ? path + strlen(whole) : "");
    if (end != path)
        log_warning("the last lines of the build of %s:%.*s", of->shown,
                    path ? (int)(path - end) : (int)strlen(end), end);
    err_clear(failed);
}

/* What failed once in a run is not tried again in it, however often the solver comes by. */
static void remember_failure(struct session *s, const struct source_build *of)
{
    char key[DIGEST_HEX];
    struct err *kept = arena_new(&s->memory, struct err);
    if (!of->error->text || of->error->kind == ERR_INTERRUPTED || of->error->kind == ERR_SYSTEM)
        return;
    make_key(s, of->distribution, of->origin, key);
    *kept = (struct err){.kind = of->error->kind, .text = arena_strdup(&s->memory, of->error->text)};
    *strmap_place(&s->failed_builds, text_of(key)) = kept;
}

static bool failed_before(struct session *s, const struct source_build *of)
{
    char key[DIGEST_HEX];
    make_key(s, of->distribution, of->origin, key);
    const struct err *why = strmap_get(&s->failed_builds, text_of(key));
    if (why)
        err_set(of->error, why->kind, "%s", why->text);
    return why != NULL;
}

static int check_may_build(const struct session *s, const char *shown, struct err *err)
{
    return s->only_looks ? err_set(err, ERR_UNAVAILABLE,
                                   "%s would have to be built, which this command does not do", shown)
                         : 0;
}

/* All that is in the batch. */
static int build_all(struct batch *b, struct err *err)
{
    struct builder *builder cleanup_builder = NULL;
    if (!b->count)
        return 0;
    if (check_may_build(b->s, b->of[0].shown, err) < 0)
        return -1;
    for (size_t i = 0; i < b->count; i++)
        log_info("building %s", b->of[i].shown);
    if (store_open(b->s, err) < 0 || builder_of(b, &builder, err) < 0 ||
        build_wheels(builder, b->builds, b->count, err) < 0)
        return -1;
    for (size_t i = 0; i < b->count; i++) {
        const struct source_build *of = &b->of[i];
        if (b->builds[i].error.text) {
            take_failure(of, &b->builds[i].error);
            remember_failure(b->s, of);
        } else if (take_wheel(b, i, of->error) == 0) {
            log_info("built %s in %.1f s", of->shown, (double)b->builds[i].took_ms / 1000);
        }
    }
    return 0;
}

static void give_settings(struct session *s, struct build *build)
{
    const char **settings = arena_array(&s->memory, s->build_settings.count, sizeof *settings);
    build->config_settings = settings;
    array_each (&s->build_settings, b)
        if (build->name && strcmp(b->name, build->name) == 0)
            settings[build->config_settings_count++] = b->setting;
}

static void add_build(struct batch *b, const char *file_name, const char *subdirectory)
{
    const struct source_build *of = &b->of[b->count];
    struct build *build = &b->builds[b->count++];
    *build = (struct build){.name = of->distribution,
                            .source = of->path,
                            .file_name = file_name,
                            .called = path_base(of->shown),
                            .subdirectory = subdirectory,
                            .no_isolation = b->s->settings.no_build_isolation};
    give_settings(b->s, build);
}

/* ---- one of all that share the cache builds it */

/* What is to be built as soon as nobody else is at it. */
struct task {
    struct source_build of;
    /* Puts it into of->path, with of->lock. */
    int (*provide)(struct session *s, const struct task *t, struct source_build *of, struct err *err);
    int archive;               /* of a task of an archive */
    const char *file_name;     /* the same; else NULL */
    const struct git_url *url; /* of one of a repository */
    const char *commit;
    const char *folder; /* of one of a folder, and where its digest goes */
    char *digest;
    const char *subdirectory;
    bool told;
};

/* False: another sync is at it. Where nothing can be locked everybody builds. */
static bool take_turn(struct session *s, struct source_build *of, struct arena *a, const char **holder)
{
    struct err why cleanup_err = ERR_INIT;
    if (s->spare_cache)
        return true;
    if (!of->turn_path)
        of->turn_path =
            arena_concat(&s->memory, record_path(s, s->cache_dir, of->distribution, of->origin), ".lock");
    int taken = fs_mkdirs(path_join(a, s->cache_dir, "built"), &why) < 0
                    ? -1
                    : lock_file_take(a, AT_FDCWD, of->turn_path, &of->turn, holder, &why);
    if (taken < 0)
        log_debug("whether another sync builds %s cannot be told: %s", of->shown, why.text);
    return taken <= 0;
}

/* Into the batch, unless somebody has built it meanwhile. False: somebody is at it still. `waited_ms`:
 * negative when it is waited for no longer. */
static bool start(struct batch *b, struct task *t, long long waited_ms)
{
    struct arena scratch cleanup_arena = ARENA_INIT;
    struct source_build *of = &b->of[b->count];
    const char *holder = "";
    if (failed_before(b->s, &t->of))
        return true;
    bool ours = take_turn(b->s, &t->of, &scratch, &holder);
    if (!ours && waited_ms >= 0) {
        if (!t->told && waited_ms >= TELL_AFTER_MS) {
            log_info("waiting for %s, which another sync is building into this cache%s%s", t->of.shown,
                     *holder ? ": " : "", holder);
            t->told = true;
        }
        return false;
    }
    if (!ours)
        log_warning("the other sync does not end with %s; it is built here", t->of.shown);
    *of = t->of;
    if (find(b->s, of->distribution, of->origin, of->wheel)) {
        give_back(of);
    } else if (t->provide(b->s, t, of, of->error) < 0) {
        remember_failure(b->s, of);
        give_back(of);
    } else {
        add_build(b, t->file_name, t->subdirectory);
    }
    return true;
}

/* All of them, in as many rounds as it takes. While others are waited for nothing is held that they could be
 * waiting for, and half of the time is left for building what they did not. */
static int build_tasks(struct session *s, struct task *tasks, size_t count, struct err *err)
{
    struct build *builds = arena_array(&s->memory, count, sizeof *builds);
    struct source_build *of = arena_array(&s->memory, count, sizeof *of);
    long long since = stopwatch_ms(), patience = time_left_ms(s) / 2;
    for (size_t i = 0; i < count && s->build_fault; i++)
        err_set(tasks[i].of.error, ERR_INPUT, "%s", s->build_fault);
    while (count && !s->build_fault) {
        struct batch b cleanup_batch = {.s = s, .builds = builds, .of = of};
        long long waited = stopwatch_ms() - since;
        size_t left = 0;
        for (size_t i = 0; i < count; i++)
            if (!start(&b, &tasks[i], waited > patience ? -1 : waited))
                tasks[left++] = tasks[i];
        count = left;
        if (build_all(&b, err) < 0)
            return -1;
        if (b.count) {
            since = stopwatch_ms();
            patience = time_left_ms(s) / 2;
        } else if (count) {
            const struct timespec little = {.tv_nsec = LOOK_EVERY_MS * 1000 * 1000};
            progress_tick();
            nanosleep(&little, NULL);
        }
    }
    return 0;
}

/* ---- what is asked for */

/* However the two were written. */
static bool is_same(struct arena *a, const struct requirement *x, const struct requirement *y)
{
    bool same = strcmp(x->name, y->name) == 0 && strcmp(x->specifiers.text, y->specifiers.text) == 0 &&
                x->extra_count == y->extra_count && !x->url == !y->url &&
                (!x->url || strcmp(x->url, y->url) == 0) &&
                strcmp(marker_text(a, x->marker), marker_text(a, y->marker)) == 0;
    for (size_t i = 0; same && i < x->extra_count; i++)
        same = strcmp(x->extras[i], y->extras[i]) == 0;
    return same;
}

static bool requires(const struct metadata *m, const struct requirement *wanted)
{
    struct arena scratch cleanup_arena = ARENA_INIT;
    for (size_t i = 0; i < m->requires_count; i++)
        if (is_same(&scratch, &m->requires_dist[i], wanted))
            return true;
    return false;
}

/* Whether the wheel requires what the archive said of itself. */
static int check_promise(struct session *s, struct fetch *job)
{
    const struct metadata *said, *is;
    if (!index_metadata_sha256(job->file) || index_metadata(s->index, job->file, &said, NULL) < 0)
        return 0;
    if (unpacked_metadata(&s->memory, &job->wheel, &is, &job->error) < 0)
        return -1;
    bool same = true;
    for (size_t i = 0; same && i < is->requires_count; i++)
    same = requires(said, &is->requires_dist[i]);
    for (size_t i = 0; same && i < said->requires_count; i++)
    same = requires(is, &said->requires_dist[i]);
    return same ? 0
                : err_set(&job->error, ERR_INPUT,
                          "%s says in its PKG-INFO that what it requires is static, and requires something "
                          "else once it is built; tell whoever made it",
                          job->file->name);
}

/* Whether a wheel was built of it before, as far as that can be told without its bytes. */
static bool is_there(struct session *s, struct fetch *job)
{
    const char *known = index_file_digest(job->file, HASH_SHA256);
    return known && index_file_is_known(job->file) && fetch_is_proven(job) &&
           find(s, job->file->wheel.name, origin_of_archive(s, known, job->subdirectory), &job->wheel);
}

static int provide_archive(struct session *s, const struct task *t, struct source_build *of, struct err *err)
{
    return give_name(s, of, t->archive, err);
}

/* False where nothing of the job is to be built: it has failed, or a wheel was built of its archive before.
 */
static bool prepare(struct session *s, struct fetch *job, struct task *t)
{
    char sha256[DIGEST_HEX];
    *t = (struct task){.of = {.distribution = job->file->wheel.name,
                              .shown = job->file->name,
                              .lock = -1,
                              .turn = -1,
                              .wheel = &job->wheel,
                              .error = &job->error},
                       .provide = provide_archive,
                       .file_name = job->file->name,
                       .subdirectory = job->subdirectory};
    if (index_archive(s->index, job->file, &t->archive, sha256, &job->error) < 0 ||
        fetch_check_hashes(s, job) < 0 ||
        (job->locked && lock_bytes_check(t->archive, job->locked, &job->error) < 0))
        return false;
    job->downloaded = true;
    t->of.origin = origin_of_archive(s, sha256, job->subdirectory);
    return !find(s, t->of.distribution, t->of.origin, &job->wheel);
}

int built_fetch(struct session *s, struct fetch *const *jobs, size_t count, struct err *err)
{
    if (session_interpreter(s, err) < 0 || (count && store_open(s, err) < 0))
        return -1;
    struct fetch **missing = arena_array(&s->memory, count, sizeof *missing);
    struct task *tasks = arena_array(&s->memory, count, sizeof *tasks);
    size_t missing_count = 0, task_count = 0;
    for (size_t i = 0; i < count; i++)
        if (!is_there(s, jobs[i])) {
            index_prefetch_archive(s->index, jobs[i]->file);
            missing[missing_count++] = jobs[i];
        }
    for (size_t i = 0; i < missing_count; i++)
        task_count += prepare(s, missing[i], &tasks[task_count]);
    if (build_tasks(s, tasks, task_count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (!jobs[i]->error.text)
            check_promise(s, jobs[i]);
    return 0;
}

/* What the archive says of itself. 1: nothing that holds. */
static int from_archive(struct session *s, const struct index_file *file, const struct metadata **out,
                        struct err *err)
{
    int fd;
    char sha256[DIGEST_HEX];
    struct sdist_info info;
    struct err why cleanup_err = ERR_INIT;
    if (index_archive(s->index, file, &fd, sha256, err) < 0)
        return -1;
    if (sdist_read(&s->memory, fd, file->name, &info, &why) < 0)
        return why.kind == ERR_NOT_FOUND ? 1 : err_move(err, &why);
    if (!info.is_static) {
        log_debug("%s has to be built to be known: %s", file->name, info.why_not);
        return 1;
    }
    return index_metadata_tell(s->index, file, info.bytes, err) < 0
               ? -1
               : index_metadata(s->index, file, out, err);
}

int built_known(struct session *s, const struct index_file *file, const struct metadata **out,
                struct err *err)
{
    struct unpacked wheel;
    struct err why cleanup_err = ERR_INIT;
    const char *known = index_file_digest(file, HASH_SHA256);
    if (known && find(s, file->wheel.name, origin_of_archive(s, known, NULL), &wheel))
        return unpacked_metadata(&s->memory, &wheel, out, err);
    if (index_metadata(s->index, file, out, &why) == 0)
        return 0;
    return why.kind == ERR_NOT_FOUND ? from_archive(s, file, out, err) : err_move(err, &why);
}

int built_metadata(struct session *s, const struct index_file *file, const struct metadata **out,
                   struct err *err)
{
    struct fetch job = {.file = file};
    struct fetch *jobs[] = {&job};
    if (built_fetch(s, jobs, 1, err) < 0)
        return -1;
    if (job.error.text)
        return err_move(err, &job.error);
    return unpacked_metadata(&s->memory, &job.wheel, out, err);
}

/* ---- repositories */

static struct git_options git_settings(struct session *s)
{
    const struct settings *set = &s->settings;
    const char *tmp = environment_get(s->environ, "TMPDIR");
    return (struct git_options){.environ = s->environ,
                                .proxy = set->proxy,
                                .ca_file = set->cert,
                                .client_cert = set->client_cert,
                                .scratch = tmp && *tmp ? tmp : NULL,
                                .timeout_ms = time_left_ms(s)};
}

/* What git reads itself, and would wait for. */
static int check_for_git(struct session *s, const struct git_url *url, struct err *err)
{
    const char *home = environment_get(s->environ, "HOME");
    if (!url_is_network(text_of(url->url)))
        return 0;
    const char *kind = home ? fs_unreadable(path_join(&s->memory, home, ".netrc")) : NULL;
    if (kind)
        return err_set(err, ERR_UNAVAILABLE, "%s is not asked: %s/.netrc is %s, not a regular file",
                       url->shown, home, kind);
    return session_certificates(s, err) < 0 ? err_wrap(err, "%s is not asked", url->shown) : 0;
}

int built_repository_commit(struct session *s, const struct git_url *url, char **commit, struct err *err)
{
    const struct git_options options = git_settings(s);
    if (s->settings.offline && !git_is_commit(url->ref ? url->ref : "") && !url_is_file(text_of(url->url)))
        return err_set(err, ERR_UNAVAILABLE,
                       "%s is not asked which commit %s is, because the network is not to be used "
                       "(EXTENSION_OFFLINE); name the commit",
                       url->shown, url->ref ? url->ref : "its default branch");
    return check_for_git(s, url, err) < 0 ? -1 : git_resolve(&s->memory, url, &options, commit, err);
}

static int check_out(struct session *s, const struct git_url *url, const char *commit,
                     struct source_build *of, struct err *err)
{
    const struct git_options options = git_settings(s);
    char *folder;
    if (s->settings.offline && !url_is_file(text_of(url->url)))
        return err_set(err, ERR_UNAVAILABLE,
                       "%s is not fetched, because the network is not to be used (EXTENSION_OFFLINE), and no "
                       "wheel was built of commit %s before",
                       url->shown, commit);
    if (check_for_git(s, url, err) < 0)
        return -1;
    of->lock = fs_new_dir(&s->memory, path_join(&s->memory, store_dir(s), BUILD_FOLDER), &folder, err);
    if (of->lock < 0)
        return -1;
    of->path = folder;
    return git_checkout(url, commit, folder, &options, err);
}

static int provide_commit(struct session *s, const struct task *t, struct source_build *of, struct err *err)
{
    return check_out(s, t->url, t->commit, of, err);
}

/* ---- folders */

static const char *origin_of_folder(struct session *s, const char *digest, const char *subdirectory)
{
    return arena_concat(&s->memory, "folder ", digest, "\nfolder ", subdirectory ? subdirectory : "");
}

/* What is in it that may not be read, or is gone since it was listed, is its own fault and no one else's. */
static int blame_folder(struct err *err)
{
    if (err->kind == ERR_SYSTEM && (err->sysno == EACCES || err->sysno == EPERM || err->sysno == ENOENT))
        err->kind = ERR_UNAVAILABLE;
    return -1;
}

/* Somebody may be writing in it: what is built is what the digest is of. */
static int provide_folder(struct session *s, const struct task *t, struct source_build *of, struct err *err)
{
    char *path;
    of->lock = fs_new_dir(&s->memory, path_join(&s->memory, store_dir(s), BUILD_FOLDER), &path, err);
    if (of->lock < 0)
        return -1;
    of->path = path;
    if (source_copy(t->folder, path, err) < 0)
        return blame_folder(err);
    if (source_digest(path, t->digest, err) < 0)
        return -1;
    of->origin = origin_of_folder(s, t->digest, t->subdirectory);
    return 0;
}

/* ---- both */

static int describe(struct session *s, struct built_item *item, struct task *t)
{
    *t = (struct task){.of = {.distribution = item->name,
                              .shown = item->git ? item->git->shown : item->folder,
                              .lock = -1,
                              .turn = -1,
                              .wheel = &item->wheel,
                              .error = &item->error},
                       .url = item->git,
                       .commit = item->commit,
                       .folder = item->folder,
                       .digest = item->digest};
    if (item->git) {
        t->provide = provide_commit;
        t->subdirectory = item->git->subdirectory;
        t->of.origin = arena_concat(&s->memory, "repository ", item->git->shown, " ", item->commit,
                                    "\nfolder ", t->subdirectory ? t->subdirectory : "");
        return 0;
    }
    t->provide = provide_folder;
    t->subdirectory = item->subdirectory;
    if (source_digest(item->folder, item->digest, &item->error) < 0)
        return blame_folder(&item->error);
    t->of.origin = origin_of_folder(s, item->digest, item->subdirectory);
    return 0;
}

int built_items(struct session *s, struct built_item *items, size_t count, struct err *err)
{
    struct task *tasks = arena_array(&s->memory, count, sizeof *tasks);
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (describe(s, &items[i], &tasks[n]) == 0 &&
            !find(s, items[i].name, tasks[n].of.origin, &items[i].wheel))
            n++;
    if (!n)
        return 0;
    if (check_may_build(s, tasks[0].of.shown, err) < 0 || store_open(s, err) < 0)
        return -1;
    return build_tasks(s, tasks, n, err);
}

int built_item(struct session *s, struct built_item *item, struct err *err)
{
    int result = built_items(s, item, 1, err);
    if (item->error.text && result == 0)
        return err_move(err, &item->error);
    err_clear(&item->error);
    return result;
}
