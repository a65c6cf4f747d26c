// SPDX-License-Identifier: BSD-3-Clause
/* Being told of windows: cookie, renewal, notices and their copies. */
#include <criterion/criterion.h>
#include "tests/lib/viewer.h"

#define START    (1000 * VIEWER_SECOND)
#define CLOCK    UINT64_C(1795392000000000) /* the appliance's, at our START */
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct tw_client client;
static struct tw_event event;
static uint8_t datagram[TW_CLIENT_DATAGRAM_BYTES];

static const struct tw_window question = {.opens_at_us = CLOCK + 5000000,
					  .closes_at_us = CLOCK + 25000000,
					  .interaction = 101,
					  .options = 4,
					  .leader = 0xFFFF,
					  .state = TW_WINDOW_SCHEDULED,
					  .kind = TW_KIND_POLL};

static void begin(uint64_t seed)
{
	const struct tw_credential credential = viewer_credential();
	tw_client_init(&client, &credential, seed);
	tw_client_watch(&client, START);
}

static void send_watch(uint64_t now_us)
{
	cr_assert_eq(tw_client_send(&client, now_us, datagram, &event), 256);
	cr_assert_eq(event.kind, TW_EVENT_NONE);
}

static enum tw_error challenge(uint8_t cookie, uint64_t now_us)
{
	uint8_t bytes[64];
	viewer_challenge(CLOCK + now_us - START, cookie, bytes);
	return tw_client_receive(&client, bytes, 64, now_us, &event);
}

static enum tw_error notice(uint64_t clock_us, const struct tw_window *windows, uint8_t count,
			    uint64_t now_us)
{
	uint8_t bytes[256];
	size_t length = viewer_notice(clock_us, windows, count, bytes);
	return tw_client_receive(&client, bytes, length, now_us, &event);
}

/* Up to where the appliance has us on its list. */
static void subscribe(void)
{
	begin(1);
	send_watch(START);
	cr_assert_eq(challenge(0xC0, START + 1000), TW_OK);
	send_watch(START + 1000);
	cr_assert_eq(notice(CLOCK, NULL, 0, START + 2000), TW_OK);
}

static void expect_watch(uint64_t clock_us, uint8_t cookie)
{
	uint8_t expected[256] = {0};
	from_hex("43070001000700002a010000000000000000002a", expected);
	viewer_put(expected + 20, 8, clock_us);
	memset(expected + 32, cookie, 16);
	viewer_sign(expected, 48);
	cr_expect_arr_eq(datagram, expected, 256);
}

Test(client_watch, a_watch_is_answered_by_a_challenge_and_sent_again_with_its_cookie)
{
	struct tw_time time;
	begin(1);
	cr_expect_eq(tw_client_next_us(&client), START);
	send_watch(START);
	expect_watch(START, 0); /* our own clock, as nothing is known of the appliance's */
	cr_assert_eq(challenge(0xC0, START + 1000), TW_OK);
	cr_expect_eq(event.kind, TW_EVENT_NONE);
	cr_assert(tw_client_time(&client, START + 1000, &time));
	send_watch(START + 1000);
	expect_watch(time.appliance_us, 0xC0);
	cr_expect_not(tw_client_is_told(&client, START + 1000));
	cr_expect_eq(notice(CLOCK + 2000, &question, 1, START + 2000), TW_OK);
	cr_expect_eq(event.kind, TW_EVENT_WINDOWS);
	cr_expect_eq(event.window_count, 1);
	cr_expect(tw_client_is_told(&client, START + 2000));
}

Test(client_watch, it_is_renewed_after_9_to_15_seconds_and_lives_30)
{
	for (uint64_t seed = 0; seed < 200; seed++) {
		begin(seed);
		send_watch(START);
		cr_assert_eq(notice(CLOCK, NULL, 0, START + 2000), TW_OK);
		uint64_t next_us = tw_client_next_us(&client);
		cr_expect_geq(next_us, START + 2000 + 9 * VIEWER_SECOND);
		cr_expect_leq(next_us, START + 2000 + 15 * VIEWER_SECOND);
		cr_expect(tw_client_is_told(&client, START + 30 * VIEWER_SECOND - 1));
		cr_expect_not(tw_client_is_told(&client, START + 30 * VIEWER_SECOND));
		/* Two more sends at least before the 30 s are over. */
		int sends = 0;
		while ((next_us = tw_client_next_us(&client)) < START + 30 * VIEWER_SECOND) {
			send_watch(next_us);
			sends++;
		}
		cr_expect_geq(sends, 2);
	}
}

