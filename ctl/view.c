// SPDX-License-Identifier: BSD-3-Clause
/*
 * An interaction's result as people see it. results and watch call it; it never asks the appliance
 * and never reads a clock.
 */
#include "ctl/view.h"

#include <stdlib.h>
#include <string.h>
#include "ctl/choices.h"
#include "ctl/leaders.h"
#include "ctl/output.h"
#include "ctl/reply.h"
#include "ctl/spark.h"
#include "ctl/text.h"

#define INDENT        2
#define GAP           2
#define PERCENT_WIDTH 7 /* "100.0 %" */
#define MAX_BAR       60
#define LEAST_ROWS    3  /* of options, where a leaderboard wants room too */
#define LINE_CHOICES  10 /* in a line for logs */

struct view_layout view_layout(int columns, int longest_label, int longest_votes)
{
	struct view_layout layout = {.votes = longest_votes};
	int rest = columns - INDENT - 3 * GAP - longest_votes - PERCENT_WIDTH;
	int label_most = rest - VIEW_MIN_BAR;
	if (label_most > rest / 2)
		label_most = rest / 2;
	layout.label = longest_label < label_most ? longest_label : label_most;
	if (layout.label < 1)
		layout.label = 1;
	layout.bar = rest - layout.label;
	if (layout.bar > MAX_BAR)
		layout.bar = MAX_BAR;
	if (layout.bar >= VIEW_MIN_BAR)
		return layout;
	/* No room for bars: the label gets what is left. */
	layout.bar = 0;
	layout.label = rest + GAP < longest_label ? rest + GAP : longest_label;
	if (layout.label < 1)
		layout.label = 1;
	return layout;
}

void view_bar(FILE *out, uint64_t part, uint64_t whole, int columns, bool utf8)
{
	static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
	double share = whole ? (double)part / (double)whole : 0;
	uint64_t filled = (uint64_t)(share * columns * 8 + 0.5);
	if (filled > (uint64_t)columns * 8)
		filled = (uint64_t)columns * 8;
	if (part > 0 && filled == 0)
		filled = 1; /* one vote is never nothing */
	int used = 0;
	for (; filled >= 8; filled -= 8, used++)
		fputs(utf8 ? "█" : "#", out);
	if (filled > 0 && (utf8 || filled >= 4)) {
		fputs(utf8 ? eighths[filled] : "#", out);
		used++;
	}
	fprintf(out, "%*s", columns - used, "");
}

char *view_duration(uint64_t duration_us, char text[VIEW_COUNTDOWN_BYTES])
{
	unsigned long long seconds = duration_us / 1000000;
	unsigned long long hours = seconds / 3600;
	unsigned minutes = (unsigned)(seconds / 60 % 60);
	unsigned rest = (unsigned)(seconds % 60);
	if (seconds < 60)
		snprintf(text, VIEW_COUNTDOWN_BYTES, "%llu.%us", seconds,
			 (unsigned)(duration_us / 100000 % 10));
	else if (hours == 0)
		snprintf(text, VIEW_COUNTDOWN_BYTES, "%u:%02u", minutes, rest);
	else if (hours < 24)
		snprintf(text, VIEW_COUNTDOWN_BYTES, "%llu:%02u:%02u", hours, minutes, rest);
	else
		snprintf(text, VIEW_COUNTDOWN_BYTES, "%llud %02llu:%02u:%02u", hours / 24,
			 hours % 24, minutes, rest);
	return text;
}

static uint64_t until(uint64_t now_us, uint64_t time_us)
{
	return time_us > now_us ? time_us - now_us : 0;
}

