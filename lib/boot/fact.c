/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/fact.h"

#include "base/digest.h"
#include "base/fs.h"

#include <errno.h>
#include <sys/utsname.h>

enum { LARGEST_FILE = 16 << 20, LARGEST_CFG = 64 << 10, MOST_NAMES = 100000 };

/* Of the code of a source: how deep, and how much text of names, sizes and times. */
enum { CODE_DEPTH = 32, CODE_LIMIT = 4 << 20 };

/* Not "-": that something is there but cannot be read has to differ from its absence. */
static char *failed(struct arena *a, int sysno)
{
    return arena_strdup(a, sysno == ENOENT || sysno == ENOTDIR ? FACT_ABSENT : FACT_UNREADABLE);
}

static char *digest(struct arena *a, struct text bytes)
{
    char hex[DIGEST_HEX];
    digest_hex(bytes, hex);
    return arena_strdup(a, hex);
}

/* O_NONBLOCK: with signals blocked, the open of a fifo would be a boot that nobody can end. */
int fact_read(const char *path, size_t limit, struct buf *out)
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
    int sysno = fact_read(path, LARGEST_FILE, &bytes);
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

static void sort(struct strings *names)
{
    if (names->count)
        qsort(names->items, names->count, sizeof *names->items, compare_names);
}

typedef bool name_filter(const struct dirent *);

/* The sorted names in a folder that `wanted` takes, and those among them that `also` takes (NULL: none); 0,
 * or an errno. */
static int list(struct arena *a, const char *folder, name_filter *wanted, struct strings *names,
                name_filter *also, struct strings *others)
{
    cleanup_closedir DIR *dir = opendir(folder);
    struct dirent *entry;
    if (!dir)
        return errno;
    while ((errno = 0, entry = readdir(dir))) {
        if (names->count == MOST_NAMES)
            return E2BIG;
        if (entry->d_name[0] == 0 || !wanted(entry))
            continue;
        char *name = arena_strdup(a, entry->d_name);
        array_push(names, name);
        if (also && also(entry))
            array_push(others, name);
    }
    if (errno)
        return errno;
    sort(names);
    if (also)
        sort(others);
    return 0;
}

static bool is_distribution(const struct dirent *entry)
{
    struct text t = text_of(entry->d_name);
    return text_ends(t, T(".dist-info")) || text_ends(t, T(".egg-info"));
}

char *fact_distributions(struct arena *a, const char *folder)
{
    struct strings names cleanup_strings = {0};
    struct buf all cleanup_buf = BUF_INIT;
    int sysno = list(a, folder, is_distribution, &names, NULL, NULL);
    if (sysno)
        return failed(a, sysno);
    array_each (&names, name) {
        buf_str(&all, *name);
        buf_char(&all, '\n');
    }
    return digest(a, buf_view(&all));
}

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(name, *names) == 0)
            return true;
    return false;
}

/* What a developer's tools leave behind: caches, builds, environments, and what editors write beside a file
 * (.X.swp, .#X, #X#, X~, and vim's 4913, by which it tries whether it can). Nothing with a dot in front is
 * ever installed. */
static bool is_source(const struct dirent *entry)
{
    static const char *const others[] = {"__pycache__", "node_modules", "build", "dist", "4913", NULL};
    struct text t = text_of(entry->d_name);
    return !text_starts(t, T(".")) && !text_starts(t, T("#")) && !text_ends(t, T("~")) &&
           !is_one_of(entry->d_name, others);
}

/* A folder or file that an import could find. */
static bool is_importable(const struct dirent *entry)
{
    struct text t = text_of(entry->d_name);
    return is_source(entry) &&
           (!strchr(entry->d_name, '.') || text_ends(t, T(".py")) || text_ends(t, T(".so")));
}

static bool is_importable_folder(const struct dirent *entry)
{
    static const char *const others[] = {"src", "test", "tests", "doc", "docs", "examples", NULL};
    bool folder = entry->d_type == DT_DIR || entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN;
    return folder && is_source(entry) && !strchr(entry->d_name, '.') && !is_one_of(entry->d_name, others);
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

/* Of a namespace package each part has a link of its own. */
static void add_namespaces(struct arena *a, struct buf *to, const char *folder, const struct strings *names)
{
    array_each (names, name) {
        struct strings inner cleanup_strings = {0};
        const char *package = path_join(a, folder, *name);
        if (access(path_join(a, package, "__init__.py"), F_OK) == 0 || errno != ENOENT ||
            list(a, package, is_importable, &inner, NULL, NULL) != 0)
            continue;
        array_each (&inner, part)
            buf_printf(to, "%s/%s\n", *name, *part);
    }
}

/* What a folder that packages are looked for in has; 0, or an errno. */
static int add_folder(struct arena *a, struct buf *to, const char *folder)
{
    struct strings names cleanup_strings = {0}, packages cleanup_strings = {0};
    int sysno = list(a, folder, is_source, &names, is_importable_folder, &packages);
    if (sysno)
        return sysno;
    add_names(a, to, folder, &names);
    add_namespaces(a, to, folder, &packages);
    return 0;
}

char *fact_source(struct arena *a, const char *folder)
{
    struct buf all cleanup_buf = BUF_INIT;
    int sysno = add_folder(a, &all, folder);
    if (sysno)
        return failed(a, sysno);
    /* The src layout has its packages and its egg-info there. */
    add_folder(a, &all, path_join(a, folder, "src"));
    return digest(a, buf_view(&all));
}

static bool is_code(const struct dirent *entry)
{
    return is_importable(entry) && !text_ends(text_of(entry->d_name), T(".so"));
}

/* In the order of names, so that of a very large tree the same part counts each time. */
static void add_code(struct arena *a, struct buf *to, const char *folder, int depth)
{
    struct strings names cleanup_strings = {0};
    if (depth == CODE_DEPTH || list(a, folder, is_code, &names, NULL, NULL) != 0)
        return;
    array_each (&names, name) {
        struct stat st;
        const char *path = path_join(a, folder, *name);
        if (to->len > CODE_LIMIT || stat(path, &st) < 0)
            continue;
        if (S_ISDIR(st.st_mode))
            add_code(a, to, path, depth + 1);
        else
            buf_printf(to, "%s=%lld:%lld\n", path, (long long)st.st_size, mtime_ns(&st));
    }
}

char *fact_code(struct arena *a, const char *folder)
{
    struct buf all cleanup_buf = BUF_INIT;
    add_code(a, &all, folder, 0);
    return digest(a, buf_view(&all));
}

char *fact_number(struct arena *a, const char *venv)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    int sysno = fact_read(path_join(a, venv, "pyvenv.cfg"), LARGEST_CFG, &bytes);
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
