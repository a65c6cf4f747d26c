// SPDX-License-Identifier: BSD-3-Clause
/*
 * tallyctl stats: where every packet went, and what each core does. The sum is computed here once
 * more and compared: stats that do not add up are an error, never a footnote.
 */
#include "ctl/verbs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "ctl/output.h"
#include "ctl/reply.h"
#include "ctl/request.h"
#include "ctl/screen.h"
#include "ctl/table.h"
#include "ctl/text.h"
#include "dataplane/core/receipt.h"

#define CLOCK_WARN_US 100e3 /* not far from the 250 ms at which votes are early */

enum { STATS_WATCH };

static const char *verdict_meaning(const char *counter)
{
	for (int verdict = VERDICT_NONE + 1; verdict < VERDICT_COUNT; verdict++)
		if (strcmp(verdict_name((enum verdict)verdict), counter) == 0)
			return verdict_text((enum verdict)verdict);
	return strcmp(counter, "in_flight") == 0 ? "received and not judged yet" : "";
}

/* What the sum is compared with, and what was never received. */
static bool is_ending(const char *counter)
{
	return strcmp(counter, "received") != 0 && strcmp(counter, "missed") != 0;
}

static uint64_t sum_endings(const json_t *datagrams)
{
	uint64_t sum = 0;
	const char *name;
	json_t *value;
	json_object_foreach ((json_t *)datagrams, name, value) {
		if (is_ending(name))
			sum += (uint64_t)json_integer_value(value);
	}
	return sum;
}

static bool adds_up(const json_t *stats)
{
	const json_t *datagrams = json_object_get(stats, "datagrams");
	return json_is_true(json_object_get(stats, "conserved")) &&
	       sum_endings(datagrams) == reply_count(datagrams, "received");
}

/* `brief` leaves out counters that stand at 0, so that a screen holds the rest. */
static void put_datagrams(FILE *out, const json_t *stats, int columns, bool brief)
{
	static const struct column titles[] = {
		{"COUNTER", false}, {"PACKETS", true}, {"SHARE", true}, {"MEANING", false}};
	json_t *datagrams = json_object_get(stats, "datagrams");
	uint64_t received = reply_count(datagrams, "received");
	uint64_t sum = sum_endings(datagrams);
	char number[TEXT_NUMBER_BYTES];
	struct table table;
	const char *name;
	json_t *value;
	table_start(&table, titles, 4);
	json_object_foreach (datagrams, name, value) {
		uint64_t count = (uint64_t)json_integer_value(value);
		if (!is_ending(name) || (brief && count == 0))
			continue;
		table_add(&table, "%s", name);
		table_add(&table, "%s", text_number(count, number));
		table_add(&table, "%.1f %%",
			  received ? 100.0 * (double)count / (double)received : 0.0);
		table_add(&table, "%s", verdict_meaning(name));
	}
	table_add(&table, "sum");
	table_add(&table, "%s", text_number(sum, number));
	table_add(&table, "%s", "");
	table_add(&table, "%s", adds_up(stats) ? "equals received" : "DOES NOT EQUAL RECEIVED");
	table_add(&table, "received");
	table_add(&table, "%s", text_number(received, number));
	table_add(&table, "%s", "");
	table_add(&table, "%s", "");
	table_add(&table, "missed");
	table_add(&table, "%s", text_number(reply_count(datagrams, "missed"), number));
	table_add(&table, "%s", "");
	table_add(&table, "lost before any of the above: not part of the sum");
	table_print(&table, out, 0, columns);
}

/* Which core serves what, and how it keeps up. */
static void put_cores(FILE *out, const json_t *cores, int columns)
{
	static const struct column titles[] = {
		{"WORKER", true}, {"LCORE", true},       {"QUEUE", true},
		{"FILL", true},   {"CYCLES/VOTE", true}, {"PORT", false},
	};
	struct table table;
	size_t i;
	json_t *core;
	table_start(&table, titles, sizeof(titles) / sizeof(titles[0]));
	json_array_foreach ((json_t *)cores, i, core) {
		table_add(&table, "%llu", (unsigned long long)reply_count(core, "worker"));
		table_add(&table, "%llu", (unsigned long long)reply_count(core, "lcore"));
		table_add(&table, "%llu", (unsigned long long)reply_count(core, "queue"));
		table_add(&table, "%.1f", reply_measure(core, "burst_fill"));
		table_add(&table, "%.1f", reply_measure(core, "cycles_per_vote"));
		table_add(&table, "%s", reply_text(core, "port"));
	}
	fputc('\n', out);
	table_print(&table, out, 0, columns);
}

