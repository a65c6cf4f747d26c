/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Budgets, lists, panic and talkers, written into the front's maps and read from them; see
 * front_sources.h.
 *
 * The lists are kept twice: in the tries, where the kernel looks them up, and in `entries`, so that
 * nothing has to walk a trie while packets flow. An entry's index there is its slot, under which
 * each CPU counts its packets.
 */
#include "ebpf/front_sources.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include "ebpf/source.h"

#define SECOND_NS 1000000000ull
/* The front's clock goes in ticks of up to 10 ms: so much has to be saved from one to the next. */
#define LEAST_ALLOWANCE_NS (SECOND_NS / 20)

/* The kernel and the workers read while we write: whole fields. */
#define store(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELEASE)

static const char *const list_names[FRONT_LISTS] = {
	[FRONT_DENY4] = "front_deny4",
	[FRONT_DENY6] = "front_deny6",
	[FRONT_ALLOW4] = "front_allow4",
	[FRONT_ALLOW6] = "front_allow6",
};

/* A key of either kind of list. */
struct list_key {
	uint32_t bits;
	uint8_t address[16];
};

static enum front_list list_of(enum front_action action, uint8_t ip_version)
{
	if (action == FRONT_DENY)
		return ip_version == 4 ? FRONT_DENY4 : FRONT_DENY6;
	return ip_version == 4 ? FRONT_ALLOW4 : FRONT_ALLOW6;
}

static struct list_key key_of(const struct prefix *prefix)
{
	struct list_key key = {.bits = prefix->bits};
	memcpy(key.address, prefix->address, sizeof(key.address));
	return key;
}

static void *map_memory(const struct bpf_object *object, const char *name, size_t bytes)
{
	int fd = bpf_object__find_map_fd_by_name(object, name);
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return memory == MAP_FAILED ? NULL : memory;
}

static void unmap(void *memory, size_t bytes)
{
	if (memory)
		munmap(memory, bytes);
}

/*
 * Enters one of a trie's entries at its slot. Where that is another's already, a tallyd was killed
 * while it moved a prefix from list to list: the deny list, which is read first, keeps it.
 */
static int read_entry(struct front_sources *sources, enum front_list list,
		      const struct list_key *key)
{
	struct front_listed value;
	if (bpf_map_lookup_elem(sources->list_fds[list], key, &value))
		return -errno;
	if (value.slot >= FRONT_LISTED_MAX || sources->entries[value.slot].prefix.ip_version)
		return bpf_map_delete_elem(sources->list_fds[list], key) ? -errno : 0;
	struct front_entry *entry = &sources->entries[value.slot];
	entry->action = list == FRONT_DENY4 || list == FRONT_DENY6 ? FRONT_DENY : FRONT_ALLOW;
	entry->expires_ns = value.expires_ns;
	entry->prefix.ip_version = list == FRONT_DENY4 || list == FRONT_ALLOW4 ? 4 : 6;
	entry->prefix.bits = (uint8_t)key->bits;
	memcpy(entry->prefix.address, key->address, prefix_most_bits(entry->prefix.ip_version) / 8);
	return 1;
}

static int read_list(struct front_sources *sources, enum front_list list)
{
	struct list_key key = {0}, next = {0};
	uint32_t count = 0;
	int rc = 0;
	bool more = bpf_map_get_next_key(sources->list_fds[list], NULL, &key) == 0;
	for (uint32_t i = 0; more && i < FRONT_LISTED_MAX && rc >= 0; i++) {
		more = bpf_map_get_next_key(sources->list_fds[list], &key, &next) == 0;
		rc = read_entry(sources, list, &key);
		count += rc == 1;
		key = next;
	}
	store(sources->police->listed[list], count);
	return rc < 0 ? rc : 0;
}

static int map_all(struct front_sources *sources, const struct bpf_object *object, struct err *err)
{
	int cpus = libbpf_num_possible_cpus();
	if (cpus < 1)
		return err_set(err, -EIO, "cannot count the CPUs: is /sys mounted?");
	*sources = (struct front_sources){
		.police = map_memory(object, "front_police", sizeof(*sources->police)),
		.buckets = map_memory(object, "front_buckets", FRONT_BUCKETS * sizeof(uint64_t)),
		.voted =
			map_memory(object, "front_voted", 2 * FRONT_VOTED_WORDS * sizeof(uint64_t)),
		.listed_fd = bpf_object__find_map_fd_by_name(object, "front_listed"),
		.talkers_fd = bpf_object__find_map_fd_by_name(object, "front_talkers"),
		.cpus = cpus,
		.per_cpu = calloc((size_t)cpus, sizeof(*sources->per_cpu)),
		.talker = calloc((size_t)cpus, sizeof(*sources->talker)),
		.entries = calloc(FRONT_LISTED_MAX, sizeof(*sources->entries)),
	};
	for (int list = 0; list < FRONT_LISTS; list++)
		sources->list_fds[list] = bpf_object__find_map_fd_by_name(object, list_names[list]);
	if (!sources->police || !sources->buckets || !sources->voted || !sources->per_cpu ||
	    !sources->talker || !sources->entries)
		return err_set(err, -ENOMEM, "no memory for the front's maps");
	return 0;
}

