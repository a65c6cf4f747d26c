// SPDX-License-Identifier: BSD-3-Clause
/*
 * An example of a player: one vote over a UDP socket, with the program time of now.
 *
 *   example_vote HOST PORT CREDENTIAL INTERACTION CHOICE    votes, and prints the receipt
 *   example_vote HOST PORT CREDENTIAL watch CHOICE          waits to be told of a window that is
 * open, votes in it, and ends when it is revealed
 *
 * A real player has the credential from its login service, the program time from its video, and the
 * question from its app. Exits 0 when the answer stands, 1 when it does not, 2 when it was not
 * asked for rightly.
 */
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "client/tw_client.h"

#define WINDOW_US 25000000 /* 20 s that a window is open, and 5 s of max_delay */

struct player {
	struct tw_client client;
	int fd;
	uint16_t choice;
	bool watches;
	bool voted;
	bool ended;
	uint32_t interaction; /* voted in */
	int status;           /* to exit with */
};

static uint64_t clock_us(clockid_t id)
{
	struct timespec now;
	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* A socket that takes datagrams of this peer alone; -1, and it is said why. */
static int connect_to(const char *host, const char *port)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
	struct addrinfo *list = NULL;
	int fd = -1, rc = getaddrinfo(host, port, &hints, &list);
	for (struct addrinfo *at = list; at && fd < 0; at = at->ai_next) {
		fd = socket(at->ai_family, at->ai_socktype, at->ai_protocol);
		if (fd >= 0 && connect(fd, at->ai_addr, at->ai_addrlen) == 0)
			break;
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	if (fd < 0)
		fprintf(stderr, "example_vote: no way to %s port %s: %s\n", host, port,
			rc ? gai_strerror(rc) : strerror(errno));
	if (list)
		freeaddrinfo(list);
	return fd;
}

static int tell(const struct tw_receipt *receipt)
{
	static const char *const names[TW_STATUS_COUNT] = {"counted",    "changed",   "duplicate",
							   "early",      "late",      "unknown",
							   "bad choice", "cancelled", "busy"};
	const char *name =
		receipt->status < TW_STATUS_COUNT ? names[receipt->status] : "no receipt came";
	printf("%s interaction=%" PRIu32 " choice=%u stands=", name, receipt->interaction,
	       receipt->choice);
	if (receipt->stands == TW_CHOICE_NONE)
		printf("none");
	else
		printf("%u", receipt->stands);
	printf(" sends=%u arrival_us=%" PRIu64 "%s\n", receipt->sends, receipt->arrival_us,
	       receipt->final || receipt->status == TW_STATUS_NONE ? "" : " (asking again)");
	fflush(stdout);
	return receipt->final && receipt->stands == receipt->choice ? 0 : 1;
}

static enum tw_error vote(struct player *player, uint32_t interaction, enum tw_kind kind)
{
	uint64_t now_us = clock_us(CLOCK_MONOTONIC);
	const struct tw_vote vote = {
		.interaction = interaction,
		.choice = player->choice,
		.kind = kind,
		.program_time_us = clock_us(CLOCK_REALTIME),
		.end_us = now_us + WINDOW_US,
	};
	player->voted = true;
	player->interaction = interaction;
	return tw_client_vote(&player->client, &vote, now_us);
}

static void hear_of(struct player *player, const struct tw_window *window)
{
	static const char *const states[] = {"scheduled", "open", "closed", "revealed",
					     "cancelled"};
	printf("%s interaction=%" PRIu32 " options=%u\n", states[window->state - 1],
	       window->interaction, window->options);
	fflush(stdout);
	if (window->state == TW_WINDOW_OPEN && !player->voted)
		player->ended =
			vote(player, window->interaction, (enum tw_kind)window->kind) != TW_OK;
	if (window->state >= TW_WINDOW_REVEALED && player->voted &&
	    window->interaction == player->interaction)
		player->ended = true;
}

static void take_event(struct player *player, const struct tw_event *event)
{
	if (event->kind == TW_EVENT_RECEIPT || event->kind == TW_EVENT_GAVE_UP)
		player->status = tell(&event->receipt);
	if (event->kind == TW_EVENT_GAVE_UP || (event->receipt.final && !player->watches))
		player->ended = true;
	for (int i = 0; i < event->window_count; i++)
		hear_of(player, &event->windows[i]);
}

static void send_due(struct player *player)
{
	uint8_t datagram[TW_CLIENT_DATAGRAM_BYTES];
	struct tw_event event;
	size_t bytes;
	do {
		bytes = tw_client_send(&player->client, clock_us(CLOCK_MONOTONIC), datagram,
				       &event);
		if (bytes)
			(void)!send(player->fd, datagram, bytes, 0); /* if it fails: sent again */
		take_event(player, &event);
	} while (bytes || event.kind);
}

/* Waits for a datagram until the library wants to send. */
static void take_one(struct player *player)
{
	uint8_t datagram[TW_CLIENT_DATAGRAM_BYTES + 1];
	struct pollfd wait = {.fd = player->fd, .events = POLLIN};
	struct tw_event event;
	uint64_t now_us = clock_us(CLOCK_MONOTONIC), next_us = tw_client_next_us(&player->client);
	if (poll(&wait, 1, next_us > now_us ? (int)((next_us - now_us + 999) / 1000) : 0) <= 0)
		return;
	ssize_t bytes = recv(player->fd, datagram, sizeof(datagram), 0);
	if (bytes < 0)
		return; /* nobody listens there, yet */
	enum tw_error error = tw_client_receive(&player->client, datagram, (size_t)bytes,
						clock_us(CLOCK_MONOTONIC), &event);
	if (error)
		fprintf(stderr, "example_vote: dropped: %s\n", tw_client_error_text(error));
	take_event(player, &event);
}

static int refuse(const char *what, const char *why)
{
	fprintf(stderr, "example_vote: %s: %s\n", what, why);
	return 2;
}

/* "0" to "4294967295", and no more than `most`. */
static bool number(const char *text, uint64_t most, uint64_t *value)
{
	char *end;
	errno = 0;
	*value = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno && *value <= most;
}

int main(int argc, char **argv)
{
	struct player player = {.status = 1};
	struct tw_credential credential;
	uint64_t interaction = 0, choice;
	if (argc != 6)
		return refuse("usage",
			      "example_vote HOST PORT CREDENTIAL INTERACTION|watch CHOICE");
	enum tw_error error = tw_credential_parse(argv[3], strlen(argv[3]), &credential);
	if (error)
		return refuse("CREDENTIAL", tw_client_error_text(error));
	player.watches = strcmp(argv[4], "watch") == 0;
	if (!player.watches && !number(argv[4], UINT32_MAX, &interaction))
		return refuse("INTERACTION", "a number up to 4294967295, or the word watch");
	if (!number(argv[5], UINT16_MAX, &choice))
		return refuse("CHOICE", "a number up to 65535");
	player.choice = (uint16_t)choice;
	tw_client_init(&player.client, &credential, clock_us(CLOCK_REALTIME) ^ credential.voter);
	if (player.watches)
		tw_client_watch(&player.client, clock_us(CLOCK_MONOTONIC));
	else if ((error = vote(&player, (uint32_t)interaction, TW_KIND_POLL)) != TW_OK)
		return refuse("CHOICE", tw_client_error_text(error));
	player.fd = connect_to(argv[1], argv[2]);
	if (player.fd < 0)
		return 2;
	for (send_due(&player); !player.ended; send_due(&player))
		take_one(&player);
	close(player.fd);
	return player.status;
}
