/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in a developer's source and is none of it: virtual environments, caches, repositories, what
 * was built, and what editors keep beside the file that is edited. */
#pragma once
#include <stdbool.h>

/* Whether a file or folder of this name is left out. `top`: it stands at the top of the source, where `build`
 * and `dist` are what build back ends leave behind, and no packages. */
bool left_out(const char *name, bool folder, bool top);
/* Whether a folder below a source's top is a virtual environment, whatever its name is. */
bool left_out_venv(const char *folder);
