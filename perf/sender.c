/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sending loop. Called by `tallyreplay send`; reads no file and prints nothing but progress.
 *
 * A datagram counts as in flight until its receipt or for a few round trips; only then is it
 * presumed lost and its place given to another, so that losses slow the sender down but never stop
 * it. It is sent again after 200 ms, or four round trips where those are longer.
 */
#include "perf/sender.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RESEND_NS     UINT64_C(200000000)
#define AGE_NS        UINT64_C(50000000) /* outlasts a time slice that the appliance's core may lose */
#define LINGER_NS     UINT64_C(500000000)  /* for receipts, where nobody insists on them */
#define STUCK_NS      UINT64_C(2000000000) /* a link that takes nothing for this long is broken */
#define LAST_NS       UINT64_C(50000000)   /* of silence, then the last receipt is in */
#define WAIT_MAX_NS   UINT64_C(100000)
#define SECOND_NS     UINT64_C(1000000000)
#define HELD_PER_LOOP 256

uint64_t sender_now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

static int queue_open(struct number_queue *queue, uint32_t room)
{
	*queue = (struct number_queue){.room = room ? room : 1};
	queue->numbers = malloc((size_t)queue->room * sizeof(uint32_t));
	return queue->numbers ? 0 : -ENOMEM;
}

static uint32_t queue_at(const struct number_queue *queue, uint32_t place)
{
	return queue->numbers[((uint64_t)queue->head + place) % queue->room];
}

static void queue_push(struct number_queue *queue, uint32_t number)
{
	queue->numbers[((uint64_t)queue->head + queue->count++) % queue->room] = number;
}

static uint32_t queue_pop(struct number_queue *queue)
{
	uint32_t number = queue_at(queue, 0);
	queue->head = (uint32_t)(((uint64_t)queue->head + 1) % queue->room);
	queue->count--;
	return number;
}

int sender_open(struct sender *sender, const struct sender_options *options,
		const struct capture *capture, struct receipts *receipts, struct link *link,
		volatile sig_atomic_t *stop, struct err *err)
{
	memset(sender, 0, sizeof(*sender));
	sender->options = options;
	sender->capture = capture;
	sender->receipts = receipts;
	sender->link = link;
	sender->stop = stop;
	if (options->until_receipted && (queue_open(&sender->held, capture->count) ||
					 queue_open(&sender->outstanding, receipts->count))) {
		sender_close(sender);
		return err_set(err, -ENOMEM, "no memory to track %u datagrams; split the capture",
			       receipts->count);
	}
	return 0;
}

void sender_close(struct sender *sender)
{
	free(sender->held.numbers);
	free(sender->outstanding.numbers);
	sender->held.numbers = sender->outstanding.numbers = NULL;
}

/* The datagram has its receipt, or is presumed lost: its place is free. */
static void land(struct sender *sender, struct datagram *datagram)
{
	sender->in_flight -= !!(datagram->flags & DATAGRAM_IN_FLIGHT);
	datagram->flags &= (uint8_t)~DATAGRAM_IN_FLIGHT;
}

static void take_receipt(struct sender *sender, const struct link_frame *frame)
{
	uint32_t number;
	enum receipt_finding finding =
		receipts_take(sender->receipts, frame->data, frame->data + frame->bytes, &number);
	if (number == RECEIPTS_NO_DATAGRAM)
		return;
	struct datagram *datagram = &sender->receipts->datagrams[number];
	uint64_t sent_ns = datagram->sent_ns;
	land(sender, datagram);
	if (finding == RECEIPT_FINDING_BUSY)
		datagram->sent_ns = frame->arrival_ns; /* the pause counts from here */
	if (finding != RECEIPT_FINDING_FIRST)
		return;
	uint64_t us = frame->arrival_ns > sent_ns ? (frame->arrival_ns - sent_ns) / 1000 : 0;
	latency_add(&sender->latency, us);
	sender->latency_us += ((double)us - sender->latency_us) / 64;
	sender->last_news_ns = frame->arrival_ns;
}

