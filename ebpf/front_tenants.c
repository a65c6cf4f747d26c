/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keys, budgets and owners, written into the front's maps; see front_tenants.h.
 *
 * A tenant has a row in front_tenants, and front_rows tells which. It keeps the row when its last
 * key goes, with what was dropped of its votes, until all rows are taken and another tenant needs
 * one. So the maps themselves say all that a later tallyd has to know to go on with them.
 */
#include "ebpf/front_tenants.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "wire/byte_order.h"

#define SECOND_NS         1000000000ull
#define ALLOWANCE_NS      (SECOND_NS / 8)
#define ALLOWANCE_BATCHES 64   /* at least */
#define BATCH_VOTES_MAX   64   /* a worker's burst */
#define BATCHES_PER_S     8192 /* where a batch is more than one vote */

/* The kernel reads while we write: whole fields, in this order. */
#define store(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELEASE)

struct front_tenants_saved {
	struct front_config config;
	struct front_rows rows;
	struct front_tenant tenants[FRONT_TENANT_ROWS];
};

typedef uint64_t epoch_set[FRONT_EPOCH_WORDS];

static bool is_empty(const epoch_set epochs)
{
	uint64_t all = 0;
	for (int word = 0; word < FRONT_EPOCH_WORDS; word++)
		all |= epochs[word];
	return all == 0;
}

/* The tenant's row, 0: none. */
static uint32_t row_of(const struct front_tenants *tenants, uint16_t tenant)
{
	uint32_t row = tenants->rows->row[be16(tenant)];
	return row < FRONT_TENANT_ROWS ? row : 0;
}

static bool is_taken(const struct front_tenants *tenants, uint32_t row)
{
	return row_of(tenants, be16(tenants->tenants[row].tenant_be)) == row;
}

static int read_policed(struct front_tenants *tenants, uint32_t row, uint64_t *policed)
{
	*policed = 0;
	if (bpf_map_lookup_elem(tenants->shares_fd, &row, tenants->per_cpu))
		return -errno;
	for (int cpu = 0; cpu < tenants->cpus; cpu++)
		*policed += tenants->per_cpu[cpu].policed;
	return 0;
}

