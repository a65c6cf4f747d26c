// SPDX-License-Identifier: BSD-3-Clause
/*
 * An interaction's result as people see it. results and watch call it; it never asks the appliance
 * and never reads a clock.
 */
#include "ctl/view.h"

#include <string.h>
#include "ctl/output.h"
#include "ctl/reply.h"
#include "ctl/text.h"

#define INDENT        2
#define GAP           2
#define PERCENT_WIDTH 7 /* "100.0 %" */
#define MAX_BAR       60

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

static void put_voters(FILE *out, const json_t *interaction)
{
	char number[TEXT_NUMBER_BYTES];
	uint64_t voters = reply_count(interaction, "voters");
	fprintf(out, "%s voter%s", text_number(voters, number), voters == 1 ? "" : "s");
}

/* "412,345 voters, 133,210 votes/s; not counted: 12 late, 30 duplicate" */
static void put_numbers(FILE *out, const json_t *interaction, const struct view_live *live,
			int columns)
{
	char number[TEXT_NUMBER_BYTES];
	const char *separator = "; not counted: ";
	const char *name;
	json_t *value;
	char *text = NULL;
	size_t bytes = 0;
	FILE *line = has_counts(interaction) ? open_memstream(&text, &bytes) : NULL;
	if (!line)
		return;
	put_voters(line, interaction);
	if (live->moving)
		fprintf(line, ", %s votes/s", text_number(live->votes_per_second, number));
	json_object_foreach (json_object_get(interaction, "receipts"), name, value) {
		json_int_t count = json_integer_value(value);
		if (count <= 0 || strcmp(name, "counted") == 0 || strcmp(name, "changed") == 0)
			continue;
		fprintf(line, "%s%s %s", separator, text_number((uint64_t)count, number), name);
		separator = ", ";
	}
	fclose(line);
	fprintf(out, "%*s", INDENT, "");
	text_cut(out, text, columns - INDENT);
	fputc('\n', out);
	free(text);
}

struct option_sums {
	int longest_label;
	int longest_votes;
	uint64_t votes;
	uint64_t most;
};

/* A scale's options have a value where the others have a label. */
static const char *option_label(const json_t *option, char text[24])
{
	const char *label = json_string_value(json_object_get(option, "label"));
	if (label)
		return label;
	const json_t *value = json_object_get(option, "value");
	snprintf(text, 24, "%lld",
		 (long long)json_integer_value(value ? value : json_object_get(option, "index")));
	return text;
}

static struct option_sums sum_options(const json_t *options)
{
	struct option_sums sums = {0};
	char number[TEXT_NUMBER_BYTES], buffer[24];
	size_t i;
	json_t *option;
	json_array_foreach (options, i, option) {
		uint64_t votes = reply_count(option, "votes");
		int label = text_width(option_label(option, buffer));
		int width = (int)strlen(text_number(votes, number));
		sums.votes += votes;
		sums.most = votes > sums.most ? votes : sums.most;
		sums.longest_label = label > sums.longest_label ? label : sums.longest_label;
		sums.longest_votes = width > sums.longest_votes ? width : sums.longest_votes;
	}
	return sums;
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

/* An option whose votes are not told. */
static void put_label(FILE *out, const json_t *option, int columns)
{
	char buffer[24];
	fprintf(out, "%*s", INDENT, "");
	text_cut(out, option_label(option, buffer), columns - INDENT);
	fputc('\n', out);
}

static void put_option(FILE *out, const json_t *option, const struct option_sums *sums,
		       const struct view_layout *layout)
{
	char number[TEXT_NUMBER_BYTES], buffer[24];
	uint64_t votes = reply_count(option, "votes");
	bool leads = votes > 0 && votes == sums->most;
	fprintf(out, "%*s%s", INDENT, "", leads ? output_style(STYLE_BOLD) : "");
	text_left(out, option_label(option, buffer), layout->label);
	fprintf(out, "%s%*s", leads ? output_style(STYLE_PLAIN) : "", GAP, "");
	if (layout->bar > 0) {
		fputs(output_style(STYLE_BAR), out);
		view_bar(out, votes, sums->votes, layout->bar, text_utf8());
		fprintf(out, "%s%*s", output_style(STYLE_PLAIN), GAP, "");
	}
	fprintf(out, "%*s%*s%5.1f %%\n", layout->votes, text_number(votes, number), GAP, "",
		percent(votes, sums->votes));
}

void view_interaction(FILE *out, const json_t *interaction, const struct view_live *live,
		      int columns)
{
	const json_t *options = json_object_get(interaction, "options");
	struct option_sums sums = sum_options(options);
	struct view_layout layout = view_layout(columns, sums.longest_label, sums.longest_votes);
	size_t i;
	json_t *option;
	put_heading(out, interaction, live, columns);
	put_numbers(out, interaction, live, columns);
	json_array_foreach (options, i, option) {
		if (json_object_get(option, "votes"))
			put_option(out, option, &sums, &layout);
		else
			put_label(out, option, columns);
	}
	fputc('\n', out);
}

void view_line(FILE *out, const json_t *interaction, const struct view_live *live)
{
	const json_t *options = json_object_get(interaction, "options");
	struct option_sums sums = sum_options(options);
	char number[TEXT_NUMBER_BYTES], buffer[24];
	size_t i;
	json_t *option;
	text_put(out, reply_text(interaction, "tenant"));
	fprintf(out, "/%llu ", (unsigned long long)reply_count(interaction, "id"));
	text_put(out, reply_text(interaction, "state"));
	put_countdown(out, interaction, live);
	if (has_counts(interaction)) {
		fputs(", ", out);
		put_voters(out, interaction);
		if (live->moving)
			fprintf(out, ", %s votes/s", text_number(live->votes_per_second, number));
	}
	json_array_foreach (options, i, option) {
		uint64_t votes = reply_count(option, "votes");
		fputs(i == 0 ? ": " : ", ", out);
		text_put(out, option_label(option, buffer));
		if (json_object_get(option, "votes"))
			fprintf(out, " %s (%.1f %%)", text_number(votes, number),
				percent(votes, sums.votes));
	}
	fputc('\n', out);
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
