/* SPDX-License-Identifier: BSD-3-Clause */
/* `tallyreplay check`: what must be exact, what may be more, and what a loss excuses. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include "perf/compare.h"

static const char *const format =
	"{\"interactions\":[{\"tenant\":\"acme\",\"id\":101,\"kind\":\"poll\",\"opens_at\":\"%s\","
	"\"voters\":%d,\"options\":[{\"index\":0,\"votes\":%d},{\"index\":1,\"votes\":40}],"
	"\"receipts\":{\"counted\":100,\"duplicate\":%d,\"early\":%d}}],"
	"\"datagrams\":{\"received\":200,\"bad_tag\":%d,\"missed\":%d}}";

static json_t *document(const char *opens_at, int voters, int votes, int duplicate, int early,
			int bad_tag, int missed)
{
	char text[1024];
	snprintf(text, sizeof(text), format, opens_at, voters, votes, duplicate, early, bad_tag,
		 missed);
	json_t *root = json_loads(text, 0, NULL);
	cr_assert_not_null(root);
	return root;
}

static void ignore_row(void *context, const struct compare_row *row)
{
	(void)context;
	(void)row;
}

static int differing(json_t *results, bool exact)
{
	struct err err;
	json_t *answer = document("then", 100, 60, 20, 5, 4, 0);
	int count = compare_results(results, answer, exact, ignore_row, NULL, &err);
	json_decref(results);
	json_decref(answer);
	return count;
}

Test(compare, the_same_agrees)
{
	cr_expect_eq(differing(document("then", 100, 60, 20, 5, 4, 0), false), 0);
	cr_expect_eq(differing(document("then", 100, 60, 20, 5, 4, 0), true), 0);
}

Test(compare, votes_and_voters_are_exact)
{
	cr_expect_eq(differing(document("then", 100, 61, 20, 5, 4, 0), false), 1);
	cr_expect_eq(differing(document("then", 101, 60, 20, 5, 4, 0), false), 1);
}

Test(compare, a_resending_audience_makes_more_duplicates_and_never_fewer)
{
	cr_expect_eq(differing(document("now", 100, 60, 29, 6, 5, 0), false), 0);
	cr_expect_eq(differing(document("now", 100, 60, 19, 5, 4, 0), false), 1);
	cr_expect_eq(differing(document("now", 100, 60, 20, 4, 4, 0), false), 1);
	cr_expect_eq(differing(document("now", 100, 60, 20, 5, 3, 0), false), 1);
}

Test(compare, copies_and_forgeries_that_were_missed_excuse_so_many)
{
	cr_expect_eq(differing(document("now", 100, 60, 18, 5, 3, 2), false), 0);
	cr_expect_eq(differing(document("now", 100, 60, 17, 5, 4, 2), false), 1);
	cr_expect_eq(differing(document("now", 100, 60, 20, 4, 4, 2), false), 1, "early is resent");
}

Test(compare, exact_excuses_nothing)
{
	cr_expect_eq(differing(document("now", 100, 60, 20, 5, 4, 0), true), 1);
	cr_expect_eq(differing(document("then", 100, 60, 21, 5, 4, 0), true), 1);
	cr_expect_eq(differing(document("then", 100, 60, 20, 5, 4, 1), true), 1);
}

/* A show of a scale, a reaction and a quiz; each of these may be spoilt. */
struct members {
	const char *mean, *series, *leaderboard, *entries, *correct, *value;
};

static const struct members right = {
	.mean = "2.5",
	.series = "[[1,2],[3,4]]",
	.leaderboard = "[{\"voter\":7,\"points\":900}]",
	.entries = "[{\"voter\":7,\"points\":1900},{\"voter\":8,\"points\":5}]",
	.correct = "[1]",
	.value = "1",
};

static json_t *show_document(const struct members *members)
{
	char text[1024];
	snprintf(text, sizeof(text),
		 "{\"interactions\":["
		 "{\"tenant\":\"acme\",\"id\":1,\"kind\":\"scale\",\"mean\":%s,"
		 "\"options\":[{\"value\":%s,\"votes\":4}],\"voters\":4},"
		 "{\"tenant\":\"acme\",\"id\":2,\"kind\":\"reaction\",\"series\":%s,\"voters\":4},"
		 "{\"tenant\":\"acme\",\"id\":3,\"kind\":\"quiz\",\"correct\":%s,"
		 "\"leaderboard\":%s,\"voters\":4}],"
		 "\"leaderboards\":[{\"tenant\":\"beta\",\"entries\":[]},"
		 "{\"tenant\":\"acme\",\"entries\":%s}],\"datagrams\":{\"missed\":0}}",
		 members->mean, members->value, members->series, members->correct,
		 members->leaderboard, members->entries);
	json_t *root = json_loads(text, 0, NULL);
	cr_assert_not_null(root, "%s", text);
	return root;
}

static int members_differing(const struct members *members, bool exact)
{
	struct err err;
	json_t *answer = show_document(&right), *results = show_document(members);
	int count = compare_results(results, answer, exact, ignore_row, NULL, &err);
	json_decref(results);
	json_decref(answer);
	return count;
}

Test(compare, what_only_some_kinds_hold_is_compared_item_by_item)
{
	struct members rows[] = {right, right, right, right, right, right, right, right, right};
	static const int rows_differing[] = {0, 1, 1, 2, 1, 1, 2, 1, 1};
	rows[1].mean = "2.5000001";
	rows[2].mean = "null";
	rows[3].series = "[[1,3],[3,5]]";
	rows[4].series = "[[1,2],[3,4],[0,0]]";
	rows[5].leaderboard = "[]";
	rows[6].entries = "[{\"voter\":8,\"points\":1900},{\"voter\":7,\"points\":5}]";
	rows[7].entries = "[{\"voter\":7,\"points\":1900},{\"voter\":8,\"points\":6}]";
	rows[8].leaderboard = "[{\"voter\":7,\"points\":900},{\"voter\":9,\"points\":1}]";
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int exact = 0; exact < 2; exact++)
			cr_expect_eq(members_differing(&rows[i], exact), rows_differing[i],
				     "row %zu", i);
}

Test(compare, exact_looks_at_what_the_rundown_says_too)
{
	struct members members = right;
	members.correct = "[0]";
	cr_expect_eq(members_differing(&members, false), 0);
	cr_expect_eq(members_differing(&members, true), 1);
	members = right;
	members.value = "2";
	cr_expect_eq(members_differing(&members, false), 0);
	cr_expect_eq(members_differing(&members, true), 1);
}

Test(compare, what_is_no_results_document_is_refused)
{
	struct err err;
	json_t *answer = document("then", 100, 60, 20, 5, 4, 0), *other = json_object();
	cr_expect_eq(compare_results(other, answer, false, ignore_row, NULL, &err), -EINVAL);
	cr_expect_eq(compare_results(answer, other, false, ignore_row, NULL, &err), -EINVAL);
	json_decref(answer);
	json_decref(other);
}
