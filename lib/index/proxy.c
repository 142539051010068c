/* SPDX-License-Identifier: Apache-2.0 */
#include "index/proxy.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

/* The one in lower case wins. Set to nothing it takes a proxy away, but not the exemptions, which are looked
 * at by another part of pip. */
static const char *variable(const char *lower, const char *upper, bool empty_wins)
{
    const char *value = getenv(lower);
    if (!value || (!*value && !empty_wins))
        value = getenv(upper);
    return value ? value : "";
}

/* ADDRESS/BITS, the address as inet_aton(3) reads it. */
static bool in_network(struct in_addr host, struct text network)
{
    char address[INET_ADDRSTRLEN];
    struct text name;
    struct in_addr net;
    unsigned long long bits;
    if (!text_cut(&network, '/', &name) || name.len >= sizeof address || !text_u64(network, &bits) ||
        bits < 1 || bits > 32)
        return false;
    snprintf(address, sizeof address, "%.*s", TEXT_ARG(name));
    if (!inet_aton(address, &net))
        return false;
    return ((ntohl(host.s_addr) ^ ntohl(net.s_addr)) >> (32 - bits)) == 0;
}

/* A host or what is below it as a domain. */
static bool within(struct text host, struct text domain)
{
    if (domain.len == 0 || domain.len > host.len)
        return false;
    size_t before = host.len - domain.len;
    return text_eq_nocase(text_from(host, before), domain) && (before == 0 || host.ptr[before - 1] == '.');
}

bool proxy_is_exempt(const char *no_proxy, const char *host, unsigned port)
{
    struct text rest = text_of(no_proxy), item, bare = text_of(host);
    struct in_addr address;
    bool is_address = inet_aton(host, &address) != 0;
    if (bare.len > 2 && *host == '[')
        bare = text_first(text_from(bare, 1), bare.len - 2);
    cleanup_free char *with_port = xasprintf("%.*s:%u", TEXT_ARG(bare), port);
    if (text_is(rest, "*"))
        return true;
    while (text_cut(&rest, ',', &item)) {
        item = text_trim(item);
        while (text_starts(item, T(".")))
            item = text_from(item, 1);
        /* An address with a port is none of the forms that pip knows. */
        if (within(bare, item) || (is_address ? in_network(address, item) : within(text_of(with_port), item)))
            return true;
    }
    return false;
}

const char *proxy_for(const struct url_target *target, const char *given)
{
    if (given && *given)
        return given;
    if (proxy_is_exempt(variable("no_proxy", "NO_PROXY", false), target->host, target->port))
        return "";
    const char *proxy = target->secure ? variable("https_proxy", "HTTPS_PROXY", true)
                                       : variable("http_proxy", "HTTP_PROXY", true);
    return *proxy ? proxy : variable("all_proxy", "ALL_PROXY", true);
}