/* What came in and what left: a table of its own, since 80 columns do not hold both. */
static void put_traffic(FILE *out, const json_t *cores, int columns)
{
	static const struct column titles[] = {
		{"WORKER", true}, {"RECEIVED", true}, {"EMPTY POLLS", true},
		{"RESTS", true},  {"RECEIPTS", true}, {"UNSENT", true},
	};
	static const char *const counters[] = {"received", "empty_polls", "rests", "receipts_sent",
					       "receipts_unsent"};
	char number[TEXT_NUMBER_BYTES];
	struct table table;
	size_t i;
	json_t *core;
	table_start(&table, titles, sizeof(titles) / sizeof(titles[0]));
	json_array_foreach ((json_t *)cores, i, core) {
		table_add(&table, "%llu", (unsigned long long)reply_count(core, "worker"));
		for (size_t k = 0; k < sizeof(counters) / sizeof(counters[0]); k++)
			table_add(&table, "%s",
				  text_number(reply_count(core, counters[k]), number));
	}
	fputc('\n', out);
	table_print(&table, out, 0, columns);
}

/* One row a step, one column a worker: what the cycles of a packet are spent on. */
static void put_cycles(FILE *out, const json_t *cores, int columns)
{
	enum { MOST = 12, STEP_COLUMNS = 14, WORKER_COLUMNS = 11 };
	static char names[MOST][32];
	struct column titles[MOST + 1] = {{"CYCLES BY STEP", false}};
	size_t most = MOST;
	if (columns > 0 && columns < STEP_COLUMNS + MOST * WORKER_COLUMNS)
		most = columns > STEP_COLUMNS + WORKER_COLUMNS
			       ? (size_t)(columns - STEP_COLUMNS) / WORKER_COLUMNS
			       : 1;
	size_t shown = json_array_size(cores) < most ? json_array_size(cores) : most;
	struct table table;
	const char *step;
	json_t *value;
	for (size_t i = 0; i < shown; i++) {
		snprintf(names[i], sizeof(names[i]), "WORKER %llu",
			 (unsigned long long)reply_count(json_array_get(cores, i), "worker"));
		titles[i + 1] = (struct column){names[i], true};
	}
	table_start(&table, titles, (int)shown + 1);
	json_object_foreach (json_object_get(json_array_get(cores, 0), "cycles"), step, value) {
		table_add(&table, "%s", step);
		for (size_t i = 0; i < shown; i++)
			table_add(&table, "%.1f",
				  reply_measure(json_object_get(json_array_get(cores, i), "cycles"),
						step));
	}
	fputc('\n', out);
	table_print(&table, out, 0, columns);
	if (json_array_size(cores) > shown)
		fprintf(out, "%zu more cores: see --json\n", json_array_size(cores) - shown);
}

static void put_ports(FILE *out, const json_t *ports, int columns)
{
	static const struct column titles[] = {
		{"PORT", false}, {"FRONT", false}, {"STEERED", true}, {"MISSED", true}};
	char number[TEXT_NUMBER_BYTES];
	struct table table;
	size_t i;
	json_t *port;
	table_start(&table, titles, 4);
	json_array_foreach ((json_t *)ports, i, port) {
		table_add(&table, "%s", reply_text(port, "port"));
		table_add(&table, "%s", reply_text(port, "front"));
		table_add(&table, "%s", text_number(reply_count(port, "steered"), number));
		table_add(&table, "%s", text_number(reply_count(port, "missed"), number));
	}
	fputc('\n', out);
	table_print(&table, out, 0, columns);
}

