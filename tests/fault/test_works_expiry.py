#!/usr/bin/python3
"""The checker of expiry: right histories pass, and each way of spoiling one is found under its name."""
import random
import sys
import unittest

import works
from record import NOTHING, OK, TOLD
from stories import ALONE, CLUSTER, HISTORIES, Case, Story
from works import asking, expiry


class Expiry(Case):
    """Histories of one key in a cluster whose clocks are wrong by up to a second: each value is hidden when the clock
    of the node that answers says so, as far as it may."""

    word = "expiry"
    facts = CLUSTER
    WRONG_S = 1.0

    def make(self, chosen):
        self.story = story = Story()
        self.clocks = [round(chosen.uniform(-self.WRONG_S, self.WRONG_S), 3) for _ in range(3)]
        ops = [story.op("expiry", 0, TOLD, expiry.CLOCKS, 0.0, 0.0,
                        got={"least": min(self.clocks), "most": max(self.clocks)})]
        time, holds = 1.0, None  # holds: (put, expiry by its coordinator's clock)
        for _ in range(60):
            time += chosen.uniform(0.05, 0.5)
            took = chosen.uniform(0.001, 0.05)
            if chosen.random() < 0.3:
                put, kept = self.put(chosen, time, took)
                holds = (put, kept) if put.outcome == OK else holds
            else:
                put = self.read(chosen, time, took, holds)
            ops.append(put)
            time += took
        for clock in range(3):
            ops.append(self.read(chosen, time + 20, 0.01, holds, clock=clock, final=True))
        return ops

    def put(self, chosen, start, took):
        life = chosen.uniform(0.3, 3)
        given = chosen.choice(({}, {"ttl": life}, {"until": start + life}))
        fate = chosen.choices((OK, NOTHING), (9, 1))[0]
        put = self.story.op("expiry", 1, asking.PUT, "key", start, start + took, fate,
                            got={"owners": 3, "fallbacks": 0}, **given)
        kept = given.get("until")
        if "ttl" in given:
            kept = start + took / 2 + chosen.choice(self.clocks) + given["ttl"]
        return put, kept

    def read(self, chosen, start, took, holds, clock=None, **given):
        clock = chosen.randrange(3) if clock is None else clock
        shown = holds is not None and (
            holds[1] is None or start + took / 2 + self.clocks[clock] - expiry.SKEW_S <= holds[1])
        got = {"values": [[holds[0].number]] if shown else [], "expiries": [holds[1]] if shown else [],
               "damaged": [], "owners": 2}
        return self.story.op("expiry", 2, asking.READ, "key", start, start + took, got=got, **given)

    @staticmethod
    def hide(read):
        read.got.update(values=[], expiries=[])

    def reads_of(self, ops, *kinds):
        """(read, put that it shows) of values of these kinds."""
        puts = {op.number: op for op in ops if op.kind == asking.PUT}
        for op in ops:
            if op.kind == asking.READ and op["values"]:
                put = puts[op["values"][0][0]]
                if any(put[kind] is not None for kind in kinds) or not kinds:
                    yield op, put

    def test_what_goes_in_its_time_passes(self):
        for seed in range(HISTORIES):
            self.passes(self.make(random.Random(seed)))

    def test_what_is_hidden_early(self):
        def change(ops, chosen):
            spread = max(self.clocks) - min(self.clocks)
            for read, put in self.reads_of(ops, "ttl"):
                if read.end < put.start + put["ttl"] + expiry.SKEW_S - spread - 0.1:
                    self.hide(read)
                    return True
            return False
        self.spoil(self.make, change, "hidden early")

    def test_what_is_hidden_before_its_time(self):
        def change(ops, chosen):
            for read, put in self.reads_of(ops, "until"):
                if read.end < put["until"] + expiry.SKEW_S - max(self.clocks) - 0.1:
                    self.hide(read)
                    return True
            return False
        self.spoil(self.make, change, "hidden early")

    def test_what_goes_by_the_expiry_of_what_it_has_replaced(self):
        def change(ops, chosen):
            for read, put in self.reads_of(ops):
                if put["ttl"] is None and put["until"] is None:
                    self.hide(read)
                    return True
            return False
        self.spoil(self.make, change, "lost")

    def test_what_is_shown_late(self):
        def change(ops, chosen):
            puts = [op for op in ops if op.kind == asking.PUT and op.outcome == OK]
            last = puts[-1]
            if last["until"] is None:
                return False
            ops[-1].got.update(values=[[last.number]], expiries=[last["until"]])
            return True
        self.spoil(self.make, change, "shown late")

    def test_what_is_shown_although_it_was_overwritten(self):
        def change(ops, chosen):
            puts = [op for op in ops if op.kind == asking.PUT and op.outcome == OK and not op["ttl"]]
            for read, put in self.reads_of(ops):
                old = [one for one in puts if one.before(put)]
                if old:
                    read.got.update(values=[[old[-1].number]], expiries=[old[-1]["until"]])
                    return True
            return False
        self.spoil(self.make, change, "overwritten")

    def test_another_expiry_than_was_asked_for(self):
        def change(ops, chosen):
            found = [read for read, _ in self.reads_of(ops, "ttl", "until")]
            for read in found[:1]:
                read.got["expiries"] = [chosen.choice((None, read["expiries"][0] - 3, read["expiries"][0] + 3))]
            return bool(found)
        self.spoil(self.make, change, "another expiry")

    def test_what_nobody_wrote(self):
        def change(ops, chosen):
            refused = [op.number for op in ops if op.kind == asking.PUT and op.outcome == NOTHING]
            read, _ = next(self.reads_of(ops), (None, None))
            if read is not None:
                read.got["values"] = [[chosen.choice([99999] + refused)]]
            return read is not None
        self.spoil(self.make, change, "made up")

    def test_a_clock_that_is_far_ahead_excuses_what_it_hides(self):
        """Nothing is promised then, and nothing is found wrong."""
        for seed in range(HISTORIES):
            chosen = random.Random(seed)
            ops = self.make(chosen)
            ops[0].got["most"] = 60.0
            for read, put in self.reads_of(ops, "ttl", "until"):
                self.hide(read)
            self.passes(ops)

    def test_a_few_milliseconds_early_is_early_where_all_clocks_are_right(self):
        """With `within` as much after what is promised nothing is wrong: the two clocks may differ by that."""
        within = expiry.STEADY_S
        for facts, skew in ((ALONE, 0.0), (CLUSTER, expiry.SKEW_S)):
            for given in ({"ttl": 1.0}, {"until": 2.0}):
                for early, rules in ((within + 0.001, ["hidden early"]), (within - 0.001, [])):
                    story = Story()
                    put = story.op("expiry", 1, asking.PUT, "key", 1.0, 1.01, got={"owners": 2, "fallbacks": 0}, **given)
                    at = 2.0 + skew - early
                    hidden = {"values": [], "expiries": [], "damaged": [], "owners": 2}
                    read = story.op("expiry", 2, asking.READ, "key", at - 0.002, at, got=hidden)
                    with self.subTest(facts=facts, given=given, early=early):
                        found = works.KINDS["expiry"].check([put, read], facts)
                        self.assertEqual([one.rule for one in found], rules)

    def test_a_node_alone_is_exact(self):
        story = Story()
        put = story.op("expiry", 1, asking.PUT, "key", 1.0, 1.01, ttl=1.0, got={"owners": 1, "fallbacks": 0})
        shown = {"values": [[put.number]], "expiries": [2.005], "damaged": [], "owners": 1}
        hidden = {"values": [], "expiries": [], "damaged": [], "owners": 1}
        ops = [put]
        for at, got in ((1.5, shown), (1.9, hidden), (2.3, hidden), (3.4, shown)):
            ops.append(story.op("expiry", 2, asking.READ, "key", at, at + 0.01, got=got))
        found = list(works.KINDS["expiry"].check(ops, ALONE))
        self.assertEqual([(one.rule, f"#{op.number} " in one.text) for one, op in zip(found, (ops[2], ops[4]))],
                         [("hidden early", True), ("shown late", True)])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[1:]])
