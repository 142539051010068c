/* SPDX-License-Identifier: Apache-2.0 */
/* direct_url.json (PEP 610): where a distribution that no index gave came from. */
#pragma once
#include "base/error.h"
#include "base/memory.h"

#include <stdbool.h>

enum direct_kind { DIRECT_ARCHIVE, DIRECT_FOLDER, DIRECT_REPOSITORY };

struct direct_url {
    enum direct_kind kind;
    const char *url;
    const char *sha256;       /* of an archive, hex; NULL where it is not given */
    bool editable;            /* of a folder: a developer's source, which stands elsewhere */
    const char *vcs;          /* of a repository: "git" */
    const char *revision;     /* that was asked for; NULL: the default branch */
    const char *commit;       /* that it was then */
    const char *subdirectory; /* NULL for none */
};

/* ERR_INPUT without a url. A file without any of the three *_info is taken for an archive's. */
int direct_url_parse(struct arena *a, const char *json, struct direct_url *out, struct err *err);
/* The file's bytes. Credentials in the url are left out, but ${VARIABLES} and git's ssh user. */
char *direct_url_write(struct arena *a, const struct direct_url *from);
/* What stands behind the @ of a requirement that gets the same again:
 * "git+https://…@COMMIT#subdirectory=DIR". */
char *direct_url_reference(struct arena *a, const struct direct_url *from);
char *direct_url_clean(struct arena *a, const char *url);
/* That of an archive of which only the url is known. */
struct direct_url *direct_url_archive(struct arena *a, const char *url);
