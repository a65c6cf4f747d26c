/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Start, counters and stop of the kernel front. tallyd's start-and-stop ladder calls it once per
 * shared interface, snapshots call front_read(). It opens no socket and knows no DPDK: the ports
 * put their sockets into xsks_map themselves (libxdp finds it through the program on the
 * interface).
 *
 * The happy path: the directory is locked, the pinned link and maps of an earlier run are found,
 * the object is loaded over those maps, front_tenants.c writes keys, budgets and owners, the
 * program goes into the link, all is pinned. What can go wrong goes wrong before the interface is
 * touched, save the attaching itself. Maps whose shape or layout is another are not joined: new
 * ones take their place with the new program.
 */
#include "ebpf/front.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "ebpf/front_dir.h"
#include "ebpf/front_link.h"
#include "ebpf/front_tenants.h"
#include "wire/byte_order.h"

extern const uint8_t front_object[], front_object_end[];

/* The order is that of `maps` in struct front. */
enum {
	MAP_SOCKETS,
	MAP_CONFIG,
	MAP_ROWS,
	MAP_TENANTS,
	MAP_SHARES,
	MAP_COUNTERS,
	MAP_STEERED,
	MAP_POLICE,
	MAP_BUCKETS,
	MAP_VOTED,
	MAP_DENY4,
	MAP_DENY6,
	MAP_ALLOW4,
	MAP_ALLOW6,
	MAP_LISTED,
	MAP_TALKERS,
	MAP_COUNT
};
static const char *const map_names[MAP_COUNT] = {
	"xsks_map",      "front_config",   "front_rows",    "front_tenants",
	"front_shares",  "front_counters", "front_steered", "front_police",
	"front_buckets", "front_voted",    "front_deny4",   "front_deny6",
	"front_allow4",  "front_allow6",   "front_listed",  "front_talkers",
};

/* A map that a front of that layout has beside these, and a pin that has to go with it. */
#define KEYS_OF_LAYOUT_1 "front_keys"

/* What a joined front had, should it have to go on with that. */
struct front_before {
	int program_fd; /* -1: nothing was there */
	bool native;
	struct front_tenants_saved *tenants;
	struct front_police police;
};

struct front {
	struct front_dir dir;
	struct front_link link;
	struct bpf_object *object;
	struct bpf_map *maps[MAP_COUNT];
	bool maps_joined; /* those of an earlier run, pinned already */
	struct front_tenants tenants;
	struct front_sources sources;
	uint64_t *per_cpu;            /* room for one entry of all CPUs */
	struct front_counts baseline; /* what was counted before front_attach() */
	struct front_before before;
	char interface[IF_NAMESIZE];
};

/* What libbpf had to say first about the thing that failed. Attaching is one thread's. */
static char libbpf_line[160];

__attribute__((format(printf, 2, 0))) static int keep_line(enum libbpf_print_level level,
							   const char *format, va_list args)
{
	if (level != LIBBPF_WARN || libbpf_line[0])
		return 0;
	vsnprintf(libbpf_line, sizeof(libbpf_line), format, args);
	libbpf_line[strcspn(libbpf_line, "\n")] = '\0';
	return 0;
}

static void listen_to_libbpf(void)
{
	libbpf_line[0] = '\0';
	libbpf_set_print(keep_line);
}

/* The interface's index, or -ENODEV, -ENETDOWN. */
static int check_interface(const char *interface, struct err *err)
{
	struct ifreq request = {0};
	int ifindex = strlen(interface) < IF_NAMESIZE ? (int)if_nametoindex(interface) : 0;
	if (!ifindex)
		return err_set(err, -ENODEV, "%s: no such interface: `ip link` lists them",
			       interface);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, -errno, "%s: cannot ask for its state: %s", interface,
			       strerror(errno));
	strcpy(request.ifr_name, interface);
	int rc = ioctl(fd, SIOCGIFFLAGS, &request) ? -errno : 0;
	close(fd);
	if (rc)
		return err_set(err, rc, "%s: cannot ask for its state: %s", interface,
			       strerror(-rc));
	if (!(request.ifr_flags & IFF_UP))
		return err_set(err, -ENETDOWN, "%s: the interface is down: ip link set dev %s up",
			       interface, interface);
	return ifindex;
}

