/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/interpreter.h"

#include "base/digest.h"
#include "base/fs.h"
#include "base/log.h"
#include "venv/ask.h"
#include "venv/pyvenv_cfg.h"
#include "venv/scripts.h"

#include <errno.h>
#include <jansson.h>
#include <stdint.h>
#include <sys/utsname.h>

/* Raised whenever the answer's meaning changes. */
#define KEPT_FORM "1"
enum { KEPT_LIMIT = 4 << 20 };

static inline void cleanup_json_fn(json_t **j)
{
    json_decref(*j);
}
#define cleanup_json __attribute__((cleanup(cleanup_json_fn)))

/* ---- what the kept answer stands for */

static void identify_file(struct buf *to, const char *label, int dirfd, const char *path)
{
    struct stat st;
    if (fstatat(dirfd, path, &st, 0) < 0)
        buf_printf(to, "%s %s -\n", label, path);
    else
        buf_printf(to, "%s %s %lld %lld.%09ld\n", label, path, (long long)st.st_size,
                   (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

/* The .pth files (they make sys.path) and pip's version, by the names in one folder. */
static void identify_site(struct buf *to, const char *folder)
{
    struct arena names_memory cleanup_arena = ARENA_INIT;
    struct strings names cleanup_strings = {0};
    cleanup_close int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fs_list(&names_memory, fd, ".", &names, NULL) < 0) {
        buf_printf(to, "site %s -\n", folder);
        return;
    }
    array_each (&names, name) {
        if (text_ends(text_of(*name), T(".pth")))
            identify_file(to, "pth", fd, *name);
        else if (text_starts(text_of(*name), T("pip-")))
            buf_printf(to, "pip %s\n", *name);
    }
}

/* Everything but what the answer itself names (identify_answer). */
static void identify(struct buf *to, const char *base_dir, const char *executable, const struct utsname *un,
                     struct text cfg)
{
    buf_printf(to, "form " KEPT_FORM "\nbase %s\nmachine %s %s\n", base_dir, un->sysname, un->machine);
    identify_file(to, "executable", AT_FDCWD, executable);
    char hex[DIGEST_HEX];
    digest_hex(cfg, hex);
    buf_printf(to, "pyvenv.cfg %s\n", hex);
}

static bool folder_missing(const char *path)
{
    return access(path, F_OK) < 0;
}

/* The rest: the interpreter behind the links, the .pth files of the folders on its path, and folders that
 * were named there and did not exist. */
static void identify_answer(struct buf *to, const json_t *answer)
{
    size_t i;
    json_t *item;
    const char *real = json_string_value(json_object_get(answer, "base_executable"));
    if (real)
        identify_file(to, "interpreter", AT_FDCWD, real);
    json_array_foreach(json_object_get(answer, "path"), i, item) if (json_is_string(item))
        identify_site(to, json_string_value(item));
    json_array_foreach(json_object_get(answer, "absent"), i, item) if (json_is_string(item))
        buf_printf(to, "absent %s %d\n", json_string_value(item), folder_missing(json_string_value(item)));
}

/* ---- asking */

static json_t *probe(struct arena *a, const char *executable, struct err *err)
{
    struct buf text cleanup_buf = BUF_INIT;
    if (ask_python(a, executable, script_probe, (struct text){0}, KEPT_LIMIT, &text, err) < 0)
        return NULL;
    json_error_t why;
    json_t *answer = json_loads(buf_cstr(&text), JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(answer)) {
        json_decref(answer);
        err_set(err, ERR_SYSTEM, "the answer of %s cannot be understood: %s", executable, why.text);
        return NULL;
    }
    return answer;
}

/* ---- the kept answer */

/* NULL where the file is not there or no answer that we kept. */
static json_t *kept_read(int dirfd, const char *file)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    if (fs_read(dirfd, file, KEPT_LIMIT, &bytes, NULL) < 0)
        return NULL;
    json_t *kept cleanup_json = json_loadb(buf_cstr(&bytes), bytes.len, JSON_REJECT_DUPLICATES, NULL);
    const char *stands_for = json_string_value(json_object_get(kept, "identity"));
    return stands_for && digest_is_name(stands_for, "") && json_is_object(json_object_get(kept, "answer"))
               ? steal_ptr(&kept)
               : NULL;
}

bool interpreter_is_kept(int dirfd, const char *file)
{
    json_t *kept cleanup_json = kept_read(dirfd, file);
    return kept != NULL;
}

static json_t *kept_load(const char *file, struct text identity)
{
    json_t *kept cleanup_json = file ? kept_read(AT_FDCWD, file) : NULL;
    json_t *answer = json_object_get(kept, "answer");
    if (!kept)
        return NULL;
    struct buf now cleanup_buf = BUF_INIT;
    buf_text(&now, identity);
    identify_answer(&now, answer);
    char hex[DIGEST_HEX];
    digest_hex(buf_view(&now), hex);
    return strcmp(hex, json_string_value(json_object_get(kept, "identity"))) == 0 ? json_incref(answer)
                                                                                  : NULL;
}

/* A place where nothing can be kept only costs the next run its time. */
static void kept_store(const char *file, struct text identity, json_t *answer)
{
    struct buf now cleanup_buf = BUF_INIT;
    buf_text(&now, identity);
    identify_answer(&now, answer);
    char hex[DIGEST_HEX];
    digest_hex(buf_view(&now), hex);
    json_t *kept cleanup_json = json_pack("{s:s, s:O}", "identity", hex, "answer", answer);
    cleanup_free char *bytes = kept ? json_dumps(kept, JSON_COMPACT) : NULL;
    cleanup_free char *folder = xstrdup(file);
    char *slash = strrchr(folder, '/');
    if (slash && slash != folder) {
        *slash = 0;
        (void)fs_mkdirs(folder, NULL);
    }
    struct err err cleanup_err = ERR_INIT;
    if (bytes && fs_write(AT_FDCWD, file, text_of(bytes), 0644, false, &err) < 0)
        log_debug("the interpreter's answer cannot be kept: %s", err.text);
}

/* ---- from the answer to the struct */

struct reader {
    struct arena *a;
    const json_t *answer;
    const char *bad; /* the first key that is not what it should be */
};

/* Text without control characters: it goes into files of lines. */
static const char *clean(struct reader *r, const json_t *value, const char *key)
{
    const char *s = json_string_value(value);
    for (const char *c = s ? s : "\n"; *c; c++)
        if ((unsigned char)*c < 32 || *c == 127) {
            r->bad = r->bad ? r->bad : key;
            return "";
        }
    return arena_strdup(r->a, s);
}

static const char *get_text(struct reader *r, const char *key)
{
    return clean(r, json_object_get(r->answer, key), key);
}

static const char *get_optional(struct reader *r, const char *key)
{
    const json_t *value = json_object_get(r->answer, key);
    return json_is_null(value) ? NULL : clean(r, value, key);
}

static int get_int(struct reader *r, const json_t *value, const char *key)
{
    json_int_t n = json_integer_value(value);
    if (!json_is_integer(value) || n < 0 || n > 1000000)
        r->bad = r->bad ? r->bad : key;
    return (int)n;
}

static bool get_bool(struct reader *r, const char *key)
{
    const json_t *value = json_object_get(r->answer, key);
    if (!json_is_boolean(value))
        r->bad = r->bad ? r->bad : key;
    return json_is_true(value);
}

static char **get_list(struct reader *r, const char *key, size_t *count)
{
    const json_t *list = json_object_get(r->answer, key);
    if (!json_is_array(list))
        r->bad = r->bad ? r->bad : key;
    *count = json_array_size(list);
    char **out = arena_array(r->a, *count + 1, sizeof *out);
    for (size_t i = 0; i < *count; i++)
        out[i] = (char *)(uintptr_t)clean(r, json_array_get(list, i), key);
    return out;
}

static void fill_markers(struct reader *r, const struct utsname *un, struct marker_environment *m)
{
    *m = (struct marker_environment){
        .implementation_name = get_text(r, "implementation_name"),
        .implementation_version = get_text(r, "implementation_version"),
        .os_name = get_text(r, "os_name"),
        .platform_machine = arena_strdup(r->a, un->machine),
        .platform_release = arena_strdup(r->a, un->release),
        .platform_system = arena_strdup(r->a, un->sysname),
        .platform_version = arena_strdup(r->a, un->version),
        .python_full_version = get_text(r, "python_full_version"),
        .platform_python_implementation = get_text(r, "platform_python_implementation"),
        .python_version = get_text(r, "python_version"),
        .sys_platform = get_text(r, "sys_platform"),
    };
}

static void fill_tags(struct reader *r, struct tag_environment *t)
{
    const json_t *glibc = json_object_get(r->answer, "glibc"), *musl = json_object_get(r->answer, "musl");
    *t = (struct tag_environment){
        .implementation = get_text(r, "implementation_name"),
        .major = get_int(r, json_object_get(r->answer, "major"), "major"),
        .minor = get_int(r, json_object_get(r->answer, "minor"), "minor"),
        .soabi = get_text(r, "soabi"),
        .free_threaded = get_bool(r, "free_threaded"),
        .debug = get_bool(r, "debug"),
        .platform = get_text(r, "platform"),
        .is_64bit = get_bool(r, "is_64bit"),
        .glibc_major = get_int(r, json_array_get(glibc, 0), "glibc"),
        .glibc_minor = get_int(r, json_array_get(glibc, 1), "glibc"),
        .musl_major = get_int(r, json_array_get(musl, 0), "musl"),
        .musl_minor = get_int(r, json_array_get(musl, 1), "musl"),
        .armhf = get_bool(r, "armhf"),
    };
}

static bool is_below(const char *path, const char *folder)
{
    size_t n = strlen(folder);
    while (n > 1 && folder[n - 1] == '/')
        n--;
    return strncmp(path, folder, n) == 0 && (path[n] == 0 || path[n] == '/' || n == 1);
}

/* By its name or by where its links lead. */
static bool is_excluded(const char *path, const char *real, char *const *exclude, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_below(path, exclude[i]) || is_below(real, exclude[i]))
            return true;
        cleanup_free char *target = realpath(exclude[i], NULL);
        if (target && is_below(real, target))
            return true;
    }
    return false;
}

