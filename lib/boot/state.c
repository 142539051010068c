/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/state.h"

#include "base/digest.h"
#include "base/fs.h"
#include "boot/columns.h"
#include "boot/fact.h"
#include "config/environment.h"
#include "config/settings.h"

#include <errno.h>
#include <stdint.h>

#include <bsd/string.h>

enum { LARGEST_STATE = 4 << 20, MOST_FACTS = 100000, COLUMNS = 5 };

#define MAGIC "localstack-extensions-state"
#define FORMAT "1"
#define MARK "mark"
#define PRINTS "settings-prints"
#define DEVELOPER "developer" /* PLACE, FOLDER: a developer's source */

/* One line of the file, unescaped: KIND, VALUE, ARGUMENT; a failure has two columns more. */
struct line {
    const char *column[COLUMNS];
};

struct facts ARRAY(struct line);

struct comparison {
    struct arena *a;
    const struct boot_paths *paths;
    const struct settings *settings; /* NULL while writing */
    const struct boot_sources *sources;
    const struct state *then; /* what the state says; NULL while writing */
};

/* ---- the facts that are computed again, each by the name of its kind */

static char *now_settings(const struct comparison *c, const char *argument)
{
    char hex[DIGEST_HEX];
    (void)argument;
    settings_digest(c->settings, hex);
    return arena_strdup(c->a, hex);
}

static char *now_machine(const struct comparison *c, const char *argument)
{
    (void)argument;
    return fact_machine(c->a);
}

static char *now_base(const struct comparison *c, const char *argument)
{
    return strcmp(argument, c->paths->base) == 0 ? fact_file(c->a, path_join(c->a, argument, "pyvenv.cfg"))
                                                 : arena_strdup(c->a, "another");
}

static char *now_stat(const struct comparison *c, const char *argument)
{
    return fact_stat(c->a, argument);
}

static char *now_distributions(const struct comparison *c, const char *argument)
{
    return fact_distributions(c->a, argument);
}

static char *now_source(const struct comparison *c, const char *argument)
{
    return fact_source(c->a, argument);
}

static char *now_code(const struct comparison *c, const char *argument)
{
    return fact_code(c->a, argument);
}

static bool is_url(const char *path)
{
    return strstr(path, "://") != NULL;
}

static char *now_file(const struct comparison *c, const char *argument)
{
    if (is_url(argument))
        return arena_strdup(c->a, "url");
    for (size_t i = 0; c->settings && i < c->settings->file_count; i++) {
        const struct settings_file *f = &c->settings->files[i];
        if (strcmp(f->path, argument) == 0)
            return arena_strdup(c->a, f->exists ? f->digest : FACT_ABSENT);
    }
    return fact_file(c->a, argument);
}

static char *now_variable(const struct comparison *c, const char *argument)
{
    return environment_print(c->a, c->settings->environ, argument, c->then->salt ? c->then->salt : "");
}

static char *now_number(const struct comparison *c, const char *argument)
{
    (void)argument;
    return fact_number(c->a, c->paths->venv);
}

static char *now_venv_folder(const struct comparison *c, const char *argument)
{
    return fact_mtime(c->a, path_join(c->a, c->paths->venv, argument));
}

enum kind_index {
    KIND_SETTINGS,
    KIND_MACHINE,
    KIND_BASE,
    KIND_INTERPRETER,
    KIND_DISTRIBUTIONS,
    KIND_FILE,
    KIND_VARIABLE,
    KIND_SOURCE,
    KIND_PROJECT_FILE,
    KIND_CODE,
    KIND_WHEEL,
    KIND_VENV,
    KIND_VENV_FOLDER,
    KINDS
};

/* Of which a whole state may have none; of each other kind it has one at least. */
enum {
    OPTIONAL = 1 << KIND_FILE | 1 << KIND_VARIABLE | 1 << KIND_SOURCE | 1 << KIND_PROJECT_FILE |
               1 << KIND_CODE | 1 << KIND_WHEEL
};

