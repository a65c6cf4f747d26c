// SPDX-License-Identifier: BSD-3-Clause
/* The note of --prepare: what is written is read, and nothing of anybody else's is. */
#include <criterion/criterion.h>
#include <errno.h>

#include "dataplane/prepare_note.h"
#include "tests/lib/scratch.h"

static struct prepare_note note;
static struct err err;

TestSuite(prepare_note, .init = scratch_make, .fini = scratch_remove);

Test(prepare_note, what_is_written_is_read)
{
	const char *path = scratch_path("prepared");
	const struct prepare_note written = {
		.huge_pages = 52,
		.count = 2,
		.rows = {{"eth0", {.defer_hard_irqs = 1, .flush_timeout_ns = 20, .lro = true}},
			 {"a-name-of-15-by", {.rxvlan = true}}},
	};
	cr_assert_eq(prepare_note_write(path, &written, &err), 0, "%s", err.text);
	cr_assert_eq(prepare_note_read(path, &note, &err), 0, "%s", err.text);
	cr_expect(note.found);
	cr_expect_eq(note.huge_pages, 52);
	cr_expect_eq(note.count, 2);
	const struct interface_settings *eth0 = prepare_note_find(&note, "eth0");
	cr_assert_not_null(eth0);
	cr_expect(eth0->defer_hard_irqs == 1 && eth0->flush_timeout_ns == 20 && eth0->lro &&
		  !eth0->rxvlan);
	const struct interface_settings *other = prepare_note_find(&note, "a-name-of-15-by");
	cr_assert_not_null(other);
	cr_expect(other->rxvlan && !other->lro);
	cr_expect_null(prepare_note_find(&note, "eth1"));
}

Test(prepare_note, where_there_is_none_nothing_was_prepared)
{
	cr_expect_eq(prepare_note_read(scratch_path("missing"), &note, &err), 0);
	cr_expect_not(note.found);
	cr_expect_eq(note.count, 0);
}

Test(prepare_note, one_that_others_may_write_is_refused)
{
	const char *path = scratch_text("prepared", "huge_pages 1\n", 0666);
	cr_expect_eq(prepare_note_read(path, &note, &err), -EINVAL);
	cr_expect_not_null(strstr(err.text, "others than root"), "%s", err.text);
}

Test(prepare_note, a_link_is_not_followed)
{
	scratch_text("elsewhere", "huge_pages 1\n", 0600);
	char target[PATH_MAX];
	snprintf(target, sizeof(target), "%s", scratch_path("elsewhere"));
	const char *path = scratch_path("prepared");
	cr_assert_eq(symlink(target, path), 0);
	cr_expect_lt(prepare_note_read(path, &note, &err), 0);
	cr_expect_lt(prepare_note_write(path, &note, &err), 0);
}

Test(prepare_note, what_is_no_note_is_refused)
{
	const char *const rows[] = {
		"nonsense\n",
		"huge_pages\n",
		"interface\n",
		"interface eth0 1 2 3\n",
		"interface a-name-longer-than-15 0 0 0 0\n",
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *path = scratch_text("prepared", rows[i], 0600);
		cr_expect_eq(prepare_note_read(path, &note, &err), -EINVAL, "%s", rows[i]);
		cr_expect_not_null(strstr(err.text, "no note"), "%s", err.text);
	}
}

Test(prepare_note, has_rows_for_so_many_ports_and_no_more)
{
	char text[4096] = "";
	for (int i = 0; i <= CONFIG_MAX_PORTS; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "interface eth%d 0 0 0 0\n", i);
	cr_expect_eq(prepare_note_read(scratch_text("prepared", text, 0600), &note, &err), -EINVAL);
	cr_expect_eq(note.count, CONFIG_MAX_PORTS);
}
