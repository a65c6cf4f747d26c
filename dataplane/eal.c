// SPDX-License-Identifier: BSD-3-Clause
/*
 * Builds EAL's command line and starts it. What people get wrong most (huge pages, lcores) is
 * checked before, so that the message names the remedy and not a DPDK internal.
 */
#include "dataplane/eal.h"

#include <errno.h>
#include <fcntl.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_version.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include "dataplane/huge_pages.h"
#include "dataplane/lcores.h"

#define EAL_MAX_ARGS 24

static char first_words[256];

const char *eal_first_words(void)
{
	return first_words;
}

void eal_forget_words(void)
{
	first_words[0] = '\0';
}

/* DPDK's log stream: keeps the first line. Errors are told once, by whoever called DPDK. */
static ssize_t keep_first_line(void *cookie, const char *text, size_t bytes)
{
	(void)cookie;
	size_t kept = bytes < sizeof(first_words) ? bytes : sizeof(first_words) - 1;
	if (bytes > 1 && !first_words[0]) {
		memcpy(first_words, text, kept);
		first_words[kept] = '\0';
		first_words[strcspn(first_words, "\n")] = '\0';
	}
	return (ssize_t)bytes;
}

/* libxdp, which AF_XDP devices use, would write to stderr by itself. */
static int keep_libxdp_line(enum libxdp_print_level level, const char *format, va_list args)
{
	char line[sizeof(first_words)];
	int bytes = vsnprintf(line, sizeof(line), format, args);
	if (level == LIBXDP_WARN && bytes > 0)
		keep_first_line(NULL, line, strlen(line));
	return bytes;
}

static int open_log(struct err *err)
{
	const cookie_io_functions_t functions = {.write = keep_first_line};
	libxdp_set_print(keep_libxdp_line);
	FILE *stream = fopencookie(NULL, "w", functions);
	if (!stream)
		return err_set(err, -ENOMEM, "dpdk log: out of memory");
	setvbuf(stream, NULL, _IOLBF, 0);
	rte_openlog_stream(stream);
	return 0;
}

static int check_huge_pages(const struct config *config, struct err *err)
{
	uint64_t free_mb = huge_pages_free_mb();
	if (!config->hugepages || free_mb >= config->packet_mb)
		return 0;
	return err_set(err, -ENOMEM,
		       "huge pages: %llu MiB wanted ([memory] packet_mb), %llu MiB free; "
		       "`sysctl vm.nr_hugepages=%llu` or `tallyd --prepare`, or set "
		       "[memory] hugepages = no",
		       (unsigned long long)config->packet_mb, (unsigned long long)free_mb,
		       (unsigned long long)(huge_pages_now() +
					    huge_pages_for(config->packet_mb - free_mb)));
}

struct eal_arguments {
	int count;
	char *list[EAL_MAX_ARGS];
	char lcores[LCORES_TEXT_BYTES];
	char memory[32];
	char prefix[64];
};

static void add(struct eal_arguments *arguments, const char *text)
{
	arguments->list[arguments->count++] = (char *)text;
}

/* Only for devargs that name a PCI device: EAL would try its drivers on all that the machine has.
 */
static bool wants_pci(const struct config *config)
{
	for (uint32_t i = 0; i < config->port_count; i++) {
		const struct port_config *port = &config->ports[i];
		unsigned int domain, bus, slot, function;
		if (port->kind != PORT_DPDK)
			continue;
		if (strstr(port->target, "pci") ||
		    sscanf(port->target, "%x:%x:%x.%x", &domain, &bus, &slot, &function) == 4 ||
		    sscanf(port->target, "%x:%x.%x", &bus, &slot, &function) == 3)
			return true;
	}
	return false;
}

/* The configuration's map, or the default one. */
static int choose_lcores(const struct config *config, struct eal_arguments *a, struct err *err)
{
	int nodes[CONFIG_MAX_QUEUES];
	struct lcore_cpus cpus;
	int rc = lcores_read_cpus(&cpus);
	if (rc)
		return err_set(err, rc, "[cores] lcores: cannot ask for the machine's CPUs: %s",
			       strerror(-rc));
	lcores_device_nodes(config, "/sys", nodes);
	if (config->lcores[0])
		snprintf(a->lcores, sizeof(a->lcores), "%s", config->lcores);
	else
		lcores_default(&cpus, nodes, config->queue_count, a->lcores);
	return lcores_check(a->lcores, &cpus, config->queue_count + 1, err);
}

