/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A link over AF_PACKET: sendmmsg() past the queueing discipline on one socket, a memory-mapped
 * ring of receipts on another. Works on any Ethernet interface; needs CAP_NET_RAW.
 *
 * A socket filter lets only the receipt port's datagrams up. The kernel takes an outer VLAN tag out
 * of what comes in and keeps it beside the frame; an inner one stays, so the filter looks past one.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include "perf/link.h"
#include "wire/byte_order.h"

/* With the ring's own header. */
#define RECEIPT_SLOT_BYTES 256
#define NOTICE_SLOT_BYTES  512
#define BLOCK_BYTES        (1u << 20)
#define RING_BLOCKS        64 /* 64 MB: 262,144 receipts, half as many notices */
#define SEND_BUFFER        (4 << 20)

struct packet_link {
	int send_fd;
	int recv_fd;
	uint8_t *ring;
	size_t ring_bytes;
	uint32_t slot_bytes;
	uint32_t slots;
	uint32_t next;  /* slot to look at next */
	uint32_t taken; /* slots handed out since the last finish */
	uint64_t missed;
};

static int open_error(struct err *err, const char *interface, int error)
{
	if (error == EPERM || error == EACCES)
		return err_set(err, -error,
			       "--interface: no permission to send raw frames on '%s'; run "
			       "as root or give CAP_NET_RAW",
			       interface);
	return err_set(err, -error, "--interface: cannot open '%s': %s", interface,
		       strerror(error));
}

static int bind_to(int fd, int ifindex, uint16_t protocol)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = be16(protocol),
		.sll_ifindex = ifindex,
	};
	return bind(fd, (struct sockaddr *)&address, sizeof(address));
}

/* Only receipts come up, whether or not a VLAN tag is left in the frame. */
static int set_filter(int fd, uint16_t port)
{
	char text[96];
	struct bpf_program program;
	snprintf(text, sizeof(text), "udp src port %u or (vlan and udp src port %u)", port, port);
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 65535);
	if (!pcap)
		return -1;
	int rc = pcap_compile(pcap, &program, text, 1, PCAP_NETMASK_UNKNOWN);
	pcap_close(pcap);
	if (rc) {
		errno = EINVAL;
		return -1;
	}
	/* The two structs have the same layout: libpcap's is older. */
	struct sock_fprog filter = {
		.len = (unsigned short)program.bf_len,
		.filter = (struct sock_filter *)program.bf_insns,
	};
	rc = setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter));
	pcap_freecode(&program);
	return rc;
}

/* The largest ring that the kernel has memory for. */
static int set_ring(struct packet_link *packet)
{
	int version = TPACKET_V2, rc = -1;
	if (setsockopt(packet->recv_fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)))
		return -1;
	for (uint32_t blocks = RING_BLOCKS; rc && blocks; blocks /= 2) {
		struct tpacket_req request = {
			.tp_block_size = BLOCK_BYTES,
			.tp_block_nr = blocks,
			.tp_frame_size = packet->slot_bytes,
			.tp_frame_nr = blocks * (BLOCK_BYTES / packet->slot_bytes),
		};
		rc = setsockopt(packet->recv_fd, SOL_PACKET, PACKET_RX_RING, &request,
				sizeof(request));
		packet->slots = request.tp_frame_nr;
		packet->ring_bytes = (size_t)blocks * BLOCK_BYTES;
	}
	if (rc)
		return -1;
	packet->ring = mmap(NULL, packet->ring_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
			    packet->recv_fd, 0);
	if (packet->ring == MAP_FAILED) {
		packet->ring = NULL;
		return -1;
	}
	return 0;
}

