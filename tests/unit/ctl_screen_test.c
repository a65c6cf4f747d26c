// SPDX-License-Identifier: BSD-3-Clause
/* tallyctl on a terminal: it draws in place, keeps to the width, and gives the terminal back. */
#include <criterion/criterion.h>
#include <poll.h>
#include <pty.h>
#include "ctl/text.h"
#include "tests/lib/live_answers.h"
#include "tests/lib/scripted_peer.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

TestSuite(ctl_screen, .init = scratch_make, .fini = scratch_remove, .timeout = 30);

/* Starts `tallyctl VERB` on a terminal of so many columns and 20 rows. */
static pid_t start_on_terminal(char *verb, unsigned short columns, int *terminal)
{
	struct winsize size = {.ws_row = 20, .ws_col = columns};
	pid_t pid = forkpty(terminal, NULL, NULL, &size);
	if (pid == 0) {
		static const struct verb *const verbs[] = {&verb_watch, &verb_stats, NULL};
		char *argv[] = {(char[]){"tallyctl"}, verb, NULL};
		setenv("TALLYWIRE_SOCKET", scratch_path("socket"), 1);
		_exit(args_run(verbs, 2, argv));
	}
	return pid;
}

/* Runs `tallyctl watch` on a terminal of 60 by 20; what it wrote there lands in `text`. */
static int watch_on_terminal(int signal_number, char *text, size_t bytes)
{
	int terminal, status;
	size_t used = 0;
	pid_t pid = start_on_terminal((char[]){"watch"}, 60, &terminal);
	for (ssize_t got; (got = read(terminal, text + used, bytes - 1 - used)) > 0;) {
		used += (size_t)got;
		text[used] = '\0';
		if (signal_number && strstr(text, "votes/s"))
			kill(pid, signal_number);
	}
	waitpid(pid, &status, 0);
	close(terminal);
	return status;
}

Test(ctl_screen, watch_on_a_terminal_redraws_and_gives_it_back)
{
	static char text[65536];
	const struct peer_step steps[] = {
		{PEER_ANSWER, ANSWER(1, "{\"rate_hz\":10}")},
		{PEER_SAY, LIVE(RESULTS("18", "open", 2))},
		{PEER_PAUSE, NULL},
		{PEER_SAY, LIVE(RESULTS("25", "final", 2))},
		{PEER_END, NULL},
	};
	setenv("TERM", "xterm", 1);
	setenv("NO_COLOR", "1", 1);
	pid_t peer = peer_start(steps);
	int status = watch_on_terminal(0, text, sizeof(text));
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%x", (unsigned)status);
	cr_expect_eq(strncmp(text, "\033[?1049h\033[?25l", 14), 0, "the second screen comes first");
	const char *back = strstr(text, "\033[?25h\033[?1049l");
	cr_assert_not_null(back);
	cr_expect_not_null(strstr(back, "acme/101 final"), "the end result stays: %s", back);
	cr_expect_null(strstr(back + 14, "\033["), "NO_COLOR is honoured: %s", back);
	peer_stop(peer);
}

Test(ctl_screen, watch_that_is_interrupted_gives_the_terminal_back)
{
	static char text[65536];
	const struct peer_step steps[] = {
		{PEER_ANSWER, ANSWER(1, "{\"rate_hz\":10}")},
		{PEER_SAY, LIVE(RESULTS("18", "open", 2))},
		{PEER_END, NULL},
	};
	setenv("TERM", "xterm", 1);
	static const int signals[] = {SIGINT, SIGTERM};
	for (size_t i = 0; i < COUNT_OF(signals); i++) {
		pid_t peer = peer_start(steps);
		int status = watch_on_terminal(signals[i], text, sizeof(text));
		cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == signals[i], "%x",
			  (unsigned)status);
		cr_expect_not_null(strstr(text, "\033[?25h\033[?1049l"), "left in disorder: %s",
				   text);
		cr_expect_not_null(strstr(text, "\033[36m"), "colours on a terminal: %s", text);
		peer_stop(peer);
	}
}

