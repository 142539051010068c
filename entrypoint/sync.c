/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"
#include "reconcile/sync.h"

int command_sync(struct session *s, struct err *err)
{
    return sync_run(s, err);
}