/* Which rule dropped what was policed; nothing where nothing was. */
static void put_policed(FILE *out, const json_t *stats)
{
	json_t *policed = json_object_get(stats, "policed");
	char number[TEXT_NUMBER_BYTES];
	const char *name, *before = "\nPoliced: ";
	json_t *value;
	if (json_is_true(json_object_get(policed, "in_panic")))
		fprintf(out, "\n%sPANIC: only sources that have voted before pass.%s\n",
			output_style(STYLE_CAUTION), output_style(STYLE_PLAIN));
	json_object_foreach (policed, name, value) {
		if (json_integer_value(value) == 0)
			continue;
		fprintf(out, "%s%s by ", before,
			text_number((uint64_t)json_integer_value(value), number));
		text_put(out, name);
		before = ", ";
	}
	if (*before == ',')
		fputs("; `tallyctl front list` shows whom\n", out);
}

/* What the windows' memory came to, and what computes tags. */
static void put_ballots(FILE *out, const json_t *stats)
{
	const json_t *ballots = json_object_get(stats, "ballots");
	char windows[TEXT_NUMBER_BYTES], dry[TEXT_NUMBER_BYTES];
	if (!json_is_object(ballots))
		return;
	fprintf(out, "\n%s windows armed; ballot memory ran dry for %s votes; tags by ",
		text_number(reply_count(ballots, "windows"), windows),
		text_number(reply_count(ballots, "pool_dry"), dry));
	text_put(out, reply_text(stats, "authentication"));
	fputc('\n', out);
}

/* Who is told of windows. An older tallyd does not say, and one without a table has nothing to. */
static void put_viewers(FILE *out, const json_t *stats)
{
	const json_t *viewers = json_object_get(stats, "viewers");
	char subscribers[TEXT_NUMBER_BYTES], room[TEXT_NUMBER_BYTES], pushed[TEXT_NUMBER_BYTES];
	if (!json_is_object(viewers))
		return;
	fprintf(out, "%s viewers subscribed of %s there is room for; %s notices of changes sent\n",
		text_number(reply_count(viewers, "subscribers"), subscribers),
		text_number(reply_count(viewers, "room"), room),
		text_number(reply_count(viewers, "pushed"), pushed));
	if (reply_count(viewers, "no_room"))
		fprintf(out, "%sViewers found no room %s times: raise [watch] subscribers%s\n",
			output_style(STYLE_CAUTION),
			text_number(reply_count(viewers, "no_room"), room),
			output_style(STYLE_PLAIN));
	if (reply_count(viewers, "rounds_lost"))
		fprintf(out, "%sOf changes %s were not told to all: workers are too busy%s\n",
			output_style(STYLE_CAUTION),
			text_number(reply_count(viewers, "rounds_lost"), room),
			output_style(STYLE_PLAIN));
}

static void put_span(FILE *out, double us)
{
	if (us < 1e6)
		fprintf(out, "%.3f ms", us / 1e3);
	else
		fprintf(out, "%.3f s", us / 1e6);
}

/* How far the times above and below can be believed. An older tallyd does not say. */
static void put_clock(FILE *out, const json_t *stats)
{
	const json_t *clock = json_object_get(stats, "clock");
	double error_us = reply_measure(clock, "error_us");
	double offset_us = reply_measure(clock, "offset_us");
	if (!json_is_object(clock))
		return;
	bool known = json_is_true(json_object_get(clock, "synchronised")) &&
		     json_is_number(json_object_get(clock, "error_us"));
	fputs(output_style(known && error_us <= CLOCK_WARN_US ? STYLE_PLAIN : STYLE_CAUTION), out);
	if (known) {
		fputs("Clock: synchronised, within ", out);
		put_span(out, error_us);
		fputs(" of UTC\n", out);
	} else {
		fputs("Clock: not synchronised; how far it is from UTC is not known\n", out);
	}
	if (fabs(offset_us) >= 1e3) {
		fputs("       ", out);
		put_span(out, fabs(offset_us));
		fprintf(out, " %s the system's UTC until no window is open\n",
			offset_us > 0 ? "behind" : "ahead of");
	}
	fprintf(out, "%s\n", output_style(STYLE_PLAIN));
}