static int fill(struct reader *r, const struct utsname *un, struct text cfg, bool own_python,
                char *const *exclude, size_t exclude_count, struct interpreter *out, struct err *err)
{
    out->base_executable = get_text(r, "base_executable");
    struct text home = own_python ? pyvenv_cfg_get(cfg, "home") : (struct text){NULL, 0};
    out->home = home.len ? text_dup(r->a, home) : get_text(r, "base_home");
    out->version_text = get_text(r, "python_full_version");
    fill_markers(r, un, &out->markers);
    fill_tags(r, &out->tags);
    out->site_packages = get_text(r, "site_packages");
    out->include = get_text(r, "include");
    out->stdlib_path = get_list(r, "stdlib", &out->stdlib_count);
    out->pip_version = get_optional(r, "pip_version");
    out->pip_index_url = get_optional(r, "pip_index_url");
    size_t count, real_count;
    char **path = get_list(r, "path", &count), **real = get_list(r, "real_path", &real_count);
    if (r->bad || count != real_count || !text_starts(text_of(out->site_packages), T("lib/")) ||
        !text_starts(text_of(out->include), T("include/")))
        return err_set(err, ERR_SYSTEM, "the answer of %s cannot be understood: its %s is malformed",
                       out->executable, r->bad ? r->bad : "path");
    out->path = arena_array(r->a, count + 1, sizeof *out->path);
    out->path_count = 0;
    for (size_t i = 0; i < count; i++)
        if (!is_excluded(path[i], real[i], exclude, exclude_count))
            out->path[out->path_count++] = path[i];
    if (version_parse(r->a, text_of(out->version_text), &out->version, err) < 0) {
        if (err)
            err->kind = ERR_SYSTEM;
        return err_wrap(err, "the version of %s", out->executable);
    }
    return 0;
}

