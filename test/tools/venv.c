/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does one thing to a venv, so that a test can kill it in the middle, run it in another mount namespace, or
 * look at what came out with Python.
 *
 *   interpreter BASE [KEPT [EXCLUDE…]]   KEY<tab>VALUE lines; the milliseconds on stderr
 *   create DIR FINAL BASE NUMBER         layout_create in the empty folder DIR
 *   check DIR BASE                       "keep", or the reason for a rebuild
 *   list FOLDER…                         NAME<tab>VERSION<tab>INFO lines; the microseconds on stderr
 *   snapshot VENV SITE-PACKAGES
 *   stage EXTENSIONS VENV BASE NUMBER [LEAVE…]   stages the venv without the distributions named
 *   switch EXTENSIONS VENV SITE-PACKAGES NUMBER  commits what is staged
 *   recover EXTENSIONS VENV              prints whether a commit was finished
 *   lock EXTENSIONS                      prints "locked", and holds the lock until its input ends
 */
#include "base/fs.h"
#include "base/log.h"
#include "venv/commit.h"
#include "venv/layout.h"
#include "venv/lock.h"
#include "venv/stage.h"

#include <errno.h>
#include <time.h>

static struct arena memory;

static long long now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static int ask(const char *base, const char *kept, char **exclude, size_t count, struct interpreter *py,
               struct err *err)
{
    return interpreter_query(&memory, base, NULL, kept, exclude, count, py, err);
}

static void print_interpreter(const struct interpreter *py)
{
    printf("base_dir\t%s\nexecutable\t%s\nhome\t%s\nbase_executable\t%s\nversion\t%s\n", py->base_dir,
           py->executable, py->home, py->base_executable, py->version_text);
    const struct marker_environment *m = &py->markers;
    printf("implementation_name\t%s\nimplementation_version\t%s\nos_name\t%s\nplatform_machine\t%s\n"
           "platform_release\t%s\nplatform_system\t%s\nplatform_version\t%s\npython_full_version\t%s\n"
           "platform_python_implementation\t%s\npython_version\t%s\nsys_platform\t%s\n",
           m->implementation_name, m->implementation_version, m->os_name, m->platform_machine,
           m->platform_release, m->platform_system, m->platform_version, m->python_full_version,
           m->platform_python_implementation, m->python_version, m->sys_platform);
    printf("soabi\t%s\nplatform\t%s\nglibc\t%d.%d\nis_64bit\t%d\nfree_threaded\t%d\ndebug\t%d\n",
           py->tags.soabi, py->tags.platform, py->tags.glibc_major, py->tags.glibc_minor, py->tags.is_64bit,
           py->tags.free_threaded, py->tags.debug);
    printf("site_packages\t%s\ninclude\t%s\npip_version\t%s\npip_index_url\t%s\n", py->site_packages,
           py->include, py->pip_version ? py->pip_version : "-", py->pip_index_url ? py->pip_index_url : "-");
    for (size_t i = 0; i < py->path_count; i++)
        printf("path\t%s\n", py->path[i]);
    for (size_t i = 0; i < py->stdlib_count; i++)
        printf("stdlib\t%s\n", py->stdlib_path[i]);
}

static int run_interpreter(int argc, char **argv, struct err *err)
{
    struct interpreter py;
    long long began = now_us();
    if (ask(argv[0], argc > 1 ? argv[1] : NULL, argv + 2, argc > 2 ? (size_t)argc - 2 : 0, &py, err) < 0)
        return -1;
    fprintf(stderr, "%.3f ms\n", (double)(now_us() - began) / 1000);
    print_interpreter(&py);
    return 0;
}

