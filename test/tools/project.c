/* SPDX-License-Identifier: Apache-2.0 */
/* project PYTHON FOLDER…: what the folders' project files say, each answer ended by a line with a dot. */
#include "project_print.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    struct arena a cleanup_arena = ARENA_INIT;
    struct err err cleanup_err = ERR_INIT;
    size_t count = argc > 2 ? (size_t)argc - 2 : 0;
    struct project *projects = arena_array(&a, count + 1, sizeof *projects);
    for (size_t i = 0; i < count; i++)
        projects[i].folder = argv[i + 2];
    if (argc < 2 || project_read(&a, argv[1], projects, count, &err) < 0) {
        fprintf(stderr, "%s\n", err.text ? err.text : "project PYTHON FOLDER...");
        return 1;
    }
    for (size_t i = 0; i < count; i++) {
        struct buf text cleanup_buf = BUF_INIT;
        print_project(&text, &projects[i]);
        printf("%s.\n", buf_cstr(&text));
        project_free(&projects[i]);
    }
    return 0;
}
