/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Derives every datagram of a burst from its name and the seed.
 *
 * Called by `tallyreplay make` and the tests. It never signs, writes or judges anything. Outcomes
 * hold with a second or two to spare, so a sender that slips behind does not change them.
 */
#include "perf/burst.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "perf/burst_choice.h"

#define SECOND_US     1000000u
#define RESEND_MIN_US 20000
#define CHANGE_MIN_US 200000
#define CHANGE_MAX_US 2000000
#define MOST_REVISION 3       /* of a changed answer */
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
	STREAM_SECOND,
	STREAM_REVISION,
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

/* The name of a voter's answers to one question, whichever it is of several. */
static uint32_t voters_name(const struct burst_answer *answer)
{
	return answer->number - answer->nth;
}

static bool is_reaction(const struct burst_question *question)
{
	return question->rules.kind == KIND_REACTION;
}

uint32_t burst_seconds(const struct burst_question *question)
{
	if (!is_reaction(question))
		return 1;
	return (uint32_t)((question->duration_us + SECOND_US - 1) / SECOND_US);
}

struct burst_answer burst_answer_of(const struct burst_shape *shape, uint32_t number)
{
	uint32_t low = 0, high = shape->question_count;
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;
		if (shape->questions[middle].first_answer <= number)
			low = middle;
		else
			high = middle;
	}
	const struct burst_question *question = &shape->questions[low];
	uint32_t within = number - question->first_answer;
	return (struct burst_answer){
		.question = question,
		.number = number,
		.voter = within / question->per_voter,
		.nth = within % question->per_voter,
	};
}

/* When a reaction is seen: each of a voter's in a second of its own. */
static uint64_t reaction_program_us(const struct burst_shape *shape,
				    const struct burst_answer *answer)
{
	const struct burst_question *question = answer->question;
	uint32_t name = voters_name(answer), seconds = burst_seconds(question);
	bool in_head = draw_below(shape, STREAM_IN_FIRST_SECOND, name, BURST_PPM) <
			       shape->first_second_ppm ||
		       name == shape->opening;
	uint64_t start = in_head ? 0 : draw_below(shape, STREAM_SECOND, name, seconds);
	uint64_t second = (start + answer->nth * (seconds / question->per_voter)) % seconds;
	uint64_t left_us = question->duration_us - second * SECOND_US;
	return second * SECOND_US + draw_below(shape, STREAM_PROGRAM, answer->number,
					       left_us < SECOND_US ? left_us : SECOND_US);
}

/* When the viewer gave the first answer, in program time after opens_at. */
static uint64_t first_program_us(const struct burst_shape *shape, const struct burst_answer *answer)
{
	uint64_t duration_us = answer->question->duration_us;
	uint64_t head_us = duration_us < SECOND_US ? duration_us : SECOND_US;
	uint64_t tail_us = duration_us - head_us;
	if (answer->number == shape->opening)
		return 0; /* somebody answers as the window opens: the burst's first packet */
	if (is_reaction(answer->question))
		return reaction_program_us(shape, answer);
	bool in_head = draw_below(shape, STREAM_IN_FIRST_SECOND, answer->number, BURST_PPM) <
		       shape->first_second_ppm;
	if (in_head || tail_us == 0)
		return draw_below(shape, STREAM_PROGRAM, answer->number, head_us);
	return head_us + draw_below(shape, STREAM_PROGRAM, answer->number, tail_us);
}

/* Where the answer's time ends that nobody may answer twice in. */
static uint64_t answer_end_us(const struct burst_answer *answer, uint64_t program_us)
{
	uint64_t duration_us = answer->question->duration_us;
	uint64_t second_end_us = (program_us / SECOND_US + 1) * SECOND_US;
	return is_reaction(answer->question) && second_end_us < duration_us ? second_end_us
									    : duration_us;
}

/* Arrival of the first answer, after opens_at. */
static uint64_t first_arrival_us(const struct burst_shape *shape, const struct burst_answer *answer)
{
	if (answer->number == shape->opening)
		return 0; /* this viewer watches without delay */
	return first_program_us(shape, answer) + viewer_delay_us(shape, answer->voter);
}

static uint64_t change_gap_us(const struct burst_shape *shape,
			      const struct burst_datagram *datagram)
{
	return CHANGE_MIN_US + draw_below(shape, STREAM_GAP, datagram_name(datagram),
					  CHANGE_MAX_US - CHANGE_MIN_US);
}

static uint64_t change_program_us(const struct burst_shape *shape,
				  const struct burst_datagram *datagram,
				  const struct burst_answer *answer)
{
	uint64_t first_us = first_program_us(shape, answer);
	uint64_t end_us = answer_end_us(answer, first_us);
	uint64_t program_us = first_us + change_gap_us(shape, datagram);
	return program_us < end_us ? program_us : end_us - 1;
}

