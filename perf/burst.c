/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Derives every datagram of a burst from its name and the seed, and keeps the known answer.
 *
 * Called by `tallyreplay make` and the tests. It never signs, writes or judges anything. Outcomes
 * hold with a second or two to spare, so a sender that slips behind does not change them.
 */
#include "perf/burst.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_US     1000000u
#define RESEND_MIN_US 20000
#define CHANGE_MIN_US 200000
#define CHANGE_MAX_US 2000000
#define LATE_SPAN_US  1000000 /* late answers are stamped within this after the window closed */

/* One stream of randomness per purpose, so that a new option never shifts what another one draws.
 */
enum stream {
	STREAM_DELAY,
	STREAM_IPV6,
	STREAM_CHOICE,
	STREAM_IN_FIRST_SECOND,
	STREAM_PROGRAM,
	STREAM_OTHER_CHOICE,
	STREAM_GAP,
	STREAM_TAG,
	STREAM_SCATTER,
};

/* Source: splitmix64 (Steele, Lea, Flood 2014), its finalizer over three words. */
static uint64_t mix(uint64_t x)
{
	x += 0x9E3779B97F4A7C15u;
	x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
	x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
	return x ^ (x >> 31);
}

static uint64_t draw(const struct burst_shape *shape, enum stream stream, uint64_t name)
{
	return mix(mix(shape->seed + stream * 0xD1342543DE82EF95u) ^ name);
}

/* Uniform in [0, bound); 0 where the bound is 0. */
static uint64_t draw_below(const struct burst_shape *shape, enum stream stream, uint64_t name,
			   uint64_t bound)
{
	return (uint64_t)((unsigned __int128)draw(shape, stream, name) * bound >> 64);
}

/* A name for what is drawn once per datagram. */
static uint64_t datagram_name(const struct burst_datagram *datagram)
{
	return (uint64_t)datagram->answer << 32 | (uint64_t)datagram->kind << 24 | datagram->copy;
}

static uint64_t viewer_delay_us(const struct burst_shape *shape, uint32_t voter)
{
	uint64_t span_us = shape->delay_max_us - shape->delay_min_us;
	return shape->delay_min_us + draw_below(shape, STREAM_DELAY, voter, span_us + 1);
}

/* The lesser of two draws: the leader of four options gets 44 %, the last one 6 %. */
static uint16_t first_choice(const struct burst_shape *shape, uint32_t answer)
{
	uint64_t drawn = draw(shape, STREAM_CHOICE, answer);
	uint64_t one = (drawn >> 32) * shape->options >> 32;
	uint64_t other = (drawn & UINT32_MAX) * shape->options >> 32;
	return (uint16_t)(((one < other ? one : other) + shape->seed) % shape->options);
}

/* When the viewer gave the first answer, in program time after opens_at. */
static uint64_t first_program_us(const struct burst_shape *shape, uint32_t answer)
{
	uint64_t head_us = shape->duration_us < SECOND_US ? shape->duration_us : SECOND_US;
	uint64_t tail_us = shape->duration_us - head_us;
	bool in_head = draw_below(shape, STREAM_IN_FIRST_SECOND, answer, BURST_PPM) <
		       shape->first_second_ppm;
	if (answer == 0)
		return 0; /* somebody answers as the window opens: the burst's first packet */
	if (in_head || tail_us == 0)
		return draw_below(shape, STREAM_PROGRAM, answer, head_us);
	return head_us + draw_below(shape, STREAM_PROGRAM, answer, tail_us);
}

/* Arrival of the first answer, after opens_at. */
static uint64_t first_arrival_us(const struct burst_shape *shape, uint32_t answer)
{
	if (answer == 0)
		return 0; /* this viewer watches without delay */
	return first_program_us(shape, answer) + viewer_delay_us(shape, answer % shape->voters);
}

static uint64_t change_gap_us(const struct burst_shape *shape,
			      const struct burst_datagram *datagram)
{
	return CHANGE_MIN_US + draw_below(shape, STREAM_GAP, datagram_name(datagram),
					  CHANGE_MAX_US - CHANGE_MIN_US);
}

