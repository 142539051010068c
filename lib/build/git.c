/* SPDX-License-Identifier: Apache-2.0 */
#include "build/git_private.h"
#include "config/environment.h"

#include "base/fs.h"
#include "base/stopwatch.h"
#include "index/url.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { MOST_ARGUMENTS = 20, MOST_NAMES = 4, SHORTEST_COMMIT = 4 };

/* What git's side of a file: URL runs as: it takes nothing of our environment's configuration. */
static const char local_side[] = "--upload-pack=git -c safe.directory='*' upload-pack";

struct command {
    const char *argv[MOST_ARGUMENTS + 1];
    size_t count;
    const char *folder; /* that it runs in; NULL: one that is no repository */
};

static struct command command(const char *name, const char *folder)
{
    return (struct command){.argv = {"git", name}, .count = 2, .folder = folder};
}

static void add(struct command *c, const char *argument)
{
    if (c->count < MOST_ARGUMENTS)
        c->argv[c->count++] = argument;
}

static bool is_local(const struct git_run *run)
{
    return url_is_file(text_of(run->url->url));
}

static struct command connecting(const struct git_run *run, const char *name, const char *folder)
{
    struct command c = command(name, folder);
    add(&c, "--quiet");
    if (is_local(run))
        add(&c, local_side);
    return c;
}

static struct git_run begin(struct arena *a, const struct git_url *url, const struct git_options *o)
{
    struct git_run run = {.a = a, .url = url, .options = o, .subject = url->shown};
    if (o->timeout_ms > 0)
        run.ends_ms = stopwatch_ms() + o->timeout_ms;
    git_environment(&run);
    return run;
}

/* Its exit status; negative when it could not run, or not in the time that is left. */
static int try(const struct git_run *run, const struct command *c, struct process_result *r, struct err *err)
{
    struct process p = {.argv = c->argv, .envp = run->environment, .cwd = c->folder ? c->folder : "/"};
    if (run->ends_ms) {
        long long left = run->ends_ms - stopwatch_ms();
        p.timeout_ms = left > 0 ? (int)left : 1;
    }
    struct err why cleanup_err = ERR_INIT;
    if (process_run(&p, r, &why) < 0) {
        if (why.sysno == ENOENT)
            return err_set(
                err, ERR_INPUT,
                "git is not installed in this image, and %s needs it; install git there, or name a "
                "release or a wheel instead",
                run->subject);
        return err_move(err, &why);
    }
    return r->timed_out ? git_failure(run, r, err) : r->status;
}

static int execute(const struct git_run *run, const struct command *c, struct err *err)
{
    struct process_result r cleanup_process_result = PROCESS_RESULT_INIT;
    int status = try(run, c, &r, err);
    return status > 0 ? git_failure(run, &r, err) : status;
}

static char *lower(struct arena *a, struct text t)
{
    char *out = text_dup(a, t);
    for (char *c = out; *c; c++)
        *c = ascii_lower(*c);
    return out;
}

/* The names that a reference may have on the other side, the first that is there counts. */
static size_t names_of(struct arena *a, const char *ref, const char *names[MOST_NAMES])
{
    size_t n = 0;
    if (!ref || strcmp(ref, "HEAD") == 0) {
        names[n++] = "HEAD";
        return n;
    }
    names[n++] = arena_concat(a, "refs/heads/", ref);
    names[n++] = arena_concat(a, "refs/tags/", ref);
    if (strncmp(ref, "refs/", 5) == 0)
        names[n++] = ref;
    else if (strncmp(ref, "heads/", 6) == 0 || strncmp(ref, "tags/", 5) == 0)
        names[n++] = arena_concat(a, "refs/", ref);
    else if (strncmp(ref, "origin/", 7) == 0)
        names[n++] = arena_concat(a, "refs/heads/", ref + 7);
    return n;
}