char *view_countdown(const char *state, uint64_t now_us, uint64_t opens_at_us,
		     uint64_t closes_at_us, uint64_t final_at_us, char text[VIEW_COUNTDOWN_BYTES])
{
	char left[VIEW_COUNTDOWN_BYTES];
	if (strcmp(state, "scheduled") == 0)
		snprintf(text, VIEW_COUNTDOWN_BYTES, "opens in %.40s",
			 view_duration(until(now_us, opens_at_us), left));
	else if (strcmp(state, "open") == 0)
		snprintf(text, VIEW_COUNTDOWN_BYTES, "%.40s left",
			 view_duration(until(now_us, closes_at_us), left));
	else if (strcmp(state, "draining") == 0 && final_at_us)
		snprintf(text, VIEW_COUNTDOWN_BYTES, "final in %.40s",
			 view_duration(until(now_us, final_at_us), left));
	else if (strcmp(state, "draining") == 0)
		snprintf(text, VIEW_COUNTDOWN_BYTES, "slower viewers still answer");
	else if (strcmp(state, "final") == 0)
		snprintf(text, VIEW_COUNTDOWN_BYTES, "not revealed yet");
	else
		text[0] = '\0';
	return text;
}

bool view_is_settled(const char *state)
{
	return strcmp(state, "final") == 0 || strcmp(state, "revealed") == 0 ||
	       strcmp(state, "cancelled") == 0;
}

static enum style state_style(const char *state)
{
	if (strcmp(state, "open") == 0)
		return STYLE_GOOD;
	return strcmp(state, "cancelled") == 0 ? STYLE_WARN : STYLE_BOLD;
}

static void put_countdown(FILE *out, const json_t *interaction, const struct view_live *live)
{
	char text[VIEW_COUNTDOWN_BYTES];
	view_countdown(reply_text(interaction, "state"), live->now_us,
		       reply_time_us(interaction, "opens_at"),
		       reply_time_us(interaction, "closes_at"), live->final_at_us, text);
	if (text[0])
		fprintf(out, ", %s", text);
}

/* "acme/101 open, 16.8s left  Which colour?" */
static void put_heading(FILE *out, const json_t *interaction, const struct view_live *live,
			int columns)
{
	char *text = NULL;
	size_t bytes = 0;
	const char *state = reply_text(interaction, "state");
	FILE *name = open_memstream(&text, &bytes);
	if (!name)
		return;
	fprintf(name, "%s/%llu", reply_text(interaction, "tenant"),
		(unsigned long long)reply_count(interaction, "id"));
	fclose(name);
	fputs(output_style(STYLE_BOLD), out);
	text_put(out, text);
	fprintf(out, "%s %s", output_style(STYLE_PLAIN), output_style(state_style(state)));
	text_put(out, state);
	fputs(output_style(STYLE_PLAIN), out);
	int used = text_width(text) + 1 + text_width(state);
	free(text);

	char countdown[VIEW_COUNTDOWN_BYTES];
	view_countdown(state, live->now_us, reply_time_us(interaction, "opens_at"),
		       reply_time_us(interaction, "closes_at"), live->final_at_us, countdown);
	fprintf(out, "%s%s  ", countdown[0] ? ", " : "", countdown);
	used += 2 + (countdown[0] ? 2 : 0) + text_width(countdown);
	text_cut(out, reply_text(interaction, "question"), columns - used);
	fputc('\n', out);
}

/* Whether the appliance tells counts: to the public it does so from the reveal on. */
static bool has_counts(const json_t *interaction)
{
	return json_object_get(interaction, "voters") != NULL;
}

/* Where counts are not told and the reader may wonder why. */
static bool is_embargoed(const json_t *interaction)
{
	const char *state = reply_text(interaction, "state");
	return !has_counts(interaction) &&
	       (strcmp(state, "open") == 0 || strcmp(state, "draining") == 0);
}

/* "412,345 voters, mean 7.31, 12 changed, 133,210 votes/s" */
static void put_counts(FILE *out, const json_t *interaction, const struct view_live *live)
{
	char number[TEXT_NUMBER_BYTES];
	uint64_t voters = reply_count(interaction, "voters");
	uint64_t changed = reply_count(json_object_get(interaction, "receipts"), "changed");
	fprintf(out, "%s voter%s", text_number(voters, number), voters == 1 ? "" : "s");
	if (json_is_number(json_object_get(interaction, "mean")))
		fprintf(out, ", mean %.2f", reply_measure(interaction, "mean"));
	if (changed > 0)
		fprintf(out, ", %s changed", text_number(changed, number));
	if (live->moving)
		fprintf(out, ", %s votes/s", text_number(live->votes_per_second, number));
}

