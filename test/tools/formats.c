/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers what is read from names and files of Python's world, one line for each line on stdin, so that a
 * test can put many thousands of them to one process and compare. Fields are separated by tabs; a backslash
 * and bytes that are no printable ASCII stand in them as \xHH, in the questions and in the answers.
 *
 *   name TEXT              valid or invalid, and the normalised form
 *   wheel FILE             name, version, number and rest of the build tag ("-" for none), tags
 *   sdist PROJECT FILE     version
 *   metadata BYTES         KEY=VALUE fields, lists in their order
 *   tar PATH               path, kind and size of each member of a .tar.gz
 *   sdist_info PATH FILE   folder, why_not and the fields of metadata, of what is to be called FILE
 *   wheel_file BYTES       version, true or false for Root-Is-Purelib
 *   entry_points BYTES     GROUP, NAME, MODULE and ATTRIBUTE of each
 *   record BYTES           path, algorithm, digest and size of each
 *   record_line PATH       the line of RECORD for a file of 12 bytes with the digest sha256=abc
 *   pip_conf BYTES         section, option and value of each
 *   direct_url BYTES       url and sha256
 *   archive URL SHA256     direct_url.json for it
 *   git URL                url, the one shown, reference, egg and subdirectory of a repository
 *   page TYPE URL BYTES    KEY=VALUE fields of each file, each begun by name=
 *   requirements BYTES     kind, line, name, value and options of each line
 *   list TEXT              the requirements in it
 *
 * Whatever cannot be read is answered with "error: " and the message.
 */
#include "base/array.h"
#include "base/fs.h"
#include "build/git.h"
#include "build/gzip.h"
#include "build/sdist.h"
#include "build/tar.h"
#include "config/pip_conf.h"
#include "index/index.h"
#include "python/entry_points.h"
#include "python/name.h"
#include "python/record.h"
#include "python/requirements_file.h"
#include "python/wheel_name.h"
#include "venv/direct_url.h"

#include <stdio.h>
#include <stdlib.h>

enum { MOST_FIELDS = 8 };

struct question {
    struct arena *a;
    struct text fields[MOST_FIELDS];
    struct buf *answer;
    size_t *answered; /* how many fields stand in the answer */
    struct err *err;
};

static void escape(struct buf *to, struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        unsigned char c = (unsigned char)t.ptr[i];
        if (c >= ' ' && c < 0x7f && c != '\\')
            buf_char(to, (char)c);
        else
            buf_printf(to, "\\x%02x", c);
    }
}

static void add_text(const struct question *q, struct text t)
{
    if ((*q->answered)++)
        buf_char(q->answer, '\t');
    escape(q->answer, t);
}

static void add(const struct question *q, const char *s)
{
    add_text(q, text_of(s ? s : "-"));
}

static void add_pair(const struct question *q, const char *key, const char *value)
{
    struct buf pair cleanup_buf = BUF_INIT;
    if (!value)
        return;
    buf_printf(&pair, "%s=%s", key, value);
    add_text(q, buf_view(&pair));
}

static void add_number(const struct question *q, long long n)
{
    add(q, arena_printf(q->a, "%lld", n));
}

static int answer_name(const struct question *q)
{
    add(q, name_is_valid(q->fields[0]) ? "valid" : "invalid");
    add(q, name_normalize(q->a, q->fields[0]));
    return 0;
}

static int answer_wheel(const struct question *q)
{
    struct wheel_name w;
    if (wheel_name_parse(q->a, q->fields[0], &w, q->err) < 0)
        return -1;
    add(q, w.name);
    add(q, w.version.text);
    add(q, w.has_build ? arena_printf(q->a, "%llu", w.build) : NULL);
    add(q, w.build_rest);
    add(q, w.tags);
    return 0;
}

static int answer_sdist(const struct question *q)
{
    struct version v;
    if (!sdist_name_parse(q->a, q->fields[1], text_dup(q->a, q->fields[0]), &v))
        return err_set(q->err, ERR_INPUT, "no source distribution of it");
    add(q, v.text);
    return 0;
}

static void add_all(const struct question *q, const char *key, char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add_pair(q, key, list[i]);
}

static void add_metadata(const struct question *q, const struct metadata *m)
{
    add_pair(q, "metadata_version", m->metadata_version);
    add_pair(q, "name", m->name);
    add_pair(q, "normalized", m->normalized);
    add_pair(q, "version", m->version.text);
    add_pair(q, "summary", m->summary);
    add_pair(q, "requires_python", m->requires_python.text);
    for (size_t i = 0; i < m->requires_count; i++)
        add_pair(q, "requires_dist", m->requires_dist[i].text);
    add_all(q, "provides_extra", m->provides_extra, m->extra_count);
    add_all(q, "import_name", m->import_names, m->import_count);
    add_all(q, "dynamic", m->dynamic, m->dynamic_count);
    add_all(q, "warning", m->warnings, m->warning_count);
}

