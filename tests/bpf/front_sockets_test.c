/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The front and an AF_XDP socket as a port opens it, through libxdp: the socket finds its way into
 * the front's map by itself, and every vote that was steered is in its ring or in its losses.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xdp/libxdp.h>
#include <xdp/xsk.h>
#include "ebpf/xsk_losses.h"
#include "tests/bpf/veth.h"
#include "tests/lib/frames.h"

#define CHUNK_BYTES 2048
#define CHUNKS      256
#define SENT        100

struct port {
	struct xsk_umem *umem;
	struct xsk_socket *socket;
	struct xsk_ring_prod fill;
	struct xsk_ring_cons completion;
	struct xsk_ring_cons rx;
	void *memory;
};

/* A socket on queue 0 with this much room; `chunks` of its buffers are the kernel's to fill. */
static void port_open(struct port *port, uint32_t rx_ring, uint32_t chunks)
{
	const size_t bytes = CHUNKS * CHUNK_BYTES;
	const struct xsk_umem_config umem = {
		.fill_size = CHUNKS, .comp_size = CHUNKS, .frame_size = CHUNK_BYTES};
	const struct xsk_socket_config config = {.rx_size = rx_ring, .bind_flags = XDP_COPY};
	libxdp_set_print(NULL); /* it says on close that it leaves the program alone: just so */
	setenv("LIBXDP_OBJECT_PATH", "/usr/lib/x86_64-linux-gnu/bpf", 0);
	port->memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(port->memory, MAP_FAILED);
	int rc = xsk_umem__create(&port->umem, port->memory, bytes, &port->fill, &port->completion,
				  &umem);
	if (rc)
		cr_skip_test("no AF_XDP sockets on this machine: %s", strerror(-rc));
	rc = xsk_socket__create(&port->socket, veth_name(), 0, port->umem, &port->rx, NULL,
				&config);
	cr_assert_eq(rc, 0, "%s", strerror(-rc));

	uint32_t at = 0;
	cr_assert_eq(xsk_ring_prod__reserve(&port->fill, chunks, &at), chunks);
	for (uint32_t i = 0; i < chunks; i++)
		*xsk_ring_prod__fill_addr(&port->fill, at + i) = (uint64_t)i * CHUNK_BYTES;
	xsk_ring_prod__submit(&port->fill, chunks);
}

static void port_close(struct port *port)
{
	xsk_socket__delete(port->socket);
	xsk_umem__delete(port->umem);
	munmap(port->memory, CHUNKS * CHUNK_BYTES);
}

static void send_votes(uint32_t times)
{
	const struct frames_plan vote = {0};
	uint8_t frame[FRAMES_MAX_BYTES];
	veth_send(frame, frames_build(&vote, frame), times);
}

static struct front_counts counts_of(struct front *front)
{
	struct front_counts counts;
	cr_assert_eq(front_read(front, &counts), 0);
	return counts;
}

static void check_conserved(uint32_t rx_ring, uint32_t chunks, uint32_t received, uint32_t lost)
{
	struct err err;
	struct front *front;
	struct port port;
	struct xsk_losses losses;
	uint64_t packets;
	uint32_t at = 0;
	veth_open();
	struct front_options options = veth_options();
	cr_assert_eq(front_attach(&options, &front, &err), 0, "%s", err.text);
	port_open(&port, rx_ring, chunks);
	cr_assert_eq(xsk_losses_open(&losses), 0);
	cr_expect_eq(losses.count, 1);

	send_votes(SENT);
	struct front_counts counts = counts_of(front);
	cr_expect_eq(counts.counters[FRONT_STEERED], SENT);
	cr_expect_eq(counts.steered[0], SENT);
	cr_expect_eq(counts.counters[FRONT_MISSED], 0);
	cr_expect_eq(xsk_ring_cons__peek(&port.rx, SENT, &at), received);
	cr_assert_eq(xsk_losses_read(&losses, &packets), 0);
	cr_expect_eq(packets, lost);

	port_close(&port);
	send_votes(5);
	cr_expect_eq(counts_of(front).counters[FRONT_MISSED], 5, "its slot is empty again");
	front_detach(front, false);
}

Test(front_sockets, steers_votes_to_a_port)
{
	check_conserved(128, 128, SENT, 0);
}

Test(front_sockets, counts_what_a_full_ring_lost)
{
	check_conserved(32, 128, 32, SENT - 32);
}

Test(front_sockets, counts_what_found_no_buffer)
{
	check_conserved(128, 24, 24, SENT - 24);
}
