/* SPDX-License-Identifier: Apache-2.0 */
#include "index/curl_library.h"

#include <dlfcn.h>

#define SONAME "libcurl.so.4"

/* Tells packagers' tools what the program loads beside what it is linked to
 * (https://uapi-group.org/specifications/specs/elf_dlopen_metadata/). */
__asm__(".pushsection .note.dlopen, \"a\", %note\n"
        ".balign 4\n"
        ".long 2f - 1f, 4f - 3f, 0x407c0c0a\n"
        "1: .asciz \"FDO\"\n"
        "2: .balign 4\n"
        "3: .asciz \"[{\\\"soname\\\":[\\\"" SONAME
        "\\\"],\\\"feature\\\":\\\"network\\\",\\\"priority\\\":\\\"required\\\"}]\"\n"
        "4: .balign 4\n"
        ".popsection\n");

static int find(void *handle, const char *name, void **place, struct err *err)
{
    *place = dlsym(handle, name);
    return *place
               ? 0
               : err_set(err, ERR_SYSTEM, "%s has no %s: it is not the libcurl that is needed", SONAME, name);
}

const struct curl_library *curl_library(struct err *err)
{
    static struct curl_library library;
    static void *handle;
    if (handle)
        return &library;
    void *opened = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);
    if (!opened) {
        err_set(err, ERR_SYSTEM, "nothing can be fetched without libcurl: %s; install the package libcurl4",
                dlerror());
        return NULL;
    }
#define CURL_LIBRARY_FIND(name)                                                                              \
    if (find(opened, "curl_" #name, (void **)&library.name, err) < 0)                                        \
        return NULL;
    CURL_LIBRARY_FUNCTIONS(CURL_LIBRARY_FIND)
#undef CURL_LIBRARY_FIND
    handle = opened;
    return &library;
}
