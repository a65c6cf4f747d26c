/* SPDX-License-Identifier: BSD-3-Clause */
/* Loading and running the front's object for tests; see rig.h. Leaves nothing behind: no pin, no
 * link. */
#include "tests/bpf/rig.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "tests/lib/frames.h"
#include "wire/byte_order.h"

extern const uint8_t front_object[], front_object_end[];

static struct bpf_object *object;
static int program, counters, steered;
static int cpus;
static struct front_tenants tenants;
static struct front_sources sources;
static uint32_t interface; /* of rig_open_queues() */

static int keep_quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level, (void)format, (void)args;
	return 0;
}

static int map_fd(const char *name)
{
	return bpf_object__find_map_fd_by_name(object, name);
}

static void fill_maps(bool with_socket)
{
	const uint32_t zero = 0;
	const struct auth_key key = {.tenant = FRAMES_TENANT, .epoch = FRAMES_EPOCH};
	struct err err;
	cr_assert_eq(front_tenants_open(&tenants, object, &err), 0, "%s", err.text);
	tenants.config->layout = FRONT_LAYOUT;
	tenants.config->vote_port_be = be16(FRAMES_PORT);
	cr_assert_eq(front_tenants_set_keys(&tenants, &key, 1, &err), 0, "%s", err.text);
	cr_assert_eq(front_sources_open(&sources, object, &err), 0, "%s", err.text);
	front_sources_set_limits(&sources, &(struct front_source_limits){0});
	if (!with_socket)
		return;
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0)
		cr_skip_test("no AF_XDP sockets on this machine: %s", strerror(errno));
	cr_assert_eq(bpf_map_update_elem(map_fd("xsks_map"), &zero, &fd, 0), 0);
}

void rig_open(bool with_socket)
{
	libbpf_set_print(keep_quiet);
	object = bpf_object__open_mem(front_object, front_object_end - front_object, NULL);
	cr_assert_not_null(object);
	int rc = bpf_object__load(object);
	if (rc == -EPERM || rc == -ENOSYS)
		cr_skip_test("the kernel does not let this user load BPF programs: run as root");
	cr_assert_eq(rc, 0, "the kernel refuses the front: %s", strerror(-rc));
	program = bpf_program__fd(bpf_object__next_program(object, NULL));
	counters = map_fd("front_counters");
	steered = map_fd("front_steered");
	cpus = libbpf_num_possible_cpus();
	fill_maps(with_socket);
}

int rig_run(const uint8_t *frame, uint32_t bytes, uint8_t *out, uint32_t *out_bytes)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = bytes,
		    .data_out = out, .data_size_out = out ? FRAMES_MAX_BYTES : 0, .repeat = 1);
	int rc = bpf_prog_test_run_opts(program, &options);
	rig_assert(rc == 0, "a frame of %u bytes cannot be run: %s", bytes, strerror(-rc));
	if (out_bytes)
		*out_bytes = options.data_size_out;
	return (int)options.retval;
}

void rig_flood(const uint8_t *frame, uint32_t bytes, uint32_t times)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = bytes,
		    .repeat = (int)times);
	int rc = bpf_prog_test_run_opts(program, &options);
	rig_assert(rc == 0, "a frame of %u bytes cannot be run: %s", bytes, strerror(-rc));
}

void rig_open_queues(void)
{
	cr_assert_eq(unshare(CLONE_NEWNET), 0);
	cr_assert_eq(system("ip link add queues0 numrxqueues 2 numtxqueues 2 type veth"), 0);
	interface = if_nametoindex("queues0");
	cr_assert_neq(interface, 0);
}

int rig_run_on(uint32_t queue, const uint8_t *frame, uint32_t bytes)
{
	struct xdp_md where = {
		.data_end = bytes, .ingress_ifindex = interface, .rx_queue_index = queue};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = bytes,
		    .ctx_in = &where, .ctx_size_in = sizeof(where), .repeat = 1);
	int rc = bpf_prog_test_run_opts(program, &options);
	rig_assert(rc == 0, "a frame cannot be run on queue %u: %s", queue, strerror(-rc));
	return (int)options.retval;
}

struct front_tenants *rig_tenants(void)
{
	return &tenants;
}

struct front_sources *rig_sources(void)
{
	return &sources;
}

const struct bpf_object *rig_object(void)
{
	return object;
}

static uint64_t sum_of_cpus(int map, uint32_t entry)
{
	uint64_t values[1024], sum = 0;
	rig_assert(bpf_map_lookup_elem(map, &entry, values) == 0, "counter %u is unreadable",
		   entry);
	for (int cpu = 0; cpu < cpus; cpu++)
		sum += values[cpu];
	return sum;
}

uint64_t rig_rule(enum front_rule rule)
{
	return sum_of_cpus(counters, FRONT_COUNTERS + rule);
}

uint64_t rig_counter(uint32_t counter)
{
	uint64_t policed = 0;
	if (counter != VERDICT_POLICED)
		return sum_of_cpus(counters, counter);
	for (int rule = 0; rule < FRONT_RULE_COUNT; rule++)
		policed += rig_rule((enum front_rule)rule);
	return policed;
}

uint64_t rig_steered(uint32_t queue)
{
	return sum_of_cpus(steered, queue);
}

const char *rig_action_name(int action)
{
	static const char *const names[] = {"aborted", "drop", "pass", "tx", "redirect"};
	return action >= 0 && action < 5 ? names[action] : "?";
}
