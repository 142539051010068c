/* SPDX-License-Identifier: Apache-2.0 */
/* CPython 3.13 of Debian 12 on linux x86_64, as markers and tags see it. */
#pragma once
#include "python/environment.h"

__attribute__((unused)) static const struct marker_environment cpython_markers = {
    .implementation_name = "cpython",
    .implementation_version = "3.13.0",
    .os_name = "posix",
    .platform_machine = "x86_64",
    .platform_release = "6.1.0-13-amd64",
    .platform_system = "Linux",
    .platform_version = "#1 SMP",
    .python_full_version = "3.13.0",
    .platform_python_implementation = "CPython",
    .python_version = "3.13",
    .sys_platform = "linux",
};

__attribute__((unused)) static const struct tag_environment cpython_tags = {
    .implementation = "cpython",
    .major = 3,
    .minor = 13,
    .soabi = "cpython-313-x86_64-linux-gnu",
    .platform = "linux-x86_64",
    .is_64bit = true,
    .glibc_major = 2,
    .glibc_minor = 36,
};
