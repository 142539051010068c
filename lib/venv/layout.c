/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/layout.h"

#include "base/log.h"
#include "base/process.h"
#include "venv/pyvenv_cfg.h"
#include "venv/scripts.h"

#include <errno.h>

/* "#!" + path + "\n" beyond this is cut off by kernels before 5.1. */
enum { SHEBANG_LIMIT = 127, ENSUREPIP_TIMEOUT_MS = 120000 };

void layout_shebang(struct buf *to, const char *final_dir)
{
    bool plain = !strpbrk(final_dir, " \t") && strlen(final_dir) + sizeof "#!/bin/python" <= SHEBANG_LIMIT;
    if (plain)
        buf_printf(to, "#!%s/bin/python\n", final_dir);
    else /* sh sees an exec, Python a string that nobody looks at */
        buf_printf(to, "#!/bin/sh\n'''exec' \"%s/bin/python\" \"$0\" \"$@\"\n' '''\n", final_dir);
}

void layout_pth(struct buf *to, const struct interpreter *py)
{
    for (size_t i = 0; i < py->path_count; i++)
        buf_printf(to, "%s\n", py->path[i]);
}

/* ---- making */

static int put(int fd, const char *path, const struct buf *bytes, mode_t mode, struct err *err)
{
    cleanup_close int file = openat(fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    if (file < 0)
        return err_sys(err, errno, "cannot create %s", path);
    if (fs_write_fd(file, buf_view(bytes), path, err) < 0)
        return -1;
    return close(steal_fd(&file)) < 0 ? err_sys(err, errno, "cannot write %s", path) : 0;
}

/* Every folder of a relative path. */
static int make_folders(int fd, const char *path, struct err *err)
{
    cleanup_free char *part = xstrdup(path);
    for (char *slash = part; slash;) {
        slash = strchr(slash, '/');
        if (slash)
            *slash = 0;
        if (mkdirat(fd, part, 0777) < 0 && errno != EEXIST)
            return err_sys(err, errno, "cannot create folder %s", part);
        if (slash)
            *slash++ = '/';
    }
    return 0;
}

static int make_interpreter_links(int fd, const struct interpreter *py, struct err *err)
{
    struct arena names cleanup_arena = ARENA_INIT;
    const char *versioned = arena_printf(&names, "python%d.%d", py->tags.major, py->tags.minor);
    const char *const links[][2] = {
        {py->base_executable, arena_printf(&names, "bin/%s", versioned)},
        {versioned, "bin/python3"},
        {versioned, "bin/python"},
    };
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        if (symlinkat(links[i][0], fd, links[i][1]) == 0)
            continue;
        if (!fs_has_no_links(errno))
            return err_sys(err, errno, "cannot create link %s", links[i][1]);
        struct fs_linker copy = {FS_COPY};
        if (fs_link_or_copy(&copy, AT_FDCWD, py->base_executable, fd, links[i][1], err) < 0)
            return -1;
    }
    if (symlinkat("lib", fd, "lib64") < 0 && !fs_has_no_links(errno))
        return err_sys(err, errno, "cannot create link lib64");
    return 0;
}

static int make_cfg(int fd, const char *final_dir, const struct interpreter *py, unsigned long long number,
                    struct err *err)
{
    struct buf cfg cleanup_buf = BUF_INIT;
    buf_printf(&cfg,
               "home = %s\n"
               "include-system-site-packages = false\n"
               "version = %s\n"
               "executable = %s\n"
               "command = %s -m venv %s\n"
               "localstack-sync = %llu\n",
               py->home, py->version_text, py->base_executable, py->base_executable, final_dir, number);
    return put(fd, "pyvenv.cfg", &cfg, 0666, err);
}

/* In single quotes, which every one of these shells has; how a quote (and csh's history) gets into them
 * differs. */
static void quote(struct buf *to, const char *s, const char *single, const char *bang)
{
    buf_char(to, '\'');
    for (; *s; s++)
        if (*s == '\'')
            buf_str(to, single);
        else if (*s == '!')
            buf_str(to, bang);
        else
            buf_char(to, *s);
    buf_char(to, '\'');
}

struct activation {
    const char *path, *script, *single, *bang;
};

