// SPDX-License-Identifier: BSD-3-Clause
/* Reads --lcores maps as DPDK does, so that what the machine has not is refused with the numbers.
 */
#include "dataplane/lcores.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A set of lcores or CPUs. */
struct numbers {
	uint64_t bits[(LCORES_MAX_NUMBER + 1) / 64];
};

static void numbers_add(struct numbers *set, uint32_t number)
{
	set->bits[number / 64] |= UINT64_C(1) << number % 64;
}

static bool numbers_have(const struct numbers *set, uint32_t number)
{
	return set->bits[number / 64] >> number % 64 & 1;
}

static const char *skip_blanks(const char *pos)
{
	return pos + strspn(pos, " \t");
}

/* A number with blanks round it. The place behind them, or NULL. */
static const char *parse_number(const char *pos, uint32_t *number)
{
	char *end;
	pos = skip_blanks(pos);
	if (*pos < '0' || *pos > '9')
		return NULL;
	unsigned long parsed = strtoul(pos, &end, 10);
	if (parsed > LCORES_MAX_NUMBER)
		return NULL;
	*number = (uint32_t)parsed;
	return skip_blanks(end);
}

/* "3", "3-5" or "5-3". The place behind it, or NULL. */
static const char *parse_range(const char *pos, struct numbers *set)
{
	uint32_t first, last;
	pos = parse_number(pos, &first);
	last = first;
	if (pos && *pos == '-')
		pos = parse_number(pos + 1, &last);
	if (!pos)
		return NULL;
	for (uint32_t i = first < last ? first : last; i <= (first < last ? last : first); i++)
		numbers_add(set, i);
	return pos;
}

/* A range, or several in parentheses: "(0,2-3)". */
static const char *parse_set(const char *pos, struct numbers *set)
{
	memset(set, 0, sizeof(*set));
	pos = skip_blanks(pos);
	if (*pos != '(')
		return parse_range(pos, set);
	do {
		pos = parse_range(pos + 1, set);
	} while (pos && *pos == ',');
	return pos && *pos == ')' ? skip_blanks(pos + 1) : NULL;
}

/* LCORES[@CPUS],…: without CPUs an lcore of a range runs on the CPU of its number. */
static int parse_map(const char *map, struct numbers *lcores, struct numbers *cpus)
{
	const char *pos = map - 1;
	memset(lcores, 0, sizeof(*lcores));
	memset(cpus, 0, sizeof(*cpus));
	do {
		struct numbers named, on;
		pos = parse_set(pos + 1, &named);
		on = named;
		if (pos && *pos == '@')
			pos = parse_set(pos + 1, &on);
		for (size_t i = 0; pos && i < sizeof(named.bits) / sizeof(named.bits[0]); i++) {
			lcores->bits[i] |= named.bits[i];
			cpus->bits[i] |= on.bits[i];
		}
	} while (pos && *pos == ',');
	return pos && !*pos ? 0 : -EINVAL;
}

/* "0-1" or "0,4-7", cut off where `bytes` end. */
static void write_ranges(const struct numbers *set, char *text, size_t bytes)
{
	size_t at = 0;
	text[0] = '\0';
	for (uint32_t i = 0; i <= LCORES_MAX_NUMBER && at < bytes; i++) {
		uint32_t from = i;
		if (!numbers_have(set, i))
			continue;
		while (i < LCORES_MAX_NUMBER && numbers_have(set, i + 1))
			i++;
		at += (size_t)snprintf(text + at, bytes - at, i > from ? "%s%u-%u" : "%s%u",
				       at ? "," : "", from, i);
	}
}

static void numbers_of(const cpu_set_t *cpus, struct numbers *set)
{
	memset(set, 0, sizeof(*set));
	for (uint32_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, cpus))
			numbers_add(set, cpu);
}

static uint32_t numbers_count(const struct numbers *set)
{
	uint32_t count = 0;
	for (size_t i = 0; i < sizeof(set->bits) / sizeof(set->bits[0]); i++)
		count += (uint32_t)__builtin_popcountll(set->bits[i]);
	return count;
}

/* The last CPU that is `left`, of this node if it is one; -1 where there is none. */
static int last_cpu(const struct lcore_cpus *cpus, const cpu_set_t *left, int node)
{
	for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--)
		if (CPU_ISSET(cpu, left) && (node < 0 || cpus->node[cpu] == node))
			return cpu;
	return -1;
}

int lcores_check(const char *map, const struct lcore_cpus *cpus, uint32_t wanted, struct err *err)
{
	struct numbers lcores, named, usable;
	char missing[64], there[64];
	if (parse_map(map, &lcores, &named))
		return 0;
	numbers_of(&cpus->usable, &usable);
	for (size_t i = 0; i < sizeof(named.bits) / sizeof(named.bits[0]); i++)
		named.bits[i] &= ~usable.bits[i];
	int last = last_cpu(cpus, &cpus->usable, -1);
	write_ranges(&named, missing, sizeof(missing));
	write_ranges(&usable, there, sizeof(there));
	if (*missing)
		return err_set(err, -EINVAL,
			       "[cores] lcores: '%s' names CPU %s; %s CPUs %s: name those, such as "
			       "0@%d,1@%d",
			       map, missing,
			       cpus->usable_count < cpus->online_count ? "tallyd may use only"
								       : "this machine has",
			       there, last, last);
	uint32_t count = numbers_count(&lcores);
	if (count != wanted)
		return err_set(err, -EINVAL,
			       "[cores] lcores: '%s' names %u lcores; %u queues need %u: the first "
			       "for control, one per queue",
			       map, count, wanted - 1, wanted);
	return 0;
}