static const struct kind {
    const char *name;
    char *(*now)(const struct comparison *c, const char *argument);
    const char *before, *after; /* the reason: before ARGUMENT after */
} kinds[KINDS] = {
    [KIND_SETTINGS] = {"settings", now_settings, "the settings changed", NULL},
    [KIND_MACHINE] = {"machine", now_machine, "the machine is of another kind", NULL},
    [KIND_BASE] = {"base", now_base, "LocalStack's own venv is not the one that the last sync saw in ", ""},
    [KIND_INTERPRETER] = {"interpreter", now_stat, "the interpreter ", " changed"},
    [KIND_DISTRIBUTIONS] = {"distributions", now_distributions, "the distributions in ", " changed"},
    [KIND_FILE] = {"file", now_file, "", " changed"},
    [KIND_VARIABLE] = {"variable", now_variable, "the variable ", " changed"},
    [KIND_SOURCE] = {"source", now_source, "the folder ", " changed"},
    [KIND_PROJECT_FILE] = {"project-file", now_stat, "", " changed"},
    [KIND_CODE] = {"code", now_code, "code that may have entry points in it changed in ", ""},
    [KIND_WHEEL] = {"wheel", now_stat, "", " changed"},
    [KIND_VENV] = {"venv", now_number, "the extensions venv is not the one that the last sync made", NULL},
    [KIND_VENV_FOLDER] = {"venv-folder", now_venv_folder, "somebody changed the extensions venv's ", ""},
};

