/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said on the way, on stderr: one line a message, as text ("PROGRAM: warning: …") or as a JSON object
 * a line. Control characters are escaped and passwords in URLs replaced by **** in everything that passes
 * here.
 */
#pragma once
#include "base/text.h"

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON };

/* program: the prefix, kept by reference. */
void log_open(const char *program);
/* Keeps what is said from now on until log_release, when level and format are known that it is said with. */
void log_hold(void);
void log_release(void);
/* For a process that blocks TERM and INT: while what it says finds no reader they end it all the same, at
 * once, with 128+n. One thread only. */
void log_end_by_signals(void);
void log_set_level(enum log_level level);
void log_set_format(enum log_format format);
bool log_wants(enum log_level level);
bool log_is_json(void);

void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Text that needs no prefix, as it is. */
void log_plain(const char *text);

/* An error of at most some 400 ASCII characters without quotes or backslashes, at once: safe in a signal
 * handler and where there is no memory. */
void log_emergency(const char *message);

/* Appends text fit for a log line or a terminal: passwords after SCHEME://USER: and tokens before @ become
 * ****, control characters (C0, DEL, C1 as UTF-8) and bytes that are no UTF-8 become \xNN; newlines are kept
 * and continued with two blanks. */
void log_escape(struct buf *to, struct text from);
/* Appends s with the credentials of every URL in it replaced by ****. */
void log_redact(struct buf *to, struct text s);
