/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A link over AF_XDP in copy mode, with libxdp's own program on one queue of the interface: all
 * that comes in on that queue comes here, past the sender's network stack.
 *
 * Frames bear no stamp of their own here: they arrived when they were fetched, so latencies include
 * the sender's loop. The UMEM's lower half belongs to sending, its upper half to receiving. Needs
 * CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF; the program leaves with the socket.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_xdp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <xdp/libxdp.h>
#include <xdp/xsk.h>
#include "ebpf/xsk_losses.h"
#include "perf/link.h"

#define RING_FRAMES 4096
#define FRAME_BYTES 2048
#define AREA_BYTES  ((size_t)2 * RING_FRAMES * FRAME_BYTES)

struct xdp_link {
	struct xsk_ring_prod fill, tx;
	struct xsk_ring_cons completion, rx;
	struct xsk_umem *umem;
	struct xsk_socket *socket;
	uint8_t *area;
	uint64_t free_frames[RING_FRAMES]; /* of the sending half, a stack */
	uint32_t free_count;
	uint32_t taken; /* received and not finished */
};

static int silent_xdp(enum libxdp_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static int silent_bpf(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static int open_error(struct err *err, const struct link_options *options, int error)
{
	if (error == EPERM || error == EACCES)
		return err_set(
			err, -error,
			"--via af_xdp: no permission on '%s'; run as root or give CAP_NET_RAW, "
			"CAP_NET_ADMIN and CAP_BPF",
			options->interface);
	if (error == EBUSY)
		return err_set(
			err, -error,
			"--via af_xdp: queue %u of '%s' is in use; choose another --queue or "
			"`ip link set %s xdp off`",
			options->queue, options->interface, options->interface);
	return err_set(err, -error,
		       "--via af_xdp: cannot open queue %u of '%s': %s; try --via af_packet",
		       options->queue, options->interface, strerror(error));
}

/* The receiving half, all of it, for the kernel to fill. */
static void give_receive_frames(struct xdp_link *xdp)
{
	uint32_t at;
	uint32_t count = xsk_ring_prod__reserve(&xdp->fill, RING_FRAMES, &at);
	for (uint32_t i = 0; i < count; i++)
		*xsk_ring_prod__fill_addr(&xdp->fill, at + i) =
			(uint64_t)(RING_FRAMES + i) * FRAME_BYTES;
	xsk_ring_prod__submit(&xdp->fill, count);
}

static int open_socket(struct xdp_link *xdp, const struct link_options *options)
{
	const struct xsk_umem_config umem_config = {
		.fill_size = RING_FRAMES,
		.comp_size = RING_FRAMES,
		.frame_size = FRAME_BYTES,
	};
	const struct xsk_socket_config config = {
		.rx_size = RING_FRAMES,
		.tx_size = RING_FRAMES,
		.bind_flags = XDP_COPY | XDP_USE_NEED_WAKEUP,
	};
	xdp->area =
		mmap(NULL, AREA_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (xdp->area == MAP_FAILED) {
		xdp->area = NULL;
		return -ENOMEM;
	}
	int rc = xsk_umem__create(&xdp->umem, xdp->area, AREA_BYTES, &xdp->fill, &xdp->completion,
				  &umem_config);
	if (rc == 0)
		rc = xsk_socket__create(&xdp->socket, options->interface, options->queue, xdp->umem,
					&xdp->rx, &xdp->tx, &config);
	return rc;
}

static void xdp_close(struct link *link)
{
	struct xdp_link *xdp = link->state;
	if (xdp->socket)
		xsk_socket__delete(xdp->socket);
	if (xdp->umem)
		xsk_umem__delete(xdp->umem);
	if (xdp->area)
		munmap(xdp->area, AREA_BYTES);
	free(xdp);
	link->state = NULL;
}

static int xdp_open(struct link *link, const struct link_options *options, struct err *err)
{
	/* Kernels before 5.11 charge rings and maps to this limit. */
	const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	struct xdp_link *xdp = calloc(1, sizeof(*xdp));
	if (!xdp)
		return open_error(err, options, ENOMEM);
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	setenv("LIBXDP_OBJECT_PATH", LIBXDP_OBJECT_DIR, 0);
	libxdp_set_print(silent_xdp);
	libbpf_set_print(silent_bpf);
	link->state = xdp;
	int rc = open_socket(xdp, options);
	if (rc) {
		xdp_close(link);
		return open_error(err, options, -rc);
	}
	for (uint32_t i = 0; i < RING_FRAMES; i++)
		xdp->free_frames[xdp->free_count++] = (uint64_t)i * FRAME_BYTES;
	give_receive_frames(xdp);
	if (link->mtu > FRAME_BYTES)
		link->mtu = FRAME_BYTES - 256;
	return 0;
}

/* Takes back the frames that went out. */
static void reclaim(struct xdp_link *xdp)
{
	uint32_t at;
	uint32_t count = xsk_ring_cons__peek(&xdp->completion, RING_FRAMES, &at);
	for (uint32_t i = 0; i < count; i++)
		xdp->free_frames[xdp->free_count++] =
			*xsk_ring_cons__comp_addr(&xdp->completion, at + i);
	xsk_ring_cons__release(&xdp->completion, count);
}

/* In copy mode the kernel sends only when told to, some 32 frames at a time. */
static int kick(struct xdp_link *xdp)
{
	for (int rounds = 0; rounds < 4 && xsk_ring_prod__needs_wakeup(&xdp->tx); rounds++) {
		int sent = (int)sendto(xsk_socket__fd(xdp->socket), NULL, 0, MSG_DONTWAIT, NULL, 0);
		if (sent < 0 && errno != EAGAIN && errno != EBUSY && errno != ENOBUFS &&
		    errno != EINTR)
			return -errno;
		reclaim(xdp);
		if (xdp->free_count == RING_FRAMES)
			break;
	}
	return 0;
}

static int xdp_send(void *state, const struct link_frame *frames, uint32_t count)
{
	struct xdp_link *xdp = state;
	uint32_t at;
	reclaim(xdp);
	if (count > xdp->free_count)
		count = xdp->free_count;
	if (count && xsk_ring_prod__reserve(&xdp->tx, count, &at) != count)
		count = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct xdp_desc *descriptor = xsk_ring_prod__tx_desc(&xdp->tx, at + i);
		descriptor->addr = xdp->free_frames[--xdp->free_count];
		descriptor->len = frames[i].bytes;
		descriptor->options = 0;
		memcpy(xdp->area + descriptor->addr, frames[i].data, frames[i].bytes);
	}
	if (count)
		xsk_ring_prod__submit(&xdp->tx, count);
	int rc = kick(xdp);
	return rc ? rc : (int)count;
}

static uint32_t xdp_recv(void *state, struct link_frame *frames, uint32_t max)
{
	struct xdp_link *xdp = state;
	struct timespec now;
	uint32_t at;
	/* Frames left in the ring by a full device go out now at the latest. */
	if (xdp->free_count < RING_FRAMES)
		kick(xdp);
	uint32_t count = xsk_ring_cons__peek(&xdp->rx, max, &at);
	if (!count)
		return 0;
	clock_gettime(CLOCK_REALTIME, &now);
	for (uint32_t i = 0; i < count; i++) {
		const struct xdp_desc *descriptor = xsk_ring_cons__rx_desc(&xdp->rx, at + i);
		frames[i] = (struct link_frame){
			.data = xdp->area + descriptor->addr,
			.bytes = descriptor->len,
			.arrival_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec,
		};
	}
	xdp->taken = count;
	return count;
}

/* The same frames go back for the kernel to fill; the fill ring holds them all. */
static void xdp_recv_finish(void *state)
{
	struct xdp_link *xdp = state;
	uint32_t at, from = xdp->rx.cached_cons - xdp->taken;
	if (!xdp->taken || xsk_ring_prod__reserve(&xdp->fill, xdp->taken, &at) != xdp->taken)
		return;
	for (uint32_t i = 0; i < xdp->taken; i++)
		*xsk_ring_prod__fill_addr(&xdp->fill, at + i) =
			xsk_ring_cons__rx_desc(&xdp->rx, from + i)->addr / FRAME_BYTES *
			FRAME_BYTES;
	xsk_ring_prod__submit(&xdp->fill, xdp->taken);
	xsk_ring_cons__release(&xdp->rx, xdp->taken);
	xdp->taken = 0;
}

static uint64_t xdp_missed(void *state)
{
	struct xdp_link *xdp = state;
	const struct xsk_losses socket = {.count = 1, .fds = {xsk_socket__fd(xdp->socket)}};
	uint64_t packets = 0;
	return xsk_losses_read(&socket, &packets) ? 0 : packets;
}

const struct link_ops link_xdp_ops = {
	.name = "af_xdp",
	.open = xdp_open,
	.close = xdp_close,
	.send = xdp_send,
	.recv = xdp_recv,
	.recv_finish = xdp_recv_finish,
	.missed = xdp_missed,
};