static const struct kind *find_kind(const char *name)
{
    for (size_t i = 0; i < KINDS; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

static const char *reason_of(const struct comparison *c, const struct kind *kind, const struct line *fact,
                             const char *now)
{
    const char *after = kind->after;
    if (!after)
        return kind->before;
    if (kind->now != now_base && strcmp(now, FACT_ABSENT) == 0)
        after = " is gone";
    else if (kind->now == now_file && strcmp(now, FACT_UNREADABLE) == 0)
        after = " cannot be read";
    else if (kind->now != now_base && strcmp(fact->column[1], FACT_ABSENT) == 0)
        after = " is new";
    return arena_printf(c->a, "%s%s%s", kind->before, fact->column[2], after);
}

/* ---- writing */

static void add_fact(struct buf *to, const char *kind, const char *value, const char *argument)
{
    columns_add(to, kind, '\t');
    columns_add(to, value, '\t');
    columns_add(to, argument, '\n');
}

static void add_now(struct buf *to, const struct comparison *c, enum kind_index kind, const char *argument)
{
    add_fact(to, kinds[kind].name, kinds[kind].now(c, argument), argument);
}

/* As it was when it was read: what changed since then is for the next sync. */
static void add_then(struct buf *to, const struct comparison *c, enum kind_index kind, const char *argument,
                     const char *value)
{
    add_fact(to, kinds[kind].name, value ? value : kinds[kind].now(c, argument), argument);
}

/* Those beyond the end of `facts` nobody read. */
static void add_read(struct buf *to, const struct comparison *c, enum kind_index kind,
                     const struct strings *paths, const struct strings *facts)
{
    for (size_t i = 0; i < paths->count; i++)
        add_then(to, c, kind, paths->items[i], i < facts->count ? facts->items[i] : NULL);
}

static void add_redacted(struct buf *to, const char *s, char end)
{
    struct buf clean cleanup_buf = BUF_INIT;
    log_redact(&clean, text_of(s ? s : ""));
    columns_add(to, buf_cstr(&clean), end);
}

static void add_file(struct buf *to, const struct comparison *c, const struct state *state, size_t i)
{
    const char *path = state->files.items[i];
    const char *digest = i < state->digests.count ? state->digests.items[i] : NULL;
    columns_add(to, "file", '\t');
    columns_add(to, digest && !is_url(path) ? digest : now_file(c, path), '\t');
    if (is_url(path))
        add_redacted(to, path, '\n');
    else
        columns_add(to, path, '\n');
}

static void add_marks(struct buf *to, const struct state_marks *marks)
{
    array_each (&marks->distributions, name)
        add_fact(to, MARK, "distribution", *name);
    if (marks->venv)
        add_fact(to, MARK, "venv", NULL);
    if (marks->other)
        add_fact(to, MARK, "other", NULL);
}

static int write_bytes(struct arena *a, const struct boot_paths *paths, const struct buf *bytes,
                       struct err *err)
{
    const char *file = path_join(a, paths->extensions, SYNC_STATE);
    return fs_write(AT_FDCWD, file, buf_view(bytes), 0644, false, err);
}

int state_write(const struct boot_paths *paths, const struct state *state, struct err *err)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct buf b cleanup_buf = BUF_INIT;
    const struct comparison c = {.a = &a, .paths = paths};
    add_fact(&b, MAGIC, FORMAT, NULL);
    add_fact(&b, "number", arena_printf(&a, "%llu", state->number), NULL);
    add_fact(&b, "status", arena_printf(&a, "%d", state->status), NULL);
    add_fact(&b, "host", state->host, NULL);
    add_fact(&b, "soabi", state->soabi, NULL); /* goes with the interpreter's size and mtime */
    if (state->always)
        add_fact(&b, "always", NULL, NULL);
    if (state->prints)
        add_fact(&b, PRINTS, state->salt, state->prints);
    add_fact(&b, "settings", state->settings, NULL);
    for (size_t i = 0; i < state->files.count; i++)
        add_file(&b, &c, state, i);
    for (size_t i = 0; i < state->variables.count; i++)
        add_fact(&b, kinds[KIND_VARIABLE].name, state->variable_prints.items[i], state->variables.items[i]);
    add_now(&b, &c, KIND_MACHINE, "");
    add_now(&b, &c, KIND_BASE, paths->base);
    if (state->interpreter)
        add_now(&b, &c, KIND_INTERPRETER, state->interpreter);
    array_each (&state->base_folders, folder)
        add_now(&b, &c, KIND_DISTRIBUTIONS, *folder);
    array_each (&state->sources, source)
        add_fact(&b, DEVELOPER, source->place, source->folder);
    array_each (&state->sources, source)
        add_then(&b, &c, KIND_SOURCE, source->folder, source->fact);
    add_read(&b, &c, KIND_SOURCE, &state->folders, &state->folder_facts);
    add_read(&b, &c, KIND_PROJECT_FILE, &state->project_files, &state->project_facts);
    add_read(&b, &c, KIND_CODE, &state->code, &state->code_facts);
    add_read(&b, &c, KIND_WHEEL, &state->wheels, &state->wheel_facts);
    add_now(&b, &c, KIND_VENV, "");
    if (state->site_packages)
        add_now(&b, &c, KIND_VENV_FOLDER, state->site_packages);
    add_now(&b, &c, KIND_VENV_FOLDER, "bin");
    array_each (&state->failures, f) {
        columns_add(&b, "failure", '\t');
        columns_add(&b, f->malformed ? "malformed" : "failed", '\t');
        add_redacted(&b, f->requirement, '\t');
        add_redacted(&b, f->from, '\t');
        add_redacted(&b, f->reason, '\n');
    }
    add_marks(&b, &state->marks);
    add_fact(&b, "end", NULL, NULL);
    return write_bytes(&a, paths, &b, err);
}

/* ---- reading */

/* NULL, or why the file is none of ours. */
static const char *parse(struct arena *a, struct text bytes, struct facts *facts)
{
    struct text line;
    if (bytes.len && memchr(bytes.ptr, 0, bytes.len))
        return "it holds NUL bytes";
    while (bytes.len && text_cut(&bytes, '\n', &line)) {
        struct line fact;
        columns_cut(a, line, fact.column, COLUMNS);
        if (facts->count == MOST_FACTS)
            return "it has too many lines";
        array_push(facts, fact);
    }
    if (facts->count == 0 || strcmp(facts->items[0].column[0], MAGIC) != 0)
        return "it is not a state file";
    if (strcmp(facts->items[0].column[1], FORMAT) != 0)
        return "another version of this program wrote it";
    if (strcmp(facts->items[facts->count - 1].column[0], "end") != 0)
        return "it has no end";
    return NULL;
}

/* In `out` is room for all. */
static void collect_mark(const struct line *fact, struct state_marks *out)
{
    if (strcmp(fact->column[1], "distribution") == 0)
        out->distributions.items[out->distributions.count++] = (char *)(uintptr_t)fact->column[2];
    else if (strcmp(fact->column[1], "venv") == 0)
        out->venv = true;
    else
        out->other = true;
}

/* The facts that are not compared. Status -1 stays where there is none. */
static void collect(struct arena *a, const struct facts *facts, struct state *out)
{
    unsigned long long n;
    out->status = -1;
    out->failures.items = arena_array(a, facts->count, sizeof *out->failures.items);
    out->failures.room = facts->count;
    out->sources.items = arena_array(a, facts->count, sizeof *out->sources.items);
    out->sources.room = facts->count;
    out->marks.distributions.items = arena_array(a, facts->count, sizeof(char *));
    out->marks.distributions.room = facts->count;
    array_each (facts, f) {
        const char *kind = f->column[0], *value = f->column[1];
        if (strcmp(kind, "number") == 0 && text_u64(text_of(value), &n))
            out->number = n;
        else if (strcmp(kind, "status") == 0 && text_u64(text_of(value), &n) && n <= 1)
            out->status = (int)n;
        else if (strcmp(kind, "host") == 0)
            out->host = value;
        else if (strcmp(kind, "soabi") == 0)
            out->soabi = value;
        else if (strcmp(kind, "always") == 0)
            out->always = true;
        else if (strcmp(kind, PRINTS) == 0) {
            out->salt = value;
            out->prints = f->column[2];
        } else if (strcmp(kind, "settings") == 0)
            strlcpy(out->settings, value, sizeof out->settings);
        else if (strcmp(kind, DEVELOPER) == 0)
            out->sources.items[out->sources.count++] = (struct boot_source){f->column[2], value, NULL};
        else if (strcmp(kind, MARK) == 0)
            collect_mark(f, &out->marks);
        else if (strcmp(kind, "failure") == 0)
            out->failures.items[out->failures.count++] = (struct state_failure){
                .requirement = f->column[2],
                .from = f->column[3],
                .reason = f->column[4],
                .malformed = strcmp(value, "malformed") == 0,
            };
    }
}

/* ---- comparing */

/* The settings that changed, by name where the state lets them be told. */
static const char *changed_settings(const struct comparison *c)
{
    const char *names =
        c->then->prints ? settings_changes(c->a, c->settings, c->then->salt, c->then->prints) : NULL;
    return names ? names : kinds[KIND_SETTINGS].before;
}

/* A settings file that is there now and was not looked for then. */
static const char *new_file(const struct comparison *c, const struct facts *facts)
{
    for (size_t i = 0; i < c->settings->file_count; i++) {
        const struct settings_file *file = &c->settings->files[i];
        bool known = !file->exists;
        array_each (facts, f) {
            known |= strcmp(f->column[0], "file") == 0 && strcmp(f->column[2], file->path) == 0;
            if (known)
                break;
        }
        if (!known)
            return arena_printf(c->a, "%s is new", file->path);
    }
    return NULL;
}

static const struct boot_source *find_source(const struct boot_sources *sources, const char *folder)
{
    array_each (sources, source)
        if (strcmp(source->folder, folder) == 0)
            return source;
    return NULL;
}

/* In what the developers' sources differ from those of the last sync; NULL: in nothing. */
static const char *changed_sources(const struct comparison *c, const struct boot_sources *then)
{
    static const struct boot_sources none;
    const struct boot_sources *now = c->sources ? c->sources : &none;
    array_each (then, source)
        if (!find_source(now, source->folder))
            return arena_printf(c->a, "the developer's source %s is gone", source->folder);
    array_each (now, source) {
        const struct boot_source *before = find_source(then, source->folder);
        if (!before)
            return arena_printf(c->a, "the developer's source %s is new", source->folder);
        if (strcmp(before->place, source->place) != 0)
            return arena_printf(c->a, "the developer's source %s is used through %s now", source->folder,
                                source->place);
    }
    for (size_t i = 0; i < now->count; i++)
        if (i >= then->count || strcmp(now->items[i].folder, then->items[i].folder) != 0)
            return "the developers' sources come in another order";
    return NULL;
}

/* *input: whether it is one of what a sync is asked for, and not of what it left. */
static const char *difference(const struct comparison *c, const struct facts *facts, bool *input)
{
    const char *sources = changed_sources(c, &c->then->sources);
    size_t seen = 0, all = 0;
    array_each (facts, f) {
        const struct kind *kind = find_kind(f->column[0]);
        if (!kind)
            continue;
        seen |= (size_t)1 << (kind - kinds);
        const char *now = kind->now(c, f->column[2]);
        *input = kind < &kinds[KIND_VENV];
        if (strcmp(now, f->column[1]) == 0)
            continue;
        if (kind == &kinds[KIND_SOURCE] && sources)
            return sources;
        return kind == &kinds[KIND_SETTINGS] ? changed_settings(c) : reason_of(c, kind, f, now);
    }
    *input = false;
    for (size_t i = 0; i < KINDS; i++)
        if (!(OPTIONAL >> i & 1))
            all |= (size_t)1 << i;
    if ((seen & all) != all)
        return "the state of the last sync is not whole";
    const char *added = sources ? sources : new_file(c, facts);
    *input = added != NULL;
    return added;
}

bool state_unfinished(const struct boot_paths *paths)
{
    struct arena a cleanup_arena = ARENA_INIT;
    return access(path_join(&a, paths->extensions, SYNC_COMMIT), F_OK) == 0;
}

static const char *read_state(struct arena *a, const struct boot_paths *paths, struct facts *facts)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    struct err err cleanup_err = ERR_INIT;
    const char *wrong;
    if (fs_read(AT_FDCWD, path_join(a, paths->extensions, SYNC_STATE), LARGEST_STATE, &bytes, &err) < 0)
        wrong = err.kind == ERR_SYSTEM && (err.sysno == ENOENT || err.sysno == ENOTDIR)
                    ? "there has been no sync yet"
                    : arena_strdup(a, err.text);
    else if ((wrong = parse(a, buf_view(&bytes), facts)))
        wrong = arena_printf(a, "the state of the last sync cannot be read: %s", wrong);
    return wrong;
}

