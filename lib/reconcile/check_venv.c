/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/check_private.h"
#include "venv/layout.h"

void check_venv(struct check *c)
{
    struct session *s = c->s;
    struct layout_faults damage = {0};
    if (s->fresh)
        return;
    if (s->rebuild)
        check_add(c, (struct check_problem){.kind = "venv",
                                            .path = s->paths.venv,
                                            .message = arena_printf(&s->memory,
                                                                    "the virtual environment %s has to be "
                                                                    "made anew: %s",
                                                                    s->paths.venv, s->rebuild),
                                            .repair = CHECK_SYNC,
                                            .venv = true});
    if (s->rebuild)
        return; /* nothing else of it stays */
    layout_damage(&s->memory, s->paths.venv, &s->py, &damage);
    array_each (&damage, fault)
        check_add(c, (struct check_problem){"venv", NULL, fault->path,
                                            arena_printf(&s->memory, "%s %s", fault->path, fault->how),
                                            CHECK_SYNC, NULL, true});
    array_free(&damage);
}
