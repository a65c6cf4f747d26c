// SPDX-License-Identifier: BSD-3-Clause
/* What a --lcores map names, what a machine has, and where workers go by default. */
#include <criterion/criterion.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/lcores.h"
#include "tests/lib/scratch.h"

/* `per_node` CPUs on each of `nodes` nodes, numbered from 0, of which all may be used. */
static struct lcore_cpus machine(uint32_t per_node, uint32_t nodes)
{
	struct lcore_cpus cpus = {.usable_count = per_node * nodes};
	cpus.online_count = cpus.usable_count;
	for (uint32_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		cpus.node[cpu] = -1;
		if (cpu >= cpus.usable_count)
			continue;
		CPU_SET(cpu, &cpus.usable);
		cpus.node[cpu] = (int16_t)(cpu / per_node);
	}
	return cpus;
}

Test(lcores, map_that_fits_is_taken)
{
	static const struct {
		const char *map;
		uint32_t lcores;
	} rows[] = {
		{"0@0,1@1", 2},
		{"0@(0-3),1@3,2@2", 3},
		{"0-3", 4},
		{"(0,2-3)@1,1@0", 4},
		{" 0 @ ( 0 - 1 , 3 ) , 7 @ 2 ", 2},
		{"3-1", 3},
		{"5@0,5@1", 1},
	};
	struct lcore_cpus cpus = machine(4, 1);
	struct err err;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(lcores_check(rows[i].map, &cpus, rows[i].lcores, &err), 0, "%s: %s",
			     rows[i].map, err.text);
}

Test(lcores, cpus_that_are_not_there_are_named_with_those_that_are)
{
	static const struct {
		const char *map, *words;
	} rows[] = {
		{"0@0,1@7", "'0@0,1@7' names CPU 7; this machine has CPUs 0-1: name those"},
		{"0@0,1@2", "names CPU 2; this machine has CPUs 0-1"},
		{"0@0,1@(0-3)", "names CPU 2-3; this machine has CPUs 0-1"},
		{"0-9999", "names CPU 2-9999; this machine has CPUs 0-1"},
		{"0@0,5", "names CPU 5; this machine has CPUs 0-1"},
		{"(0,4)@(1,9-10),1@20", "names CPU 9-10,20; this machine has CPUs 0-1"},
		{"0@0,1@65535", "names CPU 65535; this machine has CPUs 0-1"},
	};
	struct lcore_cpus cpus = machine(2, 1);
	struct err err;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_expect_eq(lcores_check(rows[i].map, &cpus, 2, &err), -EINVAL, "%s", rows[i].map);
		cr_expect(strstr(err.text, rows[i].words), "%s", err.text);
	}
}

Test(lcores, cpus_that_a_cpuset_forbids_are_told_from_those_that_are_not_there)
{
	struct lcore_cpus cpus = machine(4, 1);
	struct err err;
	CPU_CLR(0, &cpus.usable);
	CPU_CLR(3, &cpus.usable);
	cpus.usable_count = 2;
	cr_expect_eq(lcores_check("0@1,1@3", &cpus, 2, &err), -EINVAL);
	cr_expect(strstr(err.text, "names CPU 3; tallyd may use only CPUs 1-2"), "%s", err.text);
}

Test(lcores, wrong_number_of_lcores_is_refused_with_both_numbers)
{
	struct lcore_cpus cpus = machine(4, 1);
	struct err err;
	cr_expect_eq(lcores_check("0@0,1@1,2@2", &cpus, 2, &err), -EINVAL);
	cr_expect(strstr(err.text, "names 3 lcores; 1 queues need 2"), "%s", err.text);
	cr_expect_eq(lcores_check("0@0", &cpus, 3, &err), -EINVAL);
	cr_expect(strstr(err.text, "names 1 lcores; 2 queues need 3"), "%s", err.text);
}

Test(lcores, what_is_no_map_is_left_to_dpdk)
{
	static const char *const maps[] = {"",     "-1", "garbage(", "0@",          "0,",    "(0",
					   "0@(1", "0-", "1@0@1",    "0@0,1@65536", "0;1@1", "()"};
	struct lcore_cpus cpus = machine(2, 1);
	struct err err;
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		cr_expect_eq(lcores_check(maps[i], &cpus, 2, &err), 0, "%s", maps[i]);
}

Test(lcores, this_machine_can_be_asked_and_stays_as_it_is)
{
	static struct lcore_cpus cpus;
	cpu_set_t before, after;
	cr_assert_eq(sched_getaffinity(0, sizeof(before), &before), 0);
	cr_assert_eq(lcores_read_cpus(&cpus), 0);
	cr_assert_eq(sched_getaffinity(0, sizeof(after), &after), 0);
	cr_expect(CPU_EQUAL(&before, &after));
	cr_expect_geq(cpus.usable_count, 1);
	cr_expect_leq(cpus.usable_count, cpus.online_count);
}

