/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The appliance's INI file. Every option has a row in CONFIG_OPTIONS: its place, type, default,
 * limits and what it means. The reader, --config-help and the test of docs/tallyd.conf.5 use the
 * rows.
 */
#ifndef TALLYWIRE_CONFIG_H
#define TALLYWIRE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "dataplane/core/err.h"
#include "ebpf/front.h"
#include "wire/control_protocol.h"

#define CONFIG_TEXT_BYTES 256
#define CONFIG_MAX_PORTS  16
#define CONFIG_MAX_QUEUES 64
#define CONFIG_NAME_BYTES 64 /* longest key, with its end */

/* X(section, key, field, TYPE, default, least, most, what it means) */
#define CONFIG_OPTIONS(X)                                                                          \
	X(appliance, keyring, keyring, TEXT, "/etc/tallywire/keyring.json", 0, 0,                  \
	  "the keyring file: tenants and their keys, mode 0600")                                   \
	X(appliance, control, control, TEXT, CONTROL_DEFAULT_SOCKET, 0, 0,                         \
	  "path of the control socket, for those who run the show")                                \
	X(appliance, control_group, control_group, TEXT, "", 0, 0,                                 \
	  "group that may use the control socket; empty: tallyd's own")                            \
	X(appliance, control_mode, control_mode, OCTAL, "0660", 0, 0,                              \
	  "mode of the control socket, octal")                                                     \
	X(appliance, public, public_socket, TEXT, "", 0, 0,                                        \
	  "path of the public socket, which tells no count before its reveal; empty: none")        \
	X(appliance, public_group, public_group, TEXT, "", 0, 0,                                   \
	  "group that may use the public socket; empty: tallyd's own")                             \
	X(appliance, public_mode, public_mode, OCTAL, "0666", 0, 0,                                \
	  "mode of the public socket, octal")                                                      \
	X(appliance, user, user, TEXT, "", 0, 0,                                                   \
	  "who tallyd becomes when all is open, with no right of root; empty: it stays root")      \
	X(appliance, group, group, TEXT, "", 0, 0, "that user's group; empty: its own")            \
	X(appliance, prepared, prepared, TEXT, "/run/tallywire.prepared", 0, 0,                    \
	  "root's file in which --prepare notes what --unprepare puts back")                       \
	X(appliance, vote_port, vote_port, NUMBER, "4433", 1, 65535, "UDP port of the votes")      \
	X(windows, voters, voters, NUMBER, "1000000", 1, 4294967296,                               \
	  "voter numbers per window, from 0; a higher number is answered busy")                    \
	X(windows, upvotes, upvotes, NUMBER, "8", 1, 65535,                                        \
	  "answers per voter, on average, for which an upvote finds room; more are answered busy") \
	X(windows, memory_mb, windows_mb, NUMBER, "1024", 1, 16777216,                             \
	  "memory for ballots and tallies of all windows, in MiB")                                 \
	X(watch, subscribers, subscribers, NUMBER, "131072", 0, 16777216,                          \
	  "viewers per queue who can be told of windows at a time; 0: WATCH is not answered")      \
	X(journal, directory, journal_dir, TEXT, "/var/lib/tallywire/journal", 0, 0,               \
	  "where the journal is kept; made where its parent is there")                             \
	X(journal, ack, ack, ACK, "durable", 0, 0,                                                 \
	  "when a receipt may leave: durable (the journal has the answer), immediate, or none: "   \
	  "there is no journal")                                                                   \
	X(journal, segment_mb, segment_mb, NUMBER, "64", 1, 1024,                                  \
	  "size of one file of the journal, taken on the disk ahead, in MiB")                      \
	X(journal, keep_days, journal_days, NUMBER, "0", 0, 36500,                                 \
	  "for how many days segments are kept whose results are all sealed; 0: for ever")         \
	X(journal, keep_mb, journal_mb, NUMBER, "0", 0, 1073741824,                                \
	  "how much all segments may take, in MiB, before the oldest of these go; 0: no limit")    \
	X(results, directory, results_dir, TEXT, "/var/lib/tallywire/results", 0, 0,               \
	  "where results are sealed, a directory each; made where its parent is there")            \
	X(results, identity, identity, TEXT, "/var/lib/tallywire/identity.key", 0, 0,              \
	  "the key that signs them, mode 0600; made at the first start")                           \
	X(results, keep_days, keep_days, NUMBER, "0", 0, 36500,                                    \
	  "for how many days sealed results are kept; 0: for ever")                                \
	X(results, keep_mb, keep_mb, NUMBER, "0", 0, 1073741824,                                   \
	  "how much all of them may take, in MiB, before the oldest go; 0: no limit")              \
	X(memory, hugepages, hugepages, FLAG, "yes", 0, 0, "take packet memory from huge pages")   \
	X(memory, packet_mb, packet_mb, NUMBER, "0", 0, 1048576,                                   \
	  "memory for packets and DPDK, in MiB; 0: as much as the queues need")                    \
	X(memory, mbufs, mbufs, NUMBER, "8192", 8192, 1048576,                                     \
	  "packet buffers per queue; some 4600 are the device's, the rest can wait for the "       \
	  "journal")                                                                               \
	X(cores, lcores, lcores, TEXT, "", 0, 0,                                                   \
	  "DPDK --lcores map, the first for control, one more per queue; empty: the last CPUs")    \
	X(front, pin_dir, pin_dir, TEXT, "/sys/fs/bpf/tallywire", 0, 0,                            \
	  "bpffs directory of the front's pins")                                                   \
	X(front, mode, front_mode, MODE, "auto", 0, 0,                                             \
	  "XDP mode: native, generic, or auto (native where the driver has it)")                   \
	X(front, keep, front_keep, FLAG, "no", 0, 0,                                               \
	  "leave the front attached after an orderly stop; votes are dropped until the next "      \
	  "start")                                                                                 \
	X(front, tune, tune, FLAG, "yes", 0, 0,                                                    \
	  "let --prepare switch LRO off and keep VLAN tags in the packets")                        \
	X(front, defer_us, defer_us, NUMBER, "0", 0, 100000,                                       \
	  "let --prepare defer a NIC's interrupts by so many us, as the worker polls; 0: as they " \
	  "are")                                                                                   \
	X(police, source_votes_per_s, source_votes_per_s, NUMBER, "200000", 0, 1000000000,         \
	  "votes a second that a source may send to an interface; 0: no limit")                    \
	X(police, source_burst, source_burst, NUMBER, "0", 0, 1000000000,                          \
	  "votes that it may send at once; 0: a second's")                                         \
	X(police, failed_vote_cost, failed_vote_cost, NUMBER, "32", 0, 1000000,                    \
	  "what a vote that fails authentication costs a source that never voted, in votes")       \
	X(police, ipv4_prefix, source_ipv4_bits, NUMBER, "32", 8, 32,                              \
	  "bits of an IPv4 address that make a source")                                            \
	X(police, ipv6_prefix, source_ipv6_bits, NUMBER, "56", 16, 128,                            \
	  "bits of an IPv6 address that make a source")

