/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"
#include "reconcile/reload.h"

int command_watch(struct session *s, struct err *err)
{
    return reload_run(s, err);
}