static uint32_t drain(struct sender *sender)
{
	struct link_frame frames[LINK_BATCH];
	uint32_t total = 0, count;
	do {
		count = link_recv(sender->link, frames, LINK_BATCH);
		for (uint32_t i = 0; i < count; i++)
			take_receipt(sender, &frames[i]);
		link_recv_finish(sender->link);
		total += count;
	} while (count == LINK_BATCH && total < 16 * LINK_BATCH);
	return total;
}

/* Stamps the batch's datagrams with the time of this send. */
static void stamp_batch(struct sender *sender, uint64_t now_ns)
{
	for (uint32_t i = 0; i < sender->batch_count; i++)
		if (sender->batch_datagrams[i] != RECEIPTS_NO_DATAGRAM)
			sender->receipts->datagrams[sender->batch_datagrams[i]].sent_ns = now_ns;
	if (!sender->first_sent_ns)
		sender->first_sent_ns = now_ns;
	sender->last_sent_ns = now_ns;
}

static int flush(struct sender *sender, struct err *err)
{
	uint64_t stuck_since_ns = 0;
	uint32_t done = 0;
	stamp_batch(sender, sender_now_ns());
	while (done < sender->batch_count) {
		int sent =
			link_send(sender->link, sender->batch + done, sender->batch_count - done);
		if (sent < 0)
			return err_set(err, sent,
				       "--interface: sending failed: %s; is it still up?",
				       strerror(-sent));
		done += (uint32_t)sent;
		if (sent)
			continue;
		uint64_t now_ns = sender_now_ns();
		stuck_since_ns = stuck_since_ns ? stuck_since_ns : now_ns;
		if (*sender->stop)
			break;
		if (now_ns > stuck_since_ns + STUCK_NS)
			return err_set(err, -ETIMEDOUT,
				       "--interface: it takes no more frames; is its "
				       "other end up?");
		drain(sender);
	}
	sender->frames_sent += done;
	sender->batch_count = 0;
	return 0;
}

/* Last in the queue of those that wait for a receipt. */
static void launch(struct sender *sender, uint32_t number)
{
	struct datagram *datagram = &sender->receipts->datagrams[number];
	queue_push(&sender->outstanding, number);
	datagram->flags |= DATAGRAM_IN_FLIGHT;
	datagram->sent_ns = sender->now_ns; /* flush() knows better, a little later */
	sender->in_flight++;
}

/* Puts the record's frame into the batch and books its datagram, if it is one. */
static int put(struct sender *sender, uint32_t record, struct err *err)
{
	uint32_t number = sender->capture->records[record].datagram;
	struct link_frame *frame = &sender->batch[sender->batch_count];
	frame->data = capture_frame(sender->capture, record);
	frame->bytes = sender->capture->records[record].bytes;
	sender->batch_datagrams[sender->batch_count++] = number;
	if (number != RECEIPTS_NO_DATAGRAM) {
		struct datagram *datagram = &sender->receipts->datagrams[number];
		/* Only the first copy is tracked: a receipt to any of them answers all. */
		if (sender->options->until_receipted && datagram->flags & DATAGRAM_AWAITED &&
		    !datagram->sends)
			launch(sender, number);
		datagram->sends += datagram->sends < UINT16_MAX;
	}
	return sender->batch_count == LINK_BATCH ? flush(sender, err) : 0;
}

static uint64_t due_ns(const struct sender *sender, uint32_t record)
{
	const struct capture_record *records = sender->capture->records;
	if (sender->options->speed == 0 || records[record].stamp_ns <= records[0].stamp_ns)
		return sender->options->start_ns;
	double since_first = (double)(records[record].stamp_ns - records[0].stamp_ns);
	return sender->options->start_ns + (uint64_t)(since_first / sender->options->speed);
}

