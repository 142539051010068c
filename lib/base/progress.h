/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is under way, on one line of the terminal on stderr that is written anew, ten times a second at most.
 * Nothing of it exists but on a terminal, after progress_open. Log lines take the line away before they are
 * written, and so do the signals that end the process. There is neither thread nor timer: whoever works or
 * waits calls progress_tick now and then, all in one thread.
 */
#pragma once
#include "base/text.h"

/* Where stderr is a terminal that can rewrite a line (TERM is set and not "dumb"). Installs handlers for INT,
 * TERM, HUP and QUIT where these are at their default, which take the line away and then do the default. */
void progress_open(void);
void progress_close(void);

/* Something that takes time. A later one stands for those before it until it has ended. */
struct progress {
    /* Appends what to say, in one line: whatever stands in it is escaped, and cut to the terminal's width. */
    void (*describe)(void *context, struct buf *to);
    void *context;
    struct progress *outer;
};
void progress_begin(struct progress *p);
void progress_end(struct progress *p);

/* Shows how far it is, where that was long enough ago. */
void progress_tick(void);
/* Milliseconds until progress_tick has something to do; -1: never. */
int progress_due_ms(void);
/* Takes the line away, for something else to be written. Safe in a signal handler. */
void progress_clear(void);

/* How fast something moves: an average over about the last second. Zero-initialised is not begun. */
struct progress_rate {
    long long at_ms, amount;
    double per_s;
};
/* Takes in how much there is by now, at stopwatch_ms() now_ms; returns the amount that comes in a second. */
double progress_rate(struct progress_rate *r, long long now_ms, long long amount);

/* The line as it is drawn on so many columns: escaped, on one line, cut with "…" at its end. */
void progress_fit(struct buf *to, struct text line, size_t columns);
