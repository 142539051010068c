/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a lock file says for CPython 3.13 on linux x86_64. The first line on stdout holds that interpreter's
 * tags, separated by blanks; then each line of JSON on stdin, {"document": …}, is answered by one line:
 * "error" and the message, "refused" and the first reason, or "select" and, sorted as in the lock, NAME=FILE,
 * or NAME=KIND for what would have to be built.
 */
#include "python/lock.h"
#include "cpython.h"

#include <stdio.h>
#include <stdlib.h>

static const char *kind_of(const struct lock_package *p)
{
    static const char *const kinds[] = {
        [LOCK_ARCHIVE] = "archive", [LOCK_DIRECTORY] = "directory", [LOCK_VCS] = "vcs"};
    if (p->kind == LOCK_WHEELS || p->kind == LOCK_SDIST)
        return p->file ? p->file->name : NULL;
    return kinds[p->kind];
}

static void answer(const char *line, const struct tags *tags)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    struct buf out cleanup_buf = BUF_INIT;
    struct lock_selection selection cleanup_lock_selection = {0};
    struct lock lock;
    struct version python;
    version_parse(&a, T("3.13.0"), &python, NULL);
    const struct lock_target target = {&cpython_markers, &python, tags};
    if (lock_parse(&a, line, "FILE", &lock, &err) < 0) {
        printf("error %s\n", err.text);
        return;
    }
    lock_select(&a, &lock, &target, &selection);
    const char *refused = selection.refusals.count ? selection.refusals.items[0].reason : NULL;
    array_each (&selection.packages, p) {
        const char *reason = NULL;
        const struct lock_file *f = lock_source(&a, *p, &target, &reason);
        const char *what = f && (*p)->kind != LOCK_ARCHIVE ? f->name : kind_of(*p);
        if (!what && !refused)
            refused = reason;
        buf_printf(&out, " %s=%s", (*p)->name, what ? what : "");
    }
    if (refused)
        printf("refused %s\n", refused);
    else
        printf("select%s\n", buf_cstr(&out));
}

int main(void)
{
    struct arena a cleanup_arena = ARENA_INIT;
    const struct tags *tags = tags_make(&a, &cpython_tags);
    char *line = NULL;
    size_t room = 0;
    for (size_t i = 0; i < tags_count(tags); i++)
        printf("%s%s", i ? " " : "", tags_at(tags, i));
    puts("");
    while (getline(&line, &room, stdin) > 0)
        answer(line, tags);
    free(line);
    return 0;
}