static bool same_shape(int fd, const struct bpf_map *map)
{
	struct bpf_map_info info = {0};
	uint32_t bytes = sizeof(info);
	return bpf_obj_get_info_by_fd(fd, &info, &bytes) == 0 && info.type == bpf_map__type(map) &&
	       info.key_size == bpf_map__key_size(map) &&
	       info.value_size == bpf_map__value_size(map) &&
	       info.max_entries == bpf_map__max_entries(map) &&
	       info.map_flags == bpf_map__map_flags(map);
}

static bool same_layout(int config_fd)
{
	uint32_t zero = 0;
	struct front_config config;
	return bpf_map_lookup_elem(config_fd, &zero, &config) == 0 && config.layout == FRONT_LAYOUT;
}

/* Takes over the maps of an earlier run if all are there and fit; else the object makes its own. */
static int join_maps(struct front *front)
{
	char path[FRONT_PATH_BYTES];
	int fds[MAP_COUNT], rc = 0;
	bool all_fit = true;
	for (int i = 0; i < MAP_COUNT; i++) {
		fds[i] = bpf_obj_get(front_dir_pin(&front->dir, map_names[i], path));
		all_fit = all_fit && fds[i] >= 0 && same_shape(fds[i], front->maps[i]);
	}
	front->maps_joined = all_fit && same_layout(fds[MAP_CONFIG]);
	for (int i = 0; i < MAP_COUNT; i++) {
		if (!rc && front->maps_joined)
			rc = bpf_map__reuse_fd(front->maps[i], fds[i]);
		if (fds[i] >= 0)
			close(fds[i]);
	}
	return rc;
}

static int load(struct front *front, struct err *err)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "front");
	front->object =
		bpf_object__open_mem(front_object, front_object_end - front_object, &options);
	if (!front->object)
		return err_set(err, -errno, "the built-in front object does not open: %s",
			       libbpf_line);
	for (int i = 0; i < MAP_COUNT; i++) {
		front->maps[i] = bpf_object__find_map_by_name(front->object, map_names[i]);
		if (!front->maps[i])
			return err_set(err, -ENOENT, "the built-in front object has no map %s",
				       map_names[i]);
	}
	int rc = join_maps(front);
	if (!rc)
		rc = bpf_object__load(front->object);
	if (rc == -EPERM)
		return err_set(err, rc, "%s: the kernel lets only root load the front: run as root",
			       front->interface);
	if (rc)
		return err_set(err, rc, "%s: the kernel refuses the front: %s (%s)",
			       front->interface, strerror(-rc), libbpf_line);
	return 0;
}

static int program_fd(const struct front *front)
{
	return bpf_program__fd(bpf_object__next_program(front->object, NULL));
}

static int map_fd(const struct front *front, int map)
{
	return bpf_map__fd(front->maps[map]);
}

static void unpin_maps(const struct front_dir *dir)
{
	char path[FRONT_PATH_BYTES];
	for (int i = 0; i < MAP_COUNT; i++)
		unlink(front_dir_pin(dir, map_names[i], path));
	unlink(front_dir_pin(dir, KEYS_OF_LAYOUT_1, path));
}

/* Puts the names of this object's maps where those of an earlier run were, if any. */
static int pin_maps(struct front *front, struct err *err)
{
	char path[FRONT_PATH_BYTES];
	if (front->maps_joined)
		return 0;
	unpin_maps(&front->dir);
	for (int i = 0; i < MAP_COUNT; i++)
		if (bpf_obj_pin(map_fd(front, i), front_dir_pin(&front->dir, map_names[i], path)))
			return err_set(err, -errno, "%s: cannot pin the map: %s", path,
				       strerror(errno));
	return 0;
}

static int read_entry(struct front *front, int map, uint32_t entry, uint64_t *sum)
{
	*sum = 0;
	if (bpf_map_lookup_elem(map_fd(front, map), &entry, front->per_cpu))
		return -errno;
	for (int cpu = 0; cpu < front->tenants.cpus; cpu++)
		*sum += front->per_cpu[cpu];
	return 0;
}

