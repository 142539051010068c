/* SPDX-License-Identifier: Apache-2.0 */
#include "base/digest.h"
#include "base/fs.h"
#include "reconcile/locked.h"
#include "venv/toml.h"

#include <errno.h>

const char *locked_name(const struct session *s)
{
    if (s->options->locked)
        return s->options->locked;
    bool others = s->options->requirement_files.count || s->options->arguments.count;
    return others ? NULL : s->settings.lock;
}

static void place(struct session *s, const char *name, struct locked *locked)
{
    char *local = url_to_path(&s->memory, name);
    if (!local && url_is_network(text_of(name))) {
        locked->url = name;
        locked->file = url_without_credentials(&s->memory, name);
        return;
    }
    locked->file = path_absolute(&s->memory, local ? local : name);
    size_t folder = (size_t)(path_base(locked->file) - locked->file);
    locked->folder = arena_strndup(&s->memory, locked->file, folder > 1 ? folder - 1 : 1);
}

static void say_oddities(struct session *s, const struct locked *locked)
{
    const struct lock *lock = &locked->lock;
    const char *name = locked->url ? url_file_name(&s->memory, locked->url, NULL) : path_base(locked->file);
    if (name && !lock_name_is_valid(text_of(name)))
        log_warning(
            "%s: a lock file is named pylock.toml or pylock.NAME.toml; other tools may not know this one "
            "for a lock",
            locked->file);
    if (lock->newer)
        log_warning("%s is of lock-version %s, newer than the 1.0 that is known here; what is new in it is "
                    "passed over",
                    locked->file, lock->lock_version);
    for (size_t i = 0; i < lock->unknown_count; i++) {
        if (lock->newer)
            log_warning("%s is a key that is not known here", lock->unknown[i]);
        else
            log_debug("%s is a key that the specification does not have", lock->unknown[i]);
    }
}

int locked_parse(struct session *s, struct text bytes, const char *file, struct lock *out, bool *fault,
                 struct err *err)
{
    struct toml_document document = {.bytes = bytes};
    *fault = false;
    if (session_interpreter(s, err) < 0 || toml_read(&s->memory, s->py.executable, &document, 1, err) < 0)
        return -1;
    *fault = true;
    if (!document.json && document.line)
        return err_set(err, ERR_INPUT, "%s:%u: this cannot be read as TOML: %s", file, document.line,
                       document.error);
    if (!document.json)
        return err_set(err, ERR_INPUT, "%s: this cannot be read as TOML: %s", file, document.error);
    return lock_parse(&s->memory, document.json, file, out, err);
}

/* FILE:LINE and the reason apart, where the text begins with it. */
static void add_failure(struct session *s, struct wanted *out, const struct locked *locked,
                        const struct err *why)
{
    const char *from = locked->file, *reason = why->text;
    size_t file = strlen(locked->file);
    if (strncmp(reason, locked->file, file) == 0 && reason[file] == ':') {
        size_t place_end = file + 1 + strspn(reason + file + 1, "0123456789");
        bool has_line = place_end > file + 1;
        from = has_line ? arena_strndup(&s->memory, reason, place_end) : from;
        reason += has_line ? place_end : file;
        reason += strspn(reason, ": ");
    }
    array_push(&out->failures, (struct wanted_failure){locked->file, from, arena_strdup(&s->memory, reason),
                                                       why->kind == ERR_INPUT && !locked->url, 0, false});
}

int locked_read(struct session *s, struct wanted *out, struct err *err)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    struct err why cleanup_err = ERR_INIT;
    struct locked *locked = arena_new(&s->memory, struct locked);
    const char *name = arena_strdup(&s->memory, locked_name(s));
    char digest[DIGEST_HEX] = "-";
    bool fault = true;
    out->locked = locked;
    place(s, name, locked);
    int result = session_read(s, locked->url ? locked->url : locked->file, TOML_LIMIT, &bytes, &why);
    if (result < 0 && why.sysno == EISDIR)
        (void)err_set(&why, ERR_INPUT, "%s is a folder; name the lock in it: %s", locked->file,
                      path_join(&s->memory, locked->file, "pylock.toml"));
    if (result == 0)
        digest_hex(buf_view(&bytes), digest);
    array_push(&out->files, arena_strdup(&s->memory, locked->url ? locked->url : locked->file));
    array_push(&out->digests, arena_strdup(&s->memory, digest));
    if (result == 0)
        result = locked_parse(s, buf_view(&bytes), locked->file, &locked->lock, &fault, &why);
    locked->readable = result == 0;
    if (result == 0) {
        say_oddities(s, locked);
        return 0;
    }
    if (!fault)
        return err_move(err, &why);
    if (s->options->locked) {
        why.kind = ERR_USAGE;
        return err_move(err, &why);
    }
    add_failure(s, out, locked, &why);
    return 0;
}
