/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/archive.h"

#include "base/cleanup.h"
#include "base/strmap.h"
#include "venv/archive_bytes.h"
#include "venv/wheel_path.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    END_SIZE = 22,
    END64_SIZE = 56,
    LOCATOR_SIZE = 20,
    CENTRAL_SIZE = 46,
    DIRECTORY_LIMIT = 16 << 20, /* of the central directory, which is held in memory */
    FOLDERS_LIMIT = 16 << 20,   /* of all folders' paths together, which could be far more than that */
};

/* No honest wheel comes near it: deflate reaches 1:1000 on zeros, compiled and plain text stay below 1:20. */
static const uint64_t bomb_factor = 200, bomb_base = 64 << 20;

static const unsigned char *bytes_of(struct text t)
{
    return (const unsigned char *)t.ptr;
}

int archive_extra(struct text extra, uint16_t id, struct text *field)
{
    int found = 0;
    while (extra.len >= 4) {
        size_t n = le16(bytes_of(extra) + 2);
        if (n > extra.len - 4)
            return -1;
        if (le16(bytes_of(extra)) == id) {
            if (found++)
                return -1;
            *field = text_first(text_from(extra, 4), n);
        }
        extra = text_from(extra, 4 + n);
    }
    return found;
}

int archive_pread(int fd, void *to, size_t n, uint64_t offset, struct err *err)
{
    char *at = to;
    while (n) {
        ssize_t got = pread(fd, at, n, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_sys(err, errno, "cannot read the archive");
        if (got == 0)
            return err_set(err, ERR_INPUT, "the archive is cut short");
        at += got;
        offset += (uint64_t)got;
        n -= (size_t)got;
    }
    return 0;
}

/* ---- the end records */

struct directory {
    uint64_t offset, size, count;
};

/* The zip64 record stands in for every field of the old one that is all ones; any other field has to say the
 * same. Returns 1 when there is one, with *at moved to where the central directory must end. */
static int read_end64(const struct archive *z, const unsigned char *end, uint64_t *at, struct directory *d,
                      struct err *err)
{
    unsigned char locator[LOCATOR_SIZE], record[END64_SIZE];
    if (*at < LOCATOR_SIZE + END64_SIZE)
        return 0;
    if (archive_pread(z->fd, locator, sizeof locator, *at - LOCATOR_SIZE, err) < 0)
        return -1;
    if (memcmp(locator, "PK\6\7", 4) != 0)
        return 0;
    uint64_t where = le64(locator + 8);
    if (le32(locator + 4) != 0 || le32(locator + 16) > 1)
        return err_set(err, ERR_INPUT, "the archive is spread over several disks");
    if (where > *at - LOCATOR_SIZE - END64_SIZE)
        return err_set(err, ERR_INPUT, "the zip64 end record is not where it is said to be");
    if (archive_pread(z->fd, record, sizeof record, where, err) < 0)
        return -1;
    if (memcmp(record, "PK\6\6", 4) != 0 || le64(record + 4) != *at - LOCATOR_SIZE - where - 12)
        return err_set(err, ERR_INPUT, "the zip64 end record is not where it is said to be");
    *d = (struct directory){
        .offset = le64(record + 48), .size = le64(record + 40), .count = le64(record + 32)};
    if (le32(record + 16) != 0 || le32(record + 20) != 0 || le64(record + 24) != d->count)
        return err_set(err, ERR_INPUT, "the archive is spread over several disks");
    uint16_t count = le16(end + 10);
    uint32_t size = le32(end + 12), offset = le32(end + 16);
    if ((count != UINT16_MAX && count != d->count) || (size != UINT32_MAX && size != d->size) ||
        (offset != UINT32_MAX && offset != d->offset))
        return err_set(err, ERR_INPUT, "the zip64 end record and the end record disagree");
    *at = where;
    return 1;
}

/* The end record is the last one whose comment reaches exactly to the end of the file. The directory must
 * reach exactly to the end records: whoever reads the archive from either end finds the same members. */
static int find_directory(const struct archive *z, struct directory *d, struct err *err)
{
    size_t n = z->size < END_SIZE + UINT16_MAX ? (size_t)z->size : END_SIZE + UINT16_MAX;
    cleanup_free unsigned char *tail = xmalloc(n);
    if (archive_pread(z->fd, tail, n, z->size - n, err) < 0)
        return -1;
    const unsigned char *end = NULL;
    for (size_t i = n < END_SIZE ? 0 : n - END_SIZE + 1; i-- && !end;)
        if (memcmp(tail + i, "PK\5\6", 4) == 0 && le16(tail + i + 20) == n - i - END_SIZE)
            end = tail + i;
    if (!end)
        return err_set(err, ERR_INPUT, "it is no zip archive, or cut short");
    uint64_t at = z->size - n + (size_t)(end - tail);
    *d = (struct directory){.offset = le32(end + 16), .size = le32(end + 12), .count = le16(end + 10)};
    int is_64 = read_end64(z, end, &at, d, err);
    if (is_64 < 0)
        return -1;
    if (le16(end + 4) != 0 || le16(end + 6) != 0 || (!is_64 && le16(end + 8) != d->count))
        return err_set(err, ERR_INPUT, "the archive is spread over several disks");
    if (d->offset > at || d->size != at - d->offset)
        return err_set(err, ERR_INPUT, "the central directory is not where it is said to be");
    if (d->size > DIRECTORY_LIMIT || d->count > d->size / CENTRAL_SIZE)
        return err_set(err, ERR_INPUT, "the central directory does not fit its %llu entries, or is too large",
                       (unsigned long long)d->count);
    return 0;
}

/* ---- the central directory */

/* Numbers that did not fit their fields are in the zip64 field, in this order, those that did fit are not. */
static bool read_zip64(struct text extra, struct archive_member *m)
{
    struct text field = {0};
    uint64_t *const wide[] = {&m->size, &m->packed, &m->offset};
    int found = archive_extra(extra, ZIP_EXTRA_ZIP64, &field);
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
        if (*wide[i] != UINT32_MAX)
            continue;
        if (found != 1 || field.len < 8)
            return false;
        *wide[i] = le64(bytes_of(field));
        field = text_from(field, 8);
    }
    return found >= 0;
}