Test(client_watch, without_an_answer_it_asks_ever_more_rarely)
{
	static const uint64_t pauses_us[] = {200000,  400000,  800000,  1600000, 3200000,
					     6400000, 8000000, 8000000, 8000000};
	uint64_t now_us = START;
	begin(7);
	for (size_t i = 0; i < COUNT(pauses_us); i++) {
		send_watch(now_us);
		uint64_t pause_us = tw_client_next_us(&client) - now_us;
		cr_expect_geq(pause_us, pauses_us[i] * 3 / 4, "pause %zu", i);
		cr_expect_leq(pause_us, pauses_us[i] * 5 / 4, "pause %zu", i);
		now_us += pause_us;
	}
	tw_client_unwatch(&client);
	cr_expect_eq(tw_client_next_us(&client), TW_CLIENT_NEVER);
	cr_expect_eq(tw_client_send(&client, now_us, datagram, &event), 0);
	cr_expect_eq(notice(CLOCK, &question, 1, now_us), TW_ERROR_FOREIGN);
	cr_expect_eq(challenge(1, now_us), TW_ERROR_FOREIGN);
}

/* Nobody makes us a source of datagrams by sending challenges over and over. */
Test(client_watch, a_second_challenge_waits_its_turn_and_one_unasked_is_foreign)
{
	begin(1);
	cr_expect_eq(challenge(1, START), TW_ERROR_FOREIGN, "before the first watch");
	send_watch(START);
	cr_assert_eq(challenge(1, START), TW_OK);
	send_watch(START);
	for (uint8_t cookie = 1; cookie < 100; cookie++) {
		cr_assert_eq(challenge(cookie, START), TW_OK);
		cr_assert_eq(tw_client_send(&client, START, datagram, &event), 0);
	}
	send_watch(tw_client_next_us(&client));
	cr_expect_eq(datagram[32], 99, "the newest cookie");
	cr_assert_eq(notice(CLOCK, NULL, 0, START + VIEWER_SECOND), TW_OK);
	cr_expect_eq(challenge(1, START + VIEWER_SECOND), TW_ERROR_FOREIGN);
}

Test(client_watch, of_three_copies_one_is_news)
{
	struct tw_window open = question;
	subscribe();
	cr_assert_eq(notice(CLOCK + 1, &question, 1, START + 3000), TW_OK);
	cr_assert_eq(event.kind, TW_EVENT_WINDOWS);
	open.state = TW_WINDOW_OPEN;
	for (uint64_t copy = 0; copy < 3; copy++) {
		/* Each made at its own time, or all at once: either way they are copies. */
		cr_assert_eq(notice(CLOCK + 5000000 + copy * 50000, &open, 1,
				    START + 5001000 + copy * 50000),
			     TW_OK);
		cr_expect_eq(event.kind, copy ? TW_EVENT_NONE : TW_EVENT_WINDOWS);
		cr_assert_eq(notice(CLOCK + 5000000, &open, 1, START + 5001000 + copy * 50000),
			     TW_OK);
		cr_expect_eq(event.kind, TW_EVENT_NONE);
	}
}

