// SPDX-License-Identifier: BSD-3-Clause
/* The places of a leaderboard. view.c prints those of a quiz, the verb leaderboard those of a show.
 */
#include "ctl/leaders.h"

#include "ctl/reply.h"
#include "ctl/text.h"

#define LINE_BYTES 96

void leaders_put_place(FILE *out, uint64_t rank, uint64_t voter, uint64_t points, int columns)
{
	char line[LINE_BYTES], number[TEXT_NUMBER_BYTES];
	snprintf(line, sizeof(line), "%6llu.  voter %-10llu  %11s points", (unsigned long long)rank,
		 (unsigned long long)voter, text_number(points, number));
	text_cut(out, line, columns);
	fputc('\n', out);
}

void leaders_put(FILE *out, const json_t *entries, int columns, size_t max_lines)
{
	char line[LINE_BYTES], number[TEXT_NUMBER_BYTES];
	size_t i, count = json_array_size(entries);
	size_t shown = max_lines == 0 || count <= max_lines ? count : max_lines - 1;
	json_t *entry;
	json_array_foreach (entries, i, entry) {
		if (i == shown)
			break;
		leaders_put_place(out, i + 1, reply_count(entry, "voter"),
				  reply_count(entry, "points"), columns);
	}
	if (shown == count)
		return;
	snprintf(line, sizeof(line), "  and %s more", text_number(count - shown, number));
	text_cut(out, line, columns);
	fputc('\n', out);
}