/* How far before opens_at an early answer is stamped: not further than the viewer is behind. */
static uint64_t early_lead_us(const struct burst_shape *shape,
			      const struct burst_datagram *datagram)
{
	uint64_t delay_us = viewer_delay_us(shape, datagram->answer % shape->voters);
	uint64_t span_us = delay_us ? delay_us : SECOND_US;
	return 1 + draw_below(shape, STREAM_PROGRAM, datagram_name(datagram), span_us);
}

/* Program time as an offset from opens_at; negative for early answers. */
static int64_t program_offset_us(const struct burst_shape *shape,
				 const struct burst_datagram *datagram)
{
	uint64_t name = datagram_name(datagram);
	uint64_t program_us;
	switch ((enum burst_kind)datagram->kind) {
	case BURST_CHANGED:
		program_us =
			first_program_us(shape, datagram->answer) + change_gap_us(shape, datagram);
		return (int64_t)(program_us < shape->duration_us ? program_us
								 : shape->duration_us - 1);
	case BURST_FORGED:
		return (int64_t)draw_below(shape, STREAM_PROGRAM, name, shape->duration_us);
	case BURST_EARLY: return -(int64_t)early_lead_us(shape, datagram);
	case BURST_LATE:
		return (int64_t)(shape->duration_us +
				 draw_below(shape, STREAM_PROGRAM, name, LATE_SPAN_US));
	default: return (int64_t)first_program_us(shape, datagram->answer);
	}
}

/* The packet's arrival as an offset from opens_at, never negative. */
static uint64_t arrival_offset_us(const struct burst_shape *shape,
				  const struct burst_datagram *datagram)
{
	uint64_t name = datagram_name(datagram);
	uint64_t first_us = first_arrival_us(shape, datagram->answer);
	uint64_t gap_us = RESEND_MIN_US +
			  draw_below(shape, STREAM_GAP, name, BURST_RESEND_MAX_US - RESEND_MIN_US);
	int64_t seen_us = program_offset_us(shape, datagram) +
			  (int64_t)viewer_delay_us(shape, datagram->answer % shape->voters);
	uint64_t arrival_us = seen_us > 0 ? (uint64_t)seen_us : 0;
	switch ((enum burst_kind)datagram->kind) {
	case BURST_FIRST: return first_us;
	case BURST_RESENT: return first_us + gap_us;
	case BURST_CHANGED: return arrival_us > first_us + gap_us ? arrival_us : first_us + gap_us;
	default: return arrival_us;
	}
}

/* Datagrams of this kind, for the given number of first answers. */
static uint64_t kind_count(const struct burst_shape *shape, enum burst_kind kind)
{
	uint64_t answers = (uint64_t)shape->voters * shape->interactions;
	uint64_t rest_ppm = BURST_PPM;
	for (int other = BURST_FIRST + 1; other < BURST_KIND_COUNT; other++)
		rest_ppm -= shape->share_ppm[other];
	if (kind == BURST_FIRST)
		return answers;
	return (answers * shape->share_ppm[kind] + rest_ppm / 2) / rest_ppm;
}

static int check_shares(const struct burst_shape *shape, struct err *err)
{
	uint64_t answers = (uint64_t)shape->voters * shape->interactions;
	uint64_t sum_ppm = 0;
	for (int kind = BURST_FIRST + 1; kind < BURST_KIND_COUNT; kind++)
		sum_ppm += shape->share_ppm[kind];
	if (sum_ppm >= BURST_PPM)
		return err_set(err, -EINVAL,
			       "shares: resent, changed, forged, early and late add up to %g %%; "
			       "leave something below 100 %% for the first answers",
			       (double)sum_ppm / 10000);
	uint64_t total = answers;
	for (int kind = BURST_FIRST + 1; kind < BURST_KIND_COUNT; kind++) {
		uint64_t count = kind_count(shape, (enum burst_kind)kind);
		bool once = kind == BURST_CHANGED || kind == BURST_EARLY || kind == BURST_LATE;
		total += count;
		if (once && count > answers)
			return err_set(err, -EINVAL,
				       "--%s: %" PRIu64 " datagrams for %" PRIu64
				       " first answers; at "
				       "most one each, so choose a smaller share",
				       burst_kind_name((enum burst_kind)kind), count, answers);
	}
	if (total > UINT32_MAX)
		return err_set(err, -EINVAL,
			       "the burst would hold %" PRIu64 " datagrams; at most "
			       "4294967295, so take fewer voters, interactions or smaller shares",
			       total);
	return 0;
}