/* Copies have the clock of when they are sent: those of an earlier change may look newer. */
Test(client_watch, a_copy_that_was_overtaken_is_no_news_whatever_its_clock_says)
{
	struct tw_window open = question, closed = question;
	open.state = TW_WINDOW_OPEN;
	closed.state = TW_WINDOW_CLOSED;
	closed.closes_at_us = CLOCK + 6000000;
	subscribe();
	cr_assert_eq(notice(CLOCK, &open, 1, START + 3000), TW_OK);
	cr_assert_eq(notice(CLOCK + 60000, &closed, 1, START + 63000), TW_OK);
	cr_expect_eq(event.kind, TW_EVENT_WINDOWS);
	cr_assert_eq(notice(CLOCK + 100000, &open, 1, START + 103000), TW_OK);
	cr_expect_eq(event.kind, TW_EVENT_NONE);
	cr_assert_eq(notice(CLOCK + 110000, &closed, 1, START + 113000), TW_OK);
	cr_expect_eq(event.kind, TW_EVENT_NONE);
	/* One that is open for longer is not that copy. */
	open.closes_at_us += 5000000;
	cr_assert_eq(notice(CLOCK + 200000, &open, 1, START + 203000), TW_OK);
	cr_expect_eq(event.kind, TW_EVENT_WINDOWS);
}

Test(client_watch, an_older_notice_changes_nothing_back)
{
	struct tw_window open = question, closed = question;
	open.state = TW_WINDOW_OPEN;
	closed.state = TW_WINDOW_CLOSED;
	subscribe();
	cr_assert_eq(notice(CLOCK + 200, &closed, 1, START + 3000), TW_OK);
	cr_expect_eq(event.windows[0].state, TW_WINDOW_CLOSED);
	cr_assert_eq(notice(CLOCK + 100, &open, 1, START + 4000), TW_OK);
	cr_expect_eq(event.kind, TW_EVENT_NONE);
	/* Of one microsecond, the further state counts, in whatever order they come. */
	closed.state = TW_WINDOW_REVEALED;
	cr_assert_eq(notice(CLOCK + 200, &closed, 1, START + 4000), TW_OK);
	cr_expect_eq(event.kind, TW_EVENT_WINDOWS);
	closed.state = TW_WINDOW_CLOSED;
	cr_assert_eq(notice(CLOCK + 200, &closed, 1, START + 4000), TW_OK);
	cr_expect_eq(event.kind, TW_EVENT_NONE);
	/* And of one state the first that came. */
	closed.state = TW_WINDOW_REVEALED;
	closed.share = 5000;
	cr_assert_eq(notice(CLOCK + 200, &closed, 1, START + 4000), TW_OK);
	cr_expect_eq(event.kind, TW_EVENT_NONE);
}

Test(client_watch, a_notice_says_all_of_seven_windows_and_only_the_new_ones_are_told)
{
	struct tw_window windows[7];
	subscribe();
	for (uint8_t i = 0; i < 7; i++) {
		windows[i] = question;
		windows[i].interaction = UINT32_MAX - i;
		windows[i].state = (uint8_t)(1 + i % 5);
		windows[i].kind = (uint8_t)(1 + i % 6);
		windows[i].options = (uint16_t)(65535 - i);
		windows[i].leader = i;
		windows[i].share = (uint16_t)(1000 * i);
		windows[i].opens_at_us += i;
		windows[i].closes_at_us += i;
		windows[i].told_us = CLOCK + 10;
	}
	cr_assert_eq(notice(CLOCK + 10, windows, 7, START + 3000), TW_OK);
	cr_assert_eq(event.window_count, 7);
	for (int i = 0; i < 7; i++) {
		const struct tw_window *told = &event.windows[i], *said = &windows[i];
		cr_expect_eq(told->interaction, said->interaction);
		cr_expect_eq(told->state, said->state);
		cr_expect_eq(told->kind, said->kind);
		cr_expect_eq(told->options, said->options);
		cr_expect_eq(told->opens_at_us, said->opens_at_us);
		cr_expect_eq(told->closes_at_us, said->closes_at_us);
		cr_expect_eq(told->leader, said->leader);
		cr_expect_eq(told->share, said->share);
		cr_expect_eq(told->told_us, said->told_us);
	}
	windows[3].closes_at_us += 5000000;
	cr_assert_eq(notice(CLOCK + 20, windows, 7, START + 4000), TW_OK);
	cr_assert_eq(event.window_count, 1);
	cr_expect_eq(event.windows[0].interaction, windows[3].interaction);
}

