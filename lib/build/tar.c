/* SPDX-License-Identifier: Apache-2.0 */
#include "build/tar.h"

enum {
    BLOCK = 512,
    EXTENSION_LIMIT = 1 << 20,
    NAME_SIZE = 100,
    SIZE_AT = 124,
    NUMBER_SIZE = 12,
    CHECKSUM_AT = 148,
    CHECKSUM_SIZE = 8,
    TYPE_AT = 156,
    PREFIX_AT = 345,
    PREFIX_SIZE = 155,
    SPARSE_MORE_AT = 482,      /* whether blocks with more of a sparse file's map follow */
    SPARSE_MORE_AGAIN_AT = 504 /* the same in those */
};

static const uint64_t size_limit = INT64_MAX - BLOCK;

void tar_open(struct tar *t, tar_source *source, void *context)
{
    *t = (struct tar){.source = source, .context = context};
}

void tar_close(struct tar *t)
{
    buf_free(&t->path);
    buf_free(&t->extension);
}

static int cut_short(struct err *err)
{
    return err_set(err, ERR_INPUT, "the archive is cut short");
}

/* ---- bytes */

/* Makes `ahead` hold something. Returns 0 at the end of the source. */
static int look_ahead(struct tar *t, struct err *err)
{
    while (t->ahead.len == 0) {
        int result = t->source(t->context, &t->ahead, err);
        if (result <= 0)
            return result;
    }
    return 1;
}

/* Appends n bytes, or passes over them where `out` is NULL. */
static int take(struct tar *t, uint64_t n, struct buf *out, struct err *err)
{
    while (n) {
        int result = look_ahead(t, err);
        if (result <= 0)
            return result < 0 ? -1 : cut_short(err);
        struct text some = text_first(t->ahead, n < t->ahead.len ? (size_t)n : t->ahead.len);
        if (out)
            buf_text(out, some);
        t->ahead = text_from(t->ahead, some.len);
        n -= some.len;
    }
    return 0;
}

/* Returns 0 where the source ends instead. */
static int take_block(struct tar *t, struct buf *block, struct err *err)
{
    int result = look_ahead(t, err);
    buf_clear(block);
    if (result <= 0)
        return result;
    return take(t, BLOCK, block, err) < 0 ? -1 : 1;
}

/* ---- fields */

static struct text field(const struct buf *block, size_t at, size_t size)
{
    return text_first(text_from(buf_view(block), at), size);
}

static struct text up_to_nul(struct text t)
{
    return text_first(t, text_find(t, 0));
}

/* GNU: the first byte says that a number in base 256 follows; all ones there is a negative one. */
static bool base_256(struct text t, uint64_t *number)
{
    *number = 0;
    if ((unsigned char)t.ptr[0] != 0x80)
        return false;
    for (size_t i = 1; i < t.len; i++) {
        if (*number > size_limit >> 8)
            return false;
        *number = *number << 8 | (unsigned char)t.ptr[i];
    }
    return *number <= size_limit;
}

/* Octal digits, blanks or a NUL after them; an empty field is 0. */
static bool read_number(struct text t, uint64_t *number)
{
    if ((unsigned char)t.ptr[0] >= 0x80)
        return base_256(t, number);
    t = text_trim(up_to_nul(t));
    *number = 0;
    for (size_t i = 0; i < t.len; i++) {
        if (t.ptr[i] < '0' || t.ptr[i] > '7')
            return false;
        *number = *number << 3 | (uint64_t)(t.ptr[i] - '0');
    }
    return true;
}

/* The sum of all bytes, blanks in the place of the checksum. Some old writers took bytes for signed. */
static bool checksum_is_right(const struct buf *block)
{
    int64_t plain = 0, with_signs = 0;
    uint64_t said;
    for (size_t i = 0; i < BLOCK; i++) {
        char c = i >= CHECKSUM_AT && i < CHECKSUM_AT + CHECKSUM_SIZE ? ' ' : block->ptr[i];
        plain += (unsigned char)c;
        with_signs += (signed char)c;
    }
    return read_number(field(block, CHECKSUM_AT, CHECKSUM_SIZE), &said) &&
           ((int64_t)said == plain || (int64_t)said == with_signs);
}

