/* SPDX-License-Identifier: Apache-2.0 */
/* direct_url.json (PEP 610): where a distribution that no index gave came from. */
#pragma once
#include "base/error.h"
#include "base/memory.h"

#include <stdbool.h>

struct direct_url {
    const char *url;    /* without credentials */
    const char *sha256; /* of the archive, hex; NULL where it is not given */
    bool editable;      /* it is a developer's source, which stands elsewhere */
};

int direct_url_parse(struct arena *a, const char *json, struct direct_url *out, struct err *err);
/* The file's bytes for an archive. `url` may hold credentials: they are left out, but ${VARIABLES} and git's
 * ssh user. */
char *direct_url_archive(struct arena *a, const char *url, const char *sha256);
char *direct_url_clean(struct arena *a, const char *url);
