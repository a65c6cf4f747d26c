/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The front on an interface: attached, joined after a kill, refused, taken off.
 *
 *     viewer0 ───veth─── tw<pid> ◄─ XDP front        one namespace, gone with the test
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/bpf/veth.h"
#include "tests/lib/frames.h"
#include "wire/byte_order.h"

static struct err err;

static struct front *attach(const struct front_options *options)
{
	struct front *front = NULL;
	int rc = front_attach(options, &front, &err);
	cr_assert_eq(rc, 0, "%s", err.text);
	return front;
}

static void refused(const struct front_options *options, int rc, const char *words)
{
	struct front *front;
	cr_expect_eq(front_attach(options, &front, &err), rc, "%s", err.text);
	cr_expect_not_null(strstr(err.text, words), "no \"%s\" in: %s", words, err.text);
	cr_expect_null(strchr(err.text, '\n'), "more than a line: %s", err.text);
}

static uint64_t counted(struct front *front, uint32_t counter)
{
	struct front_counts counts;
	cr_assert_eq(front_read(front, &counts), 0);
	return counts.counters[counter];
}

static void send_plan(struct frames_plan plan, uint32_t times)
{
	uint8_t frame[FRAMES_MAX_BYTES];
	uint32_t bytes = frames_build(&plan, frame);
	veth_send(frame, bytes, times);
}

/* The kernel's id of what is pinned there; 0 where nothing is. */
static uint32_t pinned_id(const char *pin)
{
	char path[256];
	union {
		struct bpf_link_info link;
		struct bpf_map_info map;
	} info = {0};
	uint32_t bytes = sizeof(info);
	snprintf(path, sizeof(path), "%s/%s/%s", VETH_PIN_DIR, veth_name(), pin);
	int fd = bpf_obj_get(path);
	if (fd < 0)
		return 0;
	cr_assert_eq(bpf_obj_get_info_by_fd(fd, &info, &bytes), 0);
	close(fd);
	return strcmp(pin, "link") == 0 ? info.link.id : info.map.id;
}

static uint32_t program_on(const char *interface)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, on);
	cr_assert_eq(bpf_xdp_query((int)if_nametoindex(interface), 0, &on), 0);
	return on.drv_prog_id ? on.drv_prog_id : on.skb_prog_id;
}

/* A program that is not ours: return XDP_PASS. */
static int foreign_program(void)
{
	const struct bpf_insn pass[] = {{.code = 0xb7, .dst_reg = 0, .imm = 2}, {.code = 0x95}};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "stranger", "GPL", pass, 2, NULL);
	cr_assert_geq(fd, 0);
	return fd;
}

static int map_of_pin(const char *pin)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s/%s", VETH_PIN_DIR, veth_name(), pin);
	int fd = bpf_obj_get(path);
	cr_assert_geq(fd, 0, "%s", path);
	return fd;
}

Test(front_live, attaches_natively_counts_and_leaves_nothing)
{
	veth_open();
	struct front_options options = veth_options();
	struct front *front = attach(&options);
	cr_expect_str_eq(front_mode_name(front), "native");
	uint64_t passed = counted(front, VERDICT_PASSED);
	send_plan((struct frames_plan){.port = 53}, 3);
	send_plan((struct frames_plan){.payload_bytes = 39}, 4);
	send_plan((struct frames_plan){.tenant = 8}, 5);
	send_plan((struct frames_plan){0}, 6);
	send_plan((struct frames_plan){.payload = FRAMES_LONG, .version = 1, .payload_bytes = 1200},
		  2);
	cr_expect_geq(counted(front, VERDICT_PASSED), passed + 3);
	cr_expect_eq(counted(front, VERDICT_MALFORMED), 4);
	cr_expect_eq(counted(front, VERDICT_UNKNOWN_KEY), 5);
	cr_expect_eq(counted(front, FRONT_MISSED), 6);
	cr_expect_eq(counted(front, VERDICT_NEGOTIATED), 2);
	cr_expect_eq(counted(front, FRONT_STEERED), 0);

	front_detach(front, false);
	cr_expect_eq(program_on(veth_name()), 0);
	cr_expect_eq(access(VETH_PIN_DIR, F_OK), -1, "%s is still there", VETH_PIN_DIR);
}

