// SPDX-License-Identifier: BSD-3-Clause
/*
 * Shows loaded, loaded again and unloaded: what differs is applied while nobody can have answered,
 * and refused item by item afterwards; nothing is done by halves; memory comes back. Runs under
 * ASan too.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "dataplane/shows.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define SECOND          1000000ull
#define OPENS           (1000 * SECOND) /* of window 1; each further one opens a minute later */
#define MINUTE          (60 * SECOND)
#define CLOSES          (OPENS + 20 * SECOND)
#define FINAL           (CLOSES + 5 * SECOND)
#define BEFORE          (OPENS - 500 * SECOND)
#define NO_LIMIT        UINT64_MAX
#define MOST            100

static struct tenant acme = {.id = 7, .name = "acme", .max_delay_ms = 5000};
static struct tenant zoo = {.id = 8, .name = "zoo", .max_delay_ms = 5000};

static struct windows *windows;
static uint64_t now_us;  /* what the clock says */
static uint64_t pace_us; /* by which it goes on each time it is asked */
static struct shows_changes changes;
static struct err err;

static uint64_t clock_of_test(void)
{
	uint64_t at_us = now_us;
	now_us += pace_us;
	return at_us;
}

static void nobody_to_wait_for(void *context)
{
	(void)context;
}

static void create(uint64_t memory_bytes)
{
	const struct windows_options options = {
		.voters = 1000,
		.upvotes_per_voter = 4,
		.upvotes = 1000,
		.memory_bytes = memory_bytes,
		.workers = 2,
		.prefault = true,
		.quiesce = nobody_to_wait_for,
	};
	windows_destroy(windows);
	cr_assert_eq(windows_create(&options, &windows, &err), 0);
	now_us = BEFORE;
	pace_us = 0;
}

static void set_up(void)
{
	create(NO_LIMIT);
}

static void tear_down(void)
{
	windows_destroy(windows);
}

TestSuite(shows, .init = set_up, .fini = tear_down);

static struct interaction plan(const struct tenant *tenant, uint32_t id)
{
	struct interaction interaction = {
		.tenant = tenant,
		.id = id,
		.rules = {.kind = KIND_POLL, .options = 2},
		.question = strdup("Which colour?"),
		.labels = calloc(2, sizeof(char *)),
		.opens_at_us = OPENS + (id - 1) * MINUTE,
		.duration_us = CLOSES - OPENS,
		.max_delay_us = FINAL - CLOSES,
	};
	interaction.labels[0] = strdup("Red");
	interaction.labels[1] = strdup("Blue");
	return interaction;
}

static struct rundown rundown_of(const char *show, uint32_t first, uint32_t count)
{
	struct rundown rundown = {.show = strdup(show), .count = count};
	rundown.interactions = calloc(count + 1, sizeof(*rundown.interactions));
	for (uint32_t i = 0; i < count; i++)
		rundown.interactions[i] = plan(&acme, first + i);
	return rundown;
}

/* Loads it as it is, or tries how that would be, and gives it back. */
static int load_as(struct rundown rundown, bool dry_run)
{
	const struct shows_loading loading = {windows, clock_of_test, dry_run};
	err.text[0] = 0;
	int rc = shows_load(&loading, &rundown, &changes, &err);
	rundown_free(&rundown);
	cr_expect_eq(rc != 0, err.text[0] != 0, "%d: %s", rc, err.text);
	cr_expect_lt(strlen(err.text), sizeof(err.text));
	for (uint32_t i = 0; i < windows_count(windows); i++) {
		cr_expect_not(windows_at(windows, i)->planned, "a mark is left");
		cr_expect_not(windows_at(windows, i)->leaving, "a mark is left");
	}
	return rc;
}

static int load(struct rundown rundown)
{
	return load_as(rundown, false);
}

static void expect_loaded(struct rundown rundown, uint32_t armed, uint32_t replaced, uint32_t kept,
			  uint32_t removed)
{
	cr_assert_eq(load(rundown), 0, "%s", err.text);
	cr_expect_eq(changes.armed, armed, "armed %u", changes.armed);
	cr_expect_eq(changes.replaced, replaced, "replaced %u", changes.replaced);
	cr_expect_eq(changes.kept, kept, "kept %u", changes.kept);
	cr_expect_eq(changes.removed, removed, "removed %u", changes.removed);
}

