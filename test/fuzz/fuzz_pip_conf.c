/* SPDX-License-Identifier: Apache-2.0 */
#include "config/pip_conf.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct pip_conf conf cleanup_pip_conf = {0};
    if (pip_conf_parse(&a, (struct text){(const char *)data, size}, "pip.conf", &conf, &err) == 0)
        array_each (&conf, item)
            if (!item->section || !item->option || !item->value)
                abort();
    return 0;
}
