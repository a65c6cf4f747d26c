// SPDX-License-Identifier: BSD-3-Clause
/*
 * The registry behind the published table. One thread calls all of this.
 *
 * What can fail: memory for a new window or a new table. It is taken before anything changes, so a
 * refused command leaves windows and table as they were.
 */
#include "dataplane/windows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "dataplane/show/time_text.h"

struct windows {
	struct windows_options options;
	struct armed_window **armed; /* in the order they were armed */
	uint32_t count;
	uint64_t memory_bytes;                /* of all armed windows */
	const struct window_table *published; /* stored with release, read by workers */
};

int windows_create(const struct windows_options *options, struct windows **windows, struct err *err)
{
	struct windows *w = calloc(1, sizeof(*w));
	void *memory = aligned_alloc(64, window_table_bytes(0));
	if (!w || !memory) {
		free(w);
		free(memory);
		return err_set(err, -ENOMEM, "windows: out of memory");
	}
	w->options = *options;
	w->published = window_table_build(memory, NULL, 0);
	*windows = w;
	return 0;
}

static void armed_free(struct armed_window *armed)
{
	if (!armed)
		return;
	interaction_free(&armed->interaction);
	if (armed->memory)
		munmap(armed->memory, armed->memory_bytes);
	free(armed);
}

void windows_destroy(struct windows *windows)
{
	if (!windows)
		return;
	for (uint32_t i = 0; i < windows->count; i++)
		armed_free(windows->armed[i]);
	free(windows->armed);
	free((void *)windows->published);
	free(windows);
}

const struct window_table *const *windows_published(const struct windows *windows)
{
	return &windows->published;
}

/* A table of the first `count` armed windows; NULL when out of memory. */
static struct window_table *build_table(const struct windows *windows, uint32_t count)
{
	struct window *copies = aligned_alloc(64, (count + 1) * sizeof(*copies));
	void *memory = aligned_alloc(64, (window_table_bytes(count) + 63) / 64 * 64);
	struct window_table *table = NULL;
	if (copies && memory) {
		for (uint32_t i = 0; i < count; i++)
			copies[i] = windows->armed[i]->window;
		table = window_table_build(memory, copies, count);
	} else {
		free(memory);
	}
	free(copies);
	return table;
}

/* From here on workers see `table`; returns when none of them sees the old one. */
static void publish(struct windows *windows, const struct window_table *table)
{
	const struct window_table *old = windows->published;
	__atomic_store_n(&windows->published, table, __ATOMIC_RELEASE);
	windows->options.quiesce(windows->options.quiesce_context);
	free((void *)old);
}

/* Puts `changed` in place of the window, in the registry and before the workers. */
static int replace(struct windows *windows, struct armed_window *armed,
		   const struct window *changed, struct err *err)
{
	struct window before = armed->window;
	armed->window = *changed;
	struct window_table *table = build_table(windows, windows->count);
	if (!table) {
		armed->window = before;
		return err_set(err, -ENOMEM, "out of memory; nothing has changed");
	}
	publish(windows, table);
	return 0;
}

static size_t round_up(size_t bytes, size_t unit)
{
	return (bytes + unit - 1) / unit * unit;
}

static int map_memory(const struct windows *windows, struct armed_window *armed, size_t bytes,
		      struct err *err)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	flags |= windows->options.prefault ? MAP_POPULATE : MAP_NORESERVE;
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (memory == MAP_FAILED)
		return err_set(err, -ENOMEM, "%s/%u: cannot take %zu MiB for its ballot: %s",
			       armed->interaction.tenant->name, armed->interaction.id, bytes >> 20,
			       strerror(errno));
	armed->memory = memory;
	armed->memory_bytes = bytes;
	return 0;
}

static int check_limit(const struct windows *windows, uint64_t pending, size_t bytes,
		       const struct interaction *interaction, struct err *err)
{
	uint64_t taken = windows->memory_bytes + pending;
	uint64_t limit = windows->options.memory_bytes;
	if (bytes <= limit && taken <= limit - bytes)
		return 0;
	return err_set(
		err, -ENOMEM,
		"%s/%u: needs %zu KiB of ballot memory, %llu KiB of %llu KiB are in use; raise "
		"[windows] memory_mb or lower [windows] voters",
		interaction->tenant->name, interaction->id, bytes >> 10,
		(unsigned long long)taken >> 10, (unsigned long long)limit >> 10);
}

