/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals while booting: blocked from the first line on and taken one by one where we wait, so that TERM and
 * INT end the boot in every phase, also as PID 1, where the kernel drops what has no handler.
 */
#pragma once
#include <signal.h>
#include <stdbool.h>
#include <time.h>

struct signals {
    sigset_t mask;          /* as we got it */
    struct sigaction child; /* SIGCHLD's disposition as we got it */
};

void signals_block(struct signals *s);
/* Takes what is pending. SIGTERM or SIGINT when one is among it, else 0; USR1, HUP and PIPE are dropped. */
int signals_pending(void);
/* Waits for TERM, INT or CHLD until `deadline_ms` of CLOCK_MONOTONIC (0: for ever). 0 when the time is up. */
int signals_wait(long long deadline_ms);
/* In a child: mask and dispositions as we got them. */
void signals_restore(const struct signals *s);
/* As the last thing before exec: the same, but TERM and INT that come until the new program is there end this
 * one with 128+n, and USR1 and HUP are dropped. Returns what was pending, as signals_pending. */
int signals_hand_over(const struct signals *s);
/* For a process that stays: blocks every signal there is, also those that a fault of the program would send
 * (the kernel ends it at a real one all the same) and those that libc keeps to itself, and takes all that are
 * pending. Returns what signals_pending would. */
int signals_take_all(void);
/* The same, but for the signals with which a terminal stops a process, which do what they did before. */
int signals_take_all_but_stops(void);
/* After either: waits for the next signal of those until `deadline_ms` of CLOCK_MONOTONIC (0: for ever), and
 * returns its number; not above 0 when there was none. */
int signals_wait_any(long long deadline_ms);
