/* SPDX-License-Identifier: BSD-3-Clause */
/* Bursts: shares, order, times, and that the known answer follows from the kinds alone. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include "perf/burst.h"

#define OPENS_US UINT64_C(1767225600000000)

static struct burst_shape usual_shape(void)
{
	return (struct burst_shape){
		.voters = 5000,
		.interactions = 1,
		.first_id = 101,
		.options = 4,
		.tenant = 7,
		.key_epoch = 1,
		.opens_at_us = OPENS_US,
		.duration_us = 20000000,
		.max_delay_us = 5000000,
		.delay_min_us = 200000,
		.delay_max_us = 3000000,
		.first_second_ppm = 700000,
		.share_ppm = {0, 300000, 120000, 20000, 30000, 30000},
		.seed = 1,
	};
}

static struct burst_plan make_plan(const struct burst_shape *shape)
{
	struct burst_plan plan;
	struct err err;
	cr_assert_eq(burst_shape_check(shape, &err), 0, "%s", err.text);
	cr_assert_eq(burst_plan_make(shape, &plan, &err), 0, "%s", err.text);
	return plan;
}

Test(burst, shares_are_of_all_datagrams)
{
	const struct burst_shape shape = usual_shape();
	struct burst_plan plan = make_plan(&shape);
	cr_expect_eq(plan.count, 10000);
	cr_expect_eq(plan.count_of[BURST_FIRST], 5000);
	cr_expect_eq(plan.count_of[BURST_RESENT], 3000);
	cr_expect_eq(plan.count_of[BURST_CHANGED], 1200);
	cr_expect_eq(plan.count_of[BURST_FORGED], 200);
	cr_expect_eq(plan.count_of[BURST_EARLY], 300);
	cr_expect_eq(plan.count_of[BURST_LATE], 300);
	burst_plan_free(&plan);
}

Test(burst, the_first_packet_arrives_as_the_window_opens_and_the_rest_in_order)
{
	const struct burst_shape shape = usual_shape();
	struct burst_plan plan = make_plan(&shape);
	cr_expect_eq(plan.datagrams[0].arrival_us, OPENS_US);
	for (uint64_t i = 1; i < plan.count; i++)
		cr_assert_leq(plan.datagrams[i - 1].arrival_us, plan.datagrams[i].arrival_us);
	burst_plan_free(&plan);
}

/* What every kind promises, with a second to spare for a sender that slips. */
static void expect_times(const struct burst_shape *shape, const struct burst_datagram *datagram,
			 const struct burst_content *content)
{
	const uint64_t closes_us = shape->opens_at_us + shape->duration_us;
	const uint64_t program_us = content->vote.program_time_us;
	if (datagram->kind == BURST_EARLY) {
		cr_assert_lt(program_us, shape->opens_at_us);
		return;
	}
	cr_assert_geq(datagram->arrival_us, program_us);
	if (datagram->kind == BURST_LATE) {
		cr_assert_geq(program_us, closes_us);
		return;
	}
	cr_assert_geq(program_us, shape->opens_at_us);
	cr_assert_lt(program_us, closes_us);
	cr_assert_leq(datagram->arrival_us - program_us + 1000000, shape->max_delay_us);
}

Test(burst, program_times_decide_early_and_late_whenever_a_packet_arrives)
{
	struct burst_shape shape = usual_shape();
	struct burst_plan plan = make_plan(&shape);
	for (uint64_t i = 0; i < plan.count; i++) {
		struct burst_content content;
		burst_content(&shape, &plan.datagrams[i], &content);
		expect_times(&shape, &plan.datagrams[i], &content);
	}
	burst_plan_free(&plan);
}

Test(burst, seven_of_ten_first_answers_fall_into_the_first_second)
{
	const struct burst_shape shape = usual_shape();
	struct burst_plan plan = make_plan(&shape);
	uint32_t in_first_second = 0;
	for (uint64_t i = 0; i < plan.count; i++) {
		struct burst_content content;
		burst_content(&shape, &plan.datagrams[i], &content);
		in_first_second += plan.datagrams[i].kind == BURST_FIRST &&
				   content.vote.program_time_us < OPENS_US + 1000000;
	}
	cr_expect_geq(in_first_second, 3400);
	cr_expect_leq(in_first_second, 3600);
	burst_plan_free(&plan);
}

Test(burst, resent_and_changed_follow_the_first_answer)
{
	const struct burst_shape shape = usual_shape();
	struct burst_plan plan = make_plan(&shape);
	uint16_t *choices = malloc(shape.voters * sizeof(*choices));
	cr_assert_not_null(choices);
	memset(choices, 0xFF, shape.voters * sizeof(*choices));
	for (uint64_t i = 0; i < plan.count; i++) {
		struct burst_content content;
		const struct burst_datagram *datagram = &plan.datagrams[i];
		burst_content(&shape, datagram, &content);
		uint16_t *first = &choices[content.vote.voter];
		if (datagram->kind == BURST_FIRST)
			*first = content.vote.choice;
		if (datagram->kind == BURST_RESENT)
			cr_assert_eq(*first, content.vote.choice);
		if (datagram->kind == BURST_CHANGED)
			cr_assert(*first < 4 && *first != content.vote.choice);
	}
	free(choices);
	burst_plan_free(&plan);
}

