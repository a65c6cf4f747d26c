// SPDX-License-Identifier: BSD-3-Clause
/* Receipts byte by byte, and the table of verdicts, statuses and names. */
#include <criterion/criterion.h>
#include <string.h>

#include "dataplane/core/auth.h"
#include "dataplane/core/receipt.h"
#include "tests/lib/vector.h"

#define ARRIVAL_US 1795392001500000ull

/* Filled in, and signed as the pipeline does a burst at a time. */
static void write_receipt(uint8_t *packet, enum receipt_status status, uint16_t choice,
			  uint64_t arrival_us, const uint8_t voter_key[AUTH_KEY_BYTES])
{
	receipt_fill((void *)packet, status, choice, arrival_us);
	auth_tag(voter_key, packet, VOTE_TAG_OFFSET, packet + VOTE_TAG_OFFSET);
}

static void vector_key(uint8_t voter_key[AUTH_KEY_BYTES])
{
	from_hex(vector_voter_key, voter_key);
}

/* To the specification's vote; computed with another implementation of SipHash. */
Test(receipt, bytes_are_those_of_the_specification)
{
	static const struct {
		enum receipt_status status;
		uint16_t choice;
		const char *bytes;
	} rows[] = {
		{RECEIPT_COUNTED, 2,
		 "42070001000700002a010002000000650000002a000660e6467b636000000000a2189eba3a75dfe"
		 "4"},
		{RECEIPT_DUPLICATE, 0,
		 "42070001000700002a010000000000650000002a000660e6467b636002000000c47a1b4a1a6693e"
		 "6"},
		{RECEIPT_BUSY, CHOICE_NONE,
		 "42070001000700002a01ffff000000650000002a000660e6467b63600800000078e9fb02d1d261d"
		 "0"},
	};
	uint8_t voter_key[AUTH_KEY_BYTES];
	vector_key(voter_key);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t packet[VOTE_BYTES + 1], expected[VOTE_BYTES];
		packet[VOTE_BYTES] = 0xEE;
		from_hex(vector_vote, packet);
		from_hex(rows[i].bytes, expected);
		write_receipt(packet, rows[i].status, rows[i].choice, ARRIVAL_US, voter_key);
		cr_expect_arr_eq(packet, expected, VOTE_BYTES, "row %zu", i);
		cr_expect_eq(packet[VOTE_BYTES], 0xEE);
	}
}

Test(receipt, what_is_echoed_stays_and_the_tag_verifies)
{
	uint8_t vote[VOTE_BYTES], receipt[VOTE_BYTES], voter_key[AUTH_KEY_BYTES];
	vector_key(voter_key);
	for (uint32_t i = 0; i < VOTE_BYTES; i++)
		vote[i] = (uint8_t)(0x80 + i);
	memcpy(receipt, vote, sizeof(receipt));
	write_receipt(receipt, RECEIPT_LATE, 0x1234, 0x0102030405060708, voter_key);
	cr_expect_eq(receipt[0], 0x42);
	cr_expect_arr_eq(receipt + 1, vote + 1, 9, "connection id and key epoch");
	cr_expect_arr_eq(receipt + 10, ((uint8_t[]){0x12, 0x34}), 2, "choice");
	cr_expect_arr_eq(receipt + 12, vote + 12, 8, "interaction and voter");
	cr_expect_arr_eq(receipt + 20, ((uint8_t[]){1, 2, 3, 4, 5, 6, 7, 8}), 8, "arrival");
	cr_expect_eq(receipt[28], 4);
	cr_expect_arr_eq(receipt + 29, vote + 29, 3, "revision");
	cr_expect(auth_tag_matches(voter_key, receipt, 32, receipt + 32));
	cr_expect_arr_neq(receipt + 32, vote + 32, 8);
}

Test(receipt, every_verdict_has_its_status_and_name)
{
	static const struct {
		enum verdict verdict;
		int status; /* -1: no answer */
		const char *name;
	} rows[] = {
		{VERDICT_PASSED, -1, "passed"},
		{VERDICT_NEGOTIATED, -1, "negotiated"},
		{VERDICT_POLICED, -1, "policed"},
		{VERDICT_MALFORMED, -1, "malformed"},
		{VERDICT_UNKNOWN_KEY, -1, "unknown_key"},
		{VERDICT_BAD_TAG, -1, "bad_tag"},
		{VERDICT_WATCH, -1, "watch"},
		{VERDICT_UNKNOWN, 5, "unknown"},
		{VERDICT_CANCELLED, 7, "cancelled"},
		{VERDICT_BAD_CHOICE, 6, "bad_choice"},
		{VERDICT_EARLY, 3, "early"},
		{VERDICT_LATE, 4, "late"},
		{VERDICT_DUPLICATE, 2, "duplicate"},
		{VERDICT_CHANGED, 1, "changed"},
		{VERDICT_BUSY, 8, "busy"},
		{VERDICT_COUNTED, 0, "counted"},
	};
	cr_expect_eq(sizeof(rows) / sizeof(rows[0]), VERDICT_COUNT - 1,
		     "a verdict has no row here");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int want = rows[i].status < 0 ? RECEIPT_NONE : rows[i].status;
		cr_expect_eq((int)receipt_status_of(rows[i].verdict), want, "%s", rows[i].name);
		cr_expect_str_eq(verdict_name(rows[i].verdict), rows[i].name);
		cr_expect_gt(strlen(verdict_text(rows[i].verdict)), 10, "%s", rows[i].name);
	}
	cr_expect_eq((int)receipt_status_of(VERDICT_NONE), RECEIPT_NONE);
	cr_expect_str_eq(verdict_name(VERDICT_NONE), "none");
}

Test(receipt, every_status_has_its_name)
{
	static const char *const names[] = {"counted", "changed",    "duplicate", "early", "late",
					    "unknown", "bad_choice", "cancelled", "busy"};
	cr_expect_eq(sizeof(names) / sizeof(names[0]), RECEIPT_STATUSES);
	for (int status = 0; status < RECEIPT_STATUSES; status++)
		cr_expect_str_eq(receipt_status_name((enum receipt_status)status), names[status]);
}

Test(receipt, what_is_no_status_has_no_name)
{
	cr_expect_str_eq(receipt_status_name(RECEIPT_NONE), "none");
	cr_expect_str_eq(receipt_status_name(RECEIPT_STATUSES), "none");
}