/* "; not counted: 12 late, 30 duplicate" */
static void put_not_counted(FILE *out, const json_t *interaction)
{
	char number[TEXT_NUMBER_BYTES];
	const char *separator = "; not counted: ";
	const char *name;
	json_t *value;
	json_object_foreach (json_object_get(interaction, "receipts"), name, value) {
		json_int_t count = json_integer_value(value);
		if (count <= 0 || strcmp(name, "counted") == 0 || strcmp(name, "changed") == 0)
			continue;
		fprintf(out, "%s%s %s", separator, text_number((uint64_t)count, number), name);
		separator = ", ";
	}
}

static void put_numbers(FILE *out, const json_t *interaction, const struct view_live *live,
			int columns)
{
	char *text = NULL;
	size_t bytes = 0;
	bool embargoed = is_embargoed(interaction);
	FILE *line = embargoed || has_counts(interaction) ? open_memstream(&text, &bytes) : NULL;
	if (!line)
		return;
	if (embargoed) {
		fputs("not revealed yet", line);
	} else {
		put_counts(line, interaction, live);
		put_not_counted(line, interaction);
	}
	fclose(line);
	fprintf(out, "%*s", INDENT, "");
	text_cut(out, text, columns - INDENT);
	fputc('\n', out);
	free(text);
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

/* The blanks before a row, or that its answer is right. */
static void put_indent(FILE *out, const struct choice *choice)
{
	if (choice->right)
		fprintf(out, "%s%s %s", output_style(STYLE_GOOD), text_utf8() ? "✓" : "*",
			output_style(STYLE_PLAIN));
	else
		fprintf(out, "%*s", INDENT, "");
}

/* An option whose votes are not told. */
static void put_label(FILE *out, const struct choice *choice, int columns)
{
	char text[CHOICES_LABEL_BYTES];
	put_indent(out, choice);
	text_cut(out, choices_label(choice, text), columns - INDENT);
	fputc('\n', out);
}

static void put_choice(FILE *out, const struct choice *choice, const struct choices *choices,
		       const struct spark *spark, const struct view_layout *layout)
{
	char number[TEXT_NUMBER_BYTES], text[CHOICES_LABEL_BYTES];
	bool leads = choice->votes > 0 && choice->votes == choices->most;
	put_indent(out, choice);
	fputs(leads ? output_style(STYLE_BOLD) : "", out);
	text_left(out, choices_label(choice, text), layout->label);
	fprintf(out, "%s%*s", leads ? output_style(STYLE_PLAIN) : "", GAP, "");
	if (layout->bar > 0) {
		fputs(output_style(STYLE_BAR), out);
		if (spark->series)
			spark_put(out, spark, choice->index, layout->bar, text_utf8());
		else
			view_bar(out, choice->votes, choices->full_bar, layout->bar, text_utf8());
		fprintf(out, "%s%*s", output_style(STYLE_PLAIN), GAP, "");
	}
	fprintf(out, "%*s%*s%5.1f %%\n", layout->votes, text_number(choice->votes, number), GAP, "",
		percent(choice->votes, choices->whole));
}

static void put_choices(FILE *out, const json_t *interaction, uint64_t now_us, int columns,
			size_t max_rows)
{
	char number[TEXT_NUMBER_BYTES];
	struct choices choices;
	struct spark spark;
	choices_read(interaction, max_rows, &choices);
	struct view_layout layout =
		view_layout(columns, choices.longest_label, choices.longest_votes);
	spark_read(interaction, now_us, layout.bar, &spark);
	for (size_t i = 0; i < choices.count; i++) {
		if (choices.told)
			put_choice(out, &choices.rows[i], &choices, &spark, &layout);
		else
			put_label(out, &choices.rows[i], columns);
	}
	if (choices.left_out)
		fprintf(out, "%*sand %s more\n", INDENT, "", text_number(choices.left_out, number));
	choices_free(&choices);
}

/* Heading, numbers and the empty line at the end. */
static size_t frame_lines(const json_t *interaction)
{
	return 2 + (is_embargoed(interaction) || has_counts(interaction));
}

size_t view_lines(const json_t *interaction)
{
	return frame_lines(interaction) + choices_count(interaction) +
	       json_array_size(json_object_get(interaction, "leaderboard"));
}

/* How many of max_lines options get; what they leave is the leaderboard's. */
static size_t share_rows(const json_t *interaction, size_t max_lines)
{
	size_t frame = frame_lines(interaction), rows = choices_count(interaction);
	size_t places = json_array_size(json_object_get(interaction, "leaderboard"));
	size_t room = max_lines > frame + LEAST_ROWS ? max_lines - frame : LEAST_ROWS;
	size_t most = places < room / 2 ? room - places : room - room / 2;
	return rows < most ? rows : most;
}

void view_interaction(FILE *out, const json_t *interaction, const struct view_live *live,
		      int columns, size_t max_lines)
{
	const json_t *leaders = json_object_get(interaction, "leaderboard");
	bool limited = max_lines && view_lines(interaction) > max_lines;
	size_t rows = limited ? share_rows(interaction, max_lines) : 0;
	size_t used = frame_lines(interaction) + rows;
	put_heading(out, interaction, live, columns);
	put_numbers(out, interaction, live, columns);
	put_choices(out, interaction, live->now_us, columns, rows);
	if (!limited || used < max_lines)
		leaders_put(out, leaders, columns, limited ? max_lines - used : 0);
	fputc('\n', out);
}

/* ": Red 2 (66.7 %), Blue 1 (33.3 %)", the leading ones of many */
static void put_choices_in_line(FILE *out, const json_t *interaction)
{
	char number[TEXT_NUMBER_BYTES], text[CHOICES_LABEL_BYTES];
	struct choices choices;
	choices_read(interaction, LINE_CHOICES, &choices);
	for (size_t i = 0; i < choices.count; i++) {
		const struct choice *choice = &choices.rows[i];
		fputs(i == 0 ? ": " : ", ", out);
		text_put(out, choices_label(choice, text));
		if (choices.told)
			fprintf(out, " %s (%.1f %%%s)", text_number(choice->votes, number),
				percent(choice->votes, choices.whole),
				choice->right ? ", right" : "");
	}
	if (choices.left_out)
		fprintf(out, ", and %s more", text_number(choices.left_out, number));
	choices_free(&choices);
}

void view_line(FILE *out, const json_t *interaction, const struct view_live *live)
{
	text_put(out, reply_text(interaction, "tenant"));
	fprintf(out, "/%llu ", (unsigned long long)reply_count(interaction, "id"));
	text_put(out, reply_text(interaction, "state"));
	put_countdown(out, interaction, live);
	if (has_counts(interaction)) {
		fputs(", ", out);
		put_counts(out, interaction, live);
	} else if (is_embargoed(interaction)) {
		fputs(", not revealed yet", out);
	}
	put_choices_in_line(out, interaction);
	fputc('\n', out);
}

void view_leaderboards(FILE *out, const json_t *document, int columns, size_t max_places)
{
	size_t i;
	json_t *board;
	json_array_foreach (json_object_get(document, "leaderboards"), i, board) {
		const json_t *entries = json_object_get(board, "entries");
		if (json_array_size(entries) == 0)
			continue;
		fputs(output_style(STYLE_BOLD), out);
		text_put(out, reply_text(board, "tenant"));
		if (json_is_string(json_object_get(board, "show"))) {
			fputs(", show ", out);
			text_put(out, reply_text(board, "show"));
		}
		fprintf(out, "%s: the best of all quizzes\n", output_style(STYLE_PLAIN));
		leaders_put(out, entries, columns, max_places);
		fputc('\n', out);
	}
}

void view_cautions(FILE *out, const json_t *document)
{
	char number[TEXT_NUMBER_BYTES];
	uint64_t missed = reply_count(json_object_get(document, "datagrams"), "missed");
	const char *durability = reply_text(document, "durability");
	if (missed > 0)
		fprintf(out,
			"%snot certifiable: %s packets were missed before they could be "
			"judged%s\n",
			output_style(STYLE_WARN), text_number(missed, number),
			output_style(STYLE_PLAIN));
	if (durability[0] && strcmp(durability, "none") == 0)
		fprintf(out, "%sdurability: none (results live in memory only)%s\n",
			output_style(STYLE_DIM), output_style(STYLE_PLAIN));
}
