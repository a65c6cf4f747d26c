// SPDX-License-Identifier: BSD-3-Clause
/* Records and notices made. Called by the control thread (dataplane/viewers.c) for what they say,
 * and by workers for whom it is. */
#include "dataplane/core/notice.h"

#include <string.h>

#include "wire/byte_order.h"

_Static_assert(KIND_POLL == 1 && KIND_MULTI == 2 && KIND_QUIZ == 3 && KIND_SCALE == 4 &&
		       KIND_UPVOTE == 5 && KIND_REACTION == 6,
	       "the kinds' numbers are on the wire");

enum notice_state notice_state_of(enum window_state state)
{
	switch (state) {
	case WINDOW_SCHEDULED: return NOTICE_SCHEDULED;
	case WINDOW_OPEN: return NOTICE_OPEN;
	case WINDOW_DRAINING:
	case WINDOW_FINAL: return NOTICE_CLOSED;
	case WINDOW_REVEALED: return NOTICE_REVEALED;
	case WINDOW_CANCELLED: break;
	}
	return NOTICE_CANCELLED;
}

void notice_record_make(struct notice_record *record, const struct window *window, uint64_t now_us,
			const struct notice_leader *leader)
{
	enum notice_state state = notice_state_of(window_state(window, now_us));
	bool told = state == NOTICE_REVEALED; /* the embargo */
	*record = (struct notice_record){
		.interaction_be = be32(window->interaction),
		.state = (uint8_t)state,
		.kind = window->question.kind,
		.options_be = be16(window->question.options),
		.opens_at_us_be = be64(window->opens_at_us),
		.closes_at_us_be = be64(window->closes_at_us),
		.leader_be = be16(told ? leader->index : NOTICE_NO_LEADER),
		.share_be = be16(told ? leader->share : 0),
	};
}

struct notice_leader notice_leader_of(const uint64_t *votes, uint32_t options, uint64_t whole)
{
	struct notice_leader leader = {.index = NOTICE_NO_LEADER};
	uint64_t most = 0;
	for (uint32_t i = 0; i < options; i++) {
		if (votes[i] <= most)
			continue;
		most = votes[i];
		leader.index = (uint16_t)i;
	}
	if (most && whole)
		leader.share = (uint16_t)(most >= whole ? 10000 : most * 10000 / whole);
	return leader;
}

/* Classes of relevance, the lowest told first. */
static int rank(const struct notice_choice *choice)
{
	switch (choice->record.state) {
	case NOTICE_OPEN: return 0;
	case NOTICE_SCHEDULED: return 1;
	default: return 2;
	}
}

static int compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

int notice_order(const struct notice_choice *a, const struct notice_choice *b)
{
	int order = rank(a) - rank(b);
	if (order == 0 && rank(a) == 0)
		order = compare(be64(a->record.closes_at_us_be), be64(b->record.closes_at_us_be));
	if (order == 0 && rank(a) == 1)
		order = compare(be64(a->record.opens_at_us_be), be64(b->record.opens_at_us_be));
	if (order == 0)
		order = compare(b->changed, a->changed);
	return order;
}

void notice_fill(const struct notice *notice, const struct connection_id *cid, uint8_t key_epoch,
		 uint32_t voter_be, uint64_t clock_us, uint8_t *payload)
{
	struct notice_head *head = (void *)payload;
	*head = (struct notice_head){
		.type = NOTICE_TYPE,
		.cid = *cid,
		.key_epoch = key_epoch,
		.choice_be = be16(CHOICE_NONE),
		.interaction_be = notice->count ? notice->records[0].interaction_be : 0,
		.voter_be = voter_be,
		.clock_us_be = be64(clock_us),
		.records = (uint8_t)notice->count,
	};
	memcpy(payload + sizeof(*head), notice->records, notice->count * NOTICE_RECORD_BYTES);
}
