// SPDX-License-Identifier: BSD-3-Clause
/* The life of a vote through the whole pipeline: every verdict, its counter, its answer. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

#include "dataplane/core/receipt.h"
#include "tests/lib/stage.h"

#define SECOND STAGE_SECOND
#define OPENS  STAGE_OPENS_US
#define CLOSES (OPENS + 20 * SECOND)
#define NOW    (OPENS + 3 * SECOND)
#define SEEN   (OPENS + 2 * SECOND)

enum { POLL, CANCELLED, OTHER_TENANT, WINDOWS };
static const struct stage_window windows[WINDOWS] = {
	[POLL] = {7, 101, 4, 1000, OPENS, CLOSES, 5 * SECOND, false, {0}},
	[CANCELLED] = {7, 102, 4, 1000, OPENS, CLOSES, 5 * SECOND, true, {0}},
	[OTHER_TENANT] = {8, 101, 1024, 50, OPENS, CLOSES, 5 * SECOND, false, {0}},
};
static const struct envelope plain = {.ip_version = 4};

static struct stage stage;
static struct stage_burst burst;
static uint64_t verdicts[VERDICT_COUNT];

static void set_up(void)
{
	const struct auth_key keys[] = {stage_default_key(7, 1), stage_default_key(7, 2),
					stage_default_key(8, 1)};
	stage_open(&stage, keys, 3, windows, WINDOWS);
	stage_burst_start(&burst);
}

static void tear_down(void)
{
	stage_close(&stage);
}

TestSuite(pipeline, .init = set_up, .fini = tear_down);

/* Every packet ends in exactly one counter: asked after every burst of every test here. */
static void play(void)
{
	const char *wrong = stage_play(&stage, 0, &burst);
	cr_assert_null(wrong, "%s", wrong ? wrong : "");
	uint64_t sum = stage_verdicts(&stage, verdicts);
	cr_assert_eq(sum, stage_received(&stage), "counted %lu of %lu", sum,
		     stage_received(&stage));
}

static struct vote vote_of(uint32_t voter, uint16_t choice)
{
	return (struct vote){.tenant = 7,
			     .server = 1,
			     .key_epoch = 1,
			     .interaction = 101,
			     .voter = voter,
			     .choice = choice,
			     .program_time_us = SEEN};
}

static uint32_t add(struct vote vote)
{
	return stage_burst_vote(&burst, &plain, &vote, NOW);
}

static const struct receipt_packet *receipt_at(uint32_t i)
{
	return (const void *)(burst.frames[i] + envelope_payload(&plain));
}

static void expect_receipt(uint32_t i, enum receipt_status status, uint16_t choice)
{
	cr_expect_eq(receipt_at(i)->type, 0x42, "packet %u", i);
	cr_expect_eq(receipt_at(i)->status, status, "packet %u: status %u", i,
		     receipt_at(i)->status);
	cr_expect_eq(be16(receipt_at(i)->choice_be), choice, "packet %u: choice %u", i,
		     be16(receipt_at(i)->choice_be));
}

static uint64_t votes_for(uint32_t window, uint16_t choice)
{
	uint64_t votes[1024];
	struct tally_sum sum = {.votes = votes};
	tally_read(&stage.stores[window].tally, stage.set[window].question.options, &sum);
	return votes[choice];
}

static void add_watch(bool signed_right)
{
	uint8_t watch[WATCH_BYTES] = {0}, voter_key[AUTH_KEY_BYTES];
	struct vote vote = vote_of(9, 0);
	vote.interaction = 0;
	stage_sign(&vote, (void *)watch);
	watch[0] = WATCH_TYPE;
	memset(watch + 32, 0, 16);
	auth_voter_key(stage_default_key(7, 1).key, 7, 1, 9, voter_key);
	auth_tag(voter_key, watch, WATCH_TAG_OFFSET, watch + WATCH_TAG_OFFSET);
	watch[WATCH_TAG_OFFSET + 7] ^= signed_right ? 0 : 1;
	stage_burst_add(&burst, &plain, watch, sizeof(watch), NOW);
}

static void add_long_header(uint16_t bytes)
{
	uint8_t payload[1500] = {0xC0, 0, 0, 0, 1, 8};
	stage_burst_add(&burst, &plain, payload, bytes, NOW);
}

