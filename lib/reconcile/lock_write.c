/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/lock_write.h"

#include "base/fs.h"
#include "reconcile/built.h"
#include "venv/direct_url.h"

#include <jansson.h>

int lock_prepare(struct session *s, struct err *err)
{
    s->settings.lock = NULL;
    if (session_base(s, err) < 0 || session_venv(s, err) < 0)
        return -1;
    s->prefer = s->venv;
    s->venv = (struct installed_set){0};
    installed_free(&s->old);
    s->old = (struct installed_set){0};
    s->rebuild = NULL;
    for (size_t i = 0; i < s->prefer.count; i++)
        if (installed_details(&s->prefer, s->prefer.items[i], err) < 0)
            return -1;
    return 0;
}

void lock_check(struct session *s, struct plan *plan)
{
    for (size_t i = 0; i < plan->keep.count; i++) {
        const struct plan_keep *k = &plan->keep.items[i];
        const char *what = arena_printf(&s->memory, "%s==%s", k->name, k->version);
        const char *reason = arena_printf(
            &s->memory,
            "it is installed and stays, but no index has a wheel of this version, and a lock has to name a "
            "file; --upgrade takes a version that an index has");
        array_push(&plan->failed, (struct plan_failed){what, "installed", reason, false});
    }
}

/* ---- TOML */

/* A basic string: in quotation marks, with what may not stand there escaped. */
static void add_string(struct buf *to, const char *s)
{
    buf_char(to, '"');
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            buf_printf(to, "\\%c", *s);
        else if ((unsigned char)*s < ' ' || *s == 127)
            buf_printf(to, "\\u%04X", (unsigned)*s);
        else
            buf_char(to, *s);
    }
    buf_char(to, '"');
}

static void add_pair(struct buf *to, const char *key, const char *value)
{
    buf_printf(to, "%s = ", key);
    add_string(to, value);
}

static bool is_utf8(const char *s)
{
    json_t *value = json_string(s);
    json_decref(value);
    return value != NULL;
}

/* ---- environments: what of this one the solution depended on */

struct writer {
    struct session *s;
    const struct plan *plan;
    const struct metadata **metadata; /* of plan->install */
    const char **sha256;              /* the same */
    const char *folder;
    const struct lock_wheel *wheels; /* NULL, or the same, of wheels that lie beside the lock */
    struct buf *out;
};

static bool mentions(const char *marker, const char *variable)
{
    size_t n = strlen(variable);
    for (const char *at = marker; (at = strstr(at, variable)); at += n)
        if ((at == marker || !ascii_is_alnum(at[-1])) && !ascii_is_alnum(at[n]) && at[n] != '_')
            return true;
    return false;
}

static bool any_marker_mentions(const struct writer *w, const char *variable)
{
    struct arena scratch cleanup_arena = ARENA_INIT;
    for (size_t i = 0; i < w->plan->install.count; i++) {
        const struct metadata *m = w->metadata[i];
        for (size_t j = 0; j < m->requires_count; j++) {
            const struct marker *marker = m->requires_dist[j].marker;
            if (marker_uses_extra(marker) && !w->plan->install.items[i].extra_count)
                continue;
            if (marker && mentions(marker_text(&scratch, marker), variable))
                return true;
        }
    }
    return false;
}

/* Of the tags PYTHON-ABI-PLATFORM. */
static bool any_wheel_is_for(const struct writer *w, bool platform)
{
    for (size_t i = 0; i < w->plan->install.count; i++) {
        const struct index_file *file = w->plan->install.items[i].file;
        if (!w->wheels && (!file || file->is_source))
            continue;
        struct text tags = text_of(w->wheels ? w->wheels[i].tags : file->wheel.tags);
        if (platform ? !text_ends(tags, T("-any")) : !text_starts(tags, T("py")))
            return true;
    }
    return false;
}

/* The release of the kernel and the patch level of Python are left out although markers can name them: a lock
 * for one of these alone would be of no use to anybody. */