/* ---- what `check` found */

static const char *marks_reason(struct arena *a, const struct state_marks *marks)
{
    struct buf names cleanup_buf = BUF_INIT;
    array_each (&marks->distributions, name)
        buf_printf(&names, "%s%s", names.len ? ", " : "", *name);
    if (names.len)
        return arena_printf(a, "`localstack-extensions check` found that something is wrong with %s",
                            buf_cstr(&names));
    return marks->venv || marks->other ? "`localstack-extensions check` found something wrong" : NULL;
}

int state_mark(const struct boot_paths *paths, const struct state_marks *marks, struct err *err)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct buf old cleanup_buf = BUF_INIT, fresh cleanup_buf = BUF_INIT;
    struct facts facts = {0};
    struct text rest, line;
    const char *path = path_join(&a, paths->extensions, SYNC_STATE);
    bool known =
        fs_read(AT_FDCWD, path, LARGEST_STATE, &old, NULL) == 0 && !parse(&a, buf_view(&old), &facts);
    array_free(&facts);
    if (!known)
        add_fact(&fresh, MAGIC, FORMAT, NULL);
    for (rest = buf_view(&old); known && rest.len && text_cut(&rest, '\n', &line);) {
        if (!text_starts(line, T(MARK "\t")) && !text_starts(line, T("end\t"))) {
            buf_text(&fresh, line);
            buf_char(&fresh, '\n');
        }
    }
    if (!known && !marks_reason(&a, marks))
        return 0;
    add_marks(&fresh, marks);
    add_fact(&fresh, "end", NULL, NULL);
    return text_eq(buf_view(&old), buf_view(&fresh)) ? 0 : write_bytes(&a, paths, &fresh, err);
}

