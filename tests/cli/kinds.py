#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A show with a quiz or two, a scale and a reaction, and what must come of it: worked out by hand.

    kinds.py make KEY-HEX OUT.pcap RUNDOWN
    kinds.py check RESULTS
"""
import json
import sys

from captures import OPENS, SECOND, frame, vote, write_pcap

LAST = 0xFFFFFFFF
# Interaction, voter, choice, µs after opening.
VOTES = [
    (1, 9, 1, 0), (1, LAST, 1, 0), (1, 5, 1, 10 * SECOND), (1, 6, 0, 0), (1, 4, 1, 10 * SECOND),
    (1, 9, 1, 5 * SECOND),  # too late to be worth less
    (2, 5, 0, 0), (2, 70000, 2, 40000), (2, 9, 1, 0), (2, 4, 0, 20 * SECOND - 1),
    (3, 1, 2, 0), (3, 2, 2, 0), (3, 3, 4, 0), (3, 4, 5, 0),
    (4, 1, 0, 0), (4, 1, 1, 1), (4, 1, 1, SECOND), (4, 2, 1, 2 * SECOND + 1), (4, 2, 0, 999999),
]

RUNDOWN = {"show": "saturday", "interactions": [
    {"tenant": "acme", "id": 1, "kind": "quiz", "question": "Which?", "options": ["a", "b"],
     "correct": [1], "opens_at": "2026-11-22T20:00:00Z"},
    {"tenant": "acme", "id": 2, "kind": "quiz", "question": "Which?", "options": ["a", "b", "c"],
     "correct": [0, 2], "points": 501, "opens_at": "2026-11-22T20:00:00Z"},
    {"tenant": "acme", "id": 3, "kind": "scale", "question": "How good?", "min": 2, "max": 4,
     "opens_at": "2026-11-22T20:00:00Z"},
    {"tenant": "acme", "id": 4, "kind": "reaction", "question": "Clap!", "options": ["a", "b"],
     "opens_at": "2026-11-22T20:00:00Z", "duration_ms": 2500},
    {"tenant": "zoo", "id": 1, "kind": "quiz", "question": "Which?", "options": ["a", "b"],
     "correct": [1], "opens_at": "2026-11-22T20:00:00Z"},
]}


def entries(*pairs):
    return [{"voter": voter, "points": points} for voter, points in pairs]


# Of each interaction, the members that its kind has, and how many voters and counted answers.
WANTED = [
    ({"correct": [1], "leaderboard": entries((9, 1000), (LAST, 1000), (4, 750), (5, 750))}, 5, 5),
    ({"correct": [0, 2], "leaderboard": entries((5, 501), (70000, 501), (4, 251))}, 4, 4),
    ({"mean": 8 / 3}, 3, 3),
    ({"series": [[2, 0], [0, 1], [0, 1]]}, 2, 4),
    ({"correct": [1], "leaderboard": []}, 0, 0),
]
VOTES_WANTED = [[1, 4], [2, 1, 1], [2, 0, 1], None, [0, 0]]
LEADERBOARDS = [
    {"tenant": "acme", "entries": entries((5, 1251), (4, 1001), (9, 1000), (LAST, 1000),
                                          (70000, 501))},
    {"tenant": "zoo", "entries": []},
]


def make(key, target, rundown):
    key = bytes.fromhex(key)
    write_pcap(target, [(OPENS + after + 1000, frame(vote(key, number, voter, OPENS + after, choice)))
                        for number, voter, choice, after in VOTES])
    with open(rundown, "w") as out:
        json.dump(RUNDOWN, out)


def check(path):
    results = json.load(open(path))
    kinds = ("mean", "series", "correct", "leaderboard")
    for result, votes, (members, voters, counted) in zip(results["interactions"], VOTES_WANTED,
                                                         WANTED):
        found = {name: result[name] for name in kinds if name in result}
        if (found, result["voters"], result["receipts"]["counted"]) != (members, voters, counted):
            sys.exit(f"{result['tenant']}/{result['id']}: {result}, not {members}")
        if votes and [option["votes"] for option in result["options"]] != votes:
            sys.exit(f"{result['tenant']}/{result['id']}: {result['options']}, not {votes}")
    if len(results["interactions"]) != len(WANTED) or results["leaderboards"] != LEADERBOARDS:
        sys.exit(f"leaderboards: {results.get('leaderboards')}")
    clock = {"source": "capture", "synchronised": False, "error_us": None, "offset_us": 0}
    if results["clock"] != clock:
        sys.exit(f"clock: {results['clock']}")


if __name__ == "__main__":
    make(*sys.argv[2:]) if sys.argv[1] == "make" else check(sys.argv[2])