/* The registry as it is, to see later that nothing has changed. */
static struct {
	const struct window_table *table;
	struct armed_window *armed[MOST];
	uint32_t count;
	uint64_t memory;
} noted;

static void note(void)
{
	noted.table = *windows_published(windows);
	noted.count = windows_count(windows);
	noted.memory = windows_memory(windows);
	for (uint32_t i = 0; i < noted.count; i++)
		noted.armed[i] = windows_at(windows, i);
}

static void expect_nothing_changed(const char *about)
{
	cr_expect_eq(*windows_published(windows), noted.table, "%s: published", about);
	cr_assert_eq(windows_count(windows), noted.count, "%s", about);
	cr_expect_eq(windows_memory(windows), noted.memory, "%s", about);
	for (uint32_t i = 0; i < noted.count; i++)
		cr_expect_eq(windows_at(windows, i), noted.armed[i], "%s: moved", about);
}

static struct armed_window *of_acme(uint32_t id)
{
	return windows_find(windows, 7, id);
}

static uint64_t memory_of_all(void)
{
	uint64_t bytes = 0;
	for (uint32_t i = 0; i < windows_count(windows); i++)
		bytes += windows_at(windows, i)->memory_bytes;
	return bytes;
}

Test(shows, a_rundown_is_armed_in_the_name_of_its_show)
{
	expect_loaded(rundown_of("saturday", 1, 3), 3, 0, 0, 0);
	cr_expect_eq(windows_count(windows), 3);
	for (uint32_t id = 1; id <= 3; id++)
		cr_expect_str_eq(of_acme(id)->interaction.show, "saturday");
	cr_expect_eq(changes.memory_bytes, windows_memory(windows));
	cr_expect_eq(shows_memory(windows, "saturday"), windows_memory(windows));
	cr_expect_eq(shows_memory(windows, "sunday"), 0);
}

Test(shows, the_same_again_changes_nothing)
{
	expect_loaded(rundown_of("saturday", 1, 3), 3, 0, 0, 0);
	struct armed_window *first = of_acme(1);
	uint64_t memory = windows_memory(windows);
	expect_loaded(rundown_of("saturday", 1, 3), 0, 0, 3, 0);
	cr_expect_eq(changes.memory_bytes, 0);
	cr_expect_eq(windows_memory(windows), memory);
	cr_expect_eq(of_acme(1), first);
}

Test(shows, a_scheduled_show_becomes_what_the_file_says)
{
	expect_loaded(rundown_of("saturday", 1, 4), 4, 0, 0, 0);
	struct armed_window *kept = of_acme(3);
	struct rundown other = rundown_of("saturday", 2, 5);
	other.interactions[0].duration_us = SECOND; /* 2 differs, 3 and 4 do not, 5 and 6 are new */
	expect_loaded(other, 2, 1, 2, 1);
	cr_expect_null(of_acme(1));
	cr_expect_eq(of_acme(2)->interaction.duration_us, SECOND);
	cr_expect_eq(of_acme(3), kept);
	cr_expect_str_eq(of_acme(6)->interaction.show, "saturday");
	cr_expect_eq(windows_memory(windows), memory_of_all());
	expect_loaded(rundown_of("saturday", 1, 0), 0, 0, 0, 5);
	cr_expect_eq(windows_memory(windows), 0);
}

/* ---- What differs ---- */

static void other_question(struct interaction *item)
{
	item->question[0] = 'w';
}

static void other_label(struct interaction *item)
{
	item->labels[1][0] = 'b';
}

static void fewer_labels(struct interaction *item)
{
	free(item->labels[1]);
	item->rules.options = 1;
}

static void other_opening(struct interaction *item)
{
	item->opens_at_us += 1;
}

static void other_duration(struct interaction *item)
{
	item->duration_us += 1000;
}

static void other_delay(struct interaction *item)
{
	item->max_delay_us = 0;
}

static void as_revote(struct interaction *item)
{
	item->revote = true;
}

static void as_multi(struct interaction *item)
{
	item->rules.kind = KIND_MULTI;
	item->rules.max_choices = 2;
}

static void as_quiz(struct interaction *item)
{
	item->rules.kind = KIND_QUIZ;
	item->correct[0] = 1;
	item->points = 1000;
}

static void other_correct(struct interaction *item)
{
	as_quiz(item);
	item->correct[0] = 2;
}

static void other_points(struct interaction *item)
{
	as_quiz(item);
	item->points = 999;
}