static int run_create(int argc, char **argv, struct err *err)
{
    (void)argc;
    struct interpreter py;
    if (ask(argv[2], NULL, NULL, 0, &py, err) < 0)
        return -1;
    cleanup_close int fd = open(argv[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, errno, "cannot open %s", argv[0]);
    return layout_create(fd, argv[1], &py, strtoull(argv[3], NULL, 10), err);
}

static int run_check(int argc, char **argv, struct err *err)
{
    (void)argc;
    struct interpreter py;
    if (ask(argv[1], NULL, NULL, 0, &py, err) < 0)
        return -1;
    const char *reason = layout_check(&memory, argv[0], &py);
    puts(reason ? reason : "keep");
    return 0;
}

static int run_list(int argc, char **argv, struct err *err)
{
    struct installed_set set cleanup_installed;
    long long began = now_us();
    if (installed_scan(argv, (size_t)argc, &set, err) < 0)
        return -1;
    fprintf(stderr, "%lld us\n", now_us() - began);
    for (size_t i = 0; i < set.count; i++)
        printf("%s\t%s\t%s\n", set.items[i]->name, set.items[i]->version.text, set.items[i]->info);
    return 0;
}

static int run_snapshot(int argc, char **argv, struct err *err)
{
    (void)argc;
    const char *snapshot = commit_snapshot(&memory, argv[0], argv[1], err);
    return snapshot ? fputs(snapshot, stdout) : -1;
}

static int run_stage(int argc, char **argv, struct err *err)
{
    struct interpreter py;
    struct installed_set old cleanup_installed;
    struct strmap owners cleanup_strmap = STRMAP_INIT;
    struct linker *linker cleanup_linker = linker_new(FS_HARDLINK);
    if (ask(argv[2], NULL, NULL, 0, &py, err) < 0)
        return -1;
    char *site = path_join(&memory, argv[1], py.site_packages);
    if (installed_scan(&site, 1, &old, err) < 0)
        return -1;
    struct installed **leave = arena_array(&memory, (size_t)argc, sizeof *leave);
    size_t count = 0;
    for (int i = 4; i < argc; i++)
        if ((leave[count] = installed_find(&old, argv[i])))
            count++;
    cleanup_close int fd = commit_stage(argv[0], err);
    if (fd < 0 || layout_create(fd, argv[1], &py, strtoull(argv[3], NULL, 10), err) < 0)
        return -1;
    const struct stage_options options = {
        .old_dir = argv[1],
        .to = fd,
        .site_packages = py.site_packages,
        .old_site_packages = py.site_packages,
        .same_python = true,
        .leave = leave,
        .leave_count = count,
        .linker = linker,
        .owners = &owners,
    };
    return stage_carry_over(&options, &old, err);
}

static int run_switch(int argc, char **argv, struct err *err)
{
    (void)argc;
    const char *snapshot = NULL;
    if (access(argv[1], F_OK) == 0 && !(snapshot = commit_snapshot(&memory, argv[1], argv[2], err)))
        return -1;
    int result = commit_switch(argv[0], argv[1], argv[2], strtoull(argv[3], NULL, 10), snapshot, err);
    if (result > 0)
        puts("changed");
    return result < 0 ? -1 : 0;
}

static int run_recover(int argc, char **argv, struct err *err)
{
    (void)argc;
    bool finished;
    if (commit_recover(argv[0], argv[1], &finished, err) < 0)
        return -1;
    puts(finished ? "finished" : "nothing");
    return 0;
}

static int run_lock(int argc, char **argv, struct err *err)
{
    (void)argc;
    bool unlocked;
    cleanup_close int fd = lock_take(argv[0], &unlocked, err);
    if (fd < 0 && !unlocked)
        return -1;
    puts(unlocked ? "unlocked" : "locked");
    fflush(stdout);
    while (getchar() != EOF)
        ;
    return 0;
}

static const struct {
    const char *name;
    int least;
    int (*run)(int argc, char **argv, struct err *err);
} commands[] = {
    {"interpreter", 1, run_interpreter},
    {"create", 4, run_create},
    {"check", 2, run_check},
    {"list", 0, run_list},
    {"snapshot", 2, run_snapshot},
    {"stage", 4, run_stage},
    {"switch", 4, run_switch},
    {"recover", 2, run_recover},
    {"lock", 1, run_lock},
};

int main(int argc, char **argv)
{
    struct err err cleanup_err = ERR_INIT;
    log_open("venv");
    log_set_level(LOG_DEBUG);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (argc < 2 + commands[i].least || strcmp(argv[1], commands[i].name) != 0)
            continue;
        int result = commands[i].run(argc - 2, argv + 2, &err);
        if (result < 0)
            log_error("%s", err.text);
        arena_free(&memory);
        return result < 0;
    }
    fprintf(stderr, "usage: venv COMMAND ARGUMENT… (see its source)\n");
    return 2;
}