/* A vote with one thing wrong, by the verdict it must get. */
static struct vote wrong_vote(enum verdict verdict)
{
	struct vote vote = vote_of(1, 2);
	switch (verdict) {
	case VERDICT_UNKNOWN_KEY: vote.key_epoch = 3; break;
	case VERDICT_UNKNOWN: vote.interaction = 999; break;
	case VERDICT_CANCELLED: vote.interaction = 102; break;
	case VERDICT_BAD_CHOICE: vote.choice = 4; break;
	case VERDICT_EARLY: vote.program_time_us = OPENS - 1; break;
	case VERDICT_LATE: vote.program_time_us = NOW - 5 * SECOND - 1; break;
	case VERDICT_BUSY: vote.voter = 1000; break;
	default: break;
	}
	return vote;
}

Test(pipeline, one_burst_with_every_verdict)
{
	static const enum verdict judged[] = {
		VERDICT_UNKNOWN_KEY, VERDICT_UNKNOWN, VERDICT_CANCELLED, VERDICT_BAD_CHOICE,
		VERDICT_EARLY,       VERDICT_BUSY,    VERDICT_COUNTED,   VERDICT_DUPLICATE};
	enum verdict want[BURST_MAX];
	uint32_t count = 0;
	const struct envelope elsewhere = {.destination_port = 53};
	stage_burst_add(&burst, &elsewhere, "?", 1, NOW);
	want[count++] = VERDICT_PASSED;
	add_long_header(1200);
	want[count++] = VERDICT_NEGOTIATED;
	add_long_header(1199);
	want[count++] = VERDICT_MALFORMED;
	add_watch(true);
	want[count++] = VERDICT_WATCH;
	add_watch(false);
	want[count++] = VERDICT_BAD_TAG;
	for (size_t i = 0; i < sizeof(judged) / sizeof(judged[0]); i++) {
		add(wrong_vote(judged[i]));
		want[count++] = judged[i];
	}
	/* Late by its delay needs a vote of an earlier second. */
	struct vote late = vote_of(2, 1);
	late.program_time_us = OPENS;
	stage_burst_vote(&burst, &plain, &late, OPENS + 5 * SECOND + 1);
	want[count++] = VERDICT_LATE;
	play();
	for (uint32_t i = 0; i < count; i++)
		cr_expect_eq(burst.burst.verdict[i], want[i], "packet %u: %s instead of %s", i,
			     verdict_name(burst.burst.verdict[i]), verdict_name(want[i]));
	for (uint32_t verdict = VERDICT_NONE + 1; verdict < VERDICT_COUNT; verdict++) {
		bool cannot_be = verdict == VERDICT_POLICED || verdict == VERDICT_CHANGED;
		cr_expect_eq(verdicts[verdict], cannot_be ? 0 : 1, "%s: %lu",
			     verdict_name((enum verdict)verdict), verdicts[verdict]);
	}
	cr_expect_eq(votes_for(POLL, 2), 1);
}

Test(pipeline, windows_count_what_is_theirs_and_workers_the_rest)
{
	add(wrong_vote(VERDICT_UNKNOWN));
	add(wrong_vote(VERDICT_CANCELLED));
	add(vote_of(1, 3));
	play();
	cr_expect_eq(stage.counters[0].verdicts[VERDICT_UNKNOWN], 1);
	cr_expect_eq(stage.counters[0].verdicts[VERDICT_CANCELLED], 0);
	cr_expect_eq(stage.counters[0].verdicts[VERDICT_COUNTED], 0);
	cr_expect_eq(tally_lane(&stage.stores[CANCELLED].tally, 0)->receipts[RECEIPT_CANCELLED], 1);
	cr_expect_eq(tally_lane(&stage.stores[POLL].tally, 0)->receipts[RECEIPT_COUNTED], 1);
	cr_expect_eq(tally_lane(&stage.stores[POLL].tally, 0)->votes[3], 1);
	cr_expect_eq(tally_lane(&stage.stores[POLL].tally, 1)->votes[3], 0, "not its lane");
}

Test(pipeline, empty_burst_changes_nothing)
{
	play();
	cr_expect_eq(stage_received(&stage), 0);
}