Test(burst, a_source_port_tells_the_distinct_datagrams_of_a_voter_apart)
{
	const struct burst_shape shape = usual_shape();
	struct burst_datagram datagram = {.answer = 42};
	uint16_t ports[BURST_KIND_COUNT];
	for (int kind = 0; kind < BURST_KIND_COUNT; kind++) {
		struct burst_content content;
		datagram.kind = (unsigned)kind & 0xFF;
		burst_content(&shape, &datagram, &content);
		ports[kind] = content.source_port;
		for (int other = 0; other < kind; other++)
			if (kind != BURST_RESENT)
				cr_expect_neq(ports[kind], ports[other], "%d and %d", kind, other);
	}
	cr_expect_eq(ports[BURST_RESENT], ports[BURST_FIRST], "the same bytes");
}

Test(burst, only_forged_tags_are_damaged)
{
	const struct burst_shape shape = usual_shape();
	struct burst_plan plan = make_plan(&shape);
	for (uint64_t i = 0; i < plan.count; i++) {
		struct burst_content content;
		burst_content(&shape, &plan.datagrams[i], &content);
		cr_assert_eq(plan.datagrams[i].kind == BURST_FORGED, content.tag_damage != 0);
	}
	burst_plan_free(&plan);
}

Test(burst, the_same_seed_gives_the_same_burst_and_another_one_does_not)
{
	struct burst_shape shape = usual_shape();
	struct burst_plan a = make_plan(&shape), b = make_plan(&shape);
	shape.seed = 2;
	struct burst_plan c = make_plan(&shape);
	cr_expect_eq(memcmp(a.datagrams, b.datagrams, a.count * sizeof(*a.datagrams)), 0);
	cr_expect_neq(memcmp(a.datagrams, c.datagrams, a.count * sizeof(*a.datagrams)), 0);
	burst_plan_free(&a);
	burst_plan_free(&b);
	burst_plan_free(&c);
}

Test(burst, the_account_books_each_kind_once)
{
	struct burst_shape shape = usual_shape();
	struct burst_account account;
	struct err err;
	shape.interactions = 3;
	struct burst_plan plan = make_plan(&shape);
	cr_assert_eq(burst_account_make(&shape, &account, &err), 0);
	for (uint64_t i = 0; i < plan.count; i++) {
		struct burst_content content;
		burst_content(&shape, &plan.datagrams[i], &content);
		burst_account_add(&shape, &account, &plan.datagrams[i], &content);
	}
	uint64_t early = 0, late = 0, duplicate = 0;
	for (uint32_t i = 0; i < shape.interactions; i++) {
		const struct tally_sum *sum = &account.sums[i];
		uint64_t votes = 0;
		for (uint32_t option = 0; option < shape.options; option++)
			votes += sum->votes[option];
		cr_expect_eq(votes, shape.voters);
		cr_expect_eq(sum->receipts[RECEIPT_COUNTED], shape.voters);
		early += sum->receipts[RECEIPT_EARLY];
		late += sum->receipts[RECEIPT_LATE];
		duplicate += sum->receipts[RECEIPT_DUPLICATE];
	}
	cr_expect_eq(account.total, 30000);
	cr_expect_eq(duplicate, 12600);
	cr_expect_eq(early, 900);
	cr_expect_eq(late, 900);
	cr_expect_eq(account.bad_tag, 600);
	burst_account_free(&account);
	burst_plan_free(&plan);
}

/* A row: what is wrong with the shape, and a word of the message that must name it. */
static void expect_refused(struct burst_shape shape, const char *word)
{
	struct err err = {""};
	cr_expect_lt(burst_shape_check(&shape, &err), 0, "%s", word);
	cr_expect_not_null(strstr(err.text, word), "'%s' in: %s", word, err.text);
}

Test(burst, impossible_shapes_are_refused)
{
	struct burst_shape shape = usual_shape();
	shape.share_ppm[BURST_RESENT] = 800000;
	expect_refused(shape, "100 %");
	shape = usual_shape();
	shape.delay_max_us = 4700000;
	expect_refused(shape, "max_delay");
	shape = usual_shape();
	shape.delay_min_us = 4000000;
	expect_refused(shape, "--delay");
	shape = usual_shape();
	shape.share_ppm[BURST_RESENT] = 0;
	shape.share_ppm[BURST_EARLY] = 600000;
	expect_refused(shape, "--early");
	shape = usual_shape();
	shape.first_id = UINT32_MAX;
	shape.interactions = 2;
	expect_refused(shape, "--first-id");
	shape = usual_shape();
	shape.voters = 500u << 20;
	shape.interactions = 60;
	expect_refused(shape, "datagrams");
}