static void fewer_choices(struct interaction *item)
{
	as_multi(item);
	item->rules.max_choices = 1;
}

static void as_scale(struct interaction *item)
{
	for (int i = 0; i < 2; i++)
		free(item->labels[i]);
	free(item->labels);
	item->labels = NULL;
	item->rules.kind = KIND_SCALE;
	item->rules.first = 1;
	item->rules.options = 5;
}

static void higher_scale(struct interaction *item)
{
	as_scale(item);
	item->rules.first = 2;
}

static void longer_scale(struct interaction *item)
{
	as_scale(item);
	item->rules.options = 6;
}

static void nothing(struct interaction *item)
{
	(void)item;
}

static const struct field_row {
	void (*before)(struct interaction *item);
	void (*after)(struct interaction *item);
	const char *names;
} field_rows[] = {
	{nothing, other_question, "question"},
	{nothing, other_label, "options"},
	{nothing, fewer_labels, "options"},
	{nothing, other_opening, "opens_at"},
	{nothing, other_duration, "duration_ms"},
	{nothing, other_delay, "max_delay_ms"},
	{nothing, as_revote, "revote"},
	{nothing, as_multi, "kind, max_choices"},
	{nothing, as_quiz, "kind, correct, points"},
	{as_quiz, other_correct, "correct"},
	{as_quiz, other_points, "points"},
	{as_multi, fewer_choices, "max_choices"},
	{as_scale, higher_scale, "min, max"},
	{as_scale, longer_scale, "max"},
	{nothing, as_scale, "kind, options, min"},
};

Test(shows, every_field_of_a_plan_makes_a_difference_and_is_named)
{
	char wanted[128];
	for (size_t i = 0; i < COUNT_OF(field_rows); i++) {
		create(NO_LIMIT);
		for (int again = 0; again < 2; again++) {
			struct rundown rundown = rundown_of("saturday", 1, 1);
			field_rows[i].before(&rundown.interactions[0]);
			expect_loaded(rundown, !again, 0, again, 0);
		}
		struct rundown other = rundown_of("saturday", 1, 1);
		now_us = OPENS;
		field_rows[i].after(&other.interactions[0]);
		cr_expect_eq(load(other), -EPERM);
		snprintf(wanted, sizeof(wanted),
			 "nothing is loaded: acme/1 is open and differs in %s",
			 field_rows[i].names);
		cr_expect_str_eq(err.text, wanted);
	}
}

/* ---- When ---- */

static void leave_it(struct armed_window *armed)
{
	(void)armed;
}

static void cancel_it(struct armed_window *armed)
{
	cr_assert_eq(windows_cancel(windows, armed, BEFORE, &err), 0);
}

static void reveal_it(struct armed_window *armed)
{
	cr_assert_eq(windows_reveal(windows, armed, FINAL, &err), 0);
}

static void open_it(struct armed_window *armed)
{
	cr_assert_eq(windows_open_now(windows, armed, BEFORE, &err), 0);
}

static void extend_it(struct armed_window *armed)
{
	cr_assert_eq(windows_extend(windows, armed, MINUTE, BEFORE, &err), 0);
}

static void close_it(struct armed_window *armed)
{
	cr_assert_eq(windows_close(windows, armed, OPENS + 1, &err), 0);
}

static const struct moment {
	const char *state; /* as it is told; NULL: nobody can have answered yet */
	void (*act)(struct armed_window *armed);
	uint64_t now_us;
} moments[] = {
	{NULL, leave_it, BEFORE},
	{NULL, leave_it, OPENS - 300001},
	{NULL, extend_it, BEFORE},
	{"about to open", leave_it, OPENS - 300000},
	{"about to open", leave_it, OPENS - 1},
	{"open", leave_it, OPENS},
	{"open", open_it, BEFORE},
	{"open", extend_it, CLOSES + 1},
	{"draining", leave_it, CLOSES},
	{"draining", close_it, OPENS + 2},
	{"final", leave_it, FINAL},
	{"final", leave_it, FINAL + MINUTE},
	{"revealed", reveal_it, FINAL},
	{"cancelled", cancel_it, BEFORE},
	{"cancelled", cancel_it, FINAL},
};

static void bring_to(const struct moment *moment)
{
	create(NO_LIMIT);
	cr_assert_eq(load(rundown_of("saturday", 1, 2)), 0);
	moment->act(of_acme(1));
	now_us = moment->now_us;
	note();
}

