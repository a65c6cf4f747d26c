// SPDX-License-Identifier: BSD-3-Clause
/*
 * From the words of `tallyctl open` to a question. What people can see to be wrong is refused here,
 * before anything is sent; whether the rest is valid the appliance says.
 */
#include "ctl/open_kinds.h"

#include <stdio.h>
#include <string.h>
#include "ctl/open_items.h"
#include "ctl/output.h"
#include "ctl/target.h"
#include "dataplane/core/kind.h"
#include "dataplane/show/interaction.h"

#define REACTION_QUESTION "Reaction" /* where --question says nothing */
#define NAMES_BYTES       400        /* of answers in a message */

/* A kind without its row in OPEN_KINDS does not compile. */
#define X(symbol, name, number, ...)                                                               \
	_Static_assert(OPEN_##name + 1 == number, "OPEN_KINDS is in the order of KINDS");
KINDS(X)
#undef X

static const enum open_form forms[KIND_COUNT] = {
#define X(name, form, value, help) [OPEN_##name + 1] = form,
	OPEN_KINDS(X)
#undef X
};

/* What is asked, while it is read. */
struct asking {
	const struct args *args;
	const char *option; /* the kind's, without dashes */
	const char *value;  /* of that option; "" where it takes none */
	enum kind kind;
	json_t *params;
	json_t *labels; /* borrowed from params; NULL: none */
};

static int refuse_no_kind(const struct args *args)
{
	char names[NAMES_BYTES] = "";
	size_t used = 0;
	for (int kind = 1; kind < KIND_COUNT && used < sizeof(names); kind++)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s--%s",
					 kind > 1 ? ", " : "", kind_row((enum kind)kind)->name);
	return args_refuse(args, "what is asked is missing: one of %s", names);
}

static int find_kind(struct asking *asking)
{
	const struct args *args = asking->args;
	asking->kind = (enum kind)0;
	for (int kind = 1; kind < KIND_COUNT; kind++) {
		if (!args->values[kind - 1])
			continue;
		if (asking->kind)
			return args_refuse(args, "--%s and --%s: a question is of one kind",
					   asking->option, kind_row((enum kind)kind)->name);
		asking->kind = (enum kind)kind;
		asking->option = kind_row(asking->kind)->name;
		asking->value = args->values[kind - 1];
	}
	if (asking->kind)
		return EXIT_DONE;
	return refuse_no_kind(args);
}

/* Options that only some kinds take. */
static int check_applicable(const struct asking *asking)
{
	static const struct {
		enum open_option option;
		enum kind_field field;
	} some_have[] = {
		{OPEN_CORRECT, FIELD_CORRECT},
		{OPEN_POINTS, FIELD_CORRECT},
		{OPEN_CHOOSE, FIELD_MAX_CHOICES},
		{OPEN_REVOTE, FIELD_REVOTE},
	};
	const struct args *args = asking->args;
	for (size_t i = 0; i < sizeof(some_have) / sizeof(some_have[0]); i++)
		if (args->values[some_have[i].option] &&
		    !(kind_row(asking->kind)->fields & some_have[i].field))
			return args_refuse(args, "--%s does not apply to --%s",
					   args->verb->options[some_have[i].option].name,
					   asking->option);
	return EXIT_DONE;
}

static int refuse_text(const struct args *args)
{
	return args_refuse(args, "question and answers must be UTF-8 text");
}

static int set_question(const struct asking *asking, const char *question)
{
	if (json_object_set_new(asking->params, "question", json_string(question)) != 0)
		return refuse_text(asking->args);
	return EXIT_DONE;
}

/* --question, or else the word after the target; no word may be left over. */
static int take_question(const struct asking *asking)
{
	const struct args *args = asking->args;
	const char *question = args->values[OPEN_QUESTION];
	int words = 1 + !question;
	if (args->operand_count > words)
		return args_refuse(args, "\"%s\" is a word too many for --%s %s",
				   args->operands[words], asking->option, asking->value);
	if (!question && args->operand_count < 2)
		return args_refuse(args, "the question is missing: write it after %s",
				   args->operands[0]);
	return set_question(asking, question ? question : args->operands[1]);
}

