# SPDX-License-Identifier: BSD-3-Clause
# What attackers send, flat out, until SIGTERM and until there were so many frames; then one line of JSON
# says how many of each kind. Called by flood_test.sh.
#
#   flood_send.py INTERFACE DST_MAC AT_LEAST
#
#   forged     votes of tenant 7 with a wrong tag, from 40 addresses in 203.0.113.0/24
#   spoofed    the same from addresses drawn by chance: half of them the viewers' own network, half anywhere
#   malformed  to the vote port and no votes, from those 40
import json
import os
import random
import signal
import socket
import struct
import sys

interface, dst_mac, at_least = sys.argv[1], sys.argv[2], int(sys.argv[3])
dice = random.Random(7)
stopped = False


def stop(*_):
    global stopped
    stopped = True


def frame(source, payload, udp_bytes_more=0):
    """Ethernet, IPv4 and UDP; nobody looks at checksums before the tag."""
    udp = struct.pack(">HHHH", dice.randrange(1024, 65536), 4433, 8 + len(payload) + udp_bytes_more, 0)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28 + len(payload), 0, 0x4000, 60, 17, 0, source,
                     bytes([198, 19, 0, 1]))
    return bytes.fromhex(dst_mac.replace(":", "")) + os.urandom(6)[:6] + b"\x08\x00" + ip + udp + payload


def vote():
    """Well-formed, for a window that may be open, with a tag drawn by chance."""
    voter = dice.randrange(3000)
    cid = bytes([7, 0, 1, 0, 7]) + voter.to_bytes(3, "big")
    return (b"\x41" + cid + bytes([1]) + dice.randrange(3).to_bytes(2, "big") + (102).to_bytes(4, "big")
            + voter.to_bytes(4, "big") + dice.randbytes(8) + bytes(4) + dice.randbytes(8))


def botnet():
    return bytes([203, 0, 113, dice.randrange(1, 41)])


def anybody():
    if dice.random() < 0.5:
        return bytes([198, 18]) + dice.randbytes(2)
    return bytes([dice.randrange(1, 224)]) + dice.randbytes(3)


def malformed():
    payload = bytearray(vote())
    kind = dice.randrange(5)
    if kind == 0:
        return frame(botnet(), bytes(payload[:dice.randrange(40)]))
    if kind == 1:
        return frame(botnet(), bytes(payload) + dice.randbytes(dice.randrange(1, 200)))
    if kind == 2:
        return frame(botnet(), bytes(payload), 1)
    payload[[0, 28][kind - 3]] ^= 0x3F
    return frame(botnet(), bytes(payload))


makers = {"forged": lambda: frame(botnet(), vote()), "spoofed": lambda: frame(anybody(), vote()),
          "malformed": malformed}
frames = [(kind, make()) for _ in range(20000) for kind, make in makers.items()]
sent = dict.fromkeys(makers, 0)
signal.signal(signal.SIGTERM, stop)
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
    wire.bind((interface, 0))
    print("floods", file=sys.stderr, flush=True)
    while not stopped or sum(sent.values()) < at_least:
        for kind, data in frames:
            try:
                wire.send(data)
                sent[kind] += 1
            except OSError:  # no room: it was not sent
                pass
            if stopped and sum(sent.values()) >= at_least:
                break
print(json.dumps(sent))
