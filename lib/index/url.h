/* SPDX-License-Identifier: Apache-2.0 */
/* URLs (RFC 3986) as text. Pure functions; results belong to the arena. */
#pragma once
#include "base/error.h"
#include "base/text.h"

/* What a connection needs to know of an http(s) URL. */
struct url_target {
    bool secure;          /* https */
    const char *host;     /* lower case, brackets of an IPv6 address kept */
    unsigned port;        /* given or the scheme's */
    const char *user;     /* percent-decoded; NULL when there are no credentials */
    const char *password; /* percent-decoded; "" when there is none */
    const char *bare;     /* the URL without credentials and fragment */
};

/* ERR_INPUT for what is no http(s) URL with a host; the message holds no credentials. */
int url_target(struct arena *a, const char *url, struct url_target *out, struct err *err);
bool url_is_network(struct text url); /* http: or https: */
bool url_is_file(struct text url);    /* file: */
/* The same scheme, host and port, whatever the credentials; false for what is no http(s) URL. */
bool url_same_origin(const char *one, const char *other);

/* REFERENCE resolved against BASE (RFC 3986), credentials of BASE kept where it names no authority of its
 * own. Percent-encoding is kept, and what may not stand in a URL (blanks, controls, and behind the host bytes
 * over 0x7e) is encoded. The fragment is cut into *fragment ("" for none; the pointer may be NULL). */
char *url_join(struct arena *a, const char *base, struct text reference, const char **fragment);
/* URL with the credentials of OTHER, when it has none and both have the same origin; else URL as it is. */
const char *url_with_credentials_of(struct arena *a, const char *url, const char *other);
/* Everything between "//" and "@" of the authority dropped; where it cannot be told, up to the last "@". */
char *url_without_credentials(struct arena *a, const char *url);
/* With the credentials as ****, for messages; of what has no scheme all before its last "@" is taken for
 * some. */
char *url_redacted(struct arena *a, const char *url);
/* URL with SUFFIX at the end of its path (before a query), and without a fragment. */
char *url_with_suffix(struct arena *a, const char *url, const char *suffix);
/* Percent-decoded; NULL when a NUL byte comes of it. */
char *url_decode(struct arena *a, struct text t);
/* The last path segment, percent-decoded: a file's name. NULL with ERR_INPUT when it is empty or would leave
 * its folder. */
char *url_file_name(struct arena *a, const char *url, struct err *err);
/* What stands behind KEY= in the fragment, whose parts have & between them; NULL where there is none, or
 * nothing. Of several the first, as pip has it. */
char *url_fragment_value(struct arena *a, const char *url, const char *key);
/* The path of a file: URL (localhost or no host), percent-decoded, query and fragment dropped; NULL when it
 * is none. */
char *url_to_path(struct arena *a, const char *url);
/* The file: URL of an absolute path. */
char *url_from_path(struct arena *a, const char *path);