Test(front_live, takes_the_generic_mode_where_it_is_asked_for_or_all_there_is)
{
	veth_open();
	struct front_options options = veth_options();
	options.mode = FRONT_GENERIC;
	struct front *front = attach(&options);
	cr_expect_str_eq(front_mode_name(front), "generic");
	send_plan((struct frames_plan){0}, 6);
	cr_expect_eq(counted(front, FRONT_MISSED), 6);
	front_detach(front, false);

	veth_ip("link set lo up");
	options.interface = "lo";
	options.mode = FRONT_NATIVE;
	refused(&options, -EOPNOTSUPP, "try mode generic");
	options.mode = FRONT_AUTO;
	front = attach(&options);
	cr_expect_str_eq(front_mode_name(front), "generic");
	front_detach(front, false);
	cr_expect_eq(access(VETH_PIN_DIR, F_OK), -1);
}

Test(front_live, changes_mode_when_the_next_run_asks_for_the_other)
{
	veth_open();
	struct front_options options = veth_options();
	options.mode = FRONT_GENERIC;
	front_detach(attach(&options), true);
	options.mode = FRONT_AUTO;
	struct front *front = attach(&options);
	cr_expect_str_eq(front_mode_name(front), "generic", "what is there is joined");
	front_detach(front, true);
	options.mode = FRONT_NATIVE;
	front = attach(&options);
	cr_expect_str_eq(front_mode_name(front), "native");
	front_detach(front, false);
}

Test(front_live, outlives_a_killed_holder_and_is_joined)
{
	veth_open();
	struct front_options options = veth_options();
	pid_t holder = veth_hold_front(&options);
	uint32_t link = pinned_id("link"), sockets = pinned_id("xsks_map");
	uint32_t program = program_on(veth_name());
	send_plan((struct frames_plan){0}, 7);
	veth_kill(holder);
	cr_expect_eq(program_on(veth_name()), program, "the front went with its holder");
	send_plan((struct frames_plan){0}, 7);

	struct front *front = attach(&options);
	cr_expect_eq(pinned_id("link"), link, "another link: there was a gap");
	cr_expect_eq(pinned_id("xsks_map"), sockets);
	cr_expect_neq(program_on(veth_name()), program, "the old program is still in place");
	cr_expect_eq(counted(front, FRONT_MISSED), 0, "counts are from this start on");
	send_plan((struct frames_plan){0}, 2);
	cr_expect_eq(counted(front, FRONT_MISSED), 2);
	front_detach(front, false);
	cr_expect_eq(program_on(veth_name()), 0);
}

Test(front_live, kept_on_purpose_it_stays)
{
	veth_open();
	struct front_options options = veth_options();
	front_detach(attach(&options), true);
	cr_expect_neq(program_on(veth_name()), 0);
	uint32_t link = pinned_id("link");
	struct front *front = attach(&options);
	cr_expect_eq(pinned_id("link"), link);
	front_detach(front, false);
}

Test(front_live, forgets_the_keys_of_an_earlier_run)
{
	veth_open();
	struct front_options options = veth_options();
	const struct auth_key later[2] = {{.tenant = 9, .epoch = 1}, {.tenant = 10, .epoch = 1}};
	front_detach(attach(&options), true);
	options.keys = later;
	options.key_count = 2;
	struct front *front = attach(&options);
	send_plan((struct frames_plan){0}, 2);
	send_plan((struct frames_plan){.tenant = 9}, 3);
	cr_expect_eq(counted(front, VERDICT_UNKNOWN_KEY), 2);
	cr_expect_eq(counted(front, FRONT_MISSED), 3);
	front_detach(front, false);
}

/* All that tallyd wrote into the pinned maps; what the front counts there is 0. */
struct knowledge {
	struct front_config config;
	struct front_rows rows;
	struct front_tenant tenants[FRONT_TENANT_ROWS];
};

static struct knowledge *read_knowledge(void)
{
	struct knowledge *knowledge = malloc(sizeof(*knowledge));
	const uint32_t zero = 0;
	int config = map_of_pin("front_config"), rows = map_of_pin("front_rows");
	int tenants = map_of_pin("front_tenants");
	cr_assert_eq(bpf_map_lookup_elem(config, &zero, &knowledge->config), 0);
	cr_assert_eq(bpf_map_lookup_elem(rows, &zero, &knowledge->rows), 0);
	for (uint32_t row = 0; row < FRONT_TENANT_ROWS; row++) {
		struct front_tenant *tenant = &knowledge->tenants[row];
		cr_assert_eq(bpf_map_lookup_elem(tenants, &row, tenant), 0);
		tenant->spent_ns = 0;
		tenant->limit &= FRONT_LIMITED;
		/* Rows that are nobody's may keep what they last said. */
		if (row == 0 || knowledge->rows.row[tenant->tenant_be] != row)
			*tenant = (struct front_tenant){0};
	}
	close(config);
	close(rows);
	close(tenants);
	return knowledge;
}