static int answer_metadata(const struct question *q)
{
    struct metadata m;
    if (metadata_parse(q->a, q->fields[0], &m, q->err) < 0)
        return -1;
    add_metadata(q, &m);
    return 0;
}

static int open_file(const struct question *q)
{
    const char *path = text_dup(q->a, q->fields[0]);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? err_set(q->err, ERR_USAGE, "cannot open %s", path) : fd;
}

static int unzip_more(void *context, struct text *piece, struct err *err)
{
    return gzip_next(context, piece, err);
}

static int answer_tar(const struct question *q)
{
    static const char *const kinds[] = {[TAR_FILE] = "file", [TAR_FOLDER] = "folder", [TAR_OTHER] = "other"};
    cleanup_close int fd = open_file(q);
    if (fd < 0)
        return -1;
    struct gzip *gzip cleanup_gzip = gzip_new(fd);
    struct tar tar cleanup_tar;
    struct tar_member m;
    int result;
    tar_open(&tar, unzip_more, gzip);
    while ((result = tar_next(&tar, &m, q->err)) == 1) {
        add_text(q, m.path);
        add(q, kinds[m.kind]);
        add_number(q, (long long)m.size);
    }
    return result;
}

static int answer_sdist_info(const struct question *q)
{
    struct sdist_info info;
    cleanup_close int fd = open_file(q);
    if (fd < 0 || sdist_read(q->a, fd, text_dup(q->a, q->fields[1]), &info, q->err) < 0)
        return -1;
    add(q, info.folder);
    add(q, info.why_not);
    add_metadata(q, &info.metadata);
    return 0;
}

static int answer_wheel_file(const struct question *q)
{
    struct wheel_file w;
    if (wheel_file_parse(q->a, q->fields[0], &w, q->err) < 0)
        return -1;
    add(q, w.wheel_version);
    add(q, w.root_is_purelib ? "true" : "false");
    return 0;
}

static int answer_entry_points(const struct question *q)
{
    struct entry_points points;
    if (entry_points_parse(q->a, q->fields[0], &points, q->err) < 0)
        return -1;
    for (size_t i = 0; i < points.count; i++) {
        add(q, points.items[i].group);
        add(q, points.items[i].name);
        add(q, points.items[i].module);
        add(q, points.items[i].attribute);
    }
    return 0;
}

static int answer_record(const struct question *q)
{
    struct record r;
    if (record_parse(q->a, q->fields[0], &r, q->err) < 0)
        return -1;
    for (size_t i = 0; i < r.count; i++) {
        add(q, r.entries[i].path);
        add(q, r.entries[i].algorithm);
        add(q, r.entries[i].digest);
        add_number(q, r.entries[i].size);
    }
    return 0;
}

static int answer_record_line(const struct question *q)
{
    struct buf line cleanup_buf = BUF_INIT;
    const struct record_entry entry = {text_dup(q->a, q->fields[0]), "sha256", "abc", 12};
    record_write(&line, &entry);
    add_text(q, buf_view(&line));
    return 0;
}

static int answer_pip_conf(const struct question *q)
{
    struct pip_conf conf cleanup_pip_conf = {0};
    if (pip_conf_parse(q->a, q->fields[0], "pip.conf", &conf, q->err) < 0)
        return -1;
    array_each (&conf, item) {
        add(q, item->section);
        add(q, item->option);
        add(q, item->value);
    }
    return 0;
}

static int answer_direct_url(const struct question *q)
{
    struct direct_url d;
    if (direct_url_parse(q->a, text_dup(q->a, q->fields[0]), &d, q->err) < 0)
        return -1;
    add(q, d.url);
    add(q, d.sha256);
    return 0;
}

/* KIND, and what it is of: url, sha256 or "editable", vcs, revision, commit, subdirectory ("" for none). */
static int answer_write_direct_url(const struct question *q)
{
    const char *f[7];
    for (size_t i = 0; i < 7; i++)
        f[i] = q->fields[i].len ? text_dup(q->a, q->fields[i]) : NULL;
    const struct direct_url d = {
        .kind = strcmp(f[0], "folder") == 0       ? DIRECT_FOLDER
                : strcmp(f[0], "repository") == 0 ? DIRECT_REPOSITORY
                                                  : DIRECT_ARCHIVE,
        .url = f[1],
        .sha256 = f[2],
        .editable = f[2] && strcmp(f[2], "editable") == 0,
        .vcs = f[3],
        .revision = f[4],
        .commit = f[5],
        .subdirectory = f[6],
    };
    add(q, direct_url_write(q->a, &d));
    add(q, direct_url_reference(q->a, &d));
    return 0;
}

