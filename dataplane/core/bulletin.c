// SPDX-License-Identifier: BSD-3-Clause
/* Looks into what was published. Called by workers. */
#include "dataplane/core/bulletin.h"

const struct notice *bulletin_board(const struct bulletin *bulletin, uint16_t tenant)
{
	static const struct notice none;
	uint32_t low = 0, high = bulletin->board_count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct bulletin_board *board = &bulletin->boards[middle];
		if (board->tenant == tenant)
			return &board->notice;
		if (board->tenant < tenant)
			low = middle + 1;
		else
			high = middle;
	}
	return &none;
}
