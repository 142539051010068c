/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"
#include "boot/state.h"

void boot_paths_make(struct arena *a, const char *root, struct boot_paths *out)
{
    const char *r = root && *root ? path_absolute(a, root) : "";
    if (strcmp(r, "/") == 0)
        r = "";
    *out = (struct boot_paths){
        .root = r,
        .conf_txt = path_under(a, r, "/etc/localstack/conf.d/extensions.txt"),
        .conf_yaml = path_under(a, r, "/etc/localstack/conf.d/extensions.yaml"),
        .boot_hooks = path_under(a, r, "/etc/localstack/init/boot.d"),
        .localstack = path_under(a, r, "/opt/code/localstack"),
        .base = path_under(a, r, "/opt/code/localstack/.venv"),
        .sources = path_under(a, r, "/opt/code/extensions"),
        .volume = path_under(a, r, "/var/lib/localstack"),
        .extensions = path_under(a, r, "/var/lib/localstack/lib/extensions"),
        .venv = path_under(a, r, "/var/lib/localstack/lib/extensions/python_venv"),
        .cache = path_under(a, r, "/var/lib/localstack/cache/extensions"),
    };
}
