#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Captures for tests: one capture in other formats, signed votes at given times, damage.

Written from docs/quic-lite.md and the pcap formats with nothing of the product, so that a mistake
there is not made twice.

    captures.py convert IN.pcap FORMAT OUT        FORMAT: us-le us-be ns-le ns-be pcapng-le pcapng-be
    captures.py link-type IN.pcap NUMBER OUT      the same under another link type
    captures.py edges KEY-HEX OUT.pcap RUNDOWN    a vote an edge, each for an interaction of its own
    captures.py edges-check RESULTS               did each come to what the contract says?
    captures.py zero-check RESULTS                is every number in it 0?
"""
import json
import struct
import sys

MASK = (1 << 64) - 1
SECOND = 1000000
OPENS = 1795377600 * SECOND  # 2026-11-22T20:00:00Z
CLOSES = OPENS + 20 * SECOND
AHEAD = 250000  # a program time may lie so far ahead of the appliance's clock
DELAY = 5 * SECOND

# Name, arrival, program time, voter, expected status; an interaction each, with ids from 1.
EDGES = [
    ("opens, seen at once", OPENS, OPENS, 1, "counted"),
    ("one µs before it opens", OPENS, OPENS - 1, 1, "early"),
    ("the last µs", CLOSES, CLOSES - 1, 1, "counted"),
    ("closes", CLOSES, CLOSES, 1, "late"),
    ("ahead as far as it may be", OPENS + SECOND, OPENS + SECOND + AHEAD, 1, "counted"),
    ("ahead one µs more", OPENS + SECOND, OPENS + SECOND + AHEAD + 1, 1, "early"),
    ("arrives before it opens", OPENS - AHEAD, OPENS, 1, "counted"),
    ("arrives one µs earlier", OPENS - AHEAD - 1, OPENS, 1, "early"),
    ("as late as may be", OPENS + DELAY + 7, OPENS + 7, 1, "counted"),
    ("one µs later", OPENS + DELAY + 8, OPENS + 7, 1, "late"),
    ("the last of all", CLOSES + DELAY - 1, CLOSES - 1, 1, "counted"),
    ("one µs after the last of all", CLOSES + DELAY, CLOSES - 1, 1, "late"),
    ("ahead and after the close", CLOSES - 1, CLOSES + AHEAD, 1, "early"),
    ("voter 0", OPENS, OPENS, 0, "counted"),
    ("the last voter", OPENS, OPENS, 0xFFFFFFFF, "counted"),
    ("program time 0", OPENS, 0, 1, "early"),
    ("program time at its end", OPENS, MASK, 1, "early"),
    ("stamped long before", 1, OPENS, 1, "early"),
    ("stamped long after", 4294967295 * SECOND, OPENS, 1, "late"),
    ("stamped in 2065", 3000000000 * SECOND, 8000000000 * SECOND, 1, "early"),
]


def rotl(x, b):
    return ((x << b) | (x >> (64 - b))) & MASK


def sip_round(v):
    v[0] = (v[0] + v[1]) & MASK
    v[1] = rotl(v[1], 13) ^ v[0]
    v[0] = rotl(v[0], 32)
    v[2] = (v[2] + v[3]) & MASK
    v[3] = rotl(v[3], 16) ^ v[2]
    v[0] = (v[0] + v[3]) & MASK
    v[3] = rotl(v[3], 21) ^ v[0]
    v[2] = (v[2] + v[1]) & MASK
    v[1] = rotl(v[1], 17) ^ v[2]
    v[2] = rotl(v[2], 32)


def siphash128(key, data):
    k0, k1 = struct.unpack("<2Q", key)
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D,
         k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]
    v[1] ^= 0xEE
    tail = len(data) % 8
    padded = data + bytes(7 - tail) + bytes([len(data) & 0xFF])
    for (m,) in struct.iter_unpack("<Q", padded):
        v[3] ^= m
        sip_round(v)
        sip_round(v)
        v[0] ^= m
    out = b""
    for index, byte in ((2, 0xEE), (1, 0xDD)):
        v[index] ^= byte
        for _ in range(4):
            sip_round(v)
        out += struct.pack("<Q", v[0] ^ v[1] ^ v[2] ^ v[3])
    return out


def vote(key, interaction, voter, program_us, choice=0):
    body = struct.pack(">BBHHBHBHIIQB3x", 0x41, 0x07, 1, 7, voter >> 16 & 0xFF, voter & 0xFFFF, 1,
                       choice, interaction, voter, program_us, 0)
    voter_key = siphash128(key, struct.pack(">HBBI", 7, 1, 0x4B, voter))
    return body + siphash128(voter_key, body)[:8]


def frame(payload):
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28 + len(payload), 0, 0, 64, 17, 0,
                     bytes([198, 18, 0, 2]), bytes([198, 18, 0, 1]))
    udp = struct.pack(">HHHH", 50123, 4433, 8 + len(payload), 0)
    return bytes.fromhex("020000000001020000000002") + b"\x08\x00" + ip + udp + payload


def read_pcap(path):
    """The packets of a µs little-endian pcap, as (stamp in µs, bytes)."""
    data = open(path, "rb").read()
    assert data[:4] == bytes.fromhex("d4c3b2a1"), "the burst has another format"
    packets, at = [], 24
    while at < len(data):
        seconds, micros, kept, _ = struct.unpack_from("<4I", data, at)
        packets.append((seconds * SECOND + micros, data[at + 16:at + 16 + kept]))
        at += 16 + kept
    return packets


def write_pcap(path, packets, order="<", nano=False, link_type=1):
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    with open(path, "wb") as out:
        out.write(struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, link_type))
        for stamp, data in packets:
            # 999 ns more are still the same µs.
            part = stamp % SECOND * 1000 + 999 if nano else stamp % SECOND
            out.write(struct.pack(order + "4I", stamp // SECOND, part, len(data), len(data)))
            out.write(data)


def write_pcapng(path, packets, order="<"):
    def block(kind, body):
        body += bytes(-len(body) % 4)
        size = struct.pack(order + "I", len(body) + 12)
        return struct.pack(order + "I", kind) + size + body + size

    with open(path, "wb") as out:
        out.write(block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1)))
        out.write(block(1, struct.pack(order + "HHI", 1, 0, 0)))
        for stamp, data in packets:
            out.write(block(6, struct.pack(order + "5I", 0, stamp >> 32, stamp & 0xFFFFFFFF,
                                           len(data), len(data)) + data))


def convert(source, kind, target):
    name, order = kind.split("-")
    order = "<" if order == "le" else ">"
    packets = read_pcap(source)
    if name == "pcapng":
        write_pcapng(target, packets, order)
    else:
        write_pcap(target, packets, order, nano=name == "ns")


def make_edges(key, target, rundown):
    key = bytes.fromhex(key)
    packets = [(arrival, frame(vote(key, number, voter, program)))
               for number, (_, arrival, program, voter, _) in enumerate(EDGES, 1)]
    # What counted once is a duplicate, and stamps go back and forth: each packet is judged by its own.
    write_pcap(target, packets + packets[::-1])
    with open(rundown, "w") as out:
        json.dump({"show": "edges", "interactions": [
            {"tenant": "acme", "id": number, "kind": "poll", "question": edge[0],
             "options": ["Red", "Blue"], "opens_at": "2026-11-22T20:00:00Z"}
            for number, edge in enumerate(EDGES, 1)]}, out)


def check_edges(results):
    wrong = 0
    for edge, result in zip(EDGES, results["interactions"]):
        wanted = {"counted": 1, "duplicate": 1} if edge[4] == "counted" else {edge[4]: 2}
        found = {name: count for name, count in result["receipts"].items() if count}
        if found != wanted or result["voters"] != wanted.get("counted", 0):
            print(f"{edge[0]}: {found}, not {wanted}", file=sys.stderr)
            wrong += 1
    assert len(results["interactions"]) == len(EDGES)
    sys.exit(wrong > 0)


def check_zero(results):
    def numbers(value, name=""):
        if isinstance(value, dict):
            return [n for key, item in value.items() for n in numbers(item, key)]
        if isinstance(value, list):
            return [n for item in value for n in numbers(item)]
        return [value] if isinstance(value, int) and name not in ("id", "index") else []

    assert results["interactions"], "no interactions"
    sys.exit(any(numbers(results)))


def main(verb, *args):
    if verb == "convert":
        convert(*args)
    elif verb == "link-type":
        write_pcap(args[2], read_pcap(args[0]), link_type=int(args[1]))
    elif verb == "edges":
        make_edges(*args)
    elif verb == "edges-check":
        check_edges(json.load(open(args[0])))
    elif verb == "zero-check":
        check_zero(json.load(open(args[0])))
    else:
        sys.exit(__doc__)


# The test vector of docs/quic-lite.md.
VECTOR = bytes.fromhex("41070001000700002a010002000000650000002a"
                       "000660e6466480000000000066fe7fbdfdf7383d")
assert vote(bytes(range(16)), 101, 42, 1795392000000000, choice=2) == VECTOR

if __name__ == "__main__":
    main(*sys.argv[1:] or [""])