static void add_environments(struct writer *w)
{
    const struct marker_environment *env = &w->s->py.markers;
    bool platform = any_wheel_is_for(w, true), interpreter = any_wheel_is_for(w, false);
    const struct {
        const char *variable, *value;
        bool needed;
    } facts[] = {
        {"implementation_name", env->implementation_name, interpreter},
        {"os_name", env->os_name, false},
        {"platform_machine", env->platform_machine, platform},
        {"platform_python_implementation", env->platform_python_implementation, false},
        {"platform_system", env->platform_system, false},
        {"sys_platform", env->sys_platform, platform},
    };
    struct buf text cleanup_buf = BUF_INIT;
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
        if (facts[i].needed || any_marker_mentions(w, facts[i].variable))
            buf_printf(&text, "%s%s == '%s'", text.len ? " and " : "", facts[i].variable, facts[i].value);
    if (!text.len)
        return;
    buf_str(w->out, "environments = [");
    add_string(w->out, buf_cstr(&text));
    buf_str(w->out, "]\n");
}

/* ---- packages */

/* From an absolute folder to an absolute path, both without dots. */
static const char *relative(struct arena *a, const char *folder, const char *path)
{
    struct buf out cleanup_buf = BUF_INIT;
    size_t common = 0;
    for (size_t i = 0;; i++) {
        bool end = folder[i] == 0 || (folder[i] == '/' && folder[i + 1] == 0);
        if (path[i] == '/' && (end || folder[i] == '/'))
            common = i;
        if (end || path[i] != folder[i])
            break;
    }
    for (const char *rest = folder + common; *rest; rest++)
        if (*rest == '/' && rest[1])
            buf_str(&out, "../");
    buf_str(&out, path + common + 1);
    return text_dup(a, buf_view(&out));
}

/* Where the file is: a path where it is on this machine, else a URL. */
static void add_location(struct writer *w, const struct index_file *file)
{
    struct arena *a = &w->s->memory;
    const char *path = url_to_path(a, file->url);
    if (path && is_utf8(path))
        add_pair(w->out, "path", w->folder ? relative(a, w->folder, path_absolute(a, path)) : path);
    else
        add_pair(w->out, "url", url_without_credentials(a, file->url));
}

static void add_dependencies(struct writer *w, const struct plan_install *in)
{
    size_t count = 0;
    for (size_t i = 0; i < in->require_count; i++) {
        bool locked = false;
        for (size_t j = 0; j < w->plan->install.count && !locked; j++)
            locked = strcmp(w->plan->install.items[j].name, in->requires[i]) == 0;
        if (!locked)
            continue; /* the base's */
        buf_str(w->out, count++ ? ", {" : "dependencies = [{");
        add_pair(w->out, "name", in->requires[i]);
        buf_char(w->out, '}');
    }
    if (count)
        buf_str(w->out, "]\n");
}

static void add_hash(struct writer *w, size_t i)
{
    long long size = w->wheels ? w->wheels[i].size : w->plan->install.items[i].file->size;
    if (size >= 0)
        buf_printf(w->out, ", size = %lld", size);
    buf_str(w->out, ", hashes = {");
    add_pair(w->out, "sha256", w->sha256[i]);
    buf_char(w->out, '}');
}

static void add_optional(struct writer *w, const char *key, const char *value)
{
    if (!value)
        return;
    buf_str(w->out, ", ");
    add_pair(w->out, key, value);
}

static void add_repository(struct writer *w, const struct direct_url *from)
{
    buf_str(w->out, "vcs = {");
    add_pair(w->out, "type", from->vcs);
    add_optional(w, "url", from->url);
    add_optional(w, "requested-revision", from->revision);
    add_optional(w, "commit-id", from->commit);
    add_optional(w, "subdirectory", from->subdirectory);
    buf_str(w->out, "}\n");
}

/* Of a wheel, or of sources. */
static void add_archive(struct writer *w, size_t i)
{
    const struct plan_install *in = &w->plan->install.items[i];
    buf_str(w->out, "archive = {");
    add_location(w, in->file);
    add_hash(w, i);
    add_optional(w, "subdirectory", in->direct->from->subdirectory);
    buf_str(w->out, "}\n");
}

