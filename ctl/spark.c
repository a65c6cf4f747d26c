// SPDX-License-Identifier: BSD-3-Clause
/* Votes by the second as a row of blocks. view.c prints them where a result has a series. */
#include "ctl/spark.h"

#include "ctl/reply.h"

#define SECOND_US 1000000
#define LEVELS    8

static uint64_t votes_in(const struct spark *spark, size_t at, size_t option)
{
	const json_t *row = json_array_get(spark->series, at);
	json_int_t votes = json_integer_value(json_array_get(row, option));
	return votes > 0 ? (uint64_t)votes : 0;
}

/*
 * How many rows are of seconds that have begun; all of them where the time is not known. Of a long
 * series the appliance may tell the latest rows alone.
 */
static size_t rows_begun(const json_t *interaction, size_t rows, uint64_t now_us)
{
	uint64_t opens_at_us = reply_time_us(interaction, "opens_at");
	uint64_t first = reply_count(interaction, "series_from");
	if (now_us == 0 || opens_at_us == 0)
		return rows;
	if (now_us < opens_at_us)
		return 0;
	uint64_t begun = (now_us - opens_at_us) / SECOND_US + 1;
	if (begun <= first)
		return 0;
	return begun - first < rows ? (size_t)(begun - first) : rows;
}

void spark_read(const json_t *interaction, uint64_t now_us, int columns, struct spark *spark)
{
	const json_t *series = json_object_get(interaction, "series");
	size_t options = json_array_size(json_object_get(interaction, "options"));
	*spark = (struct spark){.series = json_is_array(series) ? series : NULL};
	spark->to = rows_begun(interaction, json_array_size(series), now_us);
	if (columns > 0 && spark->to > (size_t)columns)
		spark->from = spark->to - (size_t)columns;
	for (size_t at = spark->from; at < spark->to; at++) {
		for (size_t option = 0; option < options; option++) {
			uint64_t votes = votes_in(spark, at, option);
			spark->most = votes > spark->most ? votes : spark->most;
		}
	}
}

void spark_put(FILE *out, const struct spark *spark, size_t option, int columns, bool utf8)
{
	static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char *const marks[] = {" ", ".", ":", "-", "=", "+", "*", "#", "@"};
	int used = 0;
	for (size_t at = spark->from; at < spark->to && used < columns; at++, used++) {
		uint64_t votes = votes_in(spark, at, option);
		double height = votes ? (double)votes / (double)spark->most * LEVELS : 0;
		int level = (int)height;
		level += level < height; /* one vote is never nothing */
		fputs(utf8 ? blocks[level] : marks[level], out);
	}
	fprintf(out, "%*s", columns - used, "");
}
