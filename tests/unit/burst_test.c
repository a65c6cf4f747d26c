/* SPDX-License-Identifier: BSD-3-Clause */
/* Bursts: shares, order, times, and that the known answer follows from the kinds alone. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include "perf/burst.h"

#define OPENS_US UINT64_C(1767225600000000)

#define QUESTIONS_MAX 3

/* A burst's shape with the questions that it points to. */
struct burst {
	struct burst_shape shape;
	struct burst_question questions[QUESTIONS_MAX];
};

static const struct burst_question usual_question = {
	.id = 101,
	.rules = {.kind = KIND_POLL, .options = 4},
	.opens_at_us = OPENS_US,
	.duration_us = 20000000,
	.max_delay_us = 5000000,
	.per_voter = 1,
};

static void usual_burst(struct burst *burst, uint32_t questions)
{
	*burst = (struct burst){
		.shape =
			{
				.voters = 5000,
				.questions = burst->questions,
				.question_count = questions,
				.tenant = 7,
				.key_epoch = 1,
				.delay_min_us = 200000,
				.delay_max_us = 3000000,
				.first_second_ppm = 700000,
				.share_ppm = {0, 300000, 120000, 20000, 30000, 30000},
				.seed = 1,
			},
	};
	for (uint32_t i = 0; i < questions; i++) {
		burst->questions[i] = usual_question;
		burst->questions[i].id += i;
	}
}

static struct burst_plan make_plan(struct burst_shape *shape)
{
	struct burst_plan plan;
	struct err err;
	cr_assert_eq(burst_shape_check(shape, &err), 0, "%s", err.text);
	cr_assert_eq(burst_plan_make(shape, &plan, &err), 0, "%s", err.text);
	return plan;
}

Test(burst, shares_are_of_all_datagrams)
{
	struct burst burst;
	usual_burst(&burst, 1);
	struct burst_plan plan = make_plan(&burst.shape);
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
	struct burst burst;
	usual_burst(&burst, 1);
	struct burst_plan plan = make_plan(&burst.shape);
	cr_expect_eq(plan.datagrams[0].arrival_us, OPENS_US);
	for (uint64_t i = 1; i < plan.count; i++)
		cr_assert_leq(plan.datagrams[i - 1].arrival_us, plan.datagrams[i].arrival_us);
	burst_plan_free(&plan);
}

/* What every kind promises, with a second to spare for a sender that slips. */
static void expect_times(const struct burst_question *question,
			 const struct burst_datagram *datagram, const struct burst_content *content)
{
	const uint64_t closes_us = question->opens_at_us + question->duration_us;
	const uint64_t program_us = content->vote.program_time_us;
	if (datagram->kind == BURST_EARLY) {
		cr_assert_lt(program_us, question->opens_at_us);
		return;
	}
	cr_assert_geq(datagram->arrival_us, program_us);
	if (datagram->kind == BURST_LATE) {
		cr_assert_geq(program_us, closes_us);
		return;
	}
	cr_assert_geq(program_us, question->opens_at_us);
	cr_assert_lt(program_us, closes_us);
	cr_assert_leq(datagram->arrival_us - program_us + 1000000, question->max_delay_us);
}

Test(burst, program_times_decide_early_and_late_whenever_a_packet_arrives)
{
	struct burst burst;
	usual_burst(&burst, 1);
	struct burst_plan plan = make_plan(&burst.shape);
	for (uint64_t i = 0; i < plan.count; i++) {
		struct burst_content content;
		burst_content(&burst.shape, &plan.datagrams[i], &content);
		expect_times(&burst.questions[0], &plan.datagrams[i], &content);
	}
	burst_plan_free(&plan);
}

Test(burst, seven_of_ten_first_answers_fall_into_the_first_second)
{
	struct burst burst;
	usual_burst(&burst, 1);
	struct burst_plan plan = make_plan(&burst.shape);
	uint32_t in_first_second = 0;
	for (uint64_t i = 0; i < plan.count; i++) {
		struct burst_content content;
		burst_content(&burst.shape, &plan.datagrams[i], &content);
		in_first_second += plan.datagrams[i].kind == BURST_FIRST &&
				   content.vote.program_time_us < OPENS_US + 1000000;
	}
	cr_expect_geq(in_first_second, 3400);
	cr_expect_leq(in_first_second, 3600);
	burst_plan_free(&plan);
}