static const struct activation activations[] = {
    {"bin/activate", script_activate, "'\\''", "!"},
    {"bin/activate.csh", script_activate_csh, "'\\''", "\\!"},
    {"bin/activate.fish", script_activate_fish, "\\'", "!"},
    {"bin/Activate.ps1", script_activate_ps1, "''", "!"},
};

static int make_activation(int fd, const char *final_dir, const struct activation *to, struct err *err)
{
    struct buf out cleanup_buf = BUF_INIT;
    struct text rest = text_of(to->script);
    while (rest.len) {
        size_t at = text_find(rest, '@');
        buf_text(&out, text_first(rest, at));
        rest = text_from(rest, at);
        if (text_starts(rest, T("@VENV@"))) {
            quote(&out, final_dir, to->single, to->bang);
            rest = text_from(rest, 6);
        } else if (text_starts(rest, T("@NAME@"))) {
            quote(&out, path_base(final_dir), to->single, to->bang);
            rest = text_from(rest, 6);
        } else if (rest.len) {
            buf_char(&out, '@');
            rest = text_from(rest, 1);
        }
    }
    return put(fd, to->path, &out, 0666, err);
}

/* Debian's pip up to 23.0 asks where a link leads instead of where it stands: it leaves the links to
 * developers' sources where they are, and then writes through them what it installs in their place. */
static const char pip_script[] =
    "import os\n"
    "import sys\n"
    "\n"
    "from pip._internal.cli.main import main\n"
    "\n"
    "\n"
    "def remove_links_themselves():\n"
    "    from pip._internal.req.req_uninstall import UninstallPathSet\n"
    "\n"
    "    permitted = UninstallPathSet._permitted\n"
    "\n"
    "    def link_permitted(self, path):\n"
    "        return permitted(self, path) or (os.path.islink(path) and permitted(self, "
    "os.path.dirname(path)))\n"
    "\n"
    "    UninstallPathSet._permitted = link_permitted\n"
    "\n"
    "\n"
    "if __name__ == \"__main__\":\n"
    "    if \"install\" in sys.argv or \"uninstall\" in sys.argv:\n"
    "        try:\n"
    "            remove_links_themselves()\n"
    "        except (ImportError, AttributeError):  # another pip than those that were looked at\n"
    "            pass\n"
    "    sys.exit(main())\n";

static int make_pip_scripts(int fd, const char *final_dir, const struct interpreter *py, struct err *err)
{
    struct buf script cleanup_buf = BUF_INIT;
    layout_shebang(&script, final_dir);
    buf_str(&script, pip_script);
    struct arena names cleanup_arena = ARENA_INIT;
    const char *const paths[] = {"bin/pip", "bin/pip3",
                                 arena_printf(&names, "bin/pip%d.%d", py->tags.major, py->tags.minor)};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (put(fd, paths[i], &script, 0777, err) < 0)
            return -1;
    return 0;
}

/* A base without pip: the copy that Python itself carries. Where there is none either (Debian without
 * python3-venv) the venv goes without: only bin/pip and builds need it. Its scripts, which name the staging
 * folder, are written over. Returns 1 when there is a pip now. */
static int make_own_pip(int fd, const struct interpreter *py, struct err *err)
{
    struct arena memory cleanup_arena = ARENA_INIT;
    const char *here = fs_readlink(&memory, AT_FDCWD, arena_printf(&memory, "/proc/self/fd/%d", fd), err);
    if (!here)
        return -1;
    const char *python = path_join(&memory, here, "bin/python");
    const char *const argv[] = {python, "-I", "-B", "-m", "ensurepip", "--default-pip", NULL};
    const struct process p = {.argv = argv, .cwd = "/", .timeout_ms = ENSUREPIP_TIMEOUT_MS};
    struct process_result r cleanup_process_result = PROCESS_RESULT_INIT;
    if (process_run(&p, &r, err) < 0)
        return -1;
    if (r.status == 0)
        return 1;
    log_warning("%s has no pip, and its ensurepip does not work (exit status %d): the extensions' virtual "
                "environment goes without bin/pip, and source distributions cannot be built",
                py->base_dir, r.status);
    return 0;
}