/* Some readers take a name from this field instead: it must not be another one. */
static bool unicode_path_agrees(struct text extra, struct text name)
{
    struct text field = {0};
    int found = archive_extra(extra, ZIP_EXTRA_UNICODE_PATH, &field);
    return found == 0 || (found == 1 && field.len >= 5 && text_eq(text_from(field, 5), name));
}

static const char *member_fault(const struct archive_member *m, const unsigned char *entry, struct text extra,
                                struct text name)
{
    uint32_t attributes = le32(entry + 38), type = attributes >> 16 & S_IFMT;
    const char *fault = wheel_path_fault(m->is_folder ? text_first(name, name.len - 1) : name);
    if (fault)
        return fault;
    if (!unicode_path_agrees(extra, name))
        return "has two different names";
    if (le16(entry + 34) != 0)
        return "is on another disk";
    if (le16(entry + 8) & ZIP_FLAGS_REFUSED)
        return "is encrypted";
    if (m->method != ARCHIVE_STORED && m->method != ARCHIVE_DEFLATED)
        return "is compressed in a way other than deflate";
    if (m->is_folder ? type && type != S_IFDIR : type == S_IFDIR || (!type && attributes & 0x10))
        return "is a folder in place of a file, or the other way round";
    if (type == S_IFLNK)
        return "is a symbolic link";
    if (!m->is_folder && type && type != S_IFREG)
        return "is a device, pipe or socket";
    if (m->is_folder && m->size)
        return "is a folder with contents";
    if (m->method == ARCHIVE_STORED && m->size != m->packed)
        return "is stored, but its two sizes differ";
    return NULL;
}

static int read_member(struct arena *a, struct text *directory, struct archive_member *m, struct err *err)
{
    const unsigned char *entry = bytes_of(*directory);
    if (directory->len < CENTRAL_SIZE || memcmp(entry, "PK\1\2", 4) != 0)
        return err_set(err, ERR_INPUT, "the central directory is damaged");
    struct text rest = text_from(*directory, CENTRAL_SIZE);
    size_t name_len = le16(entry + 28), extra_len = le16(entry + 30), comment_len = le16(entry + 32);
    if (rest.len < name_len + extra_len + comment_len)
        return err_set(err, ERR_INPUT, "the central directory is damaged");
    struct text name = text_first(rest, name_len);
    struct text extra = text_first(text_from(rest, name_len), extra_len);
    *directory = text_from(rest, name_len + extra_len + comment_len);
    *m = (struct archive_member){
        .offset = le32(entry + 42),
        .packed = le32(entry + 20),
        .size = le32(entry + 24),
        .crc = le32(entry + 16),
        .method = le16(entry + 10),
        .executable = (le32(entry + 38) >> 16 & 0111) != 0,
        .is_folder = text_ends(name, T("/")),
    };
    const char *fault =
        read_zip64(extra, m) ? member_fault(m, entry, extra, name) : "has a damaged extra field";
    if (fault) {
        cleanup_free char *quoted = wheel_path_quote(name);
        return err_set(err, ERR_INPUT, "the entry %s %s", quoted, fault);
    }
    m->path = text_dup(a, m->is_folder ? text_first(name, name.len - 1) : name);
    return 0;
}

/* ---- all of them together */

