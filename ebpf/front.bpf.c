/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * The XDP front: the first program that sees a packet of a shared NIC.
 *
 * It judges rules 1 to 3 with classify(), turns away tenants that are not in the keyring, answers
 * version negotiation from the same buffer, and hands votes to the AF_XDP socket of the queue they
 * came in on. What is not for the vote port goes on to the host's own stack untouched. Every packet
 * is counted once, on its own CPU. front.c loads and attaches it and writes its maps;
 * wire/front_maps.h describes them, docs/front.md shows them at work.
 *
 * It never checks a tag, keeps no state between packets, and never hands the vote port to the host.
 *
 * The names xsk_def_prog, xsks_map and xsk_prog_version are those of libxdp's own program: a port's
 * socket finds a program of that name on the interface and enters itself in its map.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "ebpf/reply.h"
#include "wire/front_maps.h"

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, FRONT_MAX_QUEUES);
	__type(key, uint32_t);
	__type(value, uint32_t);
} xsks_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct front_config);
} front_config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FRONT_MAX_KEYS);
	__type(key, struct front_key);
	__type(value, uint8_t);
} front_keys SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FRONT_COUNTERS);
	__type(key, uint32_t);
	__type(value, uint64_t);
} front_counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FRONT_MAX_QUEUES);
	__type(key, uint32_t);
	__type(value, uint64_t);
} front_steered SEC(".maps");

/* A negotiation's question and answer, copied out of the packet so that an index can be masked. */
struct scratch {
	uint8_t request[NEGOTIATION_BUFFER_BYTES];
	uint8_t answer[NEGOTIATION_BUFFER_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct scratch);
} front_scratch SEC(".maps");

__uint(xsk_prog_version, 1) SEC("xdp_metadata");

#define packet_data(ctx) ((uint8_t *)(uintptr_t)(ctx)->data)
#define packet_end(ctx)  ((uint8_t *)(uintptr_t)(ctx)->data_end)

/* Counts the packet where it ended and gives what XDP shall do with it. */
CLASSIFY_INLINE int finish(uint32_t counter, int action)
{
	uint64_t *count = bpf_map_lookup_elem(&front_counters, &counter);
	if (count)
		(*count)++;
	return action;
}

/* Rule 4, the half of it that needs no secret: is there a key of this tenant and epoch? */
CLASSIFY_INLINE bool key_is_known(const struct vote_packet *vote)
{
	struct front_key key = {.tenant_be = vote->cid.tenant_be, .key_epoch = vote->key_epoch};
	return bpf_map_lookup_elem(&front_keys, &key);
}

/* To the socket of the packet's own queue; the helper gives XDP_DROP where that slot is empty. */
CLASSIFY_INLINE int steer(struct xdp_md *ctx)
{
	uint32_t queue = ctx->rx_queue_index;
	if (bpf_redirect_map(&xsks_map, queue, XDP_DROP) != XDP_REDIRECT)
		return finish(FRONT_MISSED, XDP_DROP);
	uint64_t *steered = bpf_map_lookup_elem(&front_steered, &queue);
	if (steered)
		(*steered)++;
	return finish(FRONT_STEERED, XDP_REDIRECT);
}

/* Rule 2: the answer takes the question's place, the frame shrinks to it and goes back. */
CLASSIFY_INLINE bool negotiate(struct xdp_md *ctx, const struct frame *frame)
{
	uint32_t zero = 0;
	uint32_t payload_offset = frame->payload_offset & FRAME_OFFSET_MASK;
	struct scratch *scratch = bpf_map_lookup_elem(&front_scratch, &zero);
	if (!scratch ||
	    bpf_xdp_load_bytes(ctx, payload_offset, scratch->request, NEGOTIATION_REQUEST_BYTES))
		return false;
	uint32_t answer_bytes = negotiation_write(scratch->request, scratch->answer);
	if (answer_bytes == 0 || answer_bytes > NEGOTIATION_MAX_BYTES ||
	    bpf_xdp_store_bytes(ctx, payload_offset, scratch->answer, answer_bytes))
		return false;
	int32_t frame_bytes = (int32_t)bpf_xdp_get_buff_len(ctx);
	if (bpf_xdp_adjust_tail(ctx, (int32_t)(payload_offset + answer_bytes) - frame_bytes))
		return false;
	uint64_t sum = checksum_bytes(scratch->answer, answer_bytes,
				      scratch->answer + sizeof(scratch->answer));
	return reply_turn(packet_data(ctx), packet_end(ctx), frame, (uint16_t)answer_bytes, sum);
}

SEC("xdp")
int xsk_def_prog(struct xdp_md *ctx)
{
	uint32_t zero = 0;
	const struct front_config *config = bpf_map_lookup_elem(&front_config, &zero);
	if (!config)
		return XDP_PASS;

	uint8_t *data = packet_data(ctx);
	uint8_t *end = packet_end(ctx);
	struct frame frame = {0};
	enum verdict verdict = classify(data, end, config->vote_port_be, &frame);
	if (verdict == VERDICT_PASSED)
		return finish(VERDICT_PASSED, XDP_PASS);
	if (verdict == VERDICT_NEGOTIATED && negotiate(ctx, &frame))
		return finish(VERDICT_NEGOTIATED, XDP_TX);
	if (verdict != VERDICT_NONE)
		return finish(VERDICT_MALFORMED, XDP_DROP);

	const struct vote_packet *vote =
		(void *)(data + (frame.payload_offset & FRAME_OFFSET_MASK));
	if ((const uint8_t *)(vote + 1) > end)
		return finish(VERDICT_MALFORMED, XDP_DROP);
	return key_is_known(vote) ? steer(ctx) : finish(VERDICT_UNKNOWN_KEY, XDP_DROP);
}

char _license[] SEC("license") = "Dual BSD/GPL";