/* How far before opens_at an early answer is stamped: not further than the viewer is behind. */
static uint64_t early_lead_us(const struct burst_shape *shape,
			      const struct burst_datagram *datagram, uint32_t voter)
{
	uint64_t delay_us = viewer_delay_us(shape, voter);
	uint64_t span_us = delay_us ? delay_us : SECOND_US;
	return 1 + draw_below(shape, STREAM_PROGRAM, datagram_name(datagram), span_us);
}

/* Program time as an offset from opens_at; negative for early answers. */
static int64_t program_offset_us(const struct burst_shape *shape,
				 const struct burst_datagram *datagram,
				 const struct burst_answer *answer)
{
	uint64_t duration_us = answer->question->duration_us, name = datagram_name(datagram);
	switch ((enum burst_kind)datagram->kind) {
	case BURST_CHANGED: return (int64_t)change_program_us(shape, datagram, answer);
	case BURST_FORGED: return (int64_t)draw_below(shape, STREAM_PROGRAM, name, duration_us);
	case BURST_EARLY: return -(int64_t)early_lead_us(shape, datagram, answer->voter);
	case BURST_LATE:
		return (int64_t)(duration_us +
				 draw_below(shape, STREAM_PROGRAM, name, LATE_SPAN_US));
	default: return (int64_t)first_program_us(shape, answer);
	}
}

/* The packet's arrival as an offset from opens_at, never negative. */
static uint64_t arrival_offset_us(const struct burst_shape *shape,
				  const struct burst_datagram *datagram,
				  const struct burst_answer *answer)
{
	uint64_t name = datagram_name(datagram);
	uint64_t first_us = first_arrival_us(shape, answer);
	uint64_t gap_us = RESEND_MIN_US +
			  draw_below(shape, STREAM_GAP, name, BURST_RESEND_MAX_US - RESEND_MIN_US);
	int64_t seen_us = program_offset_us(shape, datagram, answer) +
			  (int64_t)viewer_delay_us(shape, answer->voter);
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
	uint64_t answers = shape->answers;
	uint64_t rest_ppm = BURST_PPM;
	for (int other = BURST_FIRST + 1; other < BURST_KIND_COUNT; other++)
		rest_ppm -= shape->share_ppm[other];
	if (kind == BURST_FIRST)
		return answers;
	return (answers * shape->share_ppm[kind] + rest_ppm / 2) / rest_ppm;
}

static int refuse_size(uint64_t datagrams, struct err *err)
{
	return err_set(err, -EINVAL,
		       "the burst would hold %" PRIu64 " datagrams; at most 4294967295, so take "
		       "fewer voters, interactions or smaller shares",
		       datagrams);
}

static int check_shares(const struct burst_shape *shape, struct err *err)
{
	uint64_t answers = shape->answers;
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
	return total > UINT32_MAX ? refuse_size(total, err) : 0;
}

/* Numbers the answers, and finds the one that comes first. */
static int number_answers(struct burst_shape *shape, struct err *err)
{
	uint64_t answers = 0;
	const struct burst_question *first = &shape->questions[0];
	shape->per_voter = 1;
	for (uint32_t i = 0; i < shape->question_count; i++) {
		struct burst_question *question = &shape->questions[i];
		question->first_answer = (uint32_t)answers;
		answers += (uint64_t)shape->voters * question->per_voter;
		if (answers > UINT32_MAX)
			return refuse_size(answers, err);
		if (question->opens_at_us < first->opens_at_us)
			first = question;
		if (question->per_voter > shape->per_voter)
			shape->per_voter = question->per_voter;
	}
	shape->answers = (uint32_t)answers;
	shape->opening = first->first_answer;
	return 0;
}

/* How many answers to one question a voter can give that all count. */
static uint32_t most_per_voter(const struct burst_question *question)
{
	return question->rules.kind == KIND_UPVOTE ? question->rules.options
						   : burst_seconds(question);
}

static int check_question(const struct burst_shape *shape, const struct burst_question *question,
			  struct err *err)
{
	if (question->rules.options == 0 || question->duration_us == 0)
		return err_set(err, -EINVAL, "interaction %u: has no option, or ends as it opens",
			       question->id);
	if (question->per_voter == 0 || question->per_voter > most_per_voter(question))
		return err_set(err, -EINVAL, "interaction %u: takes 1 to %u answers of each voter",
			       question->id, most_per_voter(question));
	if (shape->delay_max_us + BURST_RESEND_MAX_US > question->max_delay_us)
		return err_set(err, -EINVAL,
			       "--delay: up to %g s, and %g s for a resend, is more than "
			       "interaction %u's max_delay of %g s; shorten it or give a longer "
			       "max delay",
			       (double)shape->delay_max_us / 1e6, BURST_RESEND_MAX_US / 1e6,
			       question->id, (double)question->max_delay_us / 1e6);
	return 0;
}

/* Each answer of a voter has ports of its own, and so has each voter of an address. */
static int check_ports(const struct burst_shape *shape, struct err *err)
{
	uint64_t voters_of_address = (shape->voters + 65535u) / 65536;
	if (BURST_FIRST_PORT + voters_of_address * BURST_PORTS * shape->per_voter <= 65536)
		return 0;
	return err_set(err, -EINVAL,
		       "%u voters of up to %u answers to one question have more source ports than "
		       "there are; take fewer voters or fewer answers of each",
		       shape->voters, shape->per_voter);
}