/* Whether it was refused, and then for this window, in this state, for this reason. */
static void expect_refused_when_touched(const struct moment *moment, struct rundown rundown,
					const char *reason)
{
	char wanted[128];
	int rc = load(rundown);
	cr_expect_eq(rc, moment->state ? -EPERM : 0, "%s: %d %s",
		     moment->state ? moment->state : "scheduled", rc, err.text);
	if (!moment->state)
		return;
	snprintf(wanted, sizeof(wanted), "nothing is loaded: acme/1 is %s and %s", moment->state,
		 reason);
	cr_expect_str_eq(err.text, wanted);
	expect_nothing_changed(wanted);
}

Test(shows, what_was_planned_otherwise_is_replaced_only_before_anybody_can_answer)
{
	for (size_t i = 0; i < COUNT_OF(moments); i++) {
		bring_to(&moments[i]);
		struct rundown rundown = rundown_of("saturday", 1, 2);
		other_question(&rundown.interactions[0]);
		rundown.interactions[0].duration_us = MINUTE;
		expect_refused_when_touched(&moments[i], rundown,
					    "differs in question, duration_ms");
		if (!moments[i].state)
			cr_expect_eq(of_acme(1)->window.closes_at_us, OPENS + MINUTE, "row %zu", i);
	}
}

Test(shows, what_is_missing_is_taken_out_only_before_anybody_can_answer)
{
	for (size_t i = 0; i < COUNT_OF(moments); i++) {
		bring_to(&moments[i]);
		expect_refused_when_touched(&moments[i], rundown_of("saturday", 2, 1), "missing");
		cr_expect_eq(of_acme(1) == NULL, moments[i].state == NULL, "row %zu", i);
	}
}

/* By its plan: it may be extended, closed early, opened by hand, or over. */
Test(shows, what_is_planned_as_before_is_kept_in_every_state)
{
	for (size_t i = 0; i < COUNT_OF(moments); i++) {
		bring_to(&moments[i]);
		struct window was = of_acme(1)->window;
		expect_loaded(rundown_of("saturday", 1, 3), 1, 0, 2, 0);
		cr_expect_eq(memcmp(&was, &of_acme(1)->window, sizeof(was)), 0, "row %zu", i);
		cr_expect_eq(of_acme(1), noted.armed[0], "row %zu", i);
	}
}

/* A spare question that `open` put into the show, at a minute after which no plan of its is left.
 */
static void open_spare(uint32_t id)
{
	struct interaction spare = plan(&acme, id);
	spare.show = strdup("saturday");
	spare.by_hand = true;
	cr_assert_eq(windows_arm(windows, &spare, 1, &err), 0, "%s", err.text);
}

/* However far it has come. */
Test(shows, a_window_opened_by_hand_is_never_missing)
{
	for (size_t i = 0; i < COUNT_OF(moments); i++) {
		create(NO_LIMIT);
		open_spare(1);
		cr_assert_eq(load(rundown_of("saturday", 60, 2)), 0, "%s", err.text);
		moments[i].act(of_acme(1));
		now_us = moments[i].now_us;
		struct window was = of_acme(1)->window;
		expect_loaded(rundown_of("saturday", 60, 2), 0, 0, 2, 0);
		expect_loaded(rundown_of("saturday", 60, 1), 0, 0, 1, 1);
		cr_assert_not_null(of_acme(1), "row %zu", i);
		cr_expect_eq(memcmp(&was, &of_acme(1)->window, sizeof(was)), 0, "row %zu", i);
	}
	now_us = BEFORE;
	cr_expect_eq(shows_unload(windows, "saturday", FINAL, &err), 0, "%s", err.text);
	cr_expect_eq(windows_count(windows), 0);
}

Test(shows, a_file_with_the_id_of_a_window_opened_by_hand_has_its_word)
{
	open_spare(1);
	expect_loaded(rundown_of("saturday", 1, 2), 1, 0, 1, 0);
	struct rundown otherwise = rundown_of("saturday", 1, 2);
	otherwise.interactions[0].duration_us += SECOND;
	expect_loaded(otherwise, 0, 1, 1, 0);
	cr_expect_not(of_acme(1)->interaction.by_hand);
	create(NO_LIMIT);
	open_spare(1);
	now_us = OPENS;
	otherwise = rundown_of("saturday", 1, 2);
	otherwise.interactions[0].duration_us += SECOND;
	cr_expect_eq(load(otherwise), -EPERM);
	cr_expect_str_eq(err.text, "nothing is loaded: acme/1 is open and differs in duration_ms");
}