/* When receipts may leave. */
enum ack_mode {
	ACK_DURABLE,   /* once the journal has what they tell of */
	ACK_IMMEDIATE, /* at once; the journal follows */
	ACK_NONE,      /* at once; nothing outlives tallyd */
};

/* One line of [ports]: NAME = KIND:REST. */
enum port_kind {
	PORT_AF_XDP, /* af_xdp:IFACE[:QUEUES]: behind the XDP front, one socket per queue */
	PORT_PCAP,   /* pcap:FILE: a capture as a port */
	PORT_DPDK,   /* dpdk:DEVARGS[ queues=N]: any other device that DPDK knows */
};

struct port_config {
	char name[32];                /* the key, for messages */
	char text[CONFIG_TEXT_BYTES]; /* as written */
	enum port_kind kind;
	char target[CONFIG_TEXT_BYTES]; /* interface, file or devargs */
	uint32_t queues;
};

/* One line of [owners]: TENANT = PORT:QUEUES. */
struct owner_config {
	char tenant[CONFIG_NAME_BYTES];
	char text[CONFIG_TEXT_BYTES]; /* as written */
	uint32_t port;                /* index in `ports`, an af_xdp port */
	uint32_t first_queue;
	uint32_t last_queue;
};

/* Filled in by config_load(), never changed afterwards; any thread may read. */
struct config {
	char keyring[CONFIG_TEXT_BYTES];
	char control[CONFIG_TEXT_BYTES];
	char control_group[CONFIG_TEXT_BYTES];
	char public_socket[CONFIG_TEXT_BYTES]; /* "": none */
	char public_group[CONFIG_TEXT_BYTES];
	char user[CONFIG_TEXT_BYTES]; /* "": root stays root */
	char group[CONFIG_TEXT_BYTES];
	char prepared[CONFIG_TEXT_BYTES];
	char lcores[CONFIG_TEXT_BYTES];
	char pin_dir[CONFIG_TEXT_BYTES];
	uint32_t control_mode; /* of the sockets' files */
	uint32_t public_mode;
	uint64_t vote_port;
	uint64_t voters;
	uint64_t upvotes;
	uint64_t windows_mb;
	uint64_t subscribers; /* per queue */
	uint64_t packet_mb;
	uint64_t mbufs;
	enum front_mode front_mode;
	enum ack_mode ack;
	char journal_dir[CONFIG_TEXT_BYTES];
	uint64_t segment_mb;
	uint64_t journal_days;
	uint64_t journal_mb;
	char results_dir[CONFIG_TEXT_BYTES];
	char identity[CONFIG_TEXT_BYTES];
	uint64_t keep_days;
	uint64_t keep_mb;
	bool hugepages;
	bool front_keep;
	bool tune;
	uint64_t defer_us;
	uint64_t source_votes_per_s;
	uint64_t source_burst;
	uint64_t failed_vote_cost;
	uint64_t source_ipv4_bits;
	uint64_t source_ipv6_bits;
	struct port_config ports[CONFIG_MAX_PORTS];
	uint32_t port_count;
	uint32_t queue_count;                          /* of all ports: one worker each */
	struct owner_config owners[CONFIG_MAX_QUEUES]; /* no queue has two */
	uint32_t owner_count;
};

/*
 * Reads and checks the file by itself; no interface, device or keyring is touched. 0, or a negative
 * errno with `err` filled in: "FILE: [section] key: reason" or "FILE: line N: reason".
 */
int config_load(const char *path, struct config *config, struct err *err);

/* The owner of a port's queue, or NULL. */
const struct owner_config *config_owner(const struct config *config, uint32_t port, uint32_t queue);

/* Every option with its default and meaning, as INI text. */
void config_help(FILE *out);

#endif
