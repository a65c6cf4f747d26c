// SPDX-License-Identifier: BSD-3-Clause
/*
 * One change, all fronts. They hold the same entries, so the first one is asked what there is;
 * where one of them refuses a change, those that took it get back what they had.
 */
#include "dataplane/policing.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define MS_NS 1000000ull

/* The kernel's monotonic clock, which the fronts read too. */
static uint64_t monotonic_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 * MS_NS + (uint64_t)now.tv_nsec;
}

/* The sources of the i-th front, NULL where that port has none. */
static struct front_sources *at(const struct ports *ports, uint32_t i)
{
	return ports->fronts[i] ? front_sources(ports->fronts[i]) : NULL;
}

static struct front_sources *first(const struct ports *ports)
{
	for (uint32_t i = 0; i < CONFIG_MAX_PORTS; i++)
		if (ports->fronts[i])
			return at(ports, i);
	return NULL;
}

bool policing_has_fronts(const struct ports *ports)
{
	return first(ports) != NULL;
}

/* What one front has and another lacks. */
static int teach(const struct front_sources *from, struct front_sources *to, struct err *err)
{
	int rc = 0;
	for (uint32_t slot = 0; slot < FRONT_LISTED_MAX && rc == 0; slot++) {
		const struct front_entry *entry = &from->entries[slot];
		if (entry->prefix.ip_version && !front_sources_find(to, &entry->prefix))
			rc = front_sources_list(to, entry, err);
	}
	if (front_sources_in_panic(from))
		front_sources_panic(to, true);
	return rc;
}

int policing_start(const struct ports *ports, struct err *err)
{
	int rc = 0;
	for (uint32_t i = 0; i < CONFIG_MAX_PORTS; i++)
		for (uint32_t k = 0; k < CONFIG_MAX_PORTS && rc == 0; k++)
			if (i != k && at(ports, i) && at(ports, k))
				rc = teach(at(ports, i), at(ports, k), err);
	policing_tick(ports);
	return rc;
}

/* The front has what it had of this prefix before. */
static void put_back(struct front_sources *sources, const struct prefix *prefix,
		     const struct front_entry *before)
{
	struct err ignored; /* the first error is the one that is told */
	if (before)
		front_sources_list(sources, before, &ignored);
	else
		front_sources_unlist(sources, prefix, &ignored);
}

int policing_list(const struct ports *ports, enum front_action action, const struct prefix *prefix,
		  uint64_t for_ms, struct err *err)
{
	const struct front_entry entry = {*prefix, action,
					  for_ms ? monotonic_ns() + for_ms * MS_NS : 0};
	const struct front_entry *found = front_sources_find(first(ports), prefix);
	const struct front_entry before = found ? *found : entry;
	for (uint32_t i = 0; i < CONFIG_MAX_PORTS; i++) {
		int rc = at(ports, i) ? front_sources_list(at(ports, i), &entry, err) : 0;
		if (rc == 0)
			continue;
		for (uint32_t k = 0; k < i; k++)
			if (at(ports, k))
				put_back(at(ports, k), prefix, found ? &before : NULL);
		return rc;
	}
	return 0;
}

int policing_unlist(const struct ports *ports, const struct prefix *prefix, struct err *err)
{
	const struct front_entry *found = front_sources_find(first(ports), prefix);
	const struct front_entry before = found ? *found : (struct front_entry){0};
	for (uint32_t i = 0; i < CONFIG_MAX_PORTS; i++) {
		int rc = at(ports, i) ? front_sources_unlist(at(ports, i), prefix, err) : 0;
		if (rc == 0)
			continue;
		for (uint32_t k = 0; k < i; k++)
			if (at(ports, k))
				put_back(at(ports, k), prefix, &before);
		return rc;
	}
	return 0;
}

void policing_panic(const struct ports *ports, bool on)
{
	for (uint32_t i = 0; i < CONFIG_MAX_PORTS; i++)
		if (at(ports, i))
			front_sources_panic(at(ports, i), on);
}

bool policing_in_panic(const struct ports *ports)
{
	return policing_has_fronts(ports) && front_sources_in_panic(first(ports));
}

void policing_tick(const struct ports *ports)
{
	for (uint32_t i = 0; i < CONFIG_MAX_PORTS; i++)
		if (at(ports, i))
			front_sources_tick(at(ports, i), monotonic_ns());
}

static uint64_t packets_of(const struct ports *ports, const struct prefix *prefix)
{
	uint64_t packets = 0;
	for (uint32_t i = 0; i < CONFIG_MAX_PORTS; i++) {
		const struct front_entry *entry =
			at(ports, i) ? front_sources_find(at(ports, i), prefix) : NULL;
		if (entry)
			packets += front_sources_packets(at(ports, i), entry);
	}
	return packets;
}

void policing_entries(const struct ports *ports,
		      void (*tell)(void *context, const struct policing_entry *entry),
		      void *context)
{
	const struct front_sources *sources = first(ports);
	uint64_t now_ns = monotonic_ns();
	for (uint32_t slot = 0; slot < FRONT_LISTED_MAX; slot++) {
		const struct front_entry *entry = &sources->entries[slot];
		if (!entry->prefix.ip_version || (entry->expires_ns && entry->expires_ns <= now_ns))
			continue;
		const struct policing_entry told = {
			.prefix = entry->prefix,
			.action = entry->action,
			.left_ms = entry->expires_ns ? 1 + (entry->expires_ns - now_ns) / MS_NS : 0,
			.packets = packets_of(ports, &entry->prefix),
		};
		tell(context, &told);
	}
}

void policing_rules(const struct ports *ports, uint64_t packets[FRONT_RULE_COUNT])
{
	memset(packets, 0, FRONT_RULE_COUNT * sizeof(*packets));
	for (uint32_t i = 0; i < CONFIG_MAX_PORTS; i++) {
		struct front_counts counts;
		if (!ports->fronts[i] || front_read(ports->fronts[i], &counts))
			continue;
		for (int rule = 0; rule < FRONT_RULE_COUNT; rule++)
			packets[rule] += counts.rules[rule];
	}
}

/* Puts one more source in its place among the first ones. */
static uint32_t rank(struct front_top top[POLICING_TOP], uint32_t count,
		     const struct front_top *further)
{
	uint32_t place = 0;
	while (place < count && top[place].packets >= further->packets)
		place++;
	if (place == POLICING_TOP)
		return count;
	uint32_t kept = count < POLICING_TOP ? count : POLICING_TOP - 1;
	memmove(&top[place + 1], &top[place], (kept - place) * sizeof(*top));
	top[place] = *further;
	return kept + 1;
}

uint32_t policing_top(const struct ports *ports, enum front_rule rule,
		      struct front_top top[POLICING_TOP])
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < CONFIG_MAX_PORTS; i++) {
		struct front_top here[POLICING_TOP];
		int found = at(ports, i) ? front_sources_top(at(ports, i), rule, here, POLICING_TOP)
					 : 0;
		for (int k = 0; k < found; k++)
			count = rank(top, count, &here[k]);
	}
	return count;
}

const char *policing_rule_name(enum front_rule rule)
{
	static const char *const names[] = {
#define X(symbol, name, text) [FRONT_RULE_##symbol] = #name,
		FRONT_RULES(X)
#undef X
	};
	return names[rule];
}
