/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kernel dropped between the front and the ports: packets that were steered to an AF_XDP
 * socket of this process and did not get in. DPDK's imissed leaves most of them out.
 *
 * Called by whoever writes a snapshot, after the ports were started. Any thread, one at a time.
 */
#ifndef TALLYWIRE_EBPF_XSK_LOSSES_H
#define TALLYWIRE_EBPF_XSK_LOSSES_H

#include <stdint.h>

#define XSK_LOSSES_MAX_SOCKETS 256

/* The process's own AF_XDP sockets. The descriptors belong to the ports: they are read, never
 * closed. */
struct xsk_losses {
	uint32_t count;
	int fds[XSK_LOSSES_MAX_SOCKETS];
};

/*
 * Finds the AF_XDP sockets among this process's descriptors; call it again when ports come or go.
 * Returns 0, also where there are none, or -errno.
 */
int xsk_losses_open(struct xsk_losses *losses);

/*
 * Adds up what all of them lost since they were made, in packets. Returns -errno where a socket is
 * gone.
 *
 * Counted (net/xdp/xsk.c): rx_dropped, packets for which there was no room in UMEM, the fill ring
 * being empty, or which were larger than a chunk; rx_ring_full, packets whose buffer had been taken
 * when the receive ring turned out full. Each lost packet is in exactly one of the two. Not
 * counted: rx_fill_ring_empty_descs, which repeats the first of them (and in zero-copy mode counts
 * attempts to refill, not packets), and rx_invalid_descs, which counts descriptors.
 */
int xsk_losses_read(const struct xsk_losses *losses, uint64_t *packets);

#endif
