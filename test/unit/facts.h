/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of facts in test/data: one a line, fields separated by "|" with blanks around them, # begins a
 * comment line. */
#pragma once
#include "base/fs.h"
#include "test.h"

enum { FACT_FIELDS = 6 };

struct fact {
    char where[80]; /* FILE:LINE, for messages */
    struct text fields[FACT_FIELDS];
    size_t count;
};

/* Calls check for every line; returns how many there were. */
static inline size_t each_fact(const char *file, void (*check)(const struct fact *fact, void *ctx), void *ctx)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    struct err err cleanup_err = ERR_INIT;
    if (fs_read(AT_FDCWD, test_data(file), 1 << 20, &bytes, &err) < 0)
        fail_msg("%s", err.text);
    struct text rest = buf_view(&bytes), line;
    size_t facts = 0;
    for (unsigned number = 1; text_line(&rest, &line); number++) {
        if (text_trim(line).len == 0 || line.ptr[0] == '#')
            continue;
        struct fact fact = {.count = 0};
        snprintf(fact.where, sizeof fact.where, "%s:%u", file, number);
        struct text field;
        while (fact.count < FACT_FIELDS && text_cut(&line, '|', &field))
            fact.fields[fact.count++] = text_trim(field);
        facts++;
        check(&fact, ctx);
    }
    return facts;
}

#define fact_error(fact, ...)                                                                                \
    do {                                                                                                     \
        print_error("%s: ", (fact)->where);                                                                  \
        fail_msg(__VA_ARGS__);                                                                               \
    } while (0)
