/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings ROOT BASE: what of pip's settings the files below ROOT, BASE/pip.conf and the environment give,
 * one KEY=VALUE a line, lists with a line for each item.
 */
#include "base/array.h"
#include "config/settings.h"

#include <stdio.h>
#include <unistd.h>

static void print_one(const char *key, const char *value)
{
    if (value)
        printf("%s=%s\n", key, value);
}

static void print_list(const char *key, const struct strings *list)
{
    array_each (list, item)
        print_one(key, *item);
}

int main(int argc, char **argv)
{
    struct settings s cleanup_settings = {0};
    struct err err cleanup_err = ERR_INIT;
    if (argc != 3)
        return 2;
    const struct settings_source source = {.root = argv[1], .environ = environ, .base_dir = argv[2]};
    if (settings_load(&source, &s, &err) < 0) {
        printf("error: %s\n", err.text);
        return 0;
    }
    print_one("index_url", s.index_url);
    print_list("extra_index_urls", &s.extra_index_urls);
    print_list("find_links", &s.find_links);
    print_list("trusted_hosts", &s.trusted_hosts);
    print_list("constraints", &s.constraints);
    print_one("cert", s.cert);
    print_one("client_cert", s.client_cert);
    print_one("proxy", s.proxy);
    printf("no_index=%d\npre=%d\ntimeout=%d\nretries=%d\n", s.no_index, s.pre, s.pip_timeout_s, s.retries);
    return 0;
}
