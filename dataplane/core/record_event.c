// SPDX-License-Identifier: BSD-3-Clause
/* The bodies of the journal's events, by shape. Beside record.c, which cuts them into pieces. */
#include "dataplane/core/record.h"

#include <errno.h>
#include <string.h>

#include "wire/byte_order.h"

/* The shapes, as constants of their own. */
enum shape {
	SHAPE_none,
	SHAPE_mark,
	SHAPE_clock,
	SHAPE_plan,
	SHAPE_window,
	SHAPE_key,
	SHAPE_final,
};

static enum shape shape_of(enum journal_event_kind kind)
{
	static const enum shape shapes[JOURNAL_EVENT_KINDS] = {
#define X(symbol, name, shape, text) [JOURNAL_EVENT_##symbol] = SHAPE_##shape,
		JOURNAL_EVENTS(X)
#undef X
	};
	return kind < JOURNAL_EVENT_KINDS ? shapes[kind] : SHAPE_none;
}

static uint32_t bytes_of(enum shape shape)
{
	static const uint32_t bytes[] = {
		[SHAPE_mark] = sizeof(struct journal_mark_body),
		[SHAPE_clock] = sizeof(struct journal_clock_body),
		[SHAPE_plan] = sizeof(struct journal_plan_body),
		[SHAPE_window] = sizeof(struct journal_window_body),
		[SHAPE_key] = sizeof(struct journal_key_body),
		[SHAPE_final] = sizeof(struct journal_final_body),
	};
	return bytes[shape];
}

const char *record_event_name(enum journal_event_kind kind)
{
	static const char *const names[JOURNAL_EVENT_KINDS] = {[JOURNAL_EVENT_NONE] = "none",
#define X(symbol, name, shape, text) [JOURNAL_EVENT_##symbol] = #name,
							       JOURNAL_EVENTS(X)
#undef X
	};
	return names[kind];
}

uint32_t record_event_bytes(const struct record_event *event)
{
	enum shape shape = shape_of(event->kind);
	return bytes_of(shape) + (shape == SHAPE_plan ? event->text_bytes : 0);
}

static void write_window(const struct record_event *event, void *body)
{
	const struct journal_window_body window = {
		.at_us_be = be64(event->at_us),
		.tenant_be = be16(event->tenant),
		.interaction_be = be32(event->interaction),
		.opens_at_us_be = be64(event->opens_at_us),
		.closes_at_us_be = be64(event->closes_at_us),
		.flags = event->flags,
	};
	memcpy(body, &window, sizeof(window));
}

static void write_plan(const struct record_event *event, void *body)
{
	const struct journal_plan_body plan = {.at_us_be = be64(event->at_us)};
	memcpy(body, &plan, sizeof(plan));
	if (event->text_bytes)
		memcpy((uint8_t *)body + sizeof(plan), event->text, event->text_bytes);
}

static void write_final(const struct record_event *event, void *body)
{
	struct journal_final_body final = {
		.at_us_be = be64(event->at_us),
		.tenant_be = be16(event->tenant),
		.interaction_be = be32(event->interaction),
		.missed_be = be64(event->missed),
	};
	for (int i = 0; i < RECEIPT_STATUSES; i++)
		final.receipts_be[i] = be64(event->receipts[i]);
	memcpy(body, &final, sizeof(final));
}

void record_event_write(const struct record_event *event, void *body)
{
	const struct journal_clock_body clock = {
		.at_us_be = be64(event->at_us),
		.offset_us_be = be64((uint64_t)event->offset_us),
	};
	const struct journal_key_body key = {
		.at_us_be = be64(event->at_us),
		.tenant_be = be16(event->tenant),
		.key_epoch = event->key_epoch,
	};
	switch (shape_of(event->kind)) {
	case SHAPE_none: break;
	case SHAPE_mark: memcpy(body, &clock.at_us_be, sizeof(clock.at_us_be)); break;
	case SHAPE_clock: memcpy(body, &clock, sizeof(clock)); break;
	case SHAPE_plan: write_plan(event, body); break;
	case SHAPE_window: write_window(event, body); break;
	case SHAPE_key: memcpy(body, &key, sizeof(key)); break;
	case SHAPE_final: write_final(event, body); break;
	}
}

static void read_plan(struct record_event *event, const struct journal_plan_body *plan,
		      uint32_t bytes)
{
	event->text = (const char *)(plan + 1);
	event->text_bytes = bytes - (uint32_t)sizeof(*plan);
}

static void read_window(struct record_event *event, const struct journal_window_body *window)
{
	event->tenant = be16(window->tenant_be);
	event->interaction = be32(window->interaction_be);
	event->opens_at_us = be64(window->opens_at_us_be);
	event->closes_at_us = be64(window->closes_at_us_be);
	event->flags = window->flags;
}

static void read_key(struct record_event *event, const struct journal_key_body *key)
{
	event->tenant = be16(key->tenant_be);
	event->key_epoch = key->key_epoch;
}

static void read_final(struct record_event *event, const struct journal_final_body *final)
{
	event->tenant = be16(final->tenant_be);
	event->interaction = be32(final->interaction_be);
	event->missed = be64(final->missed_be);
	for (int i = 0; i < RECEIPT_STATUSES; i++)
		event->receipts[i] = be64(final->receipts_be[i]);
}

int record_event_read(enum journal_event_kind kind, const void *body, uint32_t bytes,
		      struct record_event *event)
{
	enum shape shape = shape_of(kind);
	bool longer = shape == SHAPE_plan;
	if (shape == SHAPE_none || bytes < bytes_of(shape) || (bytes > bytes_of(shape) && !longer))
		return -EBADMSG;
	const struct journal_mark_body *mark = body;
	const struct journal_clock_body *clock = body;
	*event = (struct record_event){.kind = kind, .at_us = be64(mark->at_us_be)};
	switch (shape) {
	case SHAPE_none:
	case SHAPE_mark: break;
	case SHAPE_clock: event->offset_us = (int64_t)be64(clock->offset_us_be); break;
	case SHAPE_plan: read_plan(event, body, bytes); break;
	case SHAPE_window: read_window(event, body); break;
	case SHAPE_key: read_key(event, body); break;
	case SHAPE_final: read_final(event, body); break;
	}
	return 0;
}
