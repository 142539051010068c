/* SPDX-License-Identifier: Apache-2.0 */
/* The sections of the report that need no network. */
#include "base/fs.h"
#include "config/environment.h"
#include "config/setting.h"
#include "reconcile/cache.h"
#include "reconcile/check.h"
#include "reconcile/history.h"
#include "reconcile/report.h"
#include "reconcile/restrict.h"
#include "reconcile/volume.h"
#include "reconcile/wanted.h"
#include "venv/install.h"
#include "venv/layout.h"
#include "venv/lock.h"

#include <errno.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <time.h>

static void add(struct report *r, const char *section, json_t *value)
{
    json_object_set_new(r->root, section, value);
}

static void say_each_line(struct report *r, const char *lines)
{
    struct text rest = text_of(lines), line;
    while (rest.len && text_cut(&rest, '\n', &line))
        report_problem(r, "%.*s", TEXT_ARG(text_trim(line)));
}

/* ---- this machine */

static json_t *system_section(struct session *s)
{
    struct utsname u = {0};
    struct tm tm;
    time_t now = time(NULL);
    char when[32];
    uname(&u);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
    return json_pack("{s:s, s:s, s:o, s:s, s:I, s:o}", "version", PROGRAM_VERSION, "time", when, "host",
                     report_text(u.nodename), "kernel",
                     arena_printf(&s->memory, "%s %s %s", u.sysname, u.release, u.machine), "user",
                     (json_int_t)getuid(), "root", report_text(*s->paths.root ? s->paths.root : "/"));
}

/* ---- what was read */

static json_t *setting_row(struct session *s, const struct setting *t)
{
    struct buf value cleanup_buf = BUF_INIT;
    const char *origin = setting_origin(&s->settings, t);
    bool there = setting_text(&s->settings, t, &value);
    bool is_url = t->option && t->kind == SETTING_STRING;
    const char *prefixed = arena_printf(&s->memory, "LOCALSTACK_%s", origin ? origin : "");
    if (origin && environment_get(s->environ, prefixed))
        origin = prefixed;
    return json_pack("{s:s, s:o, s:o}", "setting", t->key, "value",
                     !there   ? json_null()
                     : is_url ? report_url(buf_cstr(&value))
                              : report_text(buf_cstr(&value)),
                     "from", report_text(origin ? origin : "default"));
}

static json_t *settings_section(struct session *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < setting_count; i++)
        json_array_append_new(list, setting_row(s, &setting_table[i]));
    return list;
}

/* Variables that are no settings, and count all the same. */
static json_t *environment_section(struct report *r)
{
    static const char *const proxies[] = {"HTTP_PROXY",  "http_proxy", "HTTPS_PROXY",
                                          "https_proxy", "ALL_PROXY",  "all_proxy"};
    static const char *const others[] = {
        "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR",    "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
        "NETRC",    "HOME",     "TMPDIR",        "PIP_CONFIG_FILE", "XDG_CONFIG_HOME",    "XDG_CACHE_HOME"};
    struct strings misspelt cleanup_strings = {0};
    struct session *s = r->s;
    json_t *section = json_object();
    for (size_t i = 0; i < sizeof proxies / sizeof *proxies; i++)
        if (environment_get(s->environ, proxies[i]))
            json_object_set_new(section, proxies[i], report_url(environment_get(s->environ, proxies[i])));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (environment_get(s->environ, others[i]))
            json_object_set_new(section, others[i], report_text(environment_get(s->environ, others[i])));
    environment_misspelt(&s->memory, s->environ, &misspelt);
    array_each (&misspelt, warning)
        report_problem(r, "%s", *warning);
    return section;
}

static void add_file(json_t *list, const char *path, bool read)
{
    json_array_append_new(list, json_pack("{s:o, s:s}", "file", report_text(path), "found",
                                          read                      ? "read"
                                          : access(path, F_OK) == 0 ? "there, but not read"
                                                                    : "not there"));
}

static void add_source(json_t *list, const char *folder, const char *place, const struct developed *d)
{
    const char *version = d && d->metadata ? d->metadata->version.text : NULL;
    json_array_append_new(list,
                          json_pack("{s:o, s:o, s:o, s:o, s:o}", "folder", report_text(folder), "used-as",
                                    report_text(place), "distribution", report_text(d ? d->name : NULL),
                                    "version", report_text(version), "asked-for",
                                    report_text(!d || !d->named ? "EXTENSION_DEV_MODE" : d->from)));
}

