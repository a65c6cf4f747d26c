// SPDX-License-Identifier: BSD-3-Clause
/* The one place where the quality of a clock becomes JSON. */
#include "dataplane/show/clock_quality.h"

const struct clock_quality clock_quality_of_capture = {
	.source = "capture",
	.error_us = CLOCK_ERROR_UNKNOWN,
};

json_t *clock_quality_json(const struct clock_quality *quality)
{
	json_t *error = quality->error_us == CLOCK_ERROR_UNKNOWN
				? json_null()
				: json_integer((json_int_t)quality->error_us);
	return json_pack("{s:s,s:b,s:o,s:I}", "source", quality->source, "synchronised",
			 quality->synchronised, "error_us", error, "offset_us",
			 (json_int_t)quality->behind_us);
}
