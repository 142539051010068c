/* SPDX-License-Identifier: Apache-2.0 */
#include "config/extensions_yaml.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err cleanup_err = ERR_INIT;
    struct settings settings cleanup_settings = {0};
    int result =
        extensions_yaml_parse((struct text){(const char *)data, size}, "extensions.yaml", &settings, &err);
    if ((result < 0) != (err.kind == ERR_USAGE))
        abort();
    return 0;
}
