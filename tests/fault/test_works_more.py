#!/usr/bin/python3
"""The checkers of transactions, of expiry and of the live feed find what they are there for: histories as a right
Shoal would make them pass, by the hundred and drawn at random, and each way of spoiling one is found under
its name."""
import random
import sys
import unittest

import works
from record import NOTHING, OK, TOLD, UNKNOWN, Record
from works import asking, bank, equality, expiry, feed

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


class Bank(Case):
    """Histories are made by carrying transactions out one after another, each at a moment between its being asked and
    answered."""

    word = "bank"
    ACCOUNTS = ["a", "b", "c", "d"]
    MONEY = 4000

    def make(self, chosen, count=60):
        self.story = story = Story()
        busy = [0.0] * 5
        plans = []
        for number in range(count):
            client = 0 if number == 0 else chosen.randrange(len(busy))
            start = busy[client] + chosen.random() * 0.1
            end = start + 0.001 + chosen.random()
            busy = [end] * len(busy) if number == 0 else busy[:client] + [end] + busy[client + 1:]
            kind = bank.SHARE if number == 0 else chosen.choice((bank.SHARE, bank.TRANSFER, bank.LOOK))
            fate = OK if number == 0 else chosen.choices((OK, NOTHING, UNKNOWN), (16, 2, 2))[0]
            plans.append((chosen.uniform(start, end), client, kind, start, end, fate))
        ops, held = [], {account: [None, None] for account in self.ACCOUNTS}
        for _, client, kind, start, end, fate in sorted(plans):
            ops.append(self.act(story, chosen, held, client, kind, start, end, fate))
        return sorted(ops, key=lambda op: op.start)

    def act(self, story, chosen, held, client, kind, start, end, fate):
        accounts = chosen.sample(self.ACCOUNTS, 2) if kind == bank.TRANSFER else self.ACCOUNTS
        found = {account: list(held[account]) for account in accounts}
        given = {}
        if kind == bank.SHARE:
            cuts = sorted(chosen.randrange(self.MONEY) for _ in accounts[1:])
            given["writes"] = dict(zip(accounts, [high - low for low, high in zip([0, *cuts], [*cuts, self.MONEY])]))
        if kind == bank.TRANSFER:
            amount = chosen.randrange(1, 300)
            given["writes"] = {accounts[0]: found[accounts[0]][0] - amount, accounts[1]: found[accounts[1]][0] + amount}
            given["found"] = found
        else:
            given["money"] = self.MONEY
        got = {"found": found} if fate == OK and kind != bank.TRANSFER else {}
        op = story.op("bank", client, kind, "a", start, None if fate == UNKNOWN else end, fate, got=got, **given)
        if fate == OK or (fate == UNKNOWN and chosen.random() < 0.5):
            held.update({account: [amount, op.number] for account, amount in given.get("writes", {}).items()})
        return op

    @staticmethod
    def done(ops, *kinds):
        return [op for op in ops if op.outcome == OK and op.kind in kinds]

    def test_what_one_order_explains_passes(self):
        for seed in range(HISTORIES):
            self.passes(self.make(random.Random(seed)))

    def test_what_is_found_long_after_it_was_overwritten(self):
        def change(ops, chosen):
            late = self.done(ops, bank.LOOK)[-1]
            early = [op for op in self.done(ops, bank.LOOK) if op["found"] != late["found"] and op.before(late) and
                     any(share.outcome == OK and op.before(share) and share.before(late)
                         for share in self.done(ops, bank.SHARE))]
            if early:
                late.got["found"] = early[0]["found"]
            return bool(early)
        self.spoil(self.make, change, "no order explains")

    def test_what_is_found_half(self):
        def change(ops, chosen):
            looks = self.done(ops, bank.LOOK)
            for look, other in zip(looks, looks[1:]):
                if all(look["found"][account][1] != other["found"][account][1] for account in "ab"):
                    other.got["found"] = {**other["found"], "a": look["found"]["a"]}
                    return True
            return False
        self.spoil(self.make, change, "no order explains", "money")

    def test_an_update_that_is_lost(self):
        def change(ops, chosen):
            transfers = self.done(ops, bank.TRANSFER)
            for one in transfers:
                for other in transfers:
                    both = set(one["writes"]) & set(other["writes"])
                    if one.number != other.number and both and one.before(other):
                        account = min(both)
                        other.given["found"] = {**other["found"], account: one["found"][account]}
                        return True
            return False
        self.spoil(self.make, change, "two overwrote the same version")

    def test_an_acknowledged_transaction_that_is_gone(self):
        def change(ops, chosen):
            share = self.done(ops, bank.SHARE)[-1]
            last = max(op.end for op in ops if op.outcome != UNKNOWN)
            ops.append(self.story.op("bank", 1, bank.LOOK, "a", last + 1, last + 2, got={"found": share["found"]},
                                     money=self.MONEY))
            return len(self.done(ops, bank.SHARE)) > 1
        self.spoil(self.make, change, "no order explains")

    def test_money_that_is_made(self):
        def change(ops, chosen):
            found = chosen.choice(self.done(ops, bank.LOOK))["found"]
            found["b"] = [found["b"][0] + 1, found["b"][1]]
            return True
        self.spoil(self.make, change, "money")
        self.spoil(self.make, change, "another amount")

    def test_what_was_refused_and_yet_found(self):
        def change(ops, chosen):
            refused = [op for op in ops if op.outcome == NOTHING and op["writes"] and "a" in op["writes"]]
            late = [op for op in self.done(ops, bank.LOOK) if refused and op.start > refused[0].end]
            if late:
                late[0]["found"]["a"] = [refused[0]["writes"]["a"], refused[0].number]
            return bool(late)
        self.spoil(self.make, change, "found what nobody wrote")

    def test_what_is_no_amount(self):
        def change(ops, chosen):
            chosen.choice(self.done(ops, bank.LOOK))["found"]["c"] = ["rubbish", -1]
            return True
        self.spoil(self.make, change, "found what nobody wrote")

    def test_half_of_one_that_nobody_was_answered(self):
        """One of unknown outcome that was carried out for one account and not for another."""
        def change(ops, chosen):
            for unknown in ops:
                if unknown.outcome != UNKNOWN or unknown.kind != bank.SHARE:
                    continue
                for op in self.done(ops, bank.LOOK):
                    if op["found"]["a"][1] == unknown.number == op["found"]["b"][1]:
                        for other in self.done(ops, bank.LOOK):
                            if other.before(unknown):
                                op["found"]["b"] = other["found"]["b"]
                                return True
            return False
        found = 0
        for seed in range(HISTORIES * 4):
            chosen = random.Random(seed)
            ops = self.make(chosen)
            if change(ops, chosen):
                found += 1
                self.assertTrue(self.rules(ops) & {"no order explains", "money"}, seed)
        self.assertGreater(found, 5)

    def test_an_exec_that_was_carried_out_in_part(self):
        def change(ops, chosen):
            chosen.choice(self.done(ops, bank.TRANSFER)).got["odd"] = ["('-', b'ERR')"]
            return True
        self.spoil(self.make, change, "in part")

    def test_a_transaction_that_answers_for_a_part_only(self):
        def change(ops, chosen):
            look = chosen.choice(self.done(ops, bank.LOOK))
            look.got.update(found={}, odd=bank._missing([], self.ACCOUNTS))
            return True
        self.spoil(self.make, change, "in part")
        self.assertEqual(bank._missing(["+OK", "+OK"], {"a": 1, "b": 2}), [])

    def test_only_a_node_alone_is_asked(self):
        made = works.make(("bank",))
        self.assertIsNone(made.refuse(ALONE))
        self.assertIsNotNone(made.refuse({"nodes": 3, "n": 3}))


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