void state_base_changes(struct arena *a, const struct boot_paths *paths, struct strings *out)
{
    const struct comparison c = {.a = a, .paths = paths};
    struct facts facts = {0};
    if (!read_state(a, paths, &facts))
        array_each (&facts, f) {
            const struct kind *kind = find_kind(f->column[0]);
            if (!kind || kind < &kinds[KIND_MACHINE] || kind > &kinds[KIND_DISTRIBUTIONS])
                continue;
            const char *now = kind->now(&c, f->column[2]);
            if (strcmp(now, f->column[1]) != 0)
                array_push(out, arena_strdup(a, reason_of(&c, kind, f, now)));
        }
    array_free(&facts);
}

/* ---- */

static bool is_of_sources(const struct kind *kind)
{
    return kind == &kinds[KIND_SOURCE] || kind == &kinds[KIND_PROJECT_FILE] || kind == &kinds[KIND_CODE];
}

/* Of the source itself, what its project files lead to in it, and code that may have entry points. */
static const char *source_change(const struct comparison *c, const struct facts *facts,
                                 const struct boot_source *source)
{
    const size_t length = strlen(source->folder);
    bool known = false;
    array_each (facts, f) {
        const struct kind *kind = find_kind(f->column[0]);
        const char *path = f->column[2];
        if (!kind || !is_of_sources(kind) || strncmp(path, source->folder, length) != 0 ||
            (path[length] && path[length] != '/'))
            continue;
        known |= !path[length] && kind == &kinds[KIND_SOURCE];
        const char *now = kind->now(c, path);
        if (strcmp(now, f->column[1]) != 0)
            return reason_of(c, kind, f, now);
    }
    return known ? NULL : arena_printf(c->a, "the developer's source %s is new", source->folder);
}