static bool is_zero(const struct buf *block)
{
    for (size_t i = 0; i < block->len; i++)
        if (block->ptr[i])
            return false;
    return true;
}

static uint64_t padding_after(uint64_t size)
{
    return (BLOCK - size % BLOCK) % BLOCK;
}

/* ---- what comes before the header of a member */

/* Of several headers that say the same the first counts, as in tarfile. */
struct extensions {
    bool any, has_path, has_size, is_sparse;
    uint64_t size;
};

static void set_path(struct tar *t, struct extensions *x, struct text path)
{
    x->any = true;
    if (x->has_path)
        return;
    x->has_path = true;
    buf_clear(&t->path);
    buf_text(&t->path, path);
}

/* All up to the next header, since tarfile looks at the padding too. */
static int take_extension(struct tar *t, uint64_t size, struct err *err)
{
    buf_clear(&t->extension);
    if (size > EXTENSION_LIMIT)
        return err_set(err, ERR_INPUT, "the archive has a header of more than %s",
                       text_size(EXTENSION_LIMIT).s);
    return take(t, size + padding_after(size), &t->extension, err);
}

/* "LENGTH KEY=VALUE\n", LENGTH that of the whole record. False where the rest is no record. */
static bool next_record(struct text *rest, struct text *key, struct text *value)
{
    unsigned long long length;
    size_t digits = text_find(*rest, ' ');
    if (!text_u64(text_first(*rest, digits), &length) || length > rest->len || length < digits + 2 ||
        rest->ptr[length - 1] != '\n')
        return false;
    *value = (struct text){rest->ptr + digits + 1, (size_t)length - digits - 2};
    *rest = text_from(*rest, (size_t)length);
    return text_find(*value, '=') < value->len && text_cut(value, '=', key) && key->len;
}

struct pax {
    bool has_path, has_size, is_sparse;
    struct text path;
    uint64_t size;
};

static bool read_pax(struct text bytes, struct pax *out)
{
    struct text key, value;
    unsigned long long size;
    *out = (struct pax){0};
    while (bytes.len && bytes.ptr[0]) {
        if (!next_record(&bytes, &key, &value))
            return false;
        if (text_is(key, "path") || text_is(key, "GNU.sparse.name")) {
            out->has_path = true;
            out->path = value;
        }
        if (text_is(key, "size")) {
            if (!text_u64(value, &size) || size > size_limit)
                return false;
            out->has_size = true;
            out->size = size;
        }
        if (text_starts(key, T("GNU.sparse.")))
            out->is_sparse = true;
    }
    return true;
}

static int take_pax(struct tar *t, char type, uint64_t size, struct extensions *x, struct err *err)
{
    struct pax pax;
    if (take_extension(t, size, err) < 0)
        return -1;
    if (!read_pax(buf_view(&t->extension), &pax))
        return err_set(err, ERR_INPUT, "the archive has a damaged pax header");
    x->any = true;
    if (type == 'g') {
        if (pax.has_path || pax.has_size || pax.is_sparse)
            return err_set(err, ERR_INPUT, "the archive has a pax header with one path or size for all");
        return 0;
    }
    x->is_sparse |= pax.is_sparse;
    if (pax.has_path)
        set_path(t, x, pax.path);
    if (pax.has_size && !x->has_size) {
        x->has_size = true;
        x->size = pax.size;
    }
    return 0;
}

/* Returns 0 where the type is that of a member. */
static int take_extension_of(struct tar *t, char type, uint64_t size, struct extensions *x, struct err *err)
{
    switch (type) {
    case 'L':
        if (take_extension(t, size, err) < 0)
            return -1;
        set_path(t, x, up_to_nul(buf_view(&t->extension)));
        return 1;
    case 'K':
        x->any = true;
        return take_extension(t, size, err) < 0 ? -1 : 1;
    case 'x':
    case 'X': /* Solaris */
    case 'g':
        return take_pax(t, type, size, x, err) < 0 ? -1 : 1;
    default:
        return 0;
    }
}

