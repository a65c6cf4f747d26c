/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An appliance that says what it is told to: a process that listens on a Unix socket, takes one
 * connection and plays a script on it. What it was sent lies in the scratch file "requests". And a
 * tallyctl that runs in a process of its own, with what it printed in "stdout" and "stderr".
 * Needs scratch_make() first.
 */
#ifndef TALLYWIRE_TESTS_SCRIPTED_PEER_H
#define TALLYWIRE_TESTS_SCRIPTED_PEER_H

#include <criterion/criterion.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include "ctl/verbs.h"
#include "tests/lib/scratch.h"

#define PEER_LIFE_S 20 /* a peer that is forgotten ends by itself */

enum peer_act {
	PEER_END,    /* wait until the client goes */
	PEER_ANSWER, /* read a request, send the text and a newline */
	PEER_SAY,    /* send the text and a newline, unasked */
	PEER_HALF,   /* read a request, send the text without a newline */
	PEER_CUT,    /* close the connection */
	PEER_PAUSE,  /* 50 ms */
	PEER_PART,   /* send the text, without a newline */
};

struct peer_step {
	enum peer_act act;
	const char *text;
};

static inline void peer_write(int fd, const char *text, size_t bytes)
{
	while (bytes > 0) {
		ssize_t sent = send(fd, text, bytes, MSG_NOSIGNAL);
		if (sent <= 0)
			_exit(0);
		text += sent;
		bytes -= (size_t)sent;
	}
}

/* One request, into the log; false at the end of the connection. */
static inline int peer_read_line(int fd, int log)
{
	char byte;
	while (read(fd, &byte, 1) == 1) {
		if (write(log, &byte, 1) != 1)
			_exit(1);
		if (byte == '\n')
			return 1;
	}
	return 0;
}

static inline void peer_play(int fd, int log, const struct peer_step *step)
{
	for (;; step++) {
		if ((step->act == PEER_ANSWER || step->act == PEER_HALF) &&
		    !peer_read_line(fd, log))
			_exit(0);
		if (step->text)
			peer_write(fd, step->text, strlen(step->text));
		if (step->act == PEER_ANSWER || step->act == PEER_SAY)
			peer_write(fd, "\n", 1);
		if (step->act == PEER_PAUSE)
			usleep(50000);
		if (step->act == PEER_CUT)
			_exit(0);
		if (step->act == PEER_END)
			break;
	}
	while (peer_read_line(fd, log))
		;
	_exit(0);
}

/* Listens at scratch "socket" and plays `steps` (which end with PEER_END or PEER_CUT). */
static inline pid_t peer_start(const struct peer_step *steps)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = scratch_path("socket");
	if (strlen(path) >= sizeof(address.sun_path))
		abort();
	strcpy(address.sun_path, path);
	unlink(address.sun_path);
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 1))
		abort();
	scratch_text("requests", "", 0600);
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		alarm(PEER_LIFE_S);
		int log = open(scratch_path("requests"), O_WRONLY | O_APPEND | O_CLOEXEC);
		peer_play(accept(listener, NULL, NULL), log, steps);
	}
	close(listener);
	return pid;
}

static inline void peer_stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* What a scratch file holds; good until the next call but three. */
static inline const char *scratch_read(const char *name)
{
	static char texts[4][65536];
	static unsigned turn;
	char *text = texts[turn++ % 4];
	FILE *file = fopen(scratch_path(name), "r");
	size_t bytes = file ? fread(text, 1, sizeof(texts[0]) - 1, file) : 0;
	if (file)
		fclose(file);
	text[bytes] = '\0';
	return text;
}

static inline void expect_in(const char *file, const char *text)
{
	const char *all = scratch_read(file);
	cr_expect_not_null(strstr(all, text), "no \"%s\" in %s: %s", text, file, all);
}

/* Exactly one line that says who speaks. */
static inline void expect_one_line_of_error(void)
{
	const char *text = scratch_read("stderr");
	cr_expect_eq(strncmp(text, "tallyctl: ", 10), 0, "%s", text);
	cr_expect_eq(strchr(text, '\n'), text + strlen(text) - 1, "%s", text);
}

/* Runs `tallyctl WORDS...` with the socket at scratch "socket". Returns its exit code, -1 if
 * killed. */
static inline int tallyctl(const char *const *words)
{
	static const struct verb *const verbs[] = {
		&verb_open,   &verb_close,   &verb_extend, &verb_cancel,      &verb_reveal,
		&verb_list,   &verb_results, &verb_watch,  &verb_leaderboard, &verb_stats,
		&verb_load,   &verb_rundown, &verb_next,   &verb_unload,      &verb_key,
		&verb_tenant, &verb_voter,   &verb_front,  &verb_journal,     &verb_identity,
		&verb_audit,  &verb_export,  NULL,
	};
	int status, argc = 1;
	const char *argv[32] = {"tallyctl"};
	while (*words && argc < 31)
		argv[argc++] = *words++;
	setenv("TALLYWIRE_SOCKET", scratch_path("socket"), 1);
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		if (!freopen(scratch_path("stdout"), "w", stdout) ||
		    !freopen(scratch_path("stderr"), "w", stderr))
			abort();
		int code = args_run(verbs, argc, (char **)argv);
		fflush(NULL);
		_exit(code);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* `tallyctl WORDS...` sends what has `request` in it, is answered with `result`, and prints
 * `printed`; `row` says which row of a table it is. */
static inline void expect_spoken(size_t row, const char *const *words, const char *request,
				 const char *result, const char *printed)
{
	char answer[512];
	snprintf(answer, sizeof(answer), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":%s}", result);
	pid_t peer =
		peer_start((const struct peer_step[]){{PEER_ANSWER, answer}, {PEER_END, NULL}});
	cr_expect_eq(tallyctl(words), 0, "%zu: %s", row, scratch_read("stderr"));
	cr_expect_not_null(strstr(scratch_read("requests"), request), "%zu: %s", row,
			   scratch_read("requests"));
	cr_expect_not_null(strstr(scratch_read("stdout"), printed), "%zu: %s", row,
			   scratch_read("stdout"));
	cr_expect_str_eq(scratch_read("stderr"), "");
	peer_stop(peer);
}

#define TALLYCTL(...) tallyctl((const char *const[]){__VA_ARGS__, NULL})

#endif
