/* SPDX-License-Identifier: Apache-2.0 */
#include "base/digest.h"

#include <sys/types.h>

#include <sha256.h>

void hex_encode(const unsigned char *bytes, size_t n, char *hex)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    hex[2 * n] = 0;
}

static int digit_value(char c)
{
    c = ascii_lower(c);
    return ascii_is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool hex_decode(struct text hex, unsigned char *bytes, size_t n)
{
    if (hex.len != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        int high = digit_value(hex.ptr[2 * i]), low = digit_value(hex.ptr[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        bytes[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

bool digest_is_name(const char *name, const char *suffix)
{
    size_t n = strspn(name, "0123456789abcdef");
    return n == DIGEST_HEX - 1 && strcmp(name + n, suffix) == 0;
}

void digest_hex(struct text bytes, char hex[DIGEST_HEX])
{
    unsigned char raw[DIGEST_SIZE];
    SHA2_CTX ctx;
    SHA256Init(&ctx);
    SHA256Update(&ctx, (const uint8_t *)bytes.ptr, bytes.len);
    SHA256Final(raw, &ctx);
    hex_encode(raw, DIGEST_SIZE, hex);
}

void digest_print(const char *salt, const char *name, struct text secret, char hex[DIGEST_PRINT])
{
    struct buf b cleanup_buf = BUF_INIT;
    char whole[DIGEST_HEX];
    buf_printf(&b, "%s %s ", salt, name);
    buf_text(&b, secret);
    digest_hex(buf_view(&b), whole);
    memcpy(hex, whole, DIGEST_PRINT - 1);
    hex[DIGEST_PRINT - 1] = 0;
}