/* The kernel has a link nodeN in the directory of each CPU. */
static int16_t node_of_cpu(uint32_t cpu)
{
	char path[64];
	int node = -1;
	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u", cpu);
	DIR *directory = opendir(path);
	if (!directory)
		return -1;
	for (struct dirent *entry; node < 0 && (entry = readdir(directory));)
		if (sscanf(entry->d_name, "node%d", &node) != 1)
			node = -1;
	closedir(directory);
	return (int16_t)node;
}

int lcores_read_cpus(struct lcore_cpus *cpus)
{
	cpu_set_t before, all;
	memset(cpus, 0, sizeof(*cpus));
	memset(&all, 0xFF, sizeof(all));
	if (sched_getaffinity(0, sizeof(before), &before))
		return -errno;
	/* Of all CPUs the kernel leaves those that are online and that our cpuset allows. */
	if (sched_setaffinity(0, sizeof(all), &all) ||
	    sched_getaffinity(0, sizeof(cpus->usable), &cpus->usable) ||
	    sched_setaffinity(0, sizeof(before), &before))
		return -errno;
	cpus->usable_count = (uint32_t)CPU_COUNT(&cpus->usable);
	cpus->online_count = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
	for (uint32_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
		cpus->node[cpu] = CPU_ISSET(cpu, &cpus->usable) ? node_of_cpu(cpu) : -1;
	return 0;
}

void lcores_isolated(const char *sysfs, cpu_set_t *isolated)
{
	char path[CONFIG_TEXT_BYTES], text[LCORES_TEXT_BYTES] = "(";
	struct numbers set;
	CPU_ZERO(isolated);
	snprintf(path, sizeof(path), "%s/devices/system/cpu/isolated", sysfs);
	FILE *file = fopen(path, "re");
	if (!file)
		return;
	/* "4-7,9", or an empty line. */
	if (fgets(text + 1, (int)sizeof(text) - 2, file)) {
		strcpy(text + strcspn(text, "\n"), ")");
		if (parse_set(text, &set))
			for (uint32_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
				if (numbers_have(&set, cpu))
					CPU_SET(cpu, isolated);
	}
	fclose(file);
}

/* The next worker's CPU, taken out of `left`; where all are, they are shared. -1: there is none. */
static int take_cpu(const struct lcore_cpus *cpus, cpu_set_t *left, int node)
{
	if (CPU_COUNT(left) == 0)
		*left = cpus->usable;
	int cpu = last_cpu(cpus, left, node);
	if (cpu < 0)
		cpu = last_cpu(cpus, left, -1);
	if (cpu >= 0)
		CPU_CLR(cpu, left);
	return cpu;
}

void lcores_default(const struct lcore_cpus *cpus, const int *nodes, uint32_t queue_count,
		    char map[LCORES_TEXT_BYTES])
{
	struct numbers rest;
	char workers[LCORES_TEXT_BYTES / 2] = "", control[LCORES_TEXT_BYTES / 2];
	cpu_set_t left = cpus->usable, free = cpus->usable;
	size_t at = 0;
	for (uint32_t i = 0; i < queue_count && at < sizeof(workers); i++) {
		int cpu = take_cpu(cpus, &left, nodes[i]);
		if (cpu < 0)
			break;
		CPU_CLR(cpu, &free);
		at += (size_t)snprintf(workers + at, sizeof(workers) - at, ",%u@%d", i + 1, cpu);
	}
	numbers_of(CPU_COUNT(&free) ? &free : &cpus->usable, &rest);
	write_ranges(&rest, control, sizeof(control));
	snprintf(map, LCORES_TEXT_BYTES, "0@(%s)%s", control, workers);
}

static int read_node(const char *path)
{
	int node = -1;
	FILE *file = fopen(path, "re");
	if (!file)
		return -1;
	if (fscanf(file, "%d", &node) != 1)
		node = -1;
	fclose(file);
	return node;
}

static int node_of_port(const struct port_config *port, const char *sysfs)
{
	char path[2 * CONFIG_TEXT_BYTES];
	int bytes = (int)strcspn(port->target, ",");
	switch (port->kind) {
	case PORT_AF_XDP:
		snprintf(path, sizeof(path), "%s/class/net/%.*s/device/numa_node", sysfs, bytes,
			 port->target);
		return read_node(path);
	case PORT_DPDK:
		snprintf(path, sizeof(path), "%s/bus/pci/devices/%.*s/numa_node", sysfs, bytes,
			 port->target);
		return read_node(path);
	case PORT_PCAP: break;
	}
	return -1;
}

void lcores_device_nodes(const struct config *config, const char *sysfs, int *nodes)
{
	uint32_t queue = 0;
	for (uint32_t i = 0; i < config->port_count; i++) {
		int node = node_of_port(&config->ports[i], sysfs);
		for (uint32_t k = 0; k < config->ports[i].queues; k++)
			nodes[queue++] = node;
	}
}
