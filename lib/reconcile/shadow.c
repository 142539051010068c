/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/shadow.h"

#include "base/fs.h"

#include <unistd.h>

/* The import package or module that a wheel's file makes, when it is the one that makes it: "twisted" of
 * twisted/__init__.py, "six" of six.py; empty for all other files. */
static struct text import_name(struct text path)
{
    size_t slash = text_find(path, '/');
    struct text first = text_first(path, slash);
    if (slash < path.len)
        return text_is(text_from(path, slash + 1), "__init__.py") ? first : (struct text){0};
    return text_ends(first, T(".py")) ? text_first(first, first.len - 3) : (struct text){0};
}

/* Where the base has a regular package or a module of that name: the file that makes it, relative to a folder
 * of the base. */
static const char *in_base(struct session *s, struct text name)
{
    for (size_t i = 0; i < s->py.path_count; i++) {
        const char *forms[] = {arena_printf(&s->memory, "%.*s/__init__.py", TEXT_ARG(name)),
                               arena_printf(&s->memory, "%.*s.py", TEXT_ARG(name))};
        for (size_t f = 0; f < 2; f++)
            if (access(path_join(&s->memory, s->py.path[i], forms[f]), F_OK) == 0)
                return forms[f];
    }
    return NULL;
}

static const char *owner(struct session *s, const char *file)
{
    for (size_t i = 0; i < s->base.count; i++) {
        struct record record;
        const struct installed *item = s->base.items[i];
        if (installed_record(&s->memory, item, &record, NULL) < 0)
            continue;
        for (size_t r = 0; r < record.count; r++)
            if (strcmp(record.entries[r].path, file) == 0)
                return item->name;
    }
    return NULL;
}

static void warn(struct session *s, const struct plan_install *in, struct text name)
{
    const char *file = name.len ? in_base(s, name) : NULL;
    if (!file)
        return;
    const char *from = owner(s, file);
    log_warning(
        "%s %s brings the import package %.*s, which LocalStack itself has%s%s: LocalStack imports its own",
        in->name, in->version, TEXT_ARG(name), from ? " from " : "", from ? from : "");
}

/* A link's name is that of a package or of a module's file, where it is no part of a namespace. */
static struct text link_name(const char *path)
{
    struct text t = text_of(path);
    return text_find(t, '/') < t.len ? (struct text){0} : text_first(t, text_find(t, '.'));
}

void shadow_warn(struct session *s, const struct plan *plan, const struct unpacked *wheels)
{
    for (size_t i = 0; i < plan->install.count; i++) {
        const struct plan_install *in = &plan->install.items[i];
        for (size_t f = 0; f < wheels[i].count; f++)
            warn(s, in, import_name(text_of(wheels[i].files[f].path)));
        for (size_t f = 0; in->developed && f < in->developed->links.count; f++)
            warn(s, in, link_name(in->developed->links.items[f].path));
    }
}