/* The words after the target, which viewers must be able to tell apart. */
static int take_words(struct asking *asking)
{
	const struct args *args = asking->args;
	size_t first, second;
	if (args->operand_count < 2)
		return args_refuse(args, "the answers are missing: name them after the question");
	asking->labels = json_array();
	json_object_set_new(asking->params, "options", asking->labels);
	for (int i = 1; i < args->operand_count; i++)
		if (json_array_append_new(asking->labels, json_string(args->operands[i])) != 0)
			return refuse_text(args);
	if (open_items_twins(asking->labels, &first, &second))
		return args_refuse(args, "two answers are called '%s'", args->operands[1 + second]);
	return EXIT_DONE;
}

static int take_file(struct asking *asking)
{
	struct err err;
	if (open_items_read(asking->value + 1, kind_row(asking->kind)->most_options,
			    &asking->labels, &err) < 0) {
		output_error("%s; nothing was sent", err.text);
		return EXIT_REFUSED;
	}
	json_object_set_new(asking->params, "options", asking->labels);
	return EXIT_DONE;
}

/* "1..10" */
static int take_range(const struct asking *asking)
{
	const char *dots = strstr(asking->value, "..");
	uint64_t min, max;
	char first[16];
	int length = dots ? (int)(dots - asking->value) : 0;
	snprintf(first, sizeof(first), "%.*s", length, asking->value);
	if (!dots || length >= (int)sizeof(first) ||
	    number_parse(first, KIND_MAX_VALUE, &min) < 0 ||
	    number_parse(dots + 2, KIND_MAX_VALUE, &max) < 0)
		return args_refuse(asking->args,
				   "--%s \"%s\" is not a range such as 1..10, of numbers from 0 "
				   "to %d",
				   asking->option, asking->value, KIND_MAX_VALUE);
	if (min > max || max - min >= kind_row(asking->kind)->most_options)
		return args_refuse(asking->args, "--%s \"%s\" has %s; give 1 to %u of them",
				   asking->option, asking->value,
				   min > max ? "no values" : "too many values",
				   kind_row(asking->kind)->most_options);
	json_object_set_new(asking->params, "min", json_integer((json_int_t)min));
	json_object_set_new(asking->params, "max", json_integer((json_int_t)max));
	return EXIT_DONE;
}

static int take_value_and_words(struct asking *asking)
{
	if (asking->args->values[OPEN_QUESTION])
		return args_refuse(asking->args, "--question is one question too many: --%s has it",
				   asking->option);
	int code = set_question(asking, asking->value);
	return code == EXIT_DONE ? take_words(asking) : code;
}

static int take_by_form(struct asking *asking)
{
	const char *question = asking->args->values[OPEN_QUESTION];
	int code = EXIT_DONE;
	switch (forms[asking->kind]) {
	case OPEN_ITEMS_IN_FILE:
		if (asking->value[0] != '@')
			return take_value_and_words(asking);
		code = take_question(asking);
		return code == EXIT_DONE ? take_file(asking) : code;
	case OPEN_QUESTION_IN_VALUE: return take_value_and_words(asking);
	case OPEN_RANGE_IN_VALUE:
		code = take_range(asking);
		return code == EXIT_DONE ? take_question(asking) : code;
	case OPEN_NO_VALUE:
		code = set_question(asking, question ? question : REACTION_QUESTION);
		return code == EXIT_DONE ? take_words(asking) : code;
	}
	return EXIT_USAGE;
}

/* The index of a label, or of "#2"; -1 where it is neither. `length` bytes of `text`. */
static int find_label(const struct asking *asking, const char *text, size_t length)
{
	size_t i, count = json_array_size(asking->labels);
	const json_t *label;
	uint64_t index;
	char digits[8];
	json_array_foreach (asking->labels, i, label)
		if (json_string_length(label) == length &&
		    memcmp(json_string_value(label), text, length) == 0)
			return (int)i;
	if (length < 2 || length > sizeof(digits) || text[0] != '#')
		return -1;
	snprintf(digits, sizeof(digits), "%.*s", (int)length - 1, text + 1);
	return number_parse(digits, UINT16_MAX, &index) == 0 && index < count ? (int)index : -1;
}

