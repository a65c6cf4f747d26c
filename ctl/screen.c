// SPDX-License-Identifier: BSD-3-Clause
/*
 * The terminal while watch or stats --watch redraws it. It never formats anything; signal handlers
 * only leave a note here, and screen_poll() acts on it.
 */
#include "ctl/screen.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "ctl/output.h"

#define SECOND_SCREEN "\033[?1049h\033[?25l" /* and the cursor hidden */
#define FIRST_SCREEN  "\033[?25h\033[?1049l"

static volatile sig_atomic_t end_signal;
static volatile sig_atomic_t stop_signal;

static void note_end(int number)
{
	end_signal = number;
}

static void note_stop(int number)
{
	stop_signal = number;
}

static void set_handlers(void (*end)(int), void (*stop)(int))
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	/* A picture is never cut short: what stdio cannot write it drops. */
	struct sigaction action = {.sa_handler = end, .sa_flags = SA_RESTART};
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		sigaction(ends[i], &action, NULL);
	action.sa_handler = stop;
	sigaction(SIGTSTP, &action, NULL);
}

void screen_start(void)
{
	stop_signal = 0;
	set_handlers(note_end, note_stop);
	fputs(SECOND_SCREEN, stdout);
	fflush(stdout);
}

void screen_stop(void)
{
	fputs(FIRST_SCREEN, stdout);
	fflush(stdout);
	set_handlers(SIG_DFL, SIG_DFL);
}

/* How many lines fit, and how many there are. */
static int count_lines(const char *text)
{
	int lines = 0;
	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

int screen_rows(void)
{
	return (output_rows() > 1 ? output_rows() : 24) - 1; /* the last one is the cursor's */
}

void screen_draw(const char *text)
{
	int rows = screen_rows();
	int lines = count_lines(text);
	int shown = lines <= rows ? lines : rows - 1;
	fputs("\033[H", stdout);
	for (int i = 0; i < shown; i++) {
		const char *end = strchr(text, '\n');
		fwrite(text, 1, (size_t)(end - text), stdout);
		fputs("\033[K\r\n", stdout);
		text = end + 1;
	}
	if (shown < lines)
		printf("%s%d more lines; a taller terminal shows them%s\033[K",
		       output_style(STYLE_DIM), lines - shown, output_style(STYLE_PLAIN));
	fputs("\033[J", stdout);
	fflush(stdout);
}

int screen_poll(void)
{
	if (stop_signal) {
		screen_stop();
		raise(SIGSTOP);
		screen_start();
	}
	return end_signal;
}

void screen_die(int signal_number)
{
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}