static bool may_send(const struct sender *sender)
{
	return !sender->options->until_receipted || sender->in_flight < sender->options->in_flight;
}

/* The first pass: what is due, in the capture's order. At most one batch a call. */
static int send_due(struct sender *sender, uint32_t *sent, struct err *err)
{
	const uint64_t now_ns = sender->now_ns;
	int rc = 0;
	for (uint32_t i = 0; rc == 0 && i < LINK_BATCH && sender->next < sender->capture->count;
	     i++) {
		uint64_t at_ns = due_ns(sender, sender->next);
		if (at_ns > now_ns || !may_send(sender))
			break;
		if (sender->options->speed > 0 && now_ns - at_ns > sender->behind_max_ns)
			sender->behind_max_ns = now_ns - at_ns;
		uint32_t number = sender->capture->records[sender->next].datagram;
		if (sender->options->until_receipted && number != RECEIPTS_NO_DATAGRAM &&
		    receipts_blocked(sender->receipts, number)) {
			queue_push(&sender->held, sender->next);
			sender->frames_held++;
		} else {
			rc = put(sender, sender->next, err);
		}
		sender->next++;
		if (sender->options->flood && sender->next == sender->capture->count)
			sender->next = 0;
		sender->last_news_ns = now_ns;
		++*sent;
	}
	return rc;
}

/* Held records whose earlier answer has its receipt now; the others go to the queue's end. */
static int send_held(struct sender *sender, uint32_t *sent, struct err *err)
{
	uint32_t looks = sender->held.count < HELD_PER_LOOP ? sender->held.count : HELD_PER_LOOP;
	int rc = 0;
	for (; rc == 0 && looks && may_send(sender); looks--) {
		uint32_t record = queue_pop(&sender->held);
		if (receipts_blocked(sender->receipts, sender->capture->records[record].datagram)) {
			queue_push(&sender->held, record);
			continue;
		}
		rc = put(sender, record, err);
		++*sent;
	}
	return rc;
}

/* What has been under way for some round trips is presumed lost, for the cap's sake. */
static void age(struct sender *sender)
{
	uint64_t age_ns = (uint64_t)(sender->latency_us * 4000);
	age_ns = age_ns > AGE_NS ? age_ns : AGE_NS;
	for (; sender->aged < sender->outstanding.count; sender->aged++) {
		uint32_t number = queue_at(&sender->outstanding, sender->aged);
		struct datagram *datagram = &sender->receipts->datagrams[number];
		if (!(datagram->flags & DATAGRAM_ANSWERED) &&
		    datagram->sent_ns + age_ns > sender->now_ns)
			break;
		land(sender, datagram);
	}
}

static uint32_t pop_outstanding(struct sender *sender)
{
	uint32_t number = queue_pop(&sender->outstanding);
	sender->aged -= sender->aged > 0;
	return number;
}

/* Resends what has waited long enough, oldest first; forgets what is answered. */
static int resend(struct sender *sender, uint32_t *sent, struct err *err)
{
	uint64_t wait_ns = (uint64_t)(sender->latency_us * 4000);
	wait_ns = wait_ns > RESEND_NS ? wait_ns : RESEND_NS;
	int rc = 0;
	uint32_t looks =
		sender->outstanding.count < LINK_BATCH ? sender->outstanding.count : LINK_BATCH;
	for (; rc == 0 && looks && may_send(sender); looks--) {
		uint32_t number = queue_at(&sender->outstanding, 0);
		struct datagram *datagram = &sender->receipts->datagrams[number];
		bool answered = datagram->flags & DATAGRAM_ANSWERED;
		if (!answered && datagram->sent_ns + wait_ns > sender->now_ns)
			break;
		pop_outstanding(sender);
		if (answered)
			continue;
		land(sender, datagram);
		if (sender->options->rounds && datagram->resends >= sender->options->rounds) {
			datagram->flags |= DATAGRAM_GIVEN_UP;
			continue;
		}
		launch(sender, number);
		datagram->resends += datagram->resends < UINT16_MAX;
		sender->frames_resent++;
		rc = put(sender, datagram->record, err);
		++*sent;
	}
	return rc;
}