Test(burst, resent_and_changed_follow_the_first_answer)
{
	struct burst burst;
	usual_burst(&burst, 1);
	struct burst_plan plan = make_plan(&burst.shape);
	uint16_t *choices = malloc(burst.shape.voters * sizeof(*choices));
	cr_assert_not_null(choices);
	memset(choices, 0xFF, burst.shape.voters * sizeof(*choices));
	for (uint64_t i = 0; i < plan.count; i++) {
		struct burst_content content;
		const struct burst_datagram *datagram = &plan.datagrams[i];
		burst_content(&burst.shape, datagram, &content);
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
	struct burst burst;
	usual_burst(&burst, 1);
	struct burst_datagram datagram = {.answer = 42};
	uint16_t ports[BURST_KIND_COUNT];
	for (int kind = 0; kind < BURST_KIND_COUNT; kind++) {
		struct burst_content content;
		datagram.kind = (unsigned)kind & 0xFF;
		burst_content(&burst.shape, &datagram, &content);
		ports[kind] = content.source_port;
		for (int other = 0; other < kind; other++)
			if (kind != BURST_RESENT)
				cr_expect_neq(ports[kind], ports[other], "%d and %d", kind, other);
	}
	cr_expect_eq(ports[BURST_RESENT], ports[BURST_FIRST], "the same bytes");
}

Test(burst, only_forged_tags_are_damaged)
{
	struct burst burst;
	usual_burst(&burst, 1);
	struct burst_plan plan = make_plan(&burst.shape);
	for (uint64_t i = 0; i < plan.count; i++) {
		struct burst_content content;
		burst_content(&burst.shape, &plan.datagrams[i], &content);
		cr_assert_eq(plan.datagrams[i].kind == BURST_FORGED, content.tag_damage != 0);
	}
	burst_plan_free(&plan);
}

Test(burst, the_same_seed_gives_the_same_burst_and_another_one_does_not)
{
	struct burst burst;
	usual_burst(&burst, 1);
	struct burst_plan a = make_plan(&burst.shape), b = make_plan(&burst.shape);
	burst.shape.seed = 2;
	struct burst_plan c = make_plan(&burst.shape);
	cr_expect_eq(memcmp(a.datagrams, b.datagrams, a.count * sizeof(*a.datagrams)), 0);
	cr_expect_neq(memcmp(a.datagrams, c.datagrams, a.count * sizeof(*a.datagrams)), 0);
	burst_plan_free(&a);
	burst_plan_free(&b);
	burst_plan_free(&c);
}

/* The first answers to the one question, in the order of their numbers. */
static void read_firsts(const struct burst *burst, struct burst_content *contents)
{
	for (uint32_t answer = 0; answer < burst->shape.answers; answer++) {
		const struct burst_datagram datagram = {.answer = answer, .kind = BURST_FIRST};
		burst_content(&burst->shape, &datagram, &contents[answer]);
	}
}

static void expect_distinct(const uint32_t *values, uint32_t count, uint32_t voter)
{
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t j = 0; j < i; j++)
			cr_assert_neq(values[i], values[j], "voter %u", voter);
}

Test(burst, several_answers_of_a_voter_are_to_items_or_in_seconds_of_their_own)
{
	enum { PER_VOTER = 3 };
	static struct burst_content contents[5000 * PER_VOTER];
	const struct burst_question rows[] = {
		{.rules = {.kind = KIND_UPVOTE, .options = 3}, .duration_us = 20000000},
		{.rules = {.kind = KIND_UPVOTE, .options = 1000}, .duration_us = 20000000},
		{.rules = {.kind = KIND_REACTION, .options = 1}, .duration_us = 20000000},
		{.rules = {.kind = KIND_REACTION, .options = 2}, .duration_us = 2000001},
	};
	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
		struct burst burst;
		struct err err;
		usual_burst(&burst, 1);
		burst.questions[0].rules = rows[row].rules;
		burst.questions[0].duration_us = rows[row].duration_us;
		burst.questions[0].per_voter = PER_VOTER;
		cr_assert_eq(burst_shape_check(&burst.shape, &err), 0, "%s", err.text);
		read_firsts(&burst, contents);
		for (uint32_t voter = 0; voter < burst.shape.voters; voter++) {
			const struct burst_content *own = &contents[voter * PER_VOTER];
			uint32_t places[PER_VOTER], ports[PER_VOTER];
			for (uint32_t i = 0; i < PER_VOTER; i++) {
				uint64_t offset_us = own[i].vote.program_time_us - OPENS_US;
				cr_assert_eq(own[i].vote.voter, voter);
				cr_assert_lt(offset_us, rows[row].duration_us);
				cr_assert_lt(own[i].vote.choice, rows[row].rules.options);
				ports[i] = own[i].source_port;
				places[i] = rows[row].rules.kind == KIND_UPVOTE
						    ? own[i].vote.choice
						    : (uint32_t)(offset_us / 1000000);
			}
			expect_distinct(places, PER_VOTER, voter);
			expect_distinct(ports, PER_VOTER, voter);
		}
	}
}