/* Of lines of COMMIT, a tab and NAME. */
static char *commit_of(struct arena *a, struct text lines, const char *name)
{
    struct text line, object;
    while (text_line(&lines, &line))
        if (text_cut(&line, '\t', &object) && text_is(line, name))
            return lower(a, object);
    return NULL;
}

/* Whether it may be the beginning of a commit's name. */
static bool is_short_commit(const char *ref)
{
    size_t digits = strspn(ref, "0123456789abcdefABCDEF");
    return !ref[digits] && digits >= SHORTEST_COMMIT && digits < 64;
}

static int refuse_ref(const struct git_run *run, struct err *err)
{
    if (!run->url->ref || strcmp(run->url->ref, "HEAD") == 0)
        return err_set(err, ERR_NOT_FOUND,
                       "%s has no default branch, or nothing in it; name a branch, tag or commit behind an @",
                       run->subject);
    return err_set(err, ERR_NOT_FOUND, "%s has no branch, tag or commit %s", run->subject, run->url->ref);
}

/* No server is asked for the rest of a name: the commits alone are cloned. */
static int resolve_short(const struct git_run *run, const char *folder, struct arena *a, char **commit,
                         struct err *err)
{
    struct process_result r cleanup_process_result = PROCESS_RESULT_INIT;
    struct command clone = connecting(run, "clone", NULL), parse = command("rev-parse", folder);
    add(&clone, "--bare");
    if (!is_local(run))
        add(&clone, "--filter=tree:0");
    add(&clone, "--");
    add(&clone, run->place);
    add(&clone, folder);
    add(&parse, "--quiet");
    add(&parse, "--verify");
    add(&parse, arena_concat(run->a, run->url->ref, "^{commit}"));
    if (execute(run, &clone, err) < 0)
        return -1;
    int status = try(run, &parse, &r, err);
    if (status < 0)
        return -1;
    *commit = lower(a, text_trim(buf_view(&r.out)));
    return status == 0 && git_is_commit(*commit) ? 0 : refuse_ref(run, err);
}

static int resolve_in_scratch(const struct git_run *run, struct arena *a, char **commit, struct err *err)
{
    const char *scratch = run->options->scratch ? run->options->scratch : "/tmp";
    char *folder = path_join(run->a, path_absolute(run->a, scratch), "commits-XXXXXX");
    if (!mkdtemp(folder))
        return err_sys(err, errno, "cannot make a folder in %s", scratch);
    int result = resolve_short(run, folder, a, commit, err);
    fs_remove_tree(AT_FDCWD, folder, NULL);
    return result;
}

int git_resolve(struct arena *a, const struct git_url *url, const struct git_options *o, char **commit,
                struct err *err)
{
    struct arena scratch cleanup_arena = ARENA_INIT;
    struct process_result r cleanup_process_result = PROCESS_RESULT_INIT;
    const char *names[MOST_NAMES];
    if (url->ref && git_is_commit(url->ref)) {
        *commit = lower(a, text_of(url->ref));
        return 0;
    }
    struct git_run run = begin(&scratch, url, o);
    struct command list = connecting(&run, "ls-remote", NULL);
    size_t count = names_of(&scratch, url->ref, names);
    add(&list, "--");
    add(&list, run.place);
    for (size_t i = 0; i < count; i++) {
        add(&list, names[i]);
        add(&list, arena_concat(&scratch, names[i], "^{}"));
    }
    int status = try(&run, &list, &r, err);
    if (status)
        return status < 0 ? -1 : git_failure(&run, &r, err);
    for (size_t i = 0; i < count; i++) {
        struct text lines = buf_view(&r.out);
        /* With ^{} stands what a tag with a message is of. */
        *commit = commit_of(a, lines, arena_concat(&scratch, names[i], "^{}"));
        if (*commit || (*commit = commit_of(a, lines, names[i])))
            return git_is_commit(*commit) ? 0 : refuse_ref(&run, err);
    }
    return url->ref && is_short_commit(url->ref) ? resolve_in_scratch(&run, a, commit, err)
                                                 : refuse_ref(&run, err);
}

