// SPDX-License-Identifier: BSD-3-Clause
#include "tests/lib/journal_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 2, 3))) static void wrong(struct world *world, const char *format,
							...)
{
	va_list args;
	if (world->wrong[0])
		return;
	va_start(args, format);
	vsnprintf(world->wrong, sizeof(world->wrong), format, args);
	va_end(args);
}

static uint32_t chance(struct world *world, uint32_t below)
{
	return disk_sim_random(&world->random, below);
}

/* Most are first answers to one question within seconds; some are anything at all. */
struct record_vote world_vote(uint32_t number)
{
	uint64_t state = number;
	uint32_t kind = disk_sim_random(&state, 16);
	struct record_vote vote = {
		.program_time_us = 1795392000000000u + disk_sim_random(&state, 5000000),
		.voter = number,
		.interaction = 100 + disk_sim_random(&state, 2),
		.tenant = 7,
		.choice = (uint16_t)disk_sim_random(&state, 4),
	};
	if (kind == 0) {
		vote.revision = disk_sim_random(&state, 1 << 24);
		vote.changed = 1;
		vote.choice = (uint16_t)disk_sim_random(&state, 65536);
	}
	if (kind == 1) {
		vote.interaction = disk_sim_random(&state, UINT32_MAX);
		vote.tenant = (uint16_t)disk_sim_random(&state, 65536);
		vote.program_time_us = (uint64_t)disk_sim_random(&state, UINT32_MAX) << 32 |
				       disk_sim_random(&state, UINT32_MAX);
	}
	return vote;
}

static void add_text(struct record_event *event, uint32_t number, uint64_t *state, char *memory)
{
	event->text = memory;
	event->text_bytes = disk_sim_random(state, 100) < 10
				    ? disk_sim_random(state, WORLD_TEXT_BYTES)
				    : disk_sim_random(state, 300);
	memset(memory, 'a' + number % 26, event->text_bytes);
}

/* The clock is anywhere. */
struct record_event world_event(uint32_t number, char *memory)
{
	static const enum journal_event_kind kinds[] = {JOURNAL_EVENT_ARMED, JOURNAL_EVENT_ARMED,
							JOURNAL_EVENT_EXTENDED,
							JOURNAL_EVENT_FINAL};
	uint64_t state = ~(uint64_t)number;
	struct record_event event = {.kind = kinds[disk_sim_random(&state, 4)]};
	event.at_us = (uint64_t)disk_sim_random(&state, UINT32_MAX) << 32 | number;
	if (event.kind == JOURNAL_EVENT_ARMED) {
		add_text(&event, number, &state, memory);
		return event;
	}
	event.tenant = (uint16_t)disk_sim_random(&state, 65536);
	event.interaction = disk_sim_random(&state, UINT32_MAX);
	if (event.kind == JOURNAL_EVENT_EXTENDED) {
		event.opens_at_us = disk_sim_random(&state, UINT32_MAX);
		event.closes_at_us = event.opens_at_us + 20000000;
		event.flags = (uint8_t)disk_sim_random(&state, 4);
		return event;
	}
	event.missed = number;
	for (int i = 0; i < RECEIPT_STATUSES; i++)
		event.receipts[i] = disk_sim_random(&state, UINT32_MAX);
	return event;
}

uint32_t world_event_number(const struct record_event *event)
{
	return (uint32_t)event->at_us;
}

bool world_is_event(const struct record_event *event, uint32_t number)
{
	static char memory[WORLD_TEXT_BYTES];
	const struct record_event right = world_event(number, memory);
	return event->kind == right.kind && event->tenant == right.tenant &&
	       event->interaction == right.interaction && event->at_us == right.at_us &&
	       event->opens_at_us == right.opens_at_us &&
	       event->closes_at_us == right.closes_at_us && event->flags == right.flags &&
	       event->missed == right.missed &&
	       memcmp(event->receipts, right.receipts, sizeof(right.receipts)) == 0 &&
	       event->text_bytes == right.text_bytes &&
	       (!right.text_bytes || memcmp(event->text, right.text, right.text_bytes) == 0);
}

static bool same_vote(const struct record_vote *a, const struct record_vote *b)
{
	return a->program_time_us == b->program_time_us && a->voter == b->voter &&
	       a->interaction == b->interaction && a->tenant == b->tenant &&
	       a->choice == b->choice && a->revision == b->revision && a->changed == b->changed;
}