static int refuse_correct(const struct asking *asking, const char *text, size_t length)
{
	char names[NAMES_BYTES] = "";
	size_t i, used = 0;
	const json_t *label;
	json_array_foreach (asking->labels, i, label) {
		if (used >= sizeof(names))
			break;
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : "",
					 json_string_value(label));
	}
	return args_refuse(asking->args, "--correct: no answer is called \"%.*s\"; there are: %s",
			   (int)(length < 200 ? length : 200), text, names);
}

static bool any_label_has_comma(const struct asking *asking)
{
	size_t i;
	const json_t *label;
	json_array_foreach (asking->labels, i, label)
		if (strchr(json_string_value(label), ','))
			return true;
	return false;
}

/* "#0,#2" */
static bool is_all_indices(const char *text)
{
	for (; *text == '#'; text++) {
		text = strchr(text, ',');
		if (!text)
			return true;
	}
	return false;
}

static int add_correct(const struct asking *asking, json_t *correct, const char *text,
		       size_t length)
{
	size_t i;
	const json_t *other;
	int index = find_label(asking, text, length);
	if (index < 0)
		return refuse_correct(asking, text, length);
	json_array_foreach (correct, i, other)
		if (json_integer_value(other) == index)
			return args_refuse(
				asking->args, "--correct names '%s' twice; leave one out",
				json_string_value(json_array_get(asking->labels, (size_t)index)));
	json_array_append_new(correct, json_integer(index));
	return EXIT_DONE;
}

/* One label; or labels and numbers between commas, labels only where none has a comma in it. */
static int take_correct(const struct asking *asking)
{
	const char *text = asking->args->values[OPEN_CORRECT];
	json_t *correct = json_array();
	json_object_set_new(asking->params, "correct", correct);
	if (!text)
		return args_refuse(asking->args,
				   "--correct LABEL is missing; say which answer is right");
	bool whole = find_label(asking, text, strlen(text)) >= 0 ||
		     (any_label_has_comma(asking) && !is_all_indices(text));
	for (;;) {
		size_t length = whole ? strlen(text) : strcspn(text, ",");
		int code = add_correct(asking, correct, text, length);
		if (code != EXIT_DONE || text[length] == '\0')
			return code;
		text += length + 1;
	}
}

/* What only some kinds have. */
static int take_rules(const struct asking *asking)
{
	const struct args *args = asking->args;
	uint64_t points = 0, choose = 0;
	if (kind_row(asking->kind)->fields & FIELD_CORRECT && take_correct(asking) != EXIT_DONE)
		return EXIT_USAGE;
	if (args_number(args, OPEN_POINTS, 1, INTERACTION_MAX_POINTS, &points) != EXIT_DONE ||
	    args_number(args, OPEN_CHOOSE, 1, KIND_MAX_MASK_OPTIONS, &choose) != EXIT_DONE)
		return EXIT_USAGE;
	if (choose > json_array_size(asking->labels))
		return args_refuse(args, "--choose %s: there are only %zu answers",
				   args->values[OPEN_CHOOSE], json_array_size(asking->labels));
	if (points)
		json_object_set_new(asking->params, "points", json_integer((json_int_t)points));
	if (choose)
		json_object_set_new(asking->params, "max_choices",
				    json_integer((json_int_t)choose));
	if (args->values[OPEN_REVOTE])
		json_object_set_new(asking->params, "revote", json_true());
	return EXIT_DONE;
}

int open_kinds_read(const struct args *args, json_t *params)
{
	struct asking asking = {.args = args, .params = params};
	int code = find_kind(&asking);
	if (code == EXIT_DONE)
		code = check_applicable(&asking);
	if (code != EXIT_DONE)
		return code;
	json_object_set_new(params, "kind", json_string(asking.option));
	code = take_by_form(&asking);
	return code == EXIT_DONE ? take_rules(&asking) : code;
}
