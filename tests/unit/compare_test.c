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

Test(compare, what_is_no_results_document_is_refused)
{
	struct err err;
	json_t *answer = document("then", 100, 60, 20, 5, 4, 0), *other = json_object();
	cr_expect_eq(compare_results(other, answer, false, ignore_row, NULL, &err), -EINVAL);
	cr_expect_eq(compare_results(answer, other, false, ignore_row, NULL, &err), -EINVAL);
	json_decref(answer);
	json_decref(other);
}
