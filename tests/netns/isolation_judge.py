# SPDX-License-Identifier: BSD-3-Clause
# What one race of isolation_test.sh came to: every frame that was sent is somewhere, in the counts of the
# tenant whose it was, and the calm tenant, acme, lost nothing. Called by that script with everything in the
# current directory.
#
#   isolation_judge.py RACE FLOODED       prints the p99 of acme's receipts in µs; 1 and what is wrong else
#
# {calm,flood,again}.sent.json are the senders' reports, `again` of what the flooded tenant's viewers sent
# afterwards; {stats,tenants}{0,}.json are from before and after the race, results.json from after it.
import json
import sys


def load(name):
    with open(name + ".json", encoding="utf-8") as file:
        return json.load(file)


def lost_by_port(stats):
    """Steered to the port's socket, and never at its worker."""
    return [p["steered"] - c["received"] for p, c in zip(stats["ports"], stats["cores"])]


def used(name, what):
    return {tenant["name"]: tenant[what] for tenant in load(name)["tenants"]}


def added(before, after):
    return {name: after[name] - before[name] for name in after}


class Race:
    def __init__(self, flooded):
        self.calm, self.flood, self.again = (load(n + ".sent") for n in ("calm", "flood", "again"))
        self.flood_sent = self.flood["frames_sent"] + self.again["frames_sent"]
        before, after = load("stats0"), load("stats")
        self.datagrams = added(before["datagrams"], after["datagrams"])
        self.lost = [b - a for a, b in zip(lost_by_port(before), lost_by_port(after))]
        self.acme_missed = after["ports"][1]["missed"]
        self.policed, self.busy = (added(used("tenants0", w), used("tenants", w)) for w in ("policed", "busy"))
        # The windows of a tenant come in the order they were armed: this race's is the last.
        window = {i["tenant"]: i for i in load("results")["interactions"]}.get(flooded)
        self.receipts = window["receipts"] if window else {}
        self.judged = sum(self.receipts.values())


def always(race, flooded):
    """Whoever was flooded, and wherever."""
    d, calm = race.datagrams, race.calm
    paying = {n for counts in (race.policed, race.busy) for n, count in counts.items() if count}
    yield "acme's receipts", calm["invalid"] == calm["unanswered"] == calm["missed"] == 0
    yield "acme's port missed packets", race.acme_missed == race.lost[1] == 0
    yield "another than the flooded tenant is policed or busy", paying <= {flooded} - {"acme"}
    yield "a flooded viewer's receipt is wrong", race.flood["invalid"] == race.again["invalid"] == 0
    yield "missed is not what the sockets lost", d["missed"] == sum(race.lost)
    yield "frames are nowhere", (d["received"] - d["passed"] + d["missed"]
                                 == race.flood_sent + calm["frames_sent"])
    yield "packets are what none of them was", d["malformed"] == d["unknown_key"] == d["unknown"] == 0
    yield "busy in the stats, not at a tenant", d["busy"] == race.busy.get(flooded, 0)


def on_its_own(race, flooded):
    """The flooded tenant has a wire of its own: each of its frames is a receipt, policed, or lost there."""
    yield "its frames do not add up", race.judged + race.policed[flooded] + race.lost[0] == race.flood_sent


def limited(race, flooded):
    yield from on_its_own(race, flooded)
    yield "nothing was over the limit", race.policed[flooded] > 0


def unlimited(race, flooded):
    yield from on_its_own(race, flooded)
    yield "policed without a limit", race.policed[flooded] == 0


def voters(race, flooded):
    """1000 of its 3000 voters have room."""
    yield from unlimited(race, flooded)
    yield "not 1000 have a receipt", race.again["answered"] == 1000 and race.again["unanswered"] == 2000
    yield "busy is not what is beyond", race.receipts["busy"] == race.busy[flooded] >= 2000


def shared(race, flooded):
    """Both tenants on one wire and queue: what its socket lost is either's."""
    here = race.judged + race.policed[flooded]
    yield "nothing was over the limit", race.policed[flooded] > 0
    yield "its frames do not add up", race.flood_sent - race.lost[0] <= here <= race.flood_sent


def owned(race, flooded):
    """The queue is acme's, and the flood came there."""
    yield "not all was dropped on acme's queue", race.policed[flooded] == race.flood_sent > 0 == race.judged


RACES = {"alone": None, "limited": limited, "unlimited": unlimited, "voters": voters, "shared": shared,
         "owned": owned}


def judge(name, flooded):
    race = Race(flooded)
    rules = list(always(race, flooded))
    if RACES[name]:
        rules += RACES[name](race, flooded)
    wrong = [complaint for complaint, holds in rules if not holds]
    if wrong:
        sys.exit(f"{flooded}, {name}: {'; '.join(wrong)}: {vars(race)}")
    print(race.calm["latency_us"]["p99"])


judge(*sys.argv[1:])
