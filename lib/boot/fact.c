/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/fact.h"

#include "base/digest.h"
#include "base/fs.h"

#include <errno.h>
#include <sys/utsname.h>

enum { LARGEST_FILE = 16 << 20, LARGEST_CFG = 64 << 10, MOST_NAMES = 100000 };

/* Not "-": that something is there but cannot be read has to differ from its absence. */
static char *failed(struct arena *a, int sysno)
{
    return arena_strdup(a, sysno == ENOENT || sysno == ENOTDIR ? FACT_ABSENT : "?");
}

static char *digest(struct arena *a, struct text bytes)
{
    char hex[DIGEST_HEX];
    digest_hex(bytes, hex);
    return arena_strdup(a, hex);
}

/* O_NONBLOCK: with signals blocked, the open of a fifo would be a boot that nobody can end. */
static int read_regular(const char *path, size_t limit, struct buf *out)
{
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return errno;
    if (!S_ISREG(st.st_mode) || st.st_size > (off_t)limit)
        return EINVAL;
    for (;;) {
        /* One byte more than there should be, so that the end is mostly seen without another call. */
        size_t want = out->len <= (size_t)st.st_size ? (size_t)st.st_size - out->len + 1 : 4096;
        ssize_t n = read(fd, buf_reserve(out, want), want);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        out->len += (size_t)n;
        out->ptr[out->len] = 0;
        if (n == 0 || (size_t)n < want)
            return 0;
        if (out->len > limit)
            return EINVAL;
    }
}

char *fact_file(struct arena *a, const char *path)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    int sysno = read_regular(path, LARGEST_FILE, &bytes);
    return sysno ? failed(a, sysno) : digest(a, buf_view(&bytes));
}

static long long mtime_ns(const struct stat *st)
{
    return st->st_mtim.tv_sec * 1000000000LL + st->st_mtim.tv_nsec;
}

char *fact_stat(struct arena *a, const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return failed(a, errno);
    return arena_printf(a, "%lld:%lld", (long long)st.st_size, mtime_ns(&st));
}

char *fact_mtime(struct arena *a, const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return failed(a, errno);
    return arena_printf(a, "%lld", mtime_ns(&st));
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The sorted names in a folder that `wanted` takes; 0, or an errno. */
static int list(struct arena *a, const char *folder, bool (*wanted)(const char *), struct strings *names)
{
    cleanup_closedir DIR *dir = opendir(folder);
    struct dirent *entry;
    if (!dir)
        return errno;
    while ((errno = 0, entry = readdir(dir))) {
        if (names->count == MOST_NAMES)
            return E2BIG;
        if (entry->d_name[0] != 0 && wanted(entry->d_name))
            array_push(names, arena_strdup(a, entry->d_name));
    }
    if (errno)
        return errno;
    if (names->count)
        qsort(names->items, names->count, sizeof *names->items, compare_names);
    return 0;
}

static bool is_distribution(const char *name)
{
    struct text t = text_of(name);
    return text_ends(t, T(".dist-info")) || text_ends(t, T(".egg-info"));
}

char *fact_distributions(struct arena *a, const char *folder)
{
    struct strings names cleanup_strings = {0};
    struct buf all cleanup_buf = BUF_INIT;
    int sysno = list(a, folder, is_distribution, &names);
    if (sysno)
        return failed(a, sysno);
    array_each (&names, name) {
        buf_str(&all, *name);
        buf_char(&all, '\n');
    }
    return digest(a, buf_view(&all));
}

static bool is_source(const char *name)
{
    return strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && strcmp(name, "__pycache__") != 0;
}

static void add_stat(struct arena *a, struct buf *to, const char *folder, const char *name)
{
    buf_printf(to, "%s=%s\n", name, fact_stat(a, path_join(a, folder, name)));
}

/* An egg-info's files are written in place, which its own mtime does not tell. */
static void add_egg_info(struct arena *a, struct buf *to, const char *folder, const char *name)
{
    static const char *const files[] = {"PKG-INFO", "entry_points.txt", "requires.txt", "top_level.txt"};
    const char *egg_info = path_join(a, folder, name);
    struct stat st;
    if (stat(egg_info, &st) == 0 && !S_ISDIR(st.st_mode)) {
        add_stat(a, to, folder, name);
        return;
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        add_stat(a, to, egg_info, files[i]);
}

static void add_names(struct arena *a, struct buf *to, const char *folder, const struct strings *names)
{
    array_each (names, name) {
        struct text t = text_of(*name);
        buf_text(to, t);
        buf_char(to, '\n');
        if (text_is(t, "pyproject.toml") || text_is(t, "setup.cfg") || text_is(t, "setup.py"))
            add_stat(a, to, folder, *name);
        else if (text_ends(t, T(".egg-info")))
            add_egg_info(a, to, folder, *name);
    }
}

char *fact_source(struct arena *a, const char *folder)
{
    struct strings names cleanup_strings = {0}, inner cleanup_strings = {0};
    struct buf all cleanup_buf = BUF_INIT;
    int sysno = list(a, folder, is_source, &names);
    if (sysno)
        return failed(a, sysno);
    add_names(a, &all, folder, &names);
    /* The src layout has its packages and its egg-info there. */
    const char *src = path_join(a, folder, "src");
    if (list(a, src, is_source, &inner) == 0)
        add_names(a, &all, src, &inner);
    return digest(a, buf_view(&all));
}

char *fact_number(struct arena *a, const char *venv)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    int sysno = read_regular(path_join(a, venv, "pyvenv.cfg"), LARGEST_CFG, &bytes);
    if (sysno)
        return failed(a, sysno);
    struct text rest = buf_view(&bytes), line, key;
    while (text_line(&rest, &line)) {
        if (text_cut(&line, '=', &key) && line.ptr && text_is(text_trim(key), "localstack-sync"))
            return text_dup(a, text_first(text_trim(line), 32));
    }
    return arena_strdup(a, "0");
}

char *fact_machine(struct arena *a)
{
    struct utsname u;
    return arena_strdup(a, uname(&u) == 0 ? u.machine : "?");
}
