/* SPDX-License-Identifier: Apache-2.0 */
#include "build/sdist.h"

#include "base/cleanup.h"
#include "build/gzip.h"
#include "build/tar.h"
#include "python/name.h"
#include "python/wheel_name.h"
#include "venv/archive.h"
#include "venv/wheel_path.h"

#include <errno.h>
#include <sys/stat.h>

enum {
    INFO_LIMIT = 16 << 20,    /* of PKG-INFO, which is held in memory */
    UNPACKED_LIMIT = 1 << 28, /* of what is unpacked to find it */
    BOMB_FACTOR = 200,        /* as for zip archives: no honest one unpacks to so many times its size */
};

static const char file_of_interest[] = "PKG-INFO";

/* ---- paths */

enum place { ELSEWHERE, IN_TOP_FOLDER };

static int fault(struct text path, struct err *err, const char *what)
{
    cleanup_free char *quoted = wheel_path_quote(path);
    return err_set(err, ERR_INPUT, "the entry %s %s", quoted, what);
}

/* Where the archive has no top folder, this is one of the project's own. */
static bool is_info_folder(struct text folder)
{
    return text_ends(folder, T(".egg-info")) || text_ends(folder, T(".dist-info"));
}

/* Whether the path is FOLDER/PKG-INFO, blunt forms as "./FOLDER//PKG-INFO" too. Returns an enum place. */
static int place_of(struct text path, struct text *folder, struct err *err)
{
    struct text rest = path, part, parts[2] = {0};
    size_t count = 0;
    if (text_starts(path, T("/")))
        return fault(path, err, "is absolute");
    while (text_cut(&rest, '/', &part)) {
        if (text_is(part, ".."))
            return fault(path, err, "leads out of its folder");
        if (part.len == 0 || text_is(part, "."))
            continue;
        if (count < 2)
            parts[count] = part;
        count++;
    }
    if (count != 2 || !text_is(parts[1], file_of_interest) || is_info_folder(parts[0]))
        return ELSEWHERE;
    const char *why = wheel_path_fault(parts[0]);
    if (why)
        return fault(path, err, why);
    *folder = parts[0];
    return IN_TOP_FOLDER;
}

static int no_info(struct err *err)
{
    return err_set(err, ERR_NOT_FOUND,
                   "it has no PKG-INFO in its top folder, and has to be built to be known");
}

static int no_plain_file(struct err *err)
{
    return err_set(err, ERR_NOT_FOUND, "its PKG-INFO is no plain file, and it has to be built to be known");
}

/* ---- tar */

struct unpacking {
    struct gzip *gzip;
    uint64_t seen, packed;
};

/* A tar_source. */
static int unpack_more(void *context, struct text *piece, struct err *err)
{
    struct unpacking *u = context;
    if (u->seen > UNPACKED_LIMIT && u->seen / BOMB_FACTOR > u->packed)
        return err_set(err, ERR_INPUT,
                       "it unpacks to more than %d times its size, which no honest archive does",
                       BOMB_FACTOR);
    if (u->seen > UNPACKED_LIMIT)
        return err_set(err, ERR_NOT_FOUND,
                       "it has no PKG-INFO in its first %s, and has to be built to be known",
                       text_size(UNPACKED_LIMIT).s);
    int result = gzip_next(u->gzip, piece, err);
    if (result == 1)
        u->seen += piece->len;
    return result;
}

static int find_in_tar(struct arena *a, struct tar *tar, struct buf *info, const char **folder,
                       struct err *err)
{
    struct tar_member m;
    struct text top;
    int result;
    while ((result = tar_next(tar, &m, err)) == 1) {
        int place = place_of(m.path, &top, err);
        if (place < 0)
            return -1;
        if (place == ELSEWHERE || m.kind == TAR_FOLDER)
            continue;
        if (m.kind != TAR_FILE)
            return no_plain_file(err);
        *folder = text_dup(a, top);
        return tar_read(tar, INFO_LIMIT, info, err) < 0 ? err_wrap(err, "%s", file_of_interest) : 0;
    }
    return result < 0 ? -1 : no_info(err);
}

static int read_tar(struct arena *a, int fd, struct buf *info, const char **folder, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_sys(err, errno, "cannot read the archive");
    struct gzip *gzip cleanup_gzip = gzip_new(fd);
    struct unpacking u = {.gzip = gzip, .packed = (uint64_t)st.st_size};
    struct tar tar cleanup_tar;
    tar_open(&tar, unpack_more, &u);
    return find_in_tar(a, &tar, info, folder, err);
}

/* ---- zip */