int burst_shape_check(const struct burst_shape *shape, struct err *err)
{
	if (shape->voters == 0 || shape->voters > BURST_MAX_VOTERS || shape->interactions == 0)
		return err_set(err, -EINVAL,
			       "voters and interactions: from 1 on, and at most %u voters",
			       BURST_MAX_VOTERS);
	if ((uint64_t)shape->first_id + shape->interactions - 1 > UINT32_MAX)
		return err_set(err, -EINVAL,
			       "--first-id: %u and %u interactions pass the last id, 4294967295; "
			       "choose %u at most",
			       shape->first_id, shape->interactions,
			       UINT32_MAX - shape->interactions + 1);
	if (shape->options < 2 || shape->duration_us == 0)
		return err_set(err, -EINVAL,
			       "a poll has two options or more and a window that lasts");
	if (shape->delay_min_us > shape->delay_max_us)
		return err_set(err, -EINVAL, "--delay: the shorter delay comes first");
	if (shape->delay_max_us + BURST_RESEND_MAX_US > shape->max_delay_us)
		return err_set(
			err, -EINVAL,
			"--delay: up to %g s, and %g s for a resend, is more than the window's "
			"max_delay of %g s; shorten it or give a longer --max-delay",
			(double)shape->delay_max_us / 1e6, BURST_RESEND_MAX_US / 1e6,
			(double)shape->max_delay_us / 1e6);
	return check_shares(shape, err);
}

