// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz target: bytes become a conversation with the control socket, of the studio or the public:
 * lines of any bytes, and requests that are well formed and take methods, parameters and values
 * from lists, while the clock goes on. No network, no device, no worker is behind it.
 *
 * Whatever is said: each request that has an id gets one answer with that id, which is a result or
 * an error with one line and never an internal one; each line of any bytes gets at most one; and
 * the appliance goes on answering.
 */
#include <string.h>

#include "dataplane/transitions.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/must.h"
#include "tests/lib/control_room.h"
#include "tests/lib/scratch.h"

#define MAX_REQUESTS 32
#define ID           4711

/* The first two belong to the connection, the rest is the table. */
static const char *method_name(uint8_t number)
{
	size_t count;
	const struct method_row *rows = method_table(&count);
	number %= count + 2;
	return number == 0 ? "subscribe" : number == 1 ? "unsubscribe" : rows[number - 2].name;
}

/* Parameters that methods take, as they are or with members replaced. */
static const char *const presets[] = {
	"{}",
	"{'tenant':'acme','id':101}",
	"{'tenant':'acme','id':101,'kind':'poll','question':'?','options':['a','b']}",
	"{'tenant':'acme','id':102,'kind':'quiz','question':'?','options':['a','b'],'correct':[1]}",
	"{'tenant':'acme','id':103,'kind':'multi','question':'?','options':['a','b'],"
	"'max_choices':2,'revote':true}",
	"{'tenant':'zoo','id':101,'kind':'scale','question':'?','min':1,'max':9}",
	"{'tenant':'zoo','id':102,'kind':'upvote','question':'?','options':['a','b','c']}",
	"{'tenant':'zoo','id':103,'kind':'reaction','question':'?','options':['a'],"
	"'duration_ms':3000}",
	"{'show':'s','interactions':[{'tenant':'acme','id':1,'kind':'poll','question':'?',"
	"'options':['a'],'opens_at':'2026-11-23T00:00:10Z'},{'tenant':'zoo','id':2,'kind':'quiz',"
	"'question':'?','options':['a','b'],'correct':[0],'opens_at':'2026-11-23T00:01:00Z'}]}",
	"{'show':'s'}",
	"{'tenant':'acme','id':101,'by_ms':5000}",
	"{'tenant':'acme'}",
	"{'name':'kino'}",
	"{'rate_hz':10}",
};

static const char *const names[] = {
	"tenant",  "id",      "kind",  "question", "options", "opens_at",     "duration_ms",
	"by_ms",   "show",    "name",  "epoch",    "limits",  "interactions", "dry_run",
	"correct", "revote",  "min",   "max",      "points",  "max_choices",  "max_delay_ms",
	"top",     "rate_hz", "voter", "nothing",
};