static int read_totals(struct front *front, struct front_counts *counts)
{
	uint64_t steered = 0, policed = 0;
	int rc = 0;
	for (uint32_t i = 0; i < FRONT_COUNTERS && !rc; i++)
		rc = read_entry(front, MAP_COUNTERS, i, &counts->counters[i]);
	for (uint32_t queue = 0; queue < FRONT_MAX_QUEUES && !rc; queue++) {
		rc = read_entry(front, MAP_STEERED, queue, &counts->steered[queue]);
		steered += counts->steered[queue];
	}
	for (uint32_t rule = 0; rule < FRONT_RULE_COUNT && !rc; rule++) {
		rc = read_entry(front, MAP_COUNTERS, FRONT_COUNTERS + rule, &counts->rules[rule]);
		policed += counts->rules[rule];
	}
	/* Packets came in between the loops; one number for one thing. */
	counts->counters[FRONT_STEERED] = steered;
	counts->counters[VERDICT_POLICED] = policed;
	return rc;
}

int front_read(struct front *front, struct front_counts *counts)
{
	int rc = read_totals(front, counts);
	for (int i = 0; i < FRONT_COUNTERS; i++)
		counts->counters[i] -= front->baseline.counters[i];
	for (int rule = 0; rule < FRONT_RULE_COUNT; rule++)
		counts->rules[rule] -= front->baseline.rules[rule];
	for (int queue = 0; queue < FRONT_MAX_QUEUES; queue++)
		counts->steered[queue] -= front->baseline.steered[queue];
	return rc;
}

int front_set_keys(struct front *front, const struct auth_key *keys, uint32_t key_count,
		   struct err *err)
{
	return front_tenants_set_keys(&front->tenants, keys, key_count, err);
}

int front_set_budgets(struct front *front, const struct front_budget *budgets, uint32_t count,
		      struct err *err)
{
	return front_tenants_set_budgets(&front->tenants, budgets, count, err);
}

int front_set_owner(struct front *front, uint32_t queue, uint32_t tenant, struct err *err)
{
	return front_tenants_set_owner(&front->tenants, queue, tenant, err);
}

int front_read_policed(struct front *front, uint16_t tenant, uint64_t *policed)
{
	return front_tenants_read_policed(&front->tenants, tenant, policed);
}

struct front_sources *front_sources(struct front *front)
{
	return &front->sources;
}

/* Remembers what a front that was found runs and knows, before any of it is changed. */
static int remember(struct front *front, struct err *err)
{
	struct front_before *before = &front->before;
	if (!front->link.ours_is_on || !front->maps_joined)
		return 0;
	before->tenants = front_tenants_save(&front->tenants);
	if (!before->tenants)
		return err_set(err, -ENOMEM, "%s: out of memory", front->interface);
	before->police = *front->sources.police;
	before->native = front->link.native;
	before->program_fd = bpf_prog_get_fd_by_id(front->link.program_id);
	if (before->program_fd < 0)
		return err_set(err, -errno, "%s: cannot read the front that is there: %s",
			       front->interface, strerror(errno));
	return 0;
}

/* The program that was there, in the mode it had: a start in another mode has taken its link off.
 */
static void put_program_back(struct front *front)
{
	const struct front_before *before = &front->before;
	char link_path[FRONT_PATH_BYTES];
	struct err ignored;
	if (front->link.fd >= 0 && !front->link.made) {
		bpf_link_update(front->link.fd, before->program_fd, NULL);
		return;
	}
	front_dir_pin(&front->dir, "link", link_path);
	if (front->link.fd >= 0)
		front_link_remove(&front->link, link_path);
	front->link.ours_is_on = false;
	front_link_attach(&front->link, front->interface,
			  before->native ? FRONT_NATIVE : FRONT_GENERIC, link_path,
			  before->program_fd, &ignored);
}

static void put_back(struct front *front)
{
	put_program_back(front);
	front_tenants_restore(&front->tenants, front->before.tenants);
	front_sources_restore(&front->sources, &front->before.police);
}

/* Budgets before keys: a tenant that is new to the front never has a key without its budget. */
static int set_tenants(struct front *front, const struct front_options *options, struct err *err)
{
	int rc = front_set_budgets(front, options->budgets, options->budget_count, err);
	if (!rc)
		rc = front_set_keys(front, options->keys, options->key_count, err);
	for (uint32_t queue = 0; queue < FRONT_MAX_QUEUES && !rc; queue++)
		rc = front_set_owner(front, queue,
				     options->owners ? options->owners[queue] : FRONT_NO_OWNER,
				     err);
	return rc;
}

