/* SPDX-License-Identifier: Apache-2.0 */
/* Commands split into words: quoted word by word they split into the same words again. */
#include "base/text.h"
#include "boot/shell_words.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static char *quote_all(struct arena *a, const struct strings *words)
{
    struct buf b cleanup_buf = BUF_INIT;
    array_each (words, word) {
        buf_char(&b, '\'');
        for (const char *c = *word; *c; c++) {
            if (*c == '\'')
                buf_str(&b, "'\\''");
            else
                buf_char(&b, *c);
        }
        buf_str(&b, "' ");
    }
    return text_dup(a, buf_view(&b));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct strings words cleanup_strings = {0}, again cleanup_strings = {0};
    const char *text = text_dup(&a, (struct text){(const char *)data, size});
    if (shell_words(&a, text, &words, &err) < 0) {
        if (!err.text)
            abort();
        return 0;
    }
    if (shell_words(&a, quote_all(&a, &words), &again, &err) < 0 || again.count != words.count)
        abort();
    for (size_t i = 0; i < words.count; i++)
        if (strcmp(words.items[i], again.items[i]) != 0)
            abort();
    return 0;
}
