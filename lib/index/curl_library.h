/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl, loaded when the first request goes to the network: with the thirty libraries that it needs it
 * takes the dynamic linker half of the time that the program needs to start, which a run that finds all in
 * the cache does not have to spend.
 */
#pragma once
#include "base/error.h"

#include <curl/curl.h>

#define CURL_LIBRARY_FUNCTIONS(X)                                                                            \
    X(global_init)                                                                                           \
    X(global_cleanup)                                                                                        \
    X(version_info)                                                                                          \
    X(easy_init)                                                                                             \
    X(easy_cleanup)                                                                                          \
    X(easy_setopt)                                                                                           \
    X(easy_getinfo)                                                                                          \
    X(easy_strerror)                                                                                         \
    X(multi_init)                                                                                            \
    X(multi_cleanup)                                                                                         \
    X(multi_setopt)                                                                                          \
    X(multi_add_handle)                                                                                      \
    X(multi_remove_handle)                                                                                   \
    X(multi_perform)                                                                                         \
    X(multi_poll)                                                                                            \
    X(multi_info_read)                                                                                       \
    X(share_init)                                                                                            \
    X(share_setopt)                                                                                          \
    X(share_cleanup)                                                                                         \
    X(slist_append)                                                                                          \
    X(slist_free_all)

/* Each by libcurl's own name and type, without "curl_". */
struct curl_library {
#define CURL_LIBRARY_MEMBER(name) __typeof__(curl_##name) *name;
    CURL_LIBRARY_FUNCTIONS(CURL_LIBRARY_MEMBER)
#undef CURL_LIBRARY_MEMBER
};

/* Loads it, once a process, for good. NULL, with ERR_SYSTEM, where it is not there. */
const struct curl_library *curl_library(struct err *err);