Test(pipeline, a_full_burst_of_one_vote_counts_it_once)
{
	for (uint32_t i = 0; i < BURST_MAX; i++)
		add(vote_of(42, 2));
	play();
	expect_receipt(0, RECEIPT_COUNTED, 2);
	for (uint32_t i = 1; i < BURST_MAX; i++)
		expect_receipt(i, RECEIPT_DUPLICATE, 2);
	cr_expect_eq(votes_for(POLL, 2), 1);
	cr_expect_eq(verdicts[VERDICT_DUPLICATE], BURST_MAX - 1);
}

Test(pipeline, resends_get_duplicate_with_what_stands)
{
	for (int round = 0; round < 3; round++) {
		stage_burst_start(&burst);
		add(vote_of(42, 2));
		play();
		expect_receipt(0, round ? RECEIPT_DUPLICATE : RECEIPT_COUNTED, 2);
	}
	cr_expect_eq(votes_for(POLL, 2), 1);
}

Test(pipeline, a_conflicting_twin_gets_the_choice_that_stands)
{
	struct vote revised = vote_of(42, 0);
	revised.revision = 5;
	add(vote_of(42, 2));
	add(vote_of(42, 3));
	add(revised);
	play();
	expect_receipt(0, RECEIPT_COUNTED, 2);
	expect_receipt(1, RECEIPT_DUPLICATE, 2);
	expect_receipt(2, RECEIPT_DUPLICATE, 2);
	cr_expect_eq(votes_for(POLL, 2), 1);
	cr_expect_eq(votes_for(POLL, 3) + votes_for(POLL, 0), 0);
}

/* "The choice that now stands for this voter": whatever becomes of the vote that asks. */
Test(pipeline, refused_votes_of_a_voter_learn_what_stands)
{
	static const enum verdict rows[] = {VERDICT_BAD_CHOICE, VERDICT_EARLY, VERDICT_LATE};
	for (uint16_t answered = 0; answered < 2; answered++) {
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			struct vote vote = wrong_vote(rows[i]);
			if (rows[i] == VERDICT_LATE)
				vote.program_time_us = CLOSES;
			vote.voter = 42;
			stage_burst_start(&burst);
			stage_burst_vote(&burst, &plain, &vote, CLOSES);
			vote.voter = 43;
			stage_burst_vote(&burst, &plain, &vote, CLOSES);
			play();
			expect_receipt(0, receipt_status_of(rows[i]), answered ? 3 : CHOICE_NONE);
			expect_receipt(1, receipt_status_of(rows[i]), CHOICE_NONE);
		}
		stage_burst_start(&burst);
		add(vote_of(42, 3));
		play();
	}
}

/* How packets fall into bursts is chance, and no receipt may depend on it. */
Test(pipeline, a_refused_vote_behind_the_counted_one_in_its_burst_learns_it)
{
	struct vote early = vote_of(42, 3), wrong = vote_of(42, 4);
	early.program_time_us = OPENS - 1;
	add(early);
	add(vote_of(42, 2));
	add(early);
	add(wrong);
	play();
	expect_receipt(0, RECEIPT_EARLY, CHOICE_NONE);
	expect_receipt(1, RECEIPT_COUNTED, 2);
	expect_receipt(2, RECEIPT_EARLY, 2);
	expect_receipt(3, RECEIPT_BAD_CHOICE, 2);
}

Test(pipeline, after_a_cancel_receipts_say_so_and_what_stood)
{
	add(vote_of(42, 1));
	play();
	stage.set[POLL].cancelled = true;
	stage_publish(&stage);
	stage_burst_start(&burst);
	add(vote_of(42, 1));
	add(vote_of(43, 1));
	play();
	expect_receipt(0, RECEIPT_CANCELLED, 1);
	expect_receipt(1, RECEIPT_CANCELLED, CHOICE_NONE);
	cr_expect_eq(votes_for(POLL, 1), 1);
}