/* Everything up to the interface: object, config, tenants, and what the counters stand at. */
static int prepare(struct front *front, const struct front_options *options, struct err *err)
{
	int rc = load(front, err);
	if (!rc)
		rc = front_tenants_open(&front->tenants, front->object, err);
	if (!rc)
		rc = front_sources_open(&front->sources, front->object, err);
	if (!rc)
		rc = remember(front, err);
	if (rc)
		return rc;
	front->tenants.config->vote_port_be = be16(options->vote_port);
	front->tenants.config->layout = FRONT_LAYOUT;
	front_sources_set_limits(&front->sources, &options->sources);
	rc = set_tenants(front, options, err);
	if (rc)
		return rc;
	front->per_cpu = calloc(front->tenants.cpus, sizeof(*front->per_cpu));
	if (!front->per_cpu)
		return err_set(err, -ENOMEM, "%s: out of memory", front->interface);
	rc = read_totals(front, &front->baseline);
	return rc ? err_set(err, rc, "%s: cannot read the counters: %s", front->interface,
			    strerror(-rc))
		  : 0;
}

static void release(struct front *front)
{
	front_tenants_close(&front->tenants);
	front_sources_close(&front->sources);
	bpf_object__close(front->object);
	if (front->before.program_fd >= 0)
		close(front->before.program_fd);
	free(front->before.tenants);
	free(front->per_cpu);
	free(front);
}

int front_attach(const struct front_options *options, struct front **made, struct err *err)
{
	const char *pin_dir = options->pin_dir ? options->pin_dir : FRONT_DEFAULT_PIN_DIR;
	char link_path[FRONT_PATH_BYTES];
	listen_to_libbpf();
	int rc = check_interface(options->interface, err);
	if (rc < 0)
		return rc;
	int ifindex = rc;
	struct front *front = calloc(1, sizeof(*front));
	if (!front)
		return err_set(err, -ENOMEM, "%s: out of memory", options->interface);
	strcpy(front->interface, options->interface);
	front->before.program_fd = -1;

	rc = front_dir_open(&front->dir, pin_dir, front->interface, true, err);
	if (rc)
		goto err_release;
	front_dir_pin(&front->dir, "link", link_path);
	rc = front_link_open(&front->link, front->interface, ifindex, link_path, err);
	if (rc)
		goto err_close_dir;
	rc = prepare(front, options, err);
	if (rc)
		goto err_put_back;
	rc = front_link_attach(&front->link, front->interface, options->mode, link_path,
			       program_fd(front), err);
	if (rc)
		goto err_put_back;
	rc = pin_maps(front, err);
	if (rc) {
		front_abandon(front);
		return rc;
	}
	*made = front;
	return 0;

err_put_back:
	if (front->before.program_fd >= 0)
		put_back(front);
	if (front->link.fd >= 0)
		close(front->link.fd);
err_close_dir:
	front_dir_close(&front->dir);
err_release:
	release(front);
	return rc;
}

const char *front_mode_name(const struct front *front)
{
	if (!front_link_is_on(&front->link))
		return "gone";
	return front->link.native ? "native" : "generic";
}

void front_detach(struct front *front, bool keep)
{
	char link_path[FRONT_PATH_BYTES];
	front_dir_pin(&front->dir, "link", link_path);
	if (keep) {
		close(front->link.fd);
	} else {
		front_link_remove(&front->link, link_path);
		unpin_maps(&front->dir);
	}
	front_dir_close(&front->dir);
	release(front);
}

void front_abandon(struct front *front)
{
	bool was_there_before = front->before.program_fd >= 0;
	if (was_there_before)
		put_back(front);
	front_detach(front, was_there_before || !front->link.made);
}

int front_remove(const char *interface, const char *pin_dir, struct err *err)
{
	char link_path[FRONT_PATH_BYTES];
	struct front_dir dir;
	listen_to_libbpf();
	pin_dir = pin_dir ? pin_dir : FRONT_DEFAULT_PIN_DIR;
	int rc = front_dir_open(&dir, pin_dir, interface, false, err);
	if (rc)
		return rc;
	struct front_link link = {.fd = bpf_obj_get(front_dir_pin(&dir, "link", link_path))};
	if (link.fd >= 0)
		front_link_remove(&link, link_path);
	unpin_maps(&dir);
	front_dir_close(&dir);
	return 0;
}
