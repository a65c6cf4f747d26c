// SPDX-License-Identifier: BSD-3-Clause
/*
 * Being told of windows. Called by tw_client.c.
 *
 *   WATCH ─► CHALLENGE with a cookie ─► WATCH with it ─► NOTICE … WATCH after 9 to 15 s ─► NOTICE
 *
 * A subscription lives 30 s, so of two renewals in a row one may be lost. Without an answer it is
 * asked again after 200 ms, 400 ms and so on, at last every 8 s, each give or take a quarter.
 */
#include <string.h>
#include "tw_parts.h"

#define PAUSE_US      200000u
#define PAUSE_MOST_US 8000000u
#define RENEW_US      12000000u
#define LIFE_US       30000000u

enum { RECORD_STATE = 4, RECORD_KIND, RECORD_OPTIONS, RECORD_OPENS = 8, RECORD_CLOSES = 16 };
enum { RECORD_LEADER = 24, RECORD_SHARE = 26 };

void tw_watch_start(struct tw_client *client)
{
	struct tw_watch *watch = &client->watch;
	if (watch->on)
		return;
	memset(watch, 0, sizeof(*watch));
	watch->on = true;
	watch->due_us = client->now_us;
	watch->pause_us = PAUSE_US;
}

void tw_watch_send(struct tw_client *client, uint8_t *datagram)
{
	struct tw_watch *watch = &client->watch;
	struct tw_time time = {client->now_us,
			       0}; /* our own clock where the appliance's is unknown */
	tw_clock_read(&client->clock, client->now_us, &time);
	memset(datagram, 0, TW_WIRE_WATCH_BYTES);
	tw_wire_begin(datagram, TW_WIRE_WATCH, &client->credential);
	tw_wire_put(datagram + TW_WIRE_TIME, 8, time.appliance_us);
	memcpy(datagram + TW_WIRE_COOKIE, watch->cookie, sizeof(watch->cookie));
	tw_siphash_tag(client->credential.voter_key, datagram, TW_WIRE_WATCH_TAG,
		       datagram + TW_WIRE_WATCH_TAG);
	if (!watch->asking)
		watch->asked_us = client->now_us;
	watch->asking = true;
	watch->sent_us = client->now_us;
	watch->due_us =
		client->now_us + tw_backoff_next(&client->random, &watch->pause_us, PAUSE_MOST_US);
}

/* Answers the first WATCH without an answer, or a later one: for the clock as good as a receipt. A
 * cookie that nobody waits for, or a second one, does not make us send. */
enum tw_error tw_watch_take_challenge(struct tw_client *client, const uint8_t *bytes)
{
	struct tw_watch *watch = &client->watch;
	if (tw_wire_get(bytes + TW_WIRE_WATCH_TAG + TW_WIRE_TAG_BYTES, 8) != 0)
		return TW_ERROR_CONTENT;
	if (!watch->on || !watch->asking)
		return TW_ERROR_FOREIGN;
	tw_clock_take(&client->clock, tw_wire_get(bytes + TW_WIRE_TIME, 8), watch->asked_us,
		      client->now_us);
	memcpy(watch->cookie, bytes + TW_WIRE_COOKIE, sizeof(watch->cookie));
	if (!watch->challenged)
		watch->due_us = client->now_us;
	watch->challenged = true;
	return TW_OK;
}

static void read_record(const uint8_t *bytes, uint64_t told_us, struct tw_window *window)
{
	window->opens_at_us = tw_wire_get(bytes + RECORD_OPENS, 8);
	window->closes_at_us = tw_wire_get(bytes + RECORD_CLOSES, 8);
	window->told_us = told_us;
	window->interaction = (uint32_t)tw_wire_get(bytes, 4);
	window->options = (uint16_t)tw_wire_get(bytes + RECORD_OPTIONS, 2);
	window->leader = (uint16_t)tw_wire_get(bytes + RECORD_LEADER, 2);
	window->share = (uint16_t)tw_wire_get(bytes + RECORD_SHARE, 2);
	window->state = bytes[RECORD_STATE];
	window->kind = bytes[RECORD_KIND];
}

static bool makes_sense(const uint8_t *bytes)
{
	const uint8_t *record = bytes + TW_WIRE_RECORDS;
	uint64_t first = bytes[TW_WIRE_STATUS] ? tw_wire_get(record, 4) : 0;
	for (int i = 0; i < bytes[TW_WIRE_STATUS]; i++, record += TW_WIRE_RECORD_BYTES)
		if (!record[RECORD_STATE] || record[RECORD_STATE] > TW_WINDOW_CANCELLED ||
		    !record[RECORD_KIND] || record[RECORD_KIND] > TW_KIND_REACTION)
			return false;
	return tw_wire_get(bytes + TW_WIRE_STATUS + 1, 3) == 0 &&
	       tw_wire_get(bytes + TW_WIRE_INTERACTION, 4) == first;
}

/* The place of this window: its own, a new one, or that of the one told of longest ago. */
static struct tw_known *place_of(struct tw_watch *watch, const uint8_t *record)
{
	struct tw_known *oldest = &watch->known[0];
	for (int i = 0; i < watch->known_count; i++) {
		if (memcmp(watch->known[i].record, record, 4) == 0)
			return &watch->known[i];
		if (watch->known[i].told_us < oldest->told_us)
			oldest = &watch->known[i];
	}
	if (watch->known_count < TW_WATCH_WINDOWS)
		oldest = &watch->known[watch->known_count++];
	memset(oldest, 0, sizeof(*oldest));
	return oldest;
}

/* Not older than what is known, and other. Two changes in one µs are in the order of states. What
 * was known before is a copy that was overtaken, whatever its clock says. */
static bool learn(struct tw_known *known, const uint8_t *record, uint64_t told_us)
{
	if (told_us < known->told_us || memcmp(known->before, record, sizeof(known->before)) == 0 ||
	    (told_us == known->told_us && record[RECORD_STATE] <= known->record[RECORD_STATE]))
		return false;
	known->told_us = told_us;
	if (memcmp(known->record, record, sizeof(known->record)) == 0)
		return false;
	memcpy(known->before, known->record, sizeof(known->before));
	memcpy(known->record, record, sizeof(known->record));
	return true;
}

enum tw_error tw_watch_take_notice(struct tw_client *client, const uint8_t *bytes,
				   struct tw_event *event)
{
	struct tw_watch *watch = &client->watch;
	const uint64_t told_us = tw_wire_get(bytes + TW_WIRE_TIME, 8);
	const uint8_t *record = bytes + TW_WIRE_RECORDS;
	if (!watch->on)
		return TW_ERROR_FOREIGN;
	if (!makes_sense(bytes))
		return TW_ERROR_CONTENT;
	tw_clock_take_one_way(&client->clock, told_us, client->now_us);
	for (int i = 0; i < bytes[TW_WIRE_STATUS]; i++, record += TW_WIRE_RECORD_BYTES)
		if (learn(place_of(watch, record), record, told_us))
			read_record(record, told_us, &event->windows[event->window_count++]);
	event->kind = event->window_count ? TW_EVENT_WINDOWS : TW_EVENT_NONE;
	if (!watch->asking)
		return TW_OK;
	watch->asking = watch->challenged = false;
	watch->told_until_us = watch->sent_us + LIFE_US;
	watch->pause_us = PAUSE_US;
	watch->due_us = client->now_us + tw_backoff_jitter(&client->random, RENEW_US);
	return TW_OK;
}
