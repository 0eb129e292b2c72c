"""Histories told by hand, for tests of what checks them: a record whose times are given, and the two questions that
every checker is asked. Does what a right Shoal could have done pass, and is each way of spoiling it found?"""
import random
import unittest

import works
from record import OK, Record

HISTORIES = 30
ALONE = {"nodes": 1, "n": 1, "r": 1, "w": 1}
CLUSTER = {"nodes": 3, "n": 3, "r": 2, "w": 2}


class Story(Record):
    """A run whose times are given."""

    def __init__(self):
        super().__init__({})
        self.time = 0.0

    def now(self):
        return self.time

    def op(self, work, client, kind, key, start, end, outcome=OK, node="node1", got=None, **given):
        """`end` None: nobody answered."""
        self.time = start
        op = self.begin(work, client, node, kind, key, **given)
        if end is not None:
            self.time = end
            op.conclude(outcome, **(got or {}))
        return op


class Case(unittest.TestCase):
    word = ""
    facts = ALONE

    def rules(self, ops):
        return {problem.rule for problem in works.KINDS[self.word].check(ops, self.facts)}

    def passes(self, ops):
        found = list(works.KINDS[self.word].check(ops, self.facts))
        self.assertEqual(found, [])

    def spoil(self, make, change, *rules):
        """Each history that `change` can spoil (it says so) is found wrong, under one of the rules."""
        spoilt = 0
        for seed in range(HISTORIES):
            chosen = random.Random(seed)
            ops = make(chosen)
            if change(ops, chosen):
                spoilt += 1
                self.assertTrue(self.rules(ops) & set(rules), f"seed {seed}: {self.rules(ops)}")
        self.assertGreater(spoilt, HISTORIES // 4, "hardly any history could be spoilt so")
