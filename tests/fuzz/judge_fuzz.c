// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz target: bytes become a vote, a window and a time; judge() and a second reading of rules 6 to
 * 10, in numbers of 128 bits that cannot overflow, say the same. What may be cast has an index
 * within the question's answers, which leads back to the choice; and the window's state at a time
 * is what its times say.
 */
#include "dataplane/core/judge.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/must.h"

typedef __int128 wide;

/* Anywhere in 64 bits, but mostly where it matters: just at another time, or near it. */
static uint64_t take_time(struct input *input, uint64_t near_us)
{
	uint8_t how = take8(input);
	if (how & 0x80)
		return take64(input);
	if (how & 0x40)
		return near_us + how % 3 - 1;
	return near_us + (uint64_t)((how & 0x20 ? -1 : 1) * (int64_t)(take32(input) >> (how & 31)));
}

/* Where rules 9 and 10 have their edges. */
static uint64_t take_arrival(struct input *input, const struct vote *vote,
			     const struct window *window)
{
	switch (take8(input) % 3) {
	case 0: return take_time(input, vote->program_time_us);
	case 1: return take_time(input, vote->program_time_us - 250000);
	default: return take_time(input, vote->program_time_us + window->max_delay_us);
	}
}

/* As a rundown or `open` would have it: any kind, and options within what the kind allows. */
static struct question take_question(struct input *input)
{
	enum kind kind = (enum kind)(1 + take8(input) % (KIND_COUNT - 1));
	struct question question = {
		.kind = (uint8_t)kind,
		.options = (uint16_t)(1 + take16(input) % kind_row(kind)->most_options),
	};
	if (kind == KIND_MULTI)
		question.max_choices = (uint8_t)(1 + take8(input) % question.options);
	if (kind == KIND_SCALE)
		question.first =
			(uint16_t)(take16(input) % (KIND_MAX_VALUE + 2 - question.options));
	return question;
}

static bool choice_is_valid(const struct question *question, uint32_t choice)
{
	uint32_t named = 0;
	if (question->kind != KIND_MULTI)
		return choice >= question->first &&
		       choice < (uint32_t)question->first + question->options;
	for (uint32_t bit = 0; bit < 16; bit++) {
		if (!(choice >> bit & 1))
			continue;
		if (bit >= question->options)
			return false;
		named++;
	}
	return named >= 1 && named <= question->max_choices;
}

static enum verdict judge_again(const struct vote *vote, const struct window *window, wide now)
{
	wide seen = vote->program_time_us;
	if (!window)
		return VERDICT_UNKNOWN;
	if (window->cancelled)
		return VERDICT_CANCELLED;
	if (!choice_is_valid(&window->question, vote->choice))
		return VERDICT_BAD_CHOICE;
	if (seen > now + 250000 || seen < (wide)window->opens_at_us)
		return VERDICT_EARLY;
	if (window->ended || seen >= (wide)window->closes_at_us ||
	    now - seen > (wide)window->max_delay_us)
		return VERDICT_LATE;
	return VERDICT_NONE;
}

/* A state never goes back as time goes on, and a window that is final takes no vote. */
static void check_states(const struct window *window, uint64_t now_us, enum verdict verdict)
{
	enum window_state state = window_state(window, now_us);
	if (window->cancelled || window->revealed)
		return;
	MUST(now_us == UINT64_MAX || window_state(window, now_us + 1) >= state);
	if (state == WINDOW_FINAL)
		MUST(verdict != VERDICT_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct input input = {.pos = bytes, .end = bytes + count};
	uint8_t flags = take8(&input);
	struct window window = {
		.cancelled = (flags & 7) == 7,
		.revealed = (flags & 0x38) == 0x38,
		.question = take_question(&input),
	};
	window.opens_at_us = take_time(&input, 1795392000000000u);
	window.closes_at_us = take_time(&input, window.opens_at_us + 20000000);
	window.max_delay_us = take_time(&input, 5000000);
	/* What opens before it closes, within 64 bits, is what interaction_parse() lets through. */
	if (window.closes_at_us < window.opens_at_us ||
	    window.closes_at_us + window.max_delay_us < window.closes_at_us)
		return 0;
	struct vote vote = {
		.choice = (uint16_t)(flags & 0x40 ? take16(&input) : take8(&input) % 20),
		.program_time_us =
			take_time(&input, flags & 0x80 ? window.opens_at_us : window.closes_at_us),
	};
	uint64_t now_us = take_arrival(&input, &vote, &window);
	const struct window *judged = take8(&input) == 1 ? NULL : &window;
	enum verdict verdict = judge(&vote, judged, now_us);
	MUST(verdict == judge_again(&vote, judged, now_us));
	if (verdict == VERDICT_NONE) {
		uint32_t index = kind_index(&window.question, vote.choice);
		MUST(index < kind_answers(&window.question));
		MUST(kind_choice(&window.question, (uint16_t)index) == vote.choice);
	}
	check_states(&window, now_us, verdict);
	return 0;
}
