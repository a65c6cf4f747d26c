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

#include "perf/bench.h"
#include "tests/lib/frames.h"
#include "wire/byte_order.h"
#include "wire/front_maps.h"

#define REPEAT 1000000

extern const uint8_t front_object[], front_object_end[];

/* Each row is one frame; the drops are those that a flood would be made of. */
static const struct front_case {
	const char *name;
	struct frames_plan plan;
	const char *note;
} cases[] = {
	{"front.accept", {0}, "a vote, steered to its queue's socket"},
	{"front.drop", {.payload_bytes = 39}, "to the vote port, but no vote"},
	{"front.drop.tenant", {.tenant = 9}, "a vote of a tenant that is not in the keyring"},
	{"front.pass", {.port = 53}, "not for us: left to the host"},
};

#define CASES (sizeof(cases) / sizeof(cases[0]))

static int fill_maps(struct bpf_object *object)
{
	const uint32_t zero = 0;
	const uint8_t known = 1;
	const struct front_config config = {.layout = FRONT_LAYOUT,
					    .vote_port_be = be16(FRAMES_PORT)};
	const struct front_key key = {.tenant_be = be16(FRAMES_TENANT), .key_epoch = FRAMES_EPOCH};
	int socket_fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	int config_fd = bpf_object__find_map_fd_by_name(object, "front_config");
	int keys_fd = bpf_object__find_map_fd_by_name(object, "front_keys");
	int sockets_fd = bpf_object__find_map_fd_by_name(object, "xsks_map");
	if (socket_fd < 0 || bpf_map_update_elem(config_fd, &zero, &config, 0) ||
	    bpf_map_update_elem(keys_fd, &key, &known, 0) ||
	    bpf_map_update_elem(sockets_fd, &zero, &socket_fd, 0))
		return -errno;
	return 0;
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
			int ns = run_case(program, &cases[i]);
			if (ns < 0)
				return fail(cases[i].name, ns);
			bench_add(&series[i], ns);
		}
	for (size_t i = 0; i < CASES; i++)
		rows[i] = bench_row(cases[i].name, "ns/packet", &series[i], cases[i].note);
	bench_print(rows, CASES, options.json);
	bpf_object__close(object);
	return 0;
}