static const struct developed *source_at(const struct wanted *w, const char *folder)
{
    array_each (&w->developed, d)
        if (strcmp((*d)->folder, folder) == 0)
            return *d;
    return NULL;
}

/* Sources that are linked; those that cannot be are told without a distribution, and why is among the
 * problems. */
static json_t *sources_section(struct session *s, const struct wanted *w)
{
    json_t *list = json_array();
    array_each (session_sources(s), b)
        add_source(list, b->folder, b->place, source_at(w, b->folder));
    array_each (&w->developed, d)
        if ((*d)->named)
            add_source(list, (*d)->folder, (*d)->place, *d);
    return list;
}

/* That files ask for. Their values can be passwords. */
static json_t *variables_section(struct session *s, const struct wanted *w)
{
    json_t *list = json_array();
    array_each (&w->variables, name) {
        const char *value = environment_get(s->environ, *name);
        json_array_append_new(
            list, json_pack("{s:o, s:b}", "variable", report_text(*name), "set", value && *value));
    }
    return list;
}

/* What is asked for is read only where there is an interpreter, whose Python the markers are about. */
static json_t *files_section(struct report *r, json_t **variables, json_t **sources)
{
    struct session *s = r->s;
    struct wanted wanted cleanup_wanted = {0};
    struct err err cleanup_err = ERR_INIT;
    json_t *list = json_array();
    *sources = json_array();
    *variables = json_array();
    for (size_t i = 0; i < s->settings.file_count; i++)
        add_file(list, s->settings.files[i].path, s->settings.files[i].exists);
    if (!s->has_interpreter) {
        add_file(list, s->paths.conf_txt, false);
        return list;
    }
    s->only_looks = true;
    if (session_venv(s, &err) < 0 || wanted_read(s, &wanted, &err) < 0)
        say_each_line(r, err.text);
    for (size_t i = 0; i < wanted.files.count; i++)
        add_file(list, wanted.files.items[i], strcmp(wanted.digests.items[i], "-") != 0);
    array_each (&wanted.failures, f)
        report_problem(r, "%s (%s): %s", f->requirement, f->from, f->reason);
    json_decref(*sources);
    json_decref(*variables);
    *variables = variables_section(s, &wanted);
    *sources = sources_section(s, &wanted);
    return list;
}

/* ---- where it goes */

static const char *file_system(struct arena *a, const char *path)
{
    static const struct {
        unsigned long magic;
        const char *name;
    } known[] = {
        {0xef53, "ext4"},        {0x58465342, "xfs"},  {0x9123683e, "btrfs"}, {0x01021994, "tmpfs"},
        {0x794c7630, "overlay"}, {0x6969, "nfs"},      {0x65735546, "fuse"},  {0x01021997, "9p"},
        {0x2fc12fc1, "zfs"},     {0xff534d42, "cifs"}, {0xfe534d42, "smb2"},  {0x00c36400, "ceph"},
    };
    struct statfs fs;
    if (statfs(path, &fs) < 0)
        return NULL;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if ((unsigned long)fs.f_type == known[i].magic)
            return known[i].name;
    return arena_printf(a, "0x%lx", (unsigned long)fs.f_type);
}

/* Hard links go no further than a mount, whatever lies beneath it. */
static bool is_same_mount(const char *one, const char *other)
{
    struct statx a, b;
    return statx(AT_FDCWD, one, 0, STATX_MNT_ID, &a) == 0 &&
           statx(AT_FDCWD, other, 0, STATX_MNT_ID, &b) == 0 && a.stx_dev_major == b.stx_dev_major &&
           a.stx_dev_minor == b.stx_dev_minor && a.stx_mnt_id == b.stx_mnt_id;
}