static const char *const values[] = {
	"'acme'",
	"'zoo'",
	"'kino'",
	"'s'",
	"''",
	"null",
	"true",
	"false",
	"0",
	"1",
	"2",
	"101",
	"-1",
	"1.0",
	"1e300",
	"65535",
	"65536",
	"4294967295",
	"4294967296",
	"9223372036854775807",
	"[]",
	"{}",
	"['a']",
	"[0]",
	"[1,1]",
	"[{}]",
	"{'windows':1}",
	"{'voters':1}",
	"'2026-11-23T00:00:05Z'",
	"'1970-01-01T00:00:00Z'",
	"'2999-12-31T23:59:59.999999Z'",
	"'poll'",
	"'quiz'",
	"'scale'",
	"'\\u0000'",
	"'\\uFFFF'",
	"'a/b'",
	"'\\u001b[31m'",
	"['a','b','c','d','e','f','g','h','i','j','k','l','m','n','o','p','q']",
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static struct control_room room;

static json_t *parsed(const char *text)
{
	char line[1024];
	size_t bytes = strlen(text);
	MUST(bytes < sizeof(line));
	for (size_t i = 0; i <= bytes; i++)
		line[i] = text[i] == '\'' ? '"' : text[i];
	json_t *json = json_loads(line, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	MUST(json);
	return json;
}

static json_t *take_params(struct input *input)
{
	json_t *params = parsed(presets[take8(input) % COUNT_OF(presets)]);
	for (uint32_t left = take8(input) % 4; left; left--) {
		const char *name = names[take8(input) % COUNT_OF(names)];
		json_object_set_new(params, name, parsed(values[take8(input) % COUNT_OF(values)]));
	}
	return params;
}

/* One answer, of which everything is as docs/control.md has it. */
static void check_answer(const json_t *answer, bool with_id)
{
	const json_t *id = json_object_get(answer, "id"), *error = json_object_get(answer, "error");
	const char *version = json_string_value(json_object_get(answer, "jsonrpc"));
	MUST(version && strcmp(version, "2.0") == 0 && json_object_size(answer) == 3 && id);
	const json_t *code = json_object_get(error, "code");
	/* Of a line that is no JSON, as with a NUL in it, nobody knows the id. */
	MUST(!with_id || json_integer_value(id) == ID ||
	     json_integer_value(code) == CONTROL_PARSE_ERROR);
	MUST((error != NULL) != (json_object_get(answer, "result") != NULL));
	if (!error)
		return;
	const char *message = json_string_value(json_object_get(error, "message"));
	MUST(code && json_integer_value(code) != CONTROL_INTERNAL_ERROR);
	MUST(message && message[0] && !strchr(message, '\n'));
}

/* How many answers came; notifications are looked at and not counted. */
static uint32_t check_heard(bool with_id)
{
	uint32_t answers = 0;
	const char *line = room.heard, *end = room.heard + room.heard_bytes;
	while (line < end) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));
		MUST(stop);
		json_t *json = json_loadb(line, (size_t)(stop - line),
					  JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
		MUST(json);
		if (!json_object_get(json, "method")) {
			check_answer(json, with_id);
			answers++;
		}
		json_decref(json);
		line = stop + 1;
	}
	return answers;
}

static void say_request(struct input *input)
{
	static char line[1 << 16];
	const char *method = method_name(take8(input));
	json_t *request = json_pack("{s:s,s:i,s:s,s:o}", "jsonrpc", "2.0", "id", ID, "method",
				    method, "params", take_params(input));
	size_t bytes = json_dumpb(request, line, sizeof(line) - 1, JSON_COMPACT);
	MUST(request && bytes < sizeof(line) - 1);
	line[bytes] = '\n';
	json_decref(request);
	control_room_say(&room, line, bytes + 1);
	MUST(room.alive && check_heard(true) == 1);
}

/* Bytes of the fuzzer's own, up to the next 0 or the end. */
static void say_line(struct input *input)
{
	static char line[1 << 16];
	uint32_t bytes = 0, lines = 1;
	while (input->pos < input->end && bytes < sizeof(line) - 1) {
		char byte = (char)take8(input);
		if (!byte)
			break;
		lines += byte == '\n';
		line[bytes++] = byte;
	}
	line[bytes++] = '\n';
	control_room_say(&room, line, bytes);
	MUST(room.alive && check_heard(false) <= lines);
}

static void check_life(void)
{
	static const char line[] = "{\"jsonrpc\":\"2.0\",\"id\":4711,\"method\":\"list\"}\n";
	control_room_say(&room, line, sizeof(line) - 1);
	MUST(room.alive && check_heard(true) == 1);
	MUST(windows_memory(room.appliance.windows) <= 1 << 20);
}

/* In memory where there is such a directory, as keys that come and go are waited for on the disk.
 */
static const char *keyring_path(void)
{
	static bool made;
	if (!made) {
		if (access("/dev/shm", W_OK) == 0)
			strcpy(scratch_directory, "/dev/shm/tallywire-XXXXXX");
		scratch_make();
		atexit(scratch_remove);
	}
	made = true;
	return scratch_path("keyring.json");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct input input = {.pos = bytes, .end = bytes + count};
	enum control_role role = take8(&input) & 1 ? CONTROL_PUBLIC : CONTROL_STUDIO;
	struct err err;
	MUST(control_room_open(&room, keyring_path(), &err) == 0);
	MUST(control_room_connect(&room, role));
	for (int requests = 0; requests < MAX_REQUESTS && input.pos < input.end; requests++) {
		uint8_t how = take8(&input);
		if (how & 0x80)
			room.now_us += (how & 0x7Fu) * 250000;
		if (how % 8 == 7)
			say_line(&input);
		else
			say_request(&input);
		transitions_look(room.appliance.windows, room.now_us, &room.client, 1);
	}
	check_life();
	control_room_close(&room);
	return 0;
}
