/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sender's end of a wire: frames out in batches, receipts in from a ring. AF_PACKET works
 * everywhere; AF_XDP bypasses the sender's own network stack. One thread.
 */
#ifndef TALLYWIRE_PERF_LINK_H
#define TALLYWIRE_PERF_LINK_H

#include <stdbool.h>
#include <stdint.h>
#include "dataplane/core/err.h"

#define LINK_BATCH 64 /* most frames of one send or receive */

struct link_options {
	const char *interface;
	uint32_t queue;        /* AF_XDP only */
	uint16_t receipt_port; /* UDP source port of what is wanted back */
	bool notices;          /* what comes back may be longer than a receipt */
};

/* A frame to be sent, or one that came in; what came in stays valid until link_recv_finish(). */
struct link_frame {
	uint8_t *data;
	uint32_t bytes;
	uint64_t arrival_ns; /* UTC; only where it came in */
};

struct link;

/* One kind of link; link_packet.c and link_xdp.c have one each. */
struct link_ops {
	const char *name;
	int (*open)(struct link *link, const struct link_options *options, struct err *err);
	void (*close)(struct link *link);
	/* As link_send(), link_recv(), …; `state` is the kind's own. */
	int (*send)(void *state, const struct link_frame *frames, uint32_t count);
	uint32_t (*recv)(void *state, struct link_frame *frames, uint32_t max);
	void (*recv_finish)(void *state);
	uint64_t (*missed)(void *state);
};

struct link {
	const struct link_ops *ops;
	void *state;
	int ifindex; /* of the interface */
	uint32_t mtu;
	uint8_t mac[6];
};

extern const struct link_ops link_packet_ops;
extern const struct link_ops link_xdp_ops;

/* Checks that the interface exists, is up and is Ethernet, then opens it. 0 or -errno. */
int link_open(struct link *link, const struct link_ops *ops, const struct link_options *options,
	      struct err *err);
void link_close(struct link *link);

/* Sends up to `count` (at most LINK_BATCH) frames in order. How many were taken, 0 where there is
 * no room just now, or -errno. */
int link_send(struct link *link, const struct link_frame *frames, uint32_t count);

/* Up to `max` (at most LINK_BATCH) frames; after them link_recv_finish() gives their memory back.
 */
uint32_t link_recv(struct link *link, struct link_frame *frames, uint32_t max);
void link_recv_finish(struct link *link);

/* Frames that the receiving ring had no room for. */
uint64_t link_missed(struct link *link);

#endif
