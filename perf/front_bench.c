// SPDX-License-Identifier: BSD-3-Clause
/*
 * What the kernel front costs a packet: the object that tallyd carries, run by the kernel itself
 * over one frame many times (BPF test run). Called by `./run bench`; attaches to nothing. Needs
 * root.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "ebpf/front_sources.h"
#include "ebpf/front_tenants.h"
#include "perf/bench.h"
#include "tests/lib/frames.h"
#include "wire/byte_order.h"
#include "wire/front_maps.h"

#define REPEAT 1000000

extern const uint8_t front_object[], front_object_end[];

#define IN_BUDGET   10 /* tenants, beside FRAMES_TENANT, which has no budget */
#define OVER_BUDGET 11

static const struct front_budget budgets[] = {
	{.tenant = IN_BUDGET, .votes_per_s = 10000000000},
	{.tenant = OVER_BUDGET, .votes_per_s = 1},
};

/* What the rows with rules about sources set; see set_rules(). */
#define SOURCE_LIMIT 1000000000 /* votes a second: the bench never reaches it */

static struct front_sources sources;

/* The n-th entry of a list; number 0 is the bench's own viewer. */
static struct front_entry entry_of(uint32_t n, enum front_action action)
{
	if (n == 0)
		return (struct front_entry){.prefix = {{10, 0, 0, 2}, 32, 4}, .action = action};
	return (struct front_entry){.prefix = {{10, 1, (uint8_t)(n >> 8), (uint8_t)n}, 32, 4},
				    .action = action};
}

static void no_rules(void)
{
	const struct front_source_limits none = {0};
	struct err err;
	front_sources_set_limits(&sources, &none);
	front_sources_panic(&sources, false);
	for (uint32_t n = 0; n < FRONT_LISTED_MAX; n++) {
		const struct front_entry entry = entry_of(n, FRONT_DENY);
		if (front_sources_unlist(&sources, &entry.prefix, &err))
			return;
	}
}

static void limit_sources(void)
{
	const struct front_source_limits limits = {.votes_per_s = SOURCE_LIMIT};
	front_sources_set_limits(&sources, &limits);
}

static void starve_sources(void)
{
	const struct front_source_limits limits = {.votes_per_s = 1, .burst = 1};
	front_sources_set_limits(&sources, &limits);
}

/* Among as many others as the lists hold. */
static void list_source(enum front_action action)
{
	struct err err;
	for (uint32_t n = 0; n < FRONT_LISTED_MAX; n++) {
		const struct front_entry entry = entry_of(n, action);
		front_sources_list(&sources, &entry, &err);
	}
}

static void deny_source(void)
{
	list_source(FRONT_DENY);
}

static void allow_source(void)
{
	limit_sources();
	list_source(FRONT_ALLOW);
}

static void panic(void)
{
	front_sources_panic(&sources, true);
}

/* Each row is one frame; the drops are those that a flood would be made of. */
static const struct front_case {
	const char *name;
	struct frames_plan plan;
	const char *note;
	void (*set_rules)(void); /* NULL: no rule about sources */
} cases[] = {
	{"front.accept", {0}, "a vote, steered to its queue's socket", NULL},
	{"front.accept.budget",
	 {.tenant = IN_BUDGET},
	 "a vote of a tenant with a budget, within it",
	 NULL},
	{"front.drop", {.payload_bytes = 39}, "to the vote port, but no vote", NULL},
	{"front.drop.tenant", {.tenant = 9}, "a vote of a tenant that is not in the keyring", NULL},
	{"front.drop.budget", {.tenant = OVER_BUDGET}, "a vote over its tenant's budget", NULL},
	{"front.accept.source", {0}, "a vote of a source within its budget", limit_sources},
	{"front.accept.source6", {.ip_version = 6}, "the same over IPv6", limit_sources},
	{"front.accept.allowed", {0}, "a vote of a source that is allowed, of 4096", allow_source},
	{"front.drop.source", {0}, "a vote of a source over its budget", starve_sources},
	{"front.drop.denied", {0}, "a vote of a source that is denied, of 4096", deny_source},
	{"front.drop.panic", {0}, "panic, and nobody has voted from there", panic},
	{"front.pass", {.port = 53}, "not for us: left to the host", NULL},
};

#define CASES (sizeof(cases) / sizeof(cases[0]))

static int fill_maps(struct bpf_object *object)
{
	static const struct auth_key keys[] = {{.tenant = FRAMES_TENANT, .epoch = FRAMES_EPOCH},
					       {.tenant = IN_BUDGET, .epoch = FRAMES_EPOCH},
					       {.tenant = OVER_BUDGET, .epoch = FRAMES_EPOCH}};
	const uint32_t zero = 0;
	struct front_tenants tenants;
	struct err err = {""};
	int socket_fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	int sockets_fd = bpf_object__find_map_fd_by_name(object, "xsks_map");
	if (socket_fd < 0 || bpf_map_update_elem(sockets_fd, &zero, &socket_fd, 0))
		return -errno;
	int rc = front_tenants_open(&tenants, object, &err);
	if (!rc) {
		tenants.config->vote_port_be = be16(FRAMES_PORT);
		rc = front_tenants_set_budgets(&tenants, budgets,
					       sizeof(budgets) / sizeof(budgets[0]), &err);
	}
	if (!rc)
		rc = front_tenants_set_keys(&tenants, keys, sizeof(keys) / sizeof(keys[0]), &err);
	front_tenants_close(&tenants);
	return rc ? rc : front_sources_open(&sources, object, &err);
}

/* Mean ns of one packet, as the kernel measured it; negative: -errno. */
static int run_case(int program, const struct front_case *front_case)
{
	uint8_t frame[FRAMES_MAX_BYTES];
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame,
		    .data_size_in = frames_build(&front_case->plan, frame), .repeat = REPEAT);
	int rc = bpf_prog_test_run_opts(program, &options);
	return rc ? rc : (int)options.duration;
}

static int fail(const char *what, int rc)
{
	fprintf(stderr, "front_bench: %s: %s; needs root and a kernel with BPF and AF_XDP\n", what,
		strerror(-rc));
	return 1;
}

int main(int argc, char **argv)
{
	static struct bench_series series[CASES];
	struct bench_row rows[CASES];
	struct bench_options options;
	if (bench_options(argc, argv, 5, &options))
		return 2;
	libbpf_set_print(NULL);
	struct bpf_object *object =
		bpf_object__open_mem(front_object, (size_t)(front_object_end - front_object), NULL);
	int rc = object ? bpf_object__load(object) : -errno;
	if (rc == 0)
		rc = fill_maps(object);
	if (rc)
		return fail("the front does not load", rc);
	int program = bpf_program__fd(bpf_object__next_program(object, NULL));
	for (uint32_t run = 0; run < options.runs; run++)
		for (size_t i = 0; i < CASES; i++) {
			no_rules();
			if (cases[i].set_rules)
				cases[i].set_rules();
			int ns = run_case(program, &cases[i]);
			if (ns < 0)
				return fail(cases[i].name, ns);
			bench_add(&series[i], ns);
		}
	for (size_t i = 0; i < CASES; i++)
		rows[i] = bench_row(cases[i].name, "ns/packet", &series[i], cases[i].note);
	bench_print(rows, CASES, options.json);
	front_sources_close(&sources);
	bpf_object__close(object);
	return 0;
}
