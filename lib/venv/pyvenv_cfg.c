/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/pyvenv_cfg.h"

struct text pyvenv_cfg_get(struct text cfg, const char *key)
{
    struct text line;
    while (text_line(&cfg, &line)) {
        size_t at = text_find(line, '=');
        if (at < line.len && text_eq_nocase(text_trim(text_first(line, at)), text_of(key)))
            return text_trim(text_from(line, at + 1));
    }
    return (struct text){NULL, 0};
}