/* What #! lines, PATH and four shells can hold without harm. */
static int check_final_dir(const char *final_dir, struct err *err)
{
    for (const char *c = final_dir; *c; c++)
        if ((unsigned char)*c < 32 || *c == 127 || strchr("\"\\$`:", *c))
            return err_set(
                err, ERR_SYSTEM,
                "%s cannot be the path of a virtual environment: control characters and \" \\ $ ` : "
                "have a meaning in the files that name it",
                final_dir);
    return 0;
}

int layout_create(int fd, const char *final_dir, const struct interpreter *py, unsigned long long number,
                  struct err *err)
{
    struct arena names cleanup_arena = ARENA_INIT;
    struct buf pth cleanup_buf = BUF_INIT, ignore cleanup_buf = BUF_INIT;
    layout_pth(&pth, py);
    buf_str(&ignore, "# Made by localstack-extensions; nothing in here is for a repository.\n*\n");
    /* __pycache__: the first import would make it, and change the mtime by which a boot knows that nothing
     * has changed. */
    const char *pycache = path_join(&names, py->site_packages, "__pycache__");
    if (check_final_dir(final_dir, err) < 0 || make_folders(fd, "bin", err) < 0 ||
        make_folders(fd, py->include, err) < 0 || make_folders(fd, pycache, err) < 0 ||
        put(fd, ".gitignore", &ignore, 0666, err) < 0 || make_cfg(fd, final_dir, py, number, err) < 0 ||
        put(fd, path_join(&names, py->site_packages, LAYOUT_PTH), &pth, 0666, err) < 0 ||
        make_interpreter_links(fd, py, err) < 0)
        return -1;
    for (size_t i = 0; i < sizeof activations / sizeof *activations; i++)
        if (make_activation(fd, final_dir, &activations[i], err) < 0)
            return -1;
    int has_pip = py->pip_version ? 1 : make_own_pip(fd, py, err);
    return has_pip > 0 ? make_pip_scripts(fd, final_dir, py, err) : has_pip;
}

/* ---- what is whose */

/* NAME, NAME3 and NAME3.X, with the t of a free-threaded build. */
static bool is_versioned(struct text s, const char *name)
{
    if (!text_starts(s, text_of(name)))
        return false;
    s = text_from(s, strlen(name));
    size_t i = 0;
    while (i < s.len && ascii_is_digit(s.ptr[i]))
        i++;
    if (i && i < s.len && s.ptr[i] == '.')
        for (i++; i < s.len && ascii_is_digit(s.ptr[i]);)
            i++;
    if (i && i + 1 == s.len && s.ptr[i] == 't')
        i++;
    return i == s.len;
}

bool layout_owns(const char *path, const char *site_packages)
{
    static const char *const whole[] = {
        "bin",
        "include",
        "lib",
        "lib64",
        "pyvenv.cfg",
        "pip.conf",
        ".gitignore",
        "bin/activate",
        "bin/activate.csh",
        "bin/activate.fish",
        "bin/Activate.ps1",
    };
    struct text p = text_of(path);
    if (text_starts(p, T("lib64/"))) /* another name for lib */
        return true;
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (text_is(p, whole[i]))
            return true;
    if (text_starts(p, T("bin/"))) {
        p = text_from(p, 4);
        return is_versioned(p, "python") || is_versioned(p, "pip");
    }
    struct text site = text_of(site_packages);
    if (text_eq(p, site))
        return true;
    return text_starts(p, site) && text_is(text_from(p, site.len), "/" LAYOUT_PTH);
}

bool layout_folds_case(int fd)
{
    return fs_exists(fd, "PYVENV.CFG");
}

unsigned long long layout_number(const char *venv_dir)
{
    struct arena names cleanup_arena = ARENA_INIT;
    struct buf cfg cleanup_buf = BUF_INIT;
    unsigned long long number = 0;
    if (fs_read(AT_FDCWD, path_join(&names, venv_dir, "pyvenv.cfg"), PYVENV_CFG_LIMIT, &cfg, NULL) < 0)
        return 0;
    return text_u64(pyvenv_cfg_get(buf_view(&cfg), "localstack-sync"), &number) ? number : 0;
}
