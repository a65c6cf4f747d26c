/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keys, budgets and owners of a front on an interface: changed while it is attached, joined by the
 * next run, restored by a start that failed. No socket is there, so what may pass is `missed`.
 *
 *     viewer0 ───veth─── tw<pid> ◄─ XDP front        one namespace, gone with the test
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include "tests/bpf/veth.h"
#include "tests/lib/frames.h"

static struct err err;

static const struct auth_key keys[] = {{.tenant = 7, .epoch = FRAMES_EPOCH},
				       {.tenant = 8, .epoch = FRAMES_EPOCH}};
static const struct front_budget none_for_8 = {.tenant = 8, .votes_per_s = 0};

static struct front_options options_of_two(void)
{
	struct front_options options = veth_options();
	options.keys = keys;
	options.key_count = 2;
	return options;
}

static struct front *attach(const struct front_options *options)
{
	struct front *front = NULL;
	int rc = front_attach(options, &front, &err);
	cr_assert_eq(rc, 0, "%s", err.text);
	return front;
}

static uint64_t counted(struct front *front, uint32_t counter)
{
	struct front_counts counts;
	cr_assert_eq(front_read(front, &counts), 0);
	return counts.counters[counter];
}

static uint64_t policed(struct front *front, uint16_t tenant)
{
	uint64_t count;
	cr_assert_eq(front_read_policed(front, tenant, &count), 0);
	return count;
}

static void send_votes(uint16_t tenant, uint32_t times)
{
	const struct frames_plan plan = {.tenant = tenant};
	uint8_t frame[FRAMES_MAX_BYTES];
	veth_send(frame, frames_build(&plan, frame), times);
}

/* Ten votes of 7 and ten of 8: how many of each are policed, the rest being missed. */
static void check_policed(struct front *front, uint64_t of_7, uint64_t of_8, const char *what)
{
	uint64_t before_7 = policed(front, 7), before_8 = policed(front, 8);
	uint64_t missed = counted(front, FRONT_MISSED), all = counted(front, VERDICT_POLICED);
	send_votes(7, 10);
	send_votes(8, 10);
	cr_expect_eq(policed(front, 7) - before_7, of_7, "%s: 7", what);
	cr_expect_eq(policed(front, 8) - before_8, of_8, "%s: 8", what);
	cr_expect_eq(counted(front, VERDICT_POLICED) - all, of_7 + of_8, "%s", what);
	cr_expect_eq(counted(front, FRONT_MISSED) - missed, 20 - of_7 - of_8, "%s", what);
}

Test(front_tenants_live, change_while_it_is_attached)
{
	const struct front_budget none_for_7 = {.tenant = 7, .votes_per_s = 0};
	veth_open();
	struct front_options options = options_of_two();
	struct front *front = attach(&options);
	check_policed(front, 0, 0, "no budgets");
	cr_expect_eq(front_set_budgets(front, &none_for_8, 1, &err), 0);
	check_policed(front, 0, 10, "none for 8");
	cr_expect_eq(front_set_budgets(front, &none_for_7, 1, &err), 0);
	check_policed(front, 10, 0, "none for 7");
	cr_expect_eq(front_set_budgets(front, NULL, 0, &err), 0);
	cr_expect_eq(front_set_owner(front, 0, 8, &err), 0);
	check_policed(front, 10, 0, "queue 0 is 8's");
	cr_expect_eq(front_set_owner(front, 0, FRONT_NO_OWNER, &err), 0);
	check_policed(front, 0, 0, "nobody's");

	cr_expect_eq(front_set_keys(front, &keys[1], 1, &err), 0);
	send_votes(7, 3);
	send_votes(8, 4);
	cr_expect_eq(counted(front, VERDICT_UNKNOWN_KEY), 3);
	cr_expect_eq(front_set_keys(front, keys, 2, &err), 0);
	check_policed(front, 0, 0, "both keys again");
	cr_expect_eq(policed(front, 7), 20);
	cr_expect_eq(policed(front, 8), 10);
	front_detach(front, false);
}

Test(front_tenants_live, are_in_force_from_the_first_packet_on)
{
	uint32_t owners[FRONT_MAX_QUEUES];
	veth_open();
	struct front_options options = options_of_two();
	memset(owners, 0xFF, sizeof(owners));
	owners[0] = 7;
	options.owners = owners;
	struct front *front = attach(&options);
	check_policed(front, 0, 10, "owner by option");
	front_detach(front, false);

	options.owners = NULL;
	options.budgets = &none_for_8;
	options.budget_count = 1;
	front = attach(&options);
	check_policed(front, 0, 10, "budget by option");
	front_detach(front, false);
}

/* Between two runs the front goes on with what it knows; the next run says anew what holds. */
Test(front_tenants_live, stay_with_a_front_without_holder_and_are_set_anew_by_the_next)
{
	uint32_t owners[FRONT_MAX_QUEUES];
	veth_open();
	struct front_options options = options_of_two();
	memset(owners, 0xFF, sizeof(owners));
	owners[0] = 7;
	options.owners = owners;
	veth_kill(veth_hold_front(&options));
	send_votes(8, 5);

	options.owners = NULL;
	options.budgets = &none_for_8;
	options.budget_count = 1;
	struct front *front = attach(&options);
	cr_expect_eq(policed(front, 8), 0, "counts are from this start on");
	cr_expect_eq(counted(front, VERDICT_POLICED), 0);
	check_policed(front, 0, 10, "a budget in place of the owner");
	front_detach(front, true);
	send_votes(8, 5);

	options.budget_count = 0;
	front = attach(&options);
	check_policed(front, 0, 0, "neither");
	front_detach(front, false);
}

Test(front_tenants_live, of_before_go_on_when_a_start_fails)
{
	uint32_t owners[FRONT_MAX_QUEUES];
	veth_open();
	struct front_options options = options_of_two(), other = options;
	memset(owners, 0xFF, sizeof(owners));
	owners[0] = 7;
	options.owners = owners;
	front_detach(attach(&options), true);

	other.keys = &keys[1];
	other.key_count = 1;
	struct front *front = attach(&other);
	send_votes(7, 3);
	send_votes(8, 4);
	cr_expect_eq(counted(front, VERDICT_UNKNOWN_KEY), 3);
	cr_expect_eq(counted(front, FRONT_MISSED), 4);
	front_abandon(front);

	options.budgets = (const struct front_budget[]){{7, 1}, {8, 2}, {7, 3}};
	options.budget_count = 3;
	cr_expect_eq(front_attach(&options, &front, &err), -EINVAL);
	cr_expect_not_null(strstr(err.text, "tenant 7 has two budgets"), "%s", err.text);
	options.budget_count = 0;
	front = attach(&options);
	check_policed(front, 0, 10, "the owner of before");
	front_detach(front, false);
}