static json_t *cache_section(struct report *r)
{
    struct session *s = r->s;
    struct cache_sizes sizes = {0};
    struct err err cleanup_err = ERR_INIT;
    const char *there = volume_nearest(&s->memory, s->cache_dir);
    json_int_t bytes = 0;
    bool exists = access(s->cache_dir, F_OK) == 0, writable = access(there, W_OK) == 0;
    if (!writable)
        report_problem(
            r,
            "the cache %s cannot be written (%s), so that everything is downloaded again each time; "
            "mend it, or name another folder with EXTENSION_CACHE_DIR",
            s->cache_dir, strerror(errno));
    if (exists && cache_measure(s, &sizes, &err) < 0)
        report_problem(r, "the cache: %s", err.text);
    for (enum cache_kind k = 0; k < CACHE_KINDS; k++)
        bytes += sizes.of[k].bytes;
    return json_pack("{s:o, s:b, s:b, s:I, s:I, s:o, s:b}", "path", report_text(s->cache_dir), "exists",
                     exists, "writable", writable, "bytes", bytes, "unpacked-wheels",
                     (json_int_t)sizes.of[CACHE_UNPACKED].count, "file-system",
                     report_text(file_system(&s->memory, there)), "same-mount-as-venv",
                     is_same_mount(there, volume_nearest(&s->memory, s->paths.extensions)));
}

static json_t *base_section(struct report *r)
{
    struct session *s = r->s;
    struct err err cleanup_err = ERR_INIT;
    if (session_base(s, &err) < 0)
        report_problem(r, "LocalStack's own virtual environment %s cannot be used: %s", s->paths.base,
                       err.text);
    const struct interpreter *py = s->has_interpreter ? &s->py : NULL;
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "path", report_text(s->paths.base), "python",
                     report_text(py ? py->version_text : NULL), "interpreter",
                     report_text(py ? py->base_executable : NULL), "distributions",
                     s->has_base ? json_integer((json_int_t)s->base.count) : json_null(), "pip",
                     report_text(py ? py->pip_version : NULL));
}

struct counts {
    json_int_t ours, by_hand, others;
};

static struct counts count_installed(struct report *r, struct installed_set *set)
{
    struct counts n = {0};
    for (size_t i = 0; i < set->count; i++) {
        struct err err cleanup_err = ERR_INIT;
        struct installed *item = set->items[i];
        if (installed_details(set, item, &err) < 0)
            report_problem(r, "%s", err.text);
        else if (strcmp(item->installer, INSTALLER_NAME) == 0)
            n.ours++;
        else if (plan_is_by_hand(item))
            n.by_hand++;
        else
            n.others++;
    }
    return n;
}

static const char *venv_state(struct report *r)
{
    struct session *s = r->s;
    struct err err cleanup_err = ERR_INIT;
    if (!s->has_interpreter)
        return access(s->paths.venv, F_OK) == 0 ? "there; without an interpreter no more can be said"
                                                : "there is none";
    if (session_venv(s, &err) < 0) {
        report_problem(r, "the extensions' venv: %s", err.text);
        return "it cannot be read";
    }
    if (!s->rebuild || s->fresh)
        return s->rebuild ? s->rebuild : "whole";
    report_problem(r, "the extensions' venv %s cannot be kept: %s; the next sync makes it anew",
                   s->paths.venv, s->rebuild);
    return s->rebuild;
}

static json_t *venv_section(struct report *r)
{
    struct session *s = r->s;
    const char *state = venv_state(r), *there = volume_nearest(&s->memory, s->paths.extensions);
    struct counts n = count_installed(r, s->rebuild ? &s->old : &s->venv);
    bool unfinished = state_unfinished(&s->paths), writable = access(there, W_OK) == 0;
    int sysno = writable ? 0 : errno;
    if (sysno && s->settings.sync != SYNC_NEVER)
        report_problem(r, "%s",
                       volume_cannot_be_written(
                           s, sysno, arena_printf(&s->memory, " at %s (%s)", there, strerror(sysno))));
    if (unfinished)
        report_problem(r, "the last sync was not finished; the next boot, or `localstack-extensions sync`, "
                          "finishes it");
    return json_pack("{s:o, s:o, s:I, s:I, s:I, s:b, s:b, s:o}", "path", report_text(s->paths.venv), "state",
                     report_text(state), "ours", n.ours, "by-hand", n.by_hand, "others", n.others,
                     "unfinished-sync", unfinished, "writable", writable, "file-system",
                     report_text(file_system(&s->memory, there)));
}

/* Only where there is a venv that is kept: else there is more to say than that files are missing. The first
 * few findings stand for the rest. */