/* ---- What is refused ---- */

Test(shows, each_item_that_is_refused_is_told_with_its_reason)
{
	struct interaction by_hand = plan(&zoo, 4);
	cr_assert_eq(load(rundown_of("friday", 50, 1)), 0);
	cr_assert_eq(windows_arm(windows, &by_hand, 1, &err), 0);
	cr_assert_eq(load(rundown_of("saturday", 1, 3)), 0);
	now_us = OPENS;
	note();
	struct rundown rundown = rundown_of("saturday", 2, 4);
	other_label(&rundown.interactions[0]);         /* not yet open: fine */
	rundown.interactions[1].opens_at_us += SECOND; /* 3: fine too */
	rundown.interactions[2].tenant = &zoo;         /* zoo/4 is there by hand */
	rundown.interactions[3].id = 50;               /* acme/50 is friday's */
	rundown.interactions[3].opens_at_us = OPENS + 5;
	cr_expect_eq(load(rundown), -EEXIST);
	cr_expect_str_eq(err.text,
			 "nothing is loaded: zoo/4 has an id that is in use by a window opened by "
			 "hand; acme/50 has an id that is in use by show \"friday\"; acme/1 is "
			 "open and missing");
	expect_nothing_changed("items");
}

Test(shows, a_window_that_is_over_is_armed_by_mistake)
{
	struct rundown rundown = rundown_of("saturday", 1, 2);
	rundown.interactions[1].opens_at_us = BEFORE - 20 * SECOND;
	note();
	cr_expect_eq(load(rundown), -EINVAL);
	cr_expect_str_eq(err.text,
			 "nothing is loaded: acme/2 has an opens_at whose window is over already "
			 "(it closed 1970-01-01T00:08:20Z)");
	expect_nothing_changed("over");
	/* A microsecond more, and it can be answered. */
	rundown = rundown_of("saturday", 1, 2);
	rundown.interactions[1].opens_at_us = BEFORE - 20 * SECOND + 1;
	expect_loaded(rundown, 2, 0, 0, 0);
}

/* As many as fit, in their order, and how many more: for every number of them. */
Test(shows, a_long_list_of_refusals_ends_with_their_number)
{
	for (uint32_t count = 1; count <= MOST; count++) {
		create(NO_LIMIT);
		cr_assert_eq(load(rundown_of("saturday", 1, count)), 0);
		now_us = OPENS + MOST * MINUTE + MINUTE;
		note();
		cr_expect_eq(load(rundown_of("saturday", 1, 0)), -EPERM);
		expect_nothing_changed("many");
		uint32_t listed = 0, more = 0;
		char item[64];
		while (snprintf(item, sizeof(item), "acme/%u is final and missing", listed + 1),
		       strstr(err.text, item))
			listed++;
		const char *end = strstr(err.text, "; and ");
		cr_expect(!end || sscanf(end, "; and %u more", &more) == 1, "%s", err.text);
		cr_expect_eq(listed + more, count, "%u and %u of %u", listed, more, count);
		cr_expect_gt(listed, count < 12 ? count - 1 : 11, "%s", err.text);
		cr_expect(!end || strcmp(end + strlen(end) - 5, " more") == 0, "cut: %s", err.text);
	}
}

Test(shows, one_id_is_in_one_show)
{
	cr_assert_eq(load(rundown_of("saturday", 1, 1)), 0);
	note();
	cr_expect_eq(load(rundown_of("sunday", 1, 1)), -EEXIST);
	expect_nothing_changed("the same id");
	/* Names are compared whole. */
	cr_expect_eq(load(rundown_of("saturday ", 1, 1)), -EEXIST);
	cr_expect_eq(load(rundown_of("Saturday", 1, 1)), -EEXIST);
	struct rundown other = rundown_of("sunday", 1, 1);
	other.interactions[0].tenant = &zoo;
	expect_loaded(other, 1, 0, 0, 0);
}

/* ---- Memory, and trying it first ---- */