static void build_arguments(const struct config *config, const char *program,
			    struct eal_arguments *a)
{
	snprintf(a->memory, sizeof(a->memory), "%llu", (unsigned long long)config->packet_mb);
	snprintf(a->prefix, sizeof(a->prefix), "tallywire-%d", (int)getpid());
	add(a, program);
	add(a, "--lcores");
	add(a, a->lcores);
	add(a, "-m");
	add(a, a->memory);
	add(a, "--file-prefix");
	add(a, a->prefix);
	add(a, "--no-telemetry");
	add(a, "--log-level");
	add(a, "error");
	if (!wants_pci(config))
		add(a, "--no-pci");
	if (config->hugepages) {
		add(a, "--in-memory");
	} else {
		add(a, "--no-huge");
		add(a, "--no-shconf");
	}
	if (!wants_pci(config)) {
		add(a, "--iova-mode");
		add(a, "va");
	}
}

/* rte_eal_init() prints its usage and "FATAL" past its log: it finds /dev/null in their place. */
static int init_quietly(struct eal_arguments *arguments)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	fflush(stdout);
	int out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	int error = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (null >= 0 && out >= 0 && error >= 0) {
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
	}
	int rc = rte_eal_init(arguments->count, arguments->list) < 0 ? -rte_errno : 0;
	fflush(stdout);
	if (out >= 0)
		dup2(out, STDOUT_FILENO);
	if (error >= 0)
		dup2(error, STDERR_FILENO);
	close(null);
	close(out);
	close(error);
	return rc;
}

/* EAL leaves a directory behind, which is empty: the options above let nothing be shared. */
static void remove_runtime_dir(void)
{
	const char *path = rte_eal_get_runtime_dir();
	if (path && *path)
		rmdir(path);
}

static int refused(const struct config *config, const struct eal_arguments *arguments, int rc,
		   struct err *err)
{
	if (config->lcores[0] && rc == -EINVAL)
		return err_set(err, rc,
			       "[cores] lcores: '%s': %s; wants a map such as 0@0,1@1 of CPUs that "
			       "this machine has",
			       config->lcores, first_words);
	return err_set(err, rc, "dpdk does not start with --lcores '%s' -m %s: %s: %s",
		       arguments->lcores, arguments->memory, rte_strerror(-rc), first_words);
}

int eal_start(const struct config *config, const char *program, struct err *err)
{
	struct eal_arguments arguments = {0};
	int rc = check_huge_pages(config, err);
	if (rc == 0)
		rc = choose_lcores(config, &arguments, err);
	if (rc == 0)
		rc = open_log(err);
	if (rc)
		return rc;
	build_arguments(config, program, &arguments);
	eal_forget_words();
	rc = init_quietly(&arguments);
	if (rc) {
		remove_runtime_dir();
		return refused(config, &arguments, rc, err);
	}
	if (rte_lcore_count() != config->queue_count + 1) {
		rc = err_set(
			err, -EINVAL,
			"[cores] lcores: '%s' names %u lcores; %u queues need %u: the first for "
			"control, one per queue",
			arguments.lcores, rte_lcore_count(), config->queue_count,
			config->queue_count + 1);
		eal_stop();
		return rc;
	}
	remove_runtime_dir(); /* now, as who has given up root cannot */
	return 0;
}

void eal_stop(void)
{
	rte_eal_cleanup();
	remove_runtime_dir();
}

unsigned int eal_worker_lcore(unsigned int worker)
{
	unsigned int lcore = rte_get_next_lcore(UINT32_MAX, 1, 0);
	while (worker--)
		lcore = rte_get_next_lcore(lcore, 1, 0);
	return lcore;
}

enum eal_core eal_core_of(unsigned int lcore)
{
	const rte_cpuset_t own = rte_lcore_cpuset(lcore);
	cpu_set_t isolated;
	unsigned int other;
	RTE_LCORE_FOREACH (other) {
		rte_cpuset_t theirs = rte_lcore_cpuset(other), both;
		RTE_CPU_AND(&both, &own, &theirs);
		if (other != lcore && CPU_COUNT(&both))
			return EAL_CORE_SHARED;
	}
	lcores_isolated("/sys", &isolated);
	CPU_AND(&isolated, &isolated, &own);
	return CPU_EQUAL(&isolated, &own) ? EAL_CORE_ISOLATED : EAL_CORE_ORDINARY;
}
