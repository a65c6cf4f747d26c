/* SPDX-License-Identifier: BSD-3-Clause */
/* What a scripted appliance answers: lines of docs/control.md, as string literals. */
#ifndef TALLYWIRE_TESTS_LIVE_ANSWERS_H
#define TALLYWIRE_TESTS_LIVE_ANSWERS_H

#define ANSWER(id, result) "{\"jsonrpc\":\"2.0\",\"id\":" #id ",\"result\":" result "}"
#define REFUSAL(id, message)                                                                       \
	"{\"jsonrpc\":\"2.0\",\"id\":" #id ",\"error\":{\"code\":-32001,\"message\":\"" message    \
	"\"}}"
#define LIVE(params) "{\"jsonrpc\":\"2.0\",\"method\":\"live\",\"params\":" params "}"
#define WINDOW                                                                                     \
	"{\"tenant\":\"acme\",\"id\":101,\"kind\":\"poll\",\"state\":\"open\",\"question\":"       \
	"\"Which?\",\"options\":[\"Red\",\"Blue\"],\"opens_at\":\"2026-11-22T20:00:00Z\","         \
	"\"closes_at\":\"2026-11-22T20:00:20Z\",\"final_at\":\"2026-11-22T20:00:25Z\","            \
	"\"voters\":2}"
#define LOADED                                                                                     \
	"{\"show\":\"sat\",\"windows\":[" WINDOW "],\"changes\":{\"armed\":1204,\"replaced\":1,"   \
	"\"kept\":3,\"removed\":0},\"memory\":{\"needed\":1536,\"in_use\":3145728,\"free\":0}}"
#define INTERACTION(state, red)                                                                    \
	"{\"tenant\":\"acme\",\"id\":101,\"kind\":\"poll\",\"state\":\"" state "\",\"question\":"  \
	"\"Which?\",\"opens_at\":\"2026-11-22T20:00:00Z\",\"closes_at\":"                          \
	"\"2026-11-22T20:00:20Z\",\"voters\":3,\"options\":[{\"index\":0,\"label\":\"Red\","       \
	"\"votes\":" #red "},{\"index\":1,\"label\":\"Blue\",\"votes\":1}],\"receipts\":"          \
	"{\"counted\":3,\"late\":4}}"
#define RESULTS(now, state, red)                                                                   \
	"{\"interactions\":[" INTERACTION(                                                         \
		state,                                                                             \
		red) "],\"now\":\"2026-11-22T20:00:" now                                           \
		     "Z\",\"datagrams\":{\"received\":7,\"missed\":0},\"durability\":\"none\"}"
#define STATS(received, conserved)                                                                 \
	"{\"now\":\"2026-11-22T20:00:03Z\",\"datagrams\":{\"received\":" #received                 \
	",\"passed\":1,\"counted\":2,\"missed\":9,\"in_flight\":1},\"conserved\":" #conserved      \
	",\"cores\":[{\"worker\":0,\"burst_fill\":24.9,\"cycles_per_vote\":10.5,\"cycles\":"       \
	"{\"judge\":10.5}}],\"ports\":[{\"port\":\"eth0\",\"front\":\"native\"}]}"

#endif
