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

void digest_hex(struct text bytes, char hex[DIGEST_HEX])
{
    unsigned char raw[DIGEST_SIZE];
    SHA2_CTX ctx;
    SHA256Init(&ctx);
    SHA256Update(&ctx, (const uint8_t *)bytes.ptr, bytes.len);
    SHA256Final(raw, &ctx);
    hex_encode(raw, DIGEST_SIZE, hex);
}