void world_open(struct world *world, uint64_t seed)
{
	memset(world, 0, sizeof(*world));
	world->random = seed;
	disk_sim_open(&world->sim, ~seed);
	world->report.next = (struct record_tail){1, JOURNAL_FIRST_SEQUENCE, 0};
}

void world_close(struct world *world)
{
	disk_sim_close(&world->sim);
}

static void settle_items(struct world_item *items, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (items[i].fate == WORLD_FOUND)
			items[i].fate = WORLD_ACKNOWLEDGED;
		if (items[i].fate == WORLD_MISSING)
			items[i].fate = WORLD_LOST;
	}
}

/* A writer that has started has settled what was before it. */
static void settle(struct world *world)
{
	settle_items(world->votes, world->vote_count);
	settle_items(world->events, world->event_count);
}

void world_start(struct world *world, uint64_t segment_bytes, uint32_t block_bytes)
{
	const struct journal_options options = {
		.disk = &world->sim.disk,
		.next = world->report.next,
		.segment_bytes = segment_bytes,
		.block_bytes = block_bytes,
		.workers = WORLD_WORKERS,
		.ring_entries = 64,
	};
	struct err err;
	if (journal_open(&options, &world->journal, &err))
		world->journal = NULL;
	else
		settle(world);
}

void world_put(struct world *world, uint32_t worker, uint32_t votes)
{
	struct world_worker *self = &world->workers[worker];
	struct journal_ring *ring = journal_ring(world->journal, worker);
	if (!self->online)
		return;
	self->in_burst = true;
	uint32_t room = journal_room(ring);
	for (uint32_t i = 0; i < votes && i < room && world->vote_count < WORLD_VOTES &&
			     self->receipt_count < WORLD_RECEIPTS;
	     i++) {
		uint32_t number = world->vote_count++;
		const struct record_vote vote = world_vote(number);
		world->votes[number] = (struct world_item){.worker = (uint8_t)worker};
		journal_put(ring, &vote);
		self->receipts[self->receipt_count++] = (struct world_receipt){.vote = number};
	}
}

void world_see(struct world *world, uint32_t worker)
{
	struct world_worker *self = &world->workers[worker];
	if (!self->online || !world->vote_count || self->receipt_count == WORLD_RECEIPTS)
		return;
	uint32_t newest = world->vote_count < 100 ? world->vote_count : 100;
	uint32_t number = world->vote_count - 1 - chance(world, newest);
	if (world->votes[number].fate >= WORLD_FOUND)
		return;
	self->in_burst = true;
	self->receipts[self->receipt_count++] = (struct world_receipt){.vote = number};
}

void world_report(struct world *world, uint32_t worker)
{
	struct world_worker *self = &world->workers[worker];
	if (!self->online)
		return;
	uint64_t release_at = journal_report(journal_ring(world->journal, worker));
	for (; self->first < self->receipt_count; self->first++)
		self->receipts[self->first].release_at = release_at;
	self->in_burst = false;
}

void world_turn(struct world *world, uint32_t worker)
{
	struct world_worker *self = &world->workers[worker];
	struct journal_ring *ring = journal_ring(world->journal, worker);
	if (!self->online)
		journal_online(ring);
	else if (!self->in_burst)
		journal_offline(ring);
	else
		return;
	self->online = !self->online;
}

void world_append(struct world *world)
{
	static char memory[WORLD_TEXT_BYTES];
	struct err err;
	if (world->event_count == WORLD_EVENTS)
		return;
	uint32_t number = world->event_count++;
	const struct record_event event = world_event(number, memory);
	world->events[number] = (struct world_item){0};
	if (journal_append(world->journal, &event, &world->events[number].ticket, &err))
		wrong(world, "event %u: %s", number, err.text);
}

/* Receipts whose round is durable leave. */
static void release(struct world *world, uint32_t worker)
{
	struct world_worker *self = &world->workers[worker];
	uint64_t durable = journal_durable(journal_ring(world->journal, worker));
	uint32_t kept = 0, first = self->first;
	for (uint32_t i = 0; i < self->receipt_count; i++) {
		const struct world_receipt *receipt = &self->receipts[i];
		if (i < first && receipt->release_at <= durable) {
			world->votes[receipt->vote].fate = WORLD_ACKNOWLEDGED;
			self->first--;
		} else {
			self->receipts[kept++] = *receipt;
		}
	}
	self->receipt_count = kept;
}

void world_step(struct world *world, uint32_t wait_us)
{
	struct err err;
	journal_step(world->journal, wait_us);
	for (uint32_t i = 0; i < WORLD_WORKERS; i++)
		release(world, i);
	for (uint32_t i = 0; i < world->event_count; i++) {
		struct world_item *event = &world->events[i];
		if (event->fate == WORLD_PUT &&
		    journal_check(world->journal, event->ticket, &err) == 0)
			event->fate = WORLD_ACKNOWLEDGED;
	}
}