Test(pipeline, voters_beyond_the_ballot_are_told_to_come_back)
{
	static const uint32_t beyond[] = {1000, 1001, 1u << 24, UINT32_MAX};
	add(vote_of(999, 1));
	for (size_t i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++)
		add(vote_of(beyond[i], 1));
	play();
	expect_receipt(0, RECEIPT_COUNTED, 1);
	for (uint32_t i = 1; i < burst.burst.count; i++)
		expect_receipt(i, RECEIPT_BUSY, CHOICE_NONE);
	cr_expect_eq(votes_for(POLL, 1), 1);
	cr_expect_eq(verdicts[VERDICT_BUSY], 4);
}

Test(pipeline, one_interaction_number_under_two_tenants_counts_apart)
{
	struct vote other = vote_of(42, 1023);
	other.tenant = 8;
	add(vote_of(42, 2));
	add(other);
	play();
	expect_receipt(0, RECEIPT_COUNTED, 2);
	expect_receipt(1, RECEIPT_COUNTED, 1023);
	cr_expect_eq(votes_for(POLL, 2), 1);
	cr_expect_eq(votes_for(OTHER_TENANT, 1023), 1);
}

Test(pipeline, both_live_epochs_are_one_voter)
{
	struct vote newer = vote_of(42, 3);
	newer.key_epoch = 2;
	add(vote_of(42, 2));
	add(newer);
	play();
	expect_receipt(0, RECEIPT_COUNTED, 2);
	expect_receipt(1, RECEIPT_DUPLICATE, 2);
}

Test(pipeline, a_revoked_voter_gets_no_answer_and_what_stands_stands)
{
	static const struct auth_voter gone = {7, 1, 42};
	struct auth_revoked *set = auth_revoked_build(malloc(auth_revoked_bytes(1)), &gone, 1);
	struct vote newer = vote_of(42, 3);
	newer.key_epoch = 2;
	add(vote_of(42, 2));
	play();
	stage.keys->revoked = set;
	stage_burst_start(&burst);
	add(vote_of(42, 2));
	add(vote_of(43, 2));
	add(newer);
	play();
	cr_expect_eq(burst.burst.verdict[0], VERDICT_UNKNOWN_KEY);
	cr_expect_eq(burst.burst.reply_bytes[0], 0);
	expect_receipt(1, RECEIPT_COUNTED, 2);
	expect_receipt(2, RECEIPT_DUPLICATE, 2);
	cr_expect_eq(votes_for(POLL, 2), 2);
	stage.keys->revoked = NULL;
	free(set);
}

Test(pipeline, no_bit_of_a_vote_can_be_flipped)
{
	struct vote good = vote_of(42, 1);
	for (uint32_t bit = 0; bit < VOTE_BYTES * 8; bit++) {
		struct vote_packet packet;
		stage_sign(&good, &packet);
		((uint8_t *)&packet)[bit / 8] ^= (uint8_t)(1 << bit % 8);
		stage_burst_start(&burst);
		stage_burst_add(&burst, &plain, &packet, sizeof(packet), NOW);
		play();
		enum verdict got = burst.burst.verdict[0];
		cr_expect(got == VERDICT_MALFORMED || got == VERDICT_UNKNOWN_KEY ||
				  got == VERDICT_BAD_TAG,
			  "byte %u, bit %u: %s", bit / 8, bit % 8, verdict_name(got));
	}
	cr_expect_eq(votes_for(POLL, 1), 0);
	cr_expect_eq(ballot_standing(stage.stores[POLL].ballots, 42), CHOICE_NONE);
}

Test(pipeline, another_tenants_key_opens_nothing)
{
	struct vote vote = vote_of(42, 1);
	struct vote_packet packet;
	uint8_t voter_key[AUTH_KEY_BYTES];
	auth_voter_key(stage_default_key(8, 1).key, 7, 1, 42, voter_key);
	vote_write(&vote, voter_key, &packet);
	stage_burst_add(&burst, &plain, &packet, sizeof(packet), NOW);
	/* And another voter's key of the same tenant. */
	auth_voter_key(stage_default_key(7, 1).key, 7, 1, 43, voter_key);
	vote_write(&vote, voter_key, &packet);
	stage_burst_add(&burst, &plain, &packet, sizeof(packet), NOW);
	play();
	cr_expect_eq(verdicts[VERDICT_BAD_TAG], 2);
}

