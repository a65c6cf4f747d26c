/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the front knows of sources: budgets, lists, panic, who has voted, in the maps that it shares
 * with the kernel (wire/front_sources.h). front.c opens it, dataplane/policing.c changes it over
 * all fronts; so do the tests and the bench that load the front without an interface. It never
 * attaches, pins or loads anything.
 *
 * All of it is in force with the next packet, and stays in the maps as long as they do: a tallyd
 * that joins them finds it again. One thread at a time; workers write through front_feedback only.
 */
#ifndef TALLYWIRE_EBPF_FRONT_SOURCES_H
#define TALLYWIRE_EBPF_FRONT_SOURCES_H

#include <stdbool.h>
#include <stdint.h>
#include "dataplane/core/err.h"
#include "dataplane/core/feedback.h"
#include "dataplane/core/prefix.h"
#include "wire/front_sources.h"

/* How long a generation of those who have voted lasts: who votes is known for one to two of them.
 */
#define FRONT_GENERATION_NS 3600000000000ull

struct bpf_object;

/* What a source may send. */
struct front_source_limits {
	uint64_t votes_per_s;  /* 0: no limit */
	uint64_t burst;        /* votes that may come at once, if none came before; 0: a second's */
	uint64_t failed_votes; /* what a vote that fails authentication costs beside itself, in
				  votes */
	uint8_t ipv4_bits;     /* how long a source's prefix is; 0: 32 */
	uint8_t ipv6_bits;     /* 0: 56 */
};

enum front_action { FRONT_ALLOW, FRONT_DENY };

/* An entry of a list. */
struct front_entry {
	struct prefix prefix;
	enum front_action action;
	uint64_t expires_ns; /* on the kernel's monotonic clock; 0: never */
};

/* Who was dropped most by a rule. */
struct front_top {
	struct prefix source;
	uint64_t packets; /* about so many, since nobody else who shares its place sent more */
};

struct front_sources {
	struct front_police *police; /* the maps */
	uint64_t *buckets;
	uint64_t *voted;
	int list_fds[FRONT_LISTS];
	int listed_fd;
	int talkers_fd;
	int cpus;
	uint64_t *per_cpu;           /* room for one entry of all CPUs */
	struct front_talker *talker; /* the same */
	/* By slot, FRONT_LISTED_MAX of them; ip_version 0: free. What the lists hold. */
	struct front_entry *entries;
};

/* Maps the maps of a loaded object and reads what they hold; close() takes what a failed open left,
 * too. */
int front_sources_open(struct front_sources *sources, const struct bpf_object *object,
		       struct err *err);
void front_sources_close(struct front_sources *sources);

/* Where prefixes get another length, all that was known of sources is forgotten, but for the lists.
 */
void front_sources_set_limits(struct front_sources *sources,
			      const struct front_source_limits *limits);

/* The limits and prefixes that the maps held before set_limits(): `saved` is a copy of *police. */
void front_sources_restore(struct front_sources *sources, const struct front_police *saved);

/*
 * Puts the entry on its list, in place of one of the same prefix on either. 0, or -ENOSPC, -ENOMEM
 * and what bpf(2) says; what was there before is then still in force.
 */
int front_sources_list(struct front_sources *sources, const struct front_entry *entry,
		       struct err *err);

/* Takes the prefix off its list. -ENOENT: it is on none. */
int front_sources_unlist(struct front_sources *sources, const struct prefix *prefix,
			 struct err *err);

/* The entry of exactly this prefix, or NULL. */
const struct front_entry *front_sources_find(const struct front_sources *sources,
					     const struct prefix *prefix);

/* How many packets came from this entry since it was listed: of sources with no longer prefix on
 * that list. */
uint64_t front_sources_packets(const struct front_sources *sources,
			       const struct front_entry *entry);

/* Only sources that have voted before may pass, or all. */
void front_sources_panic(struct front_sources *sources, bool on);
bool front_sources_in_panic(const struct front_sources *sources);

/*
 * What is due by now, monotonic: expired entries go, and so do those who voted long ago, unless
 * panic is on. Once a second or so.
 */
void front_sources_tick(struct front_sources *sources, uint64_t now_ns);

/*
 * Fills in up to `most` of who was dropped most by this rule, most first. Returns how many, or a
 * negative errno.
 */
int front_sources_top(const struct front_sources *sources, enum front_rule rule,
		      struct front_top *top, uint32_t most);

/* What workers write. Good until close(). */
struct front_feedback front_sources_feedback(const struct front_sources *sources);

#endif
