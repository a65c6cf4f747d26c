// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz target: bytes become the life of a viewer's library: votes, watches, time that goes on, and
 * datagrams, which are the fuzzer's own from the first byte, or begin as a good receipt, challenge
 * or notice that it patches, before signing or after. Letters choose what happens, so that seeds
 * can be read.
 *
 * Whatever comes in: nothing without a right tag is taken or changes anything, every answer that
 * goes out is signed and the same bytes each time, and sending comes to an end.
 */
#include <string.h>

#include "client/tw_parts.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/must.h"
#include "tests/lib/viewer.h"

#define TIME_LIMIT ((UINT64_C(1) << 61) - 1)

static struct tw_client client;
static struct tw_event event;
static uint64_t now_us;
static uint8_t latest[40]; /* the answer that was sent last */

static uint64_t take(struct input *input, int count)
{
	uint64_t value = 0;
	while (count-- > 0)
		value = value << 8 | take8(input);
	return value;
}

static bool tag_right(const uint8_t *bytes, size_t covered)
{
	uint8_t expected[256];
	memcpy(expected, bytes, covered);
	viewer_sign(expected, covered);
	return memcmp(expected + covered, bytes + covered, 8) == 0;
}

static size_t covered_of(const uint8_t *bytes, size_t count)
{
	switch (bytes[0]) {
	case 0x42: return 32;
	case 0x45: return 48;
	default: return count - 8;
	}
}

static void check_event(const uint8_t *bytes, size_t count)
{
	MUST(count >= 40 && count <= 256);
	MUST(tag_right(bytes, covered_of(bytes, count)));
	MUST(event.window_count <= 7);
	MUST((event.kind == TW_EVENT_WINDOWS) == (event.window_count > 0));
	MUST(event.kind != TW_EVENT_GAVE_UP);
	for (int i = 0; i < event.window_count; i++) {
		MUST(event.windows[i].state >= 1 && event.windows[i].state <= 5);
		MUST(event.windows[i].kind >= 1 && event.windows[i].kind <= 6);
	}
	if (event.kind == TW_EVENT_RECEIPT)
		MUST(bytes[0] == 0x42 && event.receipt.status < TW_STATUS_COUNT);
}

/* In memory of its own size, so that one byte too far is seen. */
static void receive(const uint8_t *bytes, size_t count)
{
	static struct tw_client before;
	uint8_t *copy = malloc(count ? count : 1);
	MUST(copy);
	memcpy(copy, bytes, count);
	memcpy(&before, &client, sizeof(client));
	enum tw_error error = tw_client_receive(&client, copy, count, now_us, &event);
	MUST(error < TW_ERROR_COUNT);
	if (error == TW_OK)
		check_event(copy, count);
	else
		MUST(event.kind == TW_EVENT_NONE && event.window_count == 0);
	if (error == TW_ERROR_DATAGRAM || error == TW_ERROR_TAG)
		MUST(memcmp(&before, &client, sizeof(client)) == 0);
	free(copy);
}

/* A few bytes changed, before it is signed or after. */
static void patch(struct input *input, uint8_t *bytes, size_t count)
{
	uint8_t control = take8(input);
	size_t cut = control & 0x40 ? take8(input) % count : 0;
	for (int patches = control & 7; patches > 0; patches--) {
		size_t at = take8(input) % count;
		bytes[at] = take8(input);
	}
	if (control & 0x20)
		viewer_sign(bytes, covered_of(bytes, count));
	receive(bytes, count - cut);
}

static void receive_made(struct input *input, char what)
{
	uint8_t bytes[256 + 8] = {0};
	uint64_t clock_us = take(input, 4);
	struct tw_window windows[7] = {{0}};
	uint8_t count = take8(input) % 8;
	if (what == 'R') {
		viewer_receipt(latest, (enum tw_status)count, (uint16_t)take(input, 2), clock_us,
			       bytes);
		patch(input, bytes, 40);
		return;
	}
	if (what == 'C') {
		viewer_challenge(clock_us, count, bytes);
		patch(input, bytes, 64);
		return;
	}
	for (int i = 0; i < count; i++) {
		windows[i].interaction = take8(input);
		windows[i].state = (uint8_t)(1 + take8(input) % 5);
		windows[i].kind = (uint8_t)(1 + take8(input) % 6);
	}
	patch(input, bytes, viewer_notice(clock_us, windows, count, bytes));
}