Test(shows, a_dry_run_counts_and_changes_nothing)
{
	note();
	cr_assert_eq(load_as(rundown_of("saturday", 1, 4), true), 0);
	cr_expect_eq(changes.armed, 4);
	uint64_t needed = changes.memory_bytes;
	expect_nothing_changed("new");
	cr_assert_eq(load(rundown_of("saturday", 1, 4)), 0);
	cr_expect_eq(windows_memory(windows), needed);
	note();
	struct rundown other = rundown_of("saturday", 2, 4);
	other_question(&other.interactions[0]);
	cr_assert_eq(load_as(other, true), 0);
	cr_expect_eq(changes.armed, 1);
	cr_expect_eq(changes.replaced, 1);
	cr_expect_eq(changes.kept, 2);
	cr_expect_eq(changes.removed, 1);
	cr_expect_eq(changes.memory_bytes, needed / 2);
	expect_nothing_changed("again");
	now_us = OPENS;
	cr_expect_eq(load_as(rundown_of("saturday", 2, 3), true), -EPERM);
	expect_nothing_changed("refused");
}

/* What goes out makes room for what comes in. */
Test(shows, the_limit_holds_for_what_is_there_afterwards)
{
	struct interaction one = plan(&acme, 1);
	uint64_t bytes = windows_memory_of(windows, &one);
	interaction_free(&one);
	create(3 * bytes);
	cr_assert_eq(load(rundown_of("saturday", 1, 3)), 0);
	cr_expect_eq(windows_memory_free(windows), 0);
	note();
	for (int dry_run = 1; dry_run >= 0; dry_run--) {
		cr_expect_eq(load_as(rundown_of("saturday", 1, 4), dry_run), -ENOMEM);
		cr_expect_eq(strncmp(err.text, "acme/4: needs ", 14), 0, "%s", err.text);
		expect_nothing_changed("one too many");
	}
	expect_loaded(rundown_of("saturday", 4, 3), 3, 0, 0, 3);
	cr_expect_eq(windows_memory(windows), 3 * bytes);
}

Test(shows, a_tenants_share_holds_for_what_is_there_afterwards)
{
	acme.limits.windows = 3;
	cr_assert_eq(load(rundown_of("saturday", 1, 3)), 0);
	note();
	cr_expect_eq(load(rundown_of("saturday", 1, 4)), -ENOMEM);
	cr_expect_str_eq(err.text, "acme/4: acme may have 3 windows and has them");
	expect_nothing_changed("one too many");
	expect_loaded(rundown_of("saturday", 4, 3), 3, 0, 0, 3);
	acme.limits.windows = 0;
}

/* Votes may be counted from the moment on that its windows are about to open. */
Test(shows, what_begins_to_count_while_memory_is_taken_stays)
{
	cr_assert_eq(load(rundown_of("saturday", 1, 2)), 0);
	now_us = OPENS - 300001;
	pace_us = 1;
	note();
	struct rundown rundown = rundown_of("saturday", 1, 2);
	other_question(&rundown.interactions[0]);
	cr_expect_eq(load(rundown), -EPERM);
	cr_expect_not_null(strstr(err.text, "acme/1 is about to open"), "%s", err.text);
	expect_nothing_changed("late");
	now_us = OPENS - 300002;
	rundown = rundown_of("saturday", 1, 2);
	other_question(&rundown.interactions[0]);
	expect_loaded(rundown, 0, 1, 1, 0);
}

static void add_receipts(struct armed_window *armed, uint64_t early)
{
	tally_add(&tally_lane(&armed->store.tally, 1)->receipts[RECEIPT_EARLY], early);
}

Test(shows, receipts_of_windows_that_went_stay_in_the_totals)
{
	cr_assert_eq(load(rundown_of("saturday", 1, 3)), 0);
	add_receipts(of_acme(1), 5);
	add_receipts(of_acme(2), 70);
	add_receipts(of_acme(3), 900);
	struct rundown rundown = rundown_of("saturday", 2, 2);
	other_question(&rundown.interactions[0]);
	expect_loaded(rundown, 0, 1, 1, 1);
	cr_expect_eq(windows_past_receipts(windows)[RECEIPT_EARLY], 75);
	cr_assert_eq(shows_unload(windows, "saturday", BEFORE, &err), 0);
	cr_expect_eq(windows_past_receipts(windows)[RECEIPT_EARLY], 975);
	cr_expect_eq(windows_past_receipts(windows)[RECEIPT_COUNTED], 0);
}

static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