int front_sources_open(struct front_sources *sources, const struct bpf_object *object,
		       struct err *err)
{
	memset(sources, 0, sizeof(*sources));
	int rc = map_all(sources, object, err);
	if (rc)
		return rc;
	struct front_police *police = sources->police;
	struct timespec tick;
	/* This clock moves once a tick. */
	if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick))
		return err_set(err, -errno, "the kernel does not tell its tick: %s",
			       strerror(errno));
	store(police->tick_ns, (uint64_t)tick.tv_nsec);
	if (!police->key[0] && !police->key[1] &&
	    getrandom(police->key, sizeof(police->key), 0) != sizeof(police->key))
		return err_set(err, -EIO, "no random numbers for the front's key");
	for (int list = 0; list < FRONT_LISTS && rc == 0; list++)
		rc = read_list(sources, (enum front_list)list);
	return rc ? err_set(err, rc,
			    "the front's lists cannot be read: %s: take the front off with "
			    "--detach and start again",
			    strerror(-rc))
		  : 0;
}

void front_sources_close(struct front_sources *sources)
{
	unmap(sources->police, sizeof(*sources->police));
	unmap(sources->buckets, FRONT_BUCKETS * sizeof(uint64_t));
	unmap(sources->voted, 2 * FRONT_VOTED_WORDS * sizeof(uint64_t));
	free(sources->per_cpu);
	free(sources->talker);
	free(sources->entries);
	*sources = (struct front_sources){0};
}

/* The masks of prefixes of these lengths. */
static void make_masks(struct front_police *police, unsigned int ipv4_bits, unsigned int ipv6_bits)
{
	uint8_t mask[16];
	memset(mask, 0xFF, sizeof(mask));
	prefix_cut(mask, 4, ipv4_bits);
	memcpy(&police->ipv4_mask, mask, sizeof(police->ipv4_mask));
	memset(mask, 0xFF, sizeof(mask));
	prefix_cut(mask, sizeof(mask), ipv6_bits);
	memcpy(police->ipv6_mask, mask, sizeof(police->ipv6_mask));
}

/* Where the masks change, sources are others, and nothing is known of them. */
void front_sources_restore(struct front_sources *sources, const struct front_police *saved)
{
	struct front_police *police = sources->police;
	bool same = police->ipv4_mask == saved->ipv4_mask &&
		    police->ipv6_mask[0] == saved->ipv6_mask[0] &&
		    police->ipv6_mask[1] == saved->ipv6_mask[1];
	store(police->ipv4_mask, saved->ipv4_mask);
	store(police->ipv6_mask[0], saved->ipv6_mask[0]);
	store(police->ipv6_mask[1], saved->ipv6_mask[1]);
	store(police->allowance_ns, saved->allowance_ns);
	store(police->failed_ns, saved->failed_ns);
	store(police->vote_ns, saved->vote_ns);
	for (uint32_t i = 0; i < FRONT_BUCKETS && !same; i++)
		store(sources->buckets[i], 0);
	for (uint32_t i = 0; i < 2 * FRONT_VOTED_WORDS && !same; i++)
		store(sources->voted[i], 0);
}

void front_sources_set_limits(struct front_sources *sources,
			      const struct front_source_limits *limits)
{
	uint64_t rate = limits->votes_per_s;
	struct front_police wanted = {.vote_ns = rate ? 1 + (SECOND_NS - 1) / rate : 0};
	wanted.allowance_ns = (limits->burst ? limits->burst : rate) * wanted.vote_ns;
	if (wanted.allowance_ns < LEAST_ALLOWANCE_NS)
		wanted.allowance_ns = LEAST_ALLOWANCE_NS;
	wanted.failed_ns = limits->failed_votes * wanted.vote_ns;
	make_masks(&wanted, limits->ipv4_bits ? limits->ipv4_bits : 32,
		   limits->ipv6_bits ? limits->ipv6_bits : 56);
	front_sources_restore(sources, &wanted);
}

static uint32_t find_slot(const struct front_sources *sources, const struct prefix *prefix)
{
	uint32_t slot = 0;
	while (slot < FRONT_LISTED_MAX && !prefix_same(&sources->entries[slot].prefix, prefix))
		slot++;
	return slot;
}

static uint32_t free_slot(const struct front_sources *sources)
{
	uint32_t slot = 0;
	while (slot < FRONT_LISTED_MAX && sources->entries[slot].prefix.ip_version)
		slot++;
	return slot;
}

const struct front_entry *front_sources_find(const struct front_sources *sources,
					     const struct prefix *prefix)
{
	uint32_t slot = find_slot(sources, prefix);
	return slot < FRONT_LISTED_MAX ? &sources->entries[slot] : NULL;
}