int burst_shape_check(struct burst_shape *shape, struct err *err)
{
	int rc = 0;
	if (shape->voters == 0 || shape->voters > BURST_MAX_VOTERS || shape->question_count == 0)
		return err_set(err, -EINVAL,
			       "voters and interactions: from 1 on, and at most %u voters",
			       BURST_MAX_VOTERS);
	if (shape->delay_min_us > shape->delay_max_us)
		return err_set(err, -EINVAL, "--delay: the shorter delay comes first");
	for (uint32_t i = 0; rc == 0 && i < shape->question_count; i++)
		rc = check_question(shape, &shape->questions[i], err);
	if (rc == 0)
		rc = number_answers(shape, err);
	if (rc == 0)
		rc = check_ports(shape, err);
	return rc ? rc : check_shares(shape, err);
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
	uint64_t answers = shape->answers;
	uint64_t stride = kind == BURST_FIRST ? 1 : (uint64_t)((double)answers * 0.6180339887) + 1;
	uint64_t start = kind == BURST_FIRST ? 0 : draw_below(shape, STREAM_SCATTER, kind, answers);
	while (greatest_common_divisor(stride, answers) != 1)
		stride++;
	for (uint64_t i = 0; i < plan->count_of[kind]; i++) {
		struct burst_datagram *datagram = &plan->datagrams[plan->count++];
		datagram->kind = kind;
		datagram->copy = (uint32_t)(i / answers) & 0xFFFFFF;
		datagram->answer = (uint32_t)((start + (i % answers) * stride) % answers);
		struct burst_answer answer = burst_answer_of(shape, datagram->answer);
		datagram->arrival_us =
			answer.question->opens_at_us + arrival_offset_us(shape, datagram, &answer);
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

/* A receipt echoes neither choice nor time: the port tells a voter's datagrams apart. */
static uint16_t source_port(const struct burst_shape *shape, const struct burst_answer *answer,
			    const struct burst_datagram *datagram)
{
	static const uint8_t variants[BURST_KIND_COUNT] = {
		[BURST_FIRST] = 0, [BURST_RESENT] = 0, [BURST_CHANGED] = 1,
		[BURST_EARLY] = 2, [BURST_LATE] = 3,   [BURST_FORGED] = 4,
	};
	uint32_t variant = variants[datagram->kind];
	if (datagram->kind == BURST_FORGED)
		variant += datagram->copy % (BURST_PORTS - variant);
	uint32_t place = (answer->voter >> 16) * shape->per_voter + answer->nth;
	return (uint16_t)(BURST_FIRST_PORT + place * BURST_PORTS + variant);
}

/* Choice and revision of this kind of datagram. */
static void set_answer(const struct burst_shape *shape, const struct burst_datagram *datagram,
		       const struct burst_answer *answer, struct vote *vote)
{
	const struct burst_question *question = answer->question;
	uint64_t name = datagram_name(datagram);
	uint64_t bits = draw(shape, STREAM_OTHER_CHOICE, name);
	uint32_t drawn_by =
		question->rules.kind == KIND_UPVOTE ? voters_name(answer) : answer->number;
	uint16_t first = burst_choice_first(&question->rules, draw(shape, STREAM_CHOICE, drawn_by),
					    shape->seed, answer->nth, question->per_voter);
	vote->revision = 0;
	switch ((enum burst_kind)datagram->kind) {
	case BURST_FIRST:
	case BURST_RESENT: vote->choice = first; return;
	case BURST_CHANGED:
		vote->choice = burst_choice_other(&question->rules, bits, first);
		if (question->revote)
			vote->revision = 1 + (uint32_t)draw_below(shape, STREAM_REVISION, name,
								  MOST_REVISION);
		return;
	default: vote->choice = burst_choice_any(&question->rules, bits); return;
	}
}

void burst_content(const struct burst_shape *shape, const struct burst_datagram *datagram,
		   struct burst_content *content)
{
	const struct burst_answer answer = burst_answer_of(shape, datagram->answer);
	int64_t offset_us = program_offset_us(shape, datagram, &answer);
	content->vote = (struct vote){
		.program_time_us = answer.question->opens_at_us + (uint64_t)offset_us,
		.interaction = answer.question->id,
		.voter = answer.voter,
		.tenant = shape->tenant,
		.server = shape->server,
		.key_epoch = shape->key_epoch,
	};
	set_answer(shape, datagram, &answer, &content->vote);
	content->tag_damage = 0;
	if (datagram->kind == BURST_FORGED)
		content->tag_damage = draw(shape, STREAM_TAG, datagram_name(datagram)) | 1;
	content->source_port = source_port(shape, &answer, datagram);
	content->ipv6 = draw_below(shape, STREAM_IPV6, answer.voter, BURST_PPM) < shape->ipv6_ppm;
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
