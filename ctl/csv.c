// SPDX-License-Identifier: BSD-3-Clause
/* Called by export.c. Quotes each text, so that commas, quotes and lines in it stay in it. */
#include "ctl/csv.h"

#include <stdbool.h>

#include "ctl/reply.h"

static void put_text(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static void put_option(FILE *out, const json_t *option, json_int_t votes)
{
	if (json_object_get(option, "value")) {
		fprintf(out, "%llu,", (unsigned long long)reply_count(option, "value"));
	} else {
		fprintf(out, "%llu,", (unsigned long long)reply_count(option, "index"));
		put_text(out, reply_text(option, "label"));
		fputc(',', out);
	}
	fprintf(out, "%" JSON_INTEGER_FORMAT, votes);
}

static bool is_correct(const json_t *correct, size_t index)
{
	for (size_t i = 0; i < json_array_size(correct); i++)
		if ((size_t)json_integer_value(json_array_get(correct, i)) == index)
			return true;
	return false;
}

static void put_options(FILE *out, const json_t *options, const json_t *correct)
{
	for (size_t i = 0; i < json_array_size(options); i++) {
		const json_t *option = json_array_get(options, i);
		put_option(out, option, json_integer_value(json_object_get(option, "votes")));
		if (correct)
			fputs(is_correct(correct, i) ? ",1" : ",0", out);
		fputs("\r\n", out);
	}
}

static void put_series(FILE *out, const json_t *options, const json_t *series)
{
	for (size_t second = 0; second < json_array_size(series); second++) {
		const json_t *row = json_array_get(series, second);
		for (size_t i = 0; i < json_array_size(options); i++) {
			fprintf(out, "%zu,", second);
			put_option(out, json_array_get(options, i),
				   json_integer_value(json_array_get(row, i)));
			fputs("\r\n", out);
		}
	}
}

void csv_interaction(FILE *out, const json_t *interaction)
{
	const json_t *options = json_object_get(interaction, "options");
	const json_t *series = json_object_get(interaction, "series");
	const json_t *correct = json_object_get(interaction, "correct");
	bool values = json_object_get(json_array_get(options, 0), "value") != NULL;
	fprintf(out, "%s%s,votes%s\r\n", series ? "second," : "", values ? "value" : "index,label",
		correct ? ",correct" : "");
	if (series)
		put_series(out, options, series);
	else
		put_options(out, options, correct);
}