static int compare_offsets(const void *a, const void *b)
{
    const struct archive_member *x = a, *y = b;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

/* Wheels are written in the order of their directory, nearly always. */
static void sort_by_offset(struct archive *z)
{
    for (size_t i = 1; i < z->count; i++) {
        if (z->members[i - 1].offset > z->members[i].offset) {
            qsort(z->members, z->count, sizeof *z->members, compare_offsets);
            return;
        }
    }
}

static int check_extents(struct archive *z, uint64_t end, struct err *err)
{
    uint64_t allowed;
    if (__builtin_mul_overflow(z->size, bomb_factor, &allowed) ||
        __builtin_add_overflow(allowed, bomb_base, &allowed))
        allowed = UINT64_MAX;
    for (size_t i = 0; i < z->count; i++) {
        struct archive_member *m = &z->members[i];
        m->limit = i + 1 < z->count ? z->members[i + 1].offset : end;
        uint64_t room = m->limit > m->offset ? m->limit - m->offset : 0;
        if (room < ZIP_LOCAL_HEADER || m->packed > room - ZIP_LOCAL_HEADER) {
            cleanup_free char *quoted = wheel_path_quote(text_of(m->path));
            return err_set(err, ERR_INPUT, "the entry %s overlaps what follows it", quoted);
        }
        if (__builtin_add_overflow(z->total, m->size, &z->total) || z->total > allowed)
            return err_set(err, ERR_INPUT,
                           "it would unpack to more than %llu MB, which no honest archive of its size does",
                           (unsigned long long)(allowed >> 20));
    }
    return 0;
}

static int path_twice(const char *path, const char *how, struct err *err)
{
    cleanup_free char *quoted = wheel_path_quote(text_of(path));
    return err_set(err, ERR_INPUT, "the entry %s %s", quoted, how);
}

struct path_check {
    struct strmap paths;
    struct text last; /* the folder of the file before */
    size_t folder_bytes;
};

/* A file's folders, from the outermost. */
static int add_folders(struct arena *a, struct archive *z, struct path_check *c, const char *path,
                       struct err *err)
{
    const char *slash = strrchr(path, '/');
    struct text folder = {path, slash ? (size_t)(slash - path) : 0};
    if (text_eq(folder, c->last))
        return 0;
    c->last = folder;
    static char is_folder[] = "folder";
    for (size_t i = 1; i <= folder.len; i++) {
        if (i < folder.len && path[i] != '/')
            continue;
        void **place = strmap_place(&c->paths, text_first(folder, i));
        if (*place == is_folder)
            continue;
        if (*place)
            return path_twice(path, "is in a folder that is also a file", err);
        *place = is_folder;
        if ((c->folder_bytes += i) > FOLDERS_LIMIT)
            return err_set(err, ERR_INPUT, "it has too many folders");
        array_push(&z->folders, text_dup(a, text_first(folder, i)));
    }
    return 0;
}

static int check_paths_into(struct arena *a, struct archive *z, struct path_check *c, struct err *err)
{
    for (size_t i = 0; i < z->count; i++) {
        struct archive_member *m = &z->members[i];
        if (m->is_folder)
            continue;
        void **place = strmap_place(&c->paths, text_of(m->path));
        if (*place)
            return path_twice(m->path, "is there twice, or is both a file and a folder", err);
        *place = m;
        if (add_folders(a, z, c, m->path, err) < 0)
            return -1;
    }
    /* Entries for folders say nothing that the files do not, so they may be there twice, but not over a file.
     */
    for (size_t i = 0; i < z->count; i++) {
        const struct archive_member *m = &z->members[i], *other = NULL;
        if (m->is_folder && (other = strmap_get(&c->paths, text_of(m->path))) && other >= z->members &&
            other < z->members + z->count)
            return path_twice(m->path, "is both a file and a folder", err);
    }
    return 0;
}

static int check_paths(struct arena *a, struct archive *z, struct err *err)
{
    struct path_check c = {0};
    int result = check_paths_into(a, z, &c, err);
    strmap_free(&c.paths);
    return result;
}

int archive_open(struct arena *a, int fd, struct archive *out, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_sys(err, errno, "cannot read the archive");
    struct archive z = {.fd = fd, .size = st.st_size > 0 ? (uint64_t)st.st_size : 0};
    struct strings folders cleanup_strings = {0};
    struct directory d = {0};
    if (find_directory(&z, &d, err) < 0)
        return -1;
    cleanup_free char *bytes = xmalloc((size_t)d.size);
    if (archive_pread(fd, bytes, (size_t)d.size, d.offset, err) < 0)
        return -1;
    struct text rest = {bytes, (size_t)d.size};
    z.members = arena_array(a, (size_t)d.count, sizeof *z.members);
    for (; z.count < d.count; z.count++)
        if (read_member(a, &rest, &z.members[z.count], err) < 0)
            return -1;
    if (rest.len)
        return err_set(err, ERR_INPUT, "the central directory has more entries than the end record says");
    sort_by_offset(&z);
    int result = check_extents(&z, d.offset, err);
    if (result == 0)
        result = check_paths(a, &z, err);
    folders = z.folders;
    if (result < 0)
        return -1;
    z.folders.room = z.folders.count;
    z.folders.items = arena_array(a, folders.count, sizeof *folders.items);
    if (folders.count)
        memcpy(z.folders.items, folders.items, folders.count * sizeof *folders.items);
    *out = z;
    return 0;
}
