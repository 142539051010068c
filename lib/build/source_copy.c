/* SPDX-License-Identifier: Apache-2.0 */
#include "build/source_copy.h"

#include "base/array.h"
#include "base/crypto.h"
#include "base/fs.h"
#include "venv/clone.h"

#include <errno.h>

enum { DEEPEST = 100 };

/* build/lib, build/lib.linux-x86_64-cpython-313, build/bdist.linux-x86_64 */
static bool is_left_by_setuptools(int source, const char *path)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct strings names cleanup_strings = {0};
    if (fs_list(&a, source, path, &names, NULL) < 0)
        return false;
    array_each (&names, name)
        if (strcmp(*name, "lib") == 0 || text_starts(text_of(*name), T("lib.")) ||
            text_starts(text_of(*name), T("bdist.")))
            return true;
    return false;
}

static bool is_left_out(void *context, const char *path, bool folder)
{
    static const char *const names[] = {"__pycache__", "node_modules", ".tox", ".nox"};
    struct arena a cleanup_arena = ARENA_INIT;
    int source = *(const int *)context;
    if (!folder)
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(path_base(path), names[i]) == 0)
            return true;
    return fs_exists(source, path_join(&a, path, "pyvenv.cfg")) ||
           (strcmp(path, "build") == 0 && is_left_by_setuptools(source, path));
}

int source_copy(const char *from, const char *to, struct err *err)
{
    struct linker *linker cleanup_linker = linker_new(FS_REFLINK);
    cleanup_close int source = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* may well be a link */
    cleanup_close int target = fs_open_dir(AT_FDCWD, to, err);
    if (source < 0)
        return err_sys(err, errno, "cannot open folder %s", from);
    if (target < 0)
        return -1;
    const struct clone clone = {.linker = linker, .skip = is_left_out, .ctx = &source};
    return clone_tree(&clone, source, target, err) < 0 || linker_wait(linker, NULL, err) < 0 ? -1 : 0;
}

/* ---- the digest of what is copied */

struct digesting {
    int root;
    struct buf all; /* what the digest is of */
    size_t depth;
};

static void add(struct digesting *d, const char *kind, const char *path, const char *what)
{
    buf_str(&d->all, kind);
    buf_char(&d->all, ' ');
    buf_text(&d->all, (struct text){path, strlen(path) + 1});
    buf_text(&d->all, (struct text){what, strlen(what) + 1});
}

static int add_file(struct digesting *d, const char *path, bool executable, struct err *err)
{
    char hex[CRYPTO_HEX];
    cleanup_close int fd = openat(d->root, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return err_sys(err, errno, "cannot open %s", path);
    if (crypto_digest_file(fd, "sha256", path, hex, err) < 0)
        return -1;
    add(d, executable ? "program" : "file", path, hex);
    return 0;
}

/* .git/index and the like change with every look at it, and objects say nothing that HEAD and tags do not. */
static bool counts_in_git(const char *path)
{
    struct text t = text_of(path);
    return !text_starts(t, T(".git/")) || text_is(t, ".git/HEAD") || text_is(t, ".git/packed-refs") ||
           text_is(t, ".git/refs") || text_starts(t, T(".git/refs/"));
}

static int add_folder(struct digesting *d, const char *path, struct err *err);

static int add_entry(struct digesting *d, struct arena *a, const char *path, struct err *err)
{
    struct stat st;
    if (!counts_in_git(path))
        return 0;
    if (fstatat(d->root, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(err, errno, "cannot look at %s", path);
    if (is_left_out(&d->root, path, S_ISDIR(st.st_mode)))
        return 0;
    if (S_ISREG(st.st_mode))
        return add_file(d, path, st.st_mode & 0111, err);
    if (!S_ISDIR(st.st_mode) && !S_ISLNK(st.st_mode))
        return 0; /* a socket or the like, which is not copied */
    const char *target = S_ISLNK(st.st_mode) ? fs_readlink(a, d->root, path, err) : "";
    if (!target)
        return -1;
    add(d, S_ISDIR(st.st_mode) ? "folder" : "link", path, target);
    return S_ISDIR(st.st_mode) ? add_folder(d, path, err) : 0;
}

/* "": the root. */
static int add_folder(struct digesting *d, const char *path, struct err *err)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct strings names cleanup_strings = {0};
    if (d->depth == DEEPEST)
        return err_set(err, ERR_INPUT, "%s: folders are more than %d deep", path, DEEPEST);
    if (fs_list(&a, d->root, *path ? path : ".", &names, err) < 0)
        return -1;
    d->depth++;
    array_each (&names, name)
        if (add_entry(d, &a, *path ? path_join(&a, path, *name) : *name, err) < 0)
            return -1;
    d->depth--;
    return 0;
}

int source_digest(const char *folder, char hex[DIGEST_HEX], struct err *err)
{
    cleanup_close int root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct buf all cleanup_buf = BUF_INIT;
    if (root < 0)
        return err_sys(err, errno, "cannot open folder %s", folder);
    struct digesting d = {.root = root};
    int result = add_folder(&d, "", err);
    all = d.all;
    if (result < 0)
        return err_wrap(err, "%s", folder);
    digest_hex(buf_view(&all), hex);
    return 0;
}
