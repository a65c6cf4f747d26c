// SPDX-License-Identifier: BSD-3-Clause
/* Results as CSV, by kind. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/csv.h"

static void expect(const char *text, const char *csv)
{
	char *written = NULL;
	size_t bytes;
	FILE *out = open_memstream(&written, &bytes);
	json_t *interaction = json_loads(text, 0, NULL);
	cr_assert_not_null(interaction, "%s", text);
	csv_interaction(out, interaction);
	fclose(out);
	cr_expect_str_eq(written, csv);
	json_decref(interaction);
	free(written);
}

Test(ctl_csv, texts_are_quoted)
{
	expect("{\"options\":[{\"index\":0,\"label\":\"a,b\",\"votes\":1},"
	       "{\"index\":1,\"label\":\"say \\\"c\\\"\",\"votes\":2}]}",
	       "index,label,votes\r\n0,\"a,b\",1\r\n1,\"say \"\"c\"\"\",2\r\n");
}

Test(ctl_csv, a_quiz_says_which_is_right)
{
	expect("{\"options\":[{\"index\":0,\"label\":\"a\",\"votes\":1},"
	       "{\"index\":1,\"label\":\"b\",\"votes\":2}],\"correct\":[1]}",
	       "index,label,votes,correct\r\n0,\"a\",1,0\r\n1,\"b\",2,1\r\n");
}

Test(ctl_csv, a_scale_has_values)
{
	expect("{\"options\":[{\"value\":5,\"votes\":1},{\"value\":6,\"votes\":0}],\"mean\":5.0}",
	       "value,votes\r\n5,1\r\n6,0\r\n");
}

Test(ctl_csv, a_reaction_has_a_row_for_each_second_and_option)
{
	expect("{\"options\":[{\"index\":0,\"label\":\"a\",\"votes\":3},"
	       "{\"index\":1,\"label\":\"b\",\"votes\":4}],\"series\":[[1,2],[2,2]]}",
	       "second,index,label,votes\r\n0,0,\"a\",1\r\n0,1,\"b\",2\r\n1,0,\"a\",2\r\n"
	       "1,1,\"b\",2\r\n");
}