/* A kind by its number, from 1. */
static void as_kind(struct interaction *item, uint32_t kind)
{
	item->rules.kind = (uint8_t)kind;
	if (kind == KIND_MULTI)
		as_multi(item);
	if (kind == KIND_QUIZ)
		as_quiz(item);
	if (kind == KIND_SCALE)
		as_scale(item);
}

/* Every window that is there is as the last file said, and memory is the sum of theirs. */
Test(shows, after_a_hundred_loadings_memory_is_that_of_the_windows)
{
	uint64_t random = 42;
	for (int round = 0; round < 100; round++) {
		struct rundown rundown = rundown_of("saturday", 1 + next_random(&random) % 10,
						    next_random(&random) % 10);
		for (uint32_t i = 0; i < rundown.count; i++) {
			as_kind(&rundown.interactions[i],
				1 + next_random(&random) % (KIND_COUNT - 1));
			rundown.interactions[i].duration_us =
				(1 + next_random(&random) % 3) * SECOND;
		}
		uint32_t count = rundown.count;
		cr_assert_eq(load_as(rundown, false), 0, "%s", err.text);
		cr_assert_eq(windows_count(windows), count);
		cr_assert_eq(changes.armed + changes.replaced + changes.kept, count);
		cr_assert_eq(windows_memory(windows), memory_of_all());
		cr_assert_eq(shows_memory(windows, "saturday"), memory_of_all());
	}
	cr_assert_eq(shows_unload(windows, "saturday", BEFORE, &err), 0, "%s", err.text);
	cr_expect_eq(windows_memory(windows), 0);
	cr_expect_eq((*windows_published(windows))->count, 0);
}

/* ---- Finding, order, next, unload ---- */

Test(shows, a_show_is_found_by_name_or_as_the_only_one)
{
	const char *show = NULL;
	struct interaction by_hand = plan(&zoo, 1);
	cr_assert_eq(windows_arm(windows, &by_hand, 1, &err), 0);
	cr_expect_eq(shows_find(windows, NULL, &show, &err), -ENOENT);
	cr_expect_str_eq(err.text, "no show is loaded; `tallyctl load` loads one");
	cr_assert_eq(load(rundown_of("saturday", 1, 2)), 0);
	cr_expect_eq(shows_find(windows, NULL, &show, &err), 0);
	cr_expect_str_eq(show, "saturday");
	cr_expect_eq(shows_find(windows, "sunday", &show, &err), -ENOENT);
	cr_expect_str_eq(err.text, "\"sunday\": no such show is loaded");
	cr_assert_eq(load(rundown_of("sunday", 3, 1)), 0);
	cr_expect_eq(shows_find(windows, "sunday", &show, &err), 0);
	cr_expect_str_eq(show, "sunday");
	cr_expect_eq(shows_find(windows, NULL, &show, &err), -EINVAL);
	cr_expect_str_eq(err.text, "params.show: is missing and several are loaded; name one: "
				   "\"saturday\" \"sunday\"");
}

Test(shows, a_list_of_many_shows_is_cut_between_them)
{
	char name[200];
	const char *show;
	for (uint32_t i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "a show with rather a long name, number %u", i);
		cr_assert_eq(load(rundown_of(name, 1 + i, 1)), 0);
	}
	cr_expect_eq(shows_find(windows, NULL, &show, &err), -EINVAL);
	cr_expect_lt(strlen(err.text), sizeof(err.text) - 1);
	cr_expect_str_eq(err.text + strlen(err.text) - 5, "\" …", "%s", err.text);
}

/* However their windows are mixed. */
Test(shows, each_of_several_shows_is_listed_once)
{
	static const char *const names[] = {"b", "a", "b", "c", "a", "b", "c"};
	const char *show;
	for (uint32_t i = 0; i < COUNT_OF(names); i++) {
		struct interaction window = plan(&acme, 1 + i);
		window.show = strdup(names[i]);
		cr_assert_eq(windows_arm(windows, &window, 1, &err), 0);
	}
	cr_expect_eq(shows_find(windows, NULL, &show, &err), -EINVAL);
	cr_expect_str_eq(err.text, "params.show: is missing and several are loaded; name one: "
				   "\"b\" \"a\" \"c\"");
}