/* What is there to read from a terminal, up to `bytes`; the program behind it goes on. */
static void read_for(int terminal, int wait_ms, char *text, size_t bytes)
{
	struct pollfd poll_fd = {.fd = terminal, .events = POLLIN};
	size_t used = strlen(text);
	while (used < bytes - 1 && poll(&poll_fd, 1, wait_ms) > 0) {
		ssize_t got = read(terminal, text + used, bytes - 1 - used);
		if (got <= 0)
			break;
		used += (size_t)got;
		text[used] = '\0';
	}
}

/* The terminal takes nothing more, so the signal comes in the middle of a picture. */
Test(ctl_screen, watch_that_is_suspended_while_it_draws_goes_on)
{
	enum { PICTURES = 400 };
	static struct peer_step steps[PICTURES + 3] = {
		{PEER_ANSWER, ANSWER(1, "{\"rate_hz\":100}")}};
	static char text[1 << 20];
	int terminal, status;
	for (int i = 1; i <= PICTURES; i++)
		steps[i] = (struct peer_step){PEER_SAY, LIVE(RESULTS("18", "open", 2))};
	steps[PICTURES + 1] = (struct peer_step){PEER_SAY, LIVE(RESULTS("25", "final", 2))};
	setenv("TERM", "xterm", 1);
	setenv("NO_COLOR", "1", 1);
	pid_t peer = peer_start(steps);
	pid_t pid = start_on_terminal((char[]){"watch"}, 60, &terminal);
	usleep(300000);
	/* The first one ends the write() that got half a picture out, the next one that of nothing.
	 */
	for (int i = 0; i < 5; i++) {
		kill(pid, SIGTSTP);
		usleep(20000);
	}
	/* It stops when the picture is out, and gives the terminal back before. */
	while (waitpid(pid, &status, WUNTRACED | WNOHANG) == 0)
		read_for(terminal, 10, text, sizeof(text));
	cr_assert(WIFSTOPPED(status), "%x", (unsigned)status);
	read_for(terminal, 100, text, sizeof(text));
	const char *back = strstr(text, "\033[?25h\033[?1049l");
	cr_expect_not_null(back, "left in disorder");
	kill(pid, SIGCONT);
	while (waitpid(pid, &status, WNOHANG) == 0)
		read_for(terminal, 10, text, sizeof(text));
	read_for(terminal, 100, text, sizeof(text));
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%x", (unsigned)status);
	cr_expect_not_null(strstr(text, "acme/101 final"), "it did not go on");
	close(terminal);
	peer_stop(peer);
}

/* A live notification with upvotes of so many items each, to be freed. */
static char *many_items(const char *state, int windows, int items)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);
	fputs("{\"jsonrpc\":\"2.0\",\"method\":\"live\",\"params\":{\"now\":\"2026-11-22T20:00:"
	      "00Z\","
	      "\"durability\":\"none\",\"interactions\":[",
	      out);
	for (int window = 0; window < windows; window++) {
		fprintf(out,
			"%s{\"tenant\":\"acme\",\"id\":%d,\"kind\":\"upvote\",\"state\":\"%s\","
			"\"question\":\"Which?\",\"voters\":9,\"options\":[",
			window ? "," : "", window, state);
		for (int item = 0; item < items; item++)
			fprintf(out, "%s{\"index\":%d,\"label\":\"item %d\",\"votes\":%d}",
				item ? "," : "", item, item, item % 7);
		fputs("]}", out);
	}
	fputs("]}}", out);
	fclose(out);
	return text;
}

Test(ctl_screen, windows_share_the_lines_of_a_terminal)
{
	static const struct {
		int windows, items;
		const char *last_heading, *more;
	} rows[] = {
		{1, 3000, "acme/0 final", "and 2,988 more"},
		{2, 3000, "acme/1 final", "and 2,996 more"},
		{1, 12, "acme/0 final", "item 0 "}, /* all of them have room */
	};
	static char text[1 << 18];
	setenv("TERM", "xterm", 1);
	setenv("NO_COLOR", "1", 1);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char *open = many_items("open", rows[i].windows, rows[i].items);
		char *final = many_items("final", rows[i].windows, rows[i].items);
		pid_t peer = peer_start(
			(const struct peer_step[]){{PEER_ANSWER, ANSWER(1, "{\"rate_hz\":10}")},
						   {PEER_SAY, open},
						   {PEER_SAY, final},
						   {PEER_END, NULL}});
		watch_on_terminal(0, text, sizeof(text));
		const char *back = strstr(text, "\033[?25h\033[?1049l");
		int lines = 0;
		cr_assert_not_null(back, "%s", text);
		for (const char *at = back; (at = strchr(at, '\n')); at++)
			lines++;
		cr_expect_leq(lines, 20, "row %zu: %d: %s", i, lines, back);
		cr_expect_null(strstr(text, "a taller terminal"), "row %zu: %s", i, text);
		cr_expect_not_null(strstr(back, rows[i].last_heading), "row %zu: %s", i, back);
		cr_expect_not_null(strstr(back, rows[i].more), "row %zu: %s", i, back);
		peer_stop(peer);
		free(open);
		free(final);
	}
}