void world_act(struct world *world)
{
	uint32_t worker = chance(world, WORLD_WORKERS);
	struct err err;
	switch (chance(world, 12)) {
	case 0:
	case 1:
	case 2: world_put(world, worker, 1 + chance(world, 40)); break;
	case 3: world_see(world, worker); break;
	case 4:
	case 5:
	case 6: world_report(world, worker); break;
	case 7:
		if (!world->workers[worker].online || chance(world, 8) == 0)
			world_turn(world, worker);
		break;
	case 8:
		if (chance(world, 3) == 0)
			world_append(world);
		break;
	default: world_step(world, chance(world, 2)); break;
	}
	if (journal_failed(world->journal, &err) && chance(world, 8) == 0)
		journal_resume(world->journal);
}

bool world_drain(struct world *world)
{
	struct err err;
	for (uint32_t i = 0; i < WORLD_WORKERS; i++) {
		world_report(world, i);
		if (world->workers[i].online)
			world_turn(world, i);
	}
	/* Two rounds more than there are, for receipts of the last one. */
	for (int rounds = 0; rounds < 3; rounds += journal_is_idle(world->journal)) {
		if (journal_failed(world->journal, &err))
			return false;
		world_step(world, 1);
	}
	return true;
}

static int read_votes(void *context, const struct journal_place *place, uint32_t worker,
		      const struct record_vote *votes, uint32_t count)
{
	struct world *world = context;
	(void)place;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t number = votes[i].voter;
		const struct record_vote right = world_vote(number);
		if (number >= world->vote_count || !same_vote(&votes[i], &right) ||
		    world->votes[number].worker != worker) {
			wrong(world, "vote %u was never put like that", number);
			return 1;
		}
		if (number < world->last_vote[worker])
			wrong(world, "vote %u is out of its worker's order", number);
		world->last_vote[worker] = number;
		world->votes[number].times_read++;
	}
	world->votes_read += count;
	return 0;
}

static int read_event(void *context, const struct journal_place *place,
		      const struct record_event *event)
{
	struct world *world = context;
	(void)place;
	if (event->kind == JOURNAL_EVENT_STARTED)
		return 0;
	uint32_t number = world_event_number(event);
	if (number >= world->event_count || !world_is_event(event, number)) {
		wrong(world, "event %u was never appended like that", number);
		return 1;
	}
	if (number < world->last_event)
		wrong(world, "event %u is out of order", number);
	world->last_event = number;
	world->events[number].times_read++;
	return 0;
}

static void judge(struct world *world, struct world_item *items, uint32_t count, const char *what)
{
	for (uint32_t i = 0; i < count; i++) {
		struct world_item *item = &items[i];
		if (item->times_read > 1)
			wrong(world, "%s %u is there %u times", what, i, item->times_read);
		if (item->fate == WORLD_ACKNOWLEDGED && !item->times_read)
			wrong(world, "%s %u was acknowledged and is gone", what, i);
		if (item->fate == WORLD_LOST && item->times_read)
			wrong(world, "%s %u was gone and is there again", what, i);
		if (item->fate != WORLD_ACKNOWLEDGED && item->fate != WORLD_LOST)
			item->fate = item->times_read ? WORLD_FOUND : WORLD_MISSING;
		item->times_read = 0;
	}
}

void world_read(struct world *world)
{
	const struct journal_visitor visitor = {world, read_votes, read_event};
	struct err err;
	memset(world->last_vote, 0, sizeof(world->last_vote));
	world->last_event = 0;
	world->votes_read = 0;
	int rc = journal_read(&world->sim.disk, &visitor, &world->report, &err);
	if (rc)
		wrong(world, "reading ended with %d", rc);
	if (err.text[0])
		wrong(world, "%s", err.text);
	judge(world, world->votes, world->vote_count, "vote");
	judge(world, world->events, world->event_count, "event");
}

void world_crash(struct world *world)
{
	disk_sim_cut_power(&world->sim);
	world_end(world);
}

void world_kill(struct world *world)
{
	disk_sim_kill(&world->sim);
	world_end(world);
}

void world_end(struct world *world)
{
	journal_close(world->journal);
	world->journal = NULL;
	memset(world->workers, 0, sizeof(world->workers));
	disk_sim_restart(&world->sim);
	world_read(world);
}
