/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "build/git.h"
#include "venv/direct_url.h"

#include <stdint.h>
#include <stdlib.h>

/* What git gets is one argument that is no option, and nothing in it is for another line or another folder.
 */
static void check(struct arena *a, const struct git_url *u)
{
    if (strpbrk(u->url, "\n\r#") || !strstr(u->url, "://") || u->url[0] == '-')
        abort();
    if (u->ref && (!*u->ref || *u->ref == '-' || strpbrk(u->ref, "\n\r")))
        abort();
    if (u->subdirectory &&
        (!*u->subdirectory || *u->subdirectory == '/' || strcmp(u->subdirectory, "..") == 0 ||
         strncmp(u->subdirectory, "../", 3) == 0 || strstr(u->subdirectory, "/../")))
        abort();
    if (u->egg && !*u->egg)
        abort();
    /* What is shown has no credentials any more; and what git gets is read again as itself. */
    if (strcmp(u->shown, direct_url_clean(a, u->url)) != 0)
        abort();
    struct git_url again;
    if (git_url_parse(a, arena_concat(a, "git+", u->url, "@x"), &again, NULL) < 0 ||
        strcmp(again.url, u->url) != 0)
        if (!strpbrk(u->url, "?&"))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct git_url url;
    const char *text = text_dup(&a, (struct text){(const char *)data, size});
    if (git_url_parse(&a, text, &url, &err) == 0)
        check(&a, &url);
    else if (err.kind != ERR_INPUT || !err.text)
        abort();
    return 0;
}
