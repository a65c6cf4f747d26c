// SPDX-License-Identifier: BSD-3-Clause
/*
 * Memory runs out at each allocation of the start and of every control method in turn: once, and
 * for good. Each time it ends in one line that says so, or is done without; nothing is half done,
 * nothing leaks (under ASan), and the same works when there is memory again.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "dataplane/transitions.h"
#include "tests/lib/control_room.h"
#include "tests/lib/no_memory.h"
#include "tests/lib/scratch.h"

#define MOST_ALLOCATIONS 100000
#define COUNT_OF(array)  (sizeof(array) / sizeof((array)[0]))

/* cr_assert() for inner loops: Criterion reports every assertion, also those that hold. */
#define must(condition, ...)                                                                       \
	do {                                                                                       \
		if (!(condition))                                                                  \
			cr_assert_fail(__VA_ARGS__);                                               \
	} while (0)

static struct err err;
static char path[PATH_MAX];

static void set_up(void)
{
	if (access("/dev/shm", W_OK) == 0)
		strcpy(scratch_directory, "/dev/shm/tallywire-XXXXXX");
	scratch_make();
}

TestSuite(no_memory, .init = set_up, .fini = scratch_remove, .timeout = 60);

/* Calls it until it needs fewer allocations than would be refused; it undoes what it has done. */
static void refuse_each(const char *name, int (*attempt)(void))
{
	for (int dry = 0; dry < 2; dry++) {
		bool refused = true;
		uint64_t nth = 0, failed = 0;
		while (refused) {
			must(++nth < MOST_ALLOCATIONS, "%s: does not end", name);
			err.text[0] = '\0';
			no_memory_begin(nth, dry);
			int rc = attempt();
			refused = no_memory_end();
			must(rc == 0 || refused, "%s: fails with memory: %s", name, err.text);
			must(rc <= 0 && (rc == 0 || (err.text[0] && !strchr(err.text, '\n'))),
			     "%s: allocation %lu: %d without a line", name, nth, rc);
			must(rc == 0 || rc == -ENOMEM, "%s: allocation %lu: %d: %s", name, nth, rc,
			     err.text);
			failed += rc != 0;
		}
		cr_expect_gt(failed, 0, "%s: nothing was refused that matters", name);
	}
}

static int load_config(void)
{
	static struct config config;
	int rc = config_load(path, &config, &err);
	if (rc == 0)
		must(config.port_count == 2 && config.queue_count == 4 && config.owner_count == 1,
		     "another configuration");
	return rc;
}

Test(no_memory, configuration)
{
	strcpy(path, scratch_text("tallyd.conf",
				  "[ports]\na = af_xdp:eth0:3\nb = pcap:/x\n[owners]\nacme = a:1\n",
				  0600));
	refuse_each("config_load", load_config);
}

#define KEY "000102030405060708090a0b0c0d0e0f"

static int load_keyring(void)
{
	struct keyring keyring;
	int rc = keyring_load(path, &keyring, &err);
	if (rc)
		return rc;
	must(keyring.tenant_count == 2 && keyring.key_count == 2 &&
		     auth_keys_find(keyring.table, 8, 3),
	     "another keyring");
	keyring_free(&keyring);
	return 0;
}

Test(no_memory, keyring)
{
	strcpy(path,
	       scratch_text("keyring.json",
			    "{\"tenants\":[{\"id\":7,\"name\":\"acme\",\"keys\":[{\"epoch\":1,"
			    "\"key\":\"" KEY "\"}]},{\"id\":8,\"name\":\"zoo\",\"keys\":["
			    "{\"epoch\":3,\"key\":\"" KEY "\"}]}]}",
			    0600));
	refuse_each("keyring_load", load_keyring);
}

static struct tenant tenants[] = {{.id = 7, .name = "acme", .max_delay_ms = 5000}};
static const struct keyring acme = {.tenants = tenants, .tenant_count = 1};

static int load_rundown(void)
{
	struct rundown rundown;
	int rc = rundown_load(path, &acme, &rundown, &err);
	if (rc)
		return rc;
	must(rundown.count == 2 && strcmp(rundown.interactions[1].labels[1], "no") == 0,
	     "another rundown");
	rundown_free(&rundown);
	return 0;
}

