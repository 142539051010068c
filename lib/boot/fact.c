/* SPDX-License-Identifier: Apache-2.0 */
#include "base/digest.h"
#include "base/fs.h"
#include "boot/fact_private.h"

#include <errno.h>
#include <sys/utsname.h>

enum { LARGEST_FILE = 16 << 20, LARGEST_CFG = 64 << 10, MOST_NAMES = 100000 };

/* Not "-": that something is there but cannot be read has to differ from its absence. */
char *fact_failed(struct arena *a, int sysno)
{
    return arena_strdup(a, sysno == ENOENT || sysno == ENOTDIR ? FACT_ABSENT : FACT_UNREADABLE);
}

char *fact_digest(struct arena *a, struct text bytes)
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
    return sysno ? fact_failed(a, sysno) : fact_digest(a, buf_view(&bytes));
}

long long fact_mtime_ns(const struct stat *st)
{
    return st->st_mtim.tv_sec * 1000000000LL + st->st_mtim.tv_nsec;
}

char *fact_stat(struct arena *a, const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return fact_failed(a, errno);
    return arena_printf(a, "%lld:%lld", (long long)st.st_size, fact_mtime_ns(&st));
}

char *fact_mtime(struct arena *a, const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return fact_failed(a, errno);
    return arena_printf(a, "%lld", fact_mtime_ns(&st));
}

static bool is_distribution(const struct dirent *entry)
{
    struct text t = text_of(entry->d_name);
    return text_ends(t, T(".dist-info")) || text_ends(t, T(".egg-info"));
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The sorted names of the distributions in a folder; 0, or an errno. */
static int list_distributions(struct arena *a, const char *folder, struct strings *names)
{
    cleanup_closedir DIR *dir = opendir(folder);
    struct dirent *entry;
    if (!dir)
        return errno;
    while ((errno = 0, entry = readdir(dir))) {
        if (names->count == MOST_NAMES)
            return E2BIG;
        if (is_distribution(entry))
            array_push(names, arena_strdup(a, entry->d_name));
    }
    if (errno)
        return errno;
    if (names->count)
        qsort(names->items, names->count, sizeof *names->items, compare_names);
    return 0;
}

char *fact_distributions(struct arena *a, const char *folder)
{
    struct strings names cleanup_strings = {0};
    struct buf all cleanup_buf = BUF_INIT;
    int sysno = list_distributions(a, folder, &names);
    if (sysno)
        return fact_failed(a, sysno);
    array_each (&names, name) {
        buf_str(&all, *name);
        buf_char(&all, '\n');
    }
    return fact_digest(a, buf_view(&all));
}

char *fact_number(struct arena *a, const char *venv)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    int sysno = fact_read(path_join(a, venv, "pyvenv.cfg"), LARGEST_CFG, &bytes);
    if (sysno)
        return fact_failed(a, sysno);
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
