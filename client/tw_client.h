/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A viewer of a live show, as a library: votes that are sent until they have their receipt, the
 * appliance's time, and news of windows. Bytes in, bytes out, time handed in: no sockets, threads,
 * allocation or globals. docs/client.md shows how a player uses it: tw_client_receive() for each
 * datagram that comes; tw_client_send() when tw_client_next_us() is over and after every other
 * call, until it has nothing more. All `now_us` are µs on one clock of the player's, below 2^61; a
 * step back is taken as no step. One client, one thread at a time.
 */
#ifndef TALLYWIRE_TW_CLIENT_H
#define TALLYWIRE_TW_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TW_ERRORS(X)                                                                               \
	X(PREFIX, "the credential does not begin with tallywire1:")                                \
	X(LENGTH, "the credential is cut off or too long: 66 digits follow tallywire1:")           \
	X(HEX, "the credential has a character that is no hex digit in lower case")                \
	X(CHECK, "the credential is damaged: its last 8 digits do not fit the rest")               \
	X(CONNECTION_ID, "the credential's connection id is none of 8 bytes that is routed")       \
	X(KIND, "the vote's kind is not one of enum tw_kind")                                      \
	X(CHOICE, "the vote's choice is none: an empty mask, or 0xFFFF that is no mask")           \
	X(REVISION, "the vote's revision is not above the one under way, or not one of its kind")  \
	X(ENDED, "the vote's end is over already")                                                 \
	X(FULL, "all places for answers under way are taken: wait for receipts")                   \
	X(DATAGRAM, "no receipt, challenge or notice: its length or first byte")                   \
	X(FOREIGN, "for another viewer, or the answer to nothing that is under way")               \
	X(TAG, "its tag is wrong: forged or damaged")                                              \
	X(CONTENT, "its tag is right, but it says what cannot be")

enum tw_error {
	TW_OK = 0,
#define X(symbol, text) TW_ERROR_##symbol,
	TW_ERRORS(X)
#undef X
		TW_ERROR_COUNT
};

/* One line for a log; never NULL. */
const char *tw_client_error_text(enum tw_error error);

/*
 * What makes a viewer a voter. The tenant's login service hands it out over HTTPS as one word:
 *
 *   tallywire1: + hex digits in lower case of
 *     connection id : 8 ‖ key epoch : 1 ‖ voter : 4, big-endian ‖ voter key : 16 ‖ check : 4
 *
 * The check is the first 4 bytes of SipHash128(voter key, the 13 bytes before it).
 */
#define TW_CREDENTIAL_LENGTH 77 /* characters */

struct tw_credential {
	uint8_t connection_id[8];
	uint8_t voter_key[16]; /* secret; the tenant's own key never comes here */
	uint32_t voter;
	uint16_t tenant; /* also in the connection id */
	uint8_t epoch;   /* of the tenant's key that the voter's was derived from */
};

/* `length` characters, no more and no blank among them. What is refused leaves zeros behind. */
enum tw_error tw_credential_parse(const char *text, size_t length, struct tw_credential *into);

#define TW_CHOICE_NONE 0xFFFF

enum tw_kind {
	TW_KIND_POLL = 1, /* choice: the option's index, from 0 */
	TW_KIND_MULTI,    /* a mask: the lowest bit is the first option */
	TW_KIND_QUIZ,     /* the option's index; never changed */
	TW_KIND_SCALE,    /* the value itself */
	TW_KIND_UPVOTE,   /* the item's index: a vote for each item */
	TW_KIND_REACTION  /* the option's index: a vote for each second */
};

/* What the viewer answers. */
struct tw_vote {
	uint64_t program_time_us; /* UTC of the frame that was on the screen */
	uint64_t end_us; /* on the player's clock: the window's close and max_delay; no send from
			    then */
	uint32_t interaction;
	uint32_t revision; /* 0, and one more with each change of mind; of upvote and reaction 0 */
	uint16_t choice;
	enum tw_kind kind;
};

enum tw_status {
	TW_STATUS_COUNTED,
	TW_STATUS_CHANGED,
	TW_STATUS_DUPLICATE,
	TW_STATUS_EARLY,
	TW_STATUS_LATE,
	TW_STATUS_UNKNOWN,
	TW_STATUS_BAD_CHOICE,
	TW_STATUS_CANCELLED,
	TW_STATUS_BUSY,
	TW_STATUS_COUNT,
	TW_STATUS_NONE = 255 /* no receipt came */
};

/* What became of it. */
struct tw_receipt {
	uint64_t arrival_us; /* the appliance's clock when it came in; 0 without a receipt */
	uint32_t interaction;
	uint32_t revision;
	uint16_t choice; /* that was voted for */
	uint16_t stands; /* that counts for this voter now, or TW_CHOICE_NONE */
	uint16_t sends;
	enum tw_status status;
	bool final; /* else it is sent again, after a pause: busy, unknown, or ahead of the clock */
};

