// SPDX-License-Identifier: BSD-3-Clause
/*
 * The loop of the control sockets, over real ones: whose turn it is. All requests lie in the
 * sockets before the loop begins, so the order in which it serves them is all that decides.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <sys/un.h>
#include "dataplane/control.h"
#include "tests/lib/control_peer.h"
#include "tests/lib/scratch.h"

#define REQUESTS 200 /* as many as a socket holds without a reader */

static struct control *control;
static pthread_t loop;

static void *serve(void *unused)
{
	struct err err;
	cr_expect_eq(control_serve(control, &err), 0);
	return unused;
}

static void open_sockets(void)
{
	struct config *config = &appliance.config;
	struct err err;
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	set_up();
	scratch_make();
	snprintf(config->control, sizeof(config->control), "%s/control", scratch_directory);
	snprintf(config->public_socket, sizeof(config->public_socket), "%s/public",
		 scratch_directory);
	config->control_mode = config->public_mode = 0600;
	cr_assert_eq(control_open(&appliance, &control, &err), 0, "%s", err.text);
}

static void start_loop(void)
{
	cr_assert_eq(pthread_create(&loop, NULL, serve, NULL), 0);
}

static void close_sockets(void)
{
	kill(getpid(), SIGTERM);
	pthread_join(loop, NULL);
	control_close(control);
	scratch_remove();
	tear_down();
}

TestSuite(control_loop, .init = open_sockets, .fini = close_sockets, .timeout = 60);

static FILE *dial(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fdopen(fd, "r+");
}

static json_t *answer_from(FILE *socket)
{
	char *line = NULL;
	size_t room = 0;
	cr_assert_gt(getline(&line, &room, socket), 0);
	json_t *answer = json_loads(line, 0, NULL);
	cr_assert_not_null(answer, "%s", line);
	free(line);
	return answer;
}

static void ask(FILE *socket, int id, const char *rest)
{
	fprintf(socket, "{\"jsonrpc\":\"2.0\",\"id\":%d,%s}\n", id, rest);
	cr_assert_eq(fflush(socket), 0);
}

#define OPEN_POLL                                                                                  \
	"\"method\":\"open\",\"params\":{\"tenant\":\"acme\",\"id\":1,\"kind\":\"poll\","          \
	"\"question\":\"?\",\"options\":[\"a\"]}"

/* Of what the public asked before, no more than an answer a round is given first. */
Test(control_loop, the_studio_does_not_wait_for_the_public)
{
	FILE *public = dial(appliance.config.public_socket);
	FILE *studio = dial(appliance.config.control);
	for (int id = 0; id < REQUESTS; id++)
		ask(public, id, "\"method\":\"list\"");
	ask(studio, 1, OPEN_POLL);
	start_loop();
	json_decref(answer_from(studio));
	size_t before = 0;
	for (int id = 0; id < REQUESTS; id++) {
		json_t *answer = answer_from(public);
		const json_t *result = json_object_get(answer, "result");
		cr_expect_eq(integer_of(answer, "id"), id);
		before += json_array_size(json_object_get(result, "windows")) == 0;
		json_decref(answer);
	}
	cr_expect_leq(before, 2, "%zu answers came before the studio's", before);
	fclose(public);
	fclose(studio);
}

/* Each in its turn: nobody waits for all that another one asked. */
Test(control_loop, the_public_is_served_in_turns)
{
	FILE *first = dial(appliance.config.public_socket);
	FILE *second = dial(appliance.config.public_socket);
	FILE *studio = dial(appliance.config.control);
	for (int id = 0; id < REQUESTS; id++)
		ask(first, id, "\"method\":\"list\"");
	ask(second, 1, "\"method\":\"list\"");
	/* A request of the studio's each round: a window more each time. */
	for (int id = 0; id < REQUESTS; id++)
		fprintf(studio,
			"{\"jsonrpc\":\"2.0\",\"method\":\"open\",\"params\":{\"tenant\":\"acme\","
			"\"id\":%d,\"kind\":\"poll\",\"question\":\"?\",\"options\":[\"a\"]}}\n",
			id % 8);
	cr_assert_eq(fflush(studio), 0);
	start_loop();
	json_t *answer = answer_from(second);
	const json_t *windows = json_object_get(json_object_get(answer, "result"), "windows");
	cr_expect_leq(json_array_size(windows), 4, "%zu rounds", json_array_size(windows));
	json_decref(answer);
	fclose(first);
	fclose(second);
	fclose(studio);
}

Test(control_loop, a_line_of_the_publics_is_short)
{
	FILE *public = dial(appliance.config.public_socket);
	start_loop();
	for (unsigned i = 0; i < CONTROL_MAX_PUBLIC_LINE_BYTES; i++)
		putc(' ', public);
	fflush(public);
	json_t *answer = answer_from(public);
	cr_expect_str_eq(string_of(json_object_get(answer, "error"), "message"),
			 "the line is longer than 64 KiB");
	cr_expect_eq(getc(public), EOF);
	json_decref(answer);
	fclose(public);
}