/*
 * A start that fails later on leaves a front that was there as it was: program, port, keys, budgets
 * and owners.
 */
Test(front_live, abandoned_it_goes_on_as_before)
{
	veth_open();
	struct front_options options = veth_options(), other = options;
	const struct auth_key keys[] = {{.tenant = FRAMES_TENANT, .epoch = FRAMES_EPOCH},
					{.tenant = 8, .epoch = 3},
					{.tenant = 8, .epoch = 200}};
	const struct auth_key later[] = {{.tenant = 8, .epoch = 4}, {.tenant = 9, .epoch = 1}};
	const struct front_budget budgets[] = {{8, 5000}, {FRAMES_TENANT, 0}};
	const struct front_budget others[] = {{8, 0}, {9, 7}};
	uint32_t owners[FRONT_MAX_QUEUES];
	memset(owners, 0xFF, sizeof(owners));
	owners[3] = FRAMES_TENANT;
	options.keys = keys;
	options.key_count = 3;
	options.budgets = budgets;
	options.budget_count = 2;
	options.owners = owners;
	front_detach(attach(&options), true);
	uint32_t program = program_on(veth_name()), link = pinned_id("link");
	struct knowledge *before = read_knowledge();

	other.vote_port = 53;
	other.keys = later;
	other.key_count = 2;
	other.budgets = others;
	other.budget_count = 2;
	struct front *front = attach(&other);
	struct knowledge *between = read_knowledge();
	cr_expect_neq(memcmp(between, before, sizeof(*before)), 0);
	front_abandon(front);
	struct knowledge *after = read_knowledge();
	cr_expect_eq(program_on(veth_name()), program);
	cr_expect_eq(pinned_id("link"), link);
	cr_expect_eq(memcmp(&after->config, &before->config, sizeof(before->config)), 0, "config");
	cr_expect_eq(memcmp(&after->rows, &before->rows, sizeof(before->rows)), 0, "rows");
	cr_expect_eq(memcmp(after->tenants, before->tenants, sizeof(before->tenants)), 0,
		     "tenants");
	free(before);
	free(between);
	free(after);
}

Test(front_live, abandoned_it_is_gone_where_there_was_none)
{
	veth_open();
	struct front_options options = veth_options();
	front_abandon(attach(&options));
	cr_expect_eq(program_on(veth_name()), 0);
	cr_expect_neq(access(VETH_PIN_DIR, F_OK), 0);
}

/* Names and indices repeat from namespace to namespace; a pin must not be taken for ours. */
Test(front_live, refuses_a_pin_that_belongs_to_another_namespace)
{
	veth_open();
	struct front_options options = veth_options();
	struct front *front;
	front_detach(attach(&options), true);
	int elsewhere = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	cr_assert_geq(elsewhere, 0);
	cr_assert_eq(unshare(CLONE_NEWNET), 0);
	veth_add();
	cr_expect_eq(front_attach(&options, &front, &err), -EBUSY);
	cr_expect_not_null(strstr(err.text, "pin_dir"), "%s", err.text);
	cr_expect_eq(program_on(veth_name()), 0);
	close(elsewhere);
}

Test(front_live, replaces_maps_of_another_layout)
{
	char old_pin[128];
	veth_open();
	struct front_options options = veth_options();
	const uint32_t zero = 0;
	const struct front_config other = {.layout = FRONT_LAYOUT + 1, .vote_port_be = 1};
	front_detach(attach(&options), true);
	uint32_t tenants = pinned_id("front_tenants"), link = pinned_id("link");
	int config = map_of_pin("front_config");
	cr_assert_eq(bpf_map_update_elem(config, &zero, &other, 0), 0);
	/* Layout 1 had one map more. */
	snprintf(old_pin, sizeof(old_pin), "%s/%s/front_keys", VETH_PIN_DIR, veth_name());
	cr_assert_eq(bpf_obj_pin(config, old_pin), 0);
	close(config);

	struct front *front = attach(&options);
	cr_expect_neq(pinned_id("front_tenants"), tenants, "joined maps it does not know");
	cr_expect_eq(pinned_id("link"), link);
	send_plan((struct frames_plan){0}, 2);
	cr_expect_eq(counted(front, FRONT_MISSED), 2);
	cr_expect_eq(access(old_pin, F_OK), -1);
	front_detach(front, false);
	cr_expect_eq(access(VETH_PIN_DIR, F_OK), -1, "%s is still there", VETH_PIN_DIR);
}