static int find_in_zip(const struct archive *zip, const struct archive_member **found, struct text *folder,
                       struct err *err)
{
    for (size_t i = 0; i < zip->count; i++) {
        struct text top;
        int place = place_of(text_of(zip->members[i].path), &top, err);
        if (place < 0)
            return -1;
        if (place == ELSEWHERE || zip->members[i].is_folder)
            continue;
        if (*found)
            return err_set(err, ERR_INPUT, "it has a PKG-INFO in two top folders");
        *found = &zip->members[i];
        *folder = top;
    }
    return *found ? 0 : no_info(err);
}

static int read_zip(struct arena *a, int fd, struct buf *info, const char **folder, struct err *err)
{
    struct arena members cleanup_arena = ARENA_INIT;
    struct archive zip;
    const struct archive_member *found = NULL;
    struct text top = {0};
    if (archive_open(&members, fd, &zip, err) < 0 || find_in_zip(&zip, &found, &top, err) < 0)
        return -1;
    struct archive_reader *reader cleanup_archive_reader = archive_reader_new(&zip);
    *folder = text_dup(a, top);
    return archive_read(reader, found, INFO_LIMIT, info, err);
}

/* ---- PKG-INFO */

/* The file's name without what says its form. */
static struct text stem_of(struct text file)
{
    static const char *const endings[] = {".tar.gz", ".tgz", ".zip"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (text_ends(file, text_of(endings[i])))
            return text_first(file, file.len - strlen(endings[i]));
    return file;
}

/* NAME-VERSION, wherever the name ends: what a URL leads to may be called anything. */
static bool says_what_it_is(struct arena *a, struct text stem)
{
    struct version version;
    for (size_t i = 0; i < stem.len; i++)
        if (stem.ptr[i] == '-' && name_is_valid(text_first(stem, i)) &&
            version_parse(a, text_from(stem, i + 1), &version, NULL) == 0)
            return true;
    return false;
}

static int check_file_name(struct arena *a, const char *file_name, const struct metadata *m, struct err *err)
{
    struct version version;
    struct text file = text_of(file_name);
    if (sdist_name_parse(a, file, m->normalized, &version) ? version_cmp(&version, &m->version) == 0
                                                           : !says_what_it_is(a, stem_of(file)))
        return 0;
    return err_set(err, ERR_INPUT, "its PKG-INFO is that of %s %s", m->name, m->version.text);
}

static const char *why_not_static(struct arena *a, const struct metadata *m)
{
    static const struct {
        const char *field, *key;
    } fields[] = {
        {"Requires-Dist", "requires-dist"},
        {"Requires-Python", "requires-python"},
        {"Provides-Extra", "provides-extra"},
        {"Name", "name"}, /* these two must not be */
        {"Version", "version"},
    };
    if (m->major < 2 || (m->major == 2 && m->minor < 2))
        return arena_printf(a, "its Metadata-Version is %s", m->metadata_version);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (metadata_is_dynamic(m, fields[i].key))
            return arena_printf(a, "%s is dynamic", fields[i].field);
    return NULL;
}

/* What an old or a future tool wrote and nobody can parse may yet become a wheel that all can. */
static int understand(struct arena *a, struct text info, const char *file_name, struct sdist_info *out,
                      struct err *err)
{
    struct err why cleanup_err = ERR_INIT;
    if (metadata_parse(a, info, &out->metadata, &why) < 0)
        return err_set(err, ERR_NOT_FOUND,
                       "its PKG-INFO cannot be read, and it has to be built to be known: %s", why.text);
    if (check_file_name(a, file_name, &out->metadata, err) < 0)
        return -1;
    out->why_not = why_not_static(a, &out->metadata);
    out->is_static = !out->why_not;
    return 0;
}

int sdist_read(struct arena *a, int fd, const char *file_name, struct sdist_info *out, struct err *err)
{
    struct buf info cleanup_buf = BUF_INIT;
    struct text file = text_of(file_name);
    int result;
    *out = (struct sdist_info){0};
    if (text_ends(file, T(".tar.gz")) || text_ends(file, T(".tgz")))
        result = read_tar(a, fd, &info, &out->folder, err);
    else if (text_ends(file, T(".zip")))
        result = read_zip(a, fd, &info, &out->folder, err);
    else
        result = err_set(err, ERR_NOT_FOUND, "an archive of this form has to be built to be known");
    if (result < 0 || understand(a, buf_view(&info), file_name, out, err) < 0)
        return err_wrap(err, "%s", file_name);
    out->bytes = (struct text){text_dup(a, buf_view(&info)), info.len};
    return 0;
}