/* What is built of sources can say another version each time, and the specification wants none of it. */
static bool is_source_tree(const struct plan_install *in)
{
    return in->direct && (!in->file || in->file->is_source);
}

/* As an archive it is told by its digest, and as a wheel by its version. */
static void add_wheel(struct writer *w, size_t i)
{
    const struct lock_wheel *wheel = &w->wheels[i];
    if (wheel->unique) {
        buf_str(w->out, "archive = {");
    } else {
        buf_str(w->out, "wheels = [{");
        add_pair(w->out, "name", wheel->name);
        buf_str(w->out, ", ");
    }
    add_pair(w->out, "path", wheel->name);
    add_hash(w, i);
    buf_str(w->out, wheel->unique ? "}\n" : "}]\n");
}

static void add_package(struct writer *w, size_t i)
{
    const struct plan_install *in = &w->plan->install.items[i];
    const struct metadata *m = w->metadata[i];
    buf_str(w->out, "\n[[packages]]\n");
    add_pair(w->out, "name", in->name);
    if (w->wheels || !is_source_tree(in)) {
        buf_char(w->out, '\n');
        add_pair(w->out, "version", in->version);
    }
    if (m->requires_python.count) {
        buf_char(w->out, '\n');
        add_pair(w->out, "requires-python", m->requires_python.text);
    }
    buf_char(w->out, '\n');
    add_dependencies(w, in);
    if (w->wheels) {
        add_wheel(w, i);
        return;
    }
    if (in->direct && !in->file)
        add_repository(w, in->direct->from);
    else if (in->direct)
        add_archive(w, i);
    if (in->direct)
        return;
    if (strcmp(in->source, "index") == 0) {
        add_pair(w->out, "index", url_without_credentials(&w->s->memory, in->file->index_url));
        buf_char(w->out, '\n');
    }
    buf_str(w->out, in->file->is_source ? "sdist = {" : "wheels = [{");
    add_pair(w->out, "name", in->file->name);
    buf_str(w->out, ", ");
    add_location(w, in->file);
    add_hash(w, i);
    buf_str(w->out, in->file->is_source ? "}\n" : "}]\n");
}

/* What a bake needs to know of the one before. */
static void add_baked(struct writer *w)
{
    size_t count = 0;
    buf_str(w->out, "baked = true\n");
    for (size_t i = 0; i < w->plan->install.count; i++) {
        if (!w->wheels[i].found)
            continue;
        buf_str(w->out, count++ ? ", " : "found = [");
        add_string(w->out, w->wheels[i].name);
    }
    if (count)
        buf_str(w->out, "]\n");
}

/* What the lock leans on: read again to warn where another base differs. */
static void add_tool(struct writer *w)
{
    if (w->wheels || w->plan->base.count)
        buf_str(w->out, "\n[tool.localstack-extensions]\n");
    if (w->wheels)
        add_baked(w);
    if (!w->plan->base.count)
        return;
    buf_str(w->out, "base = [\n");
    for (size_t i = 0; i < w->plan->base.count; i++) {
        const struct plan_base *b = &w->plan->base.items[i];
        buf_str(w->out, "    {");
        add_pair(w->out, "name", b->name);
        buf_str(w->out, ", ");
        add_pair(w->out, "version", b->version);
        buf_str(w->out, ", needed-by = [");
        for (size_t j = 0; j < b->needed_count; j++) {
            buf_str(w->out, j ? ", " : "");
            add_string(w->out, b->needed_by[j]);
        }
        buf_str(w->out, "]},\n");
    }
    buf_str(w->out, "]\n");
}

/* ---- the whole */

