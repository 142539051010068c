/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "venv/direct_url.h"

#include <stdint.h>
#include <stdlib.h>

static const char sha256[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/* What is written of anything is read as the same. */
static void as_repository(struct arena *a, const char *any)
{
    struct direct_url d;
    const struct direct_url written = {
        DIRECT_REPOSITORY, "https://example.org/r", NULL, false, "git", any, any, any};
    char *text = direct_url_write(a, &written);
    if (strcmp(text, "{}") == 0)
        return; /* bytes that are no UTF-8 */
    if (direct_url_parse(a, text, &d, NULL) < 0 || d.kind != DIRECT_REPOSITORY ||
        strcmp(d.commit, any) != 0 || strcmp(d.revision, any) != 0 || strcmp(d.subdirectory, any) != 0)
        abort();
}

/* What is written for a URL is read as that URL without its credentials. */
static void as_url(struct arena *a, const char *url)
{
    struct direct_url d;
    char *clean = direct_url_clean(a, url);
    if (strcmp(clean, direct_url_clean(a, clean)) != 0 && strchr(clean, '@') == NULL)
        abort();
    char *text = direct_url_write(a, &(struct direct_url){.url = url, .sha256 = sha256});
    if (strcmp(text, "{}") == 0)
        return; /* bytes that are no UTF-8 */
    if (direct_url_parse(a, text, &d, NULL) < 0 || strcmp(d.url, clean) != 0 || strcmp(d.sha256, sha256) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct direct_url d;
    const char *text = text_dup(&a, (struct text){(const char *)data, size});
    if ((direct_url_parse(&a, text, &d, &err) < 0) != (err.kind == ERR_INPUT))
        abort();
    if (err.kind != ERR_INPUT && !d.url)
        abort();
    if (err.kind != ERR_INPUT)
        direct_url_reference(&a, &d);
    as_url(&a, text);
    as_repository(&a, text);
    return 0;
}