Test(pipeline, receipts_carry_each_packets_own_arrival)
{
	for (uint32_t i = 0; i < 8; i++) {
		struct vote vote = vote_of(i, 0);
		vote.revision = i * 0x20001;
		stage_burst_vote(&burst, &plain, &vote, NOW + i * 77777);
	}
	play();
	for (uint32_t i = 0; i < 8; i++) {
		const struct receipt_packet *receipt = receipt_at(i);
		uint8_t voter_key[AUTH_KEY_BYTES];
		auth_voter_key(stage_default_key(7, 1).key, 7, 1, i, voter_key);
		cr_expect_eq(be64(receipt->arrival_us_be), NOW + i * 77777);
		cr_expect_eq(be32(receipt->voter_be), i);
		cr_expect_eq(get_be24(receipt->revision_be), i * 0x20001);
		cr_expect(auth_tag_matches(voter_key, receipt, 32, receipt->tag), "packet %u", i);
	}
}

/* Twins on two cores: who is counted is open, that one of them is, is not. */
enum { TWIN_VOTERS = 1000, TWIN_BURSTS = 40 };

struct twin {
	uint32_t worker;
	pthread_barrier_t *start;
	const char *wrong; /* read after the join */
	struct stage_burst burst;
	uint16_t said[TWIN_VOTERS]; /* the choice in the last receipt */
};

static void *vote_for_all(void *argument)
{
	struct twin *twin = argument;
	pthread_barrier_wait(twin->start);
	for (uint32_t i = 0; i < TWIN_BURSTS * 50 && !twin->wrong; i += 50) {
		stage_burst_start(&twin->burst);
		for (uint32_t j = 0; j < 50; j++) {
			struct vote vote =
				vote_of((i + j) % TWIN_VOTERS, (uint16_t)(twin->worker + 1));
			stage_burst_vote(&twin->burst, &plain, &vote, NOW);
		}
		twin->wrong = stage_play(&stage, twin->worker, &twin->burst);
		for (uint32_t j = 0; j < 50; j++)
			twin->said[(i + j) % TWIN_VOTERS] = twin->burst.burst.standing[j];
	}
	return NULL;
}

Test(pipeline, twins_on_two_workers_count_once)
{
	static struct twin twins[STAGE_WORKERS];
	pthread_t threads[STAGE_WORKERS];
	pthread_barrier_t start;
	pthread_barrier_init(&start, NULL, STAGE_WORKERS);
	for (uint32_t worker = 0; worker < STAGE_WORKERS; worker++) {
		twins[worker].worker = worker;
		twins[worker].start = &start;
		cr_assert_eq(pthread_create(&threads[worker], NULL, vote_for_all, &twins[worker]),
			     0);
	}
	for (uint32_t worker = 0; worker < STAGE_WORKERS; worker++) {
		pthread_join(threads[worker], NULL);
		cr_expect_null(twins[worker].wrong, "%s", twins[worker].wrong);
	}
	pthread_barrier_destroy(&start);

	uint64_t sum = stage_verdicts(&stage, verdicts), audit[4];
	cr_expect_eq(sum, stage_received(&stage));
	cr_expect_eq(sum, STAGE_WORKERS * TWIN_BURSTS * 50);
	cr_expect_eq(verdicts[VERDICT_COUNTED], TWIN_VOTERS);
	cr_expect_eq(verdicts[VERDICT_DUPLICATE], sum - TWIN_VOTERS);
	for (uint32_t worker = 0; worker < STAGE_WORKERS; worker++) {
		const struct tally_lane *lane = tally_lane(&stage.stores[POLL].tally, worker);
		cr_expect_eq(lane->receipts[RECEIPT_COUNTED] + lane->receipts[RECEIPT_DUPLICATE],
			     TWIN_BURSTS * 50, "worker %u keeps to its lane", worker);
	}
	cr_expect_eq(ballot_count(stage.stores[POLL].ballots, audit, 4), TWIN_VOTERS);
	for (uint16_t choice = 0; choice < 4; choice++)
		cr_expect_eq(votes_for(POLL, choice), audit[choice], "choice %u", choice);
	for (uint32_t voter = 0; voter < TWIN_VOTERS; voter++)
		for (uint32_t worker = 0; worker < STAGE_WORKERS; worker++)
			cr_assert_eq(twins[worker].said[voter],
				     ballot_standing(stage.stores[POLL].ballots, voter));
}
