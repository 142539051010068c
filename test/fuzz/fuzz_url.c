/* SPDX-License-Identifier: Apache-2.0 */
/* Two lines: a URL, and a reference that is relative to it. */
#include "base/log.h"
#include "index/url.h"

#include <stdint.h>
#include <stdlib.h>

static void check_target(struct arena *a, const char *url)
{
    struct url_target t, again;
    if (url_target(a, url, &t, NULL) < 0)
        return;
    if (!*t.host || t.port == 0 || t.port > 65535 || strpbrk(t.host, "/@?# ") || !t.user != !t.password)
        abort();
    if (!url_same_origin(url, t.bare) || url_target(a, t.bare, &again, NULL) < 0 || again.user ||
        strcmp(t.bare, again.bare) != 0)
        abort();
}

static void check_path(struct arena *a, const char *path)
{
    if (path[0] != '/')
        return;
    const char *back = url_to_path(a, url_from_path(a, path));
    if (!back || strcmp(back, path) != 0)
        abort();
}

/* What begins like no port is hidden whole, whatever is in it but what ends it. */
static void check_redacted(struct arena *a, struct text text)
{
    struct buf out cleanup_buf = BUF_INIT, hidden cleanup_buf = BUF_INIT;
    log_redact(&out, text);
    const char *password = text_dup(a, text);
    if (strpbrk(password, "@\n'\"`") || strstr(password, "://"))
        return;
    const char *url = arena_printf(a, "https://user:x%s@h/", password);
    log_redact(&hidden, text_of(url));
    if (strcmp(buf_cstr(&hidden), "https://user:****@h/") != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct text reference = {text_dup(&a, (struct text){(const char *)data, size}), 0}, line;
    reference.len = strlen(reference.ptr);
    text_cut(&reference, '\n', &line);
    const char *base = text_dup(&a, line), *fragment, *name;
    char *joined = url_join(&a, base, reference, &fragment);
    /* A whole URL stands for itself, whatever it is relative to. */
    if (url_is_network(text_of(joined)) && strcmp(url_join(&a, base, text_of(joined), NULL), joined) != 0)
        abort();
    check_target(&a, base);
    check_target(&a, joined);
    check_path(&a, base);
    char *bare = url_without_credentials(&a, base);
    if (strcmp(bare, url_without_credentials(&a, bare)) != 0)
        abort();
    if ((name = url_file_name(&a, joined, NULL)) && (!*name || strpbrk(name, "/\\")))
        abort();
    url_redacted(&a, base);
    check_redacted(&a, (struct text){(const char *)data, size});
    check_redacted(&a, text_of(base));
    url_with_suffix(&a, joined, ".metadata");
    url_with_credentials_of(&a, joined, base);
    return 0;
}
