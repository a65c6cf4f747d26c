/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Leaderboards of windows, and what is kept of them. A look at ten million players takes some 10 ms
 * for each quiz, so what cannot change any more is looked at once, and what can, no more often than
 * takes a twentieth of the thread that looks.
 *
 * A board is kept with the window it is of; that of a show, with the show's first quiz. It knows
 * which quizzes it was made of and when they opened and closed, so that one that is extended,
 * closed, cancelled or revealed is counted anew at once.
 *
 * Windows that are final should be settled (windows_settle(), windows_sum()): until then their
 * boards are not taken for the last. Thread: the owner of the windows.
 */
#ifndef TALLYWIRE_BOARDS_H
#define TALLYWIRE_BOARDS_H

#include "dataplane/core/score.h"
#include "dataplane/windows.h"

#define BOARDS_DEFAULT_TOP 10
#define BOARDS_MAX_TOP     10000

enum board_scope {
	BOARD_QUIZ,          /* one quiz */
	BOARD_SHOW,          /* the quizzes of its tenant in its show that are not cancelled */
	BOARD_SHOW_REVEALED, /* those of them that are revealed: what anybody may know */
	BOARD_SCOPES
};

/* What a leaderboard is of. */
struct board_of {
	struct windows *windows;
	struct armed_window *quiz; /* for a show: any of its quizzes */
	enum board_scope scope;
};

bool boards_is_quiz(const struct armed_window *armed);

/* The first quiz of this quiz's tenant and show; those that were opened by hand are as one show. */
struct armed_window *boards_first_of_show(const struct windows *windows,
					  const struct armed_window *quiz);

/*
 * The best `top`, at most BOARDS_MAX_TOP. The entries stay until the next call about this window.
 * 0; -ENOENT: BOARD_SHOW_REVEALED, and none is revealed; -ENOMEM.
 */
int boards_best(const struct board_of *of, uint32_t top, uint64_t now_us,
		struct score_board *board);

/* What one voter has; 0 points and place 0 where it has not scored. Always a look of its own. */
struct board_standing {
	uint64_t points;
	uint64_t place;
};
int boards_standing(const struct board_of *of, uint32_t voter, uint64_t now_us,
		    struct board_standing *standing);

/* Whether a board that may change and took so long to make is old enough to be made again. */
bool boards_is_due(uint64_t age_us, uint64_t cost_us);

/* Gives back what is kept with a window. */
void boards_forget(struct armed_window *armed);

#endif
