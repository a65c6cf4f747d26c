// SPDX-License-Identifier: BSD-3-Clause
/* Votes by the second as a row of blocks. view.c prints them where a result has a series. */
#include "ctl/spark.h"

#include "ctl/reply.h"

#define SECOND_US 1000000
#define LEVELS    8

static uint64_t votes_in(const struct spark *spark, size_t second, size_t option)
{
	const json_t *row = json_array_get(spark->series, second);
	json_int_t votes = json_integer_value(json_array_get(row, option));
	return votes > 0 ? (uint64_t)votes : 0;
}

/* How many seconds of the window have begun; all of them where the time is not known. */
static size_t seconds_begun(const json_t *interaction, size_t seconds, uint64_t now_us)
{
	uint64_t opens_at_us = reply_time_us(interaction, "opens_at");
	if (now_us == 0 || opens_at_us == 0)
		return seconds;
	if (now_us < opens_at_us)
		return 0;
	uint64_t begun = (now_us - opens_at_us) / SECOND_US + 1;
	return begun < seconds ? (size_t)begun : seconds;
}

void spark_read(const json_t *interaction, uint64_t now_us, int columns, struct spark *spark)
{
	const json_t *series = json_object_get(interaction, "series");
	size_t options = json_array_size(json_object_get(interaction, "options"));
	*spark = (struct spark){.series = json_is_array(series) ? series : NULL};
	spark->to = seconds_begun(interaction, json_array_size(series), now_us);
	if (columns > 0 && spark->to > (size_t)columns)
		spark->from = spark->to - (size_t)columns;
	for (size_t second = spark->from; second < spark->to; second++) {
		for (size_t option = 0; option < options; option++) {
			uint64_t votes = votes_in(spark, second, option);
			spark->most = votes > spark->most ? votes : spark->most;
		}
	}
}

void spark_put(FILE *out, const struct spark *spark, size_t option, int columns, bool utf8)
{
	static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char *const marks[] = {" ", ".", ":", "-", "=", "+", "*", "#", "@"};
	int used = 0;
	for (size_t second = spark->from; second < spark->to && used < columns; second++, used++) {
		uint64_t votes = votes_in(spark, second, option);
		double height = votes ? (double)votes / (double)spark->most * LEVELS : 0;
		int level = (int)height;
		level += level < height; /* one vote is never nothing */
		fputs(utf8 ? blocks[level] : marks[level], out);
	}
	fprintf(out, "%*s", columns - used, "");
}
