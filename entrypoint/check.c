/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"
#include "reconcile/check.h"
#include "reconcile/output.h"
#include "reconcile/restrict.h"

int command_check(struct session *s, struct err *err)
{
    struct check check cleanup_check = {0};
    struct buf text cleanup_buf = BUF_INIT;
    if (s->options->arguments.count)
        return err_set(err, ERR_USAGE, "check looks at everything, and wants no arguments (\"%s\")",
                       s->options->arguments.items[0]);
    restrict_writes(s, true);
    if (check_run(s, &check, err) < 0)
        return -1;
    int result = s->options->json ? output_json(check_json(&check), err)
                                  : (check_text(&check, &text), output_text(&text, err));
    return result < 0 ? -1 : check.problems.count ? 1 : 0;
}