static void vote(struct input *input)
{
	struct tw_vote vote = {.interaction = take8(input) % 4,
			       .choice = (uint16_t)take(input, 2),
			       .kind = (enum tw_kind)(take8(input) % 8),
			       .revision = take8(input),
			       .program_time_us = take(input, 4),
			       .end_us = now_us + take(input, 4)};
	MUST(tw_client_vote(&client, &vote, now_us) < TW_ERROR_COUNT);
}

/* Never more than what is under way: it comes to an end. */
static void send_all(void)
{
	uint8_t datagram[TW_CLIENT_DATAGRAM_BYTES];
	size_t bytes, sends = 0;
	do {
		bytes = tw_client_send(&client, now_us, datagram, &event);
		MUST(++sends <= 2 * (TW_CLIENT_ANSWERS + 1) + 1);
		MUST(bytes == 0 || bytes == 40 || bytes == 256);
		MUST(event.kind == TW_EVENT_NONE || (event.kind == TW_EVENT_GAVE_UP && !bytes));
		if (bytes == 40) {
			MUST(datagram[0] == 0x41 && datagram[28] == 0 && tag_right(datagram, 32));
			memcpy(latest, datagram, 40);
		}
		if (bytes == 256)
			MUST(datagram[0] == 0x43 && tag_right(datagram, 48));
	} while (bytes || event.kind);
	MUST(tw_client_next_us(&client) > now_us);
}

static void act(struct input *input)
{
	uint8_t raw[300], count;
	struct tw_time time;
	char what = (char)take8(input);
	switch (what) {
	case 'v': vote(input); break;
	case 'w': tw_client_watch(&client, now_us); break;
	case 'u': tw_client_unwatch(&client); break;
	case 's': send_all(); break;
	case 't': now_us += take(input, 3); break;
	case 'T': now_us = take(input, 8) & TIME_LIMIT; break;
	case 'n':
		if (tw_client_next_us(&client) <= TIME_LIMIT)
			now_us = tw_client_next_us(&client);
		break;
	case 'r':
		count = take8(input);
		for (int i = 0; i < count; i++)
			raw[i] = take8(input);
		receive(raw, count);
		break;
	case 'R':
	case 'C':
	case 'N': receive_made(input, what); break;
	default:
		(void)tw_client_time(&client, now_us, &time);
		(void)tw_client_is_told(&client, now_us);
		break;
	}
	/* A clock that steps back is one that stands still. */
	now_us = now_us > client.now_us ? now_us : client.now_us;
	now_us = now_us < TIME_LIMIT ? now_us : TIME_LIMIT;
}

/* The same bytes as a credential: what is taken says itself again. */
static void parse_credential(const uint8_t *bytes, size_t count)
{
	struct tw_credential credential;
	char hex[TW_CREDENTIAL_LENGTH + 1] = "", word[TW_CREDENTIAL_LENGTH + 1];
	if (tw_credential_parse((const char *)bytes, count, &credential) != TW_OK)
		return;
	MUST(count == TW_CREDENTIAL_LENGTH);
	memcpy(hex, bytes, 69);
	viewer_word(hex, word);
	MUST(memcmp(word, bytes, count) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct input input = {.pos = bytes, .end = bytes + count};
	const struct tw_credential credential = viewer_credential();
	parse_credential(bytes, count);
	now_us = 0;
	memset(latest, 0, sizeof(latest));
	tw_client_init(&client, &credential, take(&input, 2));
	while (input.pos < input.end)
		act(&input);
	send_all();
	return 0;
}
