#!/usr/bin/python3
"""The workloads' checkers have to catch what they are there for, and nothing else: random histories
of a model that works pass, and each kind of falsified history is found out under its name, wherever
it can be made."""
import sys
import unittest

import nodes
import works
from works import mutations, mutations_others
from works.asking import DELETE, PUT
from works.doctor import FACTS, SLOPPY_FACTS, Proof, Store, Tally

SEEDS = 200
FALSIFIED_EVERY = 3
MADE_MIN = 5  # histories that each mutation has to be possible in
RUN_S = 0.45  # of virtual time


def versioned(deletes, blind):
    """A client that reads, thinks, and writes upon what it read, or upon something older, or
    blindly."""

    def client(store, number, run_s):
        rng = store.rng
        kept = {}
        while store.record.time < run_s:
            key = rng.choice(store.keys)
            yield store.step()
            base = kept.get(key) if rng.random() < 0.3 else None
            op, context = base or (yield from store.read(number, key))
            if rng.random() < 0.2:
                continue
            if rng.random() < blind:
                op, context = None, None
            yield store.step()
            kind = DELETE if rng.random() < deletes else PUT
            made = yield from store.write(number, kind, key, op, context)
            if made[1] is not None and rng.random() < 0.4:
                kept[key] = made
            elif context is not None and rng.random() < 0.5:
                kept[key] = op, context

    return client


def adding(store, number, run_s):
    """A client of sets."""
    while store.record.time < run_s:
        key = store.rng.choice(store.keys)
        yield store.step()
        op, context = yield from store.read(number, key)
        if op["values"] and store.rng.random() < 0.8:
            elements = sorted({element for sibling in op["values"] for element in sibling})
            yield store.step()
            yield from store.write(number, PUT, key, op, context, elements)


def in_sessions(store, number, run_s):
    """A client that goes on with what it last knew of a key."""
    key, last = None, None
    while store.record.time < run_s:
        yield store.step()
        if key is None or store.rng.random() < 0.1:
            key, last = store.rng.choice(store.keys), None
        if last is None or store.rng.random() < 0.4:
            made = yield from store.read(number, key)
        else:
            made = yield from store.write(number, PUT, key, *last)
        if made[1] is not None:
            last = made


def store(client, begun=False):
    """Histories of keys with versions."""
    return lambda seed, word, sloppy: Store(seed, word, sloppy=sloppy).tell(client, run_s=RUN_S,
                                                                            begun=begun)


class Case(unittest.TestCase):
    def prove(self, word, falsified, tell, sloppy_every=4):
        """`tell(seed, word, sloppy)`: a right history."""
        check = works.KINDS[word].check
        proofs = {facts["sloppy"]: Proof(check, facts) for facts in (FACTS, SLOPPY_FACTS)}
        for seed in range(SEEDS):
            sloppy = seed % sloppy_every == sloppy_every - 1
            proof = proofs[sloppy]
            ops = tell(seed, word, sloppy)
            self.assertEqual(list(check(ops, proof.facts)), [], f"seed {seed}")
            if seed % FALSIFIED_EVERY == 0:
                proof.try_all(falsified, ops, seed)
        for name in falsified:
            counts = [proof.verdict(name) for proof in proofs.values()]
            made, found = (sum(count) for count in zip(*counts))
            missed = [proof.missed[name] for proof in proofs.values() if name in proof.missed]
            self.assertEqual(found, made, f"{name}: {found} of {made} found; (seed, what instead): "
                                          f"{missed}")
            self.assertGreaterEqual(made, MADE_MIN, name)


class RightPassesAndFalsifiedIsFound(Case):
    def test_of_registers(self):
        client = versioned(deletes=0, blind=0.12)
        self.prove("register", mutations.VERSIONS, store(client))

    def test_of_keys_that_are_deleted_and_created_again(self):
        client = versioned(deletes=0.4, blind=0.12)
        self.prove("recreate", mutations.DELETES, store(client))

    def test_of_sets(self):
        self.prove("set", mutations_others.SETS, store(adding, begun=True))

    def test_of_counters(self):
        self.prove("counter", mutations_others.COUNTERS,
                   lambda seed, word, sloppy: Tally(seed, word, sloppy=sloppy).tell(run_s=RUN_S))

    def test_of_sessions(self):
        self.prove("session", mutations_others.SESSIONS, store(in_sessions, begun=True),
                   sloppy_every=SEEDS + 1)


if __name__ == "__main__":
    sys.argv = sys.argv[:1]
    nodes.cluster.main()
