// SPDX-License-Identifier: BSD-3-Clause
/*
 * tallyctl watch: live results until all watched windows are settled. On a terminal it redraws bars
 * in place; elsewhere it prints a line per window and second, and at once when a state changes;
 * with --json each live document is a line. It only listens: it never changes a window.
 */
#include "ctl/verbs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ctl/output.h"
#include "ctl/rate.h"
#include "ctl/reply.h"
#include "ctl/request.h"
#include "ctl/screen.h"
#include "ctl/text.h"
#include "ctl/view.h"
#include "wire/control_protocol.h"

#define SILENCE_STEP_MS 1000    /* how soon a silent appliance is pointed out */
#define TIME_COLUMNS    22      /* "2026-11-22T20:00:00.5Z", so that what follows stands still */
#define LINE_EVERY_US   1000000 /* plain lines, where no state changes */
#define LEAST_LINES     6       /* of a window, however many there are */
#define MOST_PLACES     5       /* of a show's leaderboard, beside its windows */

enum { WATCH_RATE, WATCH_UNTIL };
enum until { UNTIL_FINAL, UNTIL_REVEALED, UNTIL_FOREVER };

/* What is remembered of a window between two documents. */
struct watched {
	char *tenant;
	char *state;
	uint64_t id;
	uint64_t delay_us; /* final_at - closes_at; 0: not known */
	bool delay_asked;
	bool state_changed; /* in the newest document */
	struct rate rate;
};

struct watch {
	const struct args *args;
	struct client client;
	enum until until;
	uint64_t rate_hz;
	bool on_screen;
	struct watched *windows;
	size_t count;
	size_t room;
	struct rate received;
	json_t *document; /* the newest, NULL before the first */
	uint64_t line_us; /* when plain lines were printed last, the appliance's clock */
	int silent_ms;
	bool waiting_said;
};

/* Finds or adds; `hint` is where it was last time. NULL when out of memory. */
static struct watched *find_window(struct watch *watch, const char *tenant, uint64_t id,
				   size_t hint)
{
	for (size_t i = 0; i < watch->count; i++) {
		struct watched *window = &watch->windows[(hint + i) % watch->count];
		if (window->id == id && strcmp(window->tenant, tenant) == 0)
			return window;
	}
	if (watch->count == watch->room) {
		size_t room = watch->room ? watch->room * 2 : 16;
		struct watched *windows = realloc(watch->windows, room * sizeof(*windows));
		if (!windows)
			return NULL;
		watch->windows = windows;
		watch->room = room;
	}
	struct watched *window = &watch->windows[watch->count];
	*window = (struct watched){.tenant = strdup(tenant), .state = strdup(""), .id = id};
	if (!window->tenant || !window->state) {
		free(window->tenant);
		free(window->state);
		return NULL;
	}
	watch->count++;
	return window;
}

static struct watched *window_of(struct watch *watch, const json_t *interaction, size_t hint)
{
	return find_window(watch, reply_text(interaction, "tenant"), reply_count(interaction, "id"),
			   hint);
}

/* Results do not say when a window is final, the list does: take the delay from there. */
static int learn_delays(struct watch *watch)
{
	json_t *list, *row;
	size_t i;
	int code = request_call(&watch->client, NULL, "list", json_object(), &list);
	if (code != EXIT_DONE)
		return code;
	json_array_foreach (json_object_get(list, "windows"), i, row) {
		uint64_t final_us = reply_time_us(row, "final_at");
		uint64_t closes_us = reply_time_us(row, "closes_at");
		struct watched *window = window_of(watch, row, i);
		if (!window)
			break;
		window->delay_us = final_us > closes_us ? final_us - closes_us : 0;
	}
	json_decref(list);
	return EXIT_DONE;
}

/* Takes a new document in. Sets *unknown where a draining window's delay is still to be learned.
 */
