/* SPDX-License-Identifier: Apache-2.0 */
#include "base/progress.h"
#include "command.h"
#include "reconcile/bake.h"

int command_bake(struct session *s, struct err *err)
{
    if (s->settings.log_format == LOG_TEXT && log_wants(LOG_INFO))
        progress_open();
    int result = bake_run(s, err);
    progress_close();
    return result;
}
