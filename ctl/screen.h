/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A picture that is drawn again and again in place, on the terminal's second screen. The terminal
 * is as before after screen_stop(), which must follow every screen_start(), whatever came between.
 * One thread; one screen per process.
 */
#ifndef TALLYWIRE_CTL_SCREEN_H
#define TALLYWIRE_CTL_SCREEN_H

/* Takes the terminal over and catches the signals that would leave it in disorder. */
void screen_start(void);
void screen_stop(void);

/* How many lines have room. */
int screen_rows(void);

/* Shows `text` (lines, already cut to the width) from the top; what does not fit is said, not
 * shown. */
void screen_draw(const char *text);

/*
 * To be asked in every round: suspends where Ctrl-Z asked for it; returns the signal that wants the
 * program to end, or 0.
 */
int screen_poll(void);

/* Ends the program by this signal, as its parent expects it. Call after screen_stop(). */
void screen_die(int signal_number);

#endif