/* How a window's memory is laid out: the ballot, then the tally's lanes. */
struct layout {
	enum ballot_form form;
	size_t ballot_part;
	size_t tally_part;
};

static struct layout layout_of(const struct windows *windows, const struct interaction *interaction)
{
	uint64_t voters = windows->options.voters;
	/* Memory that is taken in any case is used as it is fastest. */
	enum ballot_form form = windows->options.prefault ? BALLOT_DENSE : BALLOT_GROWING;
	size_t cells = form == BALLOT_DENSE ? ballot_bytes_dense(voters, interaction->options)
					    : ballot_bytes(voters, interaction->options);
	return (struct layout){
		.form = form,
		.ballot_part = round_up(cells, 4096),
		.tally_part =
			round_up(tally_bytes(interaction->options, windows->options.workers), 4096),
	};
}

/* Ids and memory of all of them, before any is taken: what is refused costs next to nothing. */
static int check_all(struct windows *windows, const struct interaction *interactions,
		     uint32_t count, struct err *err)
{
	uint64_t pending = 0;
	for (uint32_t i = 0; i < count; i++) {
		const struct interaction *interaction = &interactions[i];
		struct layout layout = layout_of(windows, interaction);
		size_t bytes = layout.ballot_part + layout.tally_part;
		if (windows_find(windows, interaction->tenant->id, interaction->id))
			return err_set(err, -EEXIST, "%s/%u: the id is in use; choose another",
				       interaction->tenant->name, interaction->id);
		int rc = check_limit(windows, pending, bytes, interaction, err);
		if (rc)
			return rc;
		pending += bytes;
	}
	return 0;
}

/* Takes all memory of one window and fills it in. */
static int arm_one(const struct windows *windows, const struct interaction *interaction,
		   struct armed_window **result, struct err *err)
{
	uint64_t voters = windows->options.voters;
	struct layout layout = layout_of(windows, interaction);
	struct armed_window *armed = aligned_alloc(64, sizeof(*armed));
	if (!armed)
		return err_set(err, -ENOMEM, "out of memory");
	memset(armed, 0, sizeof(*armed));
	armed->interaction = *interaction; /* lent until windows_arm() keeps it */
	int rc = map_memory(windows, armed, layout.ballot_part + layout.tally_part, err);
	if (rc) {
		free(armed);
		return rc;
	}
	ballot_init(&armed->ballot, armed->memory, layout.ballot_part, voters, interaction->options,
		    layout.form);
	tally_init(&armed->tally, (char *)armed->memory + layout.ballot_part, interaction->options,
		   windows->options.workers);
	armed->window = (struct window){
		.interaction = interaction->id,
		.tenant = interaction->tenant->id,
		.options = interaction->options,
		.kind = (uint8_t)interaction->kind,
		.opens_at_us = interaction->opens_at_us,
		.closes_at_us = interaction->opens_at_us + interaction->duration_us,
		.max_delay_us = interaction->max_delay_us,
		.ballot = &armed->ballot,
		.tally = &armed->tally,
	};
	*result = armed;
	return 0;
}

/* Undoes arm_one() for windows that were not kept: their interactions are still the caller's. */
static void disarm(struct windows *windows, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		struct armed_window *armed = windows->armed[i];
		munmap(armed->memory, armed->memory_bytes);
		free(armed);
	}
}

static int arm_all(struct windows *windows, const struct interaction *interactions, uint32_t count,
		   uint32_t *armed_count, uint64_t *bytes, struct err *err)
{
	for (uint32_t i = 0; i < count; i++) {
		struct armed_window **slot = &windows->armed[windows->count + i];
		int rc = arm_one(windows, &interactions[i], slot, err);
		if (rc)
			return rc;
		*bytes += (*slot)->memory_bytes;
		*armed_count = i + 1;
	}
	return 0;
}

int windows_arm(struct windows *windows, struct interaction *interactions, uint32_t count,
		struct err *err)
{
	size_t slots = windows->count + (size_t)count + 1;
	struct armed_window **armed = realloc(windows->armed, slots * sizeof(*armed));
	if (!armed)
		return err_set(err, -ENOMEM, "windows: out of memory");
	windows->armed = armed;

