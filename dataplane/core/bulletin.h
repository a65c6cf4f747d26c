/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the control thread lets workers tell viewers: for each tenant its current windows, for those
 * who ask; rounds, each a change to be pushed to all of a tenant's viewers; and the secrets of
 * cookies. Made anew as a whole with each change, published with one pointer, read only from then
 * on (dataplane/viewers.h).
 */
#ifndef TALLYWIRE_CORE_BULLETIN_H
#define TALLYWIRE_CORE_BULLETIN_H

#include "dataplane/core/cookie.h"
#include "dataplane/core/notice.h"

struct bulletin_board {
	uint16_t tenant;
	struct notice notice;
};

struct bulletin_round {
	uint64_t at_us; /* when it is to go out first, by the clock that workers push by */
	uint16_t tenant;
	struct notice notice;
};

struct bulletin {
	struct cookie_secrets secrets;
	const struct bulletin_board *boards; /* in the order of tenants */
	uint32_t board_count;
	uint32_t round_count;
	const struct bulletin_round *rounds; /* in the order of their times */
	uint64_t first_round;                /* number of rounds[0]; numbers begin with 1 */
};

/* The tenant's current windows; a notice without records where it has none. */
const struct notice *bulletin_board(const struct bulletin *bulletin, uint16_t tenant);

#endif
