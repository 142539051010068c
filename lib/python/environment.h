/* SPDX-License-Identifier: Apache-2.0 */
/* What has to be known of an interpreter to evaluate markers (PEP 508) and to compute its tags (PEP 425). */
#pragma once
#include <stdbool.h>

struct marker_environment {
    const char *implementation_name, *implementation_version, *os_name, *platform_machine, *platform_release,
        *platform_system, *platform_version, *python_full_version, *platform_python_implementation,
        *python_version, *sys_platform;
};

struct tag_environment {
    const char *implementation;   /* sys.implementation.name: "cpython", "pypy" */
    int major, minor;             /* of the interpreter's version */
    const char *soabi;            /* sysconfig SOABI: "cpython-313-x86_64-linux-gnu", "" where unset */
    bool free_threaded;           /* Py_GIL_DISABLED */
    bool debug;                   /* Py_DEBUG */
    const char *platform;         /* sysconfig.get_platform(): "linux-x86_64" */
    bool is_64bit;                /* sys.maxsize > 2**32 */
    int glibc_major, glibc_minor; /* 0 where the interpreter is not linked with glibc */
    int musl_major, musl_minor;   /* 0 where it is not linked with musl */
    bool armhf;                   /* the interpreter is an EABI5 hard-float ELF (32-bit ARM only) */
};
