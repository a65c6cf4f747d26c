/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * The XDP front: the first program that sees a packet of a shared NIC.
 *
 * It judges rules 1 to 3 with classify(), turns away tenants that are not in the keyring, polices
 * sources, holds tenants to their budgets and queues, answers version negotiation from the same
 * buffer, and hands votes to the AF_XDP socket of the queue they came in on. What is not for the
 * vote port goes on to the host's own stack untouched. Every packet is counted once, on its own
 * CPU. front.c loads and attaches it, front_tenants.c writes what it knows of tenants and
 * front_sources.c of sources; wire/front_maps.h and front_sources.h describe the maps,
 * docs/front.md shows them at work.
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
#include "ebpf/sources.bpf.h"
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
	__uint(max_entries, FRONT_COUNTER_ENTRIES);
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

/* The packet ends here, policed by this rule, which has the counter. */
CLASSIFY_INLINE int police(const struct front_police *rules, const struct source *whole,
			   enum front_rule rule)
{
	uint32_t counter = FRONT_COUNTERS + rule;
	uint64_t *count = bpf_map_lookup_elem(&front_counters, &counter);
	if (count && (*count)++ % FRONT_TALKER_SAMPLE == 0)
		note_talker(rules, whole, rule);
	return XDP_DROP;
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

/* The rules about tenants: the queue is open to this one, and it is within its budget. */
CLASSIFY_INLINE enum front_rule judge_tenant(struct front_tenant *tenant, uint32_t row,
					     bool anothers_queue)
{
	uint32_t limit = POLICE_READ(tenant->limit);
	if (!anothers_queue && !(limit & FRONT_LIMITED))
		return FRONT_RULE_NONE;
	struct front_share *share = bpf_map_lookup_elem(&front_shares, &row);
	if (share && !anothers_queue && police_spend(tenant, share, limit))
		return FRONT_RULE_NONE;
	if (share)
		share->policed++;
	return anothers_queue ? FRONT_RULE_QUEUE : FRONT_RULE_TENANT;
}

/* The packet's source, whole. An IP header begins at 14, 18 or 22. */
CLASSIFY_INLINE bool read_source(const uint8_t *data, const uint8_t *end, const struct frame *frame,
				 struct source *source)
{
	const uint8_t *l3 = data + (frame->l3_offset & 0x1F);
	if (l3 + sizeof(struct ipv4_header) > end)
		return false;
	if (frame->ip_version == 4) {
		*source = source_ipv4(l3);
		return true;
	}
	if (l3 + sizeof(struct ipv6_header) > end)
		return false;
	*source = source_ipv6(l3);
	return true;
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

/* A vote or a watch, and where in the maps its tenant is. */
struct known_vote {
	struct front_tenant *tenant; /* NULL: it is no vote, but asks for negotiation */
	uint32_t row;
	uint16_t tenant_be;
};

/* False: no key of this tenant and epoch is known. */
CLASSIFY_INLINE bool find_tenant(const struct vote_packet *vote, struct known_vote *known)
{
	known->row = row_of(vote);
	known->tenant_be = vote->cid.tenant_be;
	known->tenant = bpf_map_lookup_elem(&front_tenants, &known->row);
	return known->tenant && key_is_known(known->tenant, vote->key_epoch);
}

/* What would be answered or steered, unless a rule is against it. */
CLASSIFY_INLINE int admit(struct xdp_md *ctx, const struct front_config *config,
			  const struct frame *frame, const struct known_vote *known)
{
	uint32_t zero = 0;
	struct source whole;
	const struct front_police *rules = bpf_map_lookup_elem(&front_police, &zero);
	if (!rules || !read_source(packet_data(ctx), packet_end(ctx), frame, &whole))
		return finish(VERDICT_MALFORMED, XDP_DROP);
	enum front_rule rule = judge_source(rules, &whole);
	if (rule == FRONT_RULE_NONE && known->tenant)
		rule = judge_tenant(
			known->tenant, known->row,
			is_anothers_queue(config, ctx->rx_queue_index, known->tenant_be));
	if (rule != FRONT_RULE_NONE)
		return police(rules, &whole, rule);
	if (known->tenant)
		return steer(ctx);
	return negotiate(ctx, frame) ? finish(VERDICT_NEGOTIATED, XDP_TX)
				     : finish(VERDICT_MALFORMED, XDP_DROP);
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
	struct known_vote known = {0};
	enum verdict verdict = classify(data, end, config->vote_port_be, &frame);
	if (verdict == VERDICT_PASSED)
		return finish(VERDICT_PASSED, XDP_PASS);
	if (verdict != VERDICT_NONE && verdict != VERDICT_NEGOTIATED)
		return finish(VERDICT_MALFORMED, XDP_DROP);
	if (verdict == VERDICT_NONE) {
		const struct vote_packet *vote =
			(void *)(data + (frame.payload_offset & FRAME_OFFSET_MASK));
		if ((const uint8_t *)(vote + 1) > end)
			return finish(VERDICT_MALFORMED, XDP_DROP);
		if (!find_tenant(vote, &known))
			return finish(VERDICT_UNKNOWN_KEY, XDP_DROP);
	}
	return admit(ctx, config, &frame, &known);
}

char _license[] SEC("license") = "Dual BSD/GPL";