/* Into the trie of its action. The front skips a list whose count is 0. */
static int write_entry(struct front_sources *sources, const struct front_entry *entry,
		       uint32_t slot, bool is_new)
{
	enum front_list list = list_of(entry->action, entry->prefix.ip_version);
	struct list_key key = key_of(&entry->prefix);
	struct front_listed value = {.expires_ns = entry->expires_ns, .slot = slot};
	uint32_t *count = &sources->police->listed[list];
	if (bpf_map_update_elem(sources->list_fds[list], &key, &value, BPF_ANY))
		return -errno;
	if (is_new)
		store(*count, *count + 1);
	sources->entries[slot] = *entry;
	return 0;
}

static int erase_entry(struct front_sources *sources, const struct front_entry *entry)
{
	enum front_list list = list_of(entry->action, entry->prefix.ip_version);
	struct list_key key = key_of(&entry->prefix);
	uint32_t *count = &sources->police->listed[list];
	if (bpf_map_delete_elem(sources->list_fds[list], &key) && errno != ENOENT)
		return -errno;
	store(*count, *count - 1);
	return 0;
}

static int clear_packets(struct front_sources *sources, uint32_t slot)
{
	memset(sources->per_cpu, 0, (size_t)sources->cpus * sizeof(*sources->per_cpu));
	return bpf_map_update_elem(sources->listed_fd, &slot, sources->per_cpu, BPF_ANY) ? -errno
											 : 0;
}

int front_sources_list(struct front_sources *sources, const struct front_entry *entry,
		       struct err *err)
{
	char text[PREFIX_TEXT_BYTES];
	uint32_t slot = find_slot(sources, &entry->prefix);
	bool is_new = slot == FRONT_LISTED_MAX;
	if (is_new)
		slot = free_slot(sources);
	if (slot == FRONT_LISTED_MAX)
		return err_set(err, -ENOSPC,
			       "%s: the lists have %u entries, which is the most: remove some, or "
			       "put shorter prefixes in their place",
			       prefix_format(&entry->prefix, text), FRONT_LISTED_MAX);
	const struct front_entry before = sources->entries[slot];
	bool moves = !is_new && before.action != entry->action;
	int rc = is_new || moves ? clear_packets(sources, slot) : 0;
	if (rc == 0)
		rc = write_entry(sources, entry, slot, is_new || moves);
	if (rc == 0 && moves)
		rc = erase_entry(sources, &before);
	return rc ? err_set(err, rc, "%s: the front does not take it: %s",
			    prefix_format(&entry->prefix, text), strerror(-rc))
		  : 0;
}

int front_sources_unlist(struct front_sources *sources, const struct prefix *prefix,
			 struct err *err)
{
	char text[PREFIX_TEXT_BYTES];
	uint32_t slot = find_slot(sources, prefix);
	if (slot == FRONT_LISTED_MAX)
		return err_set(err, -ENOENT,
			       "%s is on no list; `tallyctl front list` shows what is",
			       prefix_format(prefix, text));
	int rc = erase_entry(sources, &sources->entries[slot]);
	if (rc)
		return err_set(err, rc, "%s cannot be removed: %s", prefix_format(prefix, text),
			       strerror(-rc));
	memset(&sources->entries[slot], 0, sizeof(sources->entries[slot]));
	return 0;
}

uint64_t front_sources_packets(const struct front_sources *sources, const struct front_entry *entry)
{
	uint32_t slot = (uint32_t)(entry - sources->entries);
	uint64_t sum = 0;
	if (bpf_map_lookup_elem(sources->listed_fd, &slot, sources->per_cpu))
		return 0;
	for (int cpu = 0; cpu < sources->cpus; cpu++)
		sum += sources->per_cpu[cpu];
	return sum;
}

void front_sources_panic(struct front_sources *sources, bool on)
{
	store(sources->police->panic, on ? 1 : 0);
}

bool front_sources_in_panic(const struct front_sources *sources)
{
	return sources->police->panic != 0;
}

/* The older generation is emptied and becomes the one that is written. */
static void turn_generation(struct front_sources *sources, uint64_t now_ns)
{
	struct front_police *police = sources->police;
	uint32_t next = !police->generation;
	uint64_t *words = sources->voted + (size_t)next * FRONT_VOTED_WORDS;
	for (uint32_t i = 0; i < FRONT_VOTED_WORDS; i++)
		store(words[i], 0);
	store(police->turned_ns, now_ns);
	store(police->generation, next);
}

void front_sources_tick(struct front_sources *sources, uint64_t now_ns)
{
	struct front_police *police = sources->police;
	struct err ignored; /* it is out of force, and the next tick tries again */
	for (uint32_t slot = 0; slot < FRONT_LISTED_MAX; slot++) {
		const struct front_entry entry = sources->entries[slot];
		if (entry.expires_ns && entry.expires_ns <= now_ns)
			front_sources_unlist(sources, &entry.prefix, &ignored);
	}
	if (police->turned_ns == 0)
		store(police->turned_ns, now_ns);
	if (!police->panic && now_ns - police->turned_ns >= FRONT_GENERATION_NS)
		turn_generation(sources, now_ns);
}

struct front_feedback front_sources_feedback(const struct front_sources *sources)
{
	return (struct front_feedback){sources->police, sources->buckets, sources->voted};
}
