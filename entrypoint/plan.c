/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"
#include "reconcile/plan.h"
#include "reconcile/restrict.h"

int command_plan(struct session *s, struct err *err)
{
    struct wanted wanted cleanup_wanted = {0};
    struct source source cleanup_source = {0};
    struct plan plan cleanup_plan = {0};
    struct state last = {0};
    restrict_writes(s, false);
    state_compare(&s->memory, &s->paths, &s->settings, session_sources(s), &last, NULL);
    s->marks = last.marks;
    if (session_base(s, err) < 0 || session_venv(s, err) < 0 || wanted_read(s, &wanted, err) < 0 ||
        source_open(&source, s, &wanted, err) < 0 || plan_make(s, &wanted, &source, &plan, err) < 0)
        return -1;
    for (size_t i = 0; i < plan.warnings.count; i++)
        log_warning("%s", plan.warnings.items[i]);
    if (plan_print(&plan, s->options->json, err) < 0)
        return -1;
    return plan.failed.count ? 1 : 0;
}