#define INTERACTION(id)                                                                            \
	"{\"tenant\":\"acme\",\"id\":" id ",\"kind\":\"poll\",\"question\":\"?\",\"options\":"     \
	"[\"yes\",\"no\"],\"opens_at\":\"2026-11-22T20:00:00Z\"}"

Test(no_memory, rundown)
{
	strcpy(path, scratch_text("rundown.json",
				  "{\"show\":\"s\",\"interactions\":[" INTERACTION(
					  "1") "," INTERACTION("2") "]}",
				  0600));
	refuse_each("rundown_load", load_rundown);
}

static struct control_room room;

static int open_room(void)
{
	int rc = control_room_open(&room, path, &err);
	if (rc)
		return rc;
	if (!control_room_connect(&room, CONTROL_STUDIO))
		rc = err_set(&err, -ENOMEM, "not connected");
	control_room_close(&room);
	return rc;
}

Test(no_memory, windows_and_connections)
{
	strcpy(path, scratch_path("keyring.json"));
	refuse_each("windows_create", open_room);
}

/* What a request needs to have happened before, and the request; ' is for ". */
#define CALL(method, params)                                                                       \
	"{'jsonrpc':'2.0','id':4711,'method':'" method "','params':" params "}\n"
#define OPEN(tenant, id, more)                                                                     \
	CALL("open", "{'tenant':'" tenant "','id':" #id ",'question':'?'," more "}")
#define POLL  "'kind':'poll','options':['a','b']"
#define QUIZ  "'kind':'quiz','options':['a','b'],'correct':[1]"
#define LATER "'opens_at':'2026-12-24T20:00:00Z'"
#define SHOW                                                                                       \
	"{'show':'s','interactions':[{'tenant':'acme','id':1,'kind':'quiz','question':'?',"        \
	"'options':['a','b'],'correct':[0]," LATER "},{'tenant':'zoo','id':2,'kind':'upvote',"     \
	"'question':'?','options':['a','b']," LATER "}]}"

static const struct request {
	const char *name, *before, *text;
	uint32_t later_s; /* between the two */
	enum control_role role;
} window_requests[] = {
	{"open a poll", "", OPEN("acme", 1, POLL), 0, CONTROL_STUDIO},
	{"open a quiz", "", OPEN("acme", 1, QUIZ), 0, CONTROL_STUDIO},
	{"open a scale", "", OPEN("acme", 1, "'kind':'scale','min':1,'max':9"), 0, CONTROL_STUDIO},
	{"open an upvote", "", OPEN("acme", 1, "'kind':'upvote','options':['a','b']"), 0,
	 CONTROL_STUDIO},
	{"open a reaction", "", OPEN("acme", 1, "'kind':'reaction','options':['a']"), 0,
	 CONTROL_STUDIO},
	{"open a second", OPEN("acme", 2, POLL), OPEN("acme", 1, POLL), 0, CONTROL_STUDIO},
	{"close", OPEN("acme", 1, POLL), CALL("close", "{'tenant':'acme','id':1}"), 2,
	 CONTROL_STUDIO},
	{"extend a reaction", OPEN("acme", 1, "'kind':'reaction','options':['a']"),
	 CALL("extend", "{'tenant':'acme','id':1,'by_ms':5000}"), 2, CONTROL_STUDIO},
	{"cancel", OPEN("acme", 1, POLL), CALL("cancel", "{'tenant':'acme','id':1}"), 2,
	 CONTROL_STUDIO},
	{"reveal", OPEN("acme", 1, POLL), CALL("reveal", "{'tenant':'acme','id':1}"), 99,
	 CONTROL_STUDIO},
	{"list", OPEN("acme", 1, POLL), CALL("list", "{}"), 2, CONTROL_STUDIO},
	{"results", OPEN("acme", 1, QUIZ), CALL("results", "{}"), 99, CONTROL_STUDIO},
	{"public list", "", CALL("list", "{}"), 0, CONTROL_PUBLIC},
	{"public results", "", CALL("results", "{}"), 0, CONTROL_PUBLIC},
};

static const struct request show_requests[] = {
	{"load", "", CALL("load", SHOW), 0, CONTROL_STUDIO},
	{"load again", CALL("load", SHOW), CALL("load", SHOW), 1, CONTROL_STUDIO},
	{"rundown", CALL("load", SHOW), CALL("rundown", "{}"), 1, CONTROL_STUDIO},
	{"next", CALL("load", SHOW), CALL("next", "{}"), 1, CONTROL_STUDIO},
	{"unload", CALL("load", SHOW), CALL("unload", "{'show':'s'}"), 1, CONTROL_STUDIO},
	{"leaderboard", OPEN("acme", 1, QUIZ), CALL("leaderboard", "{'tenant':'acme'}"), 2,
	 CONTROL_STUDIO},
};

static const struct request other_requests[] = {
	{"tenants", OPEN("acme", 1, POLL), CALL("tenants", "{}"), 2, CONTROL_STUDIO},
	{"tenant_add", "", CALL("tenant_add", "{'name':'kino'}"), 0, CONTROL_STUDIO},
	{"tenant_rotate", "", CALL("tenant_rotate", "{'tenant':'acme'}"), 0, CONTROL_STUDIO},
	{"tenant_retire", "", CALL("tenant_retire", "{'tenant':'zoo'}"), 0, CONTROL_STUDIO},
	{"stats", OPEN("acme", 1, POLL), CALL("stats", "{}"), 2, CONTROL_STUDIO},
	{"subscribe", OPEN("acme", 1, POLL), CALL("subscribe", "{}"), 2, CONTROL_STUDIO},
	{"no such method", "", CALL("nothing", "{}"), 0, CONTROL_STUDIO},
};

/* Says it with " for ' and returns the answer, which the caller releases; NULL where none came. */
static json_t *ask(const char *text)
{
	char line[2048];
	size_t bytes = strlen(text);
	must(bytes < sizeof(line), "a longer line than there is room for");
	for (size_t i = 0; i < bytes; i++)
		line[i] = text[i] == '\'' ? '"' : text[i];
	control_room_say(&room, line, bytes);
	no_memory_spare(true);
	json_t *answer = json_loadb(room.heard, room.heard_bytes, JSON_DISABLE_EOF_CHECK, NULL);
	no_memory_spare(false);
	return answer;
}

static int code_of(const json_t *answer)
{
	return (int)json_integer_value(json_object_get(json_object_get(answer, "error"), "code"));
}

/* As it is with memory: a result, or the error that it is about. */
static void expect_as_ever(const struct request *request, uint64_t nth)
{
	json_t *answer = ask(request->text);
	int code = code_of(answer);
	must(answer && room.alive, "%s: allocation %lu: no answer afterwards", request->name, nth);
	must(code == 0 || code == CONTROL_METHOD_NOT_FOUND, "%s: allocation %lu: afterwards: %.*s",
	     request->name, nth, (int)room.heard_bytes, room.heard);
	json_decref(answer);
}

/* The answer when there is memory; keys are made anew each time. */
static json_t *whole_answer;

static void forget_key(json_t *answer)
{
	json_object_del(json_object_get(answer, "result"), "key");
}

/*
 * It is the whole answer; or refused with a line, and nothing has changed, unless the line says
 * that it may have; or there is none, as that takes memory too.
 */
static void check_answer(const struct request *request, json_t *answer, uint64_t nth)
{
	int code = code_of(answer);
	forget_key(answer);
	must(!answer || json_object_get(answer, "error") || json_equal(answer, whole_answer),
	     "%s: allocation %lu: another answer: %.*s", request->name, nth, (int)room.heard_bytes,
	     room.heard);
	const char *message =
		json_string_value(json_object_get(json_object_get(answer, "error"), "message"));
	if (code == 0 || code == CONTROL_METHOD_NOT_FOUND)
		return;
	must(code == CONTROL_INTERNAL_ERROR || code == CONTROL_NO_ROOM ||
		     code == CONTROL_PARSE_ERROR,
	     "%s: allocation %lu: %d: %s", request->name, nth, code, message);
	must(strstr(message, "memory"), "%s: allocation %lu: %s", request->name, nth, message);
	if (!strstr(message, "may have been done"))
		expect_as_ever(request, nth);
}

/* The appliance as the request finds it. */
static void prepare(const struct request *request)
{
	must(control_room_open(&room, path, &err) == 0, "%s", err.text);
	must(control_room_connect(&room, CONTROL_STUDIO), "not connected");
	if (request->before[0]) {
		json_t *answer = ask(request->before);
		must(answer && !code_of(answer), "%s: before: %.*s", request->name,
		     (int)room.heard_bytes, room.heard);
		json_decref(answer);
	}
	room.now_us += request->later_s * 1000000ull;
	transitions_look(room.appliance.windows, room.now_us, &room.client, 1);
	control_room_disconnect(&room);
	must(control_room_connect(&room, request->role), "not connected");
}

/* One life of the appliance, in which one allocation of the request fails, or all from it on. */
static bool refuse_one(const struct request *request, uint64_t nth, bool dry)
{
	prepare(request);
	no_memory_begin(nth, dry);
	json_t *answer = ask(request->text);
	bool refused = no_memory_end();
	must(answer || !room.alive, "%s: allocation %lu: neither answered nor ended: %.*s",
	     request->name, nth, (int)room.heard_bytes, room.heard);
	check_answer(request, answer, nth);
	must(answer || refused, "%s: not answered", request->name);
	json_decref(answer);
	if (!room.alive) {
		control_room_disconnect(&room);
		must(control_room_connect(&room, request->role), "not connected");
		json_decref(ask(CALL("list", "{}")));
		must(room.alive, "%s: allocation %lu: no life afterwards", request->name, nth);
	}
	control_room_close(&room);
	return refused;
}

static void refuse_all(const struct request *requests, size_t count)
{
	strcpy(path, scratch_path("keyring.json"));
	for (size_t i = 0; i < count; i++) {
		prepare(&requests[i]);
		whole_answer = ask(requests[i].text);
		must(whole_answer && (!code_of(whole_answer) ||
				      code_of(whole_answer) == CONTROL_METHOD_NOT_FOUND),
		     "%s: with memory: %.*s", requests[i].name, (int)room.heard_bytes, room.heard);
		forget_key(whole_answer);
		control_room_close(&room);
		for (int dry = 0; dry < 2; dry++) {
			uint64_t nth = 1;
			while (refuse_one(&requests[i], nth, dry))
				must(++nth < MOST_ALLOCATIONS, "%s: no end", requests[i].name);
			cr_expect_gt(nth, 5, "%s: hardly an allocation", requests[i].name);
		}
		json_decref(whole_answer);
	}
}

Test(no_memory, methods_of_windows)
{
	refuse_all(window_requests, COUNT_OF(window_requests));
}

Test(no_memory, methods_of_shows)
{
	refuse_all(show_requests, COUNT_OF(show_requests));
}

Test(no_memory, other_methods)
{
	refuse_all(other_requests, COUNT_OF(other_requests));
}

static const struct request subscribe = {"subscribe", OPEN("acme", 1, QUIZ),
					 CALL("subscribe", "{}"), 2, CONTROL_STUDIO};

/* How long the notification is that a change brings; 0: the connection has ended instead. */
static size_t hear_live(uint64_t nth, bool dry, bool *refused)
{
	prepare(&subscribe);
	json_decref(ask(subscribe.text));
	client_forget_live();
	client_note_change(room.client, &windows_at(room.appliance.windows, 0)->window);
	no_memory_begin(nth, dry);
	control_room_say(&room, " ", 1);
	*refused = no_memory_end();
	const char *end = memchr(room.heard, '\n', room.heard_bytes);
	size_t bytes = end ? (size_t)(end - room.heard) : 0;
	must(bytes || !room.alive, "allocation %lu: neither told nor ended", nth);
	control_room_close(&room);
	return bytes;
}

/* Whole, or not at all. */
Test(no_memory, notifications)
{
	strcpy(path, scratch_path("keyring.json"));
	bool refused;
	size_t whole = hear_live(MOST_ALLOCATIONS, false, &refused);
	cr_expect_gt(whole, 100);
	for (int dry = 0; dry < 2; dry++) {
		refused = true;
		for (uint64_t nth = 1; refused; nth++) {
			size_t bytes = hear_live(nth, dry, &refused);
			must(bytes == 0 || bytes == whole, "allocation %lu: %zu bytes of %zu: %.*s",
			     nth, bytes, whole, (int)bytes, room.heard);
		}
	}
}