const char *state_source_change(struct arena *a, const struct boot_paths *paths,
                                const struct boot_sources *sources)
{
    const struct comparison c = {.a = a, .paths = paths};
    struct facts facts = {0};
    const char *why = read_state(a, paths, &facts);
    if (!why)
        array_each (&facts, f)
            if (!why && strcmp(f->column[0], DEVELOPER) == 0 && !find_source(sources, f->column[2]))
                why = arena_printf(a, "the developer's source %s is gone", f->column[2]);
    array_each (sources, source)
        if (!why)
            why = source_change(&c, &facts, source);
    array_free(&facts);
    return why;
}

/* ---- */

enum state_verdict state_compare(struct arena *a, const struct boot_paths *paths,
                                 const struct settings *settings, const struct boot_sources *sources,
                                 struct state *out, const char **reason)
{
    struct facts facts = {0};
    struct state state = {0};
    const struct comparison c = {
        .a = a, .paths = paths, .settings = settings, .sources = sources, .then = &state};
    const char *why = state_unfinished(paths) ? "the last sync was not finished" : NULL;
    const char *unread = read_state(a, paths, &facts);
    if (!unread)
        collect(a, &facts, &state);
    if (!why)
        why = unread;
    if (!why)
        why = marks_reason(a, &state.marks);
    if (!why && (state.always || settings->upgrade))
        why = settings->upgrade ? "EXTENSION_UPGRADE asks for newer versions at each boot"
                                : "the last sync was asked for something else than a boot is";
    if (!why)
        why = difference(&c, &facts, &state.other_inputs);
    if (!why && state.status < 0)
        why = "the state of the last sync is not whole";
    array_free(&facts);
    bool malformed = state.failures.count > 0;
    array_each (&state.failures, f)
        malformed &= f->malformed;
    if (out)
        *out = state;
    if (reason)
        *reason = why ? why : state.status ? "requirements that failed are tried again" : NULL;
    return why ? STATE_CHANGED : !state.status ? STATE_SAME : malformed ? STATE_MALFORMED : STATE_FAILED;
}
