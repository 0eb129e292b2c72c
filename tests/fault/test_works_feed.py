#!/usr/bin/python3
"""The checkers of the live feed and of what nodes list: right histories pass, and each way of spoiling one is found
under its name."""
import random
import sys
import unittest

from record import NOTHING, OK, TOLD, UNKNOWN
from stories import CLUSTER, HISTORIES, Case, Story
from works import asking, equality, feed


class Feed(Case):
    """Histories of three nodes with two lanes each. Writers' puts are placed in the lanes in the order in which they
    are asked, others' events between them; readers hear each lane in its order."""

    word = "feed"
    facts = CLUSTER
    READERS = (11, 12)
    TAG = 7
    LANES = [(f"{number:016x}", lane) for number in range(3) for lane in range(2)]

    def make(self, chosen):
        self.story = story = Story()
        ops = [story.op("feed", 0, TOLD, feed.SETUP, 0.0, 0.0, got={"disks": False})]
        ops += [self.told(reader, 0.5, "heartbeat", begun=True) for reader in self.READERS]
        lanes = {lane: [] for lane in self.LANES}  # puts and None, others' events
        busy = [1.0, 1.0, 1.0]
        for _ in range(80):
            writer = busy.index(min(busy))
            start = busy[writer] + chosen.random() * 0.01
            busy[writer] = start + chosen.uniform(0.001, 0.02)
            fate = chosen.choices((OK, NOTHING, UNKNOWN), (16, 1, 1))[0]
            put = story.op("feed", writer, asking.PUT, f"feed/{chosen.randrange(4)}", start, busy[writer], fate)
            ops.append(put)
        for put in sorted(ops[1 + len(self.READERS):], key=lambda op: op.start):
            if put.outcome == OK or (put.outcome == UNKNOWN and chosen.random() < 0.5):
                lanes[chosen.choice(self.LANES)] += [None] * chosen.choice((0, 0, 3)) + [put]
        for reader in self.READERS:
            ops += self.heard(chosen, reader, lanes)
        return ops

    def told(self, reader, at, event, moved=(), number=None, key="", **given):
        return self.story.op("feed", reader, TOLD, key, at, at, event=event, number=number, moved=list(moved),
                             **{"gone": [], "begun": False, "prefix": "feed/", **given})

    def heard(self, chosen, reader, lanes):
        """All of the lanes, in any order of these."""
        left = {lane: list(puts) for lane, puts in lanes.items()}
        at = {lane: 100 for lane in lanes}
        ops = []
        while any(left.values()):
            lane = chosen.choice([lane for lane, puts in left.items() if puts])
            while left[lane][0] is None:
                left[lane].pop(0)
                at[lane] += 1
            put = left[lane].pop(0)
            ops.append(self.told(reader, 10 + len(ops) / 1000, "put", number=put.number, key=put.key,
                                 whose=f"node{int(lane[0], 16) + 1}",
                                 moved=[[*lane, self.TAG, at[lane] + 1, self.TAG, at[lane]]]))
            at[lane] += 1
        return ops

    def heard_by(self, ops, reader):
        return [op for op in ops if op.client == reader and op["number"] is not None]

    def acknowledged(self, ops):
        return {op.number for op in ops if op.kind == asking.PUT and op.outcome == OK}

    def skip(self, ops, chosen, gap=True):
        """One event of an acknowledged put is not told to the first reader, but a gap in its place: (that event, the
        gap), or nothing. Not `gap`: not even that."""
        event = chosen.choice(self.heard_by(ops, self.READERS[0]))
        if event["number"] not in self.acknowledged(ops):
            return None, None
        ops.remove(event)
        told = self.told(self.READERS[0], event.start, "gap", reason="trimmed", missed=1, whose=event["whose"],
                         moved=event["moved"])
        told.number = event.number
        if gap:
            ops.append(told)
        return event, told

    def test_what_was_told_passes(self):
        for seed in range(HISTORIES):
            self.passes(self.make(random.Random(seed)))

    def test_what_is_not_told(self):
        def change(ops, chosen):
            return self.skip(ops, chosen, gap=False)[0] is not None
        self.spoil(self.make, change, "skipped")

    def test_a_cursor_that_moves_too_far(self):
        def change(ops, chosen):
            chosen.choice(self.heard_by(ops, self.READERS[0]))["moved"][0][5] -= 1
            return True
        self.spoil(self.make, change, "passed over")

    def test_a_cursor_that_moves_without_an_event(self):
        def change(ops, chosen):
            event = chosen.choice(self.heard_by(ops, self.READERS[0]))
            event.given.update(event="heartbeat", number=None)
            event.key = ""
            return True
        self.spoil(self.make, change, "passed over")

    def test_the_last_of_a_lane_that_is_not_told(self):
        def change(ops, chosen):
            event = self.heard_by(ops, self.READERS[0])[-1]
            ops.remove(event)
            return event["number"] in self.acknowledged(ops)
        self.spoil(self.make, change, "skipped")

    def test_what_nobody_is_told(self):
        def change(ops, chosen):
            number = self.heard_by(ops, self.READERS[0])[-1]["number"]
            for op in [op for op in ops if op["number"] == number]:
                ops.remove(op)
            return number in self.acknowledged(ops)
        self.spoil(self.make, change, "skipped")

    def test_what_a_gap_covers_is_no_loss(self):
        for seed in range(HISTORIES):
            chosen = random.Random(seed)
            ops = self.make(chosen)
            for reason in ("trimmed", "lost"):
                _, gap = self.skip(ops, chosen)
                if gap is not None:
                    gap.given["reason"] = reason
            self.passes(ops)

    def test_a_gap_of_another_node_or_kind_covers_nothing(self):
        def other_node(ops, chosen):
            event, gap = self.skip(ops, chosen, gap=False)
            if gap is not None:
                other = next(lane for lane in self.LANES if lane[0] != gap["moved"][0][0])
                gap.given.update(reason="lost", whose="another", moved=[[*other, 8, 5, 9, 0]])
                ops.append(gap)
            return gap is not None

        def other_kind(ops, chosen):
            _, gap = self.skip(ops, chosen)
            if gap is not None:
                gap.given["reason"] = chosen.choice(("crashed", "away"))
            return gap is not None
        self.spoil(self.make, other_node, "skipped")
        self.spoil(self.make, other_kind, "skipped")

    def test_a_crash_excuses_what_a_failed_disk_has_not_kept(self):
        def make(chosen):
            ops = self.make(chosen)
            ops[0].got["disks"] = True
            return ops
        for seed in range(HISTORIES):
            chosen = random.Random(seed)
            ops = make(chosen)
            _, gap = self.skip(ops, chosen)
            if gap is not None:
                gap.given["reason"] = "crashed"
            self.passes(ops)

    def test_a_gap_that_names_another_number(self):
        def change(ops, chosen):
            _, gap = self.skip(ops, chosen)
            if gap is not None:
                gap.given["missed"] += 1
            return gap is not None
        self.spoil(self.make, change, "passed over")

    def test_two_that_change_places_for_one_reader(self):
        def change(ops, chosen):
            by_lane = {}
            for event in self.heard_by(ops, self.READERS[0]):
                lane = tuple(event["moved"][0][:2])
                if lane in by_lane:
                    other = by_lane[lane]
                    one, two = (event["number"], event.key), (other["number"], other.key)
                    event.given["number"], event.key = two
                    other.given["number"], other.key = one
                    return True
                by_lane[lane] = event
            return False
        self.spoil(self.make, change, "differ")

    def test_two_that_change_places_for_all(self):
        def change(ops, chosen):
            puts = {op.number: op for op in ops if op.kind == asking.PUT}
            lanes = {}
            for event in self.heard_by(ops, self.READERS[0]):
                lanes.setdefault(tuple(event["moved"][0][:2]), []).append(event["number"])
            for numbers in lanes.values():
                one, two = puts[numbers[0]], puts[numbers[-1]]
                if one.before(two):
                    for event in ops:
                        if event.kind == TOLD and event["number"] in (one.number, two.number):
                            swapped = two if event["number"] == one.number else one
                            event.given["number"], event.key = swapped.number, swapped.key
                    return True
            return False
        self.spoil(self.make, change, "order")

    def test_what_nobody_wrote(self):
        def change(ops, chosen):
            refused = [op for op in ops if op.kind == asking.PUT and op.outcome == NOTHING]
            event = self.heard_by(ops, self.READERS[1])[0]
            event.given["number"], event.key = (refused[0].number, refused[0].key) if refused else (None, event.key)
            return True
        self.spoil(self.make, change, "made up")

    def test_what_moves_two_lanes_or_takes_one_away(self):
        def two(ops, chosen):
            one, other = self.heard_by(ops, self.READERS[0])[:2]
            ops.remove(other)
            one.given["moved"] = one["moved"] + other["moved"]
            return one["moved"][0][:2] != one["moved"][1][:2]

        def away(ops, chosen):
            chosen.choice(self.heard_by(ops, self.READERS[0])).given["gone"] = [["0" * 16, 1]]
            return True
        self.spoil(self.make, two, "passed over")
        self.spoil(self.make, away, "passed over")

    def test_who_began_to_read_later_need_not_be_told(self):
        for seed in range(HISTORIES):
            ops = self.make(random.Random(seed))
            begun = ops[1]
            begun.start = begun.end = 100.0
            self.passes([op for op in ops if op.client != self.READERS[0] or op is begun])


class Lists(unittest.TestCase):
    def test_nodes_that_list_the_same_are_equal(self):
        self.assertEqual(equality.differences({}), "")
        self.assertEqual(equality.differences({"node1": {b"a": b"1"}, "node2": {b"a": b"1"}}), "")

    def test_a_key_or_a_value_that_one_has_not_is_named(self):
        whole = {b"a": b"1", b"b": b"2"}
        for other in ({b"a": b"1"}, {**whole, b"c": b"3"}, {**whole, b"b": b"3"}):
            said = equality.differences({"node1": whole, "node2": whole, "node3": other})
            self.assertIn("node1 and node3 differ in 1 keys", said)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[1:]])
