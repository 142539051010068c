/* SPDX-License-Identifier: Apache-2.0 */
/* Which settings changed, told without keeping their values. */
#include "base/digest.h"
#include "config/setting.h"

#include <stdint.h>

static bool is_input(const struct setting *setting)
{
    static const char *const keys[] = {"install",
                                       "dev.enabled",
                                       "dev.sources",
                                       "base-conflicts",
                                       "lock",
                                       "index.strategy",
                                       "index.url",
                                       "index.extra",
                                       "index.find-links",
                                       "index.no-index",
                                       "index.pre",
                                       "index.constraint",
                                       "index.build-constraint",
                                       "index.no-build-isolation",
                                       "index.all-releases",
                                       "index.only-final",
                                       "index.no-binary",
                                       "index.only-binary",
                                       "index.require-hashes",
                                       "index.no-require-hashes"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(setting->key, keys[i]) == 0)
            return true;
    return false;
}

static void print_of(const struct settings *s, const struct setting *setting, const char *salt,
                     char hex[DIGEST_PRINT])
{
    struct buf b cleanup_buf = BUF_INIT;
    setting_text(s, setting, &b);
    digest_print(salt, setting->key, buf_view(&b), hex);
}

char *settings_prints(struct arena *a, const struct settings *s, const char *salt)
{
    struct buf all cleanup_buf = BUF_INIT;
    for (size_t i = 0; i < setting_count; i++) {
        char hex[DIGEST_PRINT];
        if (!is_input(&setting_table[i]))
            continue;
        print_of(s, &setting_table[i], salt, hex);
        buf_printf(&all, "%s%s=%s", all.len ? " " : "", setting_table[i].key, hex);
    }
    return text_dup(a, buf_view(&all));
}

/* Who says it now, else who could: EXTENSION_LOCK, PIP_INDEX_URL. */
static const char *name_of(struct arena *a, const struct settings *s, const struct setting *setting)
{
    const char *origin = setting_origin(s, setting);
    if (origin || setting->variable)
        return origin ? origin : setting->variable;
    char *name = arena_printf(a, "PIP_%s", setting->option);
    for (char *c = name; *c; c++)
        *c = *c == '-' ? '_' : (*c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c);
    return name;
}

const char *settings_changes(struct arena *a, const struct settings *s, const char *salt, const char *prints)
{
    struct text rest = text_of(prints), piece;
    struct strings names cleanup_strings = {0};
    struct buf text cleanup_buf = BUF_INIT;
    while (rest.len && text_cut(&rest, ' ', &piece)) {
        char hex[DIGEST_PRINT];
        size_t equals = text_find(piece, '=');
        const struct setting *setting = setting_by_key(text_first(piece, equals));
        if (!setting || !is_input(setting))
            continue;
        print_of(s, setting, salt, hex);
        if (!text_is(text_from(piece, equals + 1), hex))
            array_push(&names, (char *)(uintptr_t)name_of(a, s, setting));
    }
    for (size_t i = 0; i < names.count; i++)
        buf_printf(&text, "%s%s", i == 0 ? "" : i + 1 < names.count ? ", " : " and ", names.items[i]);
    return names.count ? arena_printf(a, "%s changed", buf_cstr(&text)) : NULL;
}