enum tw_window_state {
	TW_WINDOW_SCHEDULED = 1,
	TW_WINDOW_OPEN,
	TW_WINDOW_CLOSED,
	TW_WINDOW_REVEALED,
	TW_WINDOW_CANCELLED
};

/* What the appliance last said of a window; times on its clock. */
struct tw_window {
	uint64_t opens_at_us, closes_at_us, told_us;
	uint32_t interaction;
	uint16_t options;
	uint16_t leader; /* the leading option's index, TW_CHOICE_NONE until revealed */
	uint16_t share;  /* its share in hundredths of a percent */
	uint8_t state;   /* enum tw_window_state */
	uint8_t kind;    /* enum tw_kind */
};

struct tw_time {
	uint64_t appliance_us, error_us; /* the former is off by no more than the latter */
};

enum tw_event_kind {
	TW_EVENT_NONE,
	TW_EVENT_RECEIPT, /* `receipt` came */
	TW_EVENT_GAVE_UP, /* `receipt`'s answer is at its end without a final one */
	TW_EVENT_WINDOWS  /* the appliance told of `windows`: those of which something is new */
};

struct tw_event {
	enum tw_event_kind kind;
	struct tw_receipt receipt;
	struct tw_window windows[7];
	uint8_t window_count;
};

/* From here to struct tw_client: the library's own. An answer on its way: */
struct tw_answer {
	uint8_t datagram[40];
	uint8_t kind;      /* 0: the place is free */
	uint8_t status;    /* the latest */
	uint16_t sends;    /* so far */
	uint32_t pause_us; /* the next */
	uint64_t first_sent_us, due_us, end_us;
};

#define TW_WATCH_WINDOWS 32 /* remembered; the one told of longest ago makes room */

struct tw_known {
	uint64_t told_us;
	uint8_t record[28]; /* as in the notice */
	uint8_t before[28]; /* what was known until then */
};

struct tw_watch {
	struct tw_known known[TW_WATCH_WINDOWS];
	uint8_t cookie[16];
	uint64_t asked_us; /* the first WATCH that has no answer yet */
	uint64_t sent_us;  /* the latest */
	uint64_t due_us, told_until_us;
	uint32_t pause_us;
	uint8_t known_count;
	bool on, asking; /* asking: a WATCH has no answer yet */
	bool challenged; /* and a challenge to it was answered: the next one waits its turn */
};

/* What the appliance's clock less ours can be, and when that was found. */
struct tw_clock {
	int64_t least_us, most_us;
	uint64_t least_at_us, most_at_us;
	bool least_known, most_known;
};

#define TW_CLIENT_ANSWERS        16  /* that can be under way at once */
#define TW_CLIENT_DATAGRAM_BYTES 256 /* the longest that is sent or taken */
#define TW_CLIENT_NEVER          ((uint64_t)-1)

/* All there is, in memory of the caller's. */
struct tw_client {
	struct tw_credential credential;
	struct tw_answer answers[TW_CLIENT_ANSWERS];
	struct tw_watch watch;
	struct tw_clock clock;
	uint64_t random;
	uint64_t now_us;   /* the latest that was handed in */
	uint32_t revision; /* the next of an upvote or a reaction */
};

/* `seed` is to differ from viewer to viewer: it keeps a crowd from sending again in step. */
void tw_client_init(struct tw_client *client, const struct tw_credential *credential,
		    uint64_t seed);

/* Takes an answer on its way. A poll's, multi's or scale's with a higher revision takes the place
 * of an earlier one that has no receipt yet. Upvotes and reactions, of which many can be under way,
 * are told apart by a revision that the library gives them. */
enum tw_error tw_client_vote(struct tw_client *client, const struct tw_vote *vote, uint64_t now_us);

/* Asks to be told of windows, and goes on asking until tw_client_unwatch(). Is told: the appliance
 * has us on its list, as far as we know. */
void tw_client_watch(struct tw_client *client, uint64_t now_us);
void tw_client_unwatch(struct tw_client *client);
bool tw_client_is_told(const struct tw_client *client, uint64_t now_us);

/* Takes a datagram. `event` says what is new, TW_EVENT_NONE where nothing is. What is refused
 * changes nothing: foreign, forged, damaged, or a further copy of a final receipt. */
enum tw_error tw_client_receive(struct tw_client *client, const uint8_t *bytes, size_t count,
				uint64_t now_us, struct tw_event *event);

/* The bytes to send now; their count, 0 where there are none. To be called until it returns 0 and
 * says no event; the event can only be TW_EVENT_GAVE_UP. */
size_t tw_client_send(struct tw_client *client, uint64_t now_us,
		      uint8_t datagram[TW_CLIENT_DATAGRAM_BYTES], struct tw_event *event);

/* When tw_client_send() is to be called next; TW_CLIENT_NEVER while nothing is under way. */
uint64_t tw_client_next_us(const struct tw_client *client);

/* The appliance's time at `now_us`. False while too little was heard from it. */
bool tw_client_time(const struct tw_client *client, uint64_t now_us, struct tw_time *time);

#ifdef __cplusplus
}
#endif

#endif