/* ---- members */

/* In GNU's form something else may stand in the place of the prefix; tarfile does not care. */
static void set_path_of_header(struct tar *t, const struct buf *block)
{
    struct text prefix = up_to_nul(field(block, PREFIX_AT, PREFIX_SIZE));
    buf_clear(&t->path);
    if (prefix.len && block->ptr[TYPE_AT] != 'S') {
        buf_text(&t->path, prefix);
        buf_char(&t->path, '/');
    }
    buf_text(&t->path, up_to_nul(field(block, 0, NAME_SIZE)));
}

static int pass_sparse_map(struct tar *t, struct buf *block, struct err *err)
{
    for (size_t at = SPARSE_MORE_AT; block->ptr[at]; at = SPARSE_MORE_AGAIN_AT) {
        int result = take_block(t, block, err);
        if (result <= 0)
            return result < 0 ? -1 : cut_short(err);
    }
    return 0;
}

/* Only these have no contents, whatever their size says. */
static bool has_contents(char type, enum tar_kind kind)
{
    return kind != TAR_FOLDER && (type < '1' || type > '6');
}

static enum tar_kind kind_of(const struct buf *block, const struct extensions *x)
{
    switch (block->ptr[TYPE_AT]) {
    case 0:
        if (!x->has_path && text_ends(up_to_nul(field(block, 0, NAME_SIZE)), T("/")))
            return TAR_FOLDER; /* before there was a type for them */
        /* fall through */
    case '0':
    case '7':
        return x->is_sparse ? TAR_OTHER : TAR_FILE;
    case '5':
        return TAR_FOLDER;
    default:
        return TAR_OTHER;
    }
}

static int begin_member(struct tar *t, struct buf *block, uint64_t size, const struct extensions *x,
                        struct tar_member *member, struct err *err)
{
    char type = block->ptr[TYPE_AT];
    if (!x->has_path)
        set_path_of_header(t, block);
    *member = (struct tar_member){.path = buf_view(&t->path), .kind = kind_of(block, x)};
    if (has_contents(type, member->kind)) {
        member->size = t->contents = x->has_size ? x->size : size;
        t->padding = padding_after(t->contents);
    }
    return type == 'S' && pass_sparse_map(t, block, err) < 0 ? -1 : 1;
}

/* A header that is whole, or the end: returns 0. */
static int take_header(struct tar *t, struct buf *block, const struct extensions *x, uint64_t *size,
                       struct err *err)
{
    int result = take_block(t, block, err);
    if (result < 0)
        return -1;
    if (result == 0 || is_zero(block)) {
        if (x->any || !(t->has_begun || result))
            return cut_short(err);
        t->has_ended = true;
        return 0;
    }
    if (!checksum_is_right(block))
        return err_set(err, ERR_INPUT, "%s",
                       t->has_begun ? "the archive is damaged" : "it is no tar archive");
    if (!read_number(field(block, SIZE_AT, NUMBER_SIZE), size))
        return err_set(err, ERR_INPUT, "the archive has a member without a size that can be right");
    t->has_begun = true;
    return 1;
}

int tar_next(struct tar *t, struct tar_member *member, struct err *err)
{
    struct buf block cleanup_buf = BUF_INIT;
    struct extensions x = {0};
    uint64_t size = 0;
    if (t->has_ended)
        return 0;
    if (take(t, t->contents, NULL, err) < 0 || take(t, t->padding, NULL, err) < 0)
        return -1;
    t->contents = t->padding = 0;
    for (;;) {
        int result = take_header(t, &block, &x, &size, err);
        if (result <= 0)
            return result;
        result = take_extension_of(t, block.ptr[TYPE_AT], size, &x, err);
        if (result <= 0)
            return result < 0 ? -1 : begin_member(t, &block, size, &x, member, err);
    }
}

int tar_read(struct tar *t, size_t limit, struct buf *out, struct err *err)
{
    if (t->contents > limit)
        return err_set(err, ERR_INPUT, "it is larger than %s", text_size(limit).s);
    int result = take(t, t->contents, out, err);
    t->contents = 0;
    return result;
}