static int answer_git(const struct question *q)
{
    struct git_url url;
    if (git_url_parse(q->a, text_dup(q->a, q->fields[0]), &url, q->err) < 0)
        return -1;
    add(q, url.url);
    add_pair(q, "shown", url.shown);
    add(q, url.ref);
    add(q, url.egg);
    add(q, url.subdirectory);
    return 0;
}

static int answer_page(const struct question *q)
{
    struct index_files files = {0};
    int result = index_page_parse(q->a, text_dup(q->a, q->fields[1]), text_dup(q->a, q->fields[0]),
                                  q->fields[2], &files, q->err);
    array_each (&files, f) {
        add_pair(q, "name", f->name);
        add_pair(q, "url", f->url);
        add_pair(q, "hash", f->hash ? arena_printf(q->a, "%s:%s", f->hash_algorithm, f->hash) : NULL);
        add_pair(q, "requires_python", f->requires_python);
        add_pair(q, "yanked", f->yanked ? f->yanked_reason ? f->yanked_reason : "" : NULL);
        add_pair(q, "metadata", f->has_metadata ? f->metadata_hash ? f->metadata_hash : "" : NULL);
        add_pair(q, "size", f->size < 0 ? NULL : arena_printf(q->a, "%lld", f->size));
    }
    array_free(&files);
    return result;
}

static const char *variable(void *ctx, const char *name)
{
    (void)ctx;
    return getenv(name);
}

static int answer_requirements(const struct question *q)
{
    static const char *const kinds[] = {[LINE_REQUIREMENT] = "requirement",
                                        [LINE_INCLUDE] = "include",
                                        [LINE_CONSTRAINT] = "constraint",
                                        [LINE_OPTION] = "option",
                                        [LINE_ERROR] = "error"};
    struct requirements_lines lines = {0};
    int result = requirements_file_parse(q->a, q->fields[0], variable, NULL, &lines, q->err);
    array_each (&lines, line) {
        add(q, kinds[line->kind]);
        add_number(q, line->line);
        add(q, line->name);
        add(q, line->value);
        add(q, line->options);
    }
    array_free(&lines);
    return result;
}

static int answer_list(const struct question *q)
{
    struct strings items cleanup_strings = {0};
    requirements_list_split(q->a, q->fields[0], &items);
    array_each (&items, item)
        add(q, *item);
    return 0;
}

static const struct {
    const char *command;
    int (*answer)(const struct question *q);
} commands[] = {
    {"name", answer_name},
    {"wheel", answer_wheel},
    {"sdist", answer_sdist},
    {"metadata", answer_metadata},
    {"tar", answer_tar},
    {"sdist_info", answer_sdist_info},
    {"wheel_file", answer_wheel_file},
    {"entry_points", answer_entry_points},
    {"record", answer_record},
    {"record_line", answer_record_line},
    {"pip_conf", answer_pip_conf},
    {"direct_url", answer_direct_url},
    {"write direct_url", answer_write_direct_url},
    {"git", answer_git},
    {"page", answer_page},
    {"requirements", answer_requirements},
    {"list", answer_list},
};

static struct text unescape(struct arena *a, struct text t)
{
    char *out = arena_alloc(a, t.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < t.len; i++) {
        char hex[3] = "";
        if (t.ptr[i] != '\\' || i + 3 >= t.len) {
            out[n++] = t.ptr[i];
            continue;
        }
        memcpy(hex, t.ptr + i + 2, 2);
        out[n++] = (char)strtol(hex, NULL, 16);
        i += 3;
    }
    return (struct text){out, n};
}

static void answer(struct text line)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct buf out cleanup_buf = BUF_INIT;
    size_t answered = 0;
    struct question q = {.a = &a, .answer = &out, .answered = &answered, .err = &err};
    struct text command, rest = line, field;
    text_cut(&rest, '\t', &command);
    for (size_t i = 0; i < MOST_FIELDS && text_cut(&rest, '\t', &field); i++)
        q.fields[i] = unescape(&a, field);
    int result = err_set(&err, ERR_USAGE, "no such command: %.*s", TEXT_ARG(command));
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (text_is(command, commands[i].command))
            result = commands[i].answer(&q);
    if (result < 0) {
        buf_clear(&out);
        buf_str(&out, "error: ");
        escape(&out, text_of(err.text));
    }
    puts(buf_cstr(&out));
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    while ((n = getline(&line, &room, stdin)) >= 0) {
        struct text text = {line, (size_t)n};
        if (text.len && line[text.len - 1] == '\n')
            text.len--;
        answer(text);
    }
    free(line);
    return ferror(stdin) || fflush(stdout) ? 1 : 0;
}