Test(lcores, default_puts_workers_on_the_last_cpus_of_their_devices_node)
{
	static const struct {
		uint32_t per_node, nodes, queues;
		int node[6];
		const char *map;
	} rows[] = {
		{2, 1, 1, {-1}, "0@(0),1@1"},
		{2, 1, 3, {-1, -1, -1}, "0@(0-1),1@1,2@0,3@1"},
		{1, 1, 2, {0, 0}, "0@(0),1@0,2@0"},
		{4, 2, 2, {0, 1}, "0@(0-2,4-6),1@3,2@7"},
		{4, 2, 2, {-1, -1}, "0@(0-5),1@7,2@6"},
		{2, 2, 4, {0, 0, 0, 0}, "0@(0-3),1@1,2@0,3@3,4@2"},
		{2, 2, 6, {1, 1, 1, 1, 1, 1}, "0@(0-3),1@3,2@2,3@1,4@0,5@3,6@2"},
		{2, 1, 1, {7}, "0@(0),1@1"}, /* a node without a CPU of ours */
	};
	char map[LCORES_TEXT_BYTES];
	struct err err;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lcore_cpus cpus = machine(rows[i].per_node, rows[i].nodes);
		lcores_default(&cpus, rows[i].node, rows[i].queues, map);
		cr_expect_str_eq(map, rows[i].map);
		cr_expect_eq(lcores_check(map, &cpus, rows[i].queues + 1, &err), 0, "%s", err.text);
	}
}

Test(lcores, default_keeps_off_cpus_that_may_not_be_used)
{
	struct lcore_cpus cpus = machine(8, 1);
	char map[LCORES_TEXT_BYTES];
	CPU_CLR(1, &cpus.usable);
	CPU_CLR(7, &cpus.usable);
	lcores_default(&cpus, (int[]){0, 0}, 2, map);
	cr_expect_str_eq(map, "0@(0,2-4),1@6,2@5");
}

static void write_node(const char *directory, const char *text)
{
	char path[128];
	for (char *slash = strcpy(path, directory); (slash = strchr(slash + 1, '/'));) {
		*slash = '\0';
		mkdir(scratch_path(path), 0700);
		*slash = '/';
	}
	FILE *file = fopen(scratch_path(path), "w");
	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

Test(lcores, nodes_of_devices_come_from_sysfs)
{
	static struct config config = {
		.port_count = 5,
		.ports = {{.kind = PORT_AF_XDP, .target = "eth0", .queues = 2},
			  {.kind = PORT_AF_XDP, .target = "veth0", .queues = 1},
			  {.kind = PORT_DPDK, .target = "0000:3b:00.0,mprq_en=1", .queues = 2},
			  {.kind = PORT_PCAP, .target = "eth0", .queues = 1},
			  {.kind = PORT_DPDK, .target = "net_null0", .queues = 1}},
	};
	static const int wanted[] = {1, 1, -1, 3, 3, -1, -1};
	int nodes[7];
	scratch_make();
	write_node("class/net/eth0/device/numa_node", "1\n");
	write_node("bus/pci/devices/0000:3b:00.0/numa_node", "3\n");
	lcores_device_nodes(&config, scratch_directory, nodes);
	for (int i = 0; i < 7; i++)
		cr_expect_eq(nodes[i], wanted[i], "queue %d: node %d", i, nodes[i]);
	nftw(scratch_directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

Test(lcores, isolated_cpus_are_those_that_the_kernel_names, .init = scratch_make,
     .fini = scratch_remove)
{
	static const struct {
		const char *line;
		int count, first, last;
	} rows[] = {
		{"4-7,9\n", 5, 4, 9}, {"1\n", 1, 1, 1},    {"\n", 0, 0, 0},
		{"", 0, 0, 0},        {"nohz\n", 0, 0, 0},
	};
	cpu_set_t isolated;
	char path[512];
	lcores_isolated(scratch_directory, &isolated);
	cr_expect_eq(CPU_COUNT(&isolated), 0, "no such file");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(path, sizeof(path),
			 "mkdir -p %s/devices/system/cpu && printf '%s' "
			 ">%s/devices/system/cpu/isolated",
			 scratch_directory, rows[i].line, scratch_directory);
		cr_assert_eq(system(path), 0);
		lcores_isolated(scratch_directory, &isolated);
		cr_expect_eq(CPU_COUNT(&isolated), rows[i].count, "%s", rows[i].line);
		cr_expect(!rows[i].count || (CPU_ISSET(rows[i].first, &isolated) &&
					     CPU_ISSET(rows[i].last, &isolated)));
	}
}