Test(client_watch, more_windows_than_it_remembers_push_out_those_told_of_longest_ago)
{
	struct tw_window window = question;
	subscribe();
	for (uint32_t i = 0; i < TW_WATCH_WINDOWS + 2; i++) {
		window.interaction = i;
		cr_assert_eq(notice(CLOCK + 10 + i, &window, 1, START + 3000), TW_OK);
		cr_assert_eq(event.window_count, 1, "window %u", i);
	}
	/* 0 and 1 have gone, the others are still there. */
	for (uint32_t i = TW_WATCH_WINDOWS + 2; i-- > 0;) {
		window.interaction = i;
		cr_assert_eq(notice(CLOCK + 100, &window, 1, START + 3000), TW_OK);
		cr_expect_eq(event.window_count, i < 2, "window %u", i);
	}
}

Test(client_watch, what_no_notice_says_is_refused_whole)
{
	static const struct {
		const char *what;
		int at;
		uint8_t value;
	} rows[] = {
		{"state 0", 36, 0},       {"state 6", 36, 6},        {"kind 0", 37, 0},
		{"kind 7", 37, 7},        {"byte 29", 29, 1},        {"byte 31", 31, 1},
		{"interaction", 15, 100}, {"second's state", 64, 9},
	};
	struct tw_window windows[2] = {question, question};
	uint8_t bytes[256];
	windows[1].interaction = 102;
	subscribe();
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t length = viewer_notice(CLOCK + 10, windows, 2, bytes);
		bytes[rows[i].at] = rows[i].value;
		viewer_sign(bytes, length - 8);
		cr_expect_eq(tw_client_receive(&client, bytes, length, START + 3000, &event),
			     TW_ERROR_CONTENT, "%s", rows[i].what);
		cr_expect_eq(event.kind, TW_EVENT_NONE);
	}
	cr_assert_eq(notice(CLOCK + 10, windows, 2, START + 3000), TW_OK);
	cr_expect_eq(event.window_count, 2, "and nothing of it was remembered");
}

/* Every length, and every bit; nothing of it is taken and nothing is changed. */
static void expect_refused(uint8_t *bytes, size_t length)
{
	const struct tw_client before = client;
	uint8_t longer[300] = {0};
	memcpy(longer, bytes, length);
	for (size_t cut = 0; cut <= sizeof(longer); cut++)
		if (cut != length)
			cr_expect_neq(tw_client_receive(&client, longer, cut, START, &event), TW_OK,
				      "%zu bytes", cut);
	for (size_t bit = 0; bit < length * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_expect_neq(tw_client_receive(&client, bytes, length, START, &event), TW_OK,
			      "bit %zu", bit);
		cr_expect_eq(event.kind, TW_EVENT_NONE);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	cr_expect_eq(memcmp(&before, &client, sizeof(client)), 0);
	cr_expect_eq(tw_client_receive(&client, bytes, length, START, &event), TW_OK);
}

Test(client_watch, every_length_and_every_flipped_bit_of_a_challenge_is_refused)
{
	uint8_t bytes[64];
	begin(1);
	send_watch(START);
	viewer_challenge(CLOCK, 0xC0, bytes);
	expect_refused(bytes, 64);
}

Test(client_watch, every_length_and_every_flipped_bit_of_a_notice_is_refused)
{
	struct tw_window windows[7];
	uint8_t bytes[256];
	for (uint8_t count = 0; count <= 7; count++) {
		for (uint8_t i = 0; i < count; i++) {
			windows[i] = question;
			windows[i].interaction += i;
		}
		begin(1);
		send_watch(START);
		expect_refused(bytes, viewer_notice(CLOCK, windows, count, bytes));
	}
}

Test(client_watch, votes_go_before_watches)
{
	const struct tw_vote vote = {.end_us = START + VIEWER_SECOND, .kind = TW_KIND_POLL};
	begin(1);
	cr_assert_eq(tw_client_vote(&client, &vote, START), TW_OK);
	cr_expect_eq(tw_client_send(&client, START, datagram, &event), 40);
	cr_expect_eq(tw_client_send(&client, START, datagram, &event), 256);
	cr_expect_eq(tw_client_send(&client, START, datagram, &event), 0);
}
