// SPDX-License-Identifier: BSD-3-Clause
/* Adds up counters that others write. Never writes one. */
#include "dataplane/stats.h"

#include <string.h>

#include "dataplane/clock.h"
#include "dataplane/core/receipt.h"
#include "dataplane/durable.h"
#include "dataplane/policing.h"
#include "dataplane/sealer.h"
#include "dataplane/show/time_text.h"

uint64_t stats_receipts(const struct appliance *appliance, uint64_t receipts[RECEIPT_STATUSES])
{
	const uint64_t *past = windows_past_receipts(appliance->windows);
	uint64_t all = 0;
	for (int status = 0; status < RECEIPT_STATUSES; status++)
		receipts[status] += past[status];
	for (uint32_t i = 0; i < windows_count(appliance->windows); i++) {
		struct tally_sum sum;
		tally_read(&windows_at(appliance->windows, i)->store.tally, 0, &sum);
		for (int status = 0; status < RECEIPT_STATUSES; status++)
			receipts[status] += sum.receipts[status];
	}
	for (int status = 0; status < RECEIPT_STATUSES; status++)
		all += receipts[status];
	return all;
}

/* What the workers decided themselves; returns the sum. */
static uint64_t read_verdicts(const struct appliance *appliance, struct datagram_counts *counts)
{
	uint64_t all = 0;
	for (uint32_t i = 0; i < appliance->worker_count; i++) {
		const struct pipeline_counters *counters = &appliance->workers[i]->counters;
		for (int verdict = 0; verdict < VERDICT_COUNT; verdict++) {
			uint64_t seen = tally_get(&counters->verdicts[verdict]);
			counts->verdicts[verdict] += seen;
			all += seen;
		}
	}
	return all;
}

/* What workers without a front received; with one, the front counts. */
static uint64_t read_received(const struct appliance *appliance)
{
	uint64_t received = 0;
	for (uint32_t i = 0; i < appliance->worker_count; i++) {
		const struct worker *worker = appliance->workers[i];
		if (!appliance->ports.fronts[worker->queue->port])
			received += tally_get(&worker->counters.received);
	}
	return received;
}

/* What the fronts decided, and what they steered; losses on the way are no part of that. */
static void read_fronts(const struct appliance *appliance, struct datagram_counts *counts,
			uint64_t *decided, uint64_t *steered)
{
	for (uint32_t i = 0; i < appliance->config.port_count; i++) {
		struct front_counts front;
		if (!appliance->ports.fronts[i] || front_read(appliance->ports.fronts[i], &front))
			continue;
		for (int verdict = 0; verdict < VERDICT_COUNT; verdict++) {
			counts->verdicts[verdict] += front.counters[verdict];
			*decided += front.counters[verdict];
		}
		*steered += front.counters[FRONT_STEERED];
		counts->missed += front.counters[FRONT_MISSED];
	}
}

void stats_datagrams(const struct appliance *appliance, uint64_t window_receipts,
		     struct datagram_counts *counts)
{
	uint64_t decided = 0, steered = 0;
	struct port_losses losses;
	memset(counts, 0, sizeof(*counts));
	uint64_t judged = window_receipts + read_verdicts(appliance, counts);
	ports_losses(&appliance->ports, &losses);
	uint64_t received = read_received(appliance);
	read_fronts(appliance, counts, &decided, &steered);
	counts->missed += losses.in_sockets + losses.in_devices;
	/* What was judged before a restart was received then, too. */
	counts->received = received + decided + steered - losses.in_sockets +
			   windows_earlier_receipts(appliance->windows);
	counts->in_flight = counts->received - decided - judged;
}

static json_t *datagrams_json(const struct datagram_counts *counts,
			      const uint64_t receipts[RECEIPT_STATUSES])
{
	json_t *object = json_object();
	json_object_set_new(object, "received", json_integer((json_int_t)counts->received));
	for (int i = VERDICT_NONE + 1; i < VERDICT_COUNT; i++) {
		enum receipt_status status = receipt_status_of((enum verdict)i);
		uint64_t value = counts->verdicts[i];
		if (status != RECEIPT_NONE)
			value += receipts[status];
		json_object_set_new(object, verdict_name((enum verdict)i),
				    json_integer((json_int_t)value));
	}
	json_object_set_new(object, "missed", json_integer((json_int_t)counts->missed));
	json_object_set_new(object, "in_flight", json_integer((json_int_t)counts->in_flight));
	return object;
}

/*
 * received equals the sum of all verdicts and what is in flight, and that is no negative number:
 * more packets judged than received would show as one.
 */
static bool is_conserved(const struct datagram_counts *counts, uint64_t window_receipts)
{
	uint64_t sum = window_receipts + counts->in_flight;
	for (int i = 0; i < VERDICT_COUNT; i++)
		sum += counts->verdicts[i];
	return sum == counts->received && counts->in_flight <= counts->received;
}

static json_t *cycles_json(const struct worker *worker, uint64_t received, double *total)
{
	json_t *object = json_object();
	double per_packet = received ? 1.0 / (double)received : 0;
	double value = (double)tally_get(&worker->io.receive_cycles) * per_packet;
	*total = value;
	json_object_set_new(object, "receive", json_real(value));
	for (int step = 0; step < PIPELINE_STEP_COUNT; step++) {
		value = (double)tally_get(&worker->counters.step_cycles[step]) * per_packet;
		*total += value;
		json_object_set_new(object, pipeline_step_name((enum pipeline_step)step),
				    json_real(value));
	}
	value = (double)tally_get(&worker->io.send_cycles) * per_packet;
	*total += value;
	json_object_set_new(object, "send", json_real(value));
	return object;
}