static uint64_t greatest_common_divisor(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

/* Names the datagrams of one kind: answers scattered by a stride that visits all before any twice.
 */
static void name_kind(const struct burst_shape *shape, struct burst_plan *plan,
		      enum burst_kind kind)
{
	uint64_t answers = (uint64_t)shape->voters * shape->interactions;
	uint64_t stride = kind == BURST_FIRST ? 1 : (uint64_t)((double)answers * 0.6180339887) + 1;
	uint64_t start = kind == BURST_FIRST ? 0 : draw_below(shape, STREAM_SCATTER, kind, answers);
	while (greatest_common_divisor(stride, answers) != 1)
		stride++;
	for (uint64_t i = 0; i < plan->count_of[kind]; i++) {
		struct burst_datagram *datagram = &plan->datagrams[plan->count++];
		datagram->kind = kind;
		datagram->copy = (uint32_t)(i / answers) & 0xFFFFFF;
		datagram->answer = (uint32_t)((start + (i % answers) * stride) % answers);
		datagram->arrival_us = shape->opens_at_us + arrival_offset_us(shape, datagram);
	}
}

/* By arrival, then by name, so that the order is the same on every machine. */
static int compare_arrivals(const void *a, const void *b)
{
	const struct burst_datagram *left = a, *right = b;
	if (left->arrival_us != right->arrival_us)
		return left->arrival_us < right->arrival_us ? -1 : 1;
	if (left->kind != right->kind)
		return left->kind < right->kind ? -1 : 1;
	if (left->answer != right->answer)
		return left->answer < right->answer ? -1 : 1;
	return left->copy < right->copy ? -1 : left->copy > right->copy;
}

int burst_plan_make(const struct burst_shape *shape, struct burst_plan *plan, struct err *err)
{
	uint64_t total = 0;
	memset(plan, 0, sizeof(*plan));
	for (int kind = 0; kind < BURST_KIND_COUNT; kind++) {
		plan->count_of[kind] = kind_count(shape, (enum burst_kind)kind);
		total += plan->count_of[kind];
	}
	plan->datagrams = malloc(total * sizeof(*plan->datagrams));
	if (!plan->datagrams)
		return err_set(err, -ENOMEM,
			       "no memory for a plan of %" PRIu64 " datagrams; make a "
			       "smaller burst",
			       total);
	for (int kind = 0; kind < BURST_KIND_COUNT; kind++)
		name_kind(shape, plan, (enum burst_kind)kind);
	qsort(plan->datagrams, plan->count, sizeof(*plan->datagrams), compare_arrivals);
	return 0;
}

void burst_plan_free(struct burst_plan *plan)
{
	free(plan->datagrams);
	memset(plan, 0, sizeof(*plan));
}

/* The choice that this kind of datagram carries. */
static uint16_t datagram_choice(const struct burst_shape *shape,
				const struct burst_datagram *datagram)
{
	uint64_t name = datagram_name(datagram);
	uint16_t first = first_choice(shape, datagram->answer);
	if (datagram->kind == BURST_FIRST || datagram->kind == BURST_RESENT)
		return first;
	if (datagram->kind != BURST_CHANGED)
		return (uint16_t)draw_below(shape, STREAM_OTHER_CHOICE, name, shape->options);
	uint64_t step = 1 + draw_below(shape, STREAM_OTHER_CHOICE, name, shape->options - 1u);
	return (uint16_t)((first + step) % shape->options);
}

/* A receipt echoes neither choice nor time: the port tells a voter's datagrams apart. */
static uint16_t source_port(uint32_t voter, const struct burst_datagram *datagram)
{
	static const uint8_t variants[BURST_KIND_COUNT] = {
		[BURST_FIRST] = 0, [BURST_RESENT] = 0, [BURST_CHANGED] = 1,
		[BURST_EARLY] = 2, [BURST_LATE] = 3,   [BURST_FORGED] = 4,
	};
	uint32_t variant = variants[datagram->kind];
	if (datagram->kind == BURST_FORGED)
		variant += datagram->copy % (BURST_PORTS - variant);
	return (uint16_t)(BURST_FIRST_PORT + (voter >> 16) * BURST_PORTS + variant);
}

void burst_content(const struct burst_shape *shape, const struct burst_datagram *datagram,
		   struct burst_content *content)
{
	uint32_t voter = datagram->answer % shape->voters;
	uint64_t program_us = shape->opens_at_us + (uint64_t)program_offset_us(shape, datagram);
	content->vote = (struct vote){
		.program_time_us = program_us,
		.interaction = shape->first_id + datagram->answer / shape->voters,
		.voter = voter,
		.tenant = shape->tenant,
		.server = shape->server,
		.choice = datagram_choice(shape, datagram),
		.key_epoch = shape->key_epoch,
	};
	content->tag_damage = 0;
	if (datagram->kind == BURST_FORGED)
		content->tag_damage = draw(shape, STREAM_TAG, datagram_name(datagram)) | 1;
	content->source_port = source_port(voter, datagram);
	content->ipv6 = draw_below(shape, STREAM_IPV6, voter, BURST_PPM) < shape->ipv6_ppm;
}

int burst_account_make(const struct burst_shape *shape, struct burst_account *account,
		       struct err *err)
{
	memset(account, 0, sizeof(*account));
	account->sums = calloc(shape->interactions, sizeof(*account->sums));
	account->votes = calloc((size_t)shape->interactions * shape->options, sizeof(uint64_t));
	if (!account->sums || !account->votes) {
		burst_account_free(account);
		return err_set(err, -ENOMEM, "no memory for the known answer of %u interactions",
			       shape->interactions);
	}
	for (uint32_t i = 0; i < shape->interactions; i++)
		account->sums[i].votes = account->votes + (size_t)i * shape->options;
	return 0;
}

void burst_account_free(struct burst_account *account)
{
	free(account->sums);
	free(account->votes);
	memset(account, 0, sizeof(*account));
}

void burst_account_add(const struct burst_shape *shape, struct burst_account *account,
		       const struct burst_datagram *datagram, const struct burst_content *content)
{
	struct tally_sum *sum = &account->sums[datagram->answer / shape->voters];
	account->total++;
	switch ((enum burst_kind)datagram->kind) {
	case BURST_FIRST:
		sum->receipts[RECEIPT_COUNTED]++;
		sum->voters++;
		sum->votes[content->vote.choice]++;
		break;
	case BURST_RESENT:
	case BURST_CHANGED: sum->receipts[RECEIPT_DUPLICATE]++; break;
	case BURST_EARLY: sum->receipts[RECEIPT_EARLY]++; break;
	case BURST_LATE: sum->receipts[RECEIPT_LATE]++; break;
	default: account->bad_tag++; break;
	}
}

const char *burst_kind_name(enum burst_kind kind)
{
	static const char *const names[] = {
#define X(symbol, name, verdict) [BURST_##symbol] = #name,
		BURST_KINDS(X)
#undef X
	};
	return kind < BURST_KIND_COUNT ? names[kind] : "?";
}