#define CORE(worker)                                                                               \
	"{\"worker\":" #worker ",\"lcore\":" #worker ",\"queue\":3,\"port\":"                      \
	"\"dpdk:0000:3b:00.0,and=a,lot=of,words=behind,that=name,the=device\",\"received\":"       \
	"9999999999,\"bursts\":888888888,\"burst_fill\":24.9,\"empty_polls\":777777777777,"        \
	"\"rests\":99999999,\"receipts_sent\":9999999998,\"receipts_unsent\":12345,\"cycles_per_"  \
	"vote\":1210.5,"                                                                           \
	"\"cycles\":{\"receive\":301.2,\"find_window\":12.0}}"

Test(ctl_screen, stats_fit_a_terminal_of_80_columns)
{
	static char text[65536];
	const char *cores =
		CORE(0) "," CORE(1) "," CORE(2) "," CORE(3) "," CORE(4) "," CORE(5) "," CORE(6);
	char answer[8192];
	int terminal, status, lines = 0;
	snprintf(answer, sizeof(answer),
		 ANSWER(1, "{\"now\":\"2026-11-22T20:00:03Z\",\"datagrams\":{\"received\":"
			   "69999999993,\"counted\":69999999993},\"conserved\":true,\"cores\":[%s],"
			   "\"clock\":{\"synchronised\":true,\"error_us\":253402300799000000,"
			   "\"offset_us\":-253402300799000000}}"),
		 cores);
	setenv("TERM", "xterm", 1);
	setenv("NO_COLOR", "1", 1);
	pid_t peer =
		peer_start((const struct peer_step[]){{PEER_ANSWER, answer}, {PEER_END, NULL}});
	pid_t pid = start_on_terminal((char[]){"stats"}, 80, &terminal);
	read_for(terminal, 2000, text, sizeof(text));
	waitpid(pid, &status, 0);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%x", (unsigned)status);
	for (char *line = strtok(text, "\r\n"); line; line = strtok(NULL, "\r\n"), lines++)
		cr_expect_leq(text_width(line), 80, "%s", line);
	cr_expect_gt(lines, 20);
	close(terminal);
	peer_stop(peer);
}

/* What `tallyctl stats` writes on a terminal with colours, of a clock like this. */
static const char *clock_on_terminal(const char *clock)
{
	static char text[65536];
	char answer[1024];
	int terminal;
	snprintf(answer, sizeof(answer),
		 ANSWER(1, "{\"datagrams\":{\"received\":0},\"conserved\":true,\"clock\":%s}"),
		 clock);
	pid_t peer =
		peer_start((const struct peer_step[]){{PEER_ANSWER, answer}, {PEER_END, NULL}});
	pid_t pid = start_on_terminal((char[]){"stats"}, 80, &terminal);
	read_for(terminal, 2000, text, sizeof(text));
	waitpid(pid, NULL, 0);
	close(terminal);
	peer_stop(peer);
	return text;
}

Test(ctl_screen, a_clock_that_is_not_sure_is_yellow)
{
	static const struct {
		const char *clock;
		bool yellow;
	} rows[] = {
		{"{\"synchronised\":true,\"error_us\":100000,\"offset_us\":0}", false},
		{"{\"synchronised\":true,\"error_us\":100001,\"offset_us\":0}", true},
		{"{\"synchronised\":false,\"error_us\":null,\"offset_us\":0}", true},
	};
	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *text = clock_on_terminal(rows[i].clock);
		cr_expect_not_null(strstr(text, "Clock: "), "row %zu: %s", i, text);
		cr_expect_eq(strstr(text, "\033[33mClock: ") != NULL, rows[i].yellow, "row %zu: %s",
			     i, text);
	}
}
