/* SPDX-License-Identifier: Apache-2.0 */
/* What holds for every file that a page has, whatever stands in it; one target for each form of page. */
#pragma once
#include "index/index.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void fuzz_page(const char *content_type, struct text bytes)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct index_files files = {0};
    int result =
        index_page_parse(&a, "https://u:p@example.org/simple/demo/", content_type, bytes, &files, &err);
    if ((result < 0) != (err.kind == ERR_INPUT))
        abort();
    /* What is made of a page can be read, whatever the page says. */
    if (result < 0 && strcmp(err.text, "what is kept of the page is damaged") == 0)
        abort();
    array_each (&files, f) {
        if (!f->name || !*f->name || strpbrk(f->name, "/\\\n") || strcmp(f->name, "..") == 0)
            abort();
        if (!f->url || !*f->url || strpbrk(f->url, " \n#") || strchr(f->index_url, '@'))
            abort();
        if (f->hash && (!f->hash_algorithm || strlen(f->hash) < 32))
            abort();
        if ((f->sha256 && strlen(f->sha256) != 64) || (f->metadata_hash && strlen(f->metadata_hash) != 64))
            abort();
        /* What is not encrypted needs a digest when the page is, and nothing leads to files of this machine.
         */
        if (strncmp(f->url, "https:", 6) != 0 && (strncmp(f->url, "http:", 5) != 0 || !f->hash))
            abort();
    }
    array_free(&files);
}
