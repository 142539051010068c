/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parsed form of a project page: its files, one behind the other, as the cache keeps them. A file is two
 * bytes that say what there is of it, its size (8 bytes, the lowest first) where that is known, and
 * NUL-terminated strings. Whoever can write to a cache can put anything there: nothing in it is trusted.
 */
#pragma once
#include "index/index.h"

/* The digests that pages give, the strongest first. */
enum { PAGE_ALGORITHMS = 6 };
struct page_algorithm {
    const char *name;
    size_t digits;
};
extern const struct page_algorithm page_algorithms[PAGE_ALGORITHMS];

/* Appends a file: all that a page says of it. Its name may be no path, its URL is as url_join makes them,
 * digests are those of page_algorithms. */
void page_files_add(struct buf *to, const struct index_file *file);
/* Cuts the next file off *rest: 1, or 0 at the end. Its strings stand in the bytes, and are such as
 * page_files_add takes; of source, index_url and wheel nothing is said. ERR_INPUT when that is no file. */
int page_files_next(struct text *rest, struct index_file *out, struct err *err);

/* Whether a name is a file's: no path, and no control characters. */
bool page_file_name_is_good(const char *name);
