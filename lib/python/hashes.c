/* SPDX-License-Identifier: Apache-2.0 */
#include "python/hashes.h"

static const struct {
    const char *name;
    size_t digits;
} algorithms[HASH_ALGORITHMS] = {
    [HASH_SHA256] = {"sha256", 64}, [HASH_SHA384] = {"sha384", 96}, [HASH_SHA512] = {"sha512", 128}};

const char *hash_name(enum hash_algorithm algorithm)
{
    return algorithms[algorithm].name;
}

bool hash_algorithm_parse(struct text name, enum hash_algorithm *out)
{
    for (unsigned i = 0; i < HASH_ALGORITHMS; i++)
        if (text_is(name, algorithms[i].name)) {
            *out = (enum hash_algorithm)i;
            return true;
        }
    return false;
}

static bool is_hex(struct text t)
{
    for (size_t i = 0; i < t.len; i++)
        if (!ascii_is_digit(t.ptr[i]) && (ascii_lower(t.ptr[i]) < 'a' || ascii_lower(t.ptr[i]) > 'f'))
            return false;
    return true;
}

int hashes_add(struct arena *a, struct hashes *h, struct text value, struct err *err)
{
    size_t colon = text_find(value, ':');
    struct text digest = text_from(value, colon + 1);
    enum hash_algorithm algorithm;
    if (!hash_algorithm_parse(text_first(value, colon), &algorithm))
        return err_set(err, ERR_INPUT,
                       "--hash takes sha256:, sha384: or sha512: and the digest, not \"%.*s\"",
                       TEXT_ARG(text_first(value, 200)));
    size_t digits = algorithms[algorithm].digits;
    if (digest.len != digits || !is_hex(digest))
        return err_set(err, ERR_INPUT, "a %s digest has %zu hexadecimal digits: \"%.*s\" is none",
                       algorithms[algorithm].name, digits, TEXT_ARG(text_first(digest, 200)));
    char *hex = text_dup(a, digest);
    for (char *c = hex; *c; c++)
        *c = ascii_lower(*c);
    struct hash *items = arena_array(a, h->count + 1, sizeof *items);
    if (h->count)
        memcpy(items, h->items, h->count * sizeof *items);
    items[h->count] = (struct hash){algorithm, hex};
    h->items = items;
    h->count++;
    return 0;
}

unsigned hashes_algorithms(const struct hashes *h)
{
    unsigned mask = 0;
    for (size_t i = 0; i < h->count; i++)
        mask |= 1U << h->items[i].algorithm;
    return mask;
}

bool hashes_have(const struct hashes *h, enum hash_algorithm algorithm, const char *hex)
{
    for (size_t i = 0; i < h->count; i++)
        if (h->items[i].algorithm == algorithm && strcmp(h->items[i].hex, hex) == 0)
            return true;
    return false;
}

char *hashes_text(struct arena *a, const struct hashes *h)
{
    enum { MOST = 3 };
    struct buf b cleanup_buf = BUF_INIT;
    for (size_t i = 0; i < h->count && i < MOST; i++)
        buf_printf(&b, "%s%s:%s", i ? ", " : "", hash_name(h->items[i].algorithm), h->items[i].hex);
    if (h->count > MOST)
        buf_printf(&b, " and %zu more", h->count - MOST);
    return text_dup(a, buf_view(&b));
}