int interpreter_answer_parse(struct arena *a, struct text json, struct interpreter *out, struct err *err)
{
    const struct utsname un = {.sysname = "Linux"};
    json_error_t why;
    json_t *answer cleanup_json = json_loadb(json.ptr, json.len, JSON_REJECT_DUPLICATES, &why);
    *out = (struct interpreter){.executable = "the interpreter"};
    if (!json_is_object(answer))
        return err_set(err, ERR_SYSTEM, "the answer of %s cannot be understood", out->executable);
    struct reader r = {a, answer, NULL};
    return fill(&r, &un, (struct text){0}, false, NULL, 0, out, err);
}

int interpreter_query(struct arena *a, const char *base_dir, const char *python, const char *cache_file,
                      char *const *exclude, size_t exclude_count, struct interpreter *out, struct err *err)
{
    struct utsname un;
    if (uname(&un) < 0)
        return err_sys(err, errno, "cannot ask the kernel for its name");
    *out = (struct interpreter){.base_dir = path_absolute(a, base_dir)};
    out->executable = python ? arena_strdup(a, python) : path_join(a, out->base_dir, "bin/python3");

    struct buf cfg cleanup_buf = BUF_INIT, identity cleanup_buf = BUF_INIT;
    struct err read_err cleanup_err = ERR_INIT;
    if (fs_read(AT_FDCWD, path_join(a, out->base_dir, "pyvenv.cfg"), PYVENV_CFG_LIMIT, &cfg, &read_err) < 0 &&
        read_err.sysno != ENOENT && read_err.sysno != ENOTDIR)
        return err_move(err, &read_err);
    identify(&identity, out->base_dir, out->executable, &un, buf_view(&cfg));

    json_t *answer cleanup_json = kept_load(cache_file, buf_view(&identity));
    if (answer) {
        struct reader r = {a, answer, NULL};
        if (fill(&r, &un, buf_view(&cfg), !python, exclude, exclude_count, out, NULL) == 0)
            return 0;
        json_decref(steal_ptr(&answer)); /* kept by something else than this program: ask again */
    }
    answer = probe(a, out->executable, err);
    if (!answer)
        return -1;
    const char *old = json_string_value(json_object_get(answer, "too_old"));
    if (old)
        return err_set(err, ERR_SYSTEM, "%s is Python %s; Python 3.10 or newer is needed", out->executable,
                       old);
    struct reader r = {a, answer, NULL};
    if (fill(&r, &un, buf_view(&cfg), !python, exclude, exclude_count, out, err) < 0)
        return -1;
    if (cache_file)
        kept_store(cache_file, buf_view(&identity), answer);
    return 0;
}