/* Digests: those that the index gives, else of the wheels themselves. */
static int find_digests(struct writer *w, struct err *err)
{
    struct session *s = w->s;
    const struct plan *plan = w->plan;
    struct fetch *jobs = arena_array(&s->memory, plan->install.count, sizeof *jobs);
    size_t *item = arena_array(&s->memory, plan->install.count, sizeof *item), n = 0;
    for (size_t i = 0; i < plan->install.count; i++) {
        const struct plan_install *in = &plan->install.items[i];
        bool proven = true;
        for (size_t k = 0; k < in->hash_count; k++)
            proven = proven && index_file_proves(in->file, in->hashes[k]);
        w->sha256[i] = in->direct ? in->direct->from->sha256 : proven ? in->file->sha256 : NULL;
        if (w->sha256[i] || (in->direct && !in->file))
            continue; /* a repository has none */
        jobs[n].file = in->file;
        jobs[n].hashes = in->hashes;
        jobs[n].hash_count = in->hash_count;
        item[n++] = i;
    }
    int result = fetch_wheels(s, jobs, n, err);
    for (size_t i = 0; i < n; i++) {
        w->sha256[item[i]] =
            jobs[i].file->is_source ? index_file_digest(jobs[i].file, HASH_SHA256) : jobs[i].wheel.sha256;
        if (jobs[i].error.text && result == 0) {
            result = err_move(err, &jobs[i].error);
            err_wrap(err, "%s", plan->install.items[item[i]].name);
        }
        err_clear(&jobs[i].error);
    }
    return result;
}

void lock_leave_out_sources(struct plan *plan)
{
    size_t kept = 0;
    for (size_t i = 0; i < plan->install.count; i++) {
        const struct plan_install *in = &plan->install.items[i];
        if (in->developed)
            log_info("%s is left out: it is used as it stands in %s, beside any lock", in->name,
                     in->developed->folder);
        else
            plan->install.items[kept++] = *in;
    }
    plan->install.count = kept;
}

static struct writer writer_of(struct session *s, const struct plan *plan, struct buf *out)
{
    struct writer w = {.s = s, .plan = plan, .out = out};
    w.metadata = arena_array(&s->memory, plan->install.count, sizeof *w.metadata);
    w.sha256 = arena_array(&s->memory, plan->install.count, sizeof *w.sha256);
    return w;
}

static void write_all(struct writer *w)
{
    size_t count = w->plan->install.count;
    buf_str(w->out, "lock-version = \"1.0\"\n");
    add_environments(w);
    buf_printf(w->out, "requires-python = \"==%d.%d.*\"\ncreated-by = \"localstack-extensions\"\n",
               w->s->py.tags.major, w->s->py.tags.minor);
    if (!count)
        buf_str(w->out, "packages = []\n");
    for (size_t i = 0; i < count; i++)
        add_package(w, i);
    add_tool(w);
}

int lock_write_wheels(struct session *s, const struct plan *plan, const struct lock_wheel *wheels,
                      struct buf *out, struct err *err)
{
    struct writer w = writer_of(s, plan, out);
    w.wheels = wheels;
    for (size_t i = 0; i < plan->install.count; i++) {
        if (!is_utf8(wheels[i].name))
            return err_set(err, ERR_INPUT, "%s: a lock cannot name a file that is not in UTF-8",
                           plan->install.items[i].name);
        w.metadata[i] = wheels[i].metadata;
        w.sha256[i] = wheels[i].sha256;
    }
    write_all(&w);
    return 0;
}

int lock_write(struct session *s, const struct plan *plan, const char *folder, struct buf *out,
               struct err *err)
{
    size_t count = plan->install.count;
    struct writer w = writer_of(s, plan, out);
    w.folder = folder;
    for (size_t i = 0; i < count; i++) {
        const struct plan_install *in = &plan->install.items[i];
        if (in->direct && in->direct->from->kind == DIRECT_FOLDER)
            return err_set(err, ERR_INPUT,
                           "%s comes from the folder %s, which a lock cannot hold to what it is now; lock a "
                           "wheel, an archive or a commit of it",
                           in->name, in->url);
        if (in->direct)
            w.metadata[i] = in->direct->metadata;
        else if (in->file->is_source ? built_known(s, in->file, &w.metadata[i], err) != 0
                                     : index_metadata(s->index, in->file, &w.metadata[i], err) < 0)
            return err_wrap(err, "%s", in->name);
    }
    if (find_digests(&w, err) < 0)
        return -1;
    write_all(&w);
    return 0;
}