static int open_sockets(struct packet_link *packet, int ifindex, uint16_t port)
{
	int one = 1, buffer = SEND_BUFFER;
	/* Protocol 0: nothing comes in before bind() says what. */
	packet->send_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	packet->recv_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (packet->send_fd < 0 || packet->recv_fd < 0)
		return -1;
	setsockopt(packet->send_fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	setsockopt(packet->send_fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer));
	setsockopt(packet->recv_fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
	if (set_filter(packet->recv_fd, port) || set_ring(packet))
		return -1;
	return bind_to(packet->send_fd, ifindex, 0) || bind_to(packet->recv_fd, ifindex, ETH_P_ALL)
		       ? -1
		       : 0;
}

static void packet_close(struct link *link)
{
	struct packet_link *packet = link->state;
	if (packet->ring)
		munmap(packet->ring, packet->ring_bytes);
	if (packet->recv_fd >= 0)
		close(packet->recv_fd);
	if (packet->send_fd >= 0)
		close(packet->send_fd);
	free(packet);
	link->state = NULL;
}

static int packet_open(struct link *link, const struct link_options *options, struct err *err)
{
	struct packet_link *packet = calloc(1, sizeof(*packet));
	if (!packet)
		return err_set(err, -ENOMEM, "--interface: no memory to open '%s'",
			       options->interface);
	packet->send_fd = packet->recv_fd = -1;
	packet->slot_bytes = options->notices ? NOTICE_SLOT_BYTES : RECEIPT_SLOT_BYTES;
	link->state = packet;
	if (open_sockets(packet, link->ifindex, options->receipt_port)) {
		int error = errno;
		packet_close(link);
		return open_error(err, options->interface, error);
	}
	return 0;
}

static int packet_send(void *state, const struct link_frame *frames, uint32_t count)
{
	struct packet_link *packet = state;
	struct iovec parts[LINK_BATCH];
	struct mmsghdr messages[LINK_BATCH];
	memset(messages, 0, count * sizeof(messages[0]));
	for (uint32_t i = 0; i < count; i++) {
		parts[i] = (struct iovec){.iov_base = frames[i].data, .iov_len = frames[i].bytes};
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	int sent = sendmmsg(packet->send_fd, messages, count, MSG_DONTWAIT);
	if (sent >= 0)
		return sent;
	/* No room in the driver's queue or in the socket's buffer: that passes. */
	return errno == EAGAIN || errno == ENOBUFS || errno == EINTR ? 0 : -errno;
}

static uint32_t packet_recv(void *state, struct link_frame *frames, uint32_t max)
{
	struct packet_link *packet = state;
	uint32_t count = 0;
	for (; count < max; count++) {
		uint32_t slot = (packet->next + packet->taken) % packet->slots;
		struct tpacket2_hdr *header =
			(void *)(packet->ring + (size_t)slot * packet->slot_bytes);
		if (!(__atomic_load_n(&header->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
			break;
		frames[count] = (struct link_frame){
			.data = (uint8_t *)header + header->tp_mac,
			.bytes = header->tp_snaplen,
			.arrival_ns = (uint64_t)header->tp_sec * 1000000000u + header->tp_nsec,
		};
		packet->taken++;
	}
	return count;
}

static void packet_recv_finish(void *state)
{
	struct packet_link *packet = state;
	for (; packet->taken; packet->taken--) {
		struct tpacket2_hdr *header =
			(void *)(packet->ring + (size_t)packet->next * packet->slot_bytes);
		__atomic_store_n(&header->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		packet->next = (packet->next + 1) % packet->slots;
	}
}

static uint64_t packet_missed(void *state)
{
	struct packet_link *packet = state;
	struct tpacket_stats stats;
	socklen_t bytes = sizeof(stats);
	/* Reading sets the kernel's count back to 0. */
	if (getsockopt(packet->recv_fd, SOL_PACKET, PACKET_STATISTICS, &stats, &bytes) == 0)
		packet->missed += stats.tp_drops;
	return packet->missed;
}

const struct link_ops link_packet_ops = {
	.name = "af_packet",
	.open = packet_open,
	.close = packet_close,
	.send = packet_send,
	.recv = packet_recv,
	.recv_finish = packet_recv_finish,
	.missed = packet_missed,
};