Test(shows, windows_are_in_the_order_in_which_they_open)
{
	static const struct {
		uint32_t id;
		uint64_t opens_at_us;
	} rows[] = {{5, OPENS + 3}, {4, OPENS}, {9, OPENS + 1}, {1, OPENS}, {2, OPENS + 1}};
	static const uint32_t wanted[] = {4, 1, 9, 2, 5};
	struct rundown rundown = rundown_of("saturday", 1, COUNT_OF(rows));
	uint32_t count;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		rundown.interactions[i].id = rows[i].id;
		rundown.interactions[i].opens_at_us = rows[i].opens_at_us;
	}
	cr_assert_eq(load(rundown), 0);
	cr_assert_eq(load(rundown_of("sunday", 20, 1)), 0);
	struct armed_window **list = shows_windows(windows, "saturday", &count);
	cr_assert_eq(count, COUNT_OF(wanted));
	for (uint32_t i = 0; i < count; i++)
		cr_expect_eq(list[i]->interaction.id, wanted[i], "place %u", i);
	free(list);
	list = shows_windows(windows, "nothing", &count);
	cr_expect_not_null(list);
	cr_expect_eq(count, 0);
	free(list);
}

Test(shows, next_is_what_is_scheduled_first)
{
	cr_assert_eq(load(rundown_of("saturday", 1, 4)), 0);
	cr_assert_eq(load(rundown_of("sunday", 10, 1)), 0);
	cr_expect_eq(shows_next(windows, "saturday", BEFORE), of_acme(1));
	cr_expect_eq(shows_next(windows, "sunday", BEFORE), of_acme(10));
	cr_assert_eq(windows_cancel(windows, of_acme(1), BEFORE, &err), 0);
	cr_expect_eq(shows_next(windows, "saturday", BEFORE), of_acme(2));
	uint64_t third_us = of_acme(3)->window.opens_at_us;
	cr_assert_eq(windows_open_now(windows, of_acme(2), BEFORE, &err), 0);
	cr_expect_eq(of_acme(2)->window.opens_at_us, BEFORE);
	cr_expect_eq(of_acme(2)->window.closes_at_us, BEFORE + 20 * SECOND);
	cr_expect_eq(of_acme(3)->window.opens_at_us, third_us, "moved along");
	cr_expect_eq(shows_next(windows, "saturday", BEFORE), of_acme(3));
	cr_expect_eq(shows_next(windows, "saturday", third_us - 1), of_acme(3));
	cr_expect_eq(shows_next(windows, "saturday", third_us), of_acme(4));
	cr_expect_null(shows_next(windows, "saturday", third_us + MINUTE));
	cr_expect_null(shows_next(windows, "nothing", BEFORE));
}

static const struct {
	const char *state; /* NULL: it goes */
	void (*act)(struct armed_window *armed);
	uint64_t now_us;
} unload_rows[] = {
	{NULL, leave_it, BEFORE},
	{NULL, leave_it, OPENS - 300001},
	{"about to open", leave_it, OPENS - 300000},
	{"open", leave_it, OPENS},
	{"open", leave_it, CLOSES - 1},
	{"draining", leave_it, CLOSES},
	{"draining", leave_it, FINAL - 1},
	{NULL, leave_it, FINAL},
	{NULL, reveal_it, FINAL},
	{NULL, cancel_it, BEFORE},
	{NULL, cancel_it, OPENS},
	{"open", open_it, BEFORE + 1},
};

Test(shows, a_show_is_unloaded_while_nobody_votes_in_it)
{
	for (size_t i = 0; i < COUNT_OF(unload_rows); i++) {
		char wanted[128];
		create(NO_LIMIT);
		cr_assert_eq(load(rundown_of("sunday", 50, 1)), 0);
		uint64_t memory = windows_memory(windows);
		cr_assert_eq(load(rundown_of("saturday", 1, 3)), 0);
		unload_rows[i].act(of_acme(1));
		note();
		int rc = shows_unload(windows, "saturday", unload_rows[i].now_us, &err);
		cr_expect_eq(rc, unload_rows[i].state ? -EPERM : 0, "row %zu: %d", i, rc);
		if (unload_rows[i].state) {
			snprintf(wanted, sizeof(wanted),
				 "acme/1 is %s: \"saturday\" is unloaded once it is final, or "
				 "cancel it first",
				 unload_rows[i].state);
			cr_expect_str_eq(err.text, wanted);
			expect_nothing_changed(wanted);
			continue;
		}
		cr_expect_eq(windows_count(windows), 1);
		cr_expect_eq(windows_memory(windows), memory);
		cr_expect_str_eq(windows_at(windows, 0)->interaction.show, "sunday");
		cr_expect_null(of_acme(1));
	}
}