static void take_document(struct watch *watch, json_t *document, bool *unknown)
{
	uint64_t now_us = reply_time_us(document, "now");
	size_t i;
	json_t *interaction;
	json_decref(watch->document);
	watch->document = document;
	watch->silent_ms = 0;
	rate_add(&watch->received, now_us,
		 reply_count(json_object_get(document, "datagrams"), "received"));
	json_array_foreach (json_object_get(document, "interactions"), i, interaction) {
		const char *state = reply_text(interaction, "state");
		struct watched *window = window_of(watch, interaction, i);
		if (!window)
			continue;
		const json_t *receipts = json_object_get(interaction, "receipts");
		rate_add(&window->rate, now_us,
			 reply_count(receipts, "counted") + reply_count(receipts, "changed"));
		window->state_changed = strcmp(window->state, state) != 0;
		if (window->state_changed) {
			char *copy = strdup(state);
			free(window->state);
			window->state = copy ? copy : strdup("");
		}
		if (strcmp(state, "draining") == 0 && !window->delay_us && !window->delay_asked)
			*unknown = window->delay_asked = true;
	}
}

static struct view_live live_of(struct watch *watch, const json_t *interaction, size_t hint)
{
	const struct watched *window = window_of(watch, interaction, hint);
	struct view_live live = {
		.now_us = reply_time_us(watch->document, "now"),
		.final_at_us = reply_time_us(interaction, "final_at"),
		.moving = !view_is_settled(reply_text(interaction, "state")),
	};
	if (!window)
		return live;
	live.votes_per_second = rate_per_second(&window->rate);
	if (!live.final_at_us && window->delay_us)
		live.final_at_us = reply_time_us(interaction, "closes_at") + window->delay_us;
	return live;
}

static bool is_done(const struct watch *watch)
{
	const json_t *interactions = json_object_get(watch->document, "interactions");
	size_t i;
	json_t *interaction;
	if (watch->until == UNTIL_FOREVER || json_array_size(interactions) == 0)
		return false;
	json_array_foreach (interactions, i, interaction) {
		const char *state = reply_text(interaction, "state");
		if (!view_is_settled(state) ||
		    (watch->until == UNTIL_REVEALED && strcmp(state, "final") == 0))
			return false;
	}
	return true;
}

static void put_head(FILE *out, const struct watch *watch)
{
	char number[TEXT_NUMBER_BYTES], rate[TEXT_NUMBER_BYTES], flight[TEXT_NUMBER_BYTES];
	char time[REPLY_TIME_BYTES];
	const json_t *datagrams = json_object_get(watch->document, "datagrams");
	char *text = NULL;
	size_t bytes = 0;
	FILE *line = open_memstream(&text, &bytes);
	if (!line)
		return;
	text_left(line, reply_time_text(watch->document, "now", 0, time), TIME_COLUMNS);
	if (datagrams) /* the public is not told */
		fprintf(line, " %s datagrams, %s/s, %s in flight",
			text_number(reply_count(datagrams, "received"), number),
			text_number(rate_per_second(&watch->received), rate),
			text_number(reply_count(datagrams, "in_flight"), flight));
	fclose(line);
	fputs(output_style(STYLE_DIM), out);
	text_cut(out, text, output_columns());
	fprintf(out, "%s\n", output_style(STYLE_PLAIN));
	free(text);
	if (watch->silent_ms > 0)
		fprintf(out, "%sno news from the appliance for %d s%s\n", output_style(STYLE_WARN),
			watch->silent_ms / 1000, output_style(STYLE_PLAIN));
	fputc('\n', out);
}