Test(burst, a_changed_reaction_stays_in_its_second)
{
	struct burst burst;
	usual_burst(&burst, 1);
	burst.questions[0].rules.kind = KIND_REACTION;
	struct burst_plan plan = make_plan(&burst.shape);
	for (uint32_t i = 0; i < burst.shape.answers; i++) {
		const struct burst_datagram first = {.answer = i, .kind = BURST_FIRST};
		const struct burst_datagram changed = {.answer = i, .kind = BURST_CHANGED};
		struct burst_content a, b;
		burst_content(&burst.shape, &first, &a);
		burst_content(&burst.shape, &changed, &b);
		cr_assert_eq((a.vote.program_time_us - OPENS_US) / 1000000,
			     (b.vote.program_time_us - OPENS_US) / 1000000);
	}
	burst_plan_free(&plan);
}

Test(burst, only_a_revote_has_revisions)
{
	for (int revote = 0; revote < 2; revote++) {
		struct burst burst;
		usual_burst(&burst, 1);
		burst.questions[0].revote = revote;
		struct burst_plan plan = make_plan(&burst.shape);
		for (uint64_t i = 0; i < plan.count; i++) {
			struct burst_content content;
			burst_content(&burst.shape, &plan.datagrams[i], &content);
			bool higher = revote && plan.datagrams[i].kind == BURST_CHANGED;
			cr_assert_eq(content.vote.revision > 0, higher);
		}
		burst_plan_free(&plan);
	}
}

Test(burst, the_window_that_opens_first_has_the_first_packet)
{
	struct burst burst;
	usual_burst(&burst, 3);
	burst.questions[0].opens_at_us += 7000000;
	burst.questions[2].opens_at_us += 500000;
	struct burst_plan plan = make_plan(&burst.shape);
	cr_expect_eq(plan.datagrams[0].arrival_us, OPENS_US);
	cr_expect_eq(burst_answer_of(&burst.shape, plan.datagrams[0].answer).question,
		     &burst.questions[1]);
	burst_plan_free(&plan);
}

/* A row: what is wrong with the shape, and a word of the message that must name it. */
static void expect_refused(struct burst *burst, const char *word)
{
	struct err err = {""};
	cr_expect_lt(burst_shape_check(&burst->shape, &err), 0, "%s", word);
	cr_expect_not_null(strstr(err.text, word), "'%s' in: %s", word, err.text);
	usual_burst(burst, 1);
}

Test(burst, impossible_shapes_are_refused)
{
	struct burst burst;
	usual_burst(&burst, 1);
	burst.shape.share_ppm[BURST_RESENT] = 800000;
	expect_refused(&burst, "100 %");
	burst.shape.delay_max_us = 4700000;
	expect_refused(&burst, "interaction 101's max_delay");
	burst.shape.delay_min_us = 4000000;
	expect_refused(&burst, "--delay");
	burst.shape.share_ppm[BURST_RESENT] = 0;
	burst.shape.share_ppm[BURST_EARLY] = 600000;
	expect_refused(&burst, "--early");
	burst.questions[0].per_voter = 2;
	expect_refused(&burst, "1 to 1 answers");
	burst.questions[0].rules.kind = KIND_UPVOTE;
	burst.questions[0].per_voter = 5;
	expect_refused(&burst, "1 to 4 answers");
	burst.questions[0].rules = (struct question){.kind = KIND_UPVOTE, .options = 1000};
	burst.questions[0].per_voter = 600;
	burst.shape.voters = 1000000;
	expect_refused(&burst, "source ports");
	burst.questions[0].rules = (struct question){.kind = KIND_UPVOTE, .options = 1000};
	burst.questions[0].per_voter = 60;
	burst.shape.voters = 500u << 20;
	expect_refused(&burst, "datagrams");
}