	uint32_t done = 0;
	uint64_t bytes = 0;
	int rc = check_all(windows, interactions, count, err);
	if (rc == 0)
		rc = arm_all(windows, interactions, count, &done, &bytes, err);
	struct window_table *table = rc ? NULL : build_table(windows, windows->count + count);
	if (rc == 0 && !table)
		rc = err_set(err, -ENOMEM, "windows: out of memory");
	if (rc) {
		disarm(windows, windows->count, windows->count + done);
		return rc;
	}
	windows->count += count;
	windows->memory_bytes += bytes;
	for (uint32_t i = 0; i < count; i++)
		interactions[i] = (struct interaction){0};
	publish(windows, table);
	return 0;
}

struct armed_window *windows_find(struct windows *windows, uint16_t tenant, uint32_t interaction)
{
	const struct window *window = window_table_find(windows->published, tenant, interaction);
	if (!window)
		return NULL;
	/* Every window's ballot lies in its armed_window. */
	return (void *)((char *)window->ballot - offsetof(struct armed_window, ballot));
}

struct armed_window *windows_at(struct windows *windows, uint32_t index)
{
	return windows->armed[index];
}

uint32_t windows_count(const struct windows *windows)
{
	return windows->count;
}

/* Refuses what the window's state does not allow; `allowed` is a set of 1 << state. */
static int check_state(const struct armed_window *armed, uint64_t now_us, unsigned int allowed,
		       const char *what, const char *when, struct err *err)
{
	enum window_state state = window_state(&armed->window, now_us);
	if (1u << state & allowed)
		return 0;
	return err_set(err, -EPERM, "%s/%u is %s: only %s window can be %s",
		       armed->interaction.tenant->name, armed->interaction.id,
		       window_state_name(state), when, what);
}

#define BEFORE_FINAL      (1u << WINDOW_SCHEDULED | 1u << WINDOW_OPEN | 1u << WINDOW_DRAINING)
#define BEFORE_FINAL_TEXT "a scheduled, open or draining"

int windows_close(struct windows *windows, struct armed_window *armed, uint64_t now_us,
		  struct err *err)
{
	int rc = check_state(armed, now_us, 1u << WINDOW_OPEN, "closed", "an open", err);
	if (rc)
		return rc;
	struct window changed = armed->window;
	changed.closes_at_us = now_us;
	return replace(windows, armed, &changed, err);
}

int windows_extend(struct windows *windows, struct armed_window *armed, uint64_t by_us,
		   uint64_t now_us, struct err *err)
{
	int rc = check_state(armed, now_us, BEFORE_FINAL, "extended", BEFORE_FINAL_TEXT, err);
	if (rc)
		return rc;
	struct window changed = armed->window;
	uint64_t longest_us = RUNDOWN_MAX_DURATION_MS * 1000ull;
	if (by_us > longest_us - (changed.closes_at_us - changed.opens_at_us))
		return err_set(err, -EPERM, "%s/%u would be open for more than a day",
			       armed->interaction.tenant->name, armed->interaction.id);
	changed.closes_at_us += by_us;
	if (window_final_at_us(&changed) >= TIME_LIMIT_US)
		return err_set(err, -EPERM, "%s/%u would not be final before the year 10000",
			       armed->interaction.tenant->name, armed->interaction.id);
	return replace(windows, armed, &changed, err);
}

int windows_cancel(struct windows *windows, struct armed_window *armed, uint64_t now_us,
		   struct err *err)
{
	int rc = check_state(armed, now_us, BEFORE_FINAL, "cancelled", BEFORE_FINAL_TEXT, err);
	if (rc)
		return rc;
	struct window changed = armed->window;
	changed.cancelled = true;
	return replace(windows, armed, &changed, err);
}

int windows_reveal(struct windows *windows, struct armed_window *armed, uint64_t now_us,
		   struct err *err)
{
	int rc = check_state(armed, now_us, 1u << WINDOW_FINAL, "revealed", "a final", err);
	if (rc)
		return rc;
	struct window changed = armed->window;
	changed.revealed = true;
	return replace(windows, armed, &changed, err);
}

void windows_sum(struct windows *windows, struct armed_window *armed, uint64_t now_us,
		 struct tally_sum *sum)
{
	bool ended = window_state(&armed->window, now_us) >= WINDOW_FINAL;
	/* A worker may still hold a burst that arrived in time: the first look waits for it. */
	if (ended && !armed->settled) {
		windows->options.quiesce(windows->options.quiesce_context);
		armed->settled = true;
	}
	tally_read(&armed->tally, sum);
}
