/* SPDX-License-Identifier: Apache-2.0 */
#include "python/name.h"

static bool is_separator(char c)
{
    return c == '-' || c == '_' || c == '.';
}

bool name_is_valid(struct text name)
{
    if (name.len == 0 || !ascii_is_alnum(name.ptr[0]) || !ascii_is_alnum(name.ptr[name.len - 1]))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (!ascii_is_alnum(name.ptr[i]) && !is_separator(name.ptr[i]))
            return false;
    return true;
}

char *name_normalize(struct arena *a, struct text name)
{
    char *normalized = arena_alloc(a, name.len + 1), *to = normalized;
    for (size_t i = 0; i < name.len; i++) {
        if (!is_separator(name.ptr[i]))
            *to++ = ascii_lower(name.ptr[i]);
        else if (to == normalized || to[-1] != '-')
            *to++ = '-';
    }
    *to = 0;
    return normalized;
}

char *name_escape(struct arena *a, struct text name)
{
    char *escaped = text_dup(a, name);
    for (size_t i = 0; i < name.len; i++)
        if (escaped[i] == '-')
            escaped[i] = '_';
    return escaped;
}