int front_tenants_read_policed(struct front_tenants *tenants, uint16_t tenant, uint64_t *policed)
{
	uint32_t row = row_of(tenants, tenant);
	*policed = 0;
	if (row == 0)
		return 0;
	int rc = read_policed(tenants, row, policed);
	*policed -= tenants->policed_before[row];
	return rc;
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

int front_tenants_open(struct front_tenants *tenants, const struct bpf_object *object,
		       struct err *err)
{
	const size_t tenants_bytes = FRONT_TENANT_ROWS * sizeof(*tenants->tenants);
	int cpus = libbpf_num_possible_cpus(), rc = 0;
	*tenants = (struct front_tenants){
		.config = map_memory(object, "front_config", sizeof(*tenants->config)),
		.rows = map_memory(object, "front_rows", sizeof(*tenants->rows)),
		.tenants = map_memory(object, "front_tenants", tenants_bytes),
		.shares_fd = bpf_object__find_map_fd_by_name(object, "front_shares"),
		.cpus = cpus,
		.per_cpu = calloc(cpus > 0 ? (size_t)cpus : 1, sizeof(*tenants->per_cpu)),
		.policed_before = calloc(FRONT_TENANT_ROWS, sizeof(*tenants->policed_before)),
	};
	if (cpus < 1)
		return err_set(err, -EIO, "cannot count the CPUs: is /sys mounted?");
	if (!tenants->config || !tenants->rows || !tenants->tenants || !tenants->per_cpu ||
	    !tenants->policed_before)
		return err_set(err, -ENOMEM, "no memory for the front's maps");
	for (uint32_t row = 1; row < FRONT_TENANT_ROWS && !rc; row++)
		if (is_taken(tenants, row))
			rc = read_policed(tenants, row, &tenants->policed_before[row]);
	return rc ? err_set(err, rc, "cannot read the counters of tenants: %s", strerror(-rc)) : 0;
}

void front_tenants_close(struct front_tenants *tenants)
{
	unmap(tenants->config, sizeof(*tenants->config));
	unmap(tenants->rows, sizeof(*tenants->rows));
	unmap(tenants->tenants, FRONT_TENANT_ROWS * sizeof(*tenants->tenants));
	free(tenants->per_cpu);
	free(tenants->policed_before);
	free(tenants->budgets);
	*tenants = (struct front_tenants){0};
}

static int compare_budgets(const void *a, const void *b)
{
	return ((const struct front_budget *)a)->tenant - ((const struct front_budget *)b)->tenant;
}

/*
 * What a budget comes to in the front. `limit` is FRONT_LIMITED or 0. docs/front.md says why the
 * allowance is an eighth of a second.
 */
static struct front_tenant limit_of(const struct front_tenants *tenants, uint16_t tenant)
{
	const struct front_budget wanted = {.tenant = tenant};
	const struct front_budget *budget =
		tenants->budget_count ? bsearch(&wanted, tenants->budgets, tenants->budget_count,
						sizeof(wanted), compare_budgets)
				      : NULL;
	struct front_tenant limit = {.limit = budget ? FRONT_LIMITED : 0};
	if (!budget || budget->votes_per_s == 0)
		return limit;
	uint64_t votes = budget->votes_per_s / BATCHES_PER_S;
	votes = votes < 1 ? 1 : votes > BATCH_VOTES_MAX ? BATCH_VOTES_MAX : votes;
	limit.batch_votes = (uint32_t)votes;
	limit.batch_ns = 1 + (votes * SECOND_NS - 1) / budget->votes_per_s;
	limit.allowance_ns = limit.batch_ns * ALLOWANCE_BATCHES;
	if (limit.allowance_ns < ALLOWANCE_NS)
		limit.allowance_ns = ALLOWANCE_NS;
	return limit;
}

/* An unchanged limit stays untouched, and what the CPUs hold of it good. */
static void set_limit(struct front_tenant *row, const struct front_tenant *limit)
{
	const uint32_t limited = limit->limit & FRONT_LIMITED;
	bool same = row->batch_ns == limit->batch_ns && row->allowance_ns == limit->allowance_ns &&
		    row->batch_votes == limit->batch_votes;
	if ((row->limit & FRONT_LIMITED) == limited && (same || !limited))
		return;
	if (limited) {
		store(row->batch_ns, limit->batch_ns);
		store(row->allowance_ns, limit->allowance_ns);
		store(row->batch_votes, limit->batch_votes);
	}
	store(row->limit, limited | ((row->limit + 1) & ~FRONT_LIMITED));
}

/* Gives the row to the tenant, with its budget, without a key and with nothing counted. */
static int take_row(struct front_tenants *tenants, uint32_t row, uint16_t tenant, struct err *err)
{
	struct front_tenant *taken = &tenants->tenants[row];
	const struct front_tenant limit = limit_of(tenants, tenant);
	memset(tenants->per_cpu, 0, (size_t)tenants->cpus * sizeof(*tenants->per_cpu));
	if (is_taken(tenants, row))
		store(tenants->rows->row[taken->tenant_be], 0);
	if (bpf_map_update_elem(tenants->shares_fd, &row, tenants->per_cpu, BPF_ANY))
		return err_set(err, -errno, "cannot enter tenant %u: %s", tenant, strerror(errno));
	tenants->policed_before[row] = 0;
	store(taken->spent_ns, 0);
	set_limit(taken, &limit);
	store(taken->tenant_be, be16(tenant));
	store(tenants->rows->row[be16(tenant)], (uint16_t)row);
	return 0;
}

/*
 * A row nobody has, else one whose tenant has no key and gets none. `next` goes twice over the
 * rows, on from the last one found. Never 0 in maps that only this file wrote: there are rows for
 * two full sets of keys.
 */
static uint32_t find_row(const struct front_tenants *tenants, const epoch_set *wanted,
			 uint32_t *next)
{
	for (; *next < 2 * FRONT_TENANT_ROWS; (*next)++) {
		uint32_t row = *next % FRONT_TENANT_ROWS;
		bool none_is_free = *next >= FRONT_TENANT_ROWS;
		if (row == 0 || !is_empty(wanted[row]))
			continue;
		if (!is_taken(tenants, row) ||
		    (none_is_free && is_empty(tenants->tenants[row].epochs)))
			return row;
	}
	return 0;
}

static void want_key(epoch_set *wanted, uint32_t row, uint8_t epoch)
{
	wanted[row][epoch / 64] |= 1ull << (epoch % 64);
}

/* Which epochs each row shall have. Tenants without a row get one; no key changes yet. */
static int plan_keys(struct front_tenants *tenants, const struct auth_key *keys, uint32_t key_count,
		     epoch_set *wanted, struct err *err)
{
	uint32_t next = 0;
	for (uint32_t i = 0; i < key_count; i++)
		if (row_of(tenants, keys[i].tenant))
			want_key(wanted, row_of(tenants, keys[i].tenant), keys[i].epoch);
	for (uint32_t i = 0; i < key_count; i++) {
		uint32_t row = row_of(tenants, keys[i].tenant);
		int rc = 0;
		if (!row) {
			row = find_row(tenants, wanted, &next);
			rc = row ? take_row(tenants, row, keys[i].tenant, err)
				 : err_set(err, -ENOSPC,
					   "tenant %u: no row is free in the front's maps: take "
					   "the front off with --unprepare and start again",
					   keys[i].tenant);
		}
		if (rc)
			return rc;
		want_key(wanted, row, keys[i].epoch);
	}
	return 0;
}

int front_tenants_set_keys(struct front_tenants *tenants, const struct auth_key *keys,
			   uint32_t key_count, struct err *err)
{
	if (key_count > FRONT_MAX_KEYS)
		return err_set(err, -E2BIG,
			       "%u keys in the keyring: the front takes %u: retire old epochs",
			       key_count, FRONT_MAX_KEYS);
	epoch_set *wanted = calloc(FRONT_TENANT_ROWS, sizeof(*wanted));
	if (!wanted)
		return err_set(err, -ENOMEM, "no memory for the keys of the front");
	int rc = plan_keys(tenants, keys, key_count, wanted, err);
	/* First what comes, then what goes: a tenant that changes its epoch has one all the time.
	 */
	for (uint32_t i = 0; i < FRONT_TENANT_ROWS * FRONT_EPOCH_WORDS && !rc; i++) {
		uint64_t *epochs = tenants->tenants[i / FRONT_EPOCH_WORDS].epochs;
		uint32_t word = i % FRONT_EPOCH_WORDS;
		store(epochs[word], epochs[word] | wanted[i / FRONT_EPOCH_WORDS][word]);
	}
	for (uint32_t row = 0; row < FRONT_TENANT_ROWS && !rc; row++)
		for (int word = 0; word < FRONT_EPOCH_WORDS; word++)
			store(tenants->tenants[row].epochs[word], wanted[row][word]);
	free(wanted);
	return rc;
}

/* A copy in order of tenants; NULL with a line in `err` where a tenant is listed twice. */
static struct front_budget *sorted(const struct front_budget *budgets, uint32_t count, int *rc,
				   struct err *err)
{
	struct front_budget *copy = calloc(count ? count : 1, sizeof(*copy));
	*rc = copy ? 0 : err_set(err, -ENOMEM, "no memory for the budgets of the front");
	if (!copy || count == 0)
		return copy;
	memcpy(copy, budgets, count * sizeof(*copy));
	qsort(copy, count, sizeof(*copy), compare_budgets);
	for (uint32_t i = 1; i < count && !*rc; i++)
		if (copy[i].tenant == copy[i - 1].tenant)
			*rc = err_set(err, -EINVAL, "tenant %u has two budgets: give it one",
				      copy[i].tenant);
	if (*rc == 0)
		return copy;
	free(copy);
	return NULL;
}

int front_tenants_set_budgets(struct front_tenants *tenants, const struct front_budget *budgets,
			      uint32_t count, struct err *err)
{
	int rc;
	if (count > FRONT_TENANT_IDS)
		return err_set(err, -E2BIG, "%u budgets: there are %u tenants at most", count,
			       FRONT_TENANT_IDS);
	struct front_budget *copy = sorted(budgets, count, &rc, err);
	if (!copy)
		return rc;
	free(tenants->budgets);
	tenants->budgets = copy;
	tenants->budget_count = count;
	for (uint32_t row = 1; row < FRONT_TENANT_ROWS; row++) {
		struct front_tenant limit =
			limit_of(tenants, be16(tenants->tenants[row].tenant_be));
		if (is_taken(tenants, row))
			set_limit(&tenants->tenants[row], &limit);
	}
	return 0;
}

int front_tenants_set_owner(struct front_tenants *tenants, uint32_t queue, uint32_t tenant,
			    struct err *err)
{
	bool owned = tenant != FRONT_NO_OWNER;
	if (queue >= FRONT_MAX_QUEUES)
		return err_set(err, -ERANGE, "queue %u: the front has queues 0 to %u", queue,
			       FRONT_MAX_QUEUES - 1);
	if (owned && tenant >= FRONT_TENANT_IDS)
		return err_set(err, -ERANGE, "queue %u: tenant %u: tenants have numbers up to %u",
			       queue, tenant, FRONT_TENANT_IDS - 1);
	store(tenants->config->owners[queue], owned ? FRONT_OWNED | be16((uint16_t)tenant) : 0);
	return 0;
}

struct front_tenants_saved *front_tenants_save(const struct front_tenants *tenants)
{
	struct front_tenants_saved *saved = malloc(sizeof(*saved));
	if (!saved)
		return NULL;
	saved->config = *tenants->config;
	saved->rows = *tenants->rows;
	memcpy(saved->tenants, tenants->tenants, sizeof(saved->tenants));
	return saved;
}

void front_tenants_restore(struct front_tenants *tenants, const struct front_tenants_saved *saved)
{
	/* Who has another row now, or had none, has none for now: nobody of both sets. */
	for (uint32_t id = 0; id < FRONT_TENANT_IDS; id++)
		if (tenants->rows->row[id] != saved->rows.row[id])
			store(tenants->rows->row[id], 0);
	for (uint32_t row = 1; row < FRONT_TENANT_ROWS; row++) {
		for (int word = 0; word < FRONT_EPOCH_WORDS; word++)
			store(tenants->tenants[row].epochs[word], saved->tenants[row].epochs[word]);
		set_limit(&tenants->tenants[row], &saved->tenants[row]);
		store(tenants->tenants[row].tenant_be, saved->tenants[row].tenant_be);
	}
	for (uint32_t id = 0; id < FRONT_TENANT_IDS; id++)
		store(tenants->rows->row[id], saved->rows.row[id]);
	for (uint32_t queue = 0; queue < FRONT_MAX_QUEUES; queue++)
		store(tenants->config->owners[queue], saved->config.owners[queue]);
	store(tenants->config->vote_port_be, saved->config.vote_port_be);
	store(tenants->config->layout, saved->config.layout);
}
