/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * The XDP front: the first program that sees a packet of a shared NIC.
 *
 * It judges rules 1 to 3 with classify(), turns away tenants that are not in the keyring, holds the
 * others to their budgets and queues, answers version negotiation from the same buffer, and hands
 * votes to the AF_XDP socket of the queue they came in on. What is not for the vote port goes on to
 * the host's own stack untouched. Every packet is counted once, on its own CPU. front.c loads and
 * attaches it, front_tenants.c writes what it knows of tenants; wire/front_maps.h describes the
 * maps, docs/front.md shows them at work.
 *
 * It never checks a tag, keeps nothing between packets but counts and budgets, and never hands the
 * vote port to the host.
 *
 * The names xsk_def_prog, xsks_map and xsk_prog_version are those of libxdp's own program: a port's
 * socket finds a program of that name on the interface and enters itself in its map.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "ebpf/police.bpf.h"
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
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, uint32_t);
	__type(value, struct front_config);
} front_config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, uint32_t);
	__type(value, struct front_rows);
} front_rows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FRONT_TENANT_ROWS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, uint32_t);
	__type(value, struct front_tenant);
} front_tenants SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FRONT_TENANT_ROWS);
	__type(key, uint32_t);
	__type(value, struct front_share);
} front_shares SEC(".maps");

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

/*
 * The row of the vote's tenant; row 0, which has no key, where there is none. The compiler knows
 * that the mask changes nothing and the verifier of Linux 6.1 does not, for it loses track of a
 * number that is put together from bytes: so the mask is hidden from the one for the other.
 */
CLASSIFY_INLINE uint32_t row_of(const struct vote_packet *vote)
{
	uint32_t zero = 0;
	uint64_t tenant_be = vote->cid.tenant_be;
	__asm__("" : "+r"(tenant_be));
	const struct front_rows *rows = bpf_map_lookup_elem(&front_rows, &zero);
	return rows ? POLICE_READ(rows->row[tenant_be & (FRONT_TENANT_IDS - 1)]) : 0;
}

/* Rule 4, the half of it that needs no secret: is there a key of this tenant and epoch? */
CLASSIFY_INLINE bool key_is_known(const struct front_tenant *tenant, uint8_t epoch)
{
	return POLICE_READ(tenant->epochs[epoch / 64]) >> (epoch % 64) & 1;
}

/* Whether the queue is the one tenant's alone, and this is another. */
CLASSIFY_INLINE bool is_anothers_queue(const struct front_config *config, uint32_t queue,
				       uint16_t tenant_be)
{
	uint32_t owner = queue < FRONT_MAX_QUEUES ? POLICE_READ(config->owners[queue]) : 0;
	return owner && owner != (FRONT_OWNED | tenant_be);
}

/* Whether the vote may pass: it is on a queue open to its tenant, and within its budget. */
CLASSIFY_INLINE bool may_pass(struct front_tenant *tenant, uint32_t row, bool anothers_queue)
{
	uint32_t limit = POLICE_READ(tenant->limit);
	if (!anothers_queue && !(limit & FRONT_LIMITED))
		return true;
	struct front_share *share = bpf_map_lookup_elem(&front_shares, &row);
	if (!share)
		return false;
	if (!anothers_queue && police_spend(tenant, share, limit))
		return true;
	share->policed++;
	return false;
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
	uint32_t row = row_of(vote);
	struct front_tenant *tenant = bpf_map_lookup_elem(&front_tenants, &row);
	if (!tenant || !key_is_known(tenant, vote->key_epoch))
		return finish(VERDICT_UNKNOWN_KEY, XDP_DROP);
	bool anothers = is_anothers_queue(config, ctx->rx_queue_index, vote->cid.tenant_be);
	if (!may_pass(tenant, row, anothers))
		return finish(VERDICT_POLICED, XDP_DROP);
	return steer(ctx);
}

char _license[] SEC("license") = "Dual BSD/GPL";
