/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a burst is: the datagrams of an audience that answers, deterministic from a seed.
 *
 * Every voter answers every question as its kind wants: once, or in several seconds of a reaction,
 * or to several items of an upvote. On top come shares of datagrams that are resent, changed,
 * forged, early or late. A datagram is named by (kind, answer, copy) and everything in it is
 * derived from that name, so a plan is nothing but names in the order of their arrival.
 *
 * Pure: no I/O. Any thread; each caller owns its plan.
 */
#ifndef TALLYWIRE_PERF_BURST_H
#define TALLYWIRE_PERF_BURST_H

#include <stdbool.h>
#include <stdint.h>
#include "dataplane/core/err.h"
#include "dataplane/core/kind.h"
#include "dataplane/core/vote.h"

#define BURST_PPM           1000000u     /* shares and percentages are in parts per million */
#define BURST_MAX_VOTERS    (500u << 20) /* what source addresses and ports can tell apart */
#define BURST_RESEND_MAX_US 400000       /* a resend follows its first by at most this */
#define BURST_PORTS         8            /* source ports of one answer, one per variant */
#define BURST_FIRST_PORT    1024

/* X(symbol, name of the share's option, what becomes of it where the first answer stands) */
#define BURST_KINDS(X)                                                                             \
	X(FIRST, first, COUNTED)                                                                   \
	X(RESENT, resent, DUPLICATE) /* the bytes of the first answer, again */                    \
	X(CHANGED, changed,                                                                        \
	  DUPLICATE) /* another choice, after the first; or CHANGED, by a revote */                \
	X(FORGED, forged, BAD_TAG)                                                                 \
	X(EARLY, early, EARLY)                                                                     \
	X(LATE, late, LATE)

enum burst_kind {
#define X(symbol, name, verdict) BURST_##symbol,
	BURST_KINDS(X)
#undef X
		BURST_KIND_COUNT
};

/* One question of the burst. Times in µs, UTC. */
struct burst_question {
	uint32_t id;
	struct question rules;
	bool revote; /* a changed answer has a higher revision, and stands */
	uint64_t opens_at_us;
	uint64_t duration_us;
	uint64_t max_delay_us;
	/* Answers of each voter, to items or in seconds of their own; 1 of other kinds. */
	uint32_t per_voter;
	uint32_t points;         /* of a quiz */
	const uint64_t *correct; /* of a quiz: bit i: option i is right; the caller's */
	uint32_t first_answer;   /* its first answer's number: burst_shape_check() sets it */
};

/* What the burst is asked to be. Percentages in ppm. */
struct burst_shape {
	uint32_t voters; /* numbered from 0 */
	struct burst_question *questions;
	uint32_t question_count;
	uint16_t tenant;
	uint16_t server;
	uint8_t key_epoch;
	uint64_t delay_min_us; /* a viewer's video delay lies between these */
	uint64_t delay_max_us;
	uint32_t first_second_ppm; /* of the first answers fall into their window's first second */
	uint32_t ipv6_ppm;         /* of the voters */
	uint32_t share_ppm[BURST_KIND_COUNT]; /* of all datagrams; BURST_FIRST is the rest */
	uint64_t seed;
	/* Set by burst_shape_check(). */
	uint32_t answers;   /* of all voters to all questions */
	uint32_t opening;   /* the answer that arrives first, as the first window opens */
	uint32_t per_voter; /* the most of any question */
};

/* Whose answer it is, and to what. */
struct burst_answer {
	const struct burst_question *question;
	uint32_t number; /* first_answer + voter * per_voter + nth */
	uint32_t voter;
	uint32_t nth; /* of this voter to this question */
};

/* The name of one datagram. */
struct burst_datagram {
	uint64_t arrival_us;
	uint32_t answer; /* its number */
	uint32_t kind : 8;
	uint32_t copy : 24;
};

/* Names in order of arrival; the first one arrives exactly when the first window opens. */
struct burst_plan {
	struct burst_datagram *datagrams;
	uint64_t count;
	uint64_t count_of[BURST_KIND_COUNT];
};

/* A datagram's contents, before it is signed. */
struct burst_content {
	struct vote vote;
	uint64_t tag_damage; /* xor into the tag; 0 where the tag is good */
	uint16_t source_port;
	bool ipv6;
};

/* 0 and the answers numbered, or -EINVAL with what cannot be and what to change. */
int burst_shape_check(struct burst_shape *shape, struct err *err);

/* Of a checked shape. */
struct burst_answer burst_answer_of(const struct burst_shape *shape, uint32_t number);

/* Lays out all datagrams of a checked shape. 0 or -ENOMEM; undone by burst_plan_free(). */
int burst_plan_make(const struct burst_shape *shape, struct burst_plan *plan, struct err *err);
void burst_plan_free(struct burst_plan *plan);

/* Fills in what the named datagram holds. */
void burst_content(const struct burst_shape *shape, const struct burst_datagram *datagram,
		   struct burst_content *content);

/* The seconds of a reaction's window, the last one begun counts too; 1 of other kinds. */
uint32_t burst_seconds(const struct burst_question *question);

const char *burst_kind_name(enum burst_kind kind);

#endif
