"""Scenarios made up from a seed, for the soak: a cluster, some workloads that suit it, and faults that
overlap, with data taken away from one node now and then and a calm after it. What is made is a scenario
file like any other, so that a run that fails can be cut down by hand.
"""
import random

import faults
import scenario
import works

CLUSTERS = (
    "3 nodes",
    "3 nodes, strict",
    "3 nodes, 1 workers",
    "4 nodes",
    "5 nodes",
    "5 nodes, strict",
    "5 nodes, n 5, r 3, w 3",
    "3 nodes, n 2, r 1, w 2",
    "1 node",
)
ENGINES = ("log", "log", "log", "lsm")
WORKS_MAX = 4
OVERLAPPING = (2, 4)  # kinds of faults that come again and again
ROUND_S = 25  # between two calms
ROUNDS = (1, 3)


def compose(seed):
    """The Scenario of this seed."""
    rng = random.Random(f"compose {seed}")
    cluster = f"{rng.choice(CLUSTERS)}, {rng.choice(ENGINES)}"
    rounds = rng.randint(*ROUNDS)
    lines = [f"about    made up from seed {seed}", f"cluster  {cluster}",
             f"work     {', '.join(_works(rng, cluster))}"]
    gentle, harmful = _samples()
    for words, lasts in rng.sample(gentle, min(len(gentle), rng.randint(*OVERLAPPING))):
        often = rng.randint(3, 8)
        lasting = f" for {rng.choice(('300ms..1s', '1s..3s', '2s..5s'))}" if lasts else ""
        lines.append(f"every {often}s..{often * 2}s  {words}{lasting}")
    for number in range(rounds):
        begin = number * ROUND_S
        if harmful and not cluster.startswith("1 node") and rng.random() < 0.7:
            words, lasts = rng.choice(harmful)
            lasting = " for 1s..6s" if lasts else ""
            lines.append(f"at {begin + 4}s..{begin + 15}s  {words}{lasting}")
        lines.append(f"at {begin + ROUND_S - 1}s  calm")
    lines.append(f"run      {rounds * ROUND_S}s")
    return scenario.parse(f"random-{seed}", "\n".join(lines) + "\n")


def _works(rng, cluster):
    """Some that make sense on it."""
    facts = scenario.parse("probe", f"cluster {cluster}\nwork {sorted(works.KINDS)[0]}\n", whole=False).facts
    suit = [word for word in sorted(works.KINDS) if not works.make((word,)).refuse(facts)]
    return rng.sample(suit, min(len(suit), rng.randint(2, WORKS_MAX)))


def _samples():
    """([(words, lasts)] that take no data away, those that do)."""
    gentle, harmful = [], []
    for _, kind in sorted(faults.KINDS.items()):
        for words in kind.samples:
            (harmful if kind.harm else gentle).append((words, kind.lasts))
    return gentle, harmful
