// SPDX-License-Identifier: BSD-3-Clause
/*
 * What a pinned front knows and has counted, read from its maps with no tallyd in between, a line
 * each: "port 4433", "key 7/1" (tenant, epoch) in order, then "NAME COUNT" of every counter. For
 * stories.
 *
 *   front_pins PIN_DIR/INTERFACE
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/byte_order.h"
#include "wire/front_maps.h"

static int open_pin(const char *directory, const char *name)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	int fd = bpf_obj_get(path);
	if (fd < 0) {
		fprintf(stderr, "front_pins: %s: %s\n", path, strerror(errno));
		exit(1);
	}
	return fd;
}

static void print_config(int fd)
{
	const uint32_t zero = 0;
	struct front_config config;
	if (bpf_map_lookup_elem(fd, &zero, &config))
		exit(1);
	printf("layout %u\nport %u\n", config.layout, be16(config.vote_port_be));
}

static void print_keys_of(uint16_t tenant, const struct front_tenant *row)
{
	for (uint32_t epoch = 0; epoch < FRONT_KEY_EPOCHS; epoch++)
		if (row->epochs[epoch / 64] >> (epoch % 64) & 1)
			printf("key %u/%u\n", tenant, epoch);
}

static void print_keys(int rows_fd, int tenants_fd)
{
	static struct front_rows rows;
	const uint32_t zero = 0;
	if (bpf_map_lookup_elem(rows_fd, &zero, &rows))
		exit(1);
	for (uint32_t tenant = 0; tenant < FRONT_TENANT_IDS; tenant++) {
		struct front_tenant known;
		uint32_t row = rows.row[be16((uint16_t)tenant)];
		if (row == 0)
			continue;
		if (bpf_map_lookup_elem(tenants_fd, &row, &known))
			exit(1);
		print_keys_of((uint16_t)tenant, &known);
	}
}

static void print_counters(int fd)
{
	static const char *const names[FRONT_COUNTERS] = {
#define X(symbol, name, receipt, text) [VERDICT_##symbol] = #name,
		VERDICTS(X)
#undef X
			[FRONT_STEERED] = "steered",
		[FRONT_MISSED] = "missed",
	};
	int cpus = libbpf_num_possible_cpus();
	uint64_t *values = calloc(cpus > 0 ? (size_t)cpus : 1, sizeof(*values));
	for (uint32_t i = 0; i < FRONT_COUNTERS && cpus > 0 && values; i++) {
		uint64_t sum = 0;
		if (!names[i])
			continue;
		if (bpf_map_lookup_elem(fd, &i, values))
			exit(1);
		for (int cpu = 0; cpu < cpus; cpu++)
			sum += values[cpu];
		printf("%s %" PRIu64 "\n", names[i], sum);
	}
	free(values);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fputs("usage: front_pins PIN_DIR/INTERFACE\n", stderr);
		return 2;
	}
	print_config(open_pin(argv[1], "front_config"));
	print_keys(open_pin(argv[1], "front_rows"), open_pin(argv[1], "front_tenants"));
	print_counters(open_pin(argv[1], "front_counters"));
	return 0;
}
