/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of localstack-extensions: a session that is open in, the exit status out; negative with err
 * set. */
#pragma once
#include "reconcile/session.h"

int command_sync(struct session *s, struct err *err);
int command_plan(struct session *s, struct err *err);
int command_list(struct session *s, struct err *err);
int command_tree(struct session *s, struct err *err);
int command_why(struct session *s, struct err *err);
int command_lock(struct session *s, struct err *err);
int command_bake(struct session *s, struct err *err);
int command_check(struct session *s, struct err *err);
int command_cache(struct session *s, struct err *err);
int command_watch(struct session *s, struct err *err);
int command_doctor(struct session *s, struct err *err);
int command_help(void);

/* Reads the command line. Returns the command's name, or NULL with err set (ERR_USAGE). `strings`: holds what
 * options collect. */
const char *options_parse(int argc, char **argv, struct session_options *out, struct err *err);
void options_free(struct session_options *o);