static size_t count_lines(const char *text)
{
	size_t lines = 0;
	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

/* Open windows first, where not all have room. */
static int rank(const char *state)
{
	static const char *const order[] = {"open", "draining", "scheduled"};
	for (int i = 0; i < 3; i++)
		if (strcmp(state, order[i]) == 0)
			return i;
	return 3;
}

/*
 * How many lines each window may take so that all fit into `lines`: the same for all that want
 * more. 0: they fit as they are.
 */
static size_t share_lines(const json_t *interactions, size_t lines)
{
	for (size_t limit = LEAST_LINES;; limit++) {
		size_t i, used = 0;
		bool wanted_more = false;
		json_t *interaction;
		json_array_foreach (interactions, i, interaction) {
			size_t wanted = view_lines(interaction);
			used += wanted < limit ? wanted : limit;
			wanted_more |= wanted > limit;
		}
		if (used > lines)
			return limit > LEAST_LINES ? limit - 1 : limit;
		if (!wanted_more)
			return 0;
	}
}

static void put_windows(FILE *out, struct watch *watch, size_t lines)
{
	const json_t *interactions = json_object_get(watch->document, "interactions");
	size_t i, limit = watch->on_screen ? share_lines(interactions, lines) : 0;
	json_t *interaction;
	for (int pass = 0; pass < (limit ? 4 : 1); pass++) {
		json_array_foreach (interactions, i, interaction) {
			if (limit && rank(reply_text(interaction, "state")) != pass)
				continue;
			struct view_live live = live_of(watch, interaction, i);
			view_interaction(out, interaction, &live, output_columns(), limit);
		}
	}
	if (json_array_size(interactions) == 0)
		fputs("no windows yet; waiting for one\n", out);
}

/* The whole picture, to be freed; NULL when out of memory. */
static char *compose(struct watch *watch)
{
	char *text = NULL, *tail = NULL;
	size_t bytes = 0, tail_bytes = 0;
	FILE *out = open_memstream(&text, &bytes);
	FILE *end = open_memstream(&tail, &tail_bytes);
	if (out && end) {
		view_leaderboards(end, watch->document, output_columns(), MOST_PLACES);
		view_cautions(end, watch->document);
		fflush(end);
		put_head(out, watch);
		fflush(out);
		size_t taken = count_lines(text) + count_lines(tail);
		size_t rows = (size_t)screen_rows();
		put_windows(out, watch, rows > taken ? rows - taken : 0);
		fputs(tail, out);
	}
	if (end)
		fclose(end);
	if (out)
		fclose(out);
	free(tail);
	return text;
}

static void show_screen(struct watch *watch)
{
	char *text = watch->document ? compose(watch) : NULL;
	if (text)
		screen_draw(text);
	free(text);
}

static void show_lines(struct watch *watch)
{
	char time[REPLY_TIME_BYTES];
	uint64_t now_us = reply_time_us(watch->document, "now");
	const json_t *interactions = json_object_get(watch->document, "interactions");
	bool due = now_us < watch->line_us || now_us - watch->line_us >= LINE_EVERY_US;
	size_t i;
	json_t *interaction;
	if (due)
		watch->line_us = now_us;
	json_array_foreach (interactions, i, interaction) {
		const struct watched *window = window_of(watch, interaction, i);
		struct view_live live = live_of(watch, interaction, i);
		if (!(window && window->state_changed) && !(due && live.moving))
			continue;
		text_put(stdout, reply_time_text(watch->document, "now", 0, time));
		putchar(' ');
		view_line(stdout, interaction, &live);
	}
	if (json_array_size(interactions) == 0 && !watch->waiting_said) {
		puts("no windows yet; waiting for one");
		watch->waiting_said = true;
	}
	fflush(stdout);
}

static void show(struct watch *watch)
{
	if (watch->args->json) {
		output_json(watch->document, false);
		fflush(stdout);
	} else if (watch->on_screen) {
		show_screen(watch);
	} else {
		show_lines(watch);
	}
}

/* Nothing came for a while. EXIT_DONE to wait on. */
static int bear_silence(struct watch *watch)
{
	watch->silent_ms += SILENCE_STEP_MS;
	if (watch->silent_ms > watch->args->timeout_ms) {
		output_error(
			"%s: tallyd has sent nothing for %d s; is it still running? see its log",
			watch->client.path, watch->silent_ms / 1000);
		return EXIT_UNREACHABLE;
	}
	if (watch->on_screen)
		show_screen(watch);
	return EXIT_DONE;
}

/* One round: the next document, shown. EXIT_DONE to go on. */
static int step(struct watch *watch)
{
	struct err err;
	json_t *document;
	bool unknown = false;
	int code = client_next(&watch->client, SILENCE_STEP_MS, &document, &err);
	if (code == -EINTR)
		return EXIT_DONE;
	if (code == -EAGAIN)
		return bear_silence(watch);
	if (code < 0) {
		output_error("%s", err.text);
		return request_exit_code(code);
	}
	take_document(watch, document, &unknown);
	code = unknown ? learn_delays(watch) : EXIT_DONE;
	show(watch);
	return code;
}

/* Until all is settled, something fails, or a signal comes (returned in *signal_number). */
static int follow(struct watch *watch, int *signal_number)
{
	int code = EXIT_DONE;
	while (code == EXIT_DONE && !is_done(watch) && !ferror(stdout)) {
		code = step(watch);
		*signal_number = watch->on_screen ? screen_poll() : 0;
		if (*signal_number)
			break;
	}
	return code;
}

static int read_options(struct watch *watch)
{
	static const char *const names[] = {"final", "revealed", "forever"};
	const struct args *args = watch->args;
	const char *until = args->values[WATCH_UNTIL];
	watch->rate_hz = CONTROL_DEFAULT_RATE_HZ;
	if (args_number(args, WATCH_RATE, 1, CONTROL_MAX_RATE_HZ, &watch->rate_hz) != EXIT_DONE)
		return EXIT_USAGE;
	for (int i = 0; until && i < 3; i++) {
		if (strcmp(until, names[i]) == 0) {
			watch->until = (enum until)i;
			return EXIT_DONE;
		}
	}
	if (until)
		return args_refuse(args, "--until \"%s\" is not final, revealed or forever", until);
	return EXIT_DONE;
}

static int subscribe(struct watch *watch, json_t *params)
{
	json_t *result;
	json_object_set_new(params, "rate_hz", json_integer((json_int_t)watch->rate_hz));
	int code = request_call(&watch->client, NULL, "subscribe", params, &result);
	if (code == EXIT_DONE)
		json_decref(result);
	return code;
}

static void watch_free(struct watch *watch)
{
	for (size_t i = 0; i < watch->count; i++) {
		free(watch->windows[i].tenant);
		free(watch->windows[i].state);
	}
	free(watch->windows);
	json_decref(watch->document);
	client_close(&watch->client);
}

/* On the screen while it moves, on the normal screen what remains. */
static int follow_on_screen(struct watch *watch)
{
	int signal_number = 0;
	screen_start();
	int code = follow(watch, &signal_number);
	screen_stop();
	char *text = watch->document ? compose(watch) : NULL;
	if (text)
		fputs(text, stdout);
	fflush(stdout);
	free(text);
	if (signal_number)
		screen_die(signal_number);
	return code;
}

static int run(const struct args *args)
{
	struct watch watch = {.args = args, .on_screen = output_is_terminal() && !args->json};
	json_t *params;
	int signal_number;
	int code = read_options(&watch);
	if (code == EXIT_DONE)
		code = request_target(args, TARGET_EITHER, &params);
	if (code != EXIT_DONE)
		return code;
	code = request_open(args, &watch.client);
	if (code != EXIT_DONE) {
		json_decref(params);
		return code;
	}
	code = subscribe(&watch, params);
	if (code == EXIT_DONE)
		code = watch.on_screen ? follow_on_screen(&watch) : follow(&watch, &signal_number);
	watch_free(&watch);
	return code;
}

static const struct verb_option options[] = {
	[WATCH_RATE] = {"rate", "HZ", "pictures a second, 1 to 100 (default 10)"},
	[WATCH_UNTIL] = {"until", "STATE",
			 "final (default), revealed or forever: when to stop by itself"},
	{NULL, NULL, NULL},
};

const struct verb verb_watch = {
	.name = "watch",
	.operands = "[TENANT[/ID]]",
	.summary = "Follow results live: bars, countdown, votes a second.",
	.example = "acme/101",
	.max_operands = 1,
	.options = options,
	.run = run,
};