/* pip's way out where a server is at odds with partial clones. */
static bool wants_whole_clone(const struct git_run *run)
{
    static const char *const yes[] = {"1", "true", "yes", "on", "y", "t"};
    const char *value = environment_get(run->environment, "PIP_NO_PARTIAL_CLONE_FOR_BROKEN_GIT_SERVER");
    for (size_t i = 0; value && i < sizeof yes / sizeof *yes; i++)
        if (text_eq_nocase(text_of(value), text_of(yes[i])))
            return true;
    return false;
}

static int clone(const struct git_run *run, const char *folder, struct err *err)
{
    struct command c = connecting(run, "clone", NULL);
    add(&c, "--no-checkout");
    add(&c, "--origin=origin");
    if (!is_local(run) && !wants_whole_clone(run))
        add(&c, "--filter=blob:none"); /* not a shallow one: versions are made of the tags behind a commit */
    add(&c, "--");
    add(&c, run->place);
    add(&c, folder);
    return execute(run, &c, err);
}

/* 0: it is here. */
static int look_for(const struct git_run *run, const char *folder, const char *commit, struct err *err)
{
    struct process_result r cleanup_process_result = PROCESS_RESULT_INIT;
    struct command c = command("rev-list", folder);
    add(&c, "--quiet");
    add(&c, "--no-walk");
    /* Or git would fetch it by itself, which is for `fetch` to do. */
    add(&c, "--exclude-promisor-objects");
    add(&c, commit);
    add(&c, "--");
    return try(run, &c, &r, err);
}

static int fetch(const struct git_run *run, const char *folder, const char *what, struct err *err)
{
    struct command c = connecting(run, "fetch", folder);
    add(&c, "origin");
    add(&c, what);
    return execute(run, &c, err);
}

/* Makes sure that the clone has the commit. */
static int obtain(const struct git_run *run, const char *folder, const char *commit, struct err *err)
{
    const char *ref = run->url->ref;
    int missing = look_for(run, folder, commit, err);
    if (missing <= 0)
        return missing;
    if (fetch(run, folder, commit, err) == 0)
        return 0;
    /* Not every server lets commits be asked for by name, but what it lists it gives. */
    struct err second cleanup_err = ERR_INIT;
    if (ref && strncmp(ref, "refs/", 5) == 0 && fetch(run, folder, ref, &second) == 0 &&
        look_for(run, folder, commit, &second) == 0) {
        if (err)
            err_clear(err);
        return 0;
    }
    return err_wrap(err, "the commit %s cannot be had", commit);
}

static int check_out(const struct git_run *run, const char *folder, const char *commit, struct err *err)
{
    struct command c = command("checkout", folder);
    add(&c, "--quiet");
    add(&c, "--detach");
    add(&c, commit);
    add(&c, "--");
    return execute(run, &c, err);
}

static int update_submodules(struct git_run *run, const char *folder, struct err *err)
{
    if (!fs_exists(AT_FDCWD, path_join(run->a, folder, ".gitmodules")))
        return 0;
    struct command c = command("submodule", folder);
    add(&c, "--quiet");
    add(&c, "update");
    add(&c, "--init");
    add(&c, "--recursive");
    run->subject = arena_concat(run->a, "a submodule of ", run->url->shown);
    return execute(run, &c, err);
}

int git_checkout(const struct git_url *url, const char *commit, const char *folder,
                 const struct git_options *o, struct err *err)
{
    struct arena scratch cleanup_arena = ARENA_INIT;
    if (!git_is_commit(commit))
        return err_set(err, ERR_INPUT, "%s is no commit", commit);
    struct git_run run = begin(&scratch, url, o);
    const char *whole = path_absolute(&scratch, folder);
    if (clone(&run, whole, err) < 0 || obtain(&run, whole, commit, err) < 0 ||
        check_out(&run, whole, commit, err) < 0)
        return -1;
    return update_submodules(&run, whole, err);
}