static json_t *check_section(struct report *r)
{
    enum { MOST = 10 };
    struct session *s = r->s;
    struct check check cleanup_check = {0};
    struct err err cleanup_err = ERR_INIT;
    if (!s->has_interpreter || s->rebuild)
        return json_null();
    if (check_look(s, &check, &err) < 0) {
        report_problem(r, "the files of the extensions' venv cannot be looked at: %s", err.text);
        return json_null();
    }
    for (size_t i = 0; i < check.problems.count && i < MOST; i++)
        report_problem(r, "%s", check.problems.items[i].message);
    if (check.problems.count)
        report_problem(
            r,
            "`localstack-extensions check` shows all %zu finding%s about what is installed, and has "
            "the next sync repair what it can",
            check.problems.count, check.problems.count == 1 ? "" : "s");
    return json_pack("{s:I, s:I, s:I, s:I}", "distributions", (json_int_t)check.distributions, "files",
                     (json_int_t)check.files, "bytes", (json_int_t)check.bytes, "findings",
                     (json_int_t)check.problems.count);
}

/* ---- what happened, and what will */

static const char *next_boot(struct report *r, const char *settings_fault)
{
    struct session *s = r->s;
    struct state last = {0};
    const char *reason = NULL;
    if (settings_fault)
        return "leaves the extensions as they are, because of what is wrong with the settings";
    if (s->settings.sync == SYNC_NEVER)
        return "leaves the extensions as they are (EXTENSION_SYNC=never)";
    switch (state_compare(&s->memory, &s->paths, &s->settings, session_sources(s), &last, &reason)) {
    case STATE_SAME:
        return "has nothing to do: nothing changed since the last sync";
    case STATE_CHANGED:
        return arena_printf(&s->memory, "syncs: %s", reason);
    case STATE_MALFORMED: /* said already, by who read them */
        return "reports the malformed requirements again, and does nothing else";
    case STATE_FAILED:
        break;
    }
    array_each (&last.failures, f)
        if (!f->malformed)
            report_problem(r, "%s (%s) was set aside by the last sync: %s", f->requirement, f->from,
                           f->reason);
    return arena_printf(&s->memory, "syncs: %s", reason);
}

/* A history says what went wrong only where nothing went right since. */
static json_t *syncs_section(struct report *r, const char *holder)
{
    json_t *list = history_read(r->s->paths.extensions), *entry;
    size_t i;
    json_array_foreach(list, i, entry)
    {
        const char *error = json_string_value(json_object_get(entry, "error"));
        json_object_set_new(entry, "error", report_text(error));
    }
    json_t *last = json_array_get(list, json_array_size(list) - 1), *status = json_object_get(last, "exit");
    const char *when = json_string_value(json_object_get(last, "time"));
    if (last && json_is_null(status) && !*holder)
        report_problem(r,
                       "the sync that began at %s did not end: it was killed, perhaps for want of memory, or "
                       "ran out of time (EXTENSION_SYNC_TIMEOUT)",
                       when);
    else if (last && json_integer_value(status) > 1)
        report_problem(r, "the last sync, at %s, failed with exit status %lld: %s", when,
                       (long long)json_integer_value(status),
                       json_is_string(json_object_get(last, "error"))
                           ? json_string_value(json_object_get(last, "error"))
                           : "it did not say why");
    return list;
}

void doctor_examine(struct report *r, struct session *s, const char *settings_fault)
{
    *r = (struct report){.s = s, .root = json_object(), .problems = json_array()};
    if (settings_fault)
        say_each_line(r, settings_fault);
    add(r, "system", system_section(s));
    add(r, "settings", settings_section(s));
    add(r, "environment", environment_section(r));
    const char *next = next_boot(r, settings_fault); /* before files say something about the settings */
    json_t *cache = cache_section(r);                /* before it is made */
    restrict_writes(s, false);
    s->settings.retries = 0; /* somebody sits there and waits */
    add(r, "base", base_section(r));
    json_t *variables, *sources;
    add(r, "files", files_section(r, &variables, &sources));
    add(r, "variables", variables);
    add(r, "sources", sources);
    add(r, "venv", venv_section(r));
    add(r, "cache", cache);
    add(r, "indexes", doctor_indexes(r));
    add(r, "check", check_section(r)); /* reads the inputs again, so that the indexes come before */
    const char *holder = lock_look(&s->memory, s->paths.extensions);
    add(r, "syncs", syncs_section(r, holder));
    add(r, "lock-held-by", *holder ? report_text(holder) : json_null());
    add(r, "next-boot", report_text(next));
    add(r, "problems", r->problems);
}