static bool done(const struct sender *sender)
{
	const uint64_t now_ns = sender->now_ns;
	const struct receipts *receipts = sender->receipts;
	if (sender->next < sender->capture->count)
		return false;
	if (!sender->options->until_receipted)
		return receipts->answered == receipts->awaited ||
		       now_ns > sender->last_news_ns + LINGER_NS;
	return (sender->held.count == 0 && sender->outstanding.count == 0) ||
	       now_ns > sender->last_news_ns + sender->options->timeout_ns;
}

/*
 * Sleeps rather than polls: a poller would be woken by each receipt, at the cost of whoever sent
 * it.
 */
static void pause_for(uint64_t ns)
{
	const struct timespec pause = {.tv_nsec = (long)(ns < WAIT_MAX_NS ? ns : WAIT_MAX_NS)};
	nanosleep(&pause, NULL);
}

/* Until the next frame of the first pass is due, but never long: resends have no alarm of their
 * own. */
static void rest(struct sender *sender)
{
	uint64_t wait_ns = WAIT_MAX_NS, now_ns = sender_now_ns();
	if (sender->next < sender->capture->count && may_send(sender)) {
		uint64_t at_ns = due_ns(sender, sender->next);
		uint64_t left_ns = at_ns > now_ns ? at_ns - now_ns : 0;
		wait_ns = left_ns < wait_ns ? left_ns : wait_ns;
	}
	if (wait_ns)
		pause_for(wait_ns);
}

static void print_progress(const struct sender *sender, uint64_t now_ns, uint64_t *next_ns)
{
	if (!sender->options->progress || now_ns < *next_ns)
		return;
	fprintf(stderr,
		"sent %" PRIu64 " frames (%u of %u, %" PRIu64 " resent), %u of %u receipted\n",
		sender->frames_sent, sender->next, sender->capture->count, sender->frames_resent,
		sender->receipts->answered, sender->receipts->awaited);
	*next_ns = now_ns + SECOND_NS;
}

/* One turn of the loop. `busy` says whether anything moved. */
static int turn(struct sender *sender, bool *busy, struct err *err)
{
	uint32_t sent = 0;
	int rc = send_due(sender, &sent, err);
	if (rc == 0 && sender->options->until_receipted) {
		age(sender);
		rc = send_held(sender, &sent, err);
		if (rc == 0)
			rc = resend(sender, &sent, err);
	}
	if (rc == 0 && sender->batch_count)
		rc = flush(sender, err);
	uint32_t received = rc ? 0 : drain(sender);
	*busy = sent || received;
	return rc;
}

/* Receipts to the last copies: what they answer has a receipt, but they are counted too. */
static void drain_last(struct sender *sender)
{
	uint64_t quiet_since_ns = sender_now_ns(), now_ns = quiet_since_ns;
	while (now_ns < quiet_since_ns + LAST_NS && now_ns < sender->now_ns + SECOND_NS) {
		if (drain(sender))
			quiet_since_ns = now_ns;
		else
			pause_for(WAIT_MAX_NS);
		now_ns = sender_now_ns();
	}
}

int sender_run(struct sender *sender, struct err *err)
{
	uint64_t progress_ns = 0;
	sender->last_news_ns = sender->options->start_ns;
	for (;;) {
		bool busy;
		sender->now_ns = sender_now_ns();
		if (*sender->stop || done(sender))
			break;
		int rc = turn(sender, &busy, err);
		if (rc)
			return rc;
		print_progress(sender, sender->now_ns, &progress_ns);
		if (!busy)
			rest(sender);
	}
	sender->interrupted = *sender->stop && !sender->options->flood;
	if (!sender->interrupted)
		drain_last(sender);
	sender->missed = link_missed(sender->link);
	return 0;
}
