/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Developers' sources without the rest of a sync, so that a test can let pip loose on what comes of it:
 *
 *   source links FOLDER [where=DIR | include=PATTERN | exclude=PATTERN | top_level=NAME | regular_only]…
 *                                                     PATH<tab>TARGET lines; warnings on stderr
 *   source install VENV SITE-PACKAGES NAME VERSION FOLDER   right into the venv, without staging
 *   source installed VENV SITE-PACKAGES NAME VERSION FOLDER   "yes" or "no"
 *
 * Several `install`s of one process are separated by "--"; they share the owners, as those of a sync do. The
 * folder's entry_points.txt, if it has one, is the source's.
 */
#include "base/fs.h"
#include "base/log.h"
#include "base/strmap.h"
#include "dev/install.h"
#include "index/url.h"
#include "python/name.h"
#include "venv/direct_url.h"

#include <errno.h>

static struct arena memory;

static int find(const char *folder, const struct project_layout *layout, struct source_links *links,
                struct err *err)
{
    struct strings warnings cleanup_strings = {0};
    int result = layout_find(&memory, folder, layout, links, &warnings, err);
    array_each (&warnings, warning)
        log_warning("%s", *warning);
    return result;
}

/* KEY=VALUE. */
static bool take_option(struct project_layout *layout, const char *option)
{
    const struct {
        const char *key;
        struct strings *list;
    } lists[] = {{"where=", &layout->where},
                 {"include=", &layout->include},
                 {"exclude=", &layout->exclude},
                 {"top_level=", &layout->top_level}};
    if (strcmp(option, "regular_only") == 0)
        return layout->regular_only = true;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (text_starts(text_of(option), text_of(lists[i].key))) {
            array_push(lists[i].list, arena_strdup(&memory, option + strlen(lists[i].key)));
            return true;
        }
    return false;
}

static int run_links(int argc, char **argv, struct err *err)
{
    struct source_links links = {0};
    struct project_layout layout = {.search = true};
    int result = argc < 1 ? -1 : 0;
    for (int i = 1; i < argc && result == 0; i++)
        result = take_option(&layout, argv[i]) ? 0 : -1;
    result =
        result < 0 ? err_set(err, ERR_USAGE, "links FOLDER [OPTION…]") : find(argv[0], &layout, &links, err);
    array_each (&links, link)
        printf("%s\t%s\n", link->path, link->target);
    array_free(&links);
    array_free(&layout.where);
    array_free(&layout.include);
    array_free(&layout.exclude);
    array_free(&layout.top_level);
    return result;
}

/* VENV SITE-PACKAGES NAME VERSION FOLDER. */
static int read_source(char **argv, struct source_links *links, struct source_install *out, struct err *err)
{
    struct buf points cleanup_buf = BUF_INIT;
    const char *folder = argv[4], *file = path_join(&memory, folder, "entry_points.txt");
    const struct project_layout layout = {.search = true};
    const struct direct_url from = {
        .kind = DIRECT_FOLDER, .url = url_from_path(&memory, folder), .editable = true};
    if (find(folder, &layout, links, err) < 0)
        return -1;
    if (fs_exists(AT_FDCWD, file) && fs_read(AT_FDCWD, file, 1 << 20, &points, err) < 0)
        return -1;
    *out = (struct source_install){
        .given = argv[2],
        .name = name_normalize(&memory, text_of(argv[2])),
        .version = argv[3],
        .place = folder,
        .metadata = text_of(
            arena_printf(&memory, "Metadata-Version: 2.1\nName: %s\nVersion: %s\n", argv[2], argv[3])),
        .entry_points = text_of(text_dup(&memory, buf_view(&points))),
        .links = links,
        .requested = true,
        .direct_url = direct_url_write(&memory, &from),
    };
    return 0;
}

static int install_one(char **argv, struct strmap *owners, struct err *err)
{
    struct source_links links = {0};
    struct source_install source;
    cleanup_close int fd = open(argv[0], O_PATH | O_DIRECTORY | O_CLOEXEC);
    const struct install_target target = {
        .fd = fd, .final_dir = argv[0], .site_packages = argv[1], .include = "include", .owners = owners};
    if (fd < 0)
        return err_sys(err, errno, "cannot open %s", argv[0]);
    int result = read_source(argv, &links, &source, err);
    if (result == 0)
        result = source_install(&target, &source, err);
    array_free(&links);
    return result;
}

static int run_install(int argc, char **argv, struct err *err)
{
    struct strmap owners cleanup_strmap = STRMAP_INIT;
    for (int i = 0; i < argc; i += 6) {
        if (argc - i < 5)
            return err_set(err, ERR_USAGE, "install VENV SITE-PACKAGES NAME VERSION FOLDER [-- …]");
        if (install_one(argv + i, &owners, err) < 0)
            return err_wrap(err, "%s", argv[i + 2]);
    }
    return 0;
}

static int run_installed(int argc, char **argv, struct err *err)
{
    struct source_links links = {0};
    struct source_install source;
    if (argc < 5)
        return err_set(err, ERR_USAGE, "installed VENV SITE-PACKAGES NAME VERSION FOLDER");
    int result = read_source(argv, &links, &source, err);
    if (result == 0) {
        const char *info = arena_printf(&memory, "%s/%s/%s-%s.dist-info", argv[0], argv[1],
                                        name_escape(&memory, text_of(source.name)), argv[3]);
        puts(source_is_installed(argv[0], argv[1], info, &source) ? "yes" : "no");
    }
    array_free(&links);
    return result;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv, struct err *err);
    } commands[] = {{"links", run_links}, {"install", run_install}, {"installed", run_installed}};
    struct err err cleanup_err = ERR_INIT;
    log_open("source");
    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(argv[1], commands[i].name) != 0)
            continue;
        int result = commands[i].run(argc - 2, argv + 2, &err);
        if (result < 0)
            log_error("%s", err.text);
        arena_free(&memory);
        return result < 0;
    }
    fprintf(stderr, "usage: source COMMAND ARGUMENT… (see its source)\n");
    return 2;
}
