// SPDX-License-Identifier: BSD-3-Clause
/*
 * The method that shows a leaderboard: of one quiz, or of a show. To the public only revealed
 * quizzes exist.
 */
#include <errno.h>
#include <string.h>

#include "dataplane/boards.h"
#include "dataplane/clock.h"
#include "dataplane/methods.h"
#include "dataplane/show/json_fields.h"
#include "dataplane/show/results.h"

/* What is asked for. */
struct request {
	const char *tenant_name;
	uint16_t tenant;
	bool public;
	bool has_id;
	uint32_t id;
	bool has_show;
	const char *show; /* NULL: the quizzes that were opened by hand */
	uint32_t top;
	bool has_voter;
	uint32_t voter;
};

static int parse_show(const json_t *params, struct request *request, struct err *err)
{
	const json_t *show = json_object_get(params, "show");
	request->has_show = show != NULL;
	request->show = json_string_value(show);
	if (show && !json_is_string(show) && !json_is_null(show))
		return err_set(err, -EINVAL,
			       "params.show: wants a show's name, or null for what was opened "
			       "by hand");
	if (show && request->has_id)
		return err_set(err, -EINVAL,
			       "params: id is one quiz and show are several; "
			       "give one of them");
	return 0;
}

static int parse_number(const json_t *params, const char *name, bool *given, uint32_t *number,
			struct err *err)
{
	uint64_t value = 0;
	*given = json_object_get(params, name) != NULL;
	int rc = *given ? params_integer(params, name, 0, UINT32_MAX, &value, err) : 0;
	*number = (uint32_t)value;
	return rc;
}

static int parse(struct appliance *appliance, const json_t *params, struct request *request,
		 struct err *err)
{
	static const char *const known[] = {"tenant", "id", "show", "top", "voter", NULL};
	int rc = params_only(params, known, err);
	if (rc == 0)
		rc = params_tenant(appliance, params, &request->tenant, err);
	if (rc == 0)
		rc = parse_number(params, "id", &request->has_id, &request->id, err);
	if (rc == 0)
		rc = parse_show(params, request, err);
	if (rc == 0)
		rc = params_top(params, &request->top, err);
	if (rc == 0)
		rc = parse_number(params, "voter", &request->has_voter, &request->voter, err);
	request->tenant_name = json_string_value(json_object_get(params, "tenant"));
	return rc;
}

static int find_one(struct appliance *appliance, const struct request *request,
		    struct armed_window **quiz, struct err *err)
{
	struct armed_window *armed = windows_find(appliance->windows, request->tenant, request->id);
	*quiz = armed;
	if (!armed)
		return err_set(err, -ENOENT,
			       "%s/%u: no such interaction; `tallyctl list` shows all",
			       request->tenant_name, request->id);
	if (!boards_is_quiz(armed))
		return err_set(err, -EINVAL, "%s/%u is no quiz and has no leaderboard",
			       request->tenant_name, request->id);
	if (request->public && !armed->window.revealed)
		return err_set(err, -EPERM, "%s/%u is not revealed yet", request->tenant_name,
			       request->id);
	return 0;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* A quiz of the show; without one in the request, of the only show that has quizzes. */
static int find_of_show(struct appliance *appliance, const struct request *request,
			struct armed_window **quiz, struct err *err)
{
	*quiz = NULL;
	for (uint32_t i = 0; i < windows_count(appliance->windows); i++) {
		struct armed_window *armed = windows_at(appliance->windows, i);
		const char *show = armed->interaction.show;
		if (armed->window.tenant != request->tenant || !boards_is_quiz(armed) ||
		    (request->public && !armed->window.revealed) ||
		    (request->has_show && !same_text(show, request->show)))
			continue;
		if (*quiz && !same_text(show, (*quiz)->interaction.show))
			return err_set(err, -EINVAL,
				       "params: %s has quizzes of several shows; give show or id",
				       request->tenant_name);
		*quiz = armed;
	}
	if (*quiz)
		return 0;
	return err_set(err, -ENOENT, "%s: no %squiz %s", request->tenant_name,
		       request->public ? "revealed " : "",
		       request->has_show ? "of that show" : "is there");
}

static json_t *voter_json(const struct request *request, const struct board_standing *standing)
{
	json_t *place = standing->place ? json_integer((json_int_t)standing->place) : json_null();
	return json_pack("{s:I,s:I,s:o}", "voter", (json_int_t)request->voter, "points",
			 (json_int_t)standing->points, "rank", place);
}

/* NULL when out of memory. */
static json_t *answer(const struct request *request, const struct board_of *of, uint64_t now_us)
{
	struct score_board board;
	struct board_standing standing;
	if (boards_best(of, request->top, now_us, &board))
		return NULL;
	json_t *object = results_leaderboard(&of->quiz->interaction, !request->has_id, &board);
	json_object_set_new(object, "players", json_integer((json_int_t)board.players));
	if (request->has_id)
		json_object_set_new(object, "id", json_integer(request->id));
	if (!request->has_voter)
		return object;
	if (boards_standing(of, request->voter, now_us, &standing) == 0 &&
	    json_object_set_new(object, "voter", voter_json(request, &standing)) == 0)
		return object;
	json_decref(object);
	return NULL;
}

static json_t *leaderboard_for(struct appliance *appliance, bool public, const json_t *params,
			       struct method_error *error)
{
	struct request request = {.public = public};
	struct board_of of = {.windows = appliance->windows};
	struct err err = {""};
	uint64_t now_us = clock_now_us();
	int rc = parse(appliance, params, &request, &err);
	if (rc == 0)
		rc = (request.has_id ? find_one : find_of_show)(appliance, &request, &of.quiz,
								&err);
	if (rc)
		return answer_fail(error, answer_code_of(rc), &err);
	windows_settle(appliance->windows, now_us);
	of.scope = public ? BOARD_SHOW_REVEALED : BOARD_SHOW;
	if (request.has_id)
		of.scope = BOARD_QUIZ;
	return answer(&request, &of, now_us);
}

json_t *method_leaderboard(struct appliance *appliance, const json_t *params,
			   struct method_error *error)
{
	return leaderboard_for(appliance, false, params, error);
}

json_t *method_leaderboard_public(struct appliance *appliance, const json_t *params,
				  struct method_error *error)
{
	return leaderboard_for(appliance, true, params, error);
}
