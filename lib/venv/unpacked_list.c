/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/unpacked_list.h"

#include "base/cleanup.h"
#include "venv/hasher.h"
#include "venv/wheel_path.h"

#include <stdint.h>
#include <stdio.h>

static const char head[] = "localstack-extensions unpacked wheel 1";

/* The lines before the files: KEY VALUE. */
enum { LINE_ARCHIVE, LINE_DIST_INFO, LINE_DATA_DIR, LINE_PURELIB, LINE_FILES, LINE_COUNT };
static const char *const keys[LINE_COUNT] = {"archive", "dist-info", "data-dir", "purelib", "files"};

static int digest(struct text bytes, char base64[HASHER_SHA256_BASE64], struct err *err)
{
    struct hasher *h cleanup_hasher = hasher_new(err);
    if (!h || hasher_begin(h, NULL, err) < 0 || hasher_add(h, bytes, err) < 0)
        return -1;
    return hasher_end(h, base64, NULL, err);
}

int unpacked_list_write(struct buf *to, const struct unpacked *entry, struct err *err)
{
    char seal[HASHER_SHA256_BASE64];
    size_t start = to->len;
    buf_printf(to, "%s\n%s %s\n%s %s\n%s %s\n%s %d\n%s %zu\n", head, keys[LINE_ARCHIVE], entry->sha256,
               keys[LINE_DIST_INFO], entry->dist_info, keys[LINE_DATA_DIR], entry->data_dir,
               keys[LINE_PURELIB], entry->root_is_purelib, keys[LINE_FILES], entry->count);
    for (const struct unpacked_file *f = entry->files; f < entry->files + entry->count; f++) {
        char numbers[80];
        buf_str(to, f->sha256);
        int n = snprintf(numbers, sizeof numbers, " %lld %lld %o %c ", f->size, f->mtime_ns, f->mode,
                         f->executable ? 'x' : '-');
        buf_add(to, numbers, (size_t)n);
        buf_str(to, f->path);
        buf_char(to, '\n');
    }
    if (digest(text_from(buf_view(to), start), seal, err) < 0)
        return -1;
    buf_printf(to, "end %s\n", seal);
    return 0;
}

static int damaged(struct err *err)
{
    return err_set(err, ERR_INPUT, "the list of files is cut short or damaged");
}

/* The next field, up to `sep`, made a C string of its own. */
static char *field(char **at, char sep)
{
    char *start = *at, *end = strchr(start, sep);
    if (!end)
        return NULL;
    *end = 0;
    *at = end + 1;
    return start;
}

static bool number(const char *digits, long long *value)
{
    unsigned long long v;
    if (!digits || !text_u64(text_of(digits), &v) || v > INT64_MAX)
        return false;
    *value = (long long)v;
    return true;
}

static bool octal(const char *digits, unsigned *mode)
{
    *mode = 0;
    if (!digits || !*digits || strlen(digits) > 4)
        return false;
    for (; *digits; digits++) {
        if (*digits < '0' || *digits > '7')
            return false;
        *mode = *mode * 8 + (unsigned)(*digits - '0');
    }
    return true;
}

/* "SHA256 SIZE MTIME MODE x|- PATH" */
static bool parse_file(char *line, struct unpacked_file *f)
{
    f->sha256 = field(&line, ' ');
    if (!f->sha256 || strlen(f->sha256) != HASHER_SHA256_BASE64 - 1)
        return false;
    if (!number(field(&line, ' '), &f->size) || !number(field(&line, ' '), &f->mtime_ns) ||
        !octal(field(&line, ' '), &f->mode))
        return false;
    f->executable = *line == 'x';
    if ((*line != 'x' && *line != '-') || line[1] != ' ')
        return false;
    f->path = line + 2;
    return !wheel_path_fault(text_of(f->path));
}

static bool parse_head(char **at, char *values[LINE_COUNT])
{
    char *line = field(at, '\n');
    if (!line || strcmp(line, head) != 0)
        return false;
    for (size_t i = 0; i < LINE_COUNT; i++) {
        size_t n = strlen(keys[i]);
        if (!(line = field(at, '\n')) || strncmp(line, keys[i], n) != 0 || line[n] != ' ')
            return false;
        values[i] = line + n + 1;
    }
    return !wheel_path_fault(text_of(values[LINE_DIST_INFO])) &&
           !wheel_path_fault(text_of(values[LINE_DATA_DIR]));
}

int unpacked_list_parse(struct arena *a, char *bytes, size_t len, struct unpacked *out, struct err *err)
{
    enum { SEAL_LINE = sizeof "end \n" - 1 + HASHER_SHA256_BASE64 - 1 };
    char seal[HASHER_SHA256_BASE64], *values[LINE_COUNT];
    long long count;
    if (len < SEAL_LINE || memchr(bytes, 0, len))
        return damaged(err);
    char *end = bytes + len - SEAL_LINE;
    if (digest((struct text){bytes, (size_t)(end - bytes)}, seal, err) < 0)
        return -1;
    if (strncmp(end, "end ", 4) != 0 || strncmp(end + 4, seal, sizeof seal - 1) != 0)
        return damaged(err);
    *end = 0;
    /* Each file takes more than 50 bytes, so the count cannot ask for more memory than the list itself. */
    if (!parse_head(&bytes, values) || !number(values[LINE_FILES], &count) || (size_t)count > len / 50)
        return damaged(err);
    struct unpacked_file *files = arena_array(a, (size_t)count, sizeof *files);
    for (long long i = 0; i < count; i++) {
        char *line = field(&bytes, '\n');
        if (!line || !parse_file(line, &files[i]) || (i && strcmp(files[i - 1].path, files[i].path) >= 0))
            return damaged(err);
    }
    if (bytes != end)
        return damaged(err);
    out->sha256 = values[LINE_ARCHIVE];
    out->dist_info = values[LINE_DIST_INFO];
    out->data_dir = values[LINE_DATA_DIR];
    out->root_is_purelib = strcmp(values[LINE_PURELIB], "1") == 0;
    out->files = files;
    out->count = (size_t)count;
    return 0;
}
