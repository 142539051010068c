/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drives the wheel modules for the end-to-end tests:
 *   wheel unpack CACHE FILE...                       prints each entry's folder
 *   wheel install CACHE KEY VENV SITE-PACKAGES INCLUDE [--final DIR] [--requested] [--direct-url JSON]
 *   wheel sweep CACHE
 *   wheel peak COMMAND...                            and then the peak of its memory, in kB
 * Several `install`s of one process are separated by "--"; they share the owners, as those of a sync do.
 */
#include "base/fs.h"
#include "base/log.h"
#include "base/strmap.h"
#include "python/metadata.h"
#include "venv/install.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

static int sha256_file(int fd, char hex[65], struct err *err)
{
    unsigned char bytes[65536], raw[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    ssize_t n;
    EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
    while ((n = read(fd, bytes, sizeof bytes)) > 0)
        EVP_DigestUpdate(ctx, bytes, (size_t)n);
    EVP_DigestFinal_ex(ctx, raw, &size);
    EVP_MD_CTX_free(ctx);
    for (unsigned i = 0; i < size; i++)
        sprintf(hex + 2 * i, "%02x", raw[i]);
    return n < 0 ? err_set(err, ERR_SYSTEM, "cannot read the wheel") : 0;
}

static int unpack(const char *cache, const char *path, struct err *err)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct unpacked u;
    char key[65];
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set(err, ERR_USAGE, "cannot open %s", path);
    if (sha256_file(fd, key, err) < 0 || unpacked_make(&a, cache, key, fd, path_base(path), &u, err) < 0)
        return -1;
    puts(u.dir);
    return 0;
}

/* One "CACHE KEY VENV SITE INCLUDE [OPTION...]". */
static int install(char **argv, int argc, struct strmap *owners, struct arena *a, struct err *err)
{
    if (argc < 5)
        return err_set(err, ERR_USAGE, "install CACHE KEY VENV SITE-PACKAGES INCLUDE [OPTION...]");
    struct unpacked wheel;
    struct linker *linker cleanup_linker = linker_new(FS_HARDLINK);
    struct install_options options = {0};
    struct install_target target = {.fd = open(argv[2], O_PATH | O_DIRECTORY | O_CLOEXEC),
                                    .final_dir = argv[2],
                                    .site_packages = argv[3],
                                    .include = argv[4],
                                    .linker = linker,
                                    .owners = owners};
    cleanup_close int fd = target.fd;
    for (int i = 5; i < argc; i++) {
        if (strcmp(argv[i], "--requested") == 0)
            options.requested = true;
        else if (strcmp(argv[i], "--copy") == 0)
            linker_try(linker, FS_COPY);
        else if (strcmp(argv[i], "--final") == 0 && i + 1 < argc)
            target.final_dir = argv[++i];
        else if (strcmp(argv[i], "--direct-url") == 0 && i + 1 < argc)
            options.direct_url = argv[++i];
        else
            return err_set(err, ERR_USAGE, "unknown option %s", argv[i]);
    }
    if (fd < 0)
        return err_set(err, ERR_USAGE, "cannot open %s", argv[2]);
    if (unpacked_open(a, argv[0], argv[1], true, &wheel, err) < 0)
        return -1;
    struct buf bytes cleanup_buf = BUF_INIT;
    struct metadata metadata;
    char *path = arena_printf(a, "%s/tree/%s/METADATA", wheel.dir, wheel.dist_info);
    if (fs_read(AT_FDCWD, path, 1 << 24, &bytes, err) < 0 ||
        metadata_parse(a, buf_view(&bytes), &metadata, err) < 0)
        return -1;
    options.name = metadata.name;
    options.normalized = metadata.normalized;
    if (install_wheel(&target, &wheel, &options, err) < 0)
        return -1;
    return linker_wait(linker, NULL, err);
}

static int install_all(char **argv, int argc, struct err *err)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct strmap owners cleanup_strmap = STRMAP_INIT;
    for (int from = 0, to; from <= argc; from = to + 1) {
        for (to = from; to < argc && strcmp(argv[to], "--") != 0; to++)
            ;
        if (install(argv + from, to - from, &owners, &a, err) < 0)
            return -1;
    }
    return 0;
}

/* Of this program alone: what getrusage(2) says includes the program that started it. */
static int print_peak(struct err *err)
{
    struct buf status cleanup_buf = BUF_INIT;
    struct text peak;
    if (fs_read(AT_FDCWD, "/proc/self/status", 65536, &status, err) < 0)
        return -1;
    if (!headers_get(buf_view(&status), "VmHWM", &peak))
        return err_set(err, ERR_SYSTEM, "the kernel does not say VmHWM");
    printf("%.*s\n", (int)text_find(peak, ' '), peak.ptr);
    return 0;
}

static int sweep(const char *cache_dir, struct err *err)
{
    struct arena a cleanup_arena = ARENA_INIT;
    cleanup_close int folder = fs_open_dir(AT_FDCWD, path_join(&a, cache_dir, "unpacked"), err);
    if (folder >= 0)
        unpacked_sweep(folder);
    return folder < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
    struct err err cleanup_err = ERR_INIT;
    int result = 0;
    bool peak = argc > 1 && strcmp(argv[1], "peak") == 0;
    log_open("wheel");
    argc -= peak;
    argv += peak;
    if (argc >= 4 && strcmp(argv[1], "unpack") == 0) {
        for (int i = 3; i < argc && result == 0; i++)
            result = unpack(argv[2], argv[i], &err);
    } else if (argc >= 3 && strcmp(argv[1], "install") == 0) {
        result = install_all(argv + 2, argc - 2, &err);
    } else if (argc == 3 && strcmp(argv[1], "sweep") == 0) {
        result = sweep(argv[2], &err);
    } else {
        result = err_set(&err, ERR_USAGE, "see the top of test/tools/wheel.c");
    }
    if (result == 0 && peak)
        result = print_peak(&err);
    if (result < 0)
        log_error("%s", err.text);
    return result < 0 ? (int)err.kind : 0;
}