Test(front_live, attaches_anew_when_the_interface_was_made_again)
{
	veth_open();
	struct front_options options = veth_options();
	veth_kill(veth_hold_front(&options));
	veth_ip("link del %s", veth_name());
	veth_add();
	cr_assert_eq(program_on(veth_name()), 0);
	struct front *front = attach(&options);
	cr_expect_neq(program_on(veth_name()), 0);
	send_plan((struct frames_plan){0}, 2);
	cr_expect_eq(counted(front, FRONT_MISSED), 2);
	front_detach(front, false);
	cr_expect_eq(access(VETH_PIN_DIR, F_OK), -1);
}

Test(front_live, takes_an_interface_with_a_dot_in_its_name)
{
	veth_open();
	struct front_options options = veth_options();
	veth_ip("link set %s down", veth_name());
	veth_ip("link set %s name uplink.100", veth_name());
	veth_ip("link set uplink.100 up");
	options.interface = "uplink.100";
	struct front *front = attach(&options);
	cr_expect_eq(access(VETH_PIN_DIR "/uplink:100/link", F_OK), 0);
	front_detach(front, false);
}

Test(front_live, refuses_a_second_holder_by_name)
{
	char words[64];
	veth_open();
	struct front_options options = veth_options();
	pid_t holder = veth_hold_front(&options);
	snprintf(words, sizeof(words), "process %d holds the front", (int)holder);
	refused(&options, -EBUSY, words);
	cr_expect_eq(front_remove(options.interface, VETH_PIN_DIR, &err), -EBUSY);
	cr_expect_neq(program_on(veth_name()), 0, "the refused one took the front off");
	veth_kill(holder);
}

Test(front_live, refuses_a_foreign_program_and_says_how_to_remove_it)
{
	char words[64];
	veth_open();
	struct front_options options = veth_options();
	int ifindex = (int)if_nametoindex(veth_name());
	int program = foreign_program();
	cr_assert_eq(bpf_xdp_attach(ifindex, program, XDP_FLAGS_DRV_MODE, NULL), 0);
	snprintf(words, sizeof(words),
		 "(stranger) is on it: remove it with `ip link set dev %s xdp off`", veth_name());
	refused(&options, -EEXIST, words);
	veth_ip("link set dev %s xdp off", veth_name());

	cr_assert_eq(bpf_xdp_attach(ifindex, program, XDP_FLAGS_SKB_MODE, NULL), 0);
	refused(&options, -EEXIST, "xdpgeneric off");
	veth_ip("link set dev %s xdpgeneric off", veth_name());

	int link = bpf_link_create(program, ifindex, BPF_XDP, NULL);
	cr_assert_geq(link, 0);
	refused(&options, -EEXIST, "bpftool link detach id");
	close(link);
	cr_expect_eq(access(VETH_PIN_DIR, F_OK), -1, "the refused one left its directory");
	front_detach(attach(&options), false);
}

Test(front_live, says_what_is_wrong_with_the_machine)
{
	veth_open();
	struct front_options options = veth_options();
	veth_ip("link set %s down", veth_name());
	refused(&options, -ENETDOWN, "ip link set dev");
	veth_ip("link set %s up", veth_name());
	options.interface = "nosuch0";
	refused(&options, -ENODEV, "nosuch0: no such interface");
	options.interface = "a-name-that-is-too-long-for-one";
	refused(&options, -ENODEV, "no such interface");
	options.interface = veth_name();
	options.pin_dir = "/proc/tallywire";
	refused(&options, -ENOENT, "mount -t bpf bpf /proc");
	options.pin_dir = VETH_BPFFS "/no/such";
	refused(&options, -ENOENT, "mount -t bpf bpf");
	cr_expect_eq(program_on(veth_name()), 0);
}

Test(front_live, can_be_removed_without_a_holder)
{
	veth_open();
	struct front_options options = veth_options();
	veth_kill(veth_hold_front(&options));
	cr_expect_neq(program_on(veth_name()), 0);
	cr_expect_eq(front_remove(veth_name(), VETH_PIN_DIR, &err), 0, "%s", err.text);
	cr_expect_eq(program_on(veth_name()), 0);
	cr_expect_eq(access(VETH_PIN_DIR, F_OK), -1);
	cr_expect_eq(front_remove(veth_name(), VETH_PIN_DIR, &err), -ENOENT);
	cr_expect_not_null(strstr(err.text, veth_name()), "%s", err.text);
}
