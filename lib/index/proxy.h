/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which proxy a request takes, as pip decides it: libcurl has rules of its own, which differ from one of its
 * versions to the next. A proxy of pip's own (PIP_PROXY, proxy in pip.conf) serves every host; only those of
 * the environment give way to NO_PROXY.
 */
#pragma once
#include "index/url.h"

#include <stdbool.h>

/* The proxy's URL, or "" where there is to be none. GIVEN: pip's own; NULL or "" where there is none, then
 * the environment's counts: SCHEME_PROXY, else ALL_PROXY, in lower case before upper case. */
const char *proxy_for(const struct url_target *target, const char *given);

/* Whether NO_PROXY, as it stands in the environment, exempts HOST (as in struct url_target) at PORT. */
bool proxy_is_exempt(const char *no_proxy, const char *host, unsigned port);
