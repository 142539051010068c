/* SPDX-License-Identifier: Apache-2.0 */
#include "config/environment.h"

#include "base/digest.h"
#include "base/strmap.h"
#include "base/text.h"
#include "base/nearest.h"
#include "config/setting.h"

enum { MOST_WARNINGS = 20 };

static const struct text prefix = {"LOCALSTACK_", 11};

/* NAME of "LOCALSTACK_NAME=value" where the rule holds for it. */
static bool stripped(struct text entry, struct text *name)
{
    size_t equals = text_find(entry, '=');
    if (equals == entry.len || !text_starts(entry, prefix) || text_starts(entry, T("LOCALSTACK_HOST")))
        return false;
    *name = text_from(text_first(entry, equals), prefix.len);
    return name->len > 0 && !ascii_is_digit(name->ptr[0]);
}

char **environment_strip_prefix(struct arena *a, char *const *environ_in)
{
    struct strmap wins cleanup_strmap = STRMAP_INIT; /* NAME: "NAME=value" */
    struct strmap done cleanup_strmap = STRMAP_INIT;
    struct text name;
    size_t count = 0, added = 0;
    for (; environ_in[count]; count++) {
        struct text entry = text_of(environ_in[count]);
        if (!stripped(entry, &name))
            continue;
        void **place = strmap_place(&wins, name);
        added += !*place;
        if (!*place) /* of two variables with one name the first counts, as for getenv */
            *place = (char *)environ_in[count] + prefix.len;
    }
    char **out = arena_array(a, count + added + 1, sizeof *out);
    for (size_t i = 0; i < count; i++) {
        struct text entry = text_of(environ_in[i]);
        size_t equals = text_find(entry, '=');
        char *winner = equals < entry.len ? strmap_get(&wins, text_first(entry, equals)) : NULL;
        out[i] = winner ? winner : environ_in[i];
        if (winner)
            *strmap_place(&done, text_first(entry, equals)) = winner;
    }
    size_t to = count;
    for (size_t i = 0; i < count; i++) {
        if (!stripped(text_of(environ_in[i]), &name) || strmap_get(&done, name))
            continue;
        out[to++] = strmap_get(&wins, name);
        *strmap_place(&done, name) = out[to - 1];
    }
    out[to] = NULL;
    return out;
}

static bool is_named(const char *entry, const char *name, size_t n)
{
    return strncmp(entry, name, n) == 0 && entry[n] == '=';
}

const char *environment_get(char *const *env, const char *name)
{
    size_t n = strlen(name);
    for (; *env; env++)
        if (is_named(*env, name, n))
            return *env + n + 1;
    return NULL;
}

char *environment_print(struct arena *a, char *const *env, const char *name, const char *salt)
{
    char hex[DIGEST_PRINT] = "-";
    const char *value = env ? environment_get(env, name) : NULL;
    if (value && *value)
        digest_print(salt, name, text_of(value), hex);
    return arena_strdup(a, hex);
}

char **environment_set(struct arena *a, char **env, const char *name, const char *value)
{
    size_t n = strlen(name), count = 0, kept = 0;
    char *entry = value ? arena_printf(a, "%s=%s", name, value) : NULL;
    for (; env[count]; count++) {
        if (!is_named(env[count], name, n)) {
            env[kept++] = env[count];
        } else if (entry) {
            env[kept++] = entry;
            entry = NULL;
        }
    }
    env[kept] = NULL;
    if (!entry)
        return env;
    char **more = arena_array(a, kept + 2, sizeof *more);
    memcpy(more, env, kept * sizeof *more);
    more[kept] = entry;
    return more;
}

bool environment_is_true(const char *value)
{
    return value && (strcmp(value, "1") == 0 || text_eq_nocase(text_of(value), T("true")));
}

static bool is_setting(struct text name)
{
    for (size_t i = 0; i < setting_count; i++)
        if (setting_table[i].variable && text_is(name, setting_table[i].variable))
            return true;
    return false;
}

/* How many words separated by _ two names begin with in common. */
static size_t common_words(struct text a, struct text b)
{
    size_t words = 0;
    for (size_t i = 0; i < a.len && i < b.len && ascii_lower(a.ptr[i]) == ascii_lower(b.ptr[i]); i++)
        words += a.ptr[i] == '_';
    return words;
}

/* EXTENSION_CACHE and EXTENSION_INSTALL: the first or the last words of a setting's name. */
static bool is_part(struct text name, struct text known)
{
    struct text first = T("EXTENSION_");
    if (!text_starts(name, first) || name.len >= known.len)
        return false;
    struct text rest = text_from(name, first.len);
    return (text_starts(known, name) && known.ptr[name.len] == '_') ||
           (text_ends(known, rest) && known.ptr[known.len - rest.len - 1] == '_');
}

/* The setting that a name resembles: nearly the same letters, a part of it, or the same first words after
 * EXTENSION. */
static const char *resembled(struct text name)
{
    const char *best = NULL;
    size_t best_words = 0, best_distance = 0;
    for (size_t i = 0; i < setting_count; i++) {
        if (!setting_table[i].variable)
            continue;
        struct text known = text_of(setting_table[i].variable);
        size_t distance = nearest_distance(name, known);
        size_t words = distance <= 3 ? 99 : is_part(name, known) ? 50 : common_words(name, known);
        if (words < 2 || (best && (words < best_words || (words == best_words && distance >= best_distance))))
            continue;
        best = setting_table[i].variable;
        best_words = words;
        best_distance = distance;
    }
    return best;
}

void environment_misspelt(struct arena *a, char *const *env, struct strings *warnings)
{
    size_t room = MOST_WARNINGS;
    for (; *env && room; env++) {
        struct text entry = text_of(*env);
        struct text name = text_first(entry, text_find(entry, '='));
        /* The forms with LOCALSTACK_ in front have been made such without it. Names that begin otherwise are
         * not looked at: there are many, and none is meant for us. */
        if (name.len < 8 || name.len > 64 || ascii_lower(name.ptr[0]) != 'e' || is_setting(name))
            continue;
        const char *meant = resembled(name);
        if (!meant)
            continue;
        array_push(warnings, arena_printf(a, "%.*s is not a setting and is not read; did you mean %s?",
                                          TEXT_ARG(name), meant));
        room--;
    }
}