static json_t *core_json(const struct appliance *appliance, uint32_t index)
{
	const struct worker *worker = appliance->workers[index];
	const struct port_config *port = &appliance->config.ports[worker->queue->port];
	uint64_t bursts = tally_get(&worker->counters.bursts);
	uint64_t received = tally_get(&worker->counters.received);
	double total;
	json_t *cycles = cycles_json(worker, received, &total);
	double fill = bursts ? (double)received / (double)bursts : 0;
	return json_pack("{s:I,s:I,s:s,s:I,s:I,s:I,s:f,s:I,s:I,s:I,s:I,s:f,s:o}", "worker",
			 (json_int_t)index, "lcore", (json_int_t)worker->lcore, "port", port->text,
			 "queue", (json_int_t)worker->queue->number, "received",
			 (json_int_t)received, "bursts", (json_int_t)bursts, "burst_fill", fill,
			 "empty_polls", (json_int_t)tally_get(&worker->io.empty_polls), "rests",
			 (json_int_t)tally_get(&worker->io.rests), "receipts_sent",
			 (json_int_t)tally_get(&worker->io.replies_sent), "receipts_unsent",
			 (json_int_t)tally_get(&worker->io.replies_unsent), "cycles_per_vote",
			 total, "cycles", cycles);
}

static json_t *port_json(const struct appliance *appliance, uint32_t index)
{
	const struct front *front = appliance->ports.fronts[index];
	struct front_counts counts = {0};
	if (front)
		front_read((struct front *)front, &counts);
	return json_pack("{s:s,s:s,s:I,s:I}", "port", appliance->config.ports[index].text, "front",
			 front ? front_mode_name(front) : "none", "steered",
			 (json_int_t)counts.counters[FRONT_STEERED], "missed",
			 (json_int_t)counts.counters[FRONT_MISSED]);
}

/* Votes that found no ballot memory left; each of them was answered busy. */
static uint64_t pool_dry(const struct appliance *appliance)
{
	uint64_t times = 0;
	for (uint32_t i = 0; i < windows_count(appliance->windows); i++)
		times += store_pool_dry(&windows_at(appliance->windows, i)->store);
	return times;
}

/* What viewers were told, by all workers. */
static json_t *viewers_json(const struct appliance *appliance)
{
	uint64_t rounds = viewers_rounds(appliance->viewers);
	uint64_t subscribers = 0, done = rounds + 1;
	struct watch_counters sum = {0};
	for (uint32_t i = 0; i < appliance->worker_count; i++) {
		const struct watch_counters *counters = &appliance->workers[i]->watch.counters;
		uint64_t worker_done = tally_get(&counters->rounds_done);
		done = worker_done < done ? worker_done : done;
		subscribers += tally_get(&counters->subscribers);
#define X(field, text) sum.field += tally_get(&counters->field);
		WATCH_COUNTERS(X)
#undef X
	}
	/* Numbers begin with 1; a worker that has done none yet says 0. */
	uint64_t due = rounds + 1 - (done ? done : 1);
	json_t *object =
		json_pack("{s:I,s:I,s:I,s:I,s:I}", "subscribers", (json_int_t)subscribers, "room",
			  (json_int_t)(appliance->config.subscribers * appliance->worker_count),
			  "rounds", (json_int_t)rounds, "rounds_due", (json_int_t)due,
			  "rounds_lost", (json_int_t)viewers_rounds_lost(appliance->viewers));
#define X(field, text) json_object_set_new(object, #field, json_integer((json_int_t)sum.field));
	WATCH_COUNTERS(X)
#undef X
	return object;
}

/* VERDICT_POLICED by rule. */
static json_t *policed_json(const struct appliance *appliance)
{
	uint64_t packets[FRONT_RULE_COUNT];
	json_t *object = json_object();
	policing_rules(&appliance->ports, packets);
	for (int rule = 0; rule < FRONT_RULE_COUNT; rule++)
		json_object_set_new(object, policing_rule_name((enum front_rule)rule),
				    json_integer((json_int_t)packets[rule]));
	json_object_set_new(object, "in_panic", json_boolean(policing_in_panic(&appliance->ports)));
	return object;
}

static json_t *clock_json(void)
{
	struct clock_quality quality;
	clock_read_quality(&quality);
	return clock_quality_json(&quality);
}

json_t *stats_json(const struct appliance *appliance, uint64_t now_us)
{
	char now[TIME_TEXT_BYTES];
	uint64_t receipts[RECEIPT_STATUSES] = {0};
	struct datagram_counts counts;
	uint64_t window_receipts = stats_receipts(appliance, receipts);
	stats_datagrams(appliance, window_receipts, &counts);
	json_t *cores = json_array();
	for (uint32_t i = 0; i < appliance->worker_count; i++)
		json_array_append_new(cores, core_json(appliance, i));
	json_t *ports = json_array();
	for (uint32_t i = 0; i < appliance->config.port_count; i++)
		json_array_append_new(ports, port_json(appliance, i));
	return json_pack(
		"{s:s,s:o,s:b,s:o,s:o,s:o,s:{s:I,s:I},s:s,s:o,s:o,s:o,s:o}", "now",
		time_format(now_us, now), "datagrams", datagrams_json(&counts, receipts),
		"conserved", is_conserved(&counts, window_receipts), "cores", cores, "ports", ports,
		"policed", policed_json(appliance), "ballots", "windows",
		(json_int_t)windows_count(appliance->windows), "pool_dry",
		(json_int_t)pool_dry(appliance), "authentication",
		auth_backend_name(auth_batch_backend()), "viewers",
		appliance->viewers ? viewers_json(appliance) : json_null(), "clock", clock_json(),
		"journal", appliance->durable ? durable_stats(appliance->durable) : json_null(),
		"results", appliance->sealer ? sealer_stats(appliance->sealer) : json_null());
}