/* Only what somebody has to act on. */
static void put_results(FILE *out, const json_t *stats)
{
	const json_t *results = json_object_get(stats, "results");
	const char *failed = json_string_value(json_object_get(results, "failed"));
	if (!failed)
		return;
	fprintf(out, "%sResults: %llu wait to be sealed: ", output_style(STYLE_CAUTION),
		(unsigned long long)reply_count(results, "waiting"));
	text_put(out, failed);
	fprintf(out, "%s\n\n", output_style(STYLE_PLAIN));
}

static void put_stats(FILE *out, const json_t *stats, int columns, bool brief)
{
	const json_t *cores = json_object_get(stats, "cores");
	const json_t *ports = json_object_get(stats, "ports");
	char time[REPLY_TIME_BYTES];
	fprintf(out, "Where every packet went, ");
	text_put(out, reply_time_text(stats, "now", 0, time));
	fputs("\n\n", out);
	put_clock(out, stats);
	put_results(out, stats);
	put_datagrams(out, stats, columns, brief);
	if (json_array_size(cores) > 0) {
		put_cores(out, cores, columns);
		put_traffic(out, cores, columns);
		put_cycles(out, cores, columns);
	}
	if (json_array_size(ports) > 0)
		put_ports(out, ports, columns);
	put_policed(out, stats);
	put_ballots(out, stats);
	put_viewers(out, stats);
}

static void show(const struct args *args, const json_t *stats, bool on_screen)
{
	bool again = args->values[STATS_WATCH];
	char *text = NULL;
	size_t bytes = 0;
	if (args->json) {
		output_json(stats, !again);
		fflush(stdout);
		return;
	}
	FILE *out = open_memstream(&text, &bytes);
	if (!out)
		return;
	put_stats(out, stats, output_is_terminal() ? output_columns() : 0, on_screen);
	fclose(out);
	if (on_screen)
		screen_draw(text);
	else
		fputs(text, stdout);
	fflush(stdout);
	free(text);
}

static int show_once(const struct args *args, struct client *client, bool on_screen)
{
	json_t *stats;
	int code = request_call(client, NULL, "stats", json_object(), &stats);
	if (code != EXIT_DONE)
		return code;
	show(args, stats, on_screen);
	if (!adds_up(stats)) {
		const json_t *datagrams = json_object_get(stats, "datagrams");
		output_error("the packets do not add up: %llu received, %llu accounted for; keep "
			     "`tallyctl stats --json` and report it",
			     (unsigned long long)reply_count(datagrams, "received"),
			     (unsigned long long)sum_endings(datagrams));
		code = EXIT_REFUSED;
	}
	json_decref(stats);
	return code;
}

static int show_again_and_again(const struct args *args, struct client *client)
{
	const struct timespec second = {.tv_sec = 1};
	bool on_screen = output_is_terminal() && !args->json;
	int code, signal_number = 0;
	if (on_screen)
		screen_start();
	do {
		code = show_once(args, client, on_screen);
		if (code == EXIT_DONE)
			nanosleep(&second, NULL);
		if (on_screen)
			signal_number = screen_poll();
	} while (code == EXIT_DONE && !signal_number && !ferror(stdout));
	if (on_screen)
		screen_stop();
	if (signal_number)
		screen_die(signal_number);
	return code;
}

static int run(const struct args *args)
{
	struct client client;
	int code = request_open(args, &client);
	if (code != EXIT_DONE)
		return code;
	if (args->values[STATS_WATCH])
		code = show_again_and_again(args, &client);
	else
		code = show_once(args, &client, false);
	client_close(&client);
	return code;
}

static const struct verb_option options[] = {
	[STATS_WATCH] = {"watch", NULL, "once a second, until interrupted"},
	{NULL, NULL, NULL},
};

const struct verb verb_stats = {
	.name = "stats",
	.operands = "",
	.summary = "Show where every packet went and what each core does.",
	.example = "--watch",
	.options = options,
	.run = run,
};
